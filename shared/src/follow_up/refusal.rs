//! Why a finished operation cannot be taken back, or its tags not be dropped, in the words that people read.

use crate::branch::Branch;
use crate::code::{Code, Reason};
use crate::difference::Difference;
use crate::error_text::error_text;
use crate::ids::OperationId;
use crate::journal::Finished;
use crate::sidecar::{SidecarError, TablePin};

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

/// Where a table was, or comes from: a Lance branch, where `None` is main, and a version on it.
pub type BranchVersion = (Option<String>, u64);

/// Why version `target` of a table, on the Lance branch of its pin, may be another one than readers saw before the recovery. `before` is what
/// they saw, and `origin` is what that Lance branch was made from; `None` where it is not known.
///
/// Versions of two Lance branches have the same numbers and other contents. Only the version that a branch was made from is the same one.
#[must_use]
pub fn seen_elsewhere(
    pin: &TablePin,
    target: u64,
    before: Option<&BranchVersion>,
    origin: Option<&BranchVersion>,
) -> Option<Reason> {
    let branch = pin.table_branch();
    let key = &pin.table_key;
    let why = match before {
        None => format!(
            "the version of the catalog that shows which Lance branch of {key} readers saw before is gone"
        ),
        Some((before, _)) if Branch::of(before.as_deref()) == branch => return None,
        Some(before) if before.1 == target && origin == Some(before) => return None,
        Some((before, version)) => format!(
            "readers saw version {version} of {key} on Lance branch {} before, and {branch} was not made from that",
            Branch::of(before.as_deref())
        ),
    };
    Some(Reason::new(
        Code::TargetNotRestorable,
        format!("{key} cannot be returned: {why}"),
    ))
}
