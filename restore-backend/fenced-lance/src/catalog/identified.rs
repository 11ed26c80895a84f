//! The tables of a catalog that knows a table by its identity and not by its key: stamps 6, 8 and 9.
//!
//! Source: omnigraph v0.9.0, `db/manifest/state.rs`; for stamps 8 and 9 `omnigraph-catalog`, `legacy/layout.rs`, which reads the catalogs
//! of v0.11.0.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use serde::Deserialize;
use sidecar::version_9::{CatalogRow, CatalogTable, CatalogTables, TableIdentity, VersionMetadata};

use super::super::location::other_branch;
use super::columns::{
    TYPE_TABLE, TYPE_TABLE_VERSION, TYPE_TOMBSTONE, number, number_at, text, text_at,
};

/// The columns that only this stamp has.
pub(crate) const IDENTITY_COLUMNS: [&str; 2] = ["stable_table_id", "table_incarnation_id"];

/// The number that ends the key of a version row or tombstone. Of the rows of a table, the one with the highest number holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Numbering {
    /// The version of the table (stamp 6).
    ByTableVersion,
    /// The version of the catalog in which the row landed (stamps 8 and 9). A lower version of the table may hold.
    ByCatalogVersion,
}

/// The rows of one table.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// Its key and its place.
    registered: Option<(String, String)>,
    /// The row that holds, and its number.
    highest: Option<(u64, CatalogRow)>,
    tombstone: Option<u64>,
}

/// The rows of the tables, folded while they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentifiedRows {
    tables: BTreeMap<TableIdentity, Rows>,
    /// The latest version of the catalog in which a row says that it landed.
    landed_in: u64,
}

/// Metadata of a version row.
#[derive(Deserialize)]
struct RowMetadata {
    manifest_path: String,
    #[serde(default)]
    manifest_size: Option<u64>,
    #[serde(default)]
    e_tag: Option<String>,
    #[serde(default)]
    naming_scheme: Option<String>,
}

impl IdentifiedRows {
    /// Adds the rows of a batch that tell of tables.
    ///
    /// # Errors
    /// What is missing or does not fit the identity: the engine does not read such a catalog.
    pub(crate) fn add(&mut self, batch: &RecordBatch, numbering: Numbering) -> Result<(), String> {
        let object_id = text(batch, "object_id")?;
        let object_type = text(batch, "object_type")?;
        let location = text(batch, "location")?;
        let metadata = text(batch, "metadata")?;
        let table_key = text(batch, "table_key")?;
        let table_version = number(batch, "table_version")?;
        let table_branch = text(batch, "table_branch")?;
        let row_count = number(batch, "row_count")?;
        let [stable, incarnation] = [
            number(batch, IDENTITY_COLUMNS[0])?,
            number(batch, IDENTITY_COLUMNS[1])?,
        ];
        for row in 0..batch.num_rows() {
            let kind = text_at(object_type, row).unwrap_or_default();
            if !matches!(kind, TYPE_TABLE | TYPE_TABLE_VERSION | TYPE_TOMBSTONE) {
                continue;
            }
            let id = text_at(object_id, row).unwrap_or_default();
            let both = number_at(stable, row).zip(number_at(incarnation, row));
            let identity = both
                .filter(|(stable, incarnation)| *stable != 0 && *incarnation != 0)
                .map(|(stable_table_id, table_incarnation_id)| TableIdentity {
                    stable_table_id,
                    table_incarnation_id,
                })
                .ok_or_else(|| format!("the row {id:?} has no identity"))?;
            let version = number_at(table_version, row);
            let named = match numbering {
                Numbering::ByTableVersion => version,
                Numbering::ByCatalogVersion => {
                    let landed_in = number_in(id, kind, identity);
                    self.landed_in = self.landed_in.max(landed_in.unwrap_or_default());
                    landed_in
                }
            };
            let expected = expected_id(kind, identity, named)
                .ok_or_else(|| format!("the row {id:?} names no version"))?;
            if id != expected {
                return Err(format!("the row {id:?} should be called {expected:?}"));
            }
            let number = named.unwrap_or_default();
            let rows = self.tables.entry(identity).or_default();
            match kind {
                TYPE_TABLE => {
                    let key = text_at(table_key, row).unwrap_or_default();
                    let place = text_at(location, row).unwrap_or_default();
                    if identity.place(key).as_deref() != Some(place) {
                        return Err(format!(
                            "the row {id:?} says that {key} lies at {place}, which is not the place of its identity"
                        ));
                    }
                    rows.registered = Some((key.to_owned(), place.to_owned()));
                }
                TYPE_TABLE_VERSION => {
                    let version =
                        version.ok_or_else(|| format!("the row {id:?} names no version"))?;
                    let highest = rows.highest.as_ref().map(|(highest, _)| *highest);
                    if highest == Some(number) {
                        return Err(format!("two of its rows are {id:?}"));
                    }
                    let is_higher = highest < Some(number);
                    if is_higher {
                        let read = CatalogRow {
                            version,
                            table_branch: other_branch(text_at(table_branch, row))
                                .map(str::to_owned),
                            row_count: number_at(row_count, row),
                            metadata: version_metadata(id, text_at(metadata, row))?,
                        };
                        rows.highest = Some((number, read));
                    }
                }
                _ => rows.tombstone = rows.tombstone.max(Some(number)),
            }
        }
        Ok(())
    }

    /// The tables that are visible in this version of the catalog.
    ///
    /// # Errors
    /// Two of them are called alike, one has versions and no row of its own, or a row says that it landed in a later version.
    pub(crate) fn visible(&self, catalog_version: u64) -> Result<CatalogTables, String> {
        let landed_in = self.landed_in;
        if landed_in > catalog_version {
            return Err(format!(
                "one of its rows says that it landed in version {landed_in}, which is not there yet"
            ));
        }
        let mut tables = BTreeMap::new();
        let mut called: BTreeMap<&str, TableIdentity> = BTreeMap::new();
        for (identity, rows) in &self.tables {
            let Some((_, row)) = rows
                .highest
                .as_ref()
                .filter(|(number, _)| rows.tombstone.is_none_or(|gone| gone < *number))
            else {
                continue;
            };
            let Some((key, location)) = &rows.registered else {
                return Err(format!(
                    "the table of identity {identity} has versions and no row of its own"
                ));
            };
            if let Some(other) = called.insert(key, *identity) {
                return Err(format!(
                    "the tables of identities {other} and {identity} are both called {key}"
                ));
            }
            tables.insert(
                *identity,
                CatalogTable {
                    table_key: key.clone(),
                    location: location.clone(),
                    row: row.clone(),
                },
            );
        }
        Ok(CatalogTables(tables))
    }
}

/// The key of the row of a table itself.
pub(crate) fn table_key(identity: TableIdentity) -> String {
    key(TYPE_TABLE, identity)
}

/// The key of a table's version.
pub(crate) fn version_key(identity: TableIdentity, version: u64) -> String {
    format!("{}:{version:020}", key(TYPE_TABLE_VERSION, identity))
}

/// The key of a table's tombstone.
pub(crate) fn tombstone_key(identity: TableIdentity, version: u64) -> String {
    format!("{}:{version:020}", key(TYPE_TOMBSTONE, identity))
}

fn key(kind: &str, identity: TableIdentity) -> String {
    let TableIdentity {
        stable_table_id: stable,
        table_incarnation_id: incarnation,
    } = identity;
    format!("{kind}:{stable:016x}:{incarnation:016x}")
}

/// The number at the end of such a key; `None` if it has none.
fn number_in(id: &str, kind: &str, identity: TableIdentity) -> Option<u64> {
    let number = id.strip_prefix(&key(kind, identity))?.strip_prefix(':')?;
    number.parse().ok()
}

fn expected_id(kind: &str, identity: TableIdentity, version: Option<u64>) -> Option<String> {
    match kind {
        TYPE_TABLE => Some(table_key(identity)),
        _ => version.map(|version| format!("{}:{version:020}", key(kind, identity))),
    }
}

fn version_metadata(id: &str, metadata: Option<&str>) -> Result<Option<VersionMetadata>, String> {
    let metadata = metadata.ok_or_else(|| format!("the row {id:?} has no metadata"))?;
    let metadata: RowMetadata = serde_json::from_str(metadata)
        .map_err(|error| format!("the metadata of the row {id:?} is malformed: {error}"))?;
    Ok(Some(VersionMetadata {
        manifest_path: metadata.manifest_path,
        manifest_size: metadata.manifest_size,
        e_tag: metadata.e_tag,
        naming_scheme: metadata.naming_scheme,
    }))
}
