//! What is pending in a root: sidecar files, and journaled operations without a terminal record.

mod gathered;
mod journals;

use sidecar::journal::JournalState;
use sidecar::{ListedSidecar, OperationId, Reason};

use crate::journal_store::{Journal, JournalStoreError};
use crate::off_thread;
use crate::root::Root;
use crate::service::ServiceError;
use crate::sidecar_dir;

use gathered::Gathered;
use journals::{Found, ListedJournals};

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

/// Everything that is pending, oldest first: one listing and one read per sidecar, one listing of the open operations, and a
/// listing and the records of every journal that is open or belongs to a sidecar.
///
/// `wanted` is the operation or the file that this is about, if it is about one: its bytes are kept, and nobody else's.
pub(crate) async fn pending(
    root: &Root,
    wanted: Option<&str>,
) -> Result<Vec<PendingRecovery>, ServiceError> {
    Ok(pending_and_skipped(root, wanted).await?.0)
}

/// As [`pending`], with what was met beside it that should not be there and stands in nobody's way.
pub(crate) async fn pending_and_skipped(
    root: &Root,
    wanted: Option<&str>,
) -> Result<(Vec<PendingRecovery>, Vec<Reason>), ServiceError> {
    let limits = root.limits();
    let (names, mut listed) = futures::try_join!(
        async {
            sidecar_dir::list_names(root.objects(), &limits)
                .await
                .map_err(ServiceError::from)
        },
        async {
            ListedJournals::of(root, wanted)
                .await
                .map_err(ServiceError::from)
        },
    )?;
    let skipped = listed.take_skipped();
    let found = listed.found(root, names.files(), &limits);
    let (files, found) = futures::join!(names.read(root.objects(), &limits, wanted), found);
    let Found {
        journals,
        unsettled,
    } = found;
    // Sorting and comparing takes long where there are very many.
    let bytes = files.len().saturating_mul(size_of::<PendingRecovery>());
    let recoveries = off_thread::in_place(bytes, || {
        Gathered::of(files, &journals, &unsettled, &limits).with_their_journals(journals)
    });
    Ok((recoveries, skipped))
}
