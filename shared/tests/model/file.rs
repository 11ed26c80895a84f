//! The file of the sidecar, and which bytes stand for the operation by the real rule of what is pending.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use sidecar::executor::SidecarSeen;
use sidecar::version_9::with_rollback_outcomes;
use sidecar::{
    Digest, JournalsKnown, Limits, Observation, Plan, SidecarBytes, SidecarFile, Step, Tag,
};

use crate::flaw::Flaw;
use crate::journal::Journal;
use crate::store::{Planned, Store, TABLES};
use crate::subject::Subject;

/// What a file under the name of the operation has in it, compared by its digest. There are few, and they are kept for good.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    file: &'static SidecarFile,
    digest: Digest,
}

/// The file, the journal, whether the operation is claimed and not closed, and what is left out.
type Asked = (Option<Written>, Journal, bool, Flaw);

/// What is pending of the operation, and of its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// The bytes that stand for the operation: those of its file, or those in its journal. None where nothing of it is pending.
    pub(crate) own: Option<Written>,
    /// Whether the file under its name counts as another one, which may be set aside.
    pub(crate) is_displaced: bool,
}

thread_local! {
    static KNOWN: RefCell<HashMap<(Subject, Digest), Written>> = RefCell::default();
    static STANDING: RefCell<HashMap<Asked, Standing>> = RefCell::default();
}

impl Written {
    pub(crate) fn of(subject: Subject, bytes: Vec<u8>) -> Self {
        let name = subject.operation().file_name();
        Self::known(subject, SidecarFile::read(&name, bytes, &Limits::default()))
    }

    fn known(subject: Subject, file: SidecarFile) -> Self {
        let digest = file.digest.unwrap();
        KNOWN.with_borrow_mut(|known| {
            *known.entry((subject, digest)).or_insert_with(|| Self {
                file: Box::leak(Box::new(file)),
                digest,
            })
        })
    }

    pub(crate) const fn file(self) -> &'static SidecarFile {
        self.file
    }

    pub(crate) const fn digest(self) -> Digest {
        self.digest
    }

    /// Nobody looks at tables that the file does not name.
    pub(crate) fn leave_out_what_it_does_not_name(self, observation: &mut Observation) {
        let Ok(sidecar) = &self.file.content else {
            return;
        };
        // The table that a schema change adds is none of those.
        if sidecar.writer_kind.changes_the_schema() {
            observation.tables.clear();
            return;
        }
        let is_named = |key: &str| sidecar.tables.iter().any(|pin| pin.table_key == key);
        if let Some(found) = &mut observation.version_9
            && let Ok(evidence) = Arc::make_mut(found)
        {
            let mut keys = TABLES.iter();
            evidence
                .tables
                .retain(|_| keys.next().is_some_and(|key| is_named(key)));
        }
        observation
            .tables
            .retain(|table| is_named(&table.table_key));
    }

    pub(crate) fn bytes(self) -> SidecarBytes {
        SidecarBytes::new(self.file.bytes.clone())
    }
}

/// What somebody else does to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileChange {
    /// It is deleted.
    Remove,
    /// Another file takes its name.
    Replace,
    /// It is again as its writer left it.
    BringBack,
}

impl FileChange {
    pub(crate) const ALL: [Self; 3] = [Self::Remove, Self::Replace, Self::BringBack];

    fn result(self, subject: Subject) -> Option<Written> {
        match self {
            Self::Remove => None,
            Self::Replace => Some(subject.another()),
            Self::BringBack => Some(subject.written()),
        }
    }

    /// Whether it changes anything. Before the first claim no journal tells whose file it is.
    pub(crate) fn can_happen(self, store: &Store) -> bool {
        store.journal.state.sidecar().is_some() && store.file != self.result(store.subject)
    }

    pub(crate) fn happen(self, store: &mut Store) {
        store.file = self.result(store.subject);
        store.is_file_taken |= self == Self::Remove;
        let is_undone = store.is_taken_back() || store.dataset.is_removed();
        store.is_file_back |= self == Self::BringBack && is_undone;
    }
}

impl Store {
    /// Whether the file of the operation itself is there, by whoever wrote it.
    pub(crate) fn has_its_file(&self) -> bool {
        self.file.is_some_and(|file| file != self.subject.another())
    }

    /// Whether the file is there that the plan rests on, if it rests on any.
    pub(crate) fn has_the_file_of(&self, planned: Planned) -> bool {
        planned.plan().rests_on_its_sidecar().is_none()
            || self.file == Some(planned.sidecar())
            || (self.file.is_some() && self.file == self.prepared_by(planned))
    }

    /// The file with the undo in it that the plan prepares: the real bytes.
    pub(crate) fn prepared_by(&self, planned: Planned) -> Option<Written> {
        let digest = planned.plan().writes_into_its_sidecar()?;
        let mut undos = planned.plan().steps.iter().filter_map(Step::written_undo);
        let outcomes = undos.next()?.outcomes;
        KNOWN.with_borrow_mut(|known| {
            let written = known.entry((self.subject, digest)).or_insert_with(|| {
                let before = &planned.sidecar().file().bytes;
                let name = &planned.plan().file;
                let bytes =
                    with_rollback_outcomes(name, before, outcomes, &Limits::RECORDED).unwrap();
                let file = SidecarFile::read(name, bytes, &Limits::default());
                Written {
                    file: Box::leak(Box::new(file)),
                    digest,
                }
            });
            assert!(
                written.file.digest == Some(digest),
                "it has the bytes that the plan says"
            );
            Some(*written)
        })
    }

    /// What the real rule says is pending.
    pub(crate) fn standing(&self, flaw: Flaw) -> Standing {
        let is_unsettled = self.claimed && !self.closed;
        STANDING.with_borrow_mut(|standing| {
            *standing
                .entry((self.file, self.journal.clone(), is_unsettled, flaw))
                .or_insert_with(|| self.standing_anew(is_unsettled, flaw))
        })
    }

    fn standing_anew(&self, is_unsettled: bool, flaw: Flaw) -> Standing {
        let operation = self.subject.operation();
        let mut file = self.file.map(|written| written.file().clone());
        let state = &*self.journal.state;
        let mut journals = JournalsKnown::from([(operation.clone(), Ok(state))]);
        match (flaw, &mut file) {
            (Flaw::TakesAnyFileForItsOwn, Some(_)) => journals.clear(),
            (Flaw::DoesNotKnowItsUndo, Some(file)) if self.has_an_undo_in_it() => {
                file.digest = Some(unknown_bytes());
            }
            _ => {}
        }
        let unsettled: BTreeSet<_> = is_unsettled
            .then(|| operation.clone())
            .into_iter()
            .collect();
        let files = file.into_iter().collect();
        let entries = sidecar::pending(files, &journals, &unsettled, &Limits::default());
        let is_it =
            |entry: &&sidecar::PendingEntry| entry.operation_id().as_ref() == Some(&operation);
        let own = entries.iter().find(is_it);
        Standing {
            own: own.map(|own| Written::known(self.subject, own.listed.file.clone())),
            is_displaced: entries.iter().any(|entry| entry.stands_in_for.is_some()),
        }
    }

    /// What the real rule says of the file once the plan is carried out.
    pub(crate) fn sidecar_seen(&self, plan: &Plan, flaw: Flaw) -> SidecarSeen {
        let digest = match (flaw, self.file) {
            (Flaw::DeletesAnyFile, Some(_)) => Some(plan.sidecar),
            (Flaw::DoesNotKnowItsUndo, Some(_)) if self.has_an_undo_in_it() => {
                Some(unknown_bytes())
            }
            (_, file) => file.map(Written::digest),
        };
        let also: Vec<Digest> = self.journal.state.prepared().collect();
        SidecarSeen::of(plan, digest, &also)
    }

    fn has_an_undo_in_it(&self) -> bool {
        self.has_its_file() && self.file != Some(self.subject.written())
    }
}

fn unknown_bytes() -> Digest {
    Digest::of(Tag::Sidecar, b"unknown")
}

impl std::fmt::Debug for Written {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.digest.to_string()[7..15])
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Written {}

impl PartialOrd for Written {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Written {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digest.cmp(&other.digest)
    }
}

impl Hash for Written {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.digest.bytes()[..8]);
    }
}
