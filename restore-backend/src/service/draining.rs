//! The plans of everything that is pending, and one of them carried out by its digest.

use futures::FutureExt;
use sidecar::api::PlanReport;
use sidecar::drain::{DrainPlan, DrainReport, DrainStep};
use sidecar::{Choice, Digest, OperationId, Timestamp};

use super::root_to_blame::{looked, readable_catalog};
use super::{Answer, Approver, ProgressSink, apply, approve};
use crate::error::ServiceError;
use crate::pending::{PendingRecovery, pending, pending_and_skipped};
use crate::planning::plan_entry;
use crate::root::Root;

/// Plans of one page: a person reads each. Each plan is a look of its own at the root.
pub const DRAIN_PLANS_MAX: usize = 200;

/// The plan of every pending recovery, oldest first. Issues no mutating request.
///
/// # Errors
/// As [`super::plan`] and [`super::list`].
pub async fn drain(root: &Root, now: Timestamp) -> Result<DrainReport, ServiceError> {
    looked(root, planned(root, now).boxed()).await
}

async fn planned(root: &Root, now: Timestamp) -> Result<DrainReport, ServiceError> {
    let (recoveries, skipped) = pending_and_skipped(root, None).await?;
    if recoveries.is_empty() {
        readable_catalog(root).boxed().await?;
    }
    let commands = root.commands();
    let mut plans = Vec::new();
    for entry in recoveries.iter().take(DRAIN_PLANS_MAX) {
        let report = plan_entry(root, entry, Choice::Verdict, now)
            .boxed()
            .await?;
        plans.push(DrainPlan::of(&report, &commands));
    }
    Ok(DrainReport {
        root: root.address().to_string(),
        not_planned: recoveries.len() - plans.len(),
        plans,
        skipped,
    })
}

/// Approves and carries out the plan with this digest, if it is the current plan of a pending recovery: of `operation` where the
/// caller has seen the digest there, else of any. A plan that is under way is resumed, and not approved anew.
///
/// # Errors
/// As [`approve`] and [`apply`].
pub async fn drain_one(
    root: &Root,
    digest: Digest,
    operation: Option<&OperationId>,
    approver: Approver,
    progress: &ProgressSink,
    now: Timestamp,
) -> Result<DrainStep, ServiceError> {
    let found = looked(root, found(root, digest, operation, now).boxed()).await?;
    let Some((operation, is_begun)) = found else {
        return Ok(DrainStep::NotCurrent);
    };
    if !is_begun {
        match approve(root, &operation, digest, approver, now)
            .boxed()
            .await?
        {
            Answer::Done(_) => {}
            Answer::No(refusal) => return Ok(DrainStep::No(refusal)),
        }
    }
    let report = apply(root, &operation, digest, progress).boxed().await?;
    Ok(DrainStep::Applied(Box::new(report)))
}

/// The pending operation whose current plan has this digest, and whether that plan was begun.
async fn found(
    root: &Root,
    digest: Digest,
    operation: Option<&OperationId>,
    now: Timestamp,
) -> Result<Option<(OperationId, bool)>, ServiceError> {
    let recoveries = pending(root, operation.map(OperationId::as_str)).await?;
    let is_asked = |entry: &&PendingRecovery| match (operation, entry.operation_id()) {
        (Some(wanted), Some(operation)) => *wanted == operation,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    for entry in recoveries.iter().filter(is_asked).take(DRAIN_PLANS_MAX) {
        let Some(operation) = entry.operation_id() else {
            continue;
        };
        let report = plan_entry(root, entry, Choice::Verdict, now)
            .boxed()
            .await?;
        if is_it(&report, digest) {
            return Ok(Some((operation, report.attempt.is_some())));
        }
        for choice in report.other_choices.iter().copied() {
            let other = plan_entry(root, entry, choice, now).boxed().await?;
            if is_it(&other, digest) {
                return Ok(Some((operation, other.attempt.is_some())));
            }
        }
    }
    Ok(None)
}

fn is_it(report: &PlanReport, digest: Digest) -> bool {
    report.digest == Some(digest)
}
