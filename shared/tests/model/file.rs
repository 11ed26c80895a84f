//! The file of the sidecar, and which bytes stand for the operation by the real rule of what is pending.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

use sidecar::{Digest, JournalsKnown, Limits, SidecarBytes, SidecarFile};

use crate::journal::Journal;
use crate::store::Store;
use crate::subject::Subject;

/// What a file under the name of the operation has in it, compared by its digest. There are few, and they are kept for good.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    file: &'static SidecarFile,
    digest: Digest,
}

thread_local! {
    static KNOWN: RefCell<HashMap<(Subject, Digest), Written>> = RefCell::default();
    /// What stands for the operation, by the file, the journal, and whether it is claimed and not closed.
    static STANDING: RefCell<HashMap<(Option<Written>, Journal, bool), Option<Written>>> =
        RefCell::default();
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

    pub(crate) fn bytes(self) -> SidecarBytes {
        SidecarBytes::new(self.file.bytes.clone())
    }
}

impl Store {
    /// The bytes that stand for the operation: those of its file, or those in its journal. None where nothing of it is pending.
    pub(crate) fn standing(&self) -> Option<Written> {
        let is_unsettled = self.claimed && !self.closed;
        STANDING.with_borrow_mut(|standing| {
            *standing
                .entry((self.file, self.journal.clone(), is_unsettled))
                .or_insert_with(|| self.standing_anew(is_unsettled))
        })
    }

    fn standing_anew(&self, is_unsettled: bool) -> Option<Written> {
        let operation = self.subject.operation();
        let files = self.file.map(|written| written.file().clone());
        let state = &*self.journal.state;
        let journals = JournalsKnown::from([(operation.clone(), Ok(state))]);
        let unsettled: BTreeSet<_> = is_unsettled
            .then(|| operation.clone())
            .into_iter()
            .collect();
        let files = files.into_iter().collect();
        let entries = sidecar::pending(files, &journals, &unsettled, &Limits::default());
        let is_it =
            |entry: &sidecar::PendingEntry| entry.operation_id().as_ref() == Some(&operation);
        let own = entries.into_iter().find(is_it)?;
        Some(Written::known(self.subject, own.listed.file))
    }
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
