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
mod report;

use futures::FutureExt;
use sidecar::api::RefusalReport;
use sidecar::journal::Attempt;
use sidecar::{
    ApplyReport, ApprovedPlan, Difference, DifferenceField, Digest, OperationId, OutcomeKind,
    SidecarBytes, SidecarFate,
};

use crate::error::ServiceError;
use crate::planning::{Fresh, PlanOf, fresh_plan, replaced_by, unsafe_store};
use crate::root::Root;
use root_objects::clock;
use root_objects::journal_store::Journal;

use authorized::authorized;
use execution::Execution;
use report::refused_report;

pub use progress::ProgressSink;
pub(crate) use progress::execution_report;
pub(crate) use report::ended_report;

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
            return Ok(sidecar_gone(operation, digest));
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
        return Ok(refused_report(operation, digest, refusal));
    }
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => {
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
    };
    if let Some(refusal) = unsafe_store(root, operation).await? {
        return Ok(refused_report(operation, digest, refusal));
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
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
        if let Some(later) = replaced_by(root, &journal.state).await? {
            let detail = format!(
                "operation {later} came in the place of this one, which is over: {}; look at that one",
                finished.outcome.name()
            );
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
        // The writer of the terminal record may have died before it was on disk, and the sidecar is deleted next.
        journal.make_durable(root.objects()).await?;
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
        return Ok(refused_report(
            operation,
            digest,
            refusal(operation, detail),
        ));
    }
    if attempt.plan.root != *root.id() {
        return Ok(begun_elsewhere(root, operation, attempt));
    }
    let sidecar = attempt.sidecar.clone();
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => {
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
    };
    claim_and_proceed(root, operation, journal, &approved, sidecar, progress).await
}

/// An attempt that was begun at another root, of which this one is a copy or a moved one, or at this root under another name.
/// This root carries out none of its steps and ends nobody's attempt: a person has to say that it is over.
fn begun_elsewhere(root: &Root, operation: &OperationId, attempt: &Attempt) -> ApplyReport {
    let (there, here) = (attempt.plan.root.to_string(), root.id().to_string());
    let detail = format!(
        "this was approved for {there} and begun there, and this root is {here}: nothing was done. If both are the same root, apply it there. If this one is a copy, or was moved, and nobody goes on with it there, end it here, with `end`; then look at the plan as it is here"
    );
    let differences = vec![Difference::new(None, DifferenceField::Root, there, here)];
    let steps: Vec<usize> = attempt.begun_not_done();
    report::unfinished_report(
        attempt,
        operation,
        OutcomeKind::Refused,
        detail,
        differences,
        Some(&steps),
    )
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
        Err(detail) => Ok(refused_report(
            operation,
            approved.digest(),
            refusal(operation, detail),
        )),
    }
}

fn refusal(operation: &OperationId, detail: String) -> RefusalReport {
    RefusalReport::refused(operation, detail, Vec::new())
}

fn sidecar_gone(operation: &OperationId, digest: Digest) -> ApplyReport {
    let detail = "the sidecar is gone or has other bytes: somebody else resolved the operation or changed the file; nothing was done".to_owned();
    let differences = vec![Difference::new(
        None,
        DifferenceField::Sidecar,
        "as approved",
        "gone or changed",
    )];
    let mut report = refused_report(
        operation,
        digest,
        RefusalReport::conflict(operation, detail, Vec::new(), differences),
    );
    report.sidecar = SidecarFate::Kept;
    report
}
