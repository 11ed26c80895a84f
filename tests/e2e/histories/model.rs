//! What a reader and an operator have to see, in a few lines that know nothing of Lance, journals or plans.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sidecar::{OperationId, OutcomeKind};
use two_phase_writer::Prepared;

use crate::support::Visible;

pub const TABLES: [&str; 3] = ["edge:Wrote", "node:Author", "node:Book"];
/// The numbers of the rows every table starts with.
const FIRST_ROWS: std::ops::Range<u64> = 0..10;

/// Stands for the operation of a commit that names none.
const NOBODY: &str = "00000000000000000000000000";

pub type Tables = BTreeSet<&'static str>;

/// A write whose sidecar is still there.
#[derive(Debug, Clone)]
pub struct Pending {
    pub operation: OperationId,
    /// The numbers of the rows it writes to each of its tables.
    pub rows: BTreeSet<u64>,
    pub tables: Tables,
    /// Tables that hold its commit, unpublished.
    pub committed: Tables,
    pub published: bool,
    /// It was left by the undo of a roll back: half a write, whatever its versions say.
    pub never_whole: bool,
}

impl Pending {
    /// A write that has just begun.
    pub fn begun(prepared: &Prepared, tables: &Tables, rows: Range<u64>) -> Self {
        Self {
            operation: prepared.operation_id().clone(),
            rows: rows.collect(),
            tables: tables.clone(),
            committed: Tables::new(),
            published: false,
            never_whole: false,
        }
    }

    /// How its recovery ends, and which tables that moves. Commits on its tables that belong to no sidecar are taken back with it.
    pub fn expected(&self, strangers: &Tables) -> (OutcomeKind, Tables) {
        let touched: Tables = self.committed.union(strangers).copied().collect();
        let whole = !self.never_whole && self.committed == self.tables;
        let outcome = match () {
            () if touched.is_empty() => OutcomeKind::CleanedUp,
            () if whole => OutcomeKind::RolledForward,
            () => OutcomeKind::RolledBack,
        };
        (outcome, touched)
    }
}

/// What somebody does to a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The end is missing.
    Cut,
    /// One bit is another.
    Flip,
    Delete,
    /// It is well-formed, and of a version nobody here knows.
    Replace,
}

impl Damage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "damaged: cut",
            Self::Flip => "damaged: flip",
            Self::Delete => "damaged: delete",
            Self::Replace => "damaged: replace",
        }
    }
}

/// A write whose sidecar says nothing any more that could be acted on.
#[derive(Debug, Clone)]
pub struct Damaged {
    pub write: Pending,
    pub damage: Damage,
}

/// What taking the last recovery back does.
#[derive(Debug, Clone)]
pub enum Undoing {
    /// The rows it showed are gone again.
    Hides,
    /// The rows that were taken away are there again.
    Shows,
    /// The commits that were taken back are there again, under a sidecar of their own.
    Announces,
    /// That sidecar is recovered.
    Recovers(OperationId),
}

/// The last recovery or undo.
#[derive(Debug, Clone)]
pub struct Last {
    pub operation: OperationId,
    pub write: Pending,
    pub undoing: Undoing,
    pub touched: Tables,
    stamps: BTreeMap<&'static str, u64>,
}

impl Last {
    /// The tables its undo is about.
    fn covered(&self) -> &Tables {
        match self.undoing {
            Undoing::Announces => &self.write.tables,
            _ => &self.touched,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    rows: BTreeMap<&'static str, BTreeSet<u64>>,
    /// Counts every change of a table's HEAD or pin.
    stamps: BTreeMap<&'static str, u64>,
    pub pending: Vec<Pending>,
    pub damaged: Vec<Damaged>,
    pub last: Option<Last>,
    pub broken_files: u64,
    /// Files among the sidecars that are none.
    pub refused: BTreeSet<String>,
    /// Tables of which readers are shown a version that was cleaned away.
    pub unreadable: Tables,
    /// Writes that cannot be taken back, since what they began from was cleaned away.
    pub stuck: BTreeSet<OperationId>,
}

impl Model {
    pub fn new() -> Self {
        Self {
            rows: TABLES.map(|table| (table, FIRST_ROWS.collect())).into(),
            stamps: TABLES.map(|table| (table, 0)).into(),
            ..Self::default()
        }
    }

    pub fn visible(&self) -> Visible {
        let rows = self.rows.iter();
        let readable = rows.filter(|(table, _)| !self.unreadable.contains(*table));
        readable
            .map(|(table, rows)| ((*table).to_owned(), rows.iter().copied().collect()))
            .collect()
    }

    pub fn show(&mut self, tables: &Tables, rows: &BTreeSet<u64>) {
        for table in tables {
            self.rows.entry(table).or_default().extend(rows);
        }
    }

    pub fn hide(&mut self, tables: &Tables, rows: &BTreeSet<u64>) {
        for table in tables {
            self.rows
                .entry(table)
                .or_default()
                .retain(|row| !rows.contains(row));
        }
    }

    pub fn touch(&mut self, tables: &Tables) {
        for table in tables {
            *self.stamps.entry(table).or_default() += 1;
        }
    }

    /// Tables whose HEAD is above their pin.
    pub fn drifting(&self) -> Tables {
        let damaged = self.damaged.iter().map(|damaged| &damaged.write);
        let writes = self.pending.iter().chain(damaged);
        writes.flat_map(|write| &write.committed).copied().collect()
    }

    /// Tables of a write on which commits stand whose sidecar is damaged or gone: they are nobody's then.
    pub fn strangers_commits(&self, write: &Pending) -> Tables {
        let damaged = self.damaged.iter();
        let commits = damaged.flat_map(|damaged| &damaged.write.committed);
        commits
            .filter(|table| write.tables.contains(*table))
            .copied()
            .collect()
    }

    pub fn forget_commits(&mut self, tables: &Tables) {
        for damaged in &mut self.damaged {
            damaged
                .write
                .committed
                .retain(|table| !tables.contains(table));
        }
    }

    /// Writes that hold others up: those whose sidecar still says which tables it is about.
    fn holding(&self) -> impl Iterator<Item = &Pending> {
        let damaged = self.damaged.iter();
        let replaced = damaged.filter(|damaged| damaged.damage == Damage::Replace);
        self.pending
            .iter()
            .chain(replaced.map(|damaged| &damaged.write))
    }

    fn waits(&self, write: &Pending) -> bool {
        self.holding().any(|other| {
            other.operation < write.operation && !other.tables.is_disjoint(&write.tables)
        })
    }

    pub fn pending_and_waiting(&self) -> BTreeMap<String, bool> {
        let pending = self.pending.iter();
        pending
            .map(|write| (write.operation.to_string(), self.waits(write)))
            .collect()
    }

    /// The oldest pending operation that waits for none.
    pub fn recoverable(&self) -> Option<OperationId> {
        let free = self
            .pending
            .iter()
            .filter(|write| !self.waits(write) && !self.stuck.contains(&write.operation));
        free.map(|write| write.operation.clone()).min()
    }

    /// The write is pending no more.
    pub fn take(&mut self, operation: &OperationId) -> Pending {
        let place = self
            .pending
            .iter()
            .position(|write| write.operation == *operation);
        self.pending.remove(place.unwrap())
    }

    pub fn is_last(
        &mut self,
        operation: OperationId,
        write: Pending,
        undoing: Undoing,
        touched: Tables,
    ) {
        self.last = Some(Last {
            operation,
            write,
            undoing,
            touched,
            stamps: self.stamps.clone(),
        });
    }

    pub fn can_undo(&self, last: &Last) -> bool {
        if let Undoing::Recovers(operation) = &last.undoing {
            let mut pending = self.pending.iter();
            return pending.any(|write| {
                let touched = write.expected(&self.strangers_commits(write)).1;
                write.operation == *operation
                    && !self.waits(write)
                    && touched.is_disjoint(&self.unreadable)
            });
        }
        let moved = last
            .touched
            .iter()
            .any(|table| self.stamps[table] != last.stamps[table]);
        let overlapped = self
            .holding()
            .any(|write| !write.tables.is_disjoint(last.covered()));
        !last.touched.is_empty() && !moved && !overlapped
    }

    /// Somebody committed to a table who names no operation and leaves no sidecar.
    pub fn is_nobodys(&mut self, table: &'static str) {
        self.touch(&Tables::from([table]));
        let write = Pending {
            operation: NOBODY.parse().unwrap(),
            rows: BTreeSet::new(),
            tables: Tables::from([table]),
            committed: Tables::from([table]),
            published: false,
            never_whole: false,
        };
        self.damaged.push(Damaged {
            write,
            damage: Damage::Delete,
        });
    }

    /// A file that is no sidecar is gone, its bytes on record. The commits on the tables of its write stay.
    pub fn set_aside(&mut self, file: &str) {
        assert!(self.refused.remove(file));
        for damaged in &mut self.damaged {
            if damaged.write.operation.file_name() == file {
                damaged.damage = Damage::Delete;
            }
        }
    }
}
