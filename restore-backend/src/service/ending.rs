//! Ending an attempt, by a person, that does not end by itself.

use sidecar::api::{EndReport, RefusalReport};
use sidecar::journal::{Attempt, EndedBy, JournalEntry};
use sidecar::{Code, Difference, Digest, OperationId, OutcomeKind, Reason, Requirement, Timestamp};

use super::approving::{APPEND_TRIES_MAX, check_approver};
use super::{Answer, Approver};
use crate::error::ServiceError;
use crate::journal_store::{Appended, Journal};
use crate::root::Root;

/// The person who ends an attempt, and their statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// The name it is recorded under.
    pub name: String,
    /// Why, in their words.
    pub reason: String,
    /// Every writer of the store is stopped, and nobody carries the plan out any more.
    pub writers_stopped: bool,
}

/// Ends the attempt at the plan with this digest, whichever root it was begun at. Recorded steps stay done and are reported.
/// Whether begun but unrecorded steps happened is unknown. The operation stays open, and is planned and approved anew.
///
/// # Errors
/// See [`ServiceError`]. If no such attempt is under way, or it advances at this moment, the answer is an [`Answer::No`].
pub async fn end(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    ending: Ending,
    now: Timestamp,
) -> Result<Answer<EndReport>, ServiceError> {
    check_approver(&Approver {
        name: ending.name.clone(),
        reason: Some(ending.reason.clone()),
        ..Approver::default()
    })?;
    let refused = |outcome, detail: String, reasons, differences| {
        Ok(Answer::No(RefusalReport {
            operation_id: operation.to_string(),
            outcome,
            detail,
            reasons,
            differences,
        }))
    };
    let missing: Vec<Requirement> = [
        (!ending.writers_stopped).then_some(Requirement::WritersStopped),
        ending
            .reason
            .trim()
            .is_empty()
            .then_some(Requirement::Reason),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|one| one.name()).collect();
        let statements: Vec<&str> = missing.iter().map(|one| one.statement()).collect();
        let detail = format!(
            "to end an attempt needs {}: {}",
            names.join(", "),
            statements.join(" ")
        );
        return refused(OutcomeKind::Refused, detail, Vec::new(), Vec::new());
    }
    let ended_by = EndedBy {
        name: ending.name.trim().to_owned(),
        reason: ending.reason.trim().to_owned(),
    };
    let mut found: Option<Attempt> = None;
    for _ in 0..APPEND_TRIES_MAX {
        let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
        if journal.stored.is_empty() {
            return Err(ServiceError::UnknownOperation {
                root: root.id().to_string(),
                operation: operation.to_string(),
            });
        }
        let attempt = match (journal.state.attempt(), journal.state.finished()) {
            (Some(attempt), _) => attempt.clone(),
            // The remaining work may fail again and again: a look at something unreadable, or the deletion of the sidecar.
            (None, Some(_)) if !journal.is_closed(root.objects()).await? => {
                match journal.state.ended() {
                    Some(ended) => ended.clone(),
                    None => {
                        return Err(ServiceError::JournalBusy {
                            operation_id: operation.clone(),
                        });
                    }
                }
            }
            (None, Some(finished)) => {
                let detail = format!(
                    "the operation is finished: {}; there is no attempt to end",
                    finished.outcome.name()
                );
                return refused(OutcomeKind::Refused, detail, Vec::new(), Vec::new());
            }
            (None, None) => {
                let detail =
                    "nobody carries out a plan of this operation; there is no attempt to end";
                return refused(
                    OutcomeKind::Refused,
                    detail.to_owned(),
                    Vec::new(),
                    Vec::new(),
                );
            }
        };
        let under_way = attempt.bytes.digest();
        if under_way != digest {
            let detail = format!("plan {under_way} is under way, and not plan {digest}");
            let differences = vec![Difference {
                table_key: None,
                field: "plan".to_owned(),
                planned: digest.to_string(),
                found: under_way.to_string(),
            }];
            return refused(OutcomeKind::Conflict, detail, Vec::new(), differences);
        }
        if found.as_ref().is_some_and(|found| *found != attempt) {
            let detail = "somebody carries this plan out right now: the journal was written to at the same moment; wait for its outcome, or stop that first";
            let reasons = vec![Reason::new(Code::ExecutionUnderWay, detail)];
            return refused(
                OutcomeKind::Conflict,
                detail.to_owned(),
                reasons,
                Vec::new(),
            );
        }
        root.note_identity().await?;
        let report = EndReport::of(operation, &attempt, ended_by.clone());
        let entry = if journal.state.finished().is_some() {
            journal.note_reopened(root.objects()).await?;
            JournalEntry::Reopened {
                detail: format!("{} opened it again: {}", ended_by.name, ended_by.reason),
                differences: Vec::new(),
            }
        } else {
            JournalEntry::Interrupted {
                epoch: attempt.epoch,
                detail: format!("a person ended the attempt: {}", ended_by.reason),
                differences: Vec::new(),
                ended_by: Some(ended_by.clone()),
            }
        };
        if let Appended::Done(_) = journal.append(root.objects(), now, entry).await? {
            return Ok(Answer::Done(report));
        }
        found = Some(attempt);
    }
    Err(ServiceError::JournalBusy {
        operation_id: operation.clone(),
    })
}
