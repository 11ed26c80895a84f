//! The plan that takes a finished recovery back.

use sidecar::follow_up::{Undo, UndoFacts, Waits, next_undo_sidecar_id, undo as lay_down_undo};
use sidecar::journal::Finished;
use sidecar::{Choice, OperationId, Plan, Reason};

use super::follow_up_plan::FollowUpPlan;
use super::in_force::is_released;
use super::pending_plan;
use crate::error::ServiceError;
use crate::observe::{Judged, Look, look_closely, read_restorability, read_row_counts};
use crate::pending::{PendingRecovery, read_pending};
use crate::root::Root;
use root_objects::journal_store::Journal;

pub(super) async fn plan_undo(
    root: &Root,
    of: &OperationId,
    finished: &Finished,
    undo: Undo,
    recoveries: &[PendingRecovery],
    claimed: Option<&Plan>,
) -> Result<Result<FollowUpPlan, Reason>, ServiceError> {
    let undo = announcing_anew(root, undo).await?;
    let judged = Judged::planned_undo(&undo.sidecar);
    let mut look = look_closely(root, judged, Choice::Verdict, read_pending).await?;
    read_restorability(root, &mut look, |table| {
        undo.target_of(&table.table_key, table.branch.as_deref())
    })
    .await;
    // An undo that announces a sidecar publishes nothing, so no rows are counted for it.
    if undo.announced().is_none() {
        read_row_counts(root, &mut look, |table| {
            undo.target_of(&table.table_key, table.branch.as_deref())
        })
        .await;
    }
    let Look {
        observation,
        history,
        uncounted,
        failed,
    } = look;
    let is_released = is_released(root, of, &finished.plan).await?;
    let files = recoveries.iter();
    let files = files.map(|entry| (entry.operation_id(), &entry.listed.file));
    let waits = Waits::of(&undo, claimed, files);
    let waits_for = waits.first.as_ref().map(|(place, _)| &recoveries[*place]);
    let unread = waits_for.and_then(|entry| pending_plan::not_read(&entry.listed.file));
    let facts = UndoFacts {
        history,
        uncounted,
        is_released,
        waits,
    };
    let follow_up = lay_down_undo(root.id(), &undo, &observation).blocked_by(&undo, facts);
    Ok(Ok(FollowUpPlan {
        follow_up,
        sidecar: Some(undo.sidecar),
        observation: Some(observation),
        age_seconds: None,
        failed,
        unread,
    }))
}

/// The undo, with an id for the sidecar it announces whose journal is not finished yet.
async fn announcing_anew(root: &Root, mut undo: Undo) -> Result<Undo, ServiceError> {
    while let Some(announced) = undo.announced() {
        let journal = Journal::load(root.objects(), announced, &root.limits()).await?;
        if journal.state.finished().is_none() {
            break;
        }
        let next = next_undo_sidecar_id(announced);
        undo = undo.announcing(next);
    }
    Ok(undo)
}
