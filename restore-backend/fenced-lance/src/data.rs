//! Plain tables and ordinary, unfenced writes to them, for sample stores and tests. Nothing else may call these.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_array::UInt64Array;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::Schema;
use lance::Dataset;
use lance::dataset::DeleteBuilder;
use lance::dataset::InsertBuilder;
use lance::dataset::WriteDestination;
use lance::dataset::WriteMode;
use lance::dataset::WriteParams;
use lance::index::DatasetIndexExt;
use lance_index::IndexType;
use lance_index::scalar::ScalarIndexParams;

use super::LanceRoot;
use super::TableError;
use super::head::HeadSearch;
use super::location::TableLocation;

/// A row of a plain table.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Row {
    /// Column `id`.
    pub id: String,
    /// Column `name`.
    pub name: String,
    /// Column `value`.
    pub value: u64,
}

impl Row {
    /// A row of these values.
    pub fn new(id: impl Into<String>, name: impl Into<String>, value: u64) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            value,
        }
    }
}

fn row_schema() -> Schema {
    Schema::new(vec![
        Field::new("id", DataType::Utf8, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("value", DataType::UInt64, true),
    ])
}

/// The rows as one batch.
pub(super) fn rows_to_batch(rows: &[Row]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    RecordBatch::try_new(
        Arc::new(row_schema()),
        vec![
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|row| &row.id),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|row| &row.name),
            )),
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|row| row.value),
            )),
        ],
    )
}

// Each returns the version it made. They are what any other program may do to a table, so they
// honour no fence and no claim.
impl LanceRoot {
    /// Makes a table.
    ///
    /// # Errors
    /// Lance's words, also where there is a table already.
    pub async fn create_table(
        &self,
        location: &TableLocation,
        rows: &[Row],
    ) -> Result<u64, TableError> {
        let place = self.place(location)?;
        let failed = |source| TableError::lance(&place.name, "making a table", source);
        let params = WriteParams {
            mode: WriteMode::Create,
            enable_stable_row_ids: true,
            ..self.write_params()
        };
        let batch = rows_to_batch(rows)
            .map_err(|source| TableError::lance(&place.name, "making a table", source))?;
        let insert = InsertBuilder::new(place.uri.as_str()).with_params(&params);
        let dataset = Box::pin(insert.execute(vec![batch]))
            .await
            .map_err(failed)?;
        Ok(dataset.version_id())
    }

    /// Adds rows.
    ///
    /// # Errors
    /// There is no such table, or Lance's words. The rows may be committed nevertheless.
    pub async fn append_rows(
        &self,
        location: &TableLocation,
        rows: &[Row],
    ) -> Result<u64, TableError> {
        self.insert_rows(location, rows, WriteMode::Append).await
    }

    /// Replaces all rows.
    ///
    /// # Errors
    /// As [`Self::append_rows`].
    pub async fn overwrite_rows(
        &self,
        location: &TableLocation,
        rows: &[Row],
    ) -> Result<u64, TableError> {
        self.insert_rows(location, rows, WriteMode::Overwrite).await
    }

    async fn insert_rows(
        &self,
        location: &TableLocation,
        rows: &[Row],
        mode: WriteMode,
    ) -> Result<u64, TableError> {
        let dataset = self.dataset(location).await?;
        let failed = |source| TableError::lance(location.to_string(), "writing rows", source);
        let params = WriteParams {
            mode,
            ..self.write_params()
        };
        let batch = rows_to_batch(rows)
            .map_err(|source| TableError::lance(location.to_string(), "writing rows", source))?;
        let insert =
            InsertBuilder::new(WriteDestination::Dataset(Arc::new(dataset))).with_params(&params);
        let dataset = Box::pin(insert.execute(vec![batch]))
            .await
            .map_err(failed)?;
        Ok(dataset.version_id())
    }

    /// Removes the rows that match a SQL predicate.
    ///
    /// # Errors
    /// As [`Self::append_rows`].
    pub async fn delete_rows(
        &self,
        location: &TableLocation,
        predicate: &str,
    ) -> Result<u64, TableError> {
        let dataset = self.dataset(location).await?;
        let delete = DeleteBuilder::new(Arc::new(dataset), predicate);
        let deleted = Box::pin(delete.execute())
            .await
            .map_err(|source| TableError::lance(location.to_string(), "deleting rows", source))?;
        Ok(deleted.new_dataset.version_id())
    }

    /// Makes a scalar index on a column.
    ///
    /// # Errors
    /// As [`Self::append_rows`].
    pub async fn index_rows(
        &self,
        location: &TableLocation,
        column: &str,
    ) -> Result<u64, TableError> {
        let mut dataset = self.dataset(location).await?;
        dataset
            .create_index(
                &[column],
                IndexType::BTree,
                None,
                &ScalarIndexParams::default(),
                true,
            )
            .await
            .map_err(|source| TableError::lance(location.to_string(), "indexing", source))?;
        Ok(dataset.version_id())
    }

    /// Sets a key of the table's configuration.
    ///
    /// # Errors
    /// As [`Self::append_rows`].
    pub async fn set_config(
        &self,
        location: &TableLocation,
        key: &str,
        value: &str,
    ) -> Result<u64, TableError> {
        let mut dataset = self.dataset(location).await?;
        dataset
            .update_config([(key, Some(value))])
            .await
            .map_err(|source| TableError::lance(location.to_string(), "configuring", source))?;
        Ok(dataset.version_id())
    }

    /// Makes a Lance branch of a table, or of the catalog, from a version of its default branch.
    ///
    /// # Errors
    /// There is no such table or version, Lance does not allow the name or has the branch already, or Lance's words.
    pub async fn create_branch(
        &self,
        path: &str,
        branch: &str,
        version: u64,
    ) -> Result<(), TableError> {
        let location = TableLocation::main(path);
        let mut dataset = self.dataset(&location).await?;
        dataset
            .create_branch(branch, version, None)
            .await
            .map_err(|source| TableError::lance(location.to_string(), "branching", source))?;
        Ok(())
    }

    /// The first rows of a version, in the order they are stored.
    ///
    /// # Errors
    /// The version does not exist or cannot be read, or its columns are not those of a plain table.
    pub async fn read_rows(
        &self,
        location: &TableLocation,
        version: u64,
        limit: usize,
    ) -> Result<Vec<Row>, TableError> {
        let place = self.place(location)?;
        let failed = |source| TableError::lance(&place.name, "reading rows", source);
        let file = self.known_version(&place, version).await?;
        let dataset = self.dataset_at(&place, &file).await?;
        let mut scanner = dataset.scan();
        scanner
            .project(&["id", "name", "value"])
            .map_err(failed)?
            .limit(Some(i64::try_from(limit).unwrap_or(i64::MAX)), None)
            .map_err(failed)?;
        let batch = Box::pin(scanner.try_into_batch()).await.map_err(failed)?;
        batch_to_rows(&batch).ok_or_else(|| TableError::Unreadable {
            table: place.name.clone(),
            what: format!("version {version}"),
            source: "its columns are not those of a plain table".into(),
        })
    }

    /// The dataset at HEAD.
    async fn dataset(&self, location: &TableLocation) -> Result<Dataset, TableError> {
        let place = self.place(location)?;
        let HeadSearch::At { location: head, .. } = self.find_head(&place).await? else {
            return Err(TableError::VersionMissing {
                table: place.name.clone(),
                version: 1,
            });
        };
        let file = self.known_version(&place, head.version).await?;
        self.dataset_at(&place, &file).await
    }
}

fn batch_to_rows(batch: &RecordBatch) -> Option<Vec<Row>> {
    let ids = batch.column_by_name("id")?;
    let ids: &StringArray = ids.as_any().downcast_ref()?;
    let names = batch.column_by_name("name")?;
    let names: &StringArray = names.as_any().downcast_ref()?;
    let values = batch.column_by_name("value")?;
    let values: &UInt64Array = values.as_any().downcast_ref()?;
    Some(
        (0..batch.num_rows())
            .map(|row| Row::new(ids.value(row), names.value(row), values.value(row)))
            .collect(),
    )
}
