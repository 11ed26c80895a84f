//! What the command line and the HTTP API both call: list, plan, approve, apply, audit. Neither of them holds logic.

mod planning;

use std::collections::BTreeSet;

use sidecar::api::{
    ApprovalReport, AuditReport, AuditedOperation, AuditedRecord, ExecutionReport, PlanContext,
    PlanReport, Progress, RecoveryList, RecoverySummary, RefusalReport,
};
use sidecar::journal::{JournalEntry, JournalRecord, record_digest, verify_chain};
use sidecar::{
    Approval, Code, Digest, Disposition, ListedSidecar, OperationId, OutcomeKind, Plan, PlanBytes,
    PlanError, Reason, Requirement, Sidecar, Timestamp, authorize, differences, judge,
};

use crate::chain;
use crate::execute::{self, execution_report};
use crate::journal_store::{self, Appended, Journal, JournalStoreError};
use crate::observe::{self, ObserveError};
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;
use crate::sidecar_dir::SidecarDirError;

pub use execute::{ProgressSink, apply};
pub(crate) use planning::{Fresh, fresh_plan, plan_entry};

/// Records of approvals that are tried again because somebody else wrote at the same moment.
const APPEND_TRIES_MAX: usize = 16;

/// Characters of an approver's name and of a reason that are recorded.
const NAME_CHARS_MAX: usize = 200;
const REASON_CHARS_MAX: usize = 4_000;

/// Why a call could not do its job. Refusals and conflicts are not among these: they are answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Nothing pending or finished goes by that name.
    #[error(
        "no recovery of operation or file {operation} is known in {root}; `list` shows what is pending"
    )]
    UnknownOperation {
        /// The root.
        root: String,
        /// What was asked for.
        operation: String,
    },
    /// The sidecar folder could not be worked on.
    #[error("the sidecars of the root cannot be worked on")]
    Sidecars(#[from] SidecarDirError),
    /// A journal could not be read or continued.
    #[error("the journal cannot be worked on")]
    Journal(#[from] JournalStoreError),
    /// The root could not be looked at.
    #[error("the root cannot be looked at")]
    Observe(#[from] ObserveError),
    /// An effect could not be attempted; nothing changed by it, and applying again resumes.
    #[error("{what} could not be attempted; apply again to resume")]
    Effect {
        /// The step.
        what: String,
        /// What failed.
        #[source]
        source: crate::lance_room::TableError,
    },
    /// The store could not be asked whether it honours create-if-absent.
    #[error("the store could not be probed for create-if-absent")]
    Probe(#[source] object_store::Error),
    /// The journal's next number was taken by somebody else every time.
    #[error(
        "the journal of operation {operation_id} is written to by others all the time; try again"
    )]
    JournalBusy {
        /// The operation.
        operation_id: OperationId,
    },
    /// Approvals need a name and have bounds.
    #[error("{0}")]
    InvalidApproval(String),
    /// A bug of ours.
    #[error("internal error: a plan cannot be encoded")]
    Encode(#[source] PlanError),
}

impl ServiceError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownOperation { .. } => "unknown_operation",
            Self::Sidecars(_) => "sidecars_unavailable",
            Self::Journal(JournalStoreError::Broken { .. }) => "journal_broken",
            Self::Journal(_) => "journal_unavailable",
            Self::Observe(ObserveError::CatalogBusy) => "catalog_busy",
            Self::Observe(_) => "root_unavailable",
            Self::Effect { .. } => "effect_not_attempted",
            Self::Probe(_) => "store_unavailable",
            Self::JournalBusy { .. } => "journal_busy",
            Self::InvalidApproval(_) => "invalid_approval",
            Self::Encode(_) => "internal",
        }
    }

    /// Whether the thing that was asked for does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::UnknownOperation { .. })
    }

    /// Whether the request was wrong, rather than storage.
    #[must_use]
    pub const fn is_invalid_request(&self) -> bool {
        matches!(self, Self::InvalidApproval(_))
    }
}

/// An answer that may be no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// It was done.
    Done(T),
    /// It was not done, and nothing changed.
    No(RefusalReport),
}

/// Who approves, and what they state.
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

/// Every pending recovery of a root. Issues no mutating request.
///
/// # Errors
/// See [`ServiceError`].
pub async fn list(root: &Root, now: Timestamp) -> Result<RecoveryList, ServiceError> {
    let recoveries = pending(root).await?;
    let observable: Vec<&Sidecar> = recoveries
        .iter()
        .filter_map(|recovery| observable(&recovery.listed))
        .collect();
    let mut observations = observe::observe_all(root, &observable).await?.into_iter();
    let summaries = recoveries
        .iter()
        .map(|recovery| {
            let observed = observable_with(&recovery.listed, &mut observations);
            summary(recovery, observed, now)
        })
        .collect();
    Ok(RecoveryList {
        root: root.id().to_string(),
        recoveries: summaries,
    })
}

/// The sidecar of a file, unless it is refused before anything is looked at.
fn observable(listed: &ListedSidecar) -> Option<&Sidecar> {
    if listed.refusal.is_some() {
        None
    } else {
        listed.file.content.as_ref().ok()
    }
}

fn observable_with<'a, O>(
    listed: &'a ListedSidecar,
    observations: &mut impl Iterator<Item = O>,
) -> Option<(&'a Sidecar, O)> {
    observable(listed).and_then(|sidecar| Some((sidecar, observations.next()?)))
}

fn summary(
    recovery: &PendingRecovery,
    observed: Option<(&Sidecar, sidecar::Observation)>,
    now: Timestamp,
) -> RecoverySummary {
    let file = &recovery.listed.file;
    let glimpse = &file.glimpse;
    let verdict = observed.as_ref().map(|(sidecar, observation)| {
        judge(sidecar, recovery.listed.waiting_for.as_deref(), observation)
    });
    let moved = observed.as_ref().map_or(0, |(_, observation)| {
        observation
            .tables
            .iter()
            .filter(|table| {
                table
                    .head
                    .version()
                    .zip(table.pinned.version())
                    .is_some_and(|(head, pinned)| head > pinned)
            })
            .count()
    });
    let started_at = glimpse
        .started_at
        .clone()
        .and_then(|text| Timestamp::try_from(text).ok());
    let refused = recovery.listed.refusal.clone().or_else(|| {
        let verdict = verdict
            .as_ref()
            .filter(|verdict| verdict.disposition == Disposition::Refused)?;
        verdict.blockers.first().cloned()
    });
    let state = recovery.journal.as_ref().map(|journal| &journal.state);
    let disposition = match state.and_then(|state| {
        state
            .attempt()
            .map(|attempt| &attempt.plan)
            .or_else(|| state.finished().map(|finished| &finished.plan))
    }) {
        Some(plan) => plan.disposition,
        None => verdict.map_or(Disposition::Refused, |verdict| verdict.disposition),
    };
    RecoverySummary {
        operation_id: file
            .operation_id()
            .map(String::from)
            .or_else(|| glimpse.operation_id.clone()),
        file: file.file.clone(),
        schema_version: glimpse.schema_version,
        writer_kind: glimpse.writer_kind.clone(),
        branch: glimpse.branch.clone(),
        actor_id: glimpse.actor_id.clone(),
        started_at: glimpse.started_at.clone(),
        age_seconds: started_at.map(|started_at| started_at.age_seconds(now)),
        disposition,
        tables_total: glimpse.tables.len(),
        tables_moved: moved,
        refused,
        progress: planning::progress(recovery.journal.as_ref()),
        table_keys: glimpse
            .tables
            .iter()
            .take(RecoverySummary::TABLE_KEYS_MAX)
            .map(|pin| pin.table_key.clone())
            .collect(),
    }
}

/// The verdict, the evidence, the steps and the digest for one operation, or for one file by its name. Issues no mutating request.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if nothing goes by that name; else see [`ServiceError`].
pub async fn plan(
    root: &Root,
    operation_or_file: &str,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    let recoveries = pending(root).await?;
    let by_file = recoveries
        .iter()
        .find(|recovery| recovery.listed.file.file == operation_or_file);
    let entry = by_file.or_else(|| {
        recoveries.iter().find(|recovery| {
            recovery
                .operation_id()
                .is_some_and(|operation_id| operation_id.as_str() == operation_or_file)
        })
    });
    if let Some(entry) = entry {
        return plan_entry(root, entry, now).await;
    }
    let unknown = || ServiceError::UnknownOperation {
        root: root.id().to_string(),
        operation: operation_or_file.chars().take(64).collect(),
    };
    let operation_id: OperationId = operation_or_file
        .trim_end_matches(".json")
        .parse()
        .map_err(|_| unknown())?;
    let journal = Journal::load(root.objects(), &operation_id, &root.limits()).await?;
    planning::frozen_report(root, &journal, now)?.ok_or_else(unknown)
}

/// Records one person's approval of exactly the plan with this digest.
///
/// The plan is made anew first: only a plan that is the right one now, and can be executed, can be approved.
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
    let (fresh, mut journal) = match fresh_plan(root, operation, now).await? {
        Fresh::Plan {
            plan,
            bytes,
            blockers,
            journal,
        } => (
            PlanOf {
                plan,
                bytes,
                blockers,
            },
            journal,
        ),
        Fresh::UnderWay { journal } => return Ok(Answer::No(already(operation, &journal))),
        Fresh::Gone { .. } => {
            return Err(ServiceError::UnknownOperation {
                root: root.id().to_string(),
                operation: operation.to_string(),
            });
        }
    };
    if let Some(refusal) = fresh.refusal(operation, digest, &journal) {
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
    let missing = approval.missing(&fresh.plan);
    if !missing.is_empty() {
        let names: Vec<&str> = missing
            .iter()
            .map(|requirement| requirement.name())
            .collect();
        let statements: Vec<&str> = missing
            .iter()
            .map(|requirement| requirement.statement())
            .collect();
        let detail = format!(
            "this plan needs the approver to state {}: {}",
            names.join(", "),
            statements.join(" ")
        );
        return Ok(Answer::No(RefusalReport {
            operation_id: operation.to_string(),
            outcome: OutcomeKind::Refused,
            detail,
            reasons: Vec::new(),
            differences: Vec::new(),
        }));
    }
    for _ in 0..APPEND_TRIES_MAX {
        if journal.state.attempt().is_some() || journal.state.finished().is_some() {
            return Ok(Answer::No(already(operation, &journal)));
        }
        let entry = JournalEntry::Approved {
            approval: approval.clone(),
            plan: fresh.bytes.text().to_owned(),
        };
        match journal.append(root.objects(), now, entry).await? {
            Appended::Done(journal) => {
                let approvals: Vec<Approval> = journal
                    .state
                    .approvals()
                    .iter()
                    .map(|(approval, _)| approval.clone())
                    .collect();
                let authorized = authorize(fresh.bytes, &approvals).is_ok();
                return Ok(Answer::Done(ApprovalReport {
                    approval,
                    authorized,
                    missing,
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

/// A plan as it is now.
pub(crate) struct PlanOf {
    pub(crate) plan: Plan,
    pub(crate) bytes: PlanBytes,
    pub(crate) blockers: Vec<Reason>,
}

impl PlanOf {
    /// Why the plan with `digest` may not be approved or executed now: it is not the plan any more, or cannot be executed.
    pub(crate) fn refusal(
        &self,
        operation: &OperationId,
        digest: Digest,
        journal: &Journal,
    ) -> Option<RefusalReport> {
        let report = |outcome, detail, reasons, differences| {
            Some(RefusalReport {
                operation_id: operation.to_string(),
                outcome,
                detail,
                reasons,
                differences,
            })
        };
        if self.bytes.digest() != digest {
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
        if !self.plan.disposition.has_effect() || !self.blockers.is_empty() {
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
        None
    }
}

fn already(operation: &OperationId, journal: &Journal) -> RefusalReport {
    let (outcome, detail) = match (journal.state.attempt(), journal.state.finished()) {
        (Some(attempt), _) => (
            OutcomeKind::Refused,
            format!(
                "plan {} is under way; apply it again to resume",
                attempt.bytes.digest()
            ),
        ),
        (None, Some(finished)) => (
            OutcomeKind::Refused,
            format!(
                "the operation is finished: {}; there is nothing left to approve",
                finished.outcome.name()
            ),
        ),
        (None, None) => (
            OutcomeKind::Conflict,
            "the journal moved; look again".to_owned(),
        ),
    };
    let reasons = vec![Reason::new(Code::ExecutionUnderWay, detail.clone())];
    RefusalReport {
        operation_id: operation.to_string(),
        outcome,
        detail,
        reasons,
        differences: Vec::new(),
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
    let reasons = vec![Reason::new(Code::StoreNotSafe, detail)];
    Ok(Some(RefusalReport {
        operation_id: operation.to_string(),
        outcome: OutcomeKind::Refused,
        detail: detail.to_owned(),
        reasons,
        differences: Vec::new(),
    }))
}

fn check_approver(approver: &Approver) -> Result<(), ServiceError> {
    let invalid = |detail: String| Err(ServiceError::InvalidApproval(detail));
    if approver.name.trim().is_empty()
        || approver.name.chars().count() > NAME_CHARS_MAX
        || approver.name.chars().any(char::is_control)
    {
        return invalid(format!(
            "an approval needs the approver's name, in at most {NAME_CHARS_MAX} printable characters"
        ));
    }
    if approver
        .reason
        .as_ref()
        .is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX)
    {
        return invalid(format!(
            "a reason has at most {REASON_CHARS_MAX} characters"
        ));
    }
    Ok(())
}

/// How far the execution of an operation came, from its journal alone.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if it has no journal.
pub async fn execution(
    root: &Root,
    operation: &OperationId,
) -> Result<ExecutionReport, ServiceError> {
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    if journal.stored.is_empty() {
        return Err(ServiceError::UnknownOperation {
            root: root.id().to_string(),
            operation: operation.to_string(),
        });
    }
    let sidecar_kept =
        crate::sidecar_dir::read_sidecar(root.objects(), &operation.file_name(), &root.limits())
            .await?
            .is_some();
    Ok(execution_report(&journal.state, sidecar_kept))
}

/// The journals of a root, or of one operation; with `verify`, whether their chains of digests hold.
///
/// A journal that does not verify is shown as far as its records can be read.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if the one that is asked for has no journal; else see [`ServiceError`].
pub async fn audit(
    root: &Root,
    operation: Option<&OperationId>,
    verify: bool,
) -> Result<AuditReport, ServiceError> {
    let operations: Vec<OperationId> = match operation {
        Some(operation) => vec![operation.clone()],
        None => journal_store::list_journals(root.objects())
            .await?
            .into_keys()
            .collect(),
    };
    let mut audited = Vec::with_capacity(operations.len());
    for operation_id in operations {
        let stored = match journal_store::read_records(
            root.objects(),
            &operation_id,
            &root.limits(),
        )
        .await
        {
            Ok(stored) => stored,
            Err(error) if operation.is_some() => return Err(error.into()),
            Err(error) => {
                audited.push(unread_operation(&operation_id, &error, verify));
                continue;
            }
        };
        if stored.is_empty() && operation.is_some() {
            return Err(ServiceError::UnknownOperation {
                root: root.id().to_string(),
                operation: operation_id.to_string(),
            });
        }
        audited.push(audited_operation(&operation_id, &stored, verify));
    }
    Ok(AuditReport {
        root: root.id().to_string(),
        operations: audited,
    })
}

/// A journal that cannot be read hides no other.
fn unread_operation(
    operation_id: &OperationId,
    error: &JournalStoreError,
    verify: bool,
) -> AuditedOperation {
    AuditedOperation {
        operation_id: operation_id.to_string(),
        outcome: None,
        verified: verify.then_some(false),
        problem: Some(chain::text(error)),
        records: Vec::new(),
    }
}

fn audited_operation(
    operation_id: &OperationId,
    stored: &[Vec<u8>],
    verify: bool,
) -> AuditedOperation {
    let folded = verify_chain(operation_id, stored.iter().map(Vec::as_slice));
    let records: Vec<AuditedRecord> = stored
        .iter()
        .filter_map(|bytes| {
            let record: JournalRecord = serde_json::from_slice(bytes).ok()?;
            Some(AuditedRecord {
                digest: record_digest(bytes),
                record,
                stored: String::from_utf8(bytes.clone()).ok()?,
            })
        })
        .collect();
    let outcome = records
        .iter()
        .rev()
        .find_map(|audited| match &audited.record.entry {
            JournalEntry::Finished { outcome, .. } => Some(*outcome),
            _ => None,
        });
    AuditedOperation {
        operation_id: operation_id.to_string(),
        outcome,
        verified: verify.then_some(folded.is_ok()),
        problem: folded.err().map(|error| chain::text(&error)),
        records,
    }
}

/// A report about a plan, with what surrounds it.
pub(crate) fn report(plan: &Plan, bytes: &PlanBytes, context: PlanContext<'_>) -> PlanReport {
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
pub(crate) fn progress_of(journal: &Journal) -> Progress {
    planning::progress(Some(journal))
}
