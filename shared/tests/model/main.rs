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
mod store;
mod writer;

use sidecar::OutcomeKind;
use stateright::{Checker, Model, Property};

use console::{Console, Flaw, approve, can_approve, claimable};
use store::{By, Kind, LATER, SLOW, Store};
use writer::{At, Writer};

#[derive(Debug, Clone)]
struct Recovery {
    /// How many tables the slow writer has committed already.
    committed: usize,
    crashes: u8,
    /// Records the journal may have: a bound on how often plans are made anew and taken over.
    records_max: u64,
    /// Whether there is a second console, and a later writer.
    second_console: bool,
    later_writer: bool,
    /// Whether somebody who knows of no sidecars committed above the slow write, so that it is rolled back though it is whole.
    stranger: bool,
    /// Whether the slow writer is alive, though it looks dead.
    slow_writer: bool,
    flaw: Flaw,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    store: Store,
    writers: [Writer; 2],
    consoles: [Console; 2],
    crashes_left: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Write(usize),
    Approve,
    Apply(usize),
    Proceed(usize),
    Crash(usize),
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
        vec![World {
            store: Store::crashed(self.committed, self.stranger),
            writers: [slow, later],
            consoles: [Console::Idle, Console::Idle],
            crashes_left: self.crashes,
        }]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        for (index, writer) in world.writers.iter().enumerate() {
            if writer.at != At::Ended {
                acts.push(Act::Write(index));
            }
        }
        if can_approve(&world.store).is_some() {
            acts.push(Act::Approve);
        }
        let is_open = world.store.journal.state.finished().is_none() || !world.store.closed;
        for (index, console) in world.consoles.iter().enumerate() {
            match console {
                // Consoles are alike: the second begins only beside the first.
                Console::Idle
                    if is_open
                        && (index == 0
                            || (self.second_console && world.consoles[0] != Console::Idle)) =>
                {
                    let finished = world.store.journal.state.finished().is_some();
                    if finished || claimable(&world.store).is_some() {
                        acts.push(Act::Apply(index));
                    }
                }
                Console::Idle => {}
                Console::Runs { .. } => {
                    acts.push(Act::Proceed(index));
                    if world.crashes_left > 0 {
                        acts.push(Act::Crash(index));
                    }
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
        match act {
            Act::Write(index) => writers[index].act(store),
            Act::Approve => approve(store),
            Act::Apply(index) => consoles[index].apply(store, index),
            Act::Proceed(index) => consoles[index].act(store, self.flaw),
            Act::Crash(index) => {
                consoles[index] = Console::Idle;
                *crashes_left -= 1;
            }
        }
        Some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.store.journal.state.records() <= self.records_max
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            // At the pin, and at the HEAD that the next writer builds on.
            Property::always("an acknowledged write stays", |_, world: &World| {
                let store = &world.store;
                let holds = |writer: &Writer, table: usize| {
                    let both = store.visible(table) & store.content(table, store.head(table));
                    both & 1 << writer.id != 0
                };
                world
                    .writers
                    .iter()
                    .filter(|writer| writer.acknowledged)
                    .all(|writer| writer.tables.iter().all(|(table, _)| holds(writer, *table)))
            }),
            Property::always(
                "a write is visible whole or not at all",
                |_, world: &World| {
                    let shown = |table: usize| world.store.visible(table) & 1 << SLOW != 0;
                    shown(0) == shown(1)
                },
            ),
            Property::always(
                "a plan restores a table once at most",
                |_, world: &World| {
                    world.store.tables.iter().all(|commits| {
                        let restores: Vec<By> = commits
                            .iter()
                            .map(|commit| commit.by)
                            .filter(|by| matches!(by, By::Recovery(_, Kind::Restore(_))))
                            .collect();
                        (1..restores.len())
                            .all(|index| !restores[..index].contains(&restores[index]))
                    })
                },
            ),
            Property::always("nobody's commit is buried", |_, world: &World| {
                world.store.tables.iter().all(|commits| {
                    commits
                        .windows(2)
                        .enumerate()
                        .all(|(place, pair)| match pair[1].by {
                            // A restore lands right above the HEAD that was approved: never above a commit nobody saw.
                            By::Recovery(digest, Kind::Restore(_)) => approved_head(world, digest)
                                .into_iter()
                                .flatten()
                                .any(|head| head == place as u64 + 1),
                            _ => true,
                        })
                })
            }),
            Property::always(
                "the sidecar goes after the terminal record",
                |_, world: &World| {
                    world.store.sidecar
                        || world.store.journal.state.finished().is_some()
                        || world.writers[SLOW].acknowledged
                },
            ),
            Property::always("what is recorded is so", move |_, world: &World| {
                let shown = |table: usize| world.store.visible(table) & 1 << SLOW != 0;
                match world
                    .store
                    .journal
                    .state
                    .finished()
                    .map(|finished| finished.outcome)
                {
                    Some(OutcomeKind::RolledForward) => shown(0) && shown(1),
                    Some(OutcomeKind::RolledBack) => {
                        let told = world.writers[SLOW].acknowledged;
                        shown(0) == told && shown(1) == told
                    }
                    _ => true,
                }
            }),
        ];
        if self.slow_writer {
            properties.push(Property::sometimes(
                "the slow writer wins",
                |_, world: &World| world.writers[SLOW].acknowledged,
            ));
        }
        if self.records_max > 20 {
            properties.push(Property::sometimes(
                "a conflict is planned anew",
                |_, world: &World| {
                    let state = &world.store.journal.state;
                    state.sidecar().is_some()
                        && state.attempt().is_none()
                        && state.finished().is_none()
                },
            ));
        }
        if self.later_writer {
            properties.push(Property::sometimes(
                "the later writer wins",
                |_, world: &World| world.writers[LATER].acknowledged,
            ));
        }
        properties.push(Property::sometimes(
            "a console takes over",
            |_, world: &World| {
                let state = &world.store.journal.state;
                state.finished().is_some() && state.next_epoch() > 2
            },
        ));
        properties.push(if self.committed == 2 && !self.stranger {
            Property::sometimes("it is rolled forward", |_, world: &World| {
                finished_as(world, OutcomeKind::RolledForward)
            })
        } else {
            Property::sometimes("it is rolled back", |_, world: &World| {
                finished_as(world, OutcomeKind::RolledBack)
            })
        });
        properties
    }
}

fn finished_as(world: &World, outcome: OutcomeKind) -> bool {
    let state = &world.store.journal.state;
    state
        .finished()
        .is_some_and(|finished| finished.outcome == outcome)
}

/// The HEADs of the tables in a plan that somebody approved.
fn approved_head(world: &World, digest: sidecar::Digest) -> Option<Vec<u64>> {
    let state = &world.store.journal.state;
    let (_, text) = state
        .approvals()
        .iter()
        .find(|(approval, _)| approval.plan_digest == digest)?;
    let plan = sidecar::PlanBytes::verify(text.clone(), digest)
        .ok()?
        .decode()
        .ok()?;
    Some(
        plan.tables
            .iter()
            .filter_map(|table| table.lance_head)
            .collect(),
    )
}

fn checked(model: Recovery) {
    let name = format!("{model:?}");
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} states, {} deep",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

const ALONE: Recovery = Recovery {
    committed: 1,
    crashes: 0,
    records_max: 24,
    second_console: false,
    later_writer: false,
    slow_writer: true,
    stranger: false,
    flaw: Flaw::None,
};

fn is_long() -> bool {
    std::env::var_os("SIDECAR_LONG").is_some()
}

#[test]
fn one_console_and_two_live_writers_lose_nothing() {
    for (committed, crashes) in [(1, u8::from(is_long())), (2, 1)] {
        checked(Recovery {
            committed,
            crashes,
            later_writer: true,
            ..ALONE
        });
    }
}

#[test]
fn a_console_that_dies_twice_and_the_slow_writer_lose_nothing() {
    for committed in [1, 2] {
        checked(Recovery {
            committed,
            crashes: 2,
            ..ALONE
        });
    }
}

#[test]
fn two_consoles_lose_nothing() {
    let cases: &[_] = if is_long() {
        &[(1, false, 13), (2, true, 10)]
    } else {
        &[(1, false, 13)]
    };
    for &(committed, slow_writer, records_max) in cases {
        checked(Recovery {
            committed,
            slow_writer,
            records_max,
            second_console: true,
            ..ALONE
        });
    }
}

#[test]
fn a_slow_writer_that_is_whole_and_yet_rolled_back_loses_nothing() {
    checked(Recovery {
        committed: 2,
        crashes: 1,
        stranger: true,
        ..ALONE
    });
}

/// Every omission that matters is noticed, so the properties are not empty words.
#[test]
fn what_a_console_leaves_out_is_noticed() {
    for (flaw, committed, property) in [
        (Flaw::NoFence, 2, "an acknowledged write stays"),
        (
            Flaw::DeletesBeforeItRecords,
            1,
            "the sidecar goes after the terminal record",
        ),
    ] {
        let model = Recovery {
            committed,
            crashes: 0,
            later_writer: flaw != Flaw::NoFence,
            stranger: flaw == Flaw::NoFence,
            flaw,
            ..ALONE
        };
        let checker = model.checker().threads(2).spawn_bfs().join();
        let found: Vec<&str> = checker
            .discoveries()
            .into_keys()
            .filter(|name| {
                checker.model().properties().iter().any(|known| {
                    known.name == *name
                        && matches!(known.expectation, stateright::Expectation::Always)
                })
            })
            .collect();
        println!(
            "{flaw:?}: {found:?} in {} states",
            checker.unique_state_count()
        );
        assert!(
            !found.is_empty(),
            "{flaw:?} goes unnoticed, {property} should not hold"
        );
    }
}
