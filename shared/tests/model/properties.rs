//! What must hold in every state, and what must come about in some.

use sidecar::OutcomeKind;
use stateright::Property;

use crate::approving::pending;
use crate::flaw::Flaw;
use crate::others::{MERGES, Merge};
use crate::store::{By, Kind, LATER, SLOW};
use crate::subject::Subject;
use crate::world::{Recovery, World};
use crate::writer::{At, Writer};

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
pub(crate) const SAID: &str = "what an execution says is done is done";
pub(crate) const REPORTED: &str = "a report says no more of tables, catalog and record than is so";
pub(crate) const IS_THERE: &str = "what is published was there to be published";
pub(crate) const ALL_SHOWN: &str =
    "a roll forward that is recorded left nothing above what it published";
pub(crate) const NAMED: &str =
    "what others committed is taken along only where somebody was asked about it";
pub(crate) const MERGED: &str = "a merge that was published stays visible";
pub(crate) const SET_ASIDE: &str = "a sidecar that can be recovered is not set aside";
pub(crate) const KEPT: &str = "a file that somebody else put under the name stays as it is";
pub(crate) const TOLD_APART: &str = "the file of an operation is told from another under its name";
pub(crate) const SAYS_SO: &str = "where the write is taken back, its file has the undo in it";
pub(crate) const FOREIGN_DATASET: &str =
    "a dataset that somebody else made or committed to, or that the catalog names, is not removed";
pub(crate) const DROPPED: &str =
    "the dataset of a schema change that is recorded as taken back is gone, with all its files";
pub(crate) const UNDO_FIRST: &str = "the file has the undo in it before the dataset goes";
pub(crate) const CLOSED: &str = "an operation is closed once its file is gone";
pub(crate) const ENDED: &str = "an attempt ends only over something that moved, or that was begun";

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
        Property::always(WHOLE, |model: &Recovery, world: &World| {
            // Only the merge knows which commits it consists of.
            if model.subject == Subject::Merge {
                return true;
            }
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
                let may_repeat = match catalog[index] {
                    // Where an attempt stopped over its file, the next one of the same plan begins with a fence of its own.
                    By::Recovery(_, Kind::Fence) => world.store.stopped_over_its_file > 0,
                    By::Recovery(..) => false,
                    _ => true,
                };
                may_repeat || !catalog[..index].contains(&catalog[index])
            })
        }),
        Property::always(CONSENTED, |_, world: &World| {
            let consented = |by: &By| match by {
                By::Recovery(planned, _) => world.store.consents.contains(planned),
                _ => true,
            };
            let mut commits = world.store.tables.iter().flatten();
            let mut removals = world.store.dataset.removed_by().iter();
            commits.all(|commit| consented(&commit.by))
                && world.store.catalog.iter().all(consented)
                && removals.all(|planned| world.store.consents.contains(planned))
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
                    || (world.store.subject == Subject::Undo && pin == 2)
                    || world.merge == Merge::Ended { published: true }
                    || world.merge == Merge::Retires
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
            world.store.file.is_some()
                || world.store.is_file_taken
                || world.store.subject == Subject::Undo
                || world.merge == Merge::Ended { published: true }
                || world.store.journal.state.finished().is_some()
                || world.writers[SLOW].acknowledged
        }),
        Property::always(COVERED, |_, world: &World| {
            let store = &world.store;
            (0..2).all(|table| {
                let head = store.head(table);
                let by = store.tables[table][head as usize - 1].by;
                let is_left =
                    head > store.pins[table] && matches!(by, By::Writer(SLOW) | By::Merge);
                let writer = &world.writers[SLOW];
                let looks_again =
                    matches!(writer.at, At::LookAgain(place) if writer.tables[place].0 == table);
                // The approver stated that the merge commits nothing more once all is over.
                let is_late = by == By::Merge && store.journal.state.finished().is_some();
                !is_left
                    || store.file.is_some()
                    || store.is_pending()
                    || store.announced[table]
                    || store.is_set_aside
                    || looks_again
                    || (is_late && !store.is_a_backup)
            })
        }),
        Property::always(RECORDED, move |_, world: &World| {
            // A backup brings back what was there before the record. This property does not cover that.
            world.store.is_a_backup || world.store.is_as_recorded(world.writers[SLOW].acknowledged)
        }),
        Property::always(SAID, |_, world: &World| !world.store.said_wrong),
        Property::always(REPORTED, |_, world: &World| !world.store.reported_wrong),
        Property::always(IS_THERE, |_, world: &World| {
            let store = &world.store;
            (0..2).all(|table| store.pins[table] <= store.head(table))
        }),
        Property::always(ALL_SHOWN, |_, world: &World| {
            world.store.journal.outcome() != Some(OutcomeKind::RolledForward)
                || !world.store.is_overtaken
        }),
        Property::always(MERGED, |_, world: &World| {
            let store = &world.store;
            let is_shown = || {
                MERGES
                    .iter()
                    .all(|(table, adds)| store.visible(*table) & 1 << adds != 0)
            };
            let is_published = matches!(
                world.merge,
                Merge::Retires | Merge::Ended { published: true }
            );
            !is_published || is_shown()
        }),
        Property::always(SET_ASIDE, |_, world: &World| !world.store.set_aside_whole),
        Property::always(NAMED, |_, world: &World| !world.store.is_unasked),
        Property::always(KEPT, |_, world: &World| !world.store.is_file_lost),
        // A file that counts as another one may be set aside.
        Property::always(TOLD_APART, |model: &Recovery, world: &World| {
            let store = &world.store;
            let state = &store.journal.state;
            let is_claimed = state.sidecar().is_some() && state.finished().is_none();
            let may_change = store.subject.is_of_version_9() || model.file_changes > 0;
            if !may_change || !is_claimed {
                return true;
            }
            let standing = store.standing(model.flaw);
            match store.has_its_file() {
                true => !standing.is_displaced && standing.own == store.file,
                false => standing.own != Some(store.subject.another()),
            }
        }),
        // An engine that finds the graph commit of an undo, and a file without one, opens the graph no more.
        Property::always(SAYS_SO, |_, world: &World| {
            let store = &world.store;
            let is_as_written = store.file == Some(store.subject.written());
            !store.subject.is_of_version_9()
                || !store.is_taken_back()
                || !is_as_written
                || store.is_file_back
        }),
        Property::always(FOREIGN_DATASET, |_, world: &World| {
            !world.store.dataset.is_lost()
        }),
        // In the folder of a dataset that somebody made there since, nothing is removed any more.
        Property::always(DROPPED, |_, world: &World| {
            let store = &world.store;
            store.subject != Subject::Schema9
                || store.journal.state.finished().is_none()
                || !store.dataset.is_left()
                || store.dataset.is_foreign()
        }),
        Property::always(UNDO_FIRST, |_, world: &World| {
            let store = &world.store;
            let is_as_written = store.file == Some(store.subject.written());
            !store.dataset.is_removed() || !is_as_written || store.is_file_back
        }),
        Property::always(CLOSED, |_, world: &World| {
            let store = &world.store;
            let is_closed = store.closed && store.journal.state.finished().is_some();
            !is_closed || !store.has_its_file() || store.is_a_backup || store.is_file_back
        }),
        Property::always(ENDED, |_, world: &World| !world.store.ended_for_nothing),
    ];
    properties.extend(comes_about(model));
    properties
}

/// What must come about in some state, or the case says little.
fn comes_about(model: &Recovery) -> Vec<Property<Recovery>> {
    let mut properties = Vec::new();
    if model.slow_writer {
        properties.push(Property::sometimes(
            "the slow writer wins",
            |_, world: &World| world.writers[SLOW].acknowledged,
        ));
    }
    if model.slow_writer || model.later_writer || model.rival || model.live_merge {
        properties.push(Property::sometimes(
            "a conflict is planned anew",
            |_, world: &World| {
                let state = &world.store.journal.state;
                state.sidecar().is_some() && state.attempt().is_none() && state.finished().is_none()
            },
        ));
    }
    if model.later_writer || model.rival {
        properties.push(Property::sometimes(
            "the later writer wins",
            |_, world: &World| world.writers[LATER].acknowledged,
        ));
    }
    if model.live_merge {
        properties.push(Property::sometimes("the merge wins", |_, world: &World| {
            world.merge == Merge::Ended { published: true }
        }));
    }
    if model.consoles > 1 || model.crashes > 0 {
        properties.push(Property::sometimes(
            "a console takes over",
            |_, world: &World| {
                let state = &world.store.journal.state;
                state.finished().is_some() && state.next_epoch() > 2
            },
        ));
    }
    // A roll back, or an undo, needs the version that it began from.
    if model.cleanups > 0 && model.subject == Subject::Write && model.committed == 2 {
        properties.push(Property::sometimes(
            "what the write began from is cleaned away, and it is resolved",
            |_, world: &World| {
                let is_cleaned = |table| world.store.cleaned.contains(&(table, 1));
                (0..2).any(is_cleaned) && world.store.journal.state.finished().is_some()
            },
        ));
    }
    if model.backups > 0 {
        properties.push(Property::sometimes(
            "what a backup brought back is resolved",
            |_, world: &World| world.store.is_a_backup && is_over(world),
        ));
    }
    if model.mends > 0 {
        properties.push(Property::sometimes(
            "what a sidecar was to be set aside for is mended, and its write is rolled forward",
            |_, world: &World| finished_as(world, OutcomeKind::RolledForward) && is_over(world),
        ));
        properties.push(Property::sometimes(
            "a dismissal that is on record is opened again",
            |_, world: &World| {
                let state = &world.store.journal.state;
                state.finished().is_none()
                    && !state.interrupted().is_empty()
                    && state.stand_in().is_none()
            },
        ));
    }
    if model.dataset_changes > 0 {
        properties.push(Property::sometimes(
            "a dataset of somebody else stands where that of the write was, and the write is taken back",
            |_, world: &World| world.store.dataset.is_foreign() && is_resolved(world),
        ));
        properties.push(Property::sometimes(
            "a dataset of the write stays, as somebody else uses it, and a person has to look",
            |_, world: &World| world.store.dataset.is_left() && can_only_be_looked_at(world),
        ));
    }
    let outcome = match (model.subject, model.committed) {
        (Subject::Undo | Subject::Write9 | Subject::Schema9, _) | (Subject::Write, 1) => {
            OutcomeKind::RolledBack
        }
        (Subject::Merge, 2 | 3) => OutcomeKind::RolledForward,
        (Subject::Write, 2) if model.stranger => OutcomeKind::RolledBack,
        (Subject::Write, 2) => OutcomeKind::RolledForward,
        (Subject::Merge, 1) => OutcomeKind::RolledBack,
        _ => OutcomeKind::CleanedUp,
    };
    properties.push(match outcome {
        OutcomeKind::RolledForward => {
            Property::sometimes("it is rolled forward", |_, world: &World| {
                finished_as(world, OutcomeKind::RolledForward)
            })
        }
        OutcomeKind::RolledBack => Property::sometimes("it is rolled back", |_, world: &World| {
            finished_as(world, OutcomeKind::RolledBack)
        }),
        _ => Property::sometimes("it is cleaned up", |_, world: &World| {
            finished_as(world, OutcomeKind::CleanedUp)
        }),
    });
    properties
}

/// Whether nothing is left to do: it is finished and noted as closed, its writer finished it, or a person has to look.
pub(crate) fn is_over(world: &World) -> bool {
    let store = &world.store;
    is_resolved(world) || (store.journal.state.attempt().is_none() && !store.is_pending())
}

fn is_resolved(world: &World) -> bool {
    let store = &world.store;
    store.journal.state.finished().is_some() && store.closed && !store.has_its_file()
}

/// Whether nobody is at it, and nothing that is there could be approved.
fn can_only_be_looked_at(world: &World) -> bool {
    world.store.journal.state.attempt().is_none() && pending(&world.store, Flaw::None).is_none()
}

fn finished_as(world: &World, outcome: OutcomeKind) -> bool {
    world.store.journal.outcome() == Some(outcome)
}
