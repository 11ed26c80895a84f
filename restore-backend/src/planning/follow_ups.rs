//! Finds the plan that follows from something finished or stuck. Sends no mutating request.

use futures::FutureExt;
use sidecar::follow_up::{FollowUpKind, Undo, dismissal_id, refusal};
use sidecar::{Difference, OperationId, Plan, Purpose, Reason, Sidecar, SidecarBytes, Timestamp};

use super::as_recorded::untrue_since_finished;
use super::dismissal::{moved_since_dismissal, plan_dismissal};
use super::follow_up_plan::FollowUpPlan;
use super::in_force::in_force;
use super::release::plan_release;
use super::undo::plan_undo;
use crate::error::ServiceError;
use crate::observe::ObserveError;
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;
use root_objects::journal_store::{self, Journal};

/// The plan of `operation`, if its id is derived from another operation or from a file, or why it cannot be planned any more.
pub(crate) async fn follow_up_named(
    root: &Root,
    operation: &OperationId,
    recoveries: &[PendingRecovery],
    now: Timestamp,
) -> Result<Option<Result<FollowUpPlan, Reason>>, ServiceError> {
    let stuck = recoveries.iter().find(|entry| {
        entry.stuck().stands_for_none() && dismissal_id(&entry.listed.file) == *operation
    });
    if let Some(entry) = stuck {
        return Ok(Some(Ok(plan_dismissal(root, entry, now).await?)));
    }
    let journals = journal_store::list_journals(root.objects()).await?;
    let claimed = journals.iter().filter(|(_, journal)| journal.claimed);
    let of = claimed.map(|(of, _)| of).find(|of| {
        let has_journal = |id: &OperationId| journals.contains_key(id);
        FollowUpKind::of_operation(of, operation, has_journal).is_some()
    });
    match of {
        Some(of) => plan_follow_up(root, of, operation, recoveries, None)
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// The undo or the release of a finished operation, or why there is none. `claimed` is the plan of it that is being carried out.
pub(crate) async fn plan_follow_up(
    root: &Root,
    of: &OperationId,
    operation: &OperationId,
    recoveries: &[PendingRecovery],
    claimed: Option<&Plan>,
) -> Result<Result<FollowUpPlan, Reason>, ServiceError> {
    let journal = Journal::load(root.objects(), of, &root.limits()).await?;
    if journal.stored.is_empty()
        && !recoveries
            .iter()
            .any(|entry| entry.operation_id().as_ref() == Some(of))
    {
        return Err(ServiceError::UnknownOperation {
            root: root.shown(),
            operation: of.to_string(),
        });
    }
    let Some(finished) = journal.state.finished() else {
        return Ok(Err(refusal::not_finished(of)));
    };
    let parsed = |plan: &Plan, bytes: &SidecarBytes| {
        Sidecar::parse(&plan.file, bytes.as_bytes(), &root.limits())
    };
    let original = parsed(&finished.plan, &finished.sidecar);
    let kind = match FollowUpKind::Release.ids(of).any(|id| id == *operation) {
        true => FollowUpKind::Release,
        false => FollowUpKind::Undo,
    };
    if kind == FollowUpKind::Undo {
        let untrue = untrue_since_finished(root, finished, true).boxed().await?;
        if let Some(reason) = refusal::effects_gone(finished, &untrue) {
            return Ok(Err(reason));
        }
    }
    let current = in_force(root, kind, of, &journal.state).boxed().await?;
    if current.operation != *operation {
        return Ok(Err(refusal::spent(operation, of, &current.operation)));
    }
    if kind == FollowUpKind::Release {
        // The recovery may have ended by dismissing the sidecar. Earlier attempts may have parsed it, and have set tags.
        let attempts = journal.state.interrupted().iter().rev();
        let understood = original.or_else(|error| {
            let mut attempts = attempts.filter_map(|it| parsed(&it.plan, &it.sidecar).ok());
            attempts.next().ok_or(error)
        });
        return match understood {
            Ok(original) => plan_release(root, operation, of, &journal.state, &original)
                .await
                .map(Ok),
            Err(error) => Ok(Err(refusal::never_understood(of, &error))),
        };
    }
    match original {
        Ok(original) => {
            let undo = Undo::of(of, finished, &original).map(|undo| {
                let undo = undo.under(current.operation);
                let rolled_back = current.rolled_back.iter();
                rolled_back.fold(undo, Undo::after_rolling_back)
            });
            match undo {
                Ok(undo) => {
                    let planned = plan_undo(root, &journal.state, undo, recoveries, claimed);
                    planned.await.map(Ok)
                }
                Err(reason) => Ok(Err(reason)),
            }
        }
        Err(error) => Ok(Err(refusal::never_understood(of, &error))),
    }
}

/// Differences between an approved undo, release or dismissal and the one made now, after the claim.
///
/// An undo and the release of the same recovery may have been claimed by two executors at once. Each looks for the other after
/// its own claim is written, so at least one of them sees both.
pub(crate) async fn moved_since_approval(
    root: &Root,
    planned: &Plan,
) -> Result<Vec<Difference>, ServiceError> {
    let (of, recoveries) = match &planned.purpose {
        Purpose::Undo { of } => (
            of,
            pending(root, Some(planned.operation_id.as_str())).await?,
        ),
        // A release concerns tags alone, which no pending sidecar affects.
        Purpose::Release { of } => (of, Vec::new()),
        Purpose::Dismiss { .. } => {
            let moved = moved_since_dismissal(root, planned).await?;
            return Ok(moved.unwrap_or_default());
        }
        Purpose::Recover => return Ok(Vec::new()),
    };
    Ok(
        match plan_follow_up(root, of, &planned.operation_id, &recoveries, Some(planned)).await? {
            // A failed read does not show that anything moved: it is an error.
            Ok(FollowUpPlan { failed, unread, .. }) if !failed.is_empty() || unread.is_some() => {
                let failed = failed
                    .into_iter()
                    .chain(unread)
                    .next()
                    .map(ObserveError::from);
                return Err(failed.unwrap_or(ObserveError::CatalogBusy).into());
            }
            Ok(anew) => anew.follow_up.moved_since(planned),
            Err(reason) => vec![Difference::blocked(reason)],
        },
    )
}
