//! The report on a begun plan: how far it came, how it ended, and which operations followed it.

use serde::{Deserialize, Serialize};

use crate::code::Reason;
use crate::ids::OperationId;
use crate::outcome::{OutcomeKind, SidecarFate};
use crate::timestamp::Timestamp;

/// The report on a begun plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// When an executor first claimed it.
    pub begun_at: Timestamp,
    /// When its terminal record was written; null while it is under way.
    pub finished_at: Option<Timestamp>,
    /// How it ended; null while it is under way.
    pub outcome: Option<OutcomeKind>,
    /// How far each step of the plan came, in order.
    pub steps: Vec<StepState>,
    /// What became of its sidecar file.
    pub sidecar: SidecarFate,
    /// The root at which this was looked up, where it was begun at another. Nothing of it is carried out here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_of_root: Option<String>,
    /// The operation that was to be taken back, where that undo stopped half-way and this plan recovers its tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_undo_of: Option<OperationId>,
    /// The chain of undos of a finished operation: the first took back the operation, and each other the one before it. After an even
    /// number of them, its effects hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<FollowedBy>,
    /// The operation that dropped its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<FollowedBy>,
    /// The operation that an undo can take back now: this one, or the last that took something back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<OperationId>,
    /// Why nothing can be taken back, once it is finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_undo: Option<Reason>,
    /// Why it is not known what followed it, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// An operation that follows a finished one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowedBy {
    /// Its id.
    pub operation_id: OperationId,
    /// When it was finished; null while it is under way.
    pub finished_at: Option<Timestamp>,
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Intended in the journal, not known to be done.
    Started,
    /// Done.
    Done,
}

/// The facts about a begun plan that its journal does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// What became of its sidecar file.
    pub sidecar: SidecarFate,
    /// As [`AttemptReport::undone_by`].
    pub undone_by: Vec<FollowedBy>,
    /// As [`AttemptReport::released_by`].
    pub released_by: Option<FollowedBy>,
    /// The operation that can be taken back now, or why none can; `None` where that was not looked up.
    pub undo: Option<Result<OperationId, Reason>>,
    /// The operation under which the same is planned now, where its effects are gone.
    pub planned_anew_as: Option<OperationId>,
    /// Why it is not known what followed it, if so.
    pub unread: Option<String>,
}

impl Since {
    /// Nothing was looked up but the sidecar file.
    #[must_use]
    pub const fn of_file(sidecar: SidecarFate) -> Self {
        Self {
            sidecar,
            undone_by: Vec::new(),
            released_by: None,
            undo: None,
            planned_anew_as: None,
            unread: None,
        }
    }
}

impl AttemptReport {
    /// Whether its terminal record is written.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        self.finished_at.is_some()
    }

    /// Whether something is left to do: it is not finished, or its sidecar is still there. Applying its plan once more carries it on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.is_finished() || self.sidecar == SidecarFate::Kept
    }

    /// Whether it was taken back and did not come back since.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        is_undone(&self.undone_by)
    }
}

/// Whether operations that took each other back left the first one undone.
#[must_use]
pub fn is_undone(undone_by: &[FollowedBy]) -> bool {
    let finished = undone_by.iter().filter(|by| by.finished_at.is_some());
    finished.count() % 2 == 1
}
