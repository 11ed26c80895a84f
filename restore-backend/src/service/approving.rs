//! People's consent: given to exactly one plan, and taken back.

use std::collections::BTreeSet;

use futures::FutureExt;
use sidecar::api::{ApprovalReport, RefusalReport, RevocationReport};
use sidecar::approvable::{already_begun, nothing_to_revoke, statements_missing};
use sidecar::journal::JournalEntry;
use sidecar::{
    Approval, Digest, OperationId, Requirement, Timestamp, authorize, unfit_for_the_record,
};

use super::Answer;
use super::root_to_blame::{readable_catalog, root_to_blame};
use crate::error::ServiceError;
use crate::planning::{CurrentPlan, current_plan, unsafe_store};
use crate::root::Root;
use root_objects::journal_store::{Appended, Journal};

/// Tries at one approval record while others append to the same journal.
pub(super) const APPEND_TRIES_MAX: usize = 16;

/// The approver and their statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approver {
    /// The name the approval is recorded under.
    pub name: String,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Every writer of the store is stopped.
    pub writers_stopped: bool,
    /// Further requirements they acknowledge.
    pub acknowledged: BTreeSet<Requirement>,
}

/// Records one person's approval of exactly the plan with this digest, unless the same person approved it before and now adds
/// nothing: a second press, or another tab, makes no second record.
///
/// The plan is made anew first: only the current plan, if it can be executed, can be approved.
///
/// # Errors
/// See [`ServiceError`]. A digest that is not the plan's, or a plan that is refused, is an [`Answer::No`].
pub async fn approve(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    approver: Approver,
    now: Timestamp,
) -> Result<Answer<ApprovalReport>, ServiceError> {
    check_approver(&approver)?;
    root_to_blame(
        root,
        approved(root, operation, digest, approver, now).boxed(),
    )
    .await
}

async fn approved(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    approver: Approver,
    now: Timestamp,
) -> Result<Answer<ApprovalReport>, ServiceError> {
    let (mut current, mut journal) = match current_plan(root, operation, Some(digest), now).await? {
        CurrentPlan::Approvable { plan, journal } => (plan, journal),
        CurrentPlan::UnderWay { journal } => {
            return Ok(Answer::No(already_begun(
                operation,
                &journal.state,
                root.id(),
            )));
        }
        CurrentPlan::Impossible { reason, journal } if !journal.state.approvals().is_empty() => {
            return Ok(Answer::No(RefusalReport::for_reason(operation, reason)));
        }
        CurrentPlan::Gone { .. } | CurrentPlan::Impossible { .. } => {
            return Err(ServiceError::UnknownOperation {
                root: root.shown(),
                operation: operation.to_string(),
            });
        }
    };
    if let Some(refusal) = current.refusal(operation, digest, &journal)? {
        return Ok(Answer::No(refusal));
    }
    if let Some(refusal) = unsafe_store(root, operation).await? {
        return Ok(Answer::No(refusal));
    }
    let approval = Approval {
        operation_id: operation.clone(),
        plan_digest: digest,
        approved_by: approver.name.trim().to_owned(),
        approved_at: now,
        reason: approver.reason.filter(|reason| !reason.trim().is_empty()),
        writers_stopped: approver.writers_stopped,
        acknowledged: approver.acknowledged,
    };
    if let Some(refusal) = statements_missing(&approval, &current.plan) {
        return Ok(Answer::No(refusal));
    }
    root.note_identity().await?;
    root.marks().put_right(root.objects(), root.id()).await?;
    for _ in 0..APPEND_TRIES_MAX {
        if journal.state.attempt().is_some() || journal.state.finished().is_some() {
            return Ok(Answer::No(already_begun(
                operation,
                &journal.state,
                root.id(),
            )));
        }
        let before = journal.state.approvals_of(digest);
        if let Some(before) = before.iter().find(|before| before.covers(&approval)) {
            return Ok(Answer::Done(ApprovalReport {
                approval: before.clone(),
                authorized: authorize(current.bytes, std::slice::from_ref(before)).is_ok(),
                missing: Vec::new(),
            }));
        }
        let entry = JournalEntry::Approved {
            approval: approval.clone(),
            plan: current.bytes.text().to_owned(),
        };
        match journal.append(root.objects(), now, entry).await? {
            Appended::Done(journal) => {
                let approvals: Vec<Approval> = journal
                    .state
                    .approvals()
                    .iter()
                    .map(|(approval, _)| approval.clone())
                    .collect();
                let authorized = authorize(current.bytes, &approvals).is_ok();
                return Ok(Answer::Done(ApprovalReport {
                    approval,
                    authorized,
                    missing: Vec::new(),
                }));
            }
            Appended::Taken => {
                journal = Journal::load(root.objects(), operation, &root.limits()).await?
            }
        }
    }
    Err(ServiceError::JournalBusy {
        operation_id: operation.clone(),
    })
}

/// Takes back every approval of one plan, in the name of `revoker`. This cannot stop a plan that is already being carried out.
///
/// # Errors
/// See [`ServiceError`]. If there is no approval to take back, the answer is an [`Answer::No`].
pub async fn revoke(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    revoker: &str,
    reason: Option<String>,
    now: Timestamp,
) -> Result<Answer<RevocationReport>, ServiceError> {
    check_approver(&Approver {
        name: revoker.to_owned(),
        reason: reason.clone(),
        ..Approver::default()
    })?;
    let report = RevocationReport {
        operation_id: operation.clone(),
        plan_digest: digest,
        revoked_by: revoker.trim().to_owned(),
    };
    let entry = JournalEntry::Revoked {
        plan_digest: digest,
        revoked_by: report.revoked_by.clone(),
        reason: reason.filter(|reason| !reason.trim().is_empty()),
    };
    root_to_blame(root, revoked(root, report, entry, now).boxed()).await
}

/// Records that approvals are taken back, if there are any.
async fn revoked(
    root: &Root,
    report: RevocationReport,
    entry: JournalEntry,
    now: Timestamp,
) -> Result<Answer<RevocationReport>, ServiceError> {
    let (operation, digest) = (&report.operation_id.clone(), report.plan_digest);
    for attempt in 0..APPEND_TRIES_MAX {
        let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
        if journal.state.attempt().is_some() || journal.state.finished().is_some() {
            return Ok(Answer::No(already_begun(
                operation,
                &journal.state,
                root.id(),
            )));
        }
        if journal.state.approvals_of(digest).is_empty() {
            // Without a catalog, a missing journal says nothing.
            if journal.records() == 0 {
                readable_catalog(root).boxed().await?;
            }
            return Ok(Answer::No(nothing_to_revoke(operation, digest)));
        }
        // Once, and only when there is a record to write: the retries must not wait for it.
        if attempt == 0 {
            root.note_identity().await?;
        }
        if let Appended::Done(_) = journal.append(root.objects(), now, entry.clone()).await? {
            return Ok(Answer::Done(report));
        }
    }
    Err(ServiceError::JournalBusy {
        operation_id: operation.clone(),
    })
}

pub(super) fn check_approver(approver: &Approver) -> Result<(), ServiceError> {
    let unfit = unfit_for_the_record(&approver.name, approver.reason.as_deref());
    unfit.map_or(Ok(()), |why| Err(ServiceError::InvalidApproval(why)))
}
