//! What is pending in a root: sidecar files, and journaled operations without a terminal record.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use sidecar::follow_up::dismissal_id;
use sidecar::journal::JournalState;
use sidecar::{
    Code, Limits, ListedSidecar, OperationId, Plan, Purpose, Reason, SidecarFile, assemble,
};

use crate::chain;
use crate::journal_store::{self, Journal, JournalEntryOfListing, JournalStoreError};
use crate::root::Root;
use crate::service::ServiceError;
use crate::sidecar_dir;

/// Journals read at the same time.
const JOURNALS_AT_ONCE: usize = 16;

/// One pending recovery: a sidecar with its place among the others, and its journal if it has one.
#[derive(Debug)]
pub(crate) struct PendingRecovery {
    pub(crate) listed: ListedSidecar,
    /// Where the file is being set aside under an operation of its own, it is that one's.
    pub(crate) journal: Option<Journal>,
    /// Why its journal tells nothing, if it has one that does not verify or cannot be read. It is refused then, and no other is.
    pub(crate) broken: Option<JournalStoreError>,
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
    let (names, journals) = futures::try_join!(
        async {
            sidecar_dir::list_names(root.objects(), root.directory(), &limits)
                .await
                .map_err(ServiceError::from)
        },
        async {
            journal_store::list_journals(root.objects())
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
    let (mut files, mut open) = futures::join!(names.read(root.objects(), &limits), open);
    let mut set_aside = BTreeMap::new();
    for (operation_id, journal) in &open {
        let own_name = operation_id.file_name();
        // What sets a file aside is told with that file, also when it is gone before that is on record.
        if let Ok(journal) = journal
            && let Some(plan) = sets_aside(&journal.state)
        {
            let found = files.iter().find(|file| file.file == plan.file);
            let is_it = found.map(|file| dismissal_id(file) == *operation_id);
            let name = match is_it {
                Some(false) => own_name,
                Some(true) | None => plan.file.clone(),
            };
            if is_it != Some(true) {
                files.extend(stand_in(journal, &name, &limits));
            }
            set_aside.insert(name, operation_id.clone());
            continue;
        }
        if files.iter().any(|existing| existing.file == own_name) {
            continue;
        }
        match journal {
            // An operation that was begun and not finished is pending though its sidecar is gone; the bytes in its journal stand for it.
            Ok(journal) => files.extend(stand_in(journal, &own_name, &limits)),
            // Somebody resolved it between listing and reading, and nobody executed it.
            Err(_) if !unsettled.contains(operation_id) => {}
            Err(error) => files.push(SidecarFile::unread(&own_name, untrusted(error))),
        }
    }
    let listed = assemble(files);
    Ok(listed
        .into_iter()
        .map(|listed| {
            let mut recovery = PendingRecovery {
                listed,
                journal: None,
                broken: None,
            };
            match set_aside
                .remove(&recovery.listed.file.file)
                .or_else(|| recovery.operation_id())
                .and_then(|operation_id| open.remove(&operation_id))
            {
                Some(Ok(journal)) => recovery.journal = Some(journal),
                Some(Err(error)) => {
                    recovery
                        .listed
                        .refusal
                        .get_or_insert_with(|| untrusted(&error));
                    recovery.broken = Some(error);
                }
                None => {}
            }
            recovery
        })
        .collect())
}

/// The plan that sets a file aside which stands for no operation, under one made for that, if this is such a journal.
fn sets_aside(state: &JournalState) -> Option<&Plan> {
    let attempted = state.attempt().map(|attempt| &attempt.plan);
    attempted
        .or_else(|| state.finished().map(|finished| &finished.plan))
        .filter(|plan| matches!(plan.purpose, Purpose::Dismiss { .. }))
        .filter(|plan| plan.file != state.operation_id().file_name())
}

/// The bytes in a journal in place of the file that is not there.
fn stand_in(journal: &Journal, file: &str, limits: &Limits) -> Option<SidecarFile> {
    let bytes = journal.state.stand_in()?.as_bytes().to_vec();
    Some(SidecarFile::read(file, bytes, limits))
}

/// Journals that may still say something: of operations whose sidecar is there, and of claimed operations that are not closed.
fn open_journals<'a>(
    root: &'a Root,
    files: BTreeSet<String>,
    journals: BTreeMap<OperationId, JournalEntryOfListing>,
    limits: &'a Limits,
) -> impl Future<Output = BTreeMap<OperationId, Result<Journal, JournalStoreError>>> + 'a {
    let is_open = |operation_id: &OperationId, journal: &JournalEntryOfListing| {
        files.contains(&operation_id.file_name()) || (journal.claimed && !journal.closed)
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
    (operation_id, journal)
}

fn untrusted(error: &JournalStoreError) -> Reason {
    Reason::new(Code::Unreadable, chain::text(error))
}
