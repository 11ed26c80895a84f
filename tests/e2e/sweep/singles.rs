//! One fault in each run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::evidence::Evidence;
use super::faults::Fault;
use super::invariants::violations;
use super::script::Script;
use super::world::{Ending, World, Writer};

/// Runs under way at the same time: a few more than cores, since a run waits for the disk now and then.
const AT_ONCE: usize = 4;

/// Tries to reach a request. How many reads there are differs by one or two with what is in Lance's caches by then.
const REACHES_MAX: usize = 3;

/// What could have been struck in the last execution of a script that was played, by the script's name.
pub type Played = Vec<(String, BTreeMap<Fault, usize>)>;

/// Plays every script, and fails if one breaks an invariant or has a strike that was never reached.
pub async fn play_all(world: &Arc<World>, scripts: Vec<(String, Script)>) -> Played {
    let mut played = Played::new();
    let mut wrong = Vec::new();
    let mut scripts = scripts.into_iter();
    let mut playing = JoinSet::new();
    loop {
        while playing.len() < AT_ONCE
            && let Some((name, script)) = scripts.next()
        {
            let world = world.clone();
            playing.spawn(async move { (name, play(&world, &script).await) });
        }
        let Some(ended) = playing.join_next().await else {
            break;
        };
        let (name, (found, census)) = ended.unwrap();
        wrong.extend(found.into_iter().map(|what| format!("{name}: {what}")));
        played.push((name, census));
    }
    assert!(
        wrong.is_empty(),
        "{} violations in {}:\n{}",
        wrong.len(),
        world.name(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    played
}

async fn play(world: &World, script: &Script) -> (Vec<String>, BTreeMap<Fault, usize>) {
    let mut tries = 1;
    loop {
        let evidence = Evidence::of(world, script.clone()).await;
        let mut wrong: Vec<String> = violations(world, &evidence)
            .into_iter()
            .map(|(_, what)| what)
            .collect();
        if wrong.is_empty() && !evidence.unreached.is_empty() && tries < REACHES_MAX {
            tries += 1;
            continue;
        }
        let unreached = evidence.unreached.iter();
        wrong.extend(unreached.map(|strike| format!("{strike} was never reached")));
        return (wrong, evidence.census);
    }
}

/// Every request that one of these faults can strike.
pub fn singles(world: &World, faults: &[Fault], writer: Option<Writer>) -> Vec<(String, Script)> {
    let census = &world.clean().unwrap().census;
    let mut scripts = Vec::new();
    for fault in faults {
        let requests = census.get(fault).copied().unwrap_or_default();
        for at in 1..=requests {
            let name = match writer {
                Some(writer) => format!("{fault:?} at {at} of {requests}, {writer:?} writer"),
                None => format!("{fault:?} at {at} of {requests}"),
            };
            scripts.push((name, Script::struck(&[(*fault, at, writer)])));
        }
    }
    scripts
}

async fn sweep(ending: Ending, drifted: usize, faults: &[Fault], writers: &[Option<Writer>]) {
    let started = Instant::now();
    let world = World::new(ending, drifted).await;
    let clean = world.clean().unwrap();
    let wrong = violations(&world, clean);
    assert!(wrong.is_empty(), "{}: {wrong:?}", world.name());
    let count = |is_ours: bool, is_mutation: bool| {
        let sent = clean.last().sent.iter();
        sent.filter(|request| request.path.starts_with("__recovery") == is_ours)
            .filter(|request| request.verb.is_mutation() == is_mutation)
            .count()
    };
    let counted = format!(
        "{} reads and {} mutations of our objects, {} and {} of Lance's",
        count(true, false),
        count(true, true),
        count(false, false),
        count(false, true)
    );
    let mut runs = 0;
    for writer in writers {
        runs += play_all(&world, singles(&world, faults, *writer))
            .await
            .len();
    }
    say(&format!(
        "{}: {counted}; {runs} runs in {:.0?}",
        world.name(),
        started.elapsed()
    ));
}

/// Prints what a sweep did; `cargo test -- --nocapture` shows it.
#[expect(
    clippy::print_stdout,
    reason = "how many runs there were is part of the result"
)]
pub fn say(what: &str) {
    println!("sweep: {what}");
}

/// What `make test-long` adds.
pub fn is_long() -> bool {
    std::env::var_os("SIDECAR_LONG").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutating_request_of_a_recovery_of_one_table_is_struck() {
    for ending in Ending::ALL {
        sweep(ending, 1, &Fault::MUTATING, &[None]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutating_request_of_a_recovery_of_three_tables_is_struck() {
    for ending in Ending::ALL {
        sweep(ending, 3, &Fault::MUTATING, &[None]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_of_a_recovery_is_struck() {
    for ending in Ending::ALL {
        sweep(ending, 1, &Fault::READING, &[None]).await;
        if is_long() {
            sweep(ending, 3, &Fault::READING, &[None]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_at_every_mutating_request_loses_nothing() {
    let writers = [Writer::Other, Writer::Same, Writer::Raw].map(Some);
    for ending in [Ending::Forward, Ending::Back] {
        sweep(ending, 1, &[Fault::Nothing], &writers).await;
        if ending == Ending::Back {
            sweep(ending, 1, &[Fault::CrashAfter], &[Some(Writer::Raw)]).await;
        }
        if is_long() {
            sweep(ending, 1, &Fault::MUTATING, &writers).await;
            sweep(ending, 3, &Fault::MUTATING, &writers).await;
        }
    }
}
