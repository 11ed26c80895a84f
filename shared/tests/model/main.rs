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
mod others;
mod properties;
mod store;
mod subject;
mod writer;

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use sidecar::executor::CATALOG_TRIES_MAX;
use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use console::{Console, approve, can_apply, can_approve, pending};
use flaw::Flaw;
use journal::Journal;
use others::{Merge, clean_up, commit_namelessly};
use properties::{
    ALL_SHOWN, BURIED, CONSENTED, COVERED, ENDED, IS_THERE, MERGED, NAMED, ONE_HOLDS, PLANNED,
    PUBLISHED_ONCE, RECORDED, RESTORED_ONCE, RETIRED, SAID, STAYS, WHOLE, is_over,
};
use store::{LATER, SLOW, Store};
use subject::Subject;
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
    /// What is carried out.
    subject: Subject,
    /// Whether the later writer began when the slow one did, from the same pins, on both tables.
    rival: bool,
    /// Whether a merge is alive, though it looks dead.
    live_merge: bool,
    /// How often somebody commits who names no operation.
    nameless: u8,
    /// How often a cleanup removes the old versions of a table.
    cleanups: u8,
    /// How often the tables, the catalog and the sidecars are brought back from a backup, when nobody works on them.
    backups: u8,
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
    merge: Merge,
    nameless_left: u8,
    cleanups_left: u8,
    backups_left: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Write(usize),
    Merge,
    CommitNamelessly(usize),
    CleanUp(usize),
    BringBack,
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
        assert!(
            !self.is_reduced() || !self.has_others(),
            "what is left out is shown to change nothing without those who know of no protocol"
        );
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
            tables: match self.rival {
                true => vec![(0, 1), (1, 1)],
                false => vec![(1, 1)],
            },
            at: match (self.later_writer, self.rival) {
                (_, true) => At::Check(0),
                (true, _) => At::Start,
                _ => At::Ended,
            },
            acknowledged: false,
        };
        let by_history = matches!(self.depth, Depth::Histories(_));
        let mut world = World {
            store: Store {
                is_cleaned: self.cleanups > 0,
                ..Store::crashed(
                    self.subject,
                    self.committed,
                    self.stranger,
                    Journal::new(self.subject, by_history),
                )
            },
            writers: [slow, later],
            consoles: vec![Console::Idle; self.consoles],
            crashes_left: self.crashes,
            merge: match self.live_merge {
                true => Merge::after(self.committed),
                false => Merge::Ended { published: false },
            },
            nameless_left: self.nameless,
            cleanups_left: self.cleanups,
            backups_left: self.backups,
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
        if !world.merge.is_ended() {
            acts.push(Act::Merge);
        }
        for table in 0..2 {
            if world.nameless_left > 0 {
                acts.push(Act::CommitNamelessly(table));
            }
            if world.cleanups_left > 0 && world.store.head(table) > 1 {
                acts.push(Act::CleanUp(table));
            }
        }
        if world.backups_left > 0 {
            acts.push(Act::BringBack);
        }
        if !self.is_reduced() && can_approve(&world.store, self.flaw).is_some() {
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
            merge,
            nameless_left,
            cleanups_left,
            backups_left,
        } = &mut world;
        let flaw = self.flaw;
        let mut recorded_by = None;
        match act {
            Act::Write(index) => writers[index].act(store, flaw),
            Act::Merge => merge.act(store),
            Act::CommitNamelessly(table) => {
                *nameless_left -= 1;
                commit_namelessly(store, table);
            }
            Act::CleanUp(table) => {
                *cleanups_left -= 1;
                clean_up(store, table);
            }
            Act::BringBack => {
                *backups_left -= 1;
                let image = self.init_states().remove(0);
                store.bring_back(image.store);
                *consoles = image.consoles;
                for writer in writers {
                    writer.at = At::Ended;
                    writer.acknowledged = false;
                }
                *merge = Merge::Ended { published: false };
            }
            Act::Approve => approve(store, can_approve(store, flaw)?),
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

    fn has_others(&self) -> bool {
        self.subject != Subject::Write
            || self.rival
            || self.live_merge
            || self.nameless + self.cleanups + self.backups > 0
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
    let wrong = violated(model);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What does not hold, and how it comes about; what never comes about though it must.
fn violated(model: Recovery) -> Vec<String> {
    let begun = std::time::Instant::now();
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{model:?}: {} states, {} transitions, {} deep, {:.1?}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed()
    );
    let discoveries = checker.discoveries();
    let properties = checker.model().properties().into_iter();
    properties
        .filter_map(
            |property| match (property.expectation, discoveries.get(property.name)) {
                (Expectation::Always, Some(path)) => {
                    let acts = path.clone().into_actions();
                    Some(format!("not so: {}, after {acts:?}", property.name))
                }
                (Expectation::Sometimes, None) => Some(format!("never: {}", property.name)),
                _ => None,
            },
        )
        .collect()
}

const ALL: Recovery = Recovery {
    committed: 1,
    crashes: 2,
    consoles: 2,
    later_writer: true,
    slow_writer: true,
    stranger: false,
    subject: Subject::Write,
    rival: false,
    live_merge: false,
    nameless: 0,
    cleanups: 0,
    backups: 0,
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

/// Every world that can come about from which no way leads to an end: one where the operation is resolved, or where there is nothing
/// that could be approved, with reasons that a person can read. The first of them, if there is any.
fn stuck(model: &Recovery) -> (usize, Option<World>) {
    let mut places = HashMap::new();
    let (mut worlds, mut came_from, mut ends) = (Vec::new(), Vec::<Vec<usize>>::new(), Vec::new());
    let mut pending: Vec<(World, Option<usize>)> = model
        .init_states()
        .into_iter()
        .map(|world| (world, None))
        .collect();
    let mut acts = Vec::new();
    while let Some((world, from)) = pending.pop() {
        let place = *places.entry(fingerprint(&world)).or_insert(worlds.len());
        let is_new = place == worlds.len();
        if is_new {
            came_from.push(Vec::new());
            if is_over(&world) || needs_a_person(&world, model.flaw) {
                ends.push(place);
            }
            model.actions(&world, &mut acts);
            let next = acts.drain(..);
            pending.extend(
                next.filter_map(|act| model.next_state(&world, act))
                    .map(|next| (next, Some(place))),
            );
            worlds.push(world);
        }
        came_from[place].extend(from);
    }
    let mut can_end = vec![false; worlds.len()];
    while let Some(place) = ends.pop() {
        if !std::mem::replace(&mut can_end[place], true) {
            ends.extend(&came_from[place]);
        }
    }
    let count = worlds.len();
    let mut stuck = worlds.into_iter().zip(can_end).filter(|(_, can)| !can);
    (count, stuck.next().map(|(world, _)| world))
}

/// Nobody is at it, and nothing that is there could be approved.
fn needs_a_person(world: &World, flaw: Flaw) -> bool {
    world.store.journal.state.attempt().is_none() && pending(&world.store, flaw).is_none()
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

/// Others are at work who know of no protocol, or the storage is not what it was. Each with every interleaving of every request.
const OTHERS: [(&str, Recovery); 16] = {
    let alone = Recovery {
        consoles: 2,
        crashes: 1,
        later_writer: false,
        slow_writer: false,
        depth: Depth::Requests,
        ..ALL
    };
    let whole = Recovery {
        committed: 2,
        ..alone
    };
    let undo = Recovery {
        subject: Subject::Undo,
        ..whole
    };
    let merge = Recovery {
        subject: Subject::Merge,
        live_merge: true,
        consoles: 1,
        ..alone
    };
    let rival = Recovery {
        committed: 0,
        rival: true,
        ..alone
    };
    [
        (
            "somebody commits without a name during an undo",
            Recovery {
                nameless: 1,
                ..undo
            },
        ),
        (
            "somebody commits without a name during a roll back",
            Recovery {
                nameless: 1,
                ..alone
            },
        ),
        (
            "somebody commits without a name during a roll forward",
            Recovery {
                nameless: 1,
                ..whole
            },
        ),
        ("a second writer on the same pins wins", rival),
        (
            "two writers on the same pins, both alive",
            Recovery {
                slow_writer: true,
                consoles: 1,
                ..rival
            },
        ),
        ("a merge is alive that made its first commit", merge),
        (
            "a merge is alive that committed once to each of its tables",
            Recovery {
                committed: 2,
                ..merge
            },
        ),
        (
            "a merge is alive that committed all there is",
            Recovery {
                committed: 3,
                ..merge
            },
        ),
        (
            "a merge is alive, and somebody else commits without a name",
            Recovery {
                committed: 2,
                nameless: 1,
                ..merge
            },
        ),
        (
            "a backup comes back under the journal of a roll back",
            Recovery {
                backups: 1,
                ..alone
            },
        ),
        (
            "a backup comes back under the journal of a roll forward",
            Recovery {
                backups: 1,
                ..whole
            },
        ),
        (
            "a backup comes back under the journal of an undo",
            Recovery { backups: 1, ..undo },
        ),
        (
            "a backup comes back under the journal of a roll back, and somebody commits without a name",
            Recovery {
                backups: 1,
                nameless: 1,
                consoles: 1,
                ..alone
            },
        ),
        (
            "old versions are cleaned away during a roll back",
            Recovery {
                cleanups: 2,
                ..alone
            },
        ),
        (
            "old versions are cleaned away during a roll forward",
            Recovery {
                cleanups: 2,
                ..whole
            },
        ),
        (
            "old versions are cleaned away during an undo",
            Recovery {
                cleanups: 2,
                ..undo
            },
        ),
    ]
};

#[test]
fn whoever_else_is_at_work_nothing_is_lost() {
    let mut wrong = Vec::new();
    for (what, case) in OTHERS {
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
    for (what, case) in OTHERS {
        let (count, stuck) = stuck(&case);
        println!("{what}: a way to an end from each of {count} states");
        wrong.extend(stuck.map(|world| format!("{what}: no way to an end from {:?}", world.store)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

/// What could never come to an end is noticed.
#[test]
fn an_attempt_that_comes_to_no_end_is_noticed() {
    let case = Recovery {
        consoles: 1,
        crashes: 0,
        committed: 2,
        later_writer: false,
        slow_writer: false,
        cleanups: 1,
        depth: Depth::Requests,
        flaw: Flaw::TagsWhatIsGone,
        ..ALL
    };
    assert!(stuck(&case).1.is_some());
    let flaw = Flaw::None;
    assert!(stuck(&Recovery { flaw, ..case }).1.is_none());
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
    let alone = Recovery {
        later_writer: false,
        slow_writer: false,
        ..one
    };
    let undo = Recovery {
        subject: Subject::Undo,
        committed: 2,
        crashes: 1,
        nameless: 1,
        ..alone
    };
    let rival = Recovery {
        committed: 0,
        rival: true,
        ..alone
    };
    let merge = Recovery {
        subject: Subject::Merge,
        committed: 2,
        live_merge: true,
        ..alone
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
        (Flaw::BelievesNumbersOfAnUndo, undo, vec![WHOLE, NAMED]),
        (Flaw::BelievesNumbersOfARace, rival, vec![RECORDED]),
        (Flaw::LooksAtPinsOnly, merge, vec![ALL_SHOWN]),
        (Flaw::PublishesOnWhatIsLast, merge, vec![MERGED]),
        (
            Flaw::BelievesWhatACommitSays,
            Recovery {
                nameless: 1,
                ..merge
            },
            vec![NAMED],
        ),
        (
            Flaw::BelievesItsRecord,
            Recovery {
                committed: 2,
                backups: 1,
                ..alone
            },
            vec![COVERED, SAID],
        ),
        (
            Flaw::DeletesWithoutHold,
            Recovery {
                committed: 2,
                consoles: 2,
                backups: 1,
                ..alone
            },
            vec![RETIRED],
        ),
        (
            Flaw::BelievesItsSteps,
            Recovery {
                backups: 1,
                crashes: 1,
                ..alone
            },
            vec![IS_THERE],
        ),
        (
            Flaw::EndsWhatOthersBegan,
            Recovery {
                consoles: 2,
                ..alone
            },
            vec![ENDED],
        ),
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
