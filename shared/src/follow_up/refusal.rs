//! Why a finished operation cannot be taken back, or its tags not be dropped, in the words that people read.

use crate::code::{Code, Reason};
use crate::difference::Difference;
use crate::error_text::error_text;
use crate::ids::OperationId;
use crate::journal::Finished;
use crate::sidecar::SidecarError;

/// The operation is not finished.
#[must_use]
pub fn not_finished(of: &OperationId) -> Reason {
    nothing(format!(
        "operation {of} is not finished; there is nothing to take back or to drop"
    ))
}

/// The sidecar of the operation was never understood, so no effect can be told.
#[must_use]
pub fn never_understood(of: &OperationId, error: &SidecarError) -> Reason {
    nothing(format!(
        "there is nothing to take back or to drop of operation {of}: its sidecar was never understood: {}",
        error_text(error)
    ))
}

/// Another operation takes the recovery back now, or drops its tags.
#[must_use]
pub fn spent(operation: &OperationId, of: &OperationId, now: &OperationId) -> Reason {
    nothing(format!(
        "operation {operation}, about operation {of}, is spent; the same is now planned as operation {now}"
    ))
}

/// Why a finished operation cannot be taken back, if the root does not show its effects any more: `untrue` is what is not as the
/// journal says. The version in the place of a lost one belongs to somebody else.
#[must_use]
pub fn effects_gone(finished: &Finished, untrue: &[Difference]) -> Option<Reason> {
    let untrue = untrue.first()?;
    let of = &finished.plan.operation_id;
    let key = untrue.table_key.as_deref().unwrap_or("the root");
    Some(Reason::new(
        Code::MovedSince,
        format!(
            "the effects of operation {of} are not there any more: of {key}, {} is {} and was left at {}; there is nothing to take back. Apply plan {} once more to open the operation again",
            untrue.field, untrue.found, untrue.planned, finished.digest
        ),
    ))
}

/// The tags of the recovery are dropped, or are being dropped.
#[must_use]
pub fn tags_dropped(of: &OperationId) -> Reason {
    Reason::new(
        Code::Released,
        format!("operation {of} cannot be taken back any more: its tags are dropped"),
    )
}

/// The operation is being taken back, by `undo`.
#[must_use]
pub fn being_taken_back(undo: &OperationId) -> Reason {
    Reason::new(
        Code::ExecutionUnderWay,
        format!("nothing else can be taken back until operation {undo} is finished"),
    )
}

fn nothing(detail: String) -> Reason {
    Reason::new(Code::NothingToUndo, detail)
}
