//! The graph commit that a publish writes along with its rows, in catalogs that hold the history of their graph.

use serde::{Deserialize, Serialize};

/// A graph commit, written in the very commit of the catalog that it stands for (PROTOCOL.md, section 6.3).
///
/// Its parent is the head of the branch and its version that of the catalog, both as they are when it is published. Its id derives
/// from the plan ([`crate::GraphCommitId`]), unless it is fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedGraphCommit {
    /// Branch of the graph, and of the catalog it is written to; `None` is main. That of the write, unless that branch is gone.
    pub branch: Option<String>,
    /// For a merge that is published: the head of the branch that was merged.
    pub merged_parent: Option<String>,
    /// Who; `None` only where a writer of version 9 named nobody.
    pub actor_id: Option<String>,
    /// Version 9: the fields that the writer fixed before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<FixedGraphCommit>,
}

/// The fields of a graph commit that a sidecar of version 9 fixed beforehand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedGraphCommit {
    /// Its id.
    pub id: String,
    /// Its time, in microseconds since the Unix epoch.
    pub created_at: i64,
}
