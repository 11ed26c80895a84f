//! The operations of the command line and the HTTP API: list, plan, rows, approve, apply, end, undo, dismiss, release, audit,
//! doctor, drain. Neither caller holds logic of its own.

mod approving;
mod auditing;
mod draining;
mod ending;
mod examining;
mod follow_up;
mod listing;
mod naming;
mod root_to_blame;
mod rows;

use futures::FutureExt;
use sidecar::api::{ExecutionReport, PlanReport, RefusalReport};
use sidecar::approvable::choice_not_offered;
use sidecar::{ApplyReport, Choice, Digest, OperationId, SidecarFate, Timestamp};

use crate::execute;
use crate::pending::pending;
use crate::planning::{follow_up_named, frozen_report, plan_entry, sidecar_seen};
use crate::root::Root;
use root_objects::journal_store::Journal;
use root_to_blame::{looked, root_to_blame};

pub use crate::error::ServiceError;
pub use approving::{Approver, approve, revoke};
pub use auditing::{
    AUDIT_PAGE_MAX, OnRecord, audit, audit_listed, audit_page, audit_records, on_record,
};
pub use draining::{
    DONE_JOURNALS_MAX, DRAIN_PLANS_MAX, DonePlans, DrainTurn, done_before, drain, drain_one,
};
pub use ending::{Ending, end};
pub use examining::doctor;
pub use execute::ProgressSink;
pub use follow_up::{dismiss, release, undo};
pub use listing::list;
pub use naming::{current_digests, digest_to_apply, operations_named, recorded_digests};
pub use rows::{RowsAsked, rows};

pub use crate::planning::observe;

/// An answer that may be no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was done.
    Done(T),
    /// It was not done, and nothing changed.
    No(RefusalReport),
}

/// The verdict, evidence, steps and digest for one operation, or for one file by its name. Issues no mutating request.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if nothing goes by that name, or it cannot be planned any more; else see [`ServiceError`].
pub async fn plan(
    root: &Root,
    operation_or_file: &str,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    match plan_for(root, operation_or_file, Choice::Verdict, now).await? {
        Answer::Done(report) => Ok(report),
        Answer::No(_) => Err(unknown(root, operation_or_file)),
    }
}

/// As [`plan`], for a choice that a person makes instead of the verdict. Each choice has a plan of its own, approved and applied
/// by its digest. For an operation under way or finished, the plan that was begun is shown, whatever the choice.
///
/// # Errors
/// As [`plan`]. A choice that this operation does not offer now, and an approved undo or release that is not possible any more,
/// is an [`Answer::No`].
pub async fn plan_choosing(
    root: &Root,
    operation_or_file: &str,
    choice: Choice,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    let report = match plan_for(root, operation_or_file, choice, now).await? {
        Answer::Done(report) => report,
        no => return Ok(no),
    };
    Ok(match choice_not_offered(&report, choice) {
        Some(refusal) => Answer::No(refusal),
        None => Answer::Done(report),
    })
}

/// Carries out an approved plan, or resumes it. On a finished operation it changes nothing and reports the outcome; one that was
/// taken back since is refused.
///
/// # Errors
/// See [`ServiceError`]: the attempt stays open in the journal, and applying again resumes it. Refusals, conflicts and unclear
/// effects are outcomes in the report.
pub async fn apply(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    root_to_blame(
        root,
        execute::apply(root, operation, digest, progress).boxed(),
    )
    .await
}

fn unknown(root: &Root, operation_or_file: &str) -> ServiceError {
    ServiceError::UnknownOperation {
        root: root.shown(),
        operation: operation_or_file.chars().take(64).collect(),
    }
}

async fn plan_for(
    root: &Root,
    operation_or_file: &str,
    choice: Choice,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    looked(
        root,
        plan_made(root, operation_or_file, choice, now).boxed(),
    )
    .await
}

async fn plan_made(
    root: &Root,
    operation_or_file: &str,
    choice: Choice,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    let recoveries = pending(root, Some(operation_or_file)).await?;
    let by_file = recoveries
        .iter()
        .find(|recovery| recovery.listed.file.file == operation_or_file);
    let entry = by_file.or_else(|| {
        recoveries.iter().find(|recovery| {
            recovery
                .operation_id()
                .is_some_and(|operation_id| operation_id.as_str() == operation_or_file)
        })
    });
    if let Some(entry) = entry {
        return plan_entry(root, entry, choice, now).await.map(Answer::Done);
    }
    let unknown = || unknown(root, operation_or_file);
    let operation_id: OperationId = operation_or_file
        .trim_end_matches(".json")
        .parse()
        .map_err(|_| unknown())?;
    let journal = Journal::load(root.objects(), &operation_id, &root.limits()).await?;
    if let Some(report) = frozen_report(root, &journal, now).await? {
        return Ok(Answer::Done(report));
    }
    match follow_up_named(root, &operation_id, &recoveries, now).await? {
        Some(Ok(plan)) => plan.report(Some(&journal), now).map(Answer::Done),
        Some(Err(reason)) if !journal.state.approvals().is_empty() => Ok(Answer::No(
            RefusalReport::for_reason(operation_or_file, reason),
        )),
        Some(Err(_)) | None => Err(unknown()),
    }
}

/// How far the execution of an operation came, from its journal alone.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if it has no journal.
pub async fn execution(
    root: &Root,
    operation: &OperationId,
) -> Result<ExecutionReport, ServiceError> {
    match journaled(root, operation).await {
        // It may be pending all the same, also where there is no catalog.
        Err(error) if error.is_not_found() => Err(error),
        answer => looked(root, async { answer }).await,
    }
}

async fn journaled(root: &Root, operation: &OperationId) -> Result<ExecutionReport, ServiceError> {
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    if journal.stored.is_empty() {
        return Err(ServiceError::UnknownOperation {
            root: root.shown(),
            operation: operation.to_string(),
        });
    }
    let sidecar = match journal.state.begun() {
        Some(plan) => {
            let is_recorded = journal.state.finished().is_some();
            sidecar_seen(root, plan, Some(&journal.state))
                .await?
                .fate(plan, is_recorded)
        }
        // No step was begun, so the report says nothing of the file.
        None => SidecarFate::Unknown,
    };
    Ok(ExecutionReport::of(&journal.state, sidecar))
}
