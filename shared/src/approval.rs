//! People's consent to one exact plan, and the only way from there to something that can be executed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::code::{Requirement, StatedBy};
use crate::digest::Digest;
use crate::ids::OperationId;
use crate::plan::{Plan, PlanBytes, PlanError};
use crate::timestamp::Timestamp;
use crate::verdict::Disposition;

/// Characters of a person's name that are recorded.
pub const NAME_CHARS_MAX: usize = 200;
/// Characters of a person's reason that are recorded.
pub const REASON_CHARS_MAX: usize = 4_000;

/// Why a name and a reason are not recorded as they are; `None` if they are.
#[must_use]
pub fn unfit_for_the_record(name: &str, reason: Option<&str>) -> Option<String> {
    if name.trim().is_empty()
        || name.chars().count() > NAME_CHARS_MAX
        || name.chars().any(char::is_control)
    {
        return Some(format!(
            "an approval needs the approver's name, in at most {NAME_CHARS_MAX} printable characters"
        ));
    }
    let is_too_long = reason.is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX);
    is_too_long.then(|| format!("a reason has at most {REASON_CHARS_MAX} characters"))
}

/// One person's consent to the plan with one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The operation.
    pub operation_id: OperationId,
    /// The plan; nothing else is approved.
    pub plan_digest: Digest,
    /// Who approved.
    pub approved_by: String,
    /// When; for the record only.
    pub approved_at: Timestamp,
    /// Why, in the approver's words.
    pub reason: Option<String>,
    /// The approver states that every writer of the store is stopped.
    pub writers_stopped: bool,
    /// Further requirements the approver acknowledges.
    pub acknowledged: BTreeSet<Requirement>,
}

impl Approval {
    /// The requirements of the plan that this approval does not state.
    #[must_use]
    pub fn missing(&self, plan: &Plan) -> Vec<Requirement> {
        self.missing_of(&plan.requires)
    }

    /// Which of these requirements of a plan this approval does not state.
    #[must_use]
    pub fn missing_of(&self, requires: &[Requirement]) -> Vec<Requirement> {
        let stated = |requirement: &Requirement| match requirement.stated_by() {
            StatedBy::WritersStopped => self.writers_stopped,
            StatedBy::Reason => self
                .reason
                .as_deref()
                .is_some_and(|reason| !reason.trim().is_empty()),
            StatedBy::ItsName => self.acknowledged.contains(requirement),
        };
        requires
            .iter()
            .filter(|requirement| !stated(requirement))
            .copied()
            .collect()
    }

    /// Whether a later approval of the same plan by the same person adds nothing to this one: no statement, and no other reason.
    #[must_use]
    pub fn covers(&self, later: &Self) -> bool {
        self.operation_id == later.operation_id
            && self.plan_digest == later.plan_digest
            && self.approved_by == later.approved_by
            && (later.reason.is_none() || later.reason == self.reason)
            && (self.writers_stopped || !later.writers_stopped)
            && later.acknowledged.is_subset(&self.acknowledged)
    }
}

/// A plan that may be executed. [`authorize`] is its only maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedPlan {
    plan: Plan,
    bytes: PlanBytes,
    approvals: Vec<Approval>,
}

impl ApprovedPlan {
    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its canonical bytes.
    #[must_use]
    pub const fn bytes(&self) -> &PlanBytes {
        &self.bytes
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.bytes.digest()
    }

    /// The approvals that count.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }
}

/// Why a plan may not be executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The bytes are not the plan that was named.
    #[error("the plan cannot be trusted")]
    Plan(#[source] PlanError),
    /// Nobody approved this digest.
    #[error(
        "nobody has approved plan {digest} of operation {operation_id}; approve exactly this plan first"
    )]
    NotApproved {
        /// The operation.
        operation_id: OperationId,
        /// The plan.
        digest: Digest,
    },
    /// Approvals exist, but none states what the plan requires.
    #[error("no approval of plan {digest} states {}; approve it again with that statement", names(.missing))]
    StatementMissing {
        /// The plan.
        digest: Digest,
        /// What the most complete approval leaves out.
        missing: Vec<Requirement>,
    },
    /// The plan does nothing, or nothing that this build carries out, so there is nothing to approve.
    #[error("a plan of disposition {} without steps has no effect and cannot be approved", .disposition.name())]
    NoEffect {
        /// The plan's disposition.
        disposition: Disposition,
    },
}

fn names(missing: &[Requirement]) -> String {
    missing
        .iter()
        .map(|requirement| requirement.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Checks that people approved exactly these bytes. The only maker of [`ApprovedPlan`].
///
/// # Errors
/// See [`AuthorizationError`]. One flipped bit anywhere, in the bytes or in the digest an approval names, is an error.
pub fn authorize(
    bytes: PlanBytes,
    approvals: &[Approval],
) -> Result<ApprovedPlan, AuthorizationError> {
    let plan = bytes.decode().map_err(AuthorizationError::Plan)?;
    let digest = bytes.digest();
    if !plan.has_effect() {
        return Err(AuthorizationError::NoEffect {
            disposition: plan.disposition,
        });
    }
    let named: Vec<&Approval> = approvals
        .iter()
        .filter(|approval| {
            approval.plan_digest == digest && approval.operation_id == plan.operation_id
        })
        .collect();
    let counting: Vec<Approval> = named
        .iter()
        .filter(|approval| approval.missing(&plan).is_empty())
        .map(|approval| (*approval).clone())
        .collect();
    match named
        .iter()
        .map(|approval| approval.missing(&plan))
        .min_by_key(Vec::len)
    {
        None => Err(AuthorizationError::NotApproved {
            operation_id: plan.operation_id,
            digest,
        }),
        Some(missing) if counting.is_empty() => {
            Err(AuthorizationError::StatementMissing { digest, missing })
        }
        Some(_) => Ok(ApprovedPlan {
            plan,
            bytes,
            approvals: counting,
        }),
    }
}
