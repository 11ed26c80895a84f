//! Whether and why a pending file can be set aside.

use crate::branch::Branch;
use crate::code::{Code, Reason, Requirement};
use crate::ids::OperationId;
use crate::journal::{Finished, JournalState};
use crate::listing::ListedSidecar;
use crate::plan::{Plan, Purpose};
use crate::verdict::Disposition;

/// A pending file, with the operation that it names and the journal of that.
#[derive(Debug, Clone)]
pub struct StuckFile<'a> {
    /// The file.
    pub listed: &'a ListedSidecar,
    /// The operation it stands for; `None` if it stands for none.
    pub operation: Option<OperationId>,
    /// The journal that tells about the file: of that operation, or of the dismissal that sets the file aside.
    pub journal: Option<&'a JournalState>,
    /// Whether the journal cannot be trusted or read.
    pub is_journal_broken: bool,
}

impl StuckFile<'_> {
    /// Whether nothing can be recorded under the operation that the file names: the file is not that operation's, or was not read;
    /// the operation is finished; or its journal cannot be trusted. The dismissal then has an id of its own.
    #[must_use]
    pub fn stands_for_none(&self) -> bool {
        self.operation.is_none()
            || self.listed.file.digest.is_none()
            || self.is_journal_broken
            || self.finished_without().is_some()
    }

    /// How the operation that this file names ended, if that was about another file of the same name.
    fn finished_without(&self) -> Option<&Finished> {
        self.journal
            .and_then(JournalState::finished)
            .filter(|finished| Some(finished.plan.sidecar) != self.listed.file.digest)
    }

    /// Why the file stands for no operation, or why nothing is decided about it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        let Some(finished) = self.finished_without() else {
            return self.listed.reason();
        };
        let file = &self.listed.file.file;
        let detail = match finished.plan.purpose {
            Purpose::Dismiss { .. } => format!(
                "another file under the name {file} was set aside; apply plan {} once more to open its operation again for this one",
                finished.digest
            ),
            Purpose::Recover | Purpose::Undo { .. } | Purpose::Release { .. } => format!(
                "the operation of {file} is finished, and this is not the sidecar that was recovered"
            ),
        };
        Reason::new(Code::DuplicateOperationId, detail)
    }
}

/// The disposition and the reasons with which a sidecar is dismissed whose recovery would be `planned`.
///
/// If the branch may be another one of the same name, a write is recovered only once a person says that it is the same. A person
/// who knows that it is another dismisses the sidecar.
#[must_use]
pub fn dismissed_because(planned: &Plan, blockers: &[Reason]) -> (Disposition, Vec<Reason>) {
    if !planned.requires.contains(&Requirement::BranchRecreated) {
        return (planned.disposition, blockers.to_vec());
    }
    let branch = Branch::of(planned.branch.as_deref());
    let recreated = Reason::new(
        Code::BranchRecreated,
        format!(
            "branch {branch} may be another one of the same name, made after this writer started"
        ),
    );
    (Disposition::Refused, vec![recreated])
}
