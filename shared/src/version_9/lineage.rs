//! The graph commit that makes the write visible.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::fields::{Fields, Path, Read};
use crate::limits::Limits;

/// The graph commit of the write, all of it fixed before the first table is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// Its id. A commit of this id in the catalog proves that the write is visible.
    pub graph_commit_id: String,
    /// Branch of the graph; null is main.
    pub branch: Option<String>,
    /// Who wrote.
    pub actor_id: Option<String>,
    /// `BranchMerge`: the merged graph commit.
    pub merged_parent_commit_id: Option<String>,
    /// Microseconds since the Unix epoch, as the commit will say.
    pub created_at: i64,
}

impl Read for Lineage {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = [
            "graph_commit_id",
            "branch",
            "actor_id",
            "merged_parent_commit_id",
            "created_at",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            graph_commit_id: fields.get("graph_commit_id")?,
            branch: fields.nullable_branch("branch")?,
            actor_id: fields.nullable("actor_id")?,
            merged_parent_commit_id: fields.nullable("merged_parent_commit_id")?,
            created_at: fields.get("created_at")?,
        })
    }
}
