//! Nothing is lost, and there is a way to an end, whoever is at work.

use crate::cases::{ALL, LONGER, OTHERS};
use crate::runner::{checked, is_long, stuck, violated};
use crate::world::{Depth, Recovery};

/// The whole case: roll back, roll forward, and roll back of a write that is whole.
#[test]
fn two_consoles_that_die_twice_and_two_live_writers_lose_nothing() {
    for (committed, stranger) in [(1, false), (2, false), (2, true)] {
        checked(Recovery {
            committed,
            stranger,
            ..ALL
        });
    }
}

#[test]
fn three_consoles_that_die_three_times_lose_nothing() {
    for committed in [1, 2] {
        checked(Recovery {
            committed,
            consoles: 3,
            crashes: 3,
            ..ALL
        });
    }
}

/// The whole case again, with nothing left out.
#[test]
fn no_interleaving_loses_anything() {
    let depth = Depth::Requests;
    checked(Recovery {
        committed: 2,
        depth,
        ..ALL
    });
    if is_long() {
        for (committed, stranger) in [(1, false), (2, true)] {
            checked(Recovery {
                committed,
                stranger,
                depth,
                ..ALL
            });
        }
    } else {
        checked(Recovery {
            later_writer: false,
            depth,
            ..ALL
        });
        checked(Recovery {
            consoles: 1,
            depth,
            ..ALL
        });
    }
}

fn others() -> impl Iterator<Item = (&'static str, Recovery)> {
    let longer = LONGER.into_iter().filter(|_| is_long());
    OTHERS.into_iter().chain(longer)
}

#[test]
fn whoever_else_is_at_work_nothing_is_lost() {
    let mut wrong = Vec::new();
    for (what, case) in others() {
        println!("{what}:");
        wrong.extend(
            violated(case)
                .into_iter()
                .map(|how| format!("{what}: {how}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// From wherever it may come to, a way leads to an end.
#[test]
fn whoever_else_is_at_work_there_is_a_way_to_an_end() {
    let mut wrong = Vec::new();
    for (what, case) in others() {
        let (count, stuck) = stuck(&case);
        println!("{what}: a way to an end from each of {count} states");
        wrong.extend(stuck.map(|world| format!("{what}: no way to an end from {:?}", world.store)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
