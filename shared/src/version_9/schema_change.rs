//! Tables that a schema change adds, renames and removes.

use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::fields::{Fields, Path, Read};
use super::table_identity::TableIdentity;
use crate::limits::Limits;

/// A table that a `SchemaApply` adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddedTable {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key.
    pub table_key: String,
    /// Its dataset, relative to the root.
    pub table_path: String,
    /// Lance branch of the dataset; always absent, for main.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_branch: Option<String>,
}

/// A table that a `SchemaApply` renames. Its dataset stays where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenamedTable {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key before.
    pub expected_table_key: String,
    /// Its visible version before.
    pub expected_version: u64,
    /// Its key afterwards.
    pub table_key: String,
    /// Its dataset, relative to the root.
    pub table_path: String,
}

/// A table that a `SchemaApply` removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovedTable {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key.
    pub table_key: String,
    /// The tombstone's version, one above the visible version.
    pub tombstone_version: u64,
}

impl Read for AddedTable {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = ["identity", "table_key", "table_path", "table_branch"];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            identity: fields.get("identity")?,
            table_key: fields.get("table_key")?,
            table_path: fields.get("table_path")?,
            table_branch: fields.optional_branch("table_branch")?,
        })
    }
}

impl Read for RenamedTable {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = [
            "identity",
            "expected_table_key",
            "expected_version",
            "table_key",
            "table_path",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            identity: fields.get("identity")?,
            expected_table_key: fields.get("expected_table_key")?,
            expected_version: fields.get("expected_version")?,
            table_key: fields.get("table_key")?,
            table_path: fields.get("table_path")?,
        })
    }
}

impl Read for RemovedTable {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = ["identity", "table_key", "tombstone_version"];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            identity: fields.get("identity")?,
            table_key: fields.get("table_key")?,
            tombstone_version: fields.get("tombstone_version")?,
        })
    }
}
