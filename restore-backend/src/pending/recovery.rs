//! One pending recovery.

use sidecar::journal::JournalState;
use sidecar::{ListedSidecar, OperationId};

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
        if self.stands_in_for.is_some() {
            return None;
        }
        let operation_id = self.listed.file.operation_id()?;
        (self.listed.file.file == operation_id.file_name()).then_some(operation_id)
    }

    /// The state of this operation's own journal; `None` if the journal is of a dismissal under a derived id.
    pub(crate) fn own_journal(&self) -> Option<&JournalState> {
        let state = &self.journal.as_ref()?.state;
        (self.operation_id().as_ref() == Some(state.operation_id())).then_some(state)
    }
}
