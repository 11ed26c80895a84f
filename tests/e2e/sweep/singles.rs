//! One fault in each run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use root_objects::sidecar_dir::{StoredSidecar, read_sidecar};
use sidecar::Limits;
use tokio::task::JoinSet;

use super::evidence::Evidence;
use super::faults::{Fault, Strike};
use super::invariants::violations;
use super::report::say;
use super::script::Script;
use super::world::{Ending, World, Writer};
use crate::support::Store;

/// Runs under way at the same time: a few more than cores, since a run waits for the disk now and then.
const AT_ONCE: usize = 4;

/// Tries to reach a request. How many reads there are differs by one or two with what is in Lance's caches by then, and which of
/// the requests that go together were carried out before a crash differs too.
const REACHES_MAX: usize = 5;

/// Of so many scripts, one may have a strike that is not reached in all tries.
const SCRIPTS_PER_MISS: usize = 50;

/// What came of scripts that were played.
#[derive(Debug, Default)]
pub struct Played {
    /// What could have been struck in the last execution of each, by its name.
    pub censuses: Vec<(String, BTreeMap<Fault, usize>)>,
    /// Strikes that were not reached, and need not be.
    pub missed: Vec<String>,
}

/// Plays every script, and fails if one breaks an invariant or has a strike that was never reached.
pub async fn play_all(world: &Arc<World>, scripts: Vec<(String, Script)>) -> Played {
    let mut played = Played::default();
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
        let (name, ended) = ended.unwrap();
        wrong.extend(
            ended
                .wrong
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
        let missed = ended.missed.into_iter();
        played
            .missed
            .extend(missed.map(|strike| format!("{name}: {strike}")));
        played.censuses.push((name, ended.census));
    }
    assert!(
        wrong.is_empty(),
        "{} violations in {}:\n{}",
        wrong.len(),
        world.name(),
        wrong[..wrong.len().min(40)].join("\n")
    );
    let missed_max = 1 + played.censuses.len() / SCRIPTS_PER_MISS;
    assert!(
        played.missed.len() <= missed_max,
        "{} strikes were not reached in {}, {missed_max} may be:\n{}",
        played.missed.len(),
        world.name(),
        played.missed.join("\n")
    );
    played
}

/// What came of one script.
struct Ended {
    wrong: Vec<String>,
    missed: Vec<String>,
    census: BTreeMap<Fault, usize>,
}

async fn play(world: &World, script: &Script) -> Ended {
    let mut tries = 1;
    loop {
        let evidence = Evidence::of(world, script.clone()).await;
        let violations = violations(world, &evidence).into_iter();
        let mut wrong: Vec<String> = violations.map(|(_, what)| what).collect();
        if wrong.is_empty() && !evidence.missed.is_empty() && tries < REACHES_MAX {
            tries += 1;
            continue;
        }
        let (mut missed, mut unreached) = (Vec::new(), Vec::new());
        for miss in evidence.missed {
            if miss.may_be {
                missed.push(miss.strike);
            } else {
                unreached.push(format!("{} was never reached", miss.strike));
            }
        }
        wrong.append(&mut unreached);
        return Ended {
            wrong,
            missed,
            census: evidence.census,
        };
    }
}

/// Every request that one of these faults can strike.
pub fn singles(world: &World, faults: &[Fault], writer: Option<Writer>) -> Vec<(String, Script)> {
    let census = &world.clean().unwrap().census;
    let mut scripts = Vec::new();
    for fault in faults {
        let requests = census.get(fault).copied().unwrap_or_default();
        // An operation that commits nothing reads nothing that it wrote.
        let may_be_none = *fault == Fault::ReadStale && !world.ending.commits();
        assert!(
            requests > 0 || may_be_none,
            "{fault:?} strikes nothing in {}",
            world.name()
        );
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
    sweep_each(1, ending, drifted, faults, writers).await;
}

/// Strikes the first request, and from there each that is `apart` from the one struck before: of all faults beside all writers, as
/// one row.
async fn sweep_each(
    apart: usize,
    ending: Ending,
    drifted: usize,
    faults: &[Fault],
    writers: &[Option<Writer>],
) {
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
    let (mut runs, mut missed) = (0, Vec::new());
    let mut place: usize = 0;
    for writer in writers {
        let mut scripts = singles(&world, faults, *writer);
        scripts.retain(|_| {
            let is_struck = place.is_multiple_of(apart);
            place += 1;
            is_struck
        });
        assert!(!scripts.is_empty(), "{writer:?} comes to no request");
        let played = play_all(&world, scripts).await;
        runs += played.censuses.len();
        missed.extend(played.missed);
    }
    let beside: Vec<String> = writers
        .iter()
        .flatten()
        .map(|writer| format!(" beside {writer:?}"))
        .collect();
    say(&format!(
        "{}, {faults:?}{}: {counted}; {runs} runs, {} not reached, {:.0?}",
        world.name(),
        beside.concat(),
        missed.len(),
        started.elapsed()
    ));
}

/// What `make test-long` adds.
pub fn is_long() -> bool {
    std::env::var_os("SIDECAR_LONG").is_some()
}

/// Beside writers each so-many-th failing read is struck, where `make test-long` strikes all 342: about 50 runs, five seconds.
const FAILED_READS_APART: usize = 7;

const WRITERS: [Option<Writer>; 3] = [Some(Writer::Other), Some(Writer::Same), Some(Writer::Raw)];

#[tokio::test(flavor = "multi_thread")]
async fn every_mutating_request_of_a_recovery_of_one_table_is_struck() {
    for ending in Ending::RECOVERIES {
        sweep(ending, 1, &Fault::MUTATING, &[None]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutating_request_of_a_recovery_of_three_tables_is_struck() {
    for ending in Ending::RECOVERIES {
        sweep(ending, 3, &Fault::MUTATING, &[None]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_of_a_recovery_is_struck() {
    for ending in Ending::RECOVERIES {
        sweep(ending, 1, &Fault::READING, &[None]).await;
        if is_long() {
            sweep(ending, 3, &Fault::READING, &[None]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_at_every_mutating_request_loses_nothing() {
    for ending in [Ending::Forward, Ending::Back] {
        sweep(ending, 1, &[Fault::Nothing], &WRITERS).await;
        if ending == Ending::Back {
            sweep(ending, 1, &[Fault::CrashAfter], &[Some(Writer::Raw)]).await;
        }
        if is_long() {
            sweep(ending, 1, &Fault::MUTATING, &WRITERS).await;
            sweep(ending, 3, &Fault::MUTATING, &WRITERS).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_at_every_mutating_request_of_a_clean_up_loses_nothing() {
    for ending in [Ending::Published, Ending::NeverStarted] {
        sweep(ending, 1, &[Fault::Nothing], &WRITERS).await;
        if is_long() {
            sweep(ending, 1, &Fault::MUTATING, &WRITERS).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_at_a_read_that_fails_loses_nothing() {
    let apart = if is_long() { 1 } else { FAILED_READS_APART };
    for ending in [Ending::Forward, Ending::Back] {
        sweep_each(apart, ending, 1, &Fault::READING, &WRITERS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutating_request_of_what_follows_a_recovery_is_struck() {
    for ending in Ending::FOLLOW_UPS {
        sweep(ending, 1, &Fault::MUTATING, &[None]).await;
        // Steps on several tables are carried out at the same time.
        let faults: &[Fault] = match ending {
            Ending::UndoBack => &Fault::MUTATING,
            _ if is_long() => &Fault::MUTATING,
            Ending::UndoForward | Ending::Release => &[Fault::CrashBefore, Fault::CrashAfter],
            _ => continue,
        };
        sweep(ending, 3, faults, &[None]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_of_what_follows_a_recovery_is_struck() {
    for ending in Ending::FOLLOW_UPS {
        sweep(ending, 1, &Fault::READING, &[None]).await;
        if is_long() {
            sweep(ending, 3, &Fault::READING, &[None]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_at_every_mutating_request_of_an_undo_loses_nothing() {
    let others = [Writer::Other, Writer::Raw].map(Some);
    for ending in [Ending::UndoForward, Ending::UndoBack] {
        sweep(ending, 1, &[Fault::Nothing], &others).await;
        if is_long() {
            sweep(ending, 1, &Fault::MUTATING, &WRITERS).await;
            sweep(ending, 1, &Fault::READING, &WRITERS).await;
        }
    }
    if is_long() {
        for ending in [Ending::UndoUndo, Ending::Release, Ending::Dismissal] {
            sweep(ending, 1, &[Fault::Nothing], &WRITERS).await;
            sweep(ending, 1, &Fault::MUTATING, &WRITERS).await;
        }
    }
}

/// Strikes that would do nothing are no sweep.
#[tokio::test(flavor = "multi_thread")]
async fn a_strike_beyond_the_last_request_fails_the_sweep() {
    let world = World::new(Ending::Dismissal, 1).await;
    let census = &world.clean().unwrap().census;
    for (fault, beyond) in [(Fault::CrashBefore, 1), (Fault::ReadError, 10)] {
        let at = census[&fault] + beyond;
        let ended = play(&world, &Script::struck(&[(fault, at, None)])).await;
        assert_eq!(
            ended.wrong,
            [format!("{fault:?} at {at} was never reached")]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_is_cut_short_on_its_way_is_not_read() {
    let store = Store::with_tables(&["node:T0"]).await;
    let file = store.crashed_write(&["node:T0"], 1).await.file_name();
    let read = async |strike: Arc<Strike>| {
        let opened = store.open_behind(strike).await;
        read_sidecar(opened.root.objects(), &file, &Limits::DEFAULT).await
    };
    let calm = Strike::none();
    assert!(matches!(
        read(calm.clone()).await,
        Ok(StoredSidecar::Bytes(_))
    ));
    let last = calm.census()[&Fault::ReadTruncated];
    let cut_short = read(Strike::new(Fault::ReadTruncated, last, None)).await;
    assert!(cut_short.is_err(), "{cut_short:?}");
}
