//! One pending recovery.

use sidecar::follow_up::StuckFile;
use sidecar::journal::JournalState;
use sidecar::{ListedSidecar, OperationId, PendingEntry};

use super::journals::Journals;
use root_objects::journal_store::{Journal, JournalStoreError};

/// One pending recovery: a sidecar with its place among the others, and its journal if it has one.
#[derive(Debug)]
pub(crate) struct PendingRecovery {
    pub(crate) listed: ListedSidecar,
    /// Folded state of its journal. If the file is being dismissed under a derived id, the dismissal's journal.
    pub(crate) journal: Option<Journal>,
    /// Why its journal does not verify or cannot be read. This recovery is then refused, and no other.
    pub(crate) broken: Option<JournalStoreError>,
    /// The operation whose claimed sidecar bears this file's name, with other bytes.
    pub(crate) stands_in_for: Option<String>,
}

impl PendingRecovery {
    /// The operation this entry stands for; a duplicate, misnamed or replaced file stands for none.
    pub(crate) fn operation_id(&self) -> Option<OperationId> {
        match self.stands_in_for {
            Some(_) => None,
            None => self.listed.file.own_operation(),
        }
    }

    /// The entry with the journal that tells about it, out of `journals`. A dismissal whose journal cannot be trusted is not known.
    pub(super) fn of(entry: PendingEntry, journals: &mut Journals) -> Self {
        let PendingEntry {
            listed,
            journal,
            stands_in_for,
        } = entry;
        let (journal, broken) = match journal.and_then(|id| journals.remove(&id)) {
            Some(Ok(journal)) => (Some(journal), None),
            Some(Err(_)) if stands_in_for.is_some() => (None, None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        Self {
            listed,
            journal,
            broken,
            stands_in_for,
        }
    }

    /// The entry that [`sidecar::pending`] made.
    pub(crate) fn into_entry(self) -> PendingEntry {
        PendingEntry {
            journal: self
                .journal
                .map(|journal| journal.state.operation_id().clone()),
            listed: self.listed,
            stands_in_for: self.stands_in_for,
        }
    }

    /// The file and its operation, to find out why it can be set aside.
    pub(crate) fn stuck(&self) -> StuckFile<'_> {
        StuckFile {
            listed: &self.listed,
            operation: self.operation_id(),
            journal: self.journal.as_ref().map(|journal| &journal.state),
            is_journal_broken: self.broken.is_some(),
        }
    }

    /// The state of this operation's own journal; `None` if the journal is of a dismissal under a derived id.
    pub(crate) fn own_journal(&self) -> Option<&JournalState> {
        let state = &self.journal.as_ref()?.state;
        (self.operation_id().as_ref() == Some(state.operation_id())).then_some(state)
    }
}
