//! Why a journal could not be read or continued.

use sidecar::OperationId;
use sidecar::journal::JournalError;

use super::layout::{CLOSED_OBJECT, JOURNAL_FOLDER, OPEN_FOLDER, REOPENED};

/// Why a journal could not be read or continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalStoreError {
    /// The records do not make a journal.
    #[error("the journal of operation {operation_id} cannot be trusted")]
    Broken {
        /// The operation.
        operation_id: OperationId,
        /// Which record is wrong, and how.
        #[source]
        source: Box<JournalError>,
    },
    /// The journal is too large or too long, or would be with one more record.
    #[error(
        "the journal of operation {operation_id} is larger than a journal can be; look at {JOURNAL_FOLDER}/{operation_id}/ by hand"
    )]
    TooLarge {
        /// The operation.
        operation_id: OperationId,
    },
    /// The open journals before it take all of the memory that journals may take together.
    #[error(
        "the journal of operation {operation_id} is not looked at together with the others: open journals may take {} MiB in memory, and with this one they would take more; resolve the older operations first, or ask for {operation_id} by itself",
        .bytes_max >> 20
    )]
    NotHeld {
        /// The operation.
        operation_id: OperationId,
        /// The limit.
        bytes_max: u64,
    },
    /// More journals than are accepted.
    #[error(
        "the journal folder {JOURNAL_FOLDER}/ holds the journals of more than {max} operations; move folders with a {CLOSED_OBJECT} and no {REOPENED}* away by hand, the oldest first"
    )]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// More open operations than are accepted.
    #[error(
        "{JOURNAL_FOLDER}/{OPEN_FOLDER}/ names more than {max} open operations; move away by hand the marks of operations that are gone, the oldest first"
    )]
    TooManyOpen {
        /// The limit.
        max: usize,
    },
    /// Storage failed.
    #[error("{what} failed")]
    Storage {
        /// What was being done.
        what: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// A bug of ours.
    #[error("internal error: a journal record cannot be encoded: {reason}")]
    Encode {
        /// The serialiser's words.
        reason: String,
    },
}
