//! The versions of the catalog that are still there, read one by one, so that the history of the graph can be judged version by
//! version.

use futures::TryStreamExt;
use lance_table::format::is_detached_version;

use super::super::LanceRoot;
use super::super::TableError;
use super::super::catalog_rows::CatalogRows;
use super::super::version_file::understood;
use super::Catalog;
use super::catalog_of;
use super::stamped;

/// The versions of the catalog that one branch still has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RetainedVersions {
    /// The newest of them, newest first.
    pub versions: Vec<u64>,
    /// Whether there are older ones, which were not listed.
    pub has_older: bool,
}

/// The catalog at one version, and what it holds that no release writes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RetainedCatalog {
    /// The catalog as it was.
    pub catalog: Catalog,
    /// The type of a row that no release known here writes, if there is one.
    pub foreign_row: Option<String>,
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

    /// The catalog at one version of a branch; `None` if the version was cleaned away.
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
        let catalog = catalog_of(&place, &file, &rows, None)?;
        Ok(Some(RetainedCatalog {
            foreign_row: rows.foreign_row.clone(),
            catalog,
        }))
    }
}
