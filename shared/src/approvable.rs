//! Why the plan with some digest may not be approved or executed now, and whether an attempt that was begun may be resumed or
//! ended.

use crate::api::{PlanReport, Progress, RefusalReport};
use crate::approval::{Approval, ApprovedPlan, AuthorizationError, authorize};
use crate::code::{Code, Reason, Requirement};
use crate::difference::{Difference, DifferenceField, differences};
use crate::digest::Digest;
use crate::elsewhere::begun_elsewhere;
use crate::ids::{OperationId, RootId};
use crate::journal::{Attempt, Finished, JournalState};
use crate::listing::SidecarFile;
use crate::plan::{Plan, PlanBytes, PlanError};
use crate::verdict::Choice;

/// The plan of an operation as it was just made, and whether a read failed meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct PlanNow<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its digest.
    pub digest: Digest,
    /// Why it cannot be executed, age included.
    pub blockers: &'a [Reason],
    /// Whether a read failed while the plan was made. Had it succeeded, the plan might be another.
    pub is_evidence_missing: bool,
    /// Whether another pending file could not be read. The plan may have to wait for it, and be another plan.
    pub is_file_unread: bool,
}

/// A read that failed, and that may be the only cause of a refusal. Nothing is said before it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingRead {
    /// Of something that the plan is made from.
    Evidence,
    /// Of another pending file.
    File,
}

/// Why the plan with the digest `wanted` may not be approved or executed now: the plan has changed, or is blocked.
///
/// # Errors
/// [`MissingRead`] if a read that failed may be the only cause.
pub fn refusal(
    operation: &OperationId,
    wanted: Digest,
    now: &PlanNow<'_>,
    journal: &JournalState,
) -> Result<Option<RefusalReport>, MissingRead> {
    let is_another = now.digest != wanted;
    let is_executable = now.plan.has_effect() && now.blockers.is_empty();
    if !is_another && is_executable {
        return Ok(None);
    }
    if now.is_evidence_missing {
        return Err(MissingRead::Evidence);
    }
    if is_another && now.is_file_unread {
        return Err(MissingRead::File);
    }
    let details = now.blockers.iter().map(|reason| reason.detail.as_str());
    let blocked = details.collect::<Vec<&str>>().join("; ");
    if is_another {
        let planned = journal.approved_plan(wanted);
        let there = planned.as_ref().map(|planned| &planned.root);
        let there = there.filter(|there| **there != now.plan.root);
        let differences = planned
            .as_ref()
            .map(|planned| differences(planned, now.plan));
        let is_elsewhere = |there: &RootId| {
            format!(
                "Nothing was changed: plan {wanted} was approved for {there}, and this root is {}; an approval means nothing at a copy. The plan here is {}; look at it, and approve it if it is right.",
                now.plan.root, now.digest
            )
        };
        // Only an approved plan is on record. Of any other digest nobody knows whether it ever was that of a plan.
        let not_this_one = match &planned {
            Some(_) => format!("the store is not as it was when plan {wanted} was approved"),
            None => format!(
                "{wanted} is not the digest of this operation's plan; the store has changed since that plan was made, or the digest is of something else"
            ),
        };
        let has_changed = || {
            format!(
                "Nothing was changed: {not_this_one}. The plan now is {}; look at it, and approve it if it is right.",
                now.digest
            )
        };
        let is_blocked = || {
            format!(
                "Nothing was changed: {not_this_one}. The plan now is {}, and it cannot be carried out: {}.",
                now.digest,
                blocked.trim_end_matches('.')
            )
        };
        let detail = match there {
            Some(there) => is_elsewhere(there),
            None if blocked.is_empty() => has_changed(),
            None => is_blocked(),
        };
        let report = RefusalReport::conflict(operation, detail)
            .with_differences(differences.unwrap_or_default());
        return Ok(Some(report.with_reasons(now.blockers.to_vec())));
    }
    let report = RefusalReport::refused(operation, blocked);
    Ok(Some(report.with_reasons(now.blockers.to_vec())))
}

/// The digests of the plans that the journal of an operation knows, each once: those that are approved, and the one that was begun.
#[must_use]
pub fn plans_on_record(journal: &JournalState) -> Vec<Digest> {
    let approved = journal.approvals().iter();
    let approved = approved.map(|(approval, _)| approval.plan_digest);
    let mut digests: Vec<Digest> = approved.chain(begun_digest(journal)).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

fn begun_digest(journal: &JournalState) -> Option<Digest> {
    let under_way = journal.attempt().map(|attempt| attempt.bytes.digest());
    under_way.or_else(|| journal.finished().map(|finished| finished.digest))
}

/// The one plan that is meant where an operation is applied and no digest is given: the one that was begun, else the only one that is
/// approved.
///
/// # Errors
/// The refusal, if none is approved, or several are: a plan that was approved before the store moved stays approved.
pub fn plan_to_apply(
    operation: &OperationId,
    journal: &JournalState,
) -> Result<Digest, RefusalReport> {
    if let Some(begun) = begun_digest(journal) {
        return Ok(begun);
    }
    let refused = |detail: String| Err(RefusalReport::refused(operation, detail));
    match plans_on_record(journal).as_slice() {
        [one] => Ok(*one),
        [] => refused(format!(
            "nobody has approved a plan of operation {operation}; look at its plan, and approve it first"
        )),
        several => {
            let told = several.iter().take(PLANS_NAMED_MAX).map(|digest| {
                let approvals = journal.approvals_of(*digest);
                let last = approvals.last();
                let by = last.map_or_else(String::new, |it| {
                    format!(" (by {} at {})", it.approved_by, it.approved_at)
                });
                format!("{digest}{by}")
            });
            refused(format!(
                "{} plans of operation {operation} are approved, and only one can be the current one; look at its plan, and say which one with its digest: {}",
                several.len(),
                told.collect::<Vec<_>>().join(", ")
            ))
        }
    }
}

/// How many approved plans a sentence names.
const PLANS_NAMED_MAX: usize = 4;

/// The refusal of the first characters of a digest that no plan on record has.
#[must_use]
pub fn no_such_plan_on_record(operation: &OperationId, prefix: &str) -> RefusalReport {
    let detail = format!(
        "no plan of operation {operation} that is approved or under way has a digest that begins with {prefix}"
    );
    RefusalReport::refused(operation, detail)
}

/// The refusal of the first characters of a digest that none of an operation's plans has now.
#[must_use]
pub fn no_such_plan_now(operation: &OperationId, prefix: &str, now: &[Digest]) -> RefusalReport {
    let now: Vec<String> = now.iter().map(Digest::to_string).collect();
    let detail = format!(
        "Nothing was changed: no plan of operation {operation} has a digest that begins with {prefix}. The plan now is {}; look at it, and approve it if it is right.",
        now.join(" or ")
    );
    RefusalReport::conflict(operation, detail)
}

/// Whether the plan of another choice than the verdict's is meant by the digest `wanted`: it has that digest, or the approved plan of
/// that digest names the same choice, so that the two are to be compared.
#[must_use]
pub fn stands_for(wanted: Digest, digest: Digest, choice: Choice, journal: &JournalState) -> bool {
    let was_chosen = || {
        let approved = journal.approved_plan(wanted);
        approved.is_some_and(|approved| approved.choice == choice)
    };
    digest == wanted || was_chosen()
}

/// A file of these that an approved plan names and that could not be read, and why. The id of a dismissal depends on the content of its
/// file, so this may be the one that the plan is about.
#[must_use]
pub fn unread_file<'a>(
    journal: &JournalState,
    files: impl Iterator<Item = &'a SidecarFile> + Clone,
) -> Option<(&'a SidecarFile, &'a Reason)> {
    let mut digests = journal
        .approvals()
        .iter()
        .map(|(approval, _)| approval.plan_digest);
    digests.find_map(|digest| {
        let plan = journal.approved_plan(digest)?;
        let file = files.clone().find(|file| file.file == plan.file)?;
        Some((file, file.not_read()?))
    })
}

/// The refusal to end an attempt while its executor writes to the journal.
#[must_use]
pub fn carried_out_now(operation: &OperationId) -> RefusalReport {
    let detail = "somebody carries this plan out right now: the journal was written to at the same moment; wait for its outcome, or stop that executor first";
    let reason = Reason::new(Code::ExecutionUnderWay, detail);
    RefusalReport::conflict(operation, detail).with_reasons(vec![reason])
}

/// The refusal to take an approval back that nobody gave.
#[must_use]
pub fn nothing_to_revoke(operation: &OperationId, digest: Digest) -> RefusalReport {
    let detail = format!("nobody has approved plan {digest}; there is nothing to revoke");
    RefusalReport::refused(operation, detail)
}

/// The refusal of a store that does not honour create-if-absent.
#[must_use]
pub fn store_not_safe(operation: &OperationId) -> RefusalReport {
    let detail = "this store overwrites where it should create, so two writers can lose each other's commits unnoticed; nothing is recorded or executed on it";
    RefusalReport::for_reason(operation, Reason::new(Code::StoreNotSafe, detail))
}

/// The refusal of an approval that does not state everything the plan requires; `None` if it does.
#[must_use]
pub fn statements_missing(approval: &Approval, plan: &Plan) -> Option<RefusalReport> {
    let missing = approval.missing(plan);
    let detail = format!("this plan needs the approver to state {}", named(&missing));
    (!missing.is_empty()).then(|| RefusalReport::refused(&approval.operation_id, detail))
}

/// The refusal of an approval or a revocation at the root `here`, because a plan of the operation was begun.
#[must_use]
pub fn already_begun(
    operation: &OperationId,
    journal: &JournalState,
    here: &RootId,
) -> RefusalReport {
    let report = match (journal.attempt(), journal.finished()) {
        (Some(attempt), _) if attempt.plan.root != *here => {
            RefusalReport::refused(operation, begun_elsewhere(&attempt.plan.root, here).detail)
        }
        (Some(attempt), _) => RefusalReport::refused(
            operation,
            format!(
                "plan {} is under way; apply it again to resume, or end it",
                attempt.bytes.digest()
            ),
        ),
        (None, Some(finished)) => RefusalReport::refused(
            operation,
            format!(
                "the operation is finished: {}. Apply plan {} once more to look whether that still holds here; if it does not, the operation is opened again, and needs a new plan and a new approval",
                finished.outcome.name(),
                finished.digest
            ),
        ),
        (None, None) => RefusalReport::conflict(operation, "the journal moved; look again"),
    };
    let reason = Reason::new(Code::ExecutionUnderWay, report.detail.clone());
    report.with_reasons(vec![reason])
}

/// The refusal of a choice that the operation does not offer now; `None` if the report is of that choice.
///
/// For an operation under way or finished, the plan that was begun is shown, whatever the choice.
#[must_use]
pub fn choice_not_offered(report: &PlanReport, choice: Choice) -> Option<RefusalReport> {
    let is_begun = matches!(report.progress, Progress::UnderWay | Progress::Finished);
    let is_it = match choice {
        Choice::Verdict => true,
        Choice::RollBack => report.disposition.takes_it_back(),
    };
    if is_it || is_begun {
        return None;
    }
    let detail = format!(
        "this operation cannot be rolled back as it stands: it is {}, and only a merge that would be rolled forward without some of its tables offers that choice; look at its plan",
        report.disposition.name()
    );
    let refusal = RefusalReport::refused(&report.operation_id, detail);
    Some(refusal.with_reasons(report.blockers.clone()))
}

/// Why nobody may execute a plan of an operation, from its journal.
#[derive(Debug, thiserror::Error)]
pub enum NotAuthorized {
    /// No approval names the plan.
    #[error("nobody has approved plan {digest}; approve exactly this plan first")]
    NotApproved {
        /// The plan.
        digest: Digest,
    },
    /// The recorded bytes are not the plan.
    #[error(transparent)]
    Bytes(PlanError),
    /// The approvals do not authorize it.
    #[error(transparent)]
    Approvals(AuthorizationError),
}

/// The plan with this digest, if the journal holds what authorizes it.
///
/// # Errors
/// See [`NotAuthorized`].
pub fn authorized(journal: &JournalState, digest: Digest) -> Result<ApprovedPlan, NotAuthorized> {
    let approvals = journal.approvals();
    let approved = approvals
        .iter()
        .find(|(approval, _)| approval.plan_digest == digest);
    let Some((_, text)) = approved else {
        return Err(NotAuthorized::NotApproved { digest });
    };
    let bytes = PlanBytes::verify(text.clone(), digest).map_err(NotAuthorized::Bytes)?;
    let approvals: Vec<Approval> = approvals
        .iter()
        .map(|(approval, _)| approval.clone())
        .collect();
    authorize(bytes, &approvals).map_err(NotAuthorized::Approvals)
}

/// The meaning of applying the plan with some digest, for an operation that was begun.
#[derive(Debug)]
pub enum Resumed<'a> {
    /// The plan is finished: look whether that still holds, and see it to its end.
    Finished(&'a Finished),
    /// The plan is under way: take it over.
    UnderWay(&'a Attempt),
    /// The plan is under way at another root, of which this one is a copy. This root does none of it.
    Elsewhere(&'a Attempt),
    /// Another plan was begun.
    Refused(RefusalReport),
    /// Nothing was begun.
    Nothing,
}

/// The meaning of applying the plan `wanted` at the root `here`, for an operation that was begun.
#[must_use]
pub fn resumed<'a>(
    operation: &OperationId,
    wanted: Digest,
    journal: &'a JournalState,
    here: &RootId,
) -> Resumed<'a> {
    if let Some(finished) = journal.finished() {
        if finished.digest == wanted {
            return Resumed::Finished(finished);
        }
        let detail = format!(
            "the operation was finished with plan {}: {}",
            finished.digest,
            finished.outcome.name()
        );
        return Resumed::Refused(RefusalReport::refused(operation, detail));
    }
    let Some(attempt) = journal.attempt() else {
        return Resumed::Nothing;
    };
    let under_way = attempt.bytes.digest();
    if under_way != wanted {
        let detail = format!("plan {under_way} is under way; apply that one to resume it");
        return Resumed::Refused(RefusalReport::refused(operation, detail));
    }
    if attempt.plan.root == *here {
        Resumed::UnderWay(attempt)
    } else {
        Resumed::Elsewhere(attempt)
    }
}

/// The refusal to see a finished undo or release to its end, because operation `later` came in its place.
#[must_use]
pub fn replaced(
    operation: &OperationId,
    finished: &Finished,
    later: &OperationId,
) -> RefusalReport {
    let detail = format!(
        "operation {later} came in the place of this one, which is over: {}; look at that one",
        finished.outcome.name()
    );
    RefusalReport::refused(operation, detail)
}

/// The attempt at the plan `wanted` that a person may end; `None` if the journal lost the one that finished, which no journal does.
///
/// `is_closed` is whether a finished operation is closed, too. Until it is, the remaining work may fail again and again: a look at
/// something unreadable, or the deletion of the sidecar.
///
/// # Errors
/// The refusal, if no attempt can be ended, or another plan is under way.
pub fn attempt_to_end<'a>(
    operation: &OperationId,
    wanted: Digest,
    journal: &'a JournalState,
    is_closed: bool,
) -> Result<Option<&'a Attempt>, RefusalReport> {
    let attempt = match (journal.attempt(), journal.finished()) {
        (Some(attempt), _) => Some(attempt),
        (None, Some(_)) if !is_closed => journal.ended(),
        (None, Some(finished)) => {
            let detail = format!(
                "the operation is finished: {}; there is no attempt to end",
                finished.outcome.name()
            );
            return Err(RefusalReport::refused(operation, detail));
        }
        (None, None) => {
            let detail = "nobody carries out a plan of this operation; there is no attempt to end";
            return Err(RefusalReport::refused(operation, detail));
        }
    };
    let Some(attempt) = attempt else {
        return Ok(None);
    };
    let under_way = attempt.bytes.digest();
    if under_way == wanted {
        return Ok(Some(attempt));
    }
    let detail = format!("plan {under_way} is under way, and not plan {wanted}");
    let differences = vec![Difference::new(
        None,
        DifferenceField::Plan,
        wanted,
        under_way,
    )];
    Err(RefusalReport::conflict(operation, detail).with_differences(differences))
}

/// The refusal to end an attempt for a person who did not state that every writer is stopped, or why; `None` if they did.
#[must_use]
pub fn cannot_end(
    operation: &OperationId,
    writers_stopped: bool,
    reason: &str,
) -> Option<RefusalReport> {
    let missing = [
        (!writers_stopped).then_some(Requirement::WritersStopped),
        reason.trim().is_empty().then_some(Requirement::Reason),
    ];
    let missing: Vec<Requirement> = missing.into_iter().flatten().collect();
    let detail = format!("to end an attempt needs {}", named(&missing));
    (!missing.is_empty()).then(|| RefusalReport::refused(operation, detail))
}

/// The names of these requirements, and what each of them states.
fn named(requirements: &[Requirement]) -> String {
    let names: Vec<&str> = requirements.iter().map(|one| one.name()).collect();
    let statements: Vec<&str> = requirements.iter().map(|one| one.statement()).collect();
    format!("{}: {}", names.join(", "), statements.join(" "))
}
