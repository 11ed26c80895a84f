//! One row to be added to the history of a graph.

use sidecar::GraphCommitId;

use crate::commit::EffectIdentity;

/// One row to be added.
#[derive(Clone, Debug)]
pub struct HistoryRequest {
    /// Branch of the graph whose history it belongs to; `None` is main.
    pub branch: Option<String>,
    /// Id of the graph commit, if it is not there yet.
    pub commit: GraphCommitId,
    /// Id of the graph commit where it was fixed beforehand; it is there already.
    pub fixed: Option<String>,
    /// The version of the catalog that the recovery published, if it published any.
    pub published: Option<u64>,
    /// Whether the catalog holds the graph commit, and not a table of its own.
    pub in_catalog: bool,
    /// Microseconds since the Unix epoch.
    pub created_at_micros: u64,
    /// The row.
    pub row: HistoryRow,
    /// What it belongs to.
    pub identity: EffectIdentity,
}

/// The content of a row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HistoryRow {
    /// A graph commit, on the branch, below its head.
    Commit {
        /// The branch as the row names it.
        manifest_branch: Option<String>,
        /// The version of the catalog that it stands for.
        manifest_version: u64,
        /// The commit that was merged.
        merged_parent: Option<String>,
    },
    /// Who made the graph commit.
    Actor {
        /// Who.
        actor: String,
    },
    /// That the graph commit is that of a recovery.
    Recovery {
        /// What was done.
        kind: String,
        /// Who had written.
        for_actor: Option<String>,
        /// The operation that was recovered.
        operation_id: String,
        /// What kind of write it was.
        writer_kind: String,
        /// What was done to each table.
        outcomes_json: String,
    },
}
