//! How many rows a version of a table has.

use futures::FutureExt;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::location::TableLocation;
use super::version::VersionFile;

impl LanceRoot {
    /// How many rows a version has.
    ///
    /// # Errors
    /// The version cannot be read, or its rows cannot be counted.
    pub async fn count_rows(
        &self,
        location: &TableLocation,
        version: u64,
    ) -> Result<u64, TableError> {
        let place = self.place(location)?;
        let file = self.known_version(&place, version).await?;
        self.rows_of_version(&place, &file).await
    }

    /// The rows of a version that was read, as its Lance manifest counts them. If an old writer left counts out, Lance reads the
    /// sizes of data and deletion files.
    pub(super) async fn rows_of_version(
        &self,
        place: &Place,
        file: &VersionFile,
    ) -> Result<u64, TableError> {
        if let Some(rows) = file.row_count() {
            return Ok(rows);
        }
        let counting = async {
            let dataset = self.dataset_at(place, file).await?;
            dataset
                .count_rows(None)
                .await
                .map_err(|source| TableError::lance(&place.name, "counting rows", source))
        };
        let rows = counting.boxed().await?;
        Ok(rows as u64)
    }
}
