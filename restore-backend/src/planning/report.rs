//! The report on a plan that is made now, or was begun.

use futures::FutureExt;
use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::{Choice, SidecarBytes, Timestamp};

use super::pending_plan::{PendingPlan, age, plan_pending, whole};
use super::since::since;
use super::version_9::with_version_9;
use crate::error::ServiceError;
use crate::pending::PendingRecovery;
use crate::root::Root;
use root_objects::journal_store::Journal;

/// The report over one pending entry: of its frozen plan if it is under way or finished, else of the plan it has now.
pub(crate) async fn plan_entry(
    root: &Root,
    entry: &PendingRecovery,
    choice: Choice,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    if let Some(journal) = &entry.journal
        && let Some(report) = frozen_report(root, journal, now).await?
    {
        return Ok(report);
    }
    let listed = whole(root, &entry.listed).await?;
    let file = &listed.file;
    let sidecar = file.content.as_ref().ok();
    let sidecar_bytes = file.digest.map(|_| SidecarBytes::new(file.bytes.clone()));
    let Some(PendingPlan {
        plan,
        bytes,
        mut blockers,
        observation,
        ..
    }) = plan_pending(root, &listed, entry.own_journal(), choice).await?
    else {
        let refused = PlanReport::refused(root.id(), &listed, sidecar_bytes, now);
        return with_version_9(root, refused, None).boxed().await;
    };
    let age = age(root, file, entry.journal.as_ref(), now);
    blockers.extend(plan.blocked_by_age(age));
    let state = entry.journal.as_ref().map(|journal| &journal.state);
    let digest = bytes.digest();
    let context = PlanContext {
        sidecar,
        sidecar_bytes,
        age_seconds: file.age_seconds(now),
        observation: observation.as_ref(),
        blockers,
        progress: Progress::of_plan(state, digest),
        attempt: None,
        planned_anew_as: None,
        approvals: state.map_or_else(Vec::new, |state| state.approvals_of(digest)),
        now,
    };
    let report = PlanReport::new(&plan, &bytes, context);
    with_version_9(root, report, observation.as_ref())
        .boxed()
        .await
}

/// The report over a plan that is under way or finished, from the journal and from what followed; `None` if there is none.
pub(crate) async fn frozen_report(
    root: &Root,
    journal: &Journal,
    now: Timestamp,
) -> Result<Option<PlanReport>, ServiceError> {
    if journal.state.begun().is_none() {
        return Ok(None);
    }
    let since = since(root, journal).boxed().await;
    PlanReport::begun(&journal.state, since, root.id(), &root.limits(), now)
        .map_err(ServiceError::Encode)
}
