//! The plan of one operation as it is right now, for approving and executing it.

use sidecar::approvable;
use sidecar::{
    Choice, Digest, ListedSidecar, OperationId, PlanBytes, Reason, SidecarBytes, SidecarFile,
    Timestamp,
};

use super::approvable::{ApprovablePlan, CurrentPlan};
use super::dismissal::dismissal_of;
use super::follow_ups::follow_up_named;
use super::pending_plan::{PendingPlan, age, not_read, plan_pending, whole};
use crate::error::ServiceError;
use crate::observe::ObserveError;
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;
use root_objects::journal_store::Journal;

pub(crate) async fn current_plan(
    root: &Root,
    operation: &OperationId,
    wanted: Option<Digest>,
    now: Timestamp,
) -> Result<CurrentPlan, ServiceError> {
    let mut recoveries = pending(root, Some(operation.as_str())).await?;
    let place = recoveries
        .iter()
        .position(|recovery| recovery.operation_id().as_ref() == Some(operation));
    let Some(PendingRecovery {
        listed,
        journal,
        broken,
        ..
    }) = place.map(|place| recoveries.swap_remove(place))
    else {
        let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
        if journal.state.attempt().is_some() || journal.state.finished().is_some() {
            return Ok(CurrentPlan::UnderWay { journal });
        }
        return match follow_up_named(root, operation, &recoveries, now).await? {
            Some(Ok(follow_up)) => follow_up.current(journal),
            Some(Err(reason)) => Ok(CurrentPlan::Impossible { reason, journal }),
            None => {
                let files = recoveries.iter().map(|recovery| &recovery.listed.file);
                match approvable::unread_file(&journal.state, files) {
                    Some((file, reason)) => Err(unreadable(file, reason).into()),
                    None => Ok(CurrentPlan::Gone { journal }),
                }
            }
        };
    };
    if let Some(error) = broken {
        return Err(error.into());
    }
    let unread = recoveries
        .iter()
        .find_map(|entry| not_read(&entry.listed.file));
    // If the file is being dismissed under a derived id, the entry carries the journal of the dismissal.
    let journal = match journal.filter(|journal| journal.state.operation_id() == operation) {
        Some(journal) => journal,
        None => Journal::load(root.objects(), operation, &root.limits()).await?,
    };
    if journal.state.attempt().is_some() || journal.state.finished().is_some() {
        return Ok(CurrentPlan::UnderWay { journal });
    }
    let entry = PendingRecovery {
        listed: whole(root, &listed).await?,
        journal: None,
        broken: None,
        stands_in_for: None,
    };
    let own = journal.state.clone();
    let as_judged = plan_pending(root, &entry.listed, Some(&own), Choice::Verdict);
    let (planned, journal) = match wanted {
        // If a plan is wanted, a record follows, which syncs the journal first; start the sync now. A failure shows when the
        // record is added.
        Some(_) => {
            let durable = journal.clone().made_durable(root.objects());
            let (planned, durable) = futures::join!(as_judged, durable);
            (planned?, durable.unwrap_or(journal))
        }
        None => (as_judged.await?, journal),
    };
    let planned = match (planned, wanted) {
        (Some(planned), Some(wanted)) => {
            Some(chosen(root, &entry.listed, &journal, planned, wanted).await?)
        }
        (planned, _) => planned,
    };
    let Some(PendingPlan {
        plan,
        bytes,
        mut blockers,
        failed,
        ..
    }) = planned
    else {
        let file = &entry.listed.file;
        return match file.not_read() {
            // The file exists but could not be read, so its plan is unknown: an error, not `Gone`.
            Some(reason) => Err(unreadable(file, reason).into()),
            None => Ok(CurrentPlan::Gone { journal }),
        };
    };
    if wanted.is_some_and(|wanted| wanted != bytes.digest())
        && let Some(dismissal) = dismissal_of(root, &entry, &plan, &blockers, now).await?
        && PlanBytes::of(&dismissal.follow_up.plan)
            .is_ok_and(|bytes| Some(bytes.digest()) == wanted)
    {
        return dismissal.current(journal);
    }
    let age = age(root, &entry.listed.file, Some(&journal), now);
    blockers.extend(plan.blocked_by_age(age));
    Ok(CurrentPlan::Approvable {
        plan: Box::new(ApprovablePlan {
            plan,
            bytes,
            blockers,
            failed,
            unread,
            sidecar: SidecarBytes::new(entry.listed.file.bytes),
        }),
        journal,
    })
}

/// The plan with the digest `wanted`, if a person chose it instead of the verdict's plan; else the verdict's plan.
async fn chosen(
    root: &Root,
    listed: &ListedSidecar,
    journal: &Journal,
    planned: PendingPlan,
    wanted: Digest,
) -> Result<PendingPlan, ServiceError> {
    if planned.bytes.digest() == wanted {
        return Ok(planned);
    }
    for choice in planned.plan.other_choices() {
        let other = plan_pending(root, listed, Some(&journal.state), choice).await?;
        let is_wanted = |other: &PendingPlan| {
            approvable::stands_for(wanted, other.bytes.digest(), choice, &journal.state)
        };
        if let Some(other) = other.filter(is_wanted) {
            return Ok(other);
        }
    }
    Ok(planned)
}

fn unreadable(file: &SidecarFile, reason: &Reason) -> ObserveError {
    ObserveError::Unreadable {
        what: format!("the sidecar {}", file.file),
        reason: reason.detail.clone(),
    }
}
