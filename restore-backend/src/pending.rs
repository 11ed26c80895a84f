//! What is pending in a root: sidecar files, and journaled operations without a terminal record.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::TryStreamExt;
use sidecar::{Limits, ListedSidecar, OperationId, SidecarFile, assemble};

use crate::journal_store::{self, Journal, JournalEntryOfListing};
use crate::root::Root;
use crate::service::ServiceError;
use crate::sidecar_dir;

/// Journals read at the same time.
const JOURNALS_AT_ONCE: usize = 16;

/// One pending recovery: a sidecar with its place among the others, and its journal if it has one.
#[derive(Debug, Clone)]
pub(crate) struct PendingRecovery {
    pub(crate) listed: ListedSidecar,
    pub(crate) journal: Option<Journal>,
}

impl PendingRecovery {
    /// The operation this entry stands for; a duplicate or misnamed file stands for none.
    pub(crate) fn operation_id(&self) -> Option<OperationId> {
        let operation_id = self.listed.file.operation_id()?;
        (self.listed.file.file == operation_id.file_name()).then_some(operation_id)
    }
}

/// Everything that is pending, oldest first: one listing and one read per sidecar, one listing of all journals, and the records
/// of those that are open.
pub(crate) async fn pending(root: &Root) -> Result<Vec<PendingRecovery>, ServiceError> {
    let limits = root.limits();
    let (mut files, journals) = futures::try_join!(
        async { sidecar_dir::list_sidecars(root.objects(), root.directory(), &limits).await.map_err(ServiceError::from) },
        async { journal_store::list_journals(root.objects()).await.map_err(ServiceError::from) },
    )?;
    let mut open = open_journals(root, &files, journals, &limits).await?;
    for (operation_id, journal) in &open {
        let file = operation_id.file_name();
        // An operation under way whose sidecar is gone is finished from the bytes in its journal.
        if let Some(attempt) = journal.state.attempt()
            && !files.iter().any(|existing| existing.file == file)
        {
            files.push(SidecarFile::read(&file, attempt.sidecar.clone().into_bytes(), &limits));
        }
    }
    let listed = assemble(files);
    Ok(listed
        .into_iter()
        .map(|listed| {
            let mut recovery = PendingRecovery { listed, journal: None };
            recovery.journal = recovery.operation_id().and_then(|operation_id| open.remove(&operation_id));
            recovery
        })
        .collect())
}

/// Journals that may still say something: of operations whose sidecar is there, and of claimed operations that are not closed.
async fn open_journals(
    root: &Root,
    files: &[SidecarFile],
    journals: BTreeMap<OperationId, JournalEntryOfListing>,
    limits: &Limits,
) -> Result<BTreeMap<OperationId, Journal>, ServiceError> {
    let is_open = |operation_id: &OperationId, journal: &JournalEntryOfListing| {
        let file = operation_id.file_name();
        let has_sidecar = files.binary_search_by(|existing| existing.file.as_str().cmp(&file)).is_ok();
        has_sidecar || (journal.claimed && !journal.closed)
    };
    let open = journals.into_iter().filter(|(operation_id, journal)| journal.records > 0 && is_open(operation_id, journal)).map(|(operation_id, _)| operation_id);
    let loads: Vec<_> = open.map(|operation_id| load(root, operation_id, limits)).collect();
    futures::stream::iter(loads).buffer_unordered(JOURNALS_AT_ONCE).try_collect().await
}

async fn load(root: &Root, operation_id: OperationId, limits: &Limits) -> Result<(OperationId, Journal), ServiceError> {
    let journal = Journal::load(root.objects(), &operation_id, limits).await?;
    Ok((operation_id, journal))
}
