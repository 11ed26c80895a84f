//! Reads the rows that differ in their place, of each as much as it takes to compare it.

use std::hash::{BuildHasher, Hasher, RandomState};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_row::{RowConverter, SortField};
use futures::StreamExt;
use lance::dataset::{ProjectionRequest, TakeBuilder};
use lance_core::{ROW_ADDR, ROW_CREATED_AT_VERSION, ROW_ID};

use super::columns::Columns;
use super::differing::Differing;
use super::side::Side;
use crate::TableError;

/// Bytes and rows of one batch, and bytes that Lance reads ahead.
const BATCH_BYTES: u64 = 8 << 20;
const BATCH_ROWS: usize = 4_096;
const READ_AHEAD_BYTES: u64 = 32 << 20;
/// Fragments that are read at the same time.
const FRAGMENTS_AT_ONCE: usize = 4;

/// A row, as far as it takes to compare it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowRead {
    /// A hash of its key.
    pub(super) key: u128,
    /// Its stable row id.
    pub(super) row_id: u64,
    /// The version in which it was made, as Lance recorded it.
    pub(super) created_in: u64,
    /// A hash of the values that are compared.
    pub(super) content: u128,
    /// Its Lance row address, to find it again.
    pub(super) address: u64,
}

/// Why reading stopped.
pub(super) enum Stopped {
    TooManyBytes,
    Failed(TableError),
}

/// Reads both contents of one comparison.
pub(super) struct Reader<'a> {
    columns: &'a Columns,
    with_row_ids: bool,
    bytes_left: u64,
    // Two hashes with keys of their own make it out of question that two values seem equal, also for whoever chose the values.
    hashers: [RandomState; 2],
    has_keys: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(columns: &'a Columns, with_row_ids: bool, bytes_max: u64) -> Self {
        Self {
            columns,
            with_row_ids,
            bytes_left: bytes_max,
            hashers: [RandomState::new(), RandomState::new()],
            has_keys: columns.key.is_some(),
        }
    }

    /// Whether every row that was read has a key.
    pub(super) const fn has_keys(&self) -> bool {
        self.has_keys
    }

    pub(super) const fn has_row_ids(&self) -> bool {
        self.with_row_ids
    }

    pub(super) async fn read(
        &mut self,
        side: &Side,
        differing: &Differing,
    ) -> Result<Vec<RowRead>, Stopped> {
        let failed = |source| {
            Stopped::Failed(TableError::lance(
                &side.place.name,
                "reading rows to compare them",
                source,
            ))
        };
        let mut names: Vec<&str> = self.columns.compared.iter().map(String::as_str).collect();
        if self.with_row_ids {
            names.extend([ROW_ID, ROW_CREATED_AT_VERSION]);
        }
        let mut rows = Vec::with_capacity(usize::try_from(differing.rows).unwrap_or_default());
        if !differing.fragments.is_empty() {
            let mut scanner = side.dataset.scan();
            scanner.project(&names).map_err(failed)?;
            scanner
                .with_row_address()
                .with_fragments(differing.fragments.clone())
                .batch_size(BATCH_ROWS)
                .batch_size_bytes(BATCH_BYTES)
                .io_buffer_size(READ_AHEAD_BYTES)
                .fragment_readahead(FRAGMENTS_AT_ONCE);
            let mut batches = Box::pin(scanner.try_into_stream()).await.map_err(failed)?;
            while let Some(batch) = batches.next().await {
                self.add(side, &batch.map_err(failed)?, &mut rows)?;
            }
        }
        for addresses in differing.addresses.chunks(BATCH_ROWS) {
            let batch = taken(side, addresses, &names)
                .await
                .map_err(Stopped::Failed)?;
            self.add(side, &batch, &mut rows)?;
        }
        if rows.len() as u64 != differing.rows {
            return Err(Stopped::Failed(TableError::lance(
                &side.place.name,
                "reading rows to compare them",
                lance_core::Error::internal(format!(
                    "{} rows were read where its Lance manifest counts {}",
                    rows.len(),
                    differing.rows
                )),
            )));
        }
        Ok(rows)
    }

    fn add(
        &mut self,
        side: &Side,
        batch: &RecordBatch,
        rows: &mut Vec<RowRead>,
    ) -> Result<(), Stopped> {
        let failed = |source| {
            Stopped::Failed(TableError::lance(
                &side.place.name,
                "comparing rows",
                source,
            ))
        };
        let missing = |name: &str| failed(lance_core::Error::internal(format!("no column {name}")));
        let numbers = |name: &str| {
            let column = batch.column_by_name(name).ok_or_else(|| missing(name))?;
            let column = column.as_primitive_opt::<UInt64Type>();
            column.cloned().ok_or_else(|| missing(name))
        };
        let addresses = numbers(ROW_ADDR)?;
        let row_ids = self.with_row_ids.then(|| numbers(ROW_ID)).transpose()?;
        let created = self.with_row_ids.then(|| numbers(ROW_CREATED_AT_VERSION));
        let created = created.transpose()?;
        let named = |names: &[String]| -> Result<Vec<ArrayRef>, Stopped> {
            let columns = names.iter().map(|name| {
                let column = batch.column_by_name(name);
                column.cloned().ok_or_else(|| missing(name))
            });
            columns.collect()
        };
        let encoded = |columns: &[ArrayRef]| {
            let fields = columns
                .iter()
                .map(|column| SortField::new(column.data_type().clone()));
            let converter = RowConverter::new(fields.collect())?;
            converter.convert_columns(columns)
        };
        let arrow = |source: arrow_schema::ArrowError| failed(source.into());
        let compared = named(&self.columns.compared)?;
        let contents = match compared.as_slice() {
            [] => None,
            columns => Some(encoded(columns).map_err(arrow)?),
        };
        let key = self.columns.key.as_ref().filter(|_| self.has_keys);
        let keys = match key {
            Some(names) => {
                let columns = named(names)?;
                if columns.iter().any(|column| column.logical_null_count() > 0) {
                    self.has_keys = false;
                }
                Some(encoded(&columns).map_err(arrow)?)
            }
            None => None,
        };
        for index in 0..batch.num_rows() {
            let content = contents.as_ref().map(|rows| rows.row(index));
            let content = content.as_ref().map_or(&[] as &[u8], AsRef::as_ref);
            self.bytes_left = (self.bytes_left)
                .checked_sub(content.len() as u64)
                .ok_or(Stopped::TooManyBytes)?;
            let key = keys.as_ref().map(|rows| rows.row(index));
            rows.push(RowRead {
                key: key.map_or(0, |key| self.hash(key.as_ref())),
                row_id: row_ids.as_ref().map_or(0, |ids| ids.value(index)),
                created_in: created.as_ref().map_or(0, |created| created.value(index)),
                content: self.hash(content),
                address: addresses.value(index),
            });
        }
        Ok(())
    }

    fn hash(&self, bytes: &[u8]) -> u128 {
        let [high, low] = self.hashers.each_ref().map(|state| {
            let mut hasher = state.build_hasher();
            hasher.write(bytes);
            hasher.finish()
        });
        (u128::from(high) << 64) | u128::from(low)
    }
}

/// Rows by their addresses, which have to be in order, with the addresses.
pub(super) async fn taken(
    side: &Side,
    addresses: &[u64],
    names: &[&str],
) -> Result<RecordBatch, TableError> {
    let failed = |source| TableError::lance(&side.place.name, "reading rows", source);
    let schema = side.dataset.schema();
    let projection = schema
        .project_preserve_system_columns(names)
        .map_err(failed)?;
    let plan = ProjectionRequest::from_schema(projection)
        .into_projection_plan(side.dataset.clone())
        .map_err(failed)?;
    let take = TakeBuilder::try_new_from_addresses(
        side.dataset.clone(),
        addresses.to_vec(),
        std::sync::Arc::new(plan),
    );
    let take = take.map_err(failed)?.with_row_address(true);
    Box::pin(take.execute()).await.map_err(failed)
}

/// The addresses of the first rows that differ in their place.
pub(super) async fn first_addresses(
    side: &Side,
    differing: &Differing,
    rows: usize,
) -> Result<Vec<u64>, TableError> {
    let failed = |source| TableError::lance(&side.place.name, "reading rows", source);
    let mut addresses: Vec<u64> = Vec::new();
    if !differing.fragments.is_empty() {
        let mut scanner = side.dataset.scan();
        scanner.empty_project().map_err(failed)?;
        scanner
            .with_row_address()
            .with_fragments(differing.fragments.clone())
            .fragment_readahead(1)
            .limit(Some(i64::try_from(rows).unwrap_or(i64::MAX)), None)
            .map_err(failed)?;
        let batch = Box::pin(scanner.try_into_batch()).await.map_err(failed)?;
        if let Some(column) = batch.column_by_name(ROW_ADDR)
            && let Some(column) = column.as_primitive_opt::<UInt64Type>()
        {
            addresses.extend(column.values().iter().copied());
        }
    }
    addresses.extend(differing.addresses.iter().copied().take(rows));
    addresses.truncate(rows);
    addresses.sort_unstable();
    Ok(addresses)
}
