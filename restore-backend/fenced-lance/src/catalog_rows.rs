//! The rows of a catalog, folded into pins, places and history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::RecordBatch;

use sidecar::GraphCommit;

use super::catalog::columns::{
    TYPE_GRAPH_COMMIT, TYPE_GRAPH_HEAD, TYPE_TABLE, TYPE_TABLE_VERSION, TYPE_TOMBSTONE, number,
    number_at, text, text_at,
};
use super::catalog::graph_rows;
use super::catalog::identified::{IdentifiedRows, Numbering};
use super::location::other_branch;

/// Most table keys a catalog may have. It bounds the memory of a reading to some hundred MiB.
const TABLE_KEYS_MAX: usize = 1_000_000;
/// Most graph commits that are read from a catalog, for the same reason.
const GRAPH_COMMITS_MAX: usize = 1_000_000;

/// The visible version of one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// The version.
    pub version: u64,
    /// The Lance branch of the table it is on, unless it is the default one.
    pub table_branch: Option<String>,
    /// Rows in it, as its publisher counted them.
    pub row_count: Option<u64>,
}

/// The catalog's rows, folded while they are read.
#[derive(Clone, Debug, Default)]
pub(super) struct CatalogRows {
    highest: BTreeMap<String, Pin>,
    pub(super) tombstones: BTreeMap<String, u64>,
    pub(super) locations: BTreeMap<String, String>,
    /// Keys of tables for which rows name different places.
    pub(super) in_two_places: BTreeSet<String>,
    /// The type of a row that no release known here writes, if there is one.
    pub(super) foreign_row: Option<String>,
    /// Where the catalog holds the history of its graph: its commits.
    pub(super) graph_commits: Arc<Vec<GraphCommit>>,
    /// Keys of the rows that name the head of a branch, with the graph commit that each names.
    pub(super) graph_heads: BTreeMap<String, String>,
    /// In a catalog that knows tables by their identity: those.
    pub(super) identified: Option<IdentifiedRows>,
}

impl CatalogRows {
    /// Adds the rows of a batch that tell of tables.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let object_type = text(batch, "object_type")?;
        let location = text(batch, "location")?;
        let table_key = text(batch, "table_key")?;
        let table_version = number(batch, "table_version")?;
        let table_branch = text(batch, "table_branch")?;
        let row_count = number(batch, "row_count")?;
        for row in 0..batch.num_rows() {
            let kind = text_at(object_type, row).unwrap_or_default();
            // Later stamps keep rows of other kinds here, some without a table key.
            if !matches!(kind, TYPE_TABLE | TYPE_TABLE_VERSION | TYPE_TOMBSTONE) {
                if !matches!(kind, TYPE_GRAPH_COMMIT | TYPE_GRAPH_HEAD) {
                    self.foreign_row.get_or_insert_with(|| kind.to_owned());
                }
                continue;
            }
            let key = text_at(table_key, row)
                .filter(|key| !key.is_empty())
                .ok_or_else(|| format!("a row of kind {kind} has no table_key"))?;
            let version = number_at(table_version, row);
            match kind {
                TYPE_TABLE => {
                    let location = text_at(location, row)
                        .ok_or_else(|| format!("the table {key} has no location"))?;
                    let before = self.locations.insert(key.to_owned(), location.to_owned());
                    if before.is_some_and(|before| before != location) {
                        self.in_two_places.insert(key.to_owned());
                    }
                }
                TYPE_TABLE_VERSION => {
                    let pin = Pin {
                        version: version
                            .ok_or_else(|| format!("a version row of {key} has no version"))?,
                        table_branch: other_branch(text_at(table_branch, row)).map(str::to_owned),
                        row_count: number_at(row_count, row),
                    };
                    let highest = self.highest.entry(key.to_owned()).or_insert(pin.clone());
                    if highest.version < pin.version {
                        *highest = pin;
                    }
                }
                _ => {
                    let version =
                        version.ok_or_else(|| format!("a tombstone of {key} has no version"))?;
                    let highest = self.tombstones.entry(key.to_owned()).or_insert(version);
                    *highest = version.max(*highest);
                }
            }
        }
        let keys = self.highest.len() + self.tombstones.len() + self.locations.len();
        if keys > 3 * TABLE_KEYS_MAX {
            return Err(format!("it has more than {TABLE_KEYS_MAX} tables"));
        }
        Ok(())
    }

    /// Adds the rows of a batch that tell of the history of the graph.
    pub(super) fn add_history(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let object_id = text(batch, "object_id")?;
        let object_type = text(batch, "object_type")?;
        let metadata = text(batch, "metadata")?;
        let table_version = number(batch, "table_version")?;
        let table_branch = text(batch, "table_branch")?;
        for row in 0..batch.num_rows() {
            let id = || {
                text_at(object_id, row).ok_or_else(|| "a row of the history has no id".to_owned())
            };
            match text_at(object_type, row).unwrap_or_default() {
                TYPE_GRAPH_COMMIT => {
                    Arc::make_mut(&mut self.graph_commits).push(graph_rows::graph_commit(
                        id()?,
                        text_at(table_branch, row),
                        number_at(table_version, row),
                        text_at(metadata, row),
                    )?)
                }
                // Nobody enforces this key. A publish replaces the one row of this name.
                TYPE_GRAPH_HEAD => {
                    let named = graph_rows::head_commit_id(id()?, text_at(metadata, row))?;
                    if self.graph_heads.insert(id()?.to_owned(), named).is_some() {
                        return Err(format!("two of its rows are {}", id()?));
                    }
                }
                _ => {}
            }
        }
        if self.graph_commits.len() > GRAPH_COMMITS_MAX {
            return Err(format!(
                "it has more than {GRAPH_COMMITS_MAX} graph commits"
            ));
        }
        Ok(())
    }

    /// Adds the rows of a batch that tell of tables by their identity.
    pub(super) fn add_identified(
        &mut self,
        batch: &RecordBatch,
        numbering: Numbering,
    ) -> Result<(), String> {
        self.identified
            .get_or_insert_default()
            .add(batch, numbering)
    }

    /// How many tables it knows, roughly.
    pub(super) fn tables(&self) -> usize {
        self.highest.len().max(self.locations.len())
    }

    pub(super) fn visible(&self) -> BTreeMap<String, Pin> {
        self.highest
            .iter()
            .filter(|(key, pin)| {
                self.tombstones
                    .get(*key)
                    .is_none_or(|tombstone| *tombstone < pin.version)
            })
            .map(|(key, pin)| (key.clone(), pin.clone()))
            .collect()
    }
}
