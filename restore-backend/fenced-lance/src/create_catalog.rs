//! Making the catalog of a new root.

use arrow_schema::Schema;
use std::sync::Arc;

use lance::dataset::InsertBuilder;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance_core::Error as LanceError;

use super::LanceRoot;
use super::TableError;
use super::catalog::rows;
use super::catalog::rows::CatalogRow;
use super::catalog::rows::Spelling;
use super::commit::Refusal;
use super::head::HeadSearch;
use super::publish::WantedVersion;

/// A table to be in a new catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogTable {
    /// Its key, such as `node:Person`.
    pub table_key: String,
    /// Where it is, relative to the root.
    pub location: String,
    /// The version to be visible.
    pub version: u64,
    /// The Lance branch of the table that version is on.
    pub table_branch: Option<String>,
}

/// The outcome of making a catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CreateOutcome {
    /// It was made.
    Created {
        /// Its first version.
        version: u64,
    },
    /// The root has one, which is left alone.
    AlreadyThere,
    /// It cannot be made.
    Refused {
        /// Why.
        reason: Refusal,
    },
}

impl LanceRoot {
    /// Makes a catalog with these tables, unless the root has one.
    ///
    /// It carries stamp 3 and says that its publishers honour claims and the catalog fence.
    ///
    /// # Errors
    /// A table's version cannot be read, or the catalog cannot be written. In the latter case it may be there nevertheless: call
    /// this again.
    pub async fn create_catalog(
        &self,
        tables: &[CatalogTable],
    ) -> Result<CreateOutcome, TableError> {
        let place = self.catalog_place(None)?;
        if matches!(self.find_head(&place).await?, HeadSearch::At { .. }) {
            return Ok(CreateOutcome::AlreadyThere);
        }
        let mut rows = Vec::with_capacity(2 * tables.len());
        for table in tables {
            let CatalogTable {
                table_key,
                location,
                version,
                table_branch,
            } = table;
            rows.push(CatalogRow::table(table_key, location));
            let version = WantedVersion {
                table_key,
                location,
                version: *version,
                branch: table_branch.as_deref(),
                spelling: Spelling::default(),
            };
            match self.version_row(version, None).await? {
                Ok(row) => rows.push(row),
                Err(reason) => return Ok(CreateOutcome::Refused { reason }),
            }
        }
        let schema: Arc<Schema> = Arc::new(rows::new_schema());
        let batch = rows::batch(schema, &rows)
            .map_err(|detail| TableError::MalformedCatalog { version: 1, detail })?;
        let params = WriteParams {
            mode: WriteMode::Create,
            enable_stable_row_ids: true,
            ..self.write_params()
        };
        let insert = InsertBuilder::new(place.uri.as_str()).with_params(&params);
        let created = Box::pin(insert.execute(vec![batch])).await;
        match created {
            Ok(dataset) => Ok(CreateOutcome::Created {
                version: dataset.version_id(),
            }),
            Err(
                source @ (LanceError::DatasetAlreadyExists { .. }
                | LanceError::CommitConflict { .. }),
            ) => {
                // Lance's word is not enough: `AlreadyThere` is answered only once the catalog was seen.
                if matches!(self.find_head(&place).await?, HeadSearch::At { .. }) {
                    return Ok(CreateOutcome::AlreadyThere);
                }
                Err(TableError::lance(&place.name, "making the catalog", source))
            }
            Err(source) => Err(TableError::lance(&place.name, "making the catalog", source)),
        }
    }
}
