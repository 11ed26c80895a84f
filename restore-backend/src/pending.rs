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
    let (dismissals, operations): (Vec<_>, Vec<_>) = open.iter().partition(
        |(_, journal)| matches!(journal, Ok(journal) if sets_aside(&journal.state).is_some()),
    );
    let mut displaced = Vec::new();
    for (operation_id, journal) in operations {
        let own_name = operation_id.file_name();
        let place = places.get(&own_name).copied();
        match journal {
            // An operation that was begun and not finished is pending whatever became of its sidecar; the bytes in its journal
            // stand for it.
            Ok(journal) => {
                let Some(claimed) = stand_in(journal, &own_name, &limits) else {
                    continue;
                };
                match place {
                    None => files.push(claimed),
                    Some(place) if is_another(&files[place], &claimed) => {
                        displaced.push(std::mem::replace(&mut files[place], claimed));
                    }
                    Some(_) => {}
                }
            }
            // Somebody resolved it between listing and reading, and nobody executed it.
            Err(_) if place.is_some() || !unsettled.contains(operation_id) => {}
            Err(error) => files.push(SidecarFile::unread(&own_name, untrusted(error))),
        }
    }
    // What sets a file aside is told with that file, also when it is gone before that is on record.
    let mut set_aside = BTreeMap::new();
    let mut displaced_set_aside = BTreeMap::new();
    for (operation_id, journal) in dismissals {
        let Ok(journal) = journal else { continue };
        let Some(plan) = sets_aside(&journal.state) else {
            continue;
        };
        let is_it =
            |file: &SidecarFile| file.file == plan.file && dismissal_id(file) == *operation_id;
        if displaced.iter().any(is_it) {
            displaced_set_aside.insert(plan.file.clone(), operation_id.clone());
            continue;
        }
        let name = match files.iter().find(|file| file.file == plan.file) {
            Some(file) if !is_it(file) => operation_id.file_name(),
            _ => plan.file.clone(),
        };
        if !files.iter().any(|file| file.file == name) {
            files.extend(stand_in(journal, &name, &limits));
        }
        set_aside.insert(name, operation_id.clone());
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
        .collect();
    for file in displaced {
        let operation = recoveries.iter().position(|recovery| {
            recovery.listed.file.file == file.file && recovery.stands_in_for.is_none()
        });
        // Before the operation: by the name of a file, the file is meant.
        let journal = displaced_set_aside
            .remove(&file.file)
            .and_then(|dismissal| open.remove(&dismissal)?.ok());
        recoveries.insert(operation.unwrap_or_default(), standing_in(file, journal));
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
fn standing_in(file: SidecarFile, set_aside_by: Option<Journal>) -> PendingRecovery {
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
        journal: set_aside_by,
        broken: None,
    }
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
    (operation_id, journal.map(Journal::folded))
}

fn untrusted(error: &JournalStoreError) -> Reason {
    Reason::new(Code::Unreadable, chain::text(error))
}
