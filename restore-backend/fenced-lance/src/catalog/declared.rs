//! What a catalog declares about itself in its schema metadata, which is read whatever its columns are.

use super::super::LanceRoot;
use super::super::TableError;
use super::super::head::HeadSearch;
use super::STAMP_KEY;
use super::TWO_PHASE_KEY;

/// Schema metadata of a catalog whose conversion to a later stamp was begun and has not ended.
const UPGRADE_PENDING_KEY: &str = "omnigraph:storage_upgrade_pending";

/// What the catalog on main declares about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogDeclaration {
    /// The version that was read.
    pub version: u64,
    /// The internal schema, 1 if the catalog does not say; or the words that it says instead of a number.
    pub stamp: Result<u32, String>,
    /// Whether publishers promise to honour claims and the catalog fence.
    pub two_phase: bool,
    /// Whether a conversion to a later stamp was begun and has not ended.
    pub is_being_upgraded: bool,
}

impl LanceRoot {
    /// What the catalog on main declares about itself; `None` if the root has no catalog. One listing and one read.
    ///
    /// # Errors
    /// [`TableError`] if its latest version cannot be read.
    pub async fn catalog_declaration(&self) -> Result<Option<CatalogDeclaration>, TableError> {
        let place = self.catalog_place(None)?;
        let HeadSearch::At { location, .. } = self.find_head(&place).await? else {
            return Ok(None);
        };
        let file = self.listed_version(&place, &location).await?;
        let metadata = &file.manifest.schema.metadata;
        let stamp = match metadata.get(STAMP_KEY) {
            Some(stamp) => stamp.parse().map_err(|_| stamp.clone()),
            None => Ok(1),
        };
        Ok(Some(CatalogDeclaration {
            version: file.manifest.version,
            stamp,
            two_phase: metadata
                .get(TWO_PHASE_KEY)
                .is_some_and(|value| value == "1"),
            is_being_upgraded: metadata.contains_key(UPGRADE_PENDING_KEY),
        }))
    }
}
