//! The sizes of Lance manifests, as the rows of the visible versions have them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use arrow_array::RecordBatch;
use futures::StreamExt;
use futures::TryStreamExt;
use serde::Deserialize;

use super::super::LanceRoot;
use super::super::TableError;
use super::super::catalog_rows::Pin;
use super::super::location::other_branch;
use super::Catalog;
use super::batches;
use super::columns::TYPE_TABLE_VERSION;
use super::columns::number;
use super::columns::number_at;
use super::columns::text;
use super::columns::text_at;

const METADATA: &str = "metadata";

/// Metadata of a version row.
#[derive(Deserialize)]
struct RowMetadata {
    #[serde(default)]
    manifest_size: Option<u64>,
}

impl LanceRoot {
    /// For each visible table, the size of the Lance manifest of its visible version, where the catalog has it. The rows are read
    /// once more, with a column that nobody else reads.
    ///
    /// # Errors
    /// [`TableError`] if they cannot be read.
    pub async fn recorded_bytes(
        &self,
        catalog: &Catalog,
    ) -> Result<BTreeMap<String, u64>, TableError> {
        if let Some(tables) = &catalog.identified {
            let tables = tables.0.values();
            let sizes = tables.filter_map(|table| {
                let size = table.row.metadata.as_ref()?.manifest_size?;
                Some((table.table_key.clone(), size))
            });
            return Ok(sizes.collect());
        }
        let place = self.catalog_place(catalog.branch.as_deref())?;
        let read = self.inner.memory.catalog_last_read(&place.base);
        let read = read.filter(|read| read.file.manifest.version == catalog.version);
        let (file, dataset) = match read {
            Some(read) => (read.file.clone(), read.dataset.clone()),
            None => {
                let file = self.known_version(&place, catalog.version).await?;
                let dataset = self.dataset_at(&place, &file).await?;
                (file, dataset)
            }
        };
        if dataset.schema().field(METADATA).is_none() {
            return Ok(BTreeMap::new());
        }
        let failed = |source| TableError::lance(&place.name, "reading the catalog", source);
        let columns = [
            "object_type",
            "table_key",
            "table_version",
            "table_branch",
            METADATA,
        ];
        let fragments = file.manifest.fragments.to_vec();
        let batches = batches::batches(&dataset, fragments, &columns)
            .await
            .map_err(failed)?;
        let mut batches = batches.boxed();
        let mut found = BTreeMap::new();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            add(&mut found, &catalog.pins, &batch).map_err(|detail| {
                TableError::MalformedCatalog {
                    version: catalog.version,
                    detail,
                }
            })?;
        }
        let sizes = found.into_iter();
        Ok(sizes
            .filter_map(|(table_key, size)| Some((table_key, size?)))
            .collect())
    }
}

/// Adds the sizes in the rows of the visible versions. Where two rows of a version differ, neither counts.
fn add(
    found: &mut BTreeMap<String, Option<u64>>,
    pins: &BTreeMap<String, Pin>,
    batch: &RecordBatch,
) -> Result<(), String> {
    let object_type = text(batch, "object_type")?;
    let table_key = text(batch, "table_key")?;
    let table_version = number(batch, "table_version")?;
    let table_branch = text(batch, "table_branch")?;
    let metadata = text(batch, METADATA)?;
    for row in 0..batch.num_rows() {
        if text_at(object_type, row) != Some(TYPE_TABLE_VERSION) {
            continue;
        }
        let Some(key) = text_at(table_key, row) else {
            continue;
        };
        let is_visible = pins.get(key).is_some_and(|pin| {
            number_at(table_version, row) == Some(pin.version)
                && other_branch(text_at(table_branch, row)) == pin.table_branch.as_deref()
        });
        if !is_visible {
            continue;
        }
        let size = text_at(metadata, row)
            .and_then(|metadata| serde_json::from_str::<RowMetadata>(metadata).ok())
            .and_then(|metadata| metadata.manifest_size);
        match found.entry(key.to_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(size);
            }
            Entry::Occupied(mut entry) => {
                if *entry.get() != size {
                    entry.insert(None);
                }
            }
        }
    }
    Ok(())
}
