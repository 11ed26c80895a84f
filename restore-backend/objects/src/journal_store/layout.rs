//! The names of a journal's objects, and the largest size of a journal.

use object_store::path::Path;
use sidecar::OperationId;

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
