//! A sidecar that is looked at.

use sidecar::Sidecar;
use sidecar::journal::JournalState;

/// A sidecar with the journal of its operation, which records whether it stands for an undo, and which steps were begun.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// The sidecar.
    pub sidecar: &'a Sidecar,
    /// The folded journal of its operation; `None` if it has none.
    pub journal: Option<&'a JournalState>,
    /// Whether it stands for an undo that is planned now, so that no journal says so yet.
    pub is_planned_undo: bool,
}

impl<'a> Judged<'a> {
    /// A sidecar, with the journal of its operation.
    pub(crate) const fn of(sidecar: &'a Sidecar, journal: Option<&'a JournalState>) -> Self {
        Self {
            sidecar,
            journal,
            is_planned_undo: false,
        }
    }

    /// The sidecar that stands for an undo that is planned now. An undo that is only possible has begun nothing, so its tables stand where
    /// the recovery left them, and it needs no journal.
    pub(crate) const fn planned_undo(sidecar: &'a Sidecar) -> Self {
        Self {
            sidecar,
            journal: None,
            is_planned_undo: true,
        }
    }

    /// Whether it stands for an undo.
    pub(super) fn is_undo(&self) -> bool {
        let mut journal = self.journal.into_iter();
        self.is_planned_undo || journal.any(|journal| journal.undo().is_some())
    }
}
