//! The rows of a catalog that hold the history of its graph: one for each graph commit, and one that names the head of each branch.
//!
//! Source: omnigraph v0.8.0 to v0.10.0, `crates/omnigraph/src/db/manifest/graph.rs`.

use serde::{Deserialize, Serialize};
use sidecar::{Branch, GraphCommit, OperationId};

/// Metadata of a graph commit.
// The order of the fields is that of the bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CommitMetadata {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_commit_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) merged_parent_commit_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) actor_id: Option<String>,
    pub(crate) created_at: i64,
}

/// Metadata of the row that names the head of a branch.
// The order of the fields is that of the bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadMetadata {
    pub(crate) head_commit_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_commit_id: Option<String>,
}

/// The key of the row that names the head of a branch.
pub(crate) fn head_key(branch: Option<&str>) -> String {
    format!("graph_head:{}", Branch::of(branch).text())
}

/// A graph commit as its row tells it.
///
/// # Errors
/// What is missing or malformed.
pub(crate) fn graph_commit(
    id: &str,
    branch: Option<&str>,
    version: Option<u64>,
    metadata: Option<&str>,
) -> Result<GraphCommit, String> {
    if id.parse::<OperationId>().is_err() {
        return Err(format!("the id of graph commit {id:?} is no ULID"));
    }
    let metadata = metadata.ok_or_else(|| format!("the graph commit {id} has no metadata"))?;
    let metadata: CommitMetadata = serde_json::from_str(metadata)
        .map_err(|error| format!("the metadata of graph commit {id} is malformed: {error}"))?;
    Ok(GraphCommit {
        id: id.to_owned(),
        manifest_branch: Branch::of(branch).owned(),
        manifest_version: version
            .ok_or_else(|| format!("the graph commit {id} names no version of the catalog"))?,
        parent: metadata.parent_commit_id,
        merged_parent: metadata.merged_parent_commit_id,
        actor: metadata.actor_id,
        created_at: metadata.created_at,
    })
}

/// The graph commit that the row of a head names.
///
/// # Errors
/// The row is malformed.
pub(crate) fn head_commit_id(key: &str, metadata: Option<&str>) -> Result<String, String> {
    let metadata = metadata.ok_or_else(|| format!("the row {key} has no metadata"))?;
    let metadata: HeadMetadata = serde_json::from_str(metadata)
        .map_err(|error| format!("the metadata of the row {key} is malformed: {error}"))?;
    Ok(metadata.head_commit_id)
}

/// The latest of these commits: the one with the highest version, time and id, in this order (PROTOCOL.md, section 6.2).
pub(crate) fn latest(commits: &[GraphCommit]) -> Option<&GraphCommit> {
    let key = |commit: &&GraphCommit| (commit.manifest_version, commit.created_at);
    commits.iter().max_by(|left, right| {
        key(left)
            .cmp(&key(right))
            .then_with(|| left.id.cmp(&right.id))
    })
}
