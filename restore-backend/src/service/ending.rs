//! Ending an attempt, by a person, that does not end by itself.

use futures::FutureExt;
use sidecar::api::EndReport;
use sidecar::approvable::{attempt_to_end, cannot_end, carried_out_now};
use sidecar::journal::{Attempt, EndedBy};
use sidecar::{Digest, OperationId, Timestamp};

use super::approving::{APPEND_TRIES_MAX, check_approver};
use super::root_to_blame::root_to_blame;
use super::{Answer, Approver};
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::journal_store::{Appended, Journal};

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
    let refused = cannot_end(operation, ending.writers_stopped, &ending.reason);
    if let Some(refusal) = refused {
        return Ok(Answer::No(refusal));
    }
    let ended_by = EndedBy {
        name: ending.name.trim().to_owned(),
        reason: ending.reason.trim().to_owned(),
    };
    root_to_blame(root, ended(root, operation, digest, ended_by, now).boxed()).await
}

async fn ended(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    ended_by: EndedBy,
    now: Timestamp,
) -> Result<Answer<EndReport>, ServiceError> {
    let mut found: Option<Attempt> = None;
    for _ in 0..APPEND_TRIES_MAX {
        let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
        if journal.stored.is_empty() {
            return Err(ServiceError::UnknownOperation {
                root: root.shown(),
                operation: operation.to_string(),
            });
        }
        let is_closed = match (journal.state.attempt(), journal.state.finished()) {
            (None, Some(_)) => journal.is_closed(root.objects()).await?,
            (Some(_), _) | (None, None) => false,
        };
        let attempt = match attempt_to_end(operation, digest, &journal.state, is_closed) {
            Ok(Some(attempt)) => attempt.clone(),
            Ok(None) => {
                return Err(ServiceError::Internal {
                    operation_id: operation.clone(),
                    what: "the journal lacks the attempt that it finished",
                });
            }
            Err(refusal) => return Ok(Answer::No(refusal)),
        };
        if found.as_ref().is_some_and(|found| *found != attempt) {
            return Ok(Answer::No(carried_out_now(operation)));
        }
        root.note_identity().await?;
        let report = EndReport::of(operation, &attempt, ended_by.clone());
        let entry = if journal.state.finished().is_some() {
            journal.note_reopened(root.objects()).await?;
            ended_by.opens_again()
        } else {
            ended_by.ends(attempt.epoch)
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
