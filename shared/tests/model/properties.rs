//! What must hold in every state, and what must come about in some.

use sidecar::OutcomeKind;
use stateright::Property;

use crate::store::{By, Kind, LATER, SLOW};
use crate::writer::{At, Writer};
use crate::{Recovery, World};

pub(crate) const STAYS: &str = "an acknowledged write stays";
pub(crate) const WHOLE: &str = "a write is visible whole or not at all";
pub(crate) const RESTORED_ONCE: &str = "a plan restores a table once at most";
pub(crate) const PUBLISHED_ONCE: &str = "a plan fences and publishes once at most";
pub(crate) const CONSENTED: &str = "only what somebody consented to is done";
pub(crate) const PLANNED: &str = "what is visible was published by its writer or planned to be";
pub(crate) const ONE_HOLDS: &str = "one console at most holds the claim";
pub(crate) const BURIED: &str = "nobody's commit is buried";
pub(crate) const RETIRED: &str = "the sidecar goes after the terminal record";
pub(crate) const COVERED: &str = "what the slow writer left above a pin can be recovered";
pub(crate) const RECORDED: &str = "what is recorded is so";

pub(crate) fn properties(model: &Recovery) -> Vec<Property<Recovery>> {
    let mut properties = vec![
        // At the pin, and at the HEAD that the next writer builds on.
        Property::always(STAYS, |_, world: &World| {
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
        Property::always(WHOLE, |_, world: &World| {
            let shown = |table: usize| world.store.visible(table) & 1 << SLOW != 0;
            shown(0) == shown(1)
        }),
        Property::always(RESTORED_ONCE, |_, world: &World| {
            world.store.tables.iter().all(|commits| {
                let restores: Vec<By> = commits
                    .iter()
                    .map(|commit| commit.by)
                    .filter(|by| matches!(by, By::Recovery(_, Kind::Restore(_))))
                    .collect();
                (1..restores.len()).all(|index| !restores[..index].contains(&restores[index]))
            })
        }),
        Property::always(PUBLISHED_ONCE, |_, world: &World| {
            let catalog = &world.store.catalog;
            (1..catalog.len()).all(|index| {
                !matches!(catalog[index], By::Recovery(..))
                    || !catalog[..index].contains(&catalog[index])
            })
        }),
        Property::always(CONSENTED, |_, world: &World| {
            let consented = |by: &By| match by {
                By::Recovery(planned, _) => world.store.consents.contains(planned),
                _ => true,
            };
            let mut commits = world.store.tables.iter().flatten();
            commits.all(|commit| consented(&commit.by)) && world.store.catalog.iter().all(consented)
        }),
        Property::always(PLANNED, |_, world: &World| {
            (0..2).all(|table| {
                let pin = world.store.pins[table];
                let mut plans = world.store.consents.iter();
                let published = |writer: &Writer| {
                    let mut tables = writer.tables.iter();
                    writer.acknowledged && tables.any(|(of, from)| *of == table && from + 1 == pin)
                };
                pin == 1
                    || plans.any(|planned| planned.publishes(table) == Some(pin))
                    || world.writers.iter().any(published)
            })
        }),
        Property::always(ONE_HOLDS, |_, world: &World| {
            let holders = world
                .consoles
                .iter()
                .filter(|console| console.holds(&world.store));
            holders.count() < 2
        }),
        Property::always(BURIED, |_, world: &World| {
            world
                .store
                .tables
                .iter()
                .enumerate()
                .all(|(table, commits)| {
                    commits
                        .iter()
                        .enumerate()
                        .all(|(below, commit)| match commit.by {
                            // A restore lands right above the HEAD that was approved: never above a commit nobody saw.
                            By::Recovery(planned, Kind::Restore(_)) => {
                                planned.plan().tables[table].lance_head == Some(below as u64)
                            }
                            _ => true,
                        })
                })
        }),
        Property::always(RETIRED, |_, world: &World| {
            world.store.sidecar
                || world.store.journal.state.finished().is_some()
                || world.writers[SLOW].acknowledged
        }),
        Property::always(COVERED, |_, world: &World| {
            let store = &world.store;
            let state = &store.journal.state;
            let is_pending =
                store.sidecar || (state.sidecar().is_some() && state.finished().is_none());
            (0..2).all(|table| {
                let head = store.head(table);
                let is_left = head > store.pins[table]
                    && store.tables[table][head as usize - 1].by == By::Writer(SLOW);
                let writer = &world.writers[SLOW];
                let looks_again =
                    matches!(writer.at, At::LookAgain(place) if writer.tables[place].0 == table);
                !is_left || is_pending || store.announced[table] || looks_again
            })
        }),
        Property::always(RECORDED, move |_, world: &World| {
            let shown = |table: usize| world.store.visible(table) & 1 << SLOW != 0;
            match world.store.journal.outcome() {
                Some(OutcomeKind::RolledForward) => shown(0) && shown(1),
                Some(OutcomeKind::RolledBack) => {
                    let told = world.writers[SLOW].acknowledged;
                    shown(0) == told && shown(1) == told
                }
                _ => true,
            }
        }),
    ];
    if model.slow_writer {
        properties.push(Property::sometimes(
            "the slow writer wins",
            |_, world: &World| world.writers[SLOW].acknowledged,
        ));
    }
    if model.slow_writer || model.later_writer {
        properties.push(Property::sometimes(
            "a conflict is planned anew",
            |_, world: &World| {
                let state = &world.store.journal.state;
                state.sidecar().is_some() && state.attempt().is_none() && state.finished().is_none()
            },
        ));
    }
    if model.later_writer {
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
    properties.push(if model.committed == 2 && !model.stranger {
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

fn finished_as(world: &World, outcome: OutcomeKind) -> bool {
    world.store.journal.outcome() == Some(outcome)
}
