//! Carrying out an approved plan: re-observe, claim, and do what the journal leaves to do, one journaled step after the other.
//!
//! The executor decides nothing. The journal and the looks determine the next step, by a pure function ([`sidecar::step`]). Each
//! effect is intended in the journal before it is attempted, fenced so that it lands only where it was approved, and recognised
//! later by its own transaction properties. So a crash anywhere leaves a journal that the next `apply` continues.

mod authorized;
mod closing;
mod effects;
mod execution;
mod progress;

use futures::FutureExt;
use sidecar::api::RefusalReport;
use sidecar::{ApplyReport, ApprovedPlan, Digest, OperationId, SidecarBytes};

use crate::clock;
use crate::error::ServiceError;
use crate::journal_store::Journal;
use crate::planning::{Fresh, PlanOf, fresh_plan, replaced_by, unsafe_store};
use crate::root::Root;

use authorized::authorized;
use execution::Execution;

pub use progress::ProgressSink;

/// Carries out an approved plan, or resumes it. On a finished operation it changes nothing and reports the outcome.
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
    let (fresh, _) = futures::join!(
        fresh_plan(root, operation, Some(digest), clock::now()),
        root.room().catalog(None)
    );
    let journal = match fresh? {
        Fresh::UnderWay { journal } => journal,
        Fresh::Gone { journal } if !journal.state.approvals().is_empty() => {
            return Ok(ApplyReport::sidecar_gone(operation, digest));
        }
        Fresh::Gone { .. } => {
            return Err(ServiceError::UnknownOperation {
                root: root.id().to_string(),
                operation: operation.to_string(),
            });
        }
        Fresh::Plan { made, journal } => {
            return begin(root, operation, digest, *made, journal, progress).await;
        }
    };
    resume(root, operation, digest, journal, progress).await
}

/// Starts an operation that no executor holds: everything is checked before the first byte is written.
async fn begin(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    mut fresh: PlanOf,
    journal: Journal,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    if let Some(refusal) = fresh.refusal(operation, digest, &journal)? {
        return Ok(ApplyReport::refused(operation, digest, refusal));
    }
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => {
            return Ok(ApplyReport::refused(
                operation,
                digest,
                RefusalReport::refused(operation, detail),
            ));
        }
    };
    if let Some(refusal) = unsafe_store(root, operation).await? {
        return Ok(ApplyReport::refused(operation, digest, refusal));
    }
    // The plan was just made from these bytes, and it is the approved one.
    let sidecar = fresh.sidecar;
    claim_and_proceed(root, operation, journal, &approved, sidecar, progress).await
}

/// Continues an operation that was begun, or reports what it came to.
async fn resume(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    journal: Journal,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    if let Some(finished) = journal.state.finished() {
        let differs = finished.digest != digest;
        if differs {
            let detail = format!(
                "the operation was finished with plan {}: {}",
                finished.digest,
                finished.outcome.name()
            );
            return Ok(ApplyReport::refused(
                operation,
                digest,
                RefusalReport::refused(operation, detail),
            ));
        }
        if let Some(later) = replaced_by(root, &journal.state).await? {
            let detail = format!(
                "operation {later} came in the place of this one, which is over: {}; look at that one",
                finished.outcome.name()
            );
            return Ok(ApplyReport::refused(
                operation,
                digest,
                RefusalReport::refused(operation, detail),
            ));
        }
        // The writer of the terminal record may have died before it was on disk, and the sidecar is deleted next.
        journal.keep(root.objects()).await?;
        let execution = Execution::of_finished(root, journal, progress);
        return execution.proceed(None).boxed().await;
    }
    let Some(attempt) = journal.state.attempt() else {
        return Err(ServiceError::UnknownOperation {
            root: root.id().to_string(),
            operation: operation.to_string(),
        });
    };
    if attempt.bytes.digest() != digest {
        let detail = format!(
            "plan {} is under way; apply that one to resume it",
            attempt.bytes.digest()
        );
        return Ok(ApplyReport::refused(
            operation,
            digest,
            RefusalReport::refused(operation, detail),
        ));
    }
    if attempt.plan.root != *root.id() {
        return Ok(ApplyReport::begun_elsewhere(operation, attempt, root.id()));
    }
    let sidecar = attempt.sidecar.clone();
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => {
            return Ok(ApplyReport::refused(
                operation,
                digest,
                RefusalReport::refused(operation, detail),
            ));
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
        Err(detail) => Ok(ApplyReport::refused(
            operation,
            approved.digest(),
            RefusalReport::refused(operation, detail),
        )),
    }
}
