//! Carrying out an approved plan: re-observe, claim, and do what the journal leaves to do, one journaled step after the other.
//!
//! The executor decides nothing. The journal and the looks determine the next step, by a pure function
//! ([`sidecar::executor::next`]). The journal records that an effect is intended before it is attempted. A fence lets the effect
//! land only where it was approved. Its own transaction properties identify it later. So a crash anywhere leaves a journal that
//! the next `apply` continues.

mod claim;
mod effects;
mod ending;
mod execution;
mod looks;
mod proceed;
mod progress;
mod seeing;
mod taken_over;

use futures::FutureExt;
use sidecar::api::RefusalReport;
use sidecar::approvable::{Resumed, authorized, replaced, resumed};
use sidecar::journal::JournalState;
use sidecar::{
    ApplyReport, ApprovedPlan, Digest, OperationId, Plan, SidecarBytes, SidecarFate, error_text,
};

use crate::error::ServiceError;
use crate::planning::{
    ApprovablePlan, CurrentPlan, current_plan, replaced_by, sidecar_fate, taken_back, unsafe_store,
};
use crate::root::Root;
use root_objects::clock;
use root_objects::journal_store::Journal;

use execution::Execution;

pub use progress::ProgressSink;

/// Carries out an approved plan, or resumes it. On a finished operation it touches no table and reports the outcome; one that was
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
    // Warm the catalog cache for main while the journal and sidecar are read. Nothing is decided from this read.
    let (current, _) = futures::join!(
        current_plan(root, operation, Some(digest), clock::now()),
        root.lance().catalog(None)
    );
    let journal = match current? {
        CurrentPlan::UnderWay { journal } => journal,
        CurrentPlan::Impossible { reason, journal } if !journal.state.approvals().is_empty() => {
            let refusal = RefusalReport::for_reason(operation, reason);
            let approved = journal.state.approved_plan_or_first(digest);
            return Ok(refused(root, operation, digest, refusal, approved.as_ref()).await);
        }
        // An operation that was opened again has no approvals left, and is not unknown.
        CurrentPlan::Gone { journal }
            if !journal.state.approvals().is_empty() || !journal.state.interrupted().is_empty() =>
        {
            let approved = journal.state.approved_plan_or_first(digest);
            let fate = fate(root, approved.as_ref()).await;
            return Ok(ApplyReport::sidecar_gone(operation, digest, fate));
        }
        CurrentPlan::Gone { .. } | CurrentPlan::Impossible { .. } => {
            return Err(ServiceError::UnknownOperation {
                root: root.shown(),
                operation: operation.to_string(),
            });
        }
        CurrentPlan::Approvable { plan, journal } => {
            return begin(root, operation, digest, *plan, journal, progress).await;
        }
    };
    resume(root, operation, digest, journal, progress).await
}

/// The answer to a call that was turned away, with what became of the sidecar file of this plan.
async fn refused(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    refusal: RefusalReport,
    plan: Option<&Plan>,
) -> ApplyReport {
    let fate = fate(root, plan).await;
    ApplyReport::refused(operation, digest, refusal, fate)
}

async fn fate(root: &Root, plan: Option<&Plan>) -> SidecarFate {
    match plan {
        Some(plan) => sidecar_fate(root, plan, false).await,
        None => SidecarFate::Unknown,
    }
}

/// The same where a plan was begun.
async fn turned_away(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    refusal: RefusalReport,
    state: &JournalState,
) -> ApplyReport {
    let fate = match state.begun() {
        Some(begun) => sidecar_fate(root, begun, state.finished().is_some()).await,
        None => SidecarFate::Unknown,
    };
    ApplyReport::refused(operation, digest, refusal, fate)
}

/// Starts an operation that no executor holds: everything is checked before the first byte is written.
async fn begin(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    mut plan: ApprovablePlan,
    journal: Journal,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    if let Some(refusal) = plan.refusal(operation, digest, &journal)? {
        // If another plan was approved, the file of that plan may be gone, and another file may bear its name.
        let asked = journal
            .state
            .approved_plan_or_first(digest)
            .unwrap_or(plan.plan);
        return Ok(refused(root, operation, digest, refusal, Some(&asked)).await);
    }
    let approved = match authorized(&journal.state, digest) {
        Ok(approved) => approved,
        Err(error) => {
            let refusal = RefusalReport::refused(operation, error_text(&error));
            return Ok(refused(root, operation, digest, refusal, Some(&plan.plan)).await);
        }
    };
    if let Some(refusal) = unsafe_store(root, operation).await? {
        return Ok(refused(root, operation, digest, refusal, Some(&plan.plan)).await);
    }
    // The plan was just made from these bytes, and it is the approved one.
    let sidecar = plan.sidecar;
    claim_and_proceed(root, operation, journal, &approved, sidecar, progress).await
}

/// Continues an operation that was begun, or reports its outcome.
async fn resume(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    journal: Journal,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    let sidecar = match resumed(operation, digest, &journal.state, root.id()) {
        Resumed::Finished(finished) => {
            if let Some(later) = replaced_by(root, &journal.state).await? {
                let refusal = replaced(operation, finished, &later);
                return Ok(turned_away(root, operation, digest, refusal, &journal.state).await);
            }
            // The writer of the terminal record may have died before it was on disk, and the sidecar is deleted next.
            journal.make_durable(root.objects()).await?;
            let state = journal.state.clone();
            let execution = Execution::of_finished(root, journal, progress);
            let report = execution.proceed(None).boxed().await?;
            let taken_back = taken_back(root, &state).boxed().await?;
            return Ok(report.told_again(&state, taken_back.undone_by));
        }
        Resumed::Refused(refusal) => {
            return Ok(turned_away(root, operation, digest, refusal, &journal.state).await);
        }
        Resumed::Elsewhere(attempt) => {
            let here = root.id();
            let fate = sidecar_fate(root, &attempt.plan, false).await;
            return Ok(ApplyReport::begun_elsewhere(operation, attempt, here, fate));
        }
        Resumed::Nothing => {
            return Err(ServiceError::UnknownOperation {
                root: root.shown(),
                operation: operation.to_string(),
            });
        }
        Resumed::UnderWay(attempt) => attempt.sidecar.clone(),
    };
    let approved = match authorized(&journal.state, digest) {
        Ok(approved) => approved,
        Err(error) => {
            let refusal = RefusalReport::refused(operation, error_text(&error));
            return Ok(turned_away(root, operation, digest, refusal, &journal.state).await);
        }
    };
    claim_and_proceed(root, operation, journal, &approved, sidecar, progress).await
}

async fn claim_and_proceed(
    root: &Root,
    operation: &OperationId,
    journal: Journal,
    approved: &ApprovedPlan,
    sidecar: SidecarBytes,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    match Execution::claim(root, journal, approved, sidecar, progress).await? {
        Ok(execution) => execution.proceed(Some(approved)).boxed().await,
        Err(detail) => {
            let fate = sidecar_fate(root, approved.plan(), false).await;
            let refusal = RefusalReport::refused(operation, detail);
            Ok(ApplyReport::refused(
                operation,
                approved.digest(),
                refusal,
                fate,
            ))
        }
    }
}
