//! Which Lance commits a kind of writer makes, and which of those found are somebody else's by the looks of them.

use serde::{Deserialize, Serialize};

use super::whose::Whose;
use crate::observation::{TableObservation, Transaction};
use crate::sidecar::WriterKind;

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
/// A strict kind is held to one commit by its rule already, so only commits that can be read and do not fit are named. For a
/// loose kind nothing else tells whose a commit is, so one that cannot be read is named as well. Where every commit names its
/// operation, each that names none or another is named.
pub(super) fn unexpected_commits(
    whose: Whose<'_>,
    table: &TableObservation,
) -> Vec<UnexpectedCommit> {
    let (Some(pinned), Some(head)) = (table.pinned.version(), table.head.version()) else {
        return Vec::new();
    };
    let kind = whose.sidecar.writer_kind;
    let is_its_own = |version: u64, made_by: &Transaction| {
        whose.claims(table, version, made_by)
            || (!whose.names_every_commit()
                && made_by.writer().is_none()
                && fits(kind, &made_by.operation))
    };
    let each_is_told = whose.names_every_commit() || !kind.commits_each_table_once();
    let mut unexpected: Vec<UnexpectedCommit> = table
        .transactions
        .iter()
        .filter(|entry| entry.version > pinned && entry.version <= head)
        .filter_map(|entry| match &entry.transaction {
            Some(made_by) => (!is_its_own(entry.version, made_by)).then(|| UnexpectedCommit {
                version: entry.version,
                operation: Some(made_by.operation.clone()),
            }),
            None => each_is_told.then_some(UnexpectedCommit {
                version: entry.version,
                operation: None,
            }),
        })
        .collect();
    // If there are more commits than are looked at, the oldest are missing.
    let first = pinned.saturating_add(1);
    let is_read = |version| {
        table
            .transactions
            .iter()
            .any(|entry| entry.version == version)
    };
    if each_is_told && head > pinned && !table.transactions.is_empty() && !is_read(first) {
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
