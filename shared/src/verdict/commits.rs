//! Which Lance commits a kind of writer makes, and which of those found are somebody else's by the looks of them.

use serde::{Deserialize, Serialize};

use crate::observation::{PROPERTY_WRITER_OPERATION_ID, TableObservation, Transaction};
use crate::sidecar::{Sidecar, WriterKind};

/// The Lance transaction property in which our own effects name their operation.
const PROPERTY_RECOVERY_OPERATION_ID: &str = "recovery.operation_id";

/// A Lance commit above the pin that does not fit the writer's kind, or of which nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnexpectedCommit {
    /// The version it made.
    pub version: u64,
    /// Lance's name of the operation; `None` if its transaction is gone.
    pub operation: Option<String>,
}

/// Whether a writer of this kind makes such a commit. Source: omnigraph v0.4.2 to v0.7.0, and what its crashed graphs hold.
pub(super) fn fits(kind: WriterKind, operation: &str) -> bool {
    let operations: &[&str] = match kind {
        WriterKind::Mutation | WriterKind::Load => &[
            "Append",
            "Update",
            "Delete",
            "Overwrite",
            "Merge",
            "DataReplacement",
            "CreateIndex",
        ],
        WriterKind::BranchMerge => &["Append", "Update", "Delete", "Overwrite", "CreateIndex"],
        WriterKind::SchemaApply => &[
            "Overwrite",
            "Merge",
            "Project",
            "Append",
            "UpdateConfig",
            "CreateIndex",
        ],
        WriterKind::EnsureIndices => &["CreateIndex"],
        WriterKind::Optimize => &["Rewrite", "ReserveFragments", "CreateIndex"],
    };
    operations.contains(&operation)
}

/// The commits in `(pin, HEAD]` that this sidecar's writer would not have made.
///
/// A writer that commits each table once is held to that by its rule already, so of its commits only those that are known and do
/// not fit are named; of the others nothing else tells whose a commit is, so that one which cannot be read is named as well.
pub(super) fn unexpected_commits(
    sidecar: &Sidecar,
    table: &TableObservation,
) -> Vec<UnexpectedCommit> {
    let (Some(pinned), Some(head)) = (table.pinned.version(), table.head.version()) else {
        return Vec::new();
    };
    let is_its_own = |transaction: &Transaction| {
        let property = |name: &str| transaction.properties.get(name).map(String::as_str);
        fits(sidecar.writer_kind, &transaction.operation)
            || property(PROPERTY_WRITER_OPERATION_ID) == Some(sidecar.operation_id.as_str())
            // Approved and on record, whichever recovery or undo made it.
            || property(PROPERTY_RECOVERY_OPERATION_ID).is_some()
    };
    let mut unexpected: Vec<UnexpectedCommit> = table
        .transactions
        .iter()
        .filter(|entry| entry.version > pinned && entry.version <= head)
        .filter_map(|entry| match &entry.transaction {
            Some(transaction) => (!is_its_own(transaction)).then(|| UnexpectedCommit {
                version: entry.version,
                operation: Some(transaction.operation.clone()),
            }),
            None => (!sidecar.writer_kind.commits_each_table_once()).then_some(UnexpectedCommit {
                version: entry.version,
                operation: None,
            }),
        })
        .collect();
    // Of more commits than are looked at, the oldest are missing.
    let first = pinned.saturating_add(1);
    let is_read = |version| {
        table
            .transactions
            .iter()
            .any(|entry| entry.version == version)
    };
    if !sidecar.writer_kind.commits_each_table_once()
        && head > pinned
        && !table.transactions.is_empty()
        && !is_read(first)
    {
        unexpected.insert(
            0,
            UnexpectedCommit {
                version: first,
                operation: None,
            },
        );
    }
    unexpected
}
