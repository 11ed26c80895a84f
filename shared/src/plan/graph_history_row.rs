//! The rows that a recovery adds to the history of a graph, as released engines spell them.

use serde::{Deserialize, Serialize};

use crate::root_layout::{
    GRAPH_COMMIT_ACTORS_FOLDER, GRAPH_COMMIT_RECOVERIES_FOLDER, GRAPH_COMMITS_FOLDER,
};
use crate::sidecar::WriterKind;

/// The actor to whom released engines ascribe the graph commit of a recovery.
pub const RECOVERY_ACTOR: &str = "omnigraph:recovery";

/// One row that a recovery adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "table", rename_all = "snake_case", deny_unknown_fields)]
pub enum GraphHistoryRow {
    /// In `_graph_commits.lance`, on the branch of the graph. Its parent is that branch's head, its version of the catalog the one
    /// that the recovery published, or else the latest.
    GraphCommits {
        /// The branch; `None` is main.
        branch: Option<String>,
        /// For a merge that is published: the head of the branch that was merged.
        merged_parent: Option<String>,
    },
    /// In `_graph_commit_actors.lance`, on main.
    GraphCommitActors {
        /// Branch of the graph commit it is about.
        branch: Option<String>,
        /// Who.
        actor_id: String,
    },
    /// In `_graph_commit_recoveries.lance`, on main.
    GraphCommitRecoveries {
        /// Branch of the graph commit it is about.
        branch: Option<String>,
        /// What was done.
        recovery_kind: RecoveryKind,
        /// Who had written.
        recovery_for_actor: Option<String>,
        /// What kind of write it was.
        sidecar_writer_kind: WriterKind,
        /// Per table, in the order of the sidecar.
        outcomes: Vec<GraphHistoryOutcome>,
        /// Version 9: the id of that graph commit, which was fixed beforehand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        graph_commit_id: Option<String>,
    },
}

impl GraphHistoryRow {
    /// Folder of the Lance table the row goes to.
    #[must_use]
    pub const fn folder(&self) -> &'static str {
        match self {
            Self::GraphCommits { .. } => GRAPH_COMMITS_FOLDER,
            Self::GraphCommitActors { .. } => GRAPH_COMMIT_ACTORS_FOLDER,
            Self::GraphCommitRecoveries { .. } => GRAPH_COMMIT_RECOVERIES_FOLDER,
        }
    }
}

/// What a recovery did, as released engines name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryKind {
    /// The write is visible.
    RolledForward,
    /// Nothing of the write became visible by the recovery.
    RolledBack,
    /// The branch of the write is gone.
    OrphanedBranchDiscarded,
}

impl RecoveryKind {
    /// The name as engines spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RolledForward => "RolledForward",
            Self::RolledBack => "RolledBack",
            Self::OrphanedBranchDiscarded => "OrphanedBranchDiscarded",
        }
    }
}

/// What a recovery did to one table, as released engines put it: rolled forward, from the expected version to the one that is
/// visible; rolled back, from the HEAD that was found to the pin that was returned to; a table that was added, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphHistoryOutcome {
    /// Key of the table.
    pub table_key: String,
    /// Before.
    pub from_version: u64,
    /// After.
    pub to_version: u64,
}
