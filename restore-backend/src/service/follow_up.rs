//! Plans that follow from something finished or stuck: undo, release, dismiss. Making one issues no mutating request.

use futures::FutureExt;
use sidecar::api::{PlanReport, RefusalReport};
use sidecar::follow_up::{FollowUpKind, announced_by};
use sidecar::{Choice, OperationId, Timestamp};

use super::Answer;
use super::root_to_blame::looked;
use crate::error::ServiceError;
use crate::pending::pending;
use crate::planning::{
    InForce, frozen_report, in_force, plan_dismissal, plan_entry, plan_follow_up, with_version_9,
};
use crate::root::Root;
use root_objects::journal_store::Journal;

/// The plan that takes the finished recovery of an operation back. It has an operation id of its own.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if no finished operation has that id. An impossible undo is an [`Answer::No`].
pub async fn undo(
    root: &Root,
    operation: &OperationId,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    of_finished(root, operation, FollowUpKind::Undo, now).await
}

/// The plan that drops the tags of the finished recovery of an operation. It has an operation id of its own.
///
/// # Errors
/// As [`undo`].
pub async fn release(
    root: &Root,
    operation: &OperationId,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    of_finished(root, operation, FollowUpKind::Release, now).await
}

async fn of_finished(
    root: &Root,
    of: &OperationId,
    kind: FollowUpKind,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    looked(root, planned_of(root, of, kind, now).boxed()).await
}

async fn planned_of(
    root: &Root,
    of: &OperationId,
    kind: FollowUpKind,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    let recovery = Journal::load(root.objects(), of, &root.limits()).await?;
    let InForce {
        operation, journal, ..
    } = in_force(root, kind, of, &recovery.state).await?;
    let recoveries = pending(root, Some(operation.as_str())).await?;
    // An undo or release under way is listed, and so is an interrupted undo: it is pending like any other write.
    if let Some(entry) = recoveries
        .iter()
        .find(|recovery| recovery.operation_id().as_ref() == Some(&operation))
    {
        return plan_entry(root, entry, Choice::Verdict, now)
            .await
            .map(Answer::Done);
    }
    if let Some(report) = frozen_report(root, &journal, now).await? {
        return Ok(Answer::Done(report));
    }
    // An undone roll back leaves a sidecar of its own; recovering that takes the undo back.
    let left = recovery
        .state
        .finished()
        .filter(|_| kind == FollowUpKind::Undo)
        .and_then(|finished| announced_by(&finished.plan.steps));
    if let Some(entry) = recoveries
        .iter()
        .find(|recovery| left.is_some() && recovery.operation_id() == left)
    {
        return plan_entry(root, entry, Choice::Verdict, now)
            .await
            .map(Answer::Done);
    }
    match plan_follow_up(root, of, &operation, &recoveries, None).await? {
        Ok(plan) => plan.report(Some(&journal), now).map(Answer::Done),
        Err(reason) => Ok(Answer::No(RefusalReport::for_reason(of, reason))),
    }
}

/// The plan that sets a refused or aborted sidecar aside, given as a file or as an operation.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if nothing pending goes by that name.
pub async fn dismiss(
    root: &Root,
    file_or_operation: &str,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    looked(root, dismissal_of(root, file_or_operation, now).boxed()).await
}

async fn dismissal_of(
    root: &Root,
    file_or_operation: &str,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    let recoveries = pending(root, Some(file_or_operation)).await?;
    let unknown = || ServiceError::UnknownOperation {
        root: root.shown(),
        operation: file_or_operation.chars().take(64).collect(),
    };
    let by_file = recoveries
        .iter()
        .find(|recovery| recovery.listed.file.file == file_or_operation);
    let entry = by_file
        .or_else(|| {
            recoveries.iter().find(|recovery| {
                recovery
                    .operation_id()
                    .is_some_and(|operation| operation.as_str() == file_or_operation)
            })
        })
        .ok_or_else(unknown)?;
    let is_told = |journal: &&Journal| {
        let state = &journal.state;
        let own = entry.operation_id();
        state.attempt().is_some() || own.as_ref() != Some(state.operation_id())
    };
    if let Some(journal) = entry.journal.as_ref().filter(is_told)
        && let Some(report) = frozen_report(root, journal, now).await?
    {
        return Ok(report);
    }
    let dismissal = plan_dismissal(root, entry, now).await?;
    let operation = &dismissal.follow_up.plan.operation_id;
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    // A dismissed file is there again. The recorded dismissal must be found untrue before the file is dismissed anew.
    if let Some(report) = frozen_report(root, &journal, now).await? {
        return Ok(report);
    }
    let report = dismissal.report(Some(&journal), now)?;
    with_version_9(root, report, None).boxed().await
}
