//! One table that a write of version 9 commits.

use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::fields::{Fields, Path, Read};
use super::table_identity::TableIdentity;
use crate::limits::Limits;

/// One table of the write: which it is, where it stood, and where the writer's commit takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// Which table it is.
    pub identity: TableIdentity,
    /// The key of the table once the write is visible.
    pub table_key: String,
    /// The dataset as the writer saw it: its root, and the place that follows from the identity. Compared, never opened.
    pub table_path: String,
    /// The visible version when the writer started; 0 for a table that it makes.
    pub expected_version: u64,
    /// The Lance HEAD after the first commit.
    pub post_commit_pin: u64,
    /// The Lance HEAD that the writer saw after its last commit; absent while it is armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_version: Option<u64>,
    /// Lance branch of the dataset; absent for main.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_branch: Option<String>,
}

impl Read for Pin {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = [
            "identity",
            "table_key",
            "table_path",
            "expected_version",
            "post_commit_pin",
            "confirmed_version",
            "table_branch",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            identity: fields.get("identity")?,
            table_key: fields.get("table_key")?,
            table_path: fields.get("table_path")?,
            expected_version: fields.get("expected_version")?,
            post_commit_pin: fields.get("post_commit_pin")?,
            confirmed_version: fields.optional("confirmed_version")?,
            table_branch: fields.optional_branch("table_branch")?,
        })
    }
}
