//! Whose the Lance commits on a table are, as far as they themselves and the journals say.

use crate::follow_up::late_commit_id;
use crate::ids::OperationId;
use crate::observation::{Observation, TableObservation, Transaction};
use crate::sidecar::{Sidecar, TablePin};

/// A sidecar, and all that tells which commits are its write's.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) sidecar: &'a Sidecar,
    pub(super) observation: &'a Observation,
}

impl Whose<'_> {
    /// Whether the sidecar stands for the undo of a recovery. All that an undo commits to a table is one Restore.
    pub(super) const fn is_undo(self) -> bool {
        self.observation.recorded.undo.is_some()
    }

    /// Whether every commit of this write names its operation, so that one which names none is not the write's.
    pub(super) fn names_every_commit(self) -> bool {
        self.is_undo() || self.observation.catalog.names_its_writers()
    }

    /// Why HEAD does not belong to this write, although its number fits.
    pub(super) fn disowned(
        self,
        table: &TableObservation,
        pinned: u64,
        head: u64,
    ) -> Option<String> {
        let place = format!(
            "HEAD {head} = pin {pinned} + {}",
            head.saturating_sub(pinned)
        );
        if self.is_undo() {
            return (!self.brought_back(table, head)).then(|| match self
                .observation
                .recorded
                .target_of(table)
            {
                Some(target) => format!(
                    "{place}, but it is not the Restore of version {target} that this undo planned and has on record: it is not this undo's"
                ),
                None => format!(
                    "{place}, but this undo brings back no version of this table: it is not this undo's"
                ),
            });
        }
        if let Some(restored) = self.undone_to(table, head) {
            return Some(format!(
                "HEAD {head} > pin {pinned}, but is a Restore of version {restored}: whatever this writer had committed there is taken back"
            ));
        }
        match table.written_by() {
            Some(other) if other != self.own() => Some(format!(
                "{place}, but operation {other} committed it, not this one"
            )),
            None if self.names_every_commit() => Some(format!(
                "{place}, but not every commit above the pin names an operation, and the writers of this catalog name theirs: it is not this writer's"
            )),
            _ => None,
        }
    }

    /// Whether `version` is the Restore by which this undo brings back what it planned to.
    fn brought_back(self, table: &TableObservation, version: u64) -> bool {
        let recorded = &self.observation.recorded;
        let Some(made_by) = table.transaction_at(version) else {
            return false;
        };
        recorded.target_of(table).is_some()
            && made_by.restored_version == recorded.target_of(table)
            && made_by.recovery() == Some(self.own())
            && recorded.knows(table, version)
    }

    /// The version that a Restore at HEAD returned to, for kinds whose number of commits is not known. Such a writer never restores,
    /// so a recovery began to take this write back.
    fn undone_to(self, table: &TableObservation, head: u64) -> Option<u64> {
        if self.sidecar.writer_kind.commits_each_table_once() {
            return None;
        }
        table.transaction_at(head)?.restored_version
    }

    /// Whether the pin contains this write: each version after `expected_version` up to the pin is readable, none is a Restore other
    /// than this undo's own, and those up to its last one are this write's.
    pub(super) fn is_published(self, pin: &TablePin, table: &TableObservation) -> bool {
        let pinned = table.pinned.version().unwrap_or_default();
        let first = pin.expected_version.saturating_add(1);
        // On a Lance branch that does not exist there is no write.
        if table.head.version().is_none() {
            return false;
        }
        let stays = |version| {
            let made_by = table.transaction_at(version);
            made_by.is_some_and(|made_by| !is_restore(made_by)) || self.brought_back(table, version)
        };
        if !(first..=pinned).all(stays) {
            return false;
        }
        if self.is_undo() {
            return pin.post_commit_pin == first && self.brought_back(table, first);
        }
        (first..=pin.last_own_version().max(first)).all(|version| {
            let writer = table.transaction_at(version).and_then(Transaction::writer);
            match writer {
                Some(writer) => writer == self.own(),
                None => !self.names_every_commit(),
            }
        })
    }

    /// Whether a commit says that it is this write's, or is on record as an effect of ours.
    pub(super) fn claims(
        self,
        table: &TableObservation,
        version: u64,
        made_by: &Transaction,
    ) -> bool {
        if self.observation.recorded.knows(table, version) {
            return true;
        }
        let is_late = |writer: &str| {
            writer.parse().is_ok_and(|writer: OperationId| {
                late_commit_id(&writer, &table.table_key) == self.sidecar.operation_id
            })
        };
        let is_own = |writer: &str| writer == self.own() || is_late(writer);
        !self.is_undo() && made_by.writer().is_some_and(is_own)
    }

    fn own(&self) -> &str {
        self.sidecar.operation_id.as_str()
    }
}

fn is_restore(made_by: &Transaction) -> bool {
    made_by.operation == "Restore" || made_by.restored_version.is_some()
}
