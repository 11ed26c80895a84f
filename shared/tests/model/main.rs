//! Every interleaving of two consoles, two live writers and two crashes, with the real step, journal, verdict and plan.
//!
//! The slow writer was taken for dead while it is not. The later one writes one of its tables. Consoles approve, claim, take over,
//! die between any two requests, and come back knowing nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test says what it expects and stops where it is wrong"
)]

mod console;
mod flaw;
mod journal;
mod properties;
mod store;
mod writer;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use sidecar::step::CATALOG_TRIES_MAX;
use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use console::{Console, approve, can_apply, can_approve};
use flaw::Flaw;
use journal::Journal;
use properties::{
    BURIED, CONSENTED, COVERED, ONE_HOLDS, PLANNED, PUBLISHED_ONCE, RECORDED, RESTORED_ONCE,
    RETIRED, STAYS, WHOLE,
};
use store::{LATER, SLOW, Store};
use writer::{At, Writer};

#[derive(Debug, Clone, Copy)]
struct Recovery {
    /// How many tables the slow writer has committed already.
    committed: usize,
    crashes: u8,
    consoles: usize,
    /// Whether there is a later writer.
    later_writer: bool,
    /// Whether somebody who knows of no sidecars committed above the slow write, so that it is rolled back though it is whole.
    stranger: bool,
    /// Whether the slow writer is alive, though it looks dead.
    slow_writer: bool,
    depth: Depth,
    flaw: Flaw,
}

/// Which worlds are told apart, and which interleavings are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Every interleaving of every request, and journals by their whole history, up to this many records: consoles may take over
    /// from each other for ever.
    Histories(u64),
    /// Every interleaving of every request, without a bound. Journals that add up to the same are the same, see [`Journal`].
    Requests,
    /// And only interleavings that can differ in what is stored.
    ///
    /// That so much grows only makes this sound: the catalog, HEADs, pins and the journal only grow, a claim is never taken back, and
    /// a sidecar never comes back. No property speaks of where an actor is, but of what it did.
    ///
    /// - Whoever looks for a claim does so as early as it can: had it looked later and found one, it would have done nothing
    ///   more, and that it may also do having passed. So with reading the catalog to publish on, which fails and is read again if
    ///   it moved.
    /// - An effect that comes too late does so for good, and is not waited for. Nor is a look at what can no longer change.
    /// - A console whose next record is taken can only do what it had begun. When that is done it is as good as gone.
    /// - A crash does nothing until the console comes back: before, it might as well be slow. So it crashes right when it comes back.
    /// - Nobody but a claim reads an approval. So it is given right before, and not for plans that nobody claims.
    /// - Consoles are alike, so they have no order.
    ///
    /// A test compares what can come to be stored with all interleavings.
    Reduced,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    store: Store,
    writers: [Writer; 2],
    consoles: Vec<Console>,
    crashes_left: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Write(usize),
    Approve,
    Apply(usize),
    Proceed(usize),
    Crash(usize),
    /// It crashes and begins again, knowing nothing.
    ComeBack(usize),
}

impl Model for Recovery {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let at = if !self.slow_writer {
            At::Ended
        } else if self.committed < 2 {
            At::Check(self.committed)
        } else {
            At::ReadCatalog
        };
        let slow = Writer {
            id: SLOW,
            tables: vec![(0, 1), (1, 1)],
            at,
            acknowledged: false,
        };
        let later = Writer {
            id: LATER,
            tables: vec![(1, 1)],
            at: if self.later_writer {
                At::Start
            } else {
                At::Ended
            },
            acknowledged: false,
        };
        let by_history = matches!(self.depth, Depth::Histories(_));
        let mut world = World {
            store: Store::crashed(self.committed, self.stranger, Journal::new(by_history)),
            writers: [slow, later],
            consoles: vec![Console::Idle; self.consoles],
            crashes_left: self.crashes,
        };
        if self.is_reduced() {
            world.settle(self.flaw);
        }
        vec![world]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        for (index, writer) in world.writers.iter().enumerate() {
            // One that begins where it cannot ends, and might as well not begin.
            let waits =
                self.is_reduced() && writer.at == At::Start && !writer.is_free(&world.store);
            if writer.at != At::Ended && !waits {
                acts.push(Act::Write(index));
            }
        }
        if !self.is_reduced() && can_approve(&world.store).is_some() {
            acts.push(Act::Approve);
        }
        let can_apply = can_apply(&world.store, self.flaw, self.is_reduced());
        // Consoles are alike: one begins at a time.
        let free = world
            .consoles
            .iter()
            .position(|console| *console == Console::Idle);
        if let Some(index) = free.filter(|_| can_apply) {
            acts.push(Act::Apply(index));
        }
        for (index, console) in world.consoles.iter().enumerate() {
            if *console != Console::Idle {
                acts.push(Act::Proceed(index));
                if world.crashes_left > 0 && !self.is_reduced() {
                    acts.push(Act::Crash(index));
                } else if world.crashes_left > 0 && can_apply {
                    acts.push(Act::ComeBack(index));
                }
            }
        }
    }

    fn next_state(&self, world: &World, act: Act) -> Option<World> {
        let mut world = world.clone();
        let World {
            store,
            writers,
            consoles,
            crashes_left,
        } = &mut world;
        let flaw = self.flaw;
        let mut recorded_by = None;
        match act {
            Act::Write(index) => writers[index].act(store, flaw),
            Act::Approve => approve(store, can_approve(store)?),
            Act::Apply(index) => {
                recorded_by = consoles[index].apply(store, flaw).then_some(index);
            }
            Act::Proceed(index) => {
                recorded_by = consoles[index].act(store, flaw).then_some(index);
            }
            Act::Crash(index) => {
                consoles[index] = Console::Idle;
                *crashes_left -= 1;
            }
            Act::ComeBack(index) => {
                *crashes_left -= 1;
                recorded_by = consoles[index].apply(store, flaw).then_some(index);
            }
        }
        if let Some(recorder) = recorded_by {
            let others = consoles.iter_mut().enumerate();
            others
                .filter(|(index, _)| *index != recorder)
                .for_each(|(_, console)| console.fall_behind());
        }
        if self.is_reduced() {
            world.settle(flaw);
        }
        Some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        match self.depth {
            Depth::Histories(records_max) => world.store.journal.state.records() <= records_max,
            Depth::Requests | Depth::Reduced => true,
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::properties(self)
    }
}

impl Recovery {
    fn is_reduced(&self) -> bool {
        self.depth == Depth::Reduced
    }
}

impl World {
    /// See [`Depth::Reduced`].
    fn settle(&mut self, flaw: Flaw) {
        for writer in &mut self.writers {
            writer.settle(&mut self.store, flaw);
        }
        for console in &mut self.consoles {
            console.settle(&mut self.store, flaw);
        }
        self.consoles.sort_by_cached_key(Console::place);
        assert!(
            self.store.catalog.len() < CATALOG_TRIES_MAX,
            "how often the catalog moved is forgotten, and never comes to matter"
        );
    }
}

fn checked(model: Recovery) {
    let begun = std::time::Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{model:?}: {} states, {} transitions, {} deep, {:.1?}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed()
    );
    checker.assert_properties();
}

const ALL: Recovery = Recovery {
    committed: 1,
    crashes: 2,
    consoles: 2,
    later_writer: true,
    slow_writer: true,
    stranger: false,
    depth: Depth::Reduced,
    flaw: Flaw::None,
};

fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// What can be stored and told, whatever actors are at. Approvals that nobody claimed are left out, as no effect depends on them.
fn stored(model: &Recovery) -> HashSet<u64> {
    let mut stored = HashSet::new();
    let mut known: HashSet<_> = HashSet::new();
    let mut pending = model.init_states();
    let mut acts = Vec::new();
    while let Some(world) = pending.pop() {
        if !known.insert(fingerprint(&world)) || !model.within_boundary(&world) {
            continue;
        }
        let store = &world.store;
        let state = &store.journal.state;
        stored.insert(fingerprint(&(
            (&store.tables, store.pins, &store.catalog),
            (store.claimed, store.sidecar, store.closed),
            (store.journal.attempted(), store.journal.outcome()),
            state.attempt().map(|attempt| {
                let steps = attempt.started.iter();
                steps
                    .map(|(step, on)| match attempt.done.contains_key(step) {
                        true => (*step, None),
                        false => (*step, Some(*on)),
                    })
                    .collect::<Vec<_>>()
            }),
            world.writers.each_ref().map(|writer| writer.acknowledged),
        )));
        model.actions(&world, &mut acts);
        let next = acts.drain(..);
        pending.extend(next.filter_map(|act| model.next_state(&world, act)));
    }
    stored
}

fn is_long() -> bool {
    std::env::var_os("SIDECAR_LONG").is_some()
}

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

/// Leaving out interleavings leaves out nothing that can come to be stored.
#[test]
fn what_is_left_out_changes_nothing() {
    let one = Recovery { consoles: 1, ..ALL };
    let two = Recovery {
        committed: 2,
        ..ALL
    };
    let all = Depth::Histories(u64::MAX);
    for (case, full) in [
        (
            Recovery {
                crashes: 1,
                later_writer: false,
                ..one
            },
            all,
        ),
        (Recovery { crashes: 0, ..one }, all),
        (
            Recovery {
                crashes: 1,
                committed: 2,
                ..one
            },
            all,
        ),
        (one, Depth::Requests),
        (
            Recovery {
                crashes: 1,
                committed: 2,
                stranger: true,
                ..one
            },
            Depth::Requests,
        ),
        (Recovery { crashes: 1, ..two }, Depth::Requests),
        (
            Recovery {
                crashes: 0,
                later_writer: false,
                ..ALL
            },
            Depth::Requests,
        ),
    ] {
        let reduced = stored(&case);
        let visited = stored(&Recovery {
            depth: full,
            ..case
        });
        println!("{case:?}: {} and {} stores", reduced.len(), visited.len());
        assert_eq!(
            reduced.difference(&visited).count(),
            0,
            "{case:?} {full:?}: made up"
        );
        assert_eq!(
            visited.difference(&reduced).count(),
            0,
            "{case:?} {full:?}: left out"
        );
    }
    // Without an end, histories are compared as far as they go.
    let case = Recovery {
        slow_writer: false,
        later_writer: false,
        crashes: 1,
        ..ALL
    };
    let reduced = stored(&case);
    let visited = stored(&Recovery {
        depth: Depth::Histories(11),
        ..case
    });
    println!("{case:?}: {} and {} stores", reduced.len(), visited.len());
    assert_eq!(
        visited.difference(&reduced).count(),
        0,
        "{case:?}: left out"
    );
}

/// Every omission is noticed by the property it should break, and every property by some omission, so they are not empty words.
#[test]
fn what_is_left_out_of_the_protocol_is_noticed() {
    let one = Recovery {
        consoles: 1,
        crashes: 0,
        depth: Depth::Requests,
        ..ALL
    };
    let two = Recovery {
        consoles: 2,
        committed: 2,
        ..one
    };
    let whole = Recovery {
        committed: 2,
        stranger: true,
        ..one
    };
    let noticed = [
        (Flaw::NoFence, whole, vec![STAYS]),
        (
            Flaw::UnfencedRestore,
            Recovery { crashes: 1, ..one },
            vec![BURIED, RESTORED_ONCE],
        ),
        (
            Flaw::PublishesOnWhatIsLast,
            two,
            vec![STAYS, PUBLISHED_ONCE],
        ),
        (
            Flaw::PublishesOneByOne,
            Recovery {
                committed: 2,
                ..one
            },
            vec![WHOLE],
        ),
        (
            Flaw::NotesWithoutDoing,
            Recovery {
                committed: 2,
                ..one
            },
            vec![RECORDED],
        ),
        (Flaw::DeletesBeforeItRecords, one, vec![RETIRED]),
        (Flaw::TakesOverByTime, two, vec![ONE_HOLDS]),
        (Flaw::HidesItsClaim, one, vec![STAYS]),
        (Flaw::ApprovesTheOperation, one, vec![CONSENTED, PLANNED]),
        (Flaw::WriterDoesNotLook, one, vec![STAYS]),
        (Flaw::WriterDoesNotLookAgain, one, vec![COVERED]),
    ];
    for (flaw, case, properties) in &noticed {
        let wanted = HasDiscoveries::AllOf(properties.iter().copied().collect());
        let checker = Recovery {
            flaw: *flaw,
            ..*case
        }
        .checker()
        .threads(2)
        .finish_when(wanted)
        .spawn_bfs()
        .join();
        println!(
            "{flaw:?}: {properties:?} in {} states",
            checker.unique_state_count()
        );
        for property in properties {
            assert!(
                checker.discovery(property).is_some(),
                "{flaw:?} goes unnoticed, {property} should not hold"
            );
        }
    }
    for property in ALL.properties() {
        let is_noticed =
            |(_, _, properties): &(Flaw, Recovery, Vec<&str>)| properties.contains(&property.name);
        assert!(
            property.expectation != Expectation::Always || noticed.iter().any(is_noticed),
            "nothing breaks {}",
            property.name
        );
    }
}
