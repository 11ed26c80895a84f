//! The plan that sets a pending file aside.

use futures::FutureExt;
use sidecar::follow_up::{dismissal, dismissal_id, dismissed_because, may_be_dismissed_by};
use sidecar::{Choice, Difference, Disposition, Plan, Reason, SidecarFile, Timestamp};

use super::follow_up_plan::FollowUpPlan;
use super::pending_plan::{self, PendingPlan, age, not_read};
use super::version_9::depends_on_it;
use crate::error::ServiceError;
use crate::observe::{FailedRead, ObserveError};
use crate::pending::{PendingRecovery, pending_without};
use crate::root::Root;
use root_objects::clock;
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
        Some(PendingPlan {
            plan,
            blockers,
            failed,
            ..
        }) => {
            let dismissal = dismissal_of(root, entry, &plan, &blockers, now).await?;
            dismissal.map(|dismissal| FollowUpPlan {
                failed,
                ..dismissal
            })
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
    let mut reasons = vec![reason];
    reasons.extend(depends_on_it(root, &file, bytes.as_deref()).boxed().await?);
    let mut follow_up = off_thread::in_place(bytes.as_ref().map_or(0, Vec::len), || {
        dismissal(
            root.id(),
            operation,
            &file,
            bytes,
            Disposition::Refused,
            &reasons,
        )
    });
    follow_up.blockers.extend(age(root, &file, None, now));
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
    let (disposition, mut reasons) = dismissed_because(planned, blockers);
    reasons.extend(depends_on_it(root, &file, bytes.as_deref()).boxed().await?);
    let mut follow_up = dismissal(root.id(), operation, &file, bytes, disposition, &reasons);
    follow_up.blockers.extend(age(root, &file, None, now));
    Ok(Some(FollowUpPlan::of_file(follow_up, file, now)))
}

/// The differences between a dismissal that was begun and the one that is planned now. `None` if its file is gone or is another
/// by now, so that there is nothing to delete.
///
/// The file is deleted only while it is stuck for the very reasons that a person agreed to: a write that can be recovered by now
/// is not set aside.
///
/// # Errors
/// [`ServiceError::Observe`] if it is another plan by now, and something could not be read: a failed read does not show that
/// anything moved.
pub(crate) async fn moved_since_dismissal(
    root: &Root,
    planned: &Plan,
) -> Result<Option<Vec<Difference>>, ServiceError> {
    // The journal of a dismissal under a derived id stands beside the file. Without that journal the file stands as it did before
    // the dismissal was begun. The operation's own journal says which bytes count, and what was done about them.
    let own = planned.operation_id.file_name();
    let without = (planned.file != own).then_some(&planned.operation_id);
    let recoveries = pending_without(root, &planned.file, without).await?;
    let is_it = |entry: &&PendingRecovery| may_be_dismissed_by(planned, &entry.listed.file);
    let Some(entry) = recoveries.iter().find(is_it) else {
        return Ok(None);
    };
    let FollowUpPlan {
        follow_up, failed, ..
    } = plan_dismissal(root, entry, clock::now()).await?;
    let moved = follow_up.begun_before().moved_since(planned);
    if moved.is_empty() {
        return Ok(Some(moved));
    }
    let files = recoveries.iter().map(|entry| &entry.listed.file);
    let unread = files.filter_map(not_read).chain(journal_not_read(entry));
    if let Some(failed) = failed.into_iter().chain(unread).next() {
        return Err(ObserveError::from(failed).into());
    }
    Ok(Some(moved))
}

/// The failed read of the journal of the operation that a file names.
fn journal_not_read(entry: &PendingRecovery) -> Option<FailedRead> {
    let refusal = entry.listed.refusal.as_ref();
    let reason = refusal.filter(|reason| reason.is_unreadable())?;
    Some(FailedRead {
        what: format!("the journal of {}", entry.listed.file.file),
        table_key: None,
        reason: reason.detail.clone(),
        is_unread: true,
    })
}
