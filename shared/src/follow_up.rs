//! What can be planned besides resolving a sidecar: taking a finished recovery back, dropping its tags, setting a file aside.
//!
//! All of them are plans like any other: approved, journaled, carried out step by step, resumed after a crash. Each has an
//! operation id of its own, derived from its subject, so that it is found again without being written down first. Where no
//! sidecar file stands for such an operation, it has one that lives in its journal only. An undo that was interrupted once its
//! first restore was begun is judged by the very rules of any other write; before that, it changed no table, and it is laid down
//! anew. A release is never judged: there is nothing to finish or to take back about tags.

mod blocked_by;
mod dismissal;
mod kind;
mod late_commit;
mod operation_ids;
mod own_sidecar;
pub mod refusal;
mod release;
mod spent;
mod stuck_file;
mod undo;
mod undo_steps;

pub use blocked_by::{UndoFacts, Waits, release_beside_undo};
pub use dismissal::{dismissal, dismissal_id, may_be_dismissed_by};
pub use kind::{FollowUpKind, half_undo_of, has_undone};
pub use late_commit::{late_commit, late_commit_id};
pub(crate) use operation_ids::undo_sidecar_ids;
pub use operation_ids::{
    SUCCESSORS_MAX, next_release_id, next_undo_id, next_undo_sidecar_id, release_id, release_ids,
    undo_id, undo_ids, undo_sidecar_id,
};
pub(crate) use own_sidecar::{covers_what_is_never_whole, text_of};
pub use release::{SetTag, release, tags_dropped_by, tags_of, tags_of_plan};
pub use spent::{SpentIf, is_any_dropped, spent_if};
pub use stuck_file::{StuckFile, dismissed_because};
pub(crate) use undo::kept_for_good;
pub use undo::{Returning, Undo, announced_by, is_never_undone, never_undone, undo};
pub(crate) use undo_steps::{undo_restores, undo_tags};

use crate::code::{Code, Reason};
use crate::difference::{Difference, differences};
use crate::plan::Plan;
use crate::sidecar::SidecarBytes;

/// A plan that follows from something, and why it cannot be carried out, if so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The plan.
    pub plan: Plan,
    /// The bytes that stand for its sidecar.
    pub sidecar: SidecarBytes,
    /// Why it cannot be executed, whatever is approved.
    pub blockers: Vec<Reason>,
}

impl FollowUp {
    /// The same without the blocker that its file is too young: it was old enough when its plan was approved and begun.
    #[must_use]
    pub fn begun_before(mut self) -> Self {
        self.blockers.retain(|reason| reason.code != Code::TooYoung);
        self
    }

    /// The differences from `planned`, as it was approved, if this is the plan that the same operation has now.
    #[must_use]
    pub fn moved_since(self, planned: &Plan) -> Vec<Difference> {
        let mut moved = differences(planned, &self.plan);
        moved.extend(self.blockers.into_iter().map(Difference::blocked));
        moved
    }
}
