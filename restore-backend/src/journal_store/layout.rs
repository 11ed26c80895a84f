//! What the objects of journals are called, and how large a journal is at most.

use object_store::path::Path;
use sidecar::OperationId;

/// The folder of all journals, relative to the root.
pub const JOURNAL_FOLDER: &str = "__recovery_log";
/// The folder of the marks, below that of the journals.
pub const OPEN_FOLDER: &str = "open";
/// Says that some executor claimed the operation; writers look for it.
pub const CLAIM_OBJECT: &str = "claim.json";
/// Says that the operation is finished and its sidecar gone.
pub const CLOSED_OBJECT: &str = "closed.json";
/// Begins the name of what says the same of an operation that was reopened; the number of the record that did it follows.
pub(super) const CLOSED_AGAIN: &str = "closed.";
/// Begins the name of what says that the terminal record was found untrue; the number of the record that says so follows.
pub(super) const REOPENED: &str = "reopened.";
/// The same without a number, as it was written once: nothing that closes such an operation is believed.
pub(super) const REOPENED_OBJECT: &str = "reopened.json";

/// Bytes of all records of one journal. The largest attempt, which sets a file of 32 MiB aside, takes 86 MiB, and 43 more each time
/// it is taken over; an ordinary one some thousand bytes.
pub(super) const JOURNAL_BYTES_MAX: u64 = 512 << 20;

pub(super) fn folder(operation_id: &OperationId) -> Path {
    Path::from(JOURNAL_FOLDER).join(operation_id.as_str())
}
