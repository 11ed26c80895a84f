//! The rows that the publish of a write of version 9 brings into the catalog.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::fields::{Fields, Path, Read};
use super::schema_change::{AddedTable, RemovedTable, RenamedTable};
use super::table_identity::TableIdentity;
use crate::limits::Limits;

/// Everything that the publish writes besides the graph commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntendedDelta {
    /// One row per table that gets another version. A merge may have rows for tables that it commits nothing to.
    pub table_updates: Vec<TableUpdate>,
    /// Tables added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registrations: Vec<AddedTable>,
    /// Tables renamed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<RenamedTable>,
    /// Tables removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tombstones: Vec<RemovedTable>,
}

/// One row of the publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableUpdate {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key once the write is visible.
    pub table_key: String,
    /// The visible version that it replaces.
    pub expected_version: u64,
    /// Lance branch that the row points to; null is main.
    pub table_branch: Option<String>,
    /// The row; absent while the write is armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<ConfirmedUpdate>,
}

/// The bytes of a row. They are published as they are: an engine that finds a row with others refuses to open the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedUpdate {
    /// The version that readers will see.
    pub table_version: u64,
    /// Lance branch of it; null is main.
    pub table_branch: Option<String>,
    /// Rows in it.
    pub row_count: u64,
    /// Where its file is.
    pub version_metadata: VersionMetadata,
}

/// What a row says about the file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionMetadata {
    /// Path of the file.
    pub manifest_path: String,
    /// Its size.
    pub manifest_size: Option<u64>,
    /// Its e_tag.
    pub e_tag: Option<String>,
    /// How Lance names such files.
    pub naming_scheme: Option<String>,
}

impl Read for IntendedDelta {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = ["table_updates", "registrations", "renames", "tombstones"];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            table_updates: fields.get("table_updates")?,
            registrations: fields.list("registrations")?,
            renames: fields.list("renames")?,
            tombstones: fields.list("tombstones")?,
        })
    }
}

impl Read for TableUpdate {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = [
            "identity",
            "table_key",
            "expected_version",
            "table_branch",
            "confirmed",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            identity: fields.get("identity")?,
            table_key: fields.get("table_key")?,
            expected_version: fields.get("expected_version")?,
            table_branch: fields.nullable_branch("table_branch")?,
            confirmed: fields.optional("confirmed")?,
        })
    }
}

impl Read for ConfirmedUpdate {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = [
            "table_version",
            "table_branch",
            "row_count",
            "version_metadata",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            table_version: fields.get("table_version")?,
            table_branch: fields.nullable_branch("table_branch")?,
            row_count: fields.get("row_count")?,
            version_metadata: fields.get("version_metadata")?,
        })
    }
}

impl Read for VersionMetadata {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = ["manifest_path", "manifest_size", "e_tag", "naming_scheme"];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            manifest_path: fields.get("manifest_path")?,
            manifest_size: fields.nullable("manifest_size")?,
            e_tag: fields.nullable("e_tag")?,
            naming_scheme: fields.nullable("naming_scheme")?,
        })
    }
}
