//! The sidecar files, together with those that journals stand for.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::follow_up::dismissal_id;
use sidecar::journal::JournalState;
use sidecar::{
    Code, Limits, ListedSidecar, OperationId, Plan, Purpose, Reason, SidecarFile, assemble,
};

use super::recovery::PendingRecovery;
use crate::chain;
use crate::journal_store::{Journal, JournalStoreError};

/// Journals by operation, or why a journal could not be read.
pub(super) type Journals = BTreeMap<OperationId, Result<Journal, JournalStoreError>>;

/// One file for each name, and the files that another one displaces.
#[derive(Default)]
pub(super) struct Gathered {
    files: Vec<SidecarFile>,
    places: BTreeMap<String, usize>,
    /// Files under the name of a sidecar that was claimed with other bytes.
    displaced: Vec<SidecarFile>,
    /// The operation that dismisses a file, by the name of the file.
    set_aside: BTreeMap<String, OperationId>,
    /// The same for displaced files.
    displaced_set_aside: BTreeMap<String, OperationId>,
}

impl Gathered {
    /// Puts files and journals together. `unsettled` are operations that were claimed and are not closed.
    pub(super) fn of(
        files: Vec<SidecarFile>,
        journals: &Journals,
        unsettled: &BTreeSet<OperationId>,
        limits: &Limits,
    ) -> Self {
        let mut gathered = Self::default();
        for file in files {
            gathered.add(file);
        }
        // Operations first: a dismissal must be able to tell its file from the claimed sidecar of the same name.
        let mut dismissals = Vec::new();
        for (operation_id, journal) in journals {
            match journal {
                Ok(journal) => match sets_aside(&journal.state) {
                    Some(plan) => dismissals.push((operation_id, journal, plan)),
                    None => gathered.operation(operation_id, journal, limits),
                },
                // It was read, and is not kept: whether something is pending about it only its records tell.
                Err(error @ JournalStoreError::NotHeld { .. }) => {
                    gathered.untold(operation_id, error);
                }
                // No executor claimed it, and somebody resolved it between listing and reading.
                Err(_) if !unsettled.contains(operation_id) => {}
                Err(error) => gathered.untold(operation_id, error),
            }
        }
        for (operation_id, journal, plan) in dismissals {
            gathered.dismissal(operation_id, journal, plan, limits);
        }
        gathered
    }

    fn add(&mut self, file: SidecarFile) {
        self.places.insert(file.file.clone(), self.files.len());
        self.files.push(file);
    }

    fn named(&self, name: &str) -> Option<&SidecarFile> {
        self.places.get(name).map(|place| &self.files[*place])
    }

    /// A begun, unfinished operation is pending even without its sidecar; the bytes in its journal stand for the file.
    fn operation(&mut self, operation_id: &OperationId, journal: &Journal, limits: &Limits) {
        let own_name = operation_id.file_name();
        let Some(claimed) = stand_in(journal, &own_name, limits) else {
            return;
        };
        match self.places.get(&own_name) {
            None => self.add(claimed),
            Some(place) if is_another(&self.files[*place], &claimed) => {
                let displaced = std::mem::replace(&mut self.files[*place], claimed);
                self.displaced.push(displaced);
            }
            Some(_) => {}
        }
    }

    fn untold(&mut self, operation_id: &OperationId, error: &JournalStoreError) {
        let own_name = operation_id.file_name();
        if self.named(&own_name).is_none() {
            self.add(SidecarFile::unread(&own_name, untrusted(error)));
        }
    }

    /// Attaches a dismissal's journal to its file, also after the file is deleted and before that is recorded.
    fn dismissal(
        &mut self,
        operation_id: &OperationId,
        journal: &Journal,
        plan: &Plan,
        limits: &Limits,
    ) {
        let is_it =
            |file: &SidecarFile| file.file == plan.file && dismissal_id(file) == *operation_id;
        if self.displaced.iter().any(is_it) {
            self.displaced_set_aside
                .insert(plan.file.clone(), operation_id.clone());
            return;
        }
        let name = match self.named(&plan.file) {
            Some(file) if !is_it(file) => operation_id.file_name(),
            _ => plan.file.clone(),
        };
        if self.named(&name).is_none()
            && let Some(file) = stand_in(journal, &name, limits)
        {
            self.add(file);
        }
        self.set_aside.insert(name, operation_id.clone());
    }

    /// Every entry in order of time, each with the journal that tells about it.
    pub(super) fn with_their_journals(self, mut journals: Journals) -> Vec<PendingRecovery> {
        let Self {
            files,
            displaced,
            mut set_aside,
            mut displaced_set_aside,
            ..
        } = self;
        let mut recoveries: Vec<PendingRecovery> = assemble(files)
            .into_iter()
            .map(|listed| {
                let mut recovery = PendingRecovery {
                    listed,
                    journal: None,
                    broken: None,
                    stands_in_for: None,
                };
                let operation_id = set_aside
                    .remove(&recovery.listed.file.file)
                    .or_else(|| recovery.operation_id());
                match operation_id.and_then(|operation_id| journals.remove(&operation_id)) {
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
            let journal = displaced_set_aside
                .remove(&file.file)
                .and_then(|dismissal| journals.remove(&dismissal)?.ok());
            // Ahead of the operation, so that a look-up by file name finds the file.
            recoveries.insert(operation.unwrap_or_default(), standing_in(file, journal));
        }
        recoveries
    }
}

/// Whether a file is not the claimed sidecar. A file whose read failed may be the claimed one, and counts as it.
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
            older_unreadable: false,
        },
        journal: set_aside_by,
        broken: None,
    }
}

/// The dismissal plan, if this journal is of a dismissal under a derived id.
fn sets_aside(state: &JournalState) -> Option<&Plan> {
    let attempted = state.attempt().map(|attempt| &attempt.plan);
    attempted
        .or_else(|| state.finished().map(|finished| &finished.plan))
        .filter(|plan| matches!(plan.purpose, Purpose::Dismiss { .. }))
        .filter(|plan| plan.file != state.operation_id().file_name())
}

/// A file made from the bytes in a journal, for a sidecar that is gone.
fn stand_in(journal: &Journal, file: &str, limits: &Limits) -> Option<SidecarFile> {
    let bytes = journal.state.stand_in()?.as_bytes().to_vec();
    Some(SidecarFile::read(file, bytes, limits))
}

fn untrusted(error: &JournalStoreError) -> Reason {
    let code = match error {
        // The whole journal was read, and reading it again will not help.
        JournalStoreError::Broken { .. } => Code::JournalBroken,
        _ => Code::Unreadable,
    };
    Reason::new(code, chain::text(error))
}
