//! The plan that can be approved or executed now, with the reads that failed. [`sidecar::approvable`] says why it may not be.

use sidecar::api::RefusalReport;
use sidecar::approvable::{self, MissingRead, PlanNow};
use sidecar::{Digest, OperationId, Plan, PlanBytes, Reason, SidecarBytes};

use crate::error::ServiceError;
use crate::observe::{FailedRead, ObserveError};
use crate::root::Root;
use root_objects::journal_store::Journal;

/// The plan of one operation as it is now, for approving and executing it.
pub(crate) enum CurrentPlan {
    /// The operation can be planned.
    Approvable {
        /// The plan, with its blockers and the reads that failed.
        plan: Box<ApprovablePlan>,
        /// The operation's journal.
        journal: Journal,
    },
    /// A plan of the operation is under way or finished; the operation is not planned anew.
    UnderWay {
        /// The operation's journal.
        journal: Journal,
    },
    /// The operation follows another one, of which it cannot be planned any more.
    Impossible {
        /// Why not.
        reason: Reason,
        /// The operation's journal.
        journal: Journal,
    },
    /// The operation has no sidecar.
    Gone {
        /// The operation's journal.
        journal: Journal,
    },
}

/// A plan as it is now.
pub(crate) struct ApprovablePlan {
    pub(crate) plan: Plan,
    pub(crate) bytes: PlanBytes,
    /// Why it cannot be executed, age included.
    pub(crate) blockers: Vec<Reason>,
    /// Reads that failed while the plan was made. Had they succeeded, the plan might be another.
    pub(crate) failed: Vec<FailedRead>,
    /// Another pending file that could not be read. The plan may have to wait for it, and be another plan.
    pub(crate) unread: Option<FailedRead>,
    /// The bytes of the sidecar, or the journal's bytes in its place where there is no file.
    pub(crate) sidecar: SidecarBytes,
}

impl ApprovablePlan {
    /// Why the plan with `digest` may not be approved or executed now: the plan has changed, or is blocked.
    ///
    /// # Errors
    /// [`ServiceError::Observe`] if a read that failed may be the only cause.
    pub(crate) fn refusal(
        &mut self,
        operation: &OperationId,
        digest: Digest,
        journal: &Journal,
    ) -> Result<Option<RefusalReport>, ServiceError> {
        let now = PlanNow {
            plan: &self.plan,
            digest: self.bytes.digest(),
            blockers: &self.blockers,
            is_evidence_missing: !self.failed.is_empty(),
            is_file_unread: self.unread.is_some(),
        };
        let missing = match approvable::refusal(operation, digest, &now, &journal.state) {
            Ok(refusal) => return Ok(refusal),
            Err(MissingRead::Evidence) => self.failed.pop(),
            Err(MissingRead::File) => self.unread.take(),
        };
        match missing {
            Some(failed) => Err(ObserveError::from(failed).into()),
            // A read is only called missing where one of these two says so.
            None => Err(ServiceError::Internal {
                operation_id: operation.clone(),
                what: "a read counts as missing, and none has failed",
            }),
        }
    }
}

pub(crate) async fn unsafe_store(
    root: &Root,
    operation: &OperationId,
) -> Result<Option<RefusalReport>, ServiceError> {
    if root
        .honours_create_if_absent()
        .await
        .map_err(ServiceError::Probe)?
    {
        return Ok(None);
    }
    Ok(Some(approvable::store_not_safe(operation)))
}
