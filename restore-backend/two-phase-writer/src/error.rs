//! Why an operation could not be continued.

use sidecar::OperationId;
use sidecar::OperationIdError;
use thiserror::Error;

use fenced_lance::Refusal;
use fenced_lance::TableError;
use root_objects::sidecar_dir::SidecarDirError;

/// An operation could not be continued. If it had begun, it is left to recovery.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriterError {
    /// The operation names no table, or one of them twice.
    #[error("an operation needs tables, each named once")]
    TablesUnclear,
    /// The root has no catalog, or not on this branch.
    #[error("the root has no catalog on the branch {}", sidecar::Branch::of(branch.as_deref()))]
    NoCatalog {
        /// The branch.
        branch: Option<String>,
    },
    /// The catalog does not show the table.
    #[error("the catalog shows no table {table_key}")]
    UnknownTable {
        /// The table.
        table_key: String,
    },
    /// A table is written on its own Lance branch of the catalog branch's name. A commit to
    /// another would be taken for unfinished work there, and its sidecar is refused.
    #[error(
        "the catalog does not show {table_key} on Lance branch {branch}; write it on the catalog branch of the Lance branch that it is on"
    )]
    TableNotOnBranch {
        /// The table.
        table_key: String,
        /// The branch.
        branch: String,
    },
    /// The table is not one of this operation's, or is committed already.
    #[error("{table_key} is not left to commit in operation {operation_id}")]
    NotLeftToCommit {
        /// The operation.
        operation_id: OperationId,
        /// The table.
        table_key: String,
    },
    /// Not all tables are committed.
    #[error("{table_key} is not committed yet in operation {operation_id}")]
    NotCommitted {
        /// The operation.
        operation_id: OperationId,
        /// One of the tables.
        table_key: String,
    },
    /// A commit is not possible.
    #[error("{what} was refused")]
    Refused {
        /// The table, or the catalog.
        what: String,
        /// Why.
        #[source]
        reason: Refusal,
    },
    /// A commit was sent and may or may not have landed.
    #[error("nobody can tell whether the commit of {what} landed: {reason}")]
    Unknown {
        /// The table, or the catalog.
        what: String,
        /// Why that cannot be told.
        reason: String,
    },
    /// A table or the catalog could not be read or written.
    #[error("the tables cannot be worked on")]
    Table(#[source] TableError),
    /// The sidecar could not be written or deleted.
    #[error("the sidecar cannot be worked on")]
    Sidecar(#[source] SidecarDirError),
    /// The look for a claim on the operation failed.
    #[error("looking for a claim on operation {operation_id} failed")]
    Claim {
        /// The operation.
        operation_id: OperationId,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// A bug of ours.
    #[error("internal error: a fresh operation id is not one")]
    OperationId(#[source] OperationIdError),
}
