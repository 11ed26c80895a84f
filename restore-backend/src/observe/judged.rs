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
}
