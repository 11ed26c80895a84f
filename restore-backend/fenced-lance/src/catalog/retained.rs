//! The versions of the catalog that are still there, read one by one: each is judged by those who ask how the history came about.

use std::sync::Arc;

use futures::StreamExt;
use futures::TryStreamExt;
use lance_table::format::is_detached_version;

use super::super::LanceRoot;
use super::super::Place;
use super::super::TableError;
use super::super::catalog_rows::CatalogRows;
use super::super::catalog_rows::TYPE_GRAPH_HEAD;
use super::super::catalog_rows::text;
use super::super::catalog_rows::text_at;
use super::super::version::VersionFile;
use super::super::version_file::understood;
use super::Catalog;
use super::batches;
use super::catalog_of;
use super::graph_rows::HeadMetadata;
use super::graph_rows::head_key;
use super::holds_history;
use super::stamped;

/// The versions of the catalog that one branch still has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RetainedVersions {
    /// The newest of them, newest first.
    pub versions: Vec<u64>,
    /// Whether there are older ones, which were not listed.
    pub has_older: bool,
}

/// The catalog at one version, and what its row of the branch's head says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RetainedCatalog {
    /// The catalog as it was.
    pub catalog: Catalog,
    /// The commits that the rows of the branch's own head name: one, unless the branch has no head of its own.
    pub heads: Vec<String>,
}

impl LanceRoot {
    /// The versions of the catalog on a branch, at most `max` of them: one listing. None where the catalog has no such branch.
    ///
    /// # Errors
    /// [`TableError`] if they cannot be listed.
    pub async fn catalog_versions(
        &self,
        branch: Option<&str>,
        max: usize,
    ) -> Result<RetainedVersions, TableError> {
        let place = self.catalog_place(branch)?;
        let mut listing =
            self.inner
                .handler
                .list_manifest_locations(&place.base, &self.inner.store, true);
        let mut retained = RetainedVersions::default();
        loop {
            let location = match listing.try_next().await {
                Ok(Some(location)) => location,
                Ok(None) => return Ok(retained),
                Err(source) if source.is_not_found() => return Ok(retained),
                Err(source) => {
                    return Err(TableError::lance(&place.name, "listing versions", source));
                }
            };
            if is_detached_version(location.version) {
                continue;
            }
            if retained.versions.len() == max {
                retained.has_older = true;
                return Ok(retained);
            }
            retained.versions.push(location.version);
        }
    }

    /// The catalog at one version of a branch, with the branch's own head; `None` if the version was cleaned away.
    ///
    /// Its rows do not replace those of the catalog that was read last.
    ///
    /// # Errors
    /// [`TableError`] if it cannot be read, or contradicts itself.
    pub async fn retained_catalog(
        &self,
        branch: Option<&str>,
        version: u64,
    ) -> Result<Option<RetainedCatalog>, TableError> {
        let place = self.catalog_place(branch)?;
        let Some(file) = self.version_file(&place, version).await? else {
            return Ok(None);
        };
        understood(&place, &file)?;
        stamped(&file)?;
        let dataset = self.dataset_at(&place, &file).await?;
        let fragments = file.manifest.fragments.to_vec();
        let rows = self
            .rows_in(&place, &dataset, fragments, CatalogRows::default())
            .await?;
        Ok(Some(RetainedCatalog {
            catalog: catalog_of(&place, &file, &Arc::new(rows), None)?,
            heads: self.heads_in(&place, &dataset, &file).await?,
        }))
    }

    async fn heads_in(
        &self,
        place: &Place,
        dataset: &lance::Dataset,
        file: &VersionFile,
    ) -> Result<Vec<String>, TableError> {
        let failed = |source| TableError::lance(&place.name, "reading the catalog", source);
        if !holds_history(dataset.schema()) {
            return Ok(Vec::new());
        }
        let wanted = head_key(place.location.other_branch());
        let columns = ["object_id", "object_type", "metadata"];
        let fragments = file.manifest.fragments.to_vec();
        let batches = batches::batches(dataset, fragments, &columns).await;
        let mut batches = batches.map_err(failed)?.boxed();
        let mut heads = Vec::new();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let named = heads_of(&batch, &wanted);
            heads.extend(named.map_err(|detail| TableError::MalformedCatalog {
                version: file.manifest.version,
                detail,
            })?);
        }
        Ok(heads)
    }
}

/// The commits that the rows with this key name in one batch.
fn heads_of(batch: &arrow_array::RecordBatch, key: &str) -> Result<Vec<String>, String> {
    let object_id = text(batch, "object_id")?;
    let object_type = text(batch, "object_type")?;
    let metadata = text(batch, "metadata")?;
    let is_wanted = |row: &usize| {
        text_at(object_type, *row) == Some(TYPE_GRAPH_HEAD) && text_at(object_id, *row) == Some(key)
    };
    let rows = (0..batch.num_rows()).filter(is_wanted);
    rows.map(|row| {
        let metadata = text_at(metadata, row).ok_or_else(|| format!("{key} has no metadata"))?;
        let metadata: HeadMetadata = serde_json::from_str(metadata)
            .map_err(|error| format!("the metadata of {key} is malformed: {error}"))?;
        Ok(metadata.head_commit_id)
    })
    .collect()
}
