//! The report of an execution whose next record another executor wrote.

use sidecar::journal::Attempt;
use sidecar::{ApplyReport, OperationId, SidecarFate};

use crate::error::ServiceError;
use crate::root::Root;
use root_objects::journal_store::Journal;
use root_objects::sidecar_dir;

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
        let is_kept = match finished.plan.retires() {
            Some(file) => sidecar_dir::is_there(root.objects(), file).await?,
            None => false,
        };
        return Ok(ApplyReport::finished(
            operation,
            finished,
            if is_kept {
                SidecarFate::Kept
            } else {
                SidecarFate::Retired
            },
        ));
    }
    Ok(ApplyReport::taken_over(operation, &attempt))
}
