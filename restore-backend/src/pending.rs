//! What is pending in a root: sidecar files, and journaled operations without a terminal record.

mod gathered;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use sidecar::journal::JournalState;
use sidecar::{Limits, ListedSidecar, OperationId, Reason};

use crate::journal_store::{self, Journal, JournalEntryOfListing, JournalStoreError};
use crate::root::Root;
use crate::service::ServiceError;
use crate::sidecar_dir;

use gathered::{Gathered, Journals};

/// Journals read at the same time.
const JOURNALS_AT_ONCE: usize = 16;

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

/// Everything that is pending, oldest first: one listing and one read per sidecar, one listing of all journals, and the records
/// of those that are open.
pub(crate) async fn pending(root: &Root) -> Result<Vec<PendingRecovery>, ServiceError> {
    Ok(pending_and_skipped(root).await?.0)
}

/// As [`pending`], with what was met beside it that should not be there and stands in nobody's way.
pub(crate) async fn pending_and_skipped(
    root: &Root,
) -> Result<(Vec<PendingRecovery>, Vec<Reason>), ServiceError> {
    let limits = root.limits();
    let (names, (journals, skipped)) = futures::try_join!(
        async {
            sidecar_dir::list_names(root.objects(), &limits)
                .await
                .map_err(ServiceError::from)
        },
        async {
            journal_store::list_all(root.objects())
                .await
                .map_err(ServiceError::from)
        },
    )?;
    let unsettled: BTreeSet<OperationId> = journals
        .iter()
        .filter(|(_, journal)| journal.claimed && !journal.closed)
        .map(|(operation_id, _)| operation_id.clone())
        .collect();
    let open = open_journals(root, names.files(), journals, &limits);
    let (files, open) = futures::join!(names.read(root.objects(), &limits), open);
    let recoveries = Gathered::of(files, &open, &unsettled, &limits).with_their_journals(open);
    Ok((recoveries, skipped.into_reasons()))
}

/// Journals that may still say something: of operations whose sidecar is there, and of those that are not closed. One that is not
/// marked as claimed may be for all that, if its executor died right then.
fn open_journals<'a>(
    root: &'a Root,
    files: BTreeSet<String>,
    journals: BTreeMap<OperationId, JournalEntryOfListing>,
    limits: &'a Limits,
) -> impl Future<Output = Journals> + 'a {
    let is_open = |operation_id: &OperationId, journal: &JournalEntryOfListing| {
        files.contains(&operation_id.file_name()) || !journal.closed
    };
    let loads: Vec<_> = journals
        .into_iter()
        .filter(|(operation_id, journal)| journal.records > 0 && is_open(operation_id, journal))
        .map(|(operation_id, listed)| load(root, operation_id, listed, limits))
        .collect();
    futures::stream::iter(loads)
        .buffer_unordered(JOURNALS_AT_ONCE)
        .collect()
}

async fn load(
    root: &Root,
    operation_id: OperationId,
    listed: JournalEntryOfListing,
    limits: &Limits,
) -> (OperationId, Result<Journal, JournalStoreError>) {
    let journal = Journal::load_listed(root.objects(), &operation_id, listed, limits).await;
    // What they add up to is all that is asked here, and many are held together.
    (operation_id, journal.map(Journal::folded))
}
