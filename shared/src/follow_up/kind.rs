//! Undo and release: the two operations that can follow a finished recovery, one after the other under derived ids.

use crate::ids::OperationId;
use crate::journal::JournalState;
use crate::plan::{Plan, Purpose};

use super::operation_ids::{release_ids, undo_ids};

/// What follows from a finished recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUpKind {
    /// It is taken back.
    Undo,
    /// Its tags are dropped.
    Release,
}

impl FollowUpKind {
    /// The ids of the operations that do it, in order: each next one is used once the one before it is spent.
    pub fn ids(self, of: &OperationId) -> impl Iterator<Item = OperationId> + use<> {
        let (undo, release) = match self {
            Self::Undo => (Some(undo_ids(of)), None),
            Self::Release => (None, Some(release_ids(of))),
        };
        undo.into_iter()
            .flatten()
            .chain(release.into_iter().flatten())
    }

    /// Whether the journal is of an undo or of a release, and of which recovery.
    #[must_use]
    pub fn of_journal(state: &JournalState) -> Option<(Self, &OperationId)> {
        let interrupted = state.interrupted().iter().map(|attempt| &attempt.plan);
        let attempt = state.attempt().map(|attempt| &attempt.plan);
        let finished = state.finished().map(|finished| &finished.plan);
        let mut plans = interrupted.chain(attempt).chain(finished);
        plans.find_map(|plan| match &plan.purpose {
            Purpose::Undo { of } => Some((Self::Undo, of)),
            Purpose::Release { of } => Some((Self::Release, of)),
            Purpose::Recover | Purpose::Dismiss { .. } => None,
        })
    }

    /// Whether `operation` is an undo or a release of `of`: the first of that kind, or one whose predecessors all have journals.
    #[must_use]
    pub fn of_operation(
        of: &OperationId,
        operation: &OperationId,
        has_journal: impl Fn(&OperationId) -> bool,
    ) -> Option<Self> {
        [Self::Undo, Self::Release].into_iter().find(|kind| {
            let mut is_next = true;
            let mut ids = kind
                .ids(of)
                .take_while(|id| std::mem::replace(&mut is_next, has_journal(id)));
            ids.any(|id| id == *operation)
        })
    }
}

/// The recovery that this operation was to take back, where that undo stopped half-way and the plan that was begun last recovers its
/// tables like those of a write.
#[must_use]
pub fn half_undo_of(state: &JournalState) -> Option<&OperationId> {
    state.begun().filter(|plan| plan.purpose.is_recovery())?;
    match FollowUpKind::of_journal(state)? {
        (FollowUpKind::Undo, of) => Some(of),
        (FollowUpKind::Release, _) => None,
    }
}

/// Whether this plan, which ended an undo, took the recovery back: as the undo itself, or by publishing the restores of the undo.
#[must_use]
pub fn has_undone(plan: &Plan) -> bool {
    match plan.purpose {
        Purpose::Undo { .. } => true,
        Purpose::Recover => plan.disposition.leaves_it_visible(),
        Purpose::Release { .. } | Purpose::Dismiss { .. } => false,
    }
}
