//! The rows a publish inserts, in the columns a catalog has.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_array::UInt64Array;
use arrow_array::new_null_array;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use lance_table::io::commit::{ManifestLocation, ManifestNamingScheme};
use serde::Serialize;
use sidecar::ExactRow;
use sidecar::root_layout::STAMP_WRITTEN;
use sidecar::version_9::{ConfirmedUpdate, TableIdentity, VersionMetadata};

use super::STAMP_KEY;
use super::TWO_PHASE_KEY;
use super::graph_rows::CommitMetadata;
use super::graph_rows::HeadMetadata;
use super::graph_rows::head_key;
use super::identified;
use super::identified::IDENTITY_COLUMNS;
use crate::catalog::columns::TYPE_GRAPH_COMMIT;
use crate::catalog::columns::TYPE_GRAPH_HEAD;
use crate::catalog::columns::TYPE_TABLE;
use crate::catalog::columns::TYPE_TABLE_VERSION;
use crate::catalog::columns::TYPE_TOMBSTONE;

/// The column that names a row.
pub(crate) const KEY: &str = "object_id";

/// Field metadata that makes it the key by which Lance detects two inserts of one row.
const PRIMARY_KEY: (&str, &str) = ("lance-schema:unenforced-primary-key", "true");

/// One row of the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct CatalogRow {
    pub(crate) object_id: String,
    object_type: &'static str,
    location: Option<String>,
    metadata: Option<String>,
    table_key: String,
    table_version: Option<u64>,
    table_branch: Option<String>,
    row_count: Option<u64>,
    /// Only in catalogs that know tables by their identity.
    identity: Option<TableIdentity>,
}

/// How a catalog spells where the Lance manifests of its versions are. Engines of different stamps spell that differently.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Spelling {
    /// Whether the path has a slash before it.
    is_absolute: bool,
    /// Whether the e_tag has none of the quotes that the store gives it.
    is_bare: bool,
}

impl Spelling {
    /// As a row that is there spells it.
    pub(crate) fn of(row: &VersionMetadata) -> Self {
        let e_tag = row.e_tag.as_deref();
        Self {
            is_absolute: row.manifest_path.starts_with('/'),
            is_bare: e_tag.is_some_and(|e_tag| !e_tag.starts_with('"')),
        }
    }
}

/// Where a table version's Lance manifest is, as the catalog records it.
// The order of the fields is that of the bytes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ManifestRecord {
    manifest_path: String,
    manifest_size: Option<u64>,
    e_tag: Option<String>,
    naming_scheme: &'static str,
}

impl ManifestRecord {
    pub(crate) fn of(location: &ManifestLocation, spelling: Spelling) -> Self {
        let slash = if spelling.is_absolute { "/" } else { "" };
        let bare = |e_tag: String| match spelling.is_bare {
            true => e_tag.trim_matches('"').to_owned(),
            false => e_tag,
        };
        Self {
            manifest_path: format!("{slash}{}", location.path),
            manifest_size: location.size,
            e_tag: location.e_tag.clone().map(bare),
            naming_scheme: match location.naming_scheme {
                ManifestNamingScheme::V1 => "V1",
                ManifestNamingScheme::V2 => "V2",
            },
        }
    }
}

impl CatalogRow {
    pub(crate) fn table(table_key: &str, location: &str) -> Self {
        Self {
            object_id: table_key.to_owned(),
            object_type: TYPE_TABLE,
            location: Some(location.to_owned()),
            metadata: None,
            table_key: table_key.to_owned(),
            table_version: None,
            table_branch: None,
            row_count: None,
            identity: None,
        }
    }

    pub(crate) fn version(
        table_key: &str,
        version: u64,
        table_branch: Option<&str>,
        row_count: u64,
        record: &ManifestRecord,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            object_id: version_key(table_key, version),
            object_type: TYPE_TABLE_VERSION,
            location: None,
            metadata: Some(serde_json::to_string(record)?),
            table_key: table_key.to_owned(),
            table_version: Some(version),
            table_branch: table_branch.map(str::to_owned),
            row_count: Some(row_count),
            identity: None,
        })
    }

    /// The same in a catalog that knows the table by its identity.
    pub(crate) fn of(self, identity: TableIdentity) -> Self {
        Self {
            object_id: match self.table_version {
                Some(version) => identified::version_key(identity, version),
                None => self.object_id,
            },
            identity: Some(identity),
            ..self
        }
    }

    /// The row of a table version as its writer fixed it: no byte of it is made anew.
    pub(crate) fn exact(row: &ExactRow) -> Result<Self, serde_json::Error> {
        let ConfirmedUpdate {
            table_version,
            table_branch,
            row_count,
            version_metadata,
        } = &row.row;
        Ok(Self {
            object_id: identified::version_key(row.identity, *table_version),
            object_type: TYPE_TABLE_VERSION,
            location: None,
            metadata: Some(serde_json::to_string(version_metadata)?),
            table_key: row.table_key.clone(),
            table_version: Some(*table_version),
            table_branch: table_branch.clone(),
            row_count: Some(*row_count),
            identity: Some(row.identity),
        })
    }

    /// Rows of the version that it makes visible.
    pub(crate) const fn row_count(&self) -> Option<u64> {
        self.row_count
    }

    /// What the table is called.
    pub(crate) fn table_key(&self) -> &str {
        &self.table_key
    }

    /// The row of a table itself, in a catalog that knows it by its identity.
    pub(crate) fn identified_table(
        identity: TableIdentity,
        table_key: &str,
        location: &str,
    ) -> Self {
        Self {
            object_id: identified::table_key(identity),
            identity: Some(identity),
            ..Self::table(table_key, location)
        }
    }

    /// The row that removes a table, in a catalog that knows it by its identity.
    pub(crate) fn identified_tombstone(
        identity: TableIdentity,
        table_key: &str,
        version: u64,
    ) -> Self {
        Self {
            object_id: identified::tombstone_key(identity, version),
            identity: Some(identity),
            ..Self::tombstone(table_key, version)
        }
    }

    /// A graph commit that stands for `version` of the catalog, on `branch`.
    pub(crate) fn graph_commit(
        id: &str,
        branch: Option<&str>,
        version: u64,
        metadata: &CommitMetadata,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            object_id: id.to_owned(),
            object_type: TYPE_GRAPH_COMMIT,
            location: None,
            metadata: Some(serde_json::to_string(metadata)?),
            table_key: String::new(),
            table_version: Some(version),
            table_branch: branch.map(str::to_owned),
            row_count: None,
            identity: None,
        })
    }

    /// The row that names the head of `branch`.
    pub(crate) fn graph_head(
        branch: Option<&str>,
        metadata: &HeadMetadata,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            object_id: head_key(branch),
            object_type: TYPE_GRAPH_HEAD,
            location: None,
            metadata: Some(serde_json::to_string(metadata)?),
            table_key: String::new(),
            table_version: None,
            table_branch: None,
            row_count: None,
            identity: None,
        })
    }

    pub(crate) fn tombstone(table_key: &str, version: u64) -> Self {
        Self {
            object_id: tombstone_key(table_key, version),
            object_type: TYPE_TOMBSTONE,
            location: None,
            metadata: None,
            table_key: table_key.to_owned(),
            table_version: Some(version),
            table_branch: None,
            row_count: None,
            identity: None,
        }
    }
}

/// The key of a table's version.
pub(crate) fn version_key(table_key: &str, version: u64) -> String {
    format!("{table_key}${version:020}")
}

/// The key of a table's tombstone.
pub(crate) fn tombstone_key(table_key: &str, version: u64) -> String {
    format!("{table_key}$tombstone${version:020}")
}

/// The schema of a new catalog.
pub(crate) fn new_schema() -> Schema {
    let key = Field::new(KEY, DataType::Utf8, false)
        .with_metadata([(PRIMARY_KEY.0.to_owned(), PRIMARY_KEY.1.to_owned())].into());
    let names = Field::new("item", DataType::Utf8, true);
    let fields = vec![
        key,
        Field::new("object_type", DataType::Utf8, false),
        Field::new("location", DataType::Utf8, true),
        Field::new("metadata", DataType::Utf8, true),
        Field::new("base_objects", DataType::List(Arc::new(names)), true),
        Field::new("table_key", DataType::Utf8, false),
        Field::new("table_version", DataType::UInt64, true),
        Field::new("table_branch", DataType::Utf8, true),
        Field::new("row_count", DataType::UInt64, true),
    ];
    let metadata = [
        (STAMP_KEY.to_owned(), STAMP_WRITTEN.to_string()),
        (TWO_PHASE_KEY.to_owned(), "1".to_owned()),
    ];
    Schema::new_with_metadata(fields, metadata.into())
}

/// The rows in the columns of `schema`; a value that a row does not have is null.
pub(crate) fn batch(schema: Arc<Schema>, rows: &[CatalogRow]) -> Result<RecordBatch, String> {
    let columns = columns(rows);
    let arrays = schema
        .fields()
        .iter()
        .map(|field| match columns.get(field.name().as_str()) {
            Some(column) => Ok(column.clone()),
            None if field.is_nullable() => Ok(new_null_array(field.data_type(), rows.len())),
            None => Err(format!("its column {} is not known", field.name())),
        })
        .collect::<Result<Vec<ArrayRef>, String>>()?;
    RecordBatch::try_new(schema, arrays).map_err(|error| error.to_string())
}

fn columns(rows: &[CatalogRow]) -> BTreeMap<&'static str, ArrayRef> {
    let text = |value: fn(&CatalogRow) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(rows.iter().map(value)))
    };
    let number = |value: fn(&CatalogRow) -> Option<u64>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(rows.iter().map(value)))
    };
    BTreeMap::from([
        (KEY, text(|row| Some(&row.object_id))),
        ("object_type", text(|row| Some(row.object_type))),
        ("location", text(|row| row.location.as_deref())),
        ("metadata", text(|row| row.metadata.as_deref())),
        ("table_key", text(|row| Some(&row.table_key))),
        ("table_version", number(|row| row.table_version)),
        ("table_branch", text(|row| row.table_branch.as_deref())),
        ("row_count", number(|row| row.row_count)),
        (
            IDENTITY_COLUMNS[0],
            number(|row| row.identity.map(|identity| identity.stable_table_id)),
        ),
        (
            IDENTITY_COLUMNS[1],
            number(|row| row.identity.map(|identity| identity.table_incarnation_id)),
        ),
    ])
}
