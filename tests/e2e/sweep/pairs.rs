//! A crash in the recovery of a crash: every pair of requests.

use std::time::Instant;

use super::faults::Fault;
use super::report::say;
use super::script::Script;
use super::singles::{is_long, play_all, singles};
use super::world::{Ending, World};

async fn sweep(ending: Ending, drifted: usize, first: Fault, second: Fault) {
    let started = Instant::now();
    let world = World::new(ending, drifted).await;
    // How many requests are left after the first crash is what one undisturbed execution after it sends.
    let once = play_all(&world, singles(&world, &[first], None)).await;
    // A lost answer is mostly settled by the execution that lost it, and nothing is left for another.
    let stops = matches!(first, Fault::CrashBefore | Fault::CrashAfter);
    let mut twice = Vec::new();
    for (name, census) in &once.censuses {
        let at: usize = name.split(' ').nth(2).unwrap().parse().unwrap();
        let left = census.get(&second).copied().unwrap_or_default();
        assert!(
            left > 0 || !stops || at + 2 > once.censuses.len(),
            "{name}: nothing was left to do"
        );
        twice.extend((1..=left).map(|again| {
            let script = Script::struck(&[(first, at, None), (second, again, None)]);
            (
                format!("{name}, then {second:?} at {again} of {left}"),
                script,
            )
        }));
    }
    let twice = play_all(&world, twice).await;
    say(&format!(
        "{}, {first:?} and {second:?}: {} runs, {} not reached, {:.0?}",
        world.name(),
        once.censuses.len() + twice.censuses.len(),
        once.missed.len() + twice.missed.len(),
        started.elapsed()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_recovery_of_a_crash_is_survived() {
    for ending in Ending::RECOVERIES {
        sweep(ending, 1, Fault::CrashAfter, Fault::CrashAfter).await;
    }
    if is_long() {
        for ending in Ending::RECOVERIES {
            sweep(ending, 1, Fault::CrashBefore, Fault::CrashAfter).await;
            sweep(ending, 1, Fault::AnswerLost, Fault::CrashAfter).await;
            sweep(ending, 3, Fault::CrashAfter, Fault::CrashAfter).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_recovery_of_a_crash_of_an_undo_is_survived() {
    sweep(Ending::UndoBack, 1, Fault::CrashAfter, Fault::CrashAfter).await;
    if is_long() {
        for ending in Ending::FOLLOW_UPS {
            sweep(ending, 1, Fault::CrashBefore, Fault::CrashAfter).await;
            sweep(ending, 1, Fault::AnswerLost, Fault::CrashAfter).await;
            sweep(ending, 3, Fault::CrashAfter, Fault::CrashAfter).await;
        }
    }
}
