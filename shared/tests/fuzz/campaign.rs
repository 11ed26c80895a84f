//! Runs a target over its corpus and what mutations make of it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::corpus;
use crate::dice::Dice;

/// How far an input came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reached {
    /// Whether it was taken for what the target reads.
    pub(crate) past: bool,
    /// What became of it. Inputs that come to something new are mutated further, as a fuzzer with coverage does.
    pub(crate) what: String,
}

impl Reached {
    /// Refused; numbers and quoted text in the reason are no news.
    pub(crate) fn refused(reason: &str) -> Self {
        Self {
            past: false,
            what: plain(reason),
        }
    }

    pub(crate) fn taken(what: impl Into<String>) -> Self {
        Self {
            past: true,
            what: what.into(),
        }
    }
}

pub(crate) fn plain(reason: &str) -> String {
    let outside_quotes = reason.split(['"', '`']).step_by(2);
    let letters =
        outside_quotes.flat_map(|part| part.chars().filter(|char| !char.is_ascii_digit()));
    letters.take(80).collect()
}

pub(crate) struct Campaign {
    pub(crate) name: &'static str,
    /// Checks its properties on any bytes whatever.
    pub(crate) target: fn(&[u8]) -> Reached,
    /// Makes another input of one, knowing its format; the second is one to take parts from.
    pub(crate) mutate: fn(&[u8], &[u8], &mut Dice) -> Vec<u8>,
    /// Inputs in `make test`.
    pub(crate) inputs: usize,
    /// Percent of them that have to be taken, or the target is not tested at all.
    pub(crate) share_min: usize,
}

const POOL_MAX: usize = 400;
const LONG_FACTOR: usize = 25;
const SEED: u64 = 1_795_332_160_170_908;

impl Campaign {
    /// Runs until the inputs are used up; the number of inputs, not of seconds, so that a seed always means the same run.
    pub(crate) fn run(&self) {
        let seed = std::env::var("SIDECAR_FUZZ_SEED").map_or(SEED, |text| text.parse().unwrap());
        let long = std::env::var_os("SIDECAR_LONG").is_some();
        let inputs = self.inputs * if long { LONG_FACTOR } else { 1 };
        let mut dice = Dice::new(seed);
        let mut news = BTreeSet::new();
        // Inputs that were taken are mutated more often than refused ones: there are many more ways to be refused.
        let (mut taken, mut refused): (Vec<Vec<u8>>, Vec<Vec<u8>>) = Default::default();
        for (name, bytes) in corpus::of(self.name) {
            let reached = self.check(&bytes, &format!("corpus file {name}"));
            if reached.past {
                &mut taken
            } else {
                &mut refused
            }
            .push(bytes);
            news.insert(reached);
        }
        assert!(
            !taken.is_empty(),
            "nothing in the corpus of {} is taken",
            self.name
        );
        let kept = taken.len() + refused.len();
        let mut past = 0;
        for count in 0..inputs {
            let pool = if refused.is_empty() || !dice.one_in(5) {
                &taken
            } else {
                &refused
            };
            let (origin, other) = (dice.pick(pool), dice.pick(&taken));
            let bytes = (self.mutate)(origin, other, &mut dice);
            let reached = self.check(&bytes, &format!("input {count} of seed {seed}"));
            past += usize::from(reached.past);
            let pool = if reached.past {
                &mut taken
            } else {
                &mut refused
            };
            if news.insert(reached) && pool.len() < POOL_MAX {
                pool.push(bytes);
            }
        }
        println!(
            "{}: {kept} files, {inputs} inputs, {past} taken ({} %), {} different ends, seed {seed}",
            self.name,
            past * 100 / inputs,
            news.len()
        );
        assert!(
            past * 100 >= inputs * self.share_min,
            "{}: only {past} of {inputs} inputs were taken: what lies behind the parser is not tested",
            self.name
        );
    }

    fn check(&self, bytes: &[u8], what: &str) -> Reached {
        catch_unwind(AssertUnwindSafe(|| (self.target)(bytes))).unwrap_or_else(|_| {
            let shown: String = String::from_utf8_lossy(bytes).chars().take(2_000).collect();
            panic!(
                "{}, {what}, breaks a property; {}\n{shown}",
                self.name,
                corpus::save(self.name, bytes)
            )
        })
    }
}
