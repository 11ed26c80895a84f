//! The report on a plan: progress, approvals, age and blockers.

use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::{
    Approval, Choice, Digest, Disposition, ListedSidecar, Plan, PlanBytes, Sidecar, SidecarBytes,
    Timestamp,
};

use super::pending_plan::{Planned, age, made_plan, refusal_of, whole};
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
    if let Some(report) = entry
        .journal
        .as_ref()
        .map(|journal| frozen_report(root, journal, now))
        .transpose()?
        .flatten()
    {
        return Ok(report);
    }
    let listed = whole(root, &entry.listed).await?;
    let file = &listed.file;
    let sidecar = file.content.as_ref().ok();
    let sidecar_bytes = file.digest.map(|_| SidecarBytes::new(file.bytes.clone()));
    let Some(Planned {
        plan,
        bytes,
        mut blockers,
        observation,
        ..
    }) = made_plan(root, &listed, entry.own_journal(), choice).await?
    else {
        return Ok(refused_report(root, &listed, sidecar_bytes, now));
    };
    if plan.has_effect() {
        blockers.extend(age(root, file, now));
    }
    let approvals = entry
        .journal
        .as_ref()
        .map(|journal| approvals_of(journal, bytes.digest()))
        .unwrap_or_default();
    let context = PlanContext {
        sidecar,
        sidecar_bytes,
        age_seconds: file.age_seconds(now),
        observation: observation.as_ref(),
        blockers,
        progress: if approvals.is_empty() {
            Progress::Open
        } else {
            progress(entry.journal.as_ref())
        },
        approvals,
        now,
    };
    Ok(report(&plan, &bytes, context))
}

/// A file that names no operation has no plan; the report carries the refusal alone.
fn refused_report(
    root: &Root,
    listed: &ListedSidecar,
    sidecar_bytes: Option<SidecarBytes>,
    now: Timestamp,
) -> PlanReport {
    let file = &listed.file;
    let reason = refusal_of(listed, listed.refusal.clone());
    let headline = format!("{} is refused: {}.", file.file, reason.detail);
    let consequence = "Nothing about it is decided, and nothing will be done to it.".to_owned();
    let started_at = file.glimpse.started_at.clone();
    PlanReport {
        operation_id: file
            .operation_id()
            .map_or_else(|| file.file.clone(), String::from),
        root: root.id().to_string(),
        file: file.file.clone(),
        writer_kind: file.glimpse.writer_kind.clone(),
        branch: file.glimpse.branch.clone(),
        actor_id: file.glimpse.actor_id.clone(),
        age_seconds: file.age_seconds(now),
        started_at,
        purpose: sidecar::Purpose::Recover,
        disposition: Disposition::Refused,
        decision: None,
        digest: None,
        executable: false,
        blockers: vec![reason],
        requires: Vec::new(),
        choice: Choice::Verdict,
        other_choices: Vec::new(),
        left_out: Vec::new(),
        tables: Vec::new(),
        steps: Vec::new(),
        explanation: format!("{headline} {consequence}"),
        headline,
        consequence,
        progress: Progress::Open,
        approvals: Vec::new(),
        approvals_left_out: 0,
        planned_anew_as: None,
        plan: None,
        sidecar: sidecar_bytes,
    }
}

/// The report over a plan that is under way or finished, from the journal alone; `None` if there is none.
pub(crate) fn frozen_report(
    root: &Root,
    journal: &Journal,
    now: Timestamp,
) -> Result<Option<PlanReport>, ServiceError> {
    let (plan, sidecar_bytes) = match (journal.state.attempt(), journal.state.finished()) {
        (Some(attempt), _) => (&attempt.plan, &attempt.sidecar),
        (None, Some(finished)) => (&finished.plan, &finished.sidecar),
        (None, None) => return Ok(None),
    };
    let bytes = PlanBytes::of(plan).map_err(ServiceError::Encode)?;
    let sidecar = Sidecar::parse(&plan.file, sidecar_bytes.as_bytes(), &root.limits()).ok();
    let context = PlanContext {
        sidecar: sidecar.as_ref(),
        sidecar_bytes: Some(sidecar_bytes.clone()),
        age_seconds: None,
        observation: None,
        blockers: Vec::new(),
        progress: progress_of(journal),
        approvals: approvals_of(journal, bytes.digest()),
        now,
    };
    Ok(Some(report(plan, &bytes, context)))
}

/// The report on a plan, with its context.
pub(super) fn report(plan: &Plan, bytes: &PlanBytes, context: PlanContext<'_>) -> PlanReport {
    PlanReport::new(plan, bytes, context)
}

/// Approvals of exactly one plan.
pub(crate) fn approvals_of(journal: &Journal, digest: Digest) -> Vec<Approval> {
    journal
        .state
        .approvals()
        .iter()
        .filter(|(approval, _)| approval.plan_digest == digest)
        .map(|(approval, _)| approval.clone())
        .collect()
}

/// The progress of an operation with this journal.
fn progress_of(journal: &Journal) -> Progress {
    progress(Some(journal))
}

/// How far approval and execution of an operation have come.
pub(crate) fn progress(journal: Option<&Journal>) -> Progress {
    match journal.map(|journal| &journal.state) {
        Some(state) if state.finished().is_some() => Progress::Finished,
        Some(state) if state.attempt().is_some() => Progress::UnderWay,
        Some(state) if !state.approvals().is_empty() => Progress::Approved,
        _ => Progress::Open,
    }
}
