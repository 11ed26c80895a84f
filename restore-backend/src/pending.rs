//! What is pending in a root: sidecar files, and journaled operations without a terminal record.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use sidecar::{Code, Limits, ListedSidecar, OperationId, Reason, SidecarFile, assemble};

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
    /// What its journal adds up to; the records themselves are not kept.
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
    let places: BTreeMap<String, usize> = files
        .iter()
        .enumerate()
        .map(|(place, file)| (file.file.clone(), place))
        .collect();
    let mut displaced = Vec::new();
    for (operation_id, journal) in &open {
        let file = operation_id.file_name();
        let place = places.get(&file).copied();
        match journal {
            // An operation that was begun and not finished is pending whatever became of its sidecar; the bytes in its journal
            // stand for it.
            Ok(journal) if journal.state.finished().is_none() => {
                let Some(claimed) = journal.state.sidecar() else {
                    continue;
                };
                let claimed = SidecarFile::read(&file, claimed.as_bytes().to_vec(), &limits);
                match place {
                    None => files.push(claimed),
                    Some(place) if is_another(&files[place], &claimed) => {
                        displaced.push(std::mem::replace(&mut files[place], claimed));
                    }
                    Some(_) => {}
                }
            }
            Ok(_) => {}
            // Somebody resolved it between listing and reading, and nobody executed it.
            Err(_) if place.is_some() || !unsettled.contains(operation_id) => {}
            Err(error) => files.push(SidecarFile::unread(&file, untrusted(error))),
        }
    }
    let mut recoveries: Vec<PendingRecovery> = assemble(files)
        .into_iter()
        .map(|listed| {
            let mut recovery = PendingRecovery {
                listed,
                journal: None,
                broken: None,
                stands_in_for: None,
            };
            match recovery
                .operation_id()
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
        .collect();
    for file in displaced {
        let operation = recoveries.iter().position(|recovery| {
            recovery.listed.file.file == file.file && recovery.stands_in_for.is_none()
        });
        // Before the operation: by the name of a file, the file is meant.
        recoveries.insert(operation.unwrap_or_default(), standing_in(file));
    }
    Ok(recoveries)
}

/// Whether a file is not the sidecar that was claimed. Of one that cannot be read that is not known.
fn is_another(file: &SidecarFile, claimed: &SidecarFile) -> bool {
    match file.digest {
        Some(_) => file.digest != claimed.digest,
        None => file.stored_as.is_some(),
    }
}

/// A file under the name of a sidecar that was claimed with other bytes: it stands for no operation, and can be set aside.
fn standing_in(file: SidecarFile) -> PendingRecovery {
    let reason = Reason::new(
        Code::DuplicateOperationId,
        format!(
            "{} is not the sidecar with which its operation was begun: that one is in the journal, and counts; find out who replaced it",
            file.file
        ),
    );
    PendingRecovery {
        stands_in_for: file.file.strip_suffix(".json").map(str::to_owned),
        listed: ListedSidecar {
            file,
            refusal: Some(reason),
            waiting_for: None,
        },
        journal: None,
        broken: None,
    }
}

/// Journals that may still say something: of operations whose sidecar is there, and of those that are not closed. One that is not
/// marked as claimed may be for all that, if its executor died right then.
fn open_journals<'a>(
    root: &'a Root,
    files: BTreeSet<String>,
    journals: BTreeMap<OperationId, JournalEntryOfListing>,
    limits: &'a Limits,
) -> impl Future<Output = BTreeMap<OperationId, Result<Journal, JournalStoreError>>> + 'a {
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
    let folded = journal.map(|journal| Journal {
        stored: Vec::new(),
        ..journal
    });
    (operation_id, folded)
}

fn untrusted(error: &JournalStoreError) -> Reason {
    Reason::new(Code::Unreadable, chain::text(error))
}
