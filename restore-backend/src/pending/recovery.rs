//! One pending recovery.

use sidecar::journal::JournalState;
use sidecar::{ListedSidecar, OperationId};

use crate::journal_store::{Journal, JournalStoreError};

/// One pending recovery: a sidecar with its place among the others, and its journal if it has one.
#[derive(Debug)]
pub(crate) struct PendingRecovery {
    pub(crate) listed: ListedSidecar,
    /// What its journal adds up to; the records themselves are not kept.
    /// Where the file is being set aside under an operation of its own, it is that one's.
    pub(crate) journal: Option<Journal>,
    /// Why its journal tells nothing, if it has one that does not verify or cannot be read. It is refused then, and no other is.
    pub(crate) broken: Option<JournalStoreError>,
    /// The operation in the place of whose sidecar this file stands, if it does.
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

    /// What the journal of this very operation adds up to: not of one that sets the file aside under an id of its own.
    pub(crate) fn own_journal(&self) -> Option<&JournalState> {
        let state = &self.journal.as_ref()?.state;
        (self.operation_id().as_ref() == Some(state.operation_id())).then_some(state)
    }
}
