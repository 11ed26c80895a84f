//! The names of a journal's objects, written and read, and the largest size of a journal.

use object_store::path::Path;
use sidecar::OperationId;
use sidecar::journal::JournalRecord;

pub use sidecar::root_layout::{CLAIM_OBJECT, CLOSED_OBJECT, JOURNAL_FOLDER, OPEN_FOLDER};

/// Begins the name of the object that closes a reopened operation; the number of the reopening record follows.
pub(super) const CLOSED_AGAIN: &str = "closed.";
/// Begins the name of the object that says that the terminal record is untrue; the number of the reopening record follows.
pub(super) const REOPENED: &str = "reopened.";
/// The same without a number, as earlier builds wrote it: nothing closes such an operation.
pub(super) const REOPENED_OBJECT: &str = "reopened.json";

/// Bytes of all records of one journal. The largest attempt dismisses a file of 32 MiB and takes 86 MiB, and 43 more each time it
/// is taken over; an ordinary one takes some thousand bytes.
pub(super) const JOURNAL_BYTES_MAX: u64 = 512 << 20;

pub(super) fn folder(operation_id: &OperationId) -> Path {
    Path::from(JOURNAL_FOLDER).join(operation_id.as_str())
}

/// The operation to whose journal a path belongs: the folder of the journal, or an object that is read in it.
pub(super) fn of_a_journal(path: &Path) -> Option<OperationId> {
    let mut parts = path.parts().skip(1);
    let operation_id = parts.next()?.as_ref().parse().ok()?;
    let object = parts.next();
    let is_read = object.is_none_or(|object| {
        let object = object.as_ref();
        object == CLAIM_OBJECT
            || closes(object).is_some()
            || reopens(object).is_some()
            || number(object).is_some()
    });
    (is_read && parts.next().is_none()).then_some(operation_id)
}

/// The number of the record that opened the run that an object of this name closes, if it closes one.
pub(super) fn closes(object: &str) -> Option<u64> {
    if object == CLOSED_OBJECT {
        return Some(1);
    }
    number(object.strip_prefix(CLOSED_AGAIN)?)
}

/// The number of the reopening record that an object of this name announces, if it announces one.
pub(super) fn reopens(object: &str) -> Option<u64> {
    if object == REOPENED_OBJECT {
        return Some(u64::MAX);
    }
    number(object.strip_prefix(REOPENED)?)
}

/// The number of the record with this name; `None` for any other name.
pub(super) fn number(name: &str) -> Option<u64> {
    let sequence = name
        .strip_suffix(".json")?
        .parse()
        .ok()
        .filter(|sequence| *sequence > 0)?;
    (JournalRecord::object_name(sequence) == name).then_some(sequence)
}
