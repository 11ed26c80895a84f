//! The catalog that a writer starts from, and publishes on.

use super::error::WriterError;
use fenced_lance::Catalog;
use fenced_lance::CatalogReading;
use fenced_lance::LanceRoom;

pub(super) async fn read_catalog(
    room: &LanceRoom,
    branch: Option<&str>,
) -> Result<Catalog, WriterError> {
    match room.catalog(branch).await.map_err(WriterError::Table)? {
        CatalogReading::Present(catalog) => Ok(catalog),
        CatalogReading::NoCatalog | CatalogReading::NoBranch { .. } => {
            Err(WriterError::NoCatalog {
                branch: branch.map(str::to_owned),
            })
        }
    }
}
