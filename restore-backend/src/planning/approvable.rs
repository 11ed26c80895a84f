//! The plan that can be approved or executed now, and why it may not be.

use sidecar::api::RefusalReport;
use sidecar::{
    Code, Digest, OperationId, OutcomeKind, Plan, PlanBytes, Reason, SidecarBytes, differences,
};

use crate::error::ServiceError;
use crate::journal_store::Journal;
use crate::observe::{FailedRead, ObserveError};
use crate::root::Root;

/// The plan of one operation as it is now, for approving and executing it.
pub(crate) enum Fresh {
    /// The operation can be planned.
    Plan {
        /// The plan, with its blockers and the reads that failed.
        made: Box<PlanOf>,
        /// The operation's journal.
        journal: Journal,
    },
    /// A plan of the operation is under way or finished; the operation is not planned anew.
    UnderWay {
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
pub(crate) struct PlanOf {
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

impl PlanOf {
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
        let report = |outcome, detail, reasons, differences| {
            Ok(Some(RefusalReport {
                operation_id: operation.to_string(),
                outcome,
                detail,
                reasons,
                differences,
            }))
        };
        let is_another = self.bytes.digest() != digest;
        let is_executable = self.plan.has_effect() && self.blockers.is_empty();
        if (is_another || !is_executable)
            && let Some(failed) = self.failed.pop()
        {
            return Err(ObserveError::from(failed).into());
        }
        if is_another && let Some(unread) = self.unread.take() {
            return Err(ObserveError::from(unread).into());
        }
        if is_another {
            let known = journal
                .state
                .approvals()
                .iter()
                .find(|(approval, _)| approval.plan_digest == digest);
            let planned = known
                .and_then(|(_, text)| PlanBytes::verify(text.clone(), digest).ok()?.decode().ok());
            let differences = planned
                .map(|planned| differences(&planned, &self.plan))
                .unwrap_or_default();
            let detail = format!(
                "Nothing was changed: the store is not as it was when plan {digest} was made. The plan now is {}; look at it, and approve it if it is right.",
                self.bytes.digest()
            );
            return report(OutcomeKind::Conflict, detail, Vec::new(), differences);
        }
        if !is_executable {
            let detail = self
                .blockers
                .iter()
                .map(|reason| reason.detail.as_str())
                .collect::<Vec<_>>()
                .join("; ");
            return report(
                OutcomeKind::Refused,
                detail,
                self.blockers.clone(),
                Vec::new(),
            );
        }
        Ok(None)
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
    let detail = "this store overwrites where it should create, so two writers can lose each other's commits unnoticed; nothing is recorded or executed on it";
    let reason = Reason::new(Code::StoreNotSafe, detail);
    Ok(Some(RefusalReport::for_reason(operation, reason)))
}
