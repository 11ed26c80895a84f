//! The catalog that a writer starts from, and publishes on.

use super::error::WriterError;
use fenced_lance::Catalog;
use fenced_lance::CatalogReading;
use fenced_lance::LanceRoot;

pub(super) async fn read_catalog(
    lance: &LanceRoot,
    branch: Option<&str>,
) -> Result<Catalog, WriterError> {
    match lance.catalog(branch).await.map_err(WriterError::Table)? {
        CatalogReading::Present(catalog) => Ok(catalog),
        CatalogReading::NoCatalog | CatalogReading::NoBranch { .. } => {
            Err(WriterError::NoCatalog {
                branch: branch.map(str::to_owned),
            })
        }
    }
}
