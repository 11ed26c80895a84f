//! The plan that sets a pending file aside.

use sidecar::follow_up::{dismissal, dismissal_id, dismissed_because};
use sidecar::{Choice, Disposition, Plan, Reason, SidecarFile, Timestamp};

use super::follow_up_plan::FollowUpPlan;
use super::pending_plan::{self, PendingPlan, age};
use crate::error::ServiceError;
use crate::pending::PendingRecovery;
use crate::root::Root;
use root_objects::off_thread;
use root_objects::sidecar_dir;

pub(crate) async fn plan_dismissal(
    root: &Root,
    entry: &PendingRecovery,
    now: Timestamp,
) -> Result<FollowUpPlan, ServiceError> {
    let stuck = entry.stuck();
    if stuck.stands_for_none() {
        return refused_file(root, entry, stuck.reason(), now).await;
    }
    let listed = pending_plan::whole(root, &entry.listed).await?;
    let planned =
        pending_plan::plan_pending(root, &listed, entry.own_journal(), Choice::Verdict).await?;
    let dismissal = match planned {
        Some(PendingPlan { plan, blockers, .. }) => {
            dismissal_of(root, entry, &plan, &blockers, now).await?
        }
        None => None,
    };
    match dismissal {
        Some(dismissal) => Ok(dismissal),
        None => {
            let reason = entry.listed.reason();
            refused_file(root, entry, reason, now).await
        }
    }
}

/// The dismissal of a file that stands for no operation.
async fn refused_file(
    root: &Root,
    entry: &PendingRecovery,
    reason: Reason,
    now: Timestamp,
) -> Result<FollowUpPlan, ServiceError> {
    let (file, bytes) = whole(root, entry).await?;
    let operation = dismissal_id(&file);
    let mut follow_up = off_thread::in_place(bytes.as_ref().map_or(0, Vec::len), || {
        dismissal(
            root.id(),
            operation,
            &file,
            bytes,
            Disposition::Refused,
            &[reason],
        )
    });
    follow_up.blockers.extend(age(root, &file, now));
    Ok(FollowUpPlan::of_file(follow_up, file, now))
}

async fn whole(
    root: &Root,
    entry: &PendingRecovery,
) -> Result<(SidecarFile, Option<Vec<u8>>), ServiceError> {
    let whole = sidecar_dir::whole(root.objects(), &entry.listed.file, &root.limits()).await;
    whole.map_err(ServiceError::from)
}

/// The dismissal of an entry that was planned already.
pub(super) async fn dismissal_of(
    root: &Root,
    entry: &PendingRecovery,
    planned: &Plan,
    blockers: &[Reason],
    now: Timestamp,
) -> Result<Option<FollowUpPlan>, ServiceError> {
    let Some(operation) = entry.operation_id() else {
        return Ok(None);
    };
    let (file, bytes) = match entry.listed.file.digest {
        Some(_) => whole(root, entry).await?,
        None => (entry.listed.file.clone(), None),
    };
    let (disposition, reasons) = dismissed_because(planned, blockers);
    let mut follow_up = dismissal(root.id(), operation, &file, bytes, disposition, &reasons);
    follow_up.blockers.extend(age(root, &file, now));
    Ok(Some(FollowUpPlan::of_file(follow_up, file, now)))
}
