//! How the world moves on, one act at a time.

use stateright::{Model, Property};

use crate::approving::{approve, can_apply, can_approve};
use crate::console::Console;
use crate::dataset::DatasetChange;
use crate::file::FileChange;
use crate::journal::Journal;
use crate::others::{Merge, clean_up, commit_namelessly};
use crate::properties;
use crate::store::{LATER, SLOW, Store};
use crate::world::{Act, Depth, Recovery, World};
use crate::writer::{At, Writer};

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
            mends_left: self.mends,
            file_changes_left: self.file_changes,
            dataset_changes_left: self.dataset_changes,
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
        if world.mends_left > 0 {
            acts.push(Act::Mend);
        }
        if world.file_changes_left > 0 {
            let changes = FileChange::ALL.into_iter();
            let possible = changes.filter(|change| change.can_happen(&world.store));
            acts.extend(possible.map(Act::ChangeFile));
        }
        if world.dataset_changes_left > 0 {
            let changes = DatasetChange::ALL.into_iter();
            let possible = changes.filter(|change| change.can_happen(&world.store));
            acts.extend(possible.map(Act::ChangeDataset));
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
            mends_left,
            file_changes_left,
            dataset_changes_left,
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
            // Whoever looked before, and deletes the file only now, set aside what was stuck when it looked.
            Act::Mend => {
                *mends_left -= 1;
                store.is_damaged = false;
                consoles.fill(Console::Idle);
            }
            Act::ChangeFile(change) => {
                *file_changes_left -= 1;
                change.happen(store);
            }
            Act::ChangeDataset(change) => {
                *dataset_changes_left -= 1;
                change.happen(store);
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
