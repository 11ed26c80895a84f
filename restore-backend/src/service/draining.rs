//! The plans of everything that is pending, and one of them carried out by its digest.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt, StreamExt};
use sidecar::api::PlanReport;
use sidecar::drain::{DoneBefore, DrainPlan, DrainReport, DrainStep, NotCurrent};
use sidecar::{Choice, Difference, Digest, OperationId, Plan, PlanBytes, Timestamp, differences};

use super::root_to_blame::{looked, readable_catalog};
use super::{Answer, Approver, ProgressSink, apply, approve};
use crate::error::ServiceError;
use crate::pending::{PendingRecovery, pending, pending_and_skipped};
use crate::planning::plan_entry;
use crate::root::Root;
use root_objects::journal_store::{Journal, JournalEntryOfListing, list_all};

/// Plans of one page: a person reads each. Each plan is a look of its own at the root.
pub const DRAIN_PLANS_MAX: usize = 200;
/// The newest journals of ended operations, in which a plan is looked for that no pending recovery has: so many at most. Each
/// takes some ten small reads.
pub const DONE_JOURNALS_MAX: usize = 1_000;
/// Those that are read at the same time, and the size up to which one is read at all.
const JOURNALS_AT_ONCE: usize = 16;
const JOURNAL_BYTES_MAX: u64 = 1 << 20;

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

/// One digest of a list that is to be carried out, with what the caller knows about it.
#[derive(Debug, Clone, Default)]
pub struct DrainTurn {
    /// The plan with this digest, where the caller has seen it on a page.
    pub seen: Option<DrainPlan>,
    /// Every digest of the list.
    pub list: BTreeSet<Digest>,
}

/// Approves and carries out the plan with this digest, if it is the current plan of a pending recovery: of the one on whose line the
/// caller has seen it, else of any. A plan that is under way is resumed, and not approved anew; one that was carried out before is
/// passed over.
///
/// # Errors
/// As [`approve`] and [`apply`].
pub async fn drain_one(
    root: &Root,
    digest: Digest,
    turn: &DrainTurn,
    approver: Approver,
    progress: &ProgressSink,
    now: Timestamp,
) -> Result<DrainStep, ServiceError> {
    let found = looked(root, found(root, digest, turn, now).boxed()).await?;
    let (operation, is_begun) = match found {
        Found::Current {
            operation,
            is_begun,
        } => (operation, is_begun),
        Found::No(step) => return Ok(step),
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

/// Whose plan a digest is.
enum Found {
    /// The current one of this pending operation.
    Current {
        operation: OperationId,
        /// Whether it was begun.
        is_begun: bool,
    },
    /// That of no pending operation.
    No(DrainStep),
}

async fn found(
    root: &Root,
    digest: Digest,
    turn: &DrainTurn,
    now: Timestamp,
) -> Result<Found, ServiceError> {
    let seen = turn.seen.as_ref();
    let of_seen: Option<OperationId> = seen.and_then(|seen| seen.operation_id.parse().ok());
    let recoveries = pending(root, of_seen.as_ref().map(OperationId::as_str)).await?;
    let is_asked = |entry: &&PendingRecovery| match (&of_seen, entry.operation_id()) {
        (Some(wanted), Some(operation)) => *wanted == operation,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let asked = recoveries.iter().filter(is_asked);
    let mut not_current = NotCurrent {
        operation_id: of_seen.as_ref().map(ToString::to_string),
        not_planned: asked.clone().count().saturating_sub(DRAIN_PLANS_MAX),
        ..NotCurrent::default()
    };
    for entry in asked.take(DRAIN_PLANS_MAX) {
        let Some(operation) = entry.operation_id() else {
            continue;
        };
        let report = plan_entry(root, entry, Choice::Verdict, now)
            .boxed()
            .await?;
        let current = |report: &PlanReport| Found::Current {
            operation: operation.clone(),
            is_begun: report.attempt.is_some(),
        };
        if is_it(&report, digest) {
            return Ok(current(&report));
        }
        for choice in report.other_choices.iter().copied() {
            let other = plan_entry(root, entry, choice, now).boxed().await?;
            if is_it(&other, digest) {
                return Ok(current(&other));
            }
        }
        if let Some(planned) = planned_before(entry, seen, digest) {
            not_current.operation_id = Some(operation.to_string());
            not_current.differences = since(&planned, &report);
        }
        let is_listed = report.digest.is_some_and(|now| turn.list.contains(&now));
        if !is_listed {
            not_current.others.push(operation.to_string());
        }
    }
    let done = done_before(root, &BTreeSet::from([digest])).await?;
    not_current.not_searched = done.not_searched;
    Ok(Found::No(match done.plans.into_values().next() {
        Some(done) => DrainStep::DoneBefore(done),
        None => DrainStep::NotCurrent(not_current),
    }))
}

fn is_it(report: &PlanReport, digest: Digest) -> bool {
    report.digest == Some(digest)
}

/// The plan with this digest, where it was seen on a page or is in the operation's journal.
fn planned_before(
    entry: &PendingRecovery,
    seen: Option<&DrainPlan>,
    digest: Digest,
) -> Option<Plan> {
    let seen = seen.and_then(|seen| decoded(seen.plan.as_deref()?, digest));
    seen.or_else(|| entry.own_journal()?.approved_plan(digest))
}

fn decoded(plan: &str, digest: Digest) -> Option<Plan> {
    PlanBytes::verify(plan, digest).ok()?.decode().ok()
}

/// The differences from `planned`.
fn since(planned: &Plan, now: &PlanReport) -> Vec<Difference> {
    let now = now.plan.as_deref().zip(now.digest);
    let now = now.and_then(|(plan, digest)| decoded(plan, digest));
    now.map(|now| differences(planned, &now))
        .unwrap_or_default()
}

/// The plans of a list that ended operations were carried out by.
#[derive(Debug, Clone, Default)]
pub struct DonePlans {
    /// By their digests.
    pub plans: BTreeMap<Digest, DoneBefore>,
    /// Journals of ended operations that were not looked at, because there are too many, or because they cannot be read.
    pub not_searched: usize,
}

/// Which of these plans were carried out before, to their ends: one listing, and the newest journals of ended operations, until all
/// are found.
///
/// # Errors
/// [`ServiceError`] if the journals cannot be listed.
pub async fn done_before(
    root: &Root,
    digests: &BTreeSet<Digest>,
) -> Result<DonePlans, ServiceError> {
    let mut done = DonePlans::default();
    if digests.is_empty() {
        return Ok(done);
    }
    let (journals, _) = list_all(root.objects()).await?;
    let is_ended = |(_, listed): &(OperationId, JournalEntryOfListing)| listed.closed;
    // The ids of operations are in the order of time.
    let ended: Vec<_> = journals.into_iter().rev().filter(is_ended).collect();
    let is_read =
        |(_, listed): &(OperationId, JournalEntryOfListing)| listed.bytes <= JOURNAL_BYTES_MAX;
    let reads: Vec<_> = ended
        .iter()
        .filter(|journal| is_read(journal))
        .take(DONE_JOURNALS_MAX)
        .cloned()
        .map(|(operation, listed)| async move {
            let limits = root.limits();
            Journal::load_listed(root.objects(), &operation, listed, &limits).await
        })
        .collect();
    let mut left = ended.len();
    let mut reads = futures::stream::iter(reads).buffered(JOURNALS_AT_ONCE);
    while done.plans.len() < digests.len()
        && let Some(journal) = reads.next().await
    {
        let Ok(journal) = journal else { continue };
        left -= 1;
        if let Some(plan) = DoneBefore::of(&journal.state, digests) {
            done.plans.insert(plan.digest, plan);
        }
    }
    if done.plans.len() < digests.len() {
        done.not_searched = left;
    }
    Ok(done)
}
