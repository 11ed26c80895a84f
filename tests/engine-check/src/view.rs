//! What a reader of a graph sees: per branch and table its version, its rows, and a digest of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use lance::Dataset;
use omnigraph::db::SubTableEntry;
use omnigraph::db::manifest::ManifestCoordinator;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::table;

/// The branch that a killed schema change leaves: no branch of the graph.
pub const LOCK: &str = "__schema_apply_lock__";

/// The tables of every branch, by key.
#[derive(Debug, Default, PartialEq)]
pub struct View {
    pub branches: BTreeMap<String, BTreeMap<String, Table>>,
    pub is_locked: bool,
}

#[derive(Debug, PartialEq)]
pub struct Table {
    /// The pin.
    pub version: u64,
    /// The Lance branch that the pin is on.
    pub branch: Option<String>,
    /// The newest version on that branch, whatever the pin says.
    pub head: Option<u64>,
    /// What the catalog says.
    pub row_count: u64,
    /// Absent if the version cannot be read.
    pub rows: Option<Rows>,
}

#[derive(Debug, PartialEq)]
pub struct Rows {
    pub count: usize,
    pub digest: String,
}

impl View {
    /// Reads past the schema files, which may not fit each other.
    pub async fn of(root: &Path) -> Result<Self> {
        let uri = crate::uri(root);
        let main = ManifestCoordinator::open(&uri).await?;
        let mut view = Self::default();
        for branch in main.list_branches().await? {
            if branch == LOCK {
                view.is_locked = true;
                continue;
            }
            let catalog = match branch.as_str() {
                "main" => ManifestCoordinator::open(&uri).await?,
                name => ManifestCoordinator::open_at_branch(&uri, name).await?,
            };
            let snapshot = catalog.snapshot();
            let mut tables = BTreeMap::new();
            for entry in snapshot.entries() {
                let opened = snapshot.open(&entry.table_key).await;
                let rows = match opened {
                    Ok(dataset) => Some(rows(&dataset).await?),
                    Err(_) => None,
                };
                tables.insert(entry.table_key.clone(), Table::of(root, entry, rows).await);
            }
            view.branches.insert(branch, tables);
        }
        Ok(view)
    }

    pub fn counts(&self) -> Value {
        self.map(|table| json!(table.row_count))
    }

    pub fn tables(&self) -> Value {
        self.map(|table| {
            json!({
                "version": table.version,
                "branch": table.branch,
                "head": table.head,
                "rows": table.rows.as_ref().map(|rows| rows.count),
                "digest": table.rows.as_ref().map(|rows| rows.digest.clone()),
            })
        })
    }

    /// The rows alone: what has to be equal, whoever recovered.
    pub fn digests(&self) -> Value {
        self.map(|table| json!(table.rows.as_ref().map(|rows| rows.digest.clone())))
    }

    fn map(&self, of: impl Fn(&Table) -> Value) -> Value {
        let branches = self.branches.iter().map(|(branch, tables)| {
            let tables = tables.iter().map(|(key, table)| (key.clone(), of(table)));
            (branch.clone(), Value::Object(tables.collect()))
        });
        Value::Object(branches.collect())
    }
}

impl Table {
    async fn of(root: &Path, entry: &SubTableEntry, rows: Option<Rows>) -> Self {
        let folder = table::folder(root, &entry.table_key, entry.table_branch.as_deref());
        let head = Dataset::open(&crate::uri(&folder)).await;
        Self {
            version: entry.table_version,
            branch: entry.table_branch.clone(),
            head: head.ok().map(|dataset| dataset.version().version),
            row_count: entry.row_count,
            rows,
        }
    }
}

/// The digest of a table's rows is that of its sorted lines. A line is a row: `name=value` of every column, in the order of
/// their names, with a unit separator in between; values as arrow prints them, null as nothing.
async fn rows(dataset: &Dataset) -> Result<Rows> {
    let lines = lines(dataset).await?;
    let mut digest = Sha256::new();
    for line in &lines {
        digest.update(line.as_bytes());
        digest.update(b"\n");
    }
    Ok(Rows {
        count: lines.len(),
        digest: format!("sha256:{}", hex(&digest.finalize())),
    })
}

async fn lines(dataset: &Dataset) -> Result<Vec<String>> {
    let batches: Vec<_> = dataset
        .scan()
        .try_into_stream()
        .await?
        .try_collect()
        .await?;
    let options = FormatOptions::default();
    let mut lines = Vec::new();
    for batch in &batches {
        let schema = batch.schema();
        let mut columns = Vec::new();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let formatter = ArrayFormatter::try_new(column, &options)
                .with_context(|| format!("cannot print the column {}", field.name()))?;
            columns.push((field.name(), formatter));
        }
        columns.sort_by_key(|(name, _)| name.as_str());
        lines.extend((0..batch.num_rows()).map(|row| {
            let cells = columns.iter();
            let cells = cells.map(|(name, column)| format!("{name}={}", column.value(row)));
            cells.collect::<Vec<_>>().join("\u{1f}")
        }));
    }
    lines.sort();
    Ok(lines)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
