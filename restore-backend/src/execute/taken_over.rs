//! The report of an execution whose next record another executor wrote.

use sidecar::journal::Attempt;
use sidecar::{ApplyReport, OperationId};

use crate::error::ServiceError;
use crate::planning::sidecar_fate;
use crate::root::Root;
use root_objects::journal_store::Journal;

/// Another executor wrote the record we were about to write. Our effects are done, and unrecorded ones may be.
pub(super) async fn taken_over(
    root: &Root,
    operation: &OperationId,
    attempt: Option<Attempt>,
) -> Result<ApplyReport, ServiceError> {
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    journal.make_durable(root.objects()).await?;
    let state = journal.state;
    let Some(attempt) = state.attempt().cloned().or(attempt) else {
        return Err(ServiceError::JournalBusy {
            operation_id: operation.clone(),
        });
    };
    if let Some(finished) = state
        .finished()
        .filter(|finished| finished.digest == attempt.bytes.digest())
    {
        let fate = sidecar_fate(root, &finished.plan, true).await;
        return Ok(ApplyReport::finished(&state, finished, fate));
    }
    let fate = sidecar_fate(root, &attempt.plan, false).await;
    Ok(ApplyReport::taken_over(operation, &attempt, fate))
}
