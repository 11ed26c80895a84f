//! What is pending in a root, from its sidecar files and the states of its journals, and who stands for whom.
//!
//! A begun, unfinished operation is pending even without its sidecar: the bytes in its journal stand for the file. Where another
//! file bears the name of a claimed sidecar, the claimed one counts, and the other stands for no operation.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Code, Reason};
use crate::digest::{Digest, Tag};
use crate::follow_up::dismissal_id;
use crate::ids::OperationId;
use crate::journal::JournalState;
use crate::limits::Limits;
use crate::listing::{ListedSidecar, SidecarFile, assemble};
use crate::plan::{Plan, Purpose};
use crate::version_9::with_rollback_outcomes;

/// What is known of each journal that matters: its folded state, or why it cannot be trusted.
pub type JournalsKnown<'a> = BTreeMap<OperationId, Result<&'a JournalState, NotKnown>>;

/// Why nothing is known of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotKnown {
    /// It cannot be read, or its records cannot be trusted.
    Untrusted(Reason),
    /// It was read, and there was no memory left to keep it in.
    NotHeld(Reason),
}

impl NotKnown {
    /// Of a journal whose records were all read and are not what they should be. Reading it again does not help.
    #[must_use]
    pub fn broken(detail: impl Into<String>) -> Self {
        Self::Untrusted(Reason::new(Code::JournalBroken, detail))
    }

    /// Of a journal that could not be read now.
    #[must_use]
    pub fn unread(detail: impl Into<String>) -> Self {
        Self::Untrusted(Reason::unreadable(detail))
    }

    /// Of a journal that was read, and which there was no room to keep.
    #[must_use]
    pub fn not_held(detail: impl Into<String>) -> Self {
        Self::NotHeld(Reason::unreadable(detail))
    }

    /// The same in words.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Untrusted(reason) | Self::NotHeld(reason) => reason,
        }
    }
}

/// One pending entry: a sidecar with its place among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEntry {
    /// The file, or what stands for it.
    pub listed: ListedSidecar,
    /// The operation whose journal tells about it: its own, or that of the dismissal that sets the file aside.
    pub journal: Option<OperationId>,
    /// The operation whose claimed sidecar bears this file's name, with other bytes.
    pub stands_in_for: Option<String>,
}

impl PendingEntry {
    /// The operation this entry stands for; a duplicate, misnamed or replaced file stands for none.
    #[must_use]
    pub fn operation_id(&self) -> Option<OperationId> {
        match self.stands_in_for {
            Some(_) => None,
            None => self.listed.file.own_operation(),
        }
    }
}

/// Everything that is pending, oldest first. `unsettled` are the operations that were claimed and are not closed.
#[must_use]
pub fn pending(
    files: Vec<SidecarFile>,
    journals: &JournalsKnown<'_>,
    unsettled: &BTreeSet<OperationId>,
    limits: &Limits,
) -> Vec<PendingEntry> {
    PendingFiles::of(files, journals, unsettled, limits).with_their_journals(journals)
}

/// The files that are pending, one for each name, and those that a claimed sidecar of the same name displaces.
#[derive(Default)]
struct PendingFiles {
    files: Vec<SidecarFile>,
    places: BTreeMap<String, usize>,
    /// Files under the name of a sidecar that was claimed with other bytes.
    displaced: Vec<SidecarFile>,
    /// The operation that dismisses a file, by the name of the file.
    set_aside: BTreeMap<String, OperationId>,
    /// The same for displaced files.
    displaced_set_aside: BTreeMap<String, OperationId>,
}

impl PendingFiles {
    fn of(
        files: Vec<SidecarFile>,
        journals: &JournalsKnown<'_>,
        unsettled: &BTreeSet<OperationId>,
        limits: &Limits,
    ) -> Self {
        let mut pending = Self::default();
        for file in files {
            pending.add(file);
        }
        // Operations first: a dismissal must be able to tell its file from the claimed sidecar of the same name.
        let mut dismissals = Vec::new();
        for (operation_id, journal) in journals {
            match journal {
                Ok(state) => match sets_aside(state) {
                    Some(plan) => dismissals.push((operation_id, state, plan)),
                    None => pending.operation(operation_id, state, limits),
                },
                // Only its records tell whether something is pending about it, so it counts as pending.
                Err(NotKnown::NotHeld(reason)) => pending.not_known(operation_id, reason),
                // No executor claimed it, and somebody resolved it between listing and reading.
                Err(NotKnown::Untrusted(_)) if !unsettled.contains(operation_id) => {}
                Err(NotKnown::Untrusted(reason)) => pending.not_known(operation_id, reason),
            }
        }
        for (operation_id, state, plan) in dismissals {
            pending.dismissal(operation_id, state, plan, limits);
        }
        pending
    }

    fn add(&mut self, file: SidecarFile) {
        self.places.insert(file.file.clone(), self.files.len());
        self.files.push(file);
    }

    fn named(&self, name: &str) -> Option<&SidecarFile> {
        self.places.get(name).map(|place| &self.files[*place])
    }

    fn operation(&mut self, operation_id: &OperationId, state: &JournalState, limits: &Limits) {
        let own_name = operation_id.file_name();
        let Some(claimed) = stand_in(state, &own_name, limits) else {
            return;
        };
        match self.places.get(&own_name) {
            None => self.add(claimed),
            // The file is as it was claimed, or has the undo in it that an attempt of this operation wrote.
            Some(place) if is_its_own(&self.files[*place], state) => {}
            Some(place) if is_another(&self.files[*place], &claimed) => {
                let displaced = std::mem::replace(&mut self.files[*place], claimed);
                self.displaced.push(displaced);
            }
            Some(_) => {}
        }
    }

    fn not_known(&mut self, operation_id: &OperationId, reason: &Reason) {
        let own_name = operation_id.file_name();
        if self.named(&own_name).is_none() {
            self.add(SidecarFile::unread(&own_name, reason.clone()));
        }
    }

    /// Attaches a dismissal's journal to its file, also after the file is deleted and before that is recorded.
    fn dismissal(
        &mut self,
        operation_id: &OperationId,
        state: &JournalState,
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
            && let Some(file) = stand_in(state, &name, limits)
        {
            self.add(file);
        }
        self.set_aside.insert(name, operation_id.clone());
    }

    /// Every entry in order of time, each with the journal that tells about it. A journal tells about one entry.
    fn with_their_journals(self, journals: &JournalsKnown<'_>) -> Vec<PendingEntry> {
        let Self {
            files,
            displaced,
            mut set_aside,
            mut displaced_set_aside,
            ..
        } = self;
        let mut left: BTreeSet<&OperationId> = journals.keys().collect();
        let mut entries: Vec<PendingEntry> = assemble(files)
            .into_iter()
            .map(|listed| {
                let mut entry = PendingEntry {
                    listed,
                    journal: None,
                    stands_in_for: None,
                };
                entry.journal = set_aside
                    .remove(&entry.listed.file.file)
                    .or_else(|| entry.operation_id())
                    .filter(|operation_id| left.remove(operation_id));
                let told = entry.journal.as_ref().and_then(|id| journals.get(id));
                if let Some(Err(not_known)) = told {
                    let reason = not_known.reason();
                    entry.listed.refusal.get_or_insert_with(|| reason.clone());
                }
                entry
            })
            .collect();
        for file in displaced {
            let operation = entries.iter().position(|entry| {
                entry.listed.file.file == file.file && entry.stands_in_for.is_none()
            });
            let dismissal = displaced_set_aside
                .remove(&file.file)
                .filter(|dismissal| left.remove(dismissal));
            // Ahead of the operation, so that a look-up by file name finds the file.
            entries.insert(
                operation.unwrap_or_default(),
                displaced_file(file, dismissal),
            );
        }
        entries
    }
}

/// Whether a file has the bytes that were claimed, or those that an attempt gave it.
fn is_its_own(file: &SidecarFile, state: &JournalState) -> bool {
    let claimed = state
        .stand_in()
        .map(|bytes| Digest::of(Tag::Sidecar, bytes.as_bytes()));
    let mut own = state.prepared().chain(claimed);
    file.digest.is_some() && own.any(|digest| file.digest == Some(digest))
}

/// Whether a file is not the claimed sidecar. A file whose read failed may be the claimed one, and counts as it.
fn is_another(file: &SidecarFile, claimed: &SidecarFile) -> bool {
    match file.digest {
        Some(_) => file.digest != claimed.digest,
        None => file.stored_as.is_some(),
    }
}

/// A file under the name of a sidecar that was claimed with other bytes: it stands for no operation, and can be set aside.
fn displaced_file(file: SidecarFile, set_aside_by: Option<OperationId>) -> PendingEntry {
    let reason = Reason::new(
        Code::DuplicateOperationId,
        format!(
            "{} is not the sidecar with which its operation was begun: that one is in the journal, and counts; find out who replaced it",
            file.file
        ),
    );
    PendingEntry {
        stands_in_for: file.file.strip_suffix(".json").map(str::to_owned),
        listed: ListedSidecar {
            file,
            refusal: Some(reason),
            waiting_for: None,
            older_unreadable: false,
        },
        journal: set_aside_by,
    }
}

/// The dismissal plan, if this journal is of a dismissal under a derived id.
fn sets_aside(state: &JournalState) -> Option<&Plan> {
    state
        .begun()
        .filter(|plan| matches!(plan.purpose, Purpose::Dismiss { .. }))
        .filter(|plan| plan.file != state.operation_id().file_name())
}

/// A file made from the bytes in a journal, for a sidecar that is gone.
fn stand_in(state: &JournalState, file: &str, limits: &Limits) -> Option<SidecarFile> {
    let claimed = state.stand_in()?.as_bytes();
    // The file that is gone had the undo in it.
    let prepared = state
        .prepared_undo()
        .and_then(|undo| with_rollback_outcomes(file, claimed, undo, &Limits::RECORDED).ok());
    let bytes = prepared.unwrap_or_else(|| claimed.to_vec());
    Some(SidecarFile::read(file, bytes, limits))
}
