//! Why a record does not continue its journal.

use crate::ids::OperationId;
use crate::plan::PlanError;

/// Why a record is not the next one of its journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Not a record of this build.
    #[error("record {sequence} of operation {operation_id} is not a journal record: {reason}")]
    NotARecord {
        /// The operation.
        operation_id: OperationId,
        /// Its position.
        sequence: u64,
        /// The parser's words.
        reason: String,
    },
    /// Names another operation or position, or not the record before it: something was changed, removed or put in.
    #[error(
        "record {sequence} of operation {operation_id} does not continue the journal: {reason}; the journal was tampered with or damaged"
    )]
    ChainBroken {
        /// The operation.
        operation_id: OperationId,
        /// Its position.
        sequence: u64,
        /// What does not fit.
        reason: String,
    },
    /// A valid record that may not come after the one before it.
    #[error("record {sequence} of operation {operation_id} cannot follow: {reason}")]
    IllegalTransition {
        /// The operation.
        operation_id: OperationId,
        /// Its position.
        sequence: u64,
        /// Why not.
        reason: String,
    },
    /// Carries plan bytes that are not the plan it names.
    #[error("record {sequence} of operation {operation_id} carries a plan that cannot be trusted")]
    Plan {
        /// The operation.
        operation_id: OperationId,
        /// Its position.
        sequence: u64,
        /// What is wrong with it.
        #[source]
        source: PlanError,
    },
}
