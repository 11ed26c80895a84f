//! A few of the rows that change, as text.

use std::collections::HashMap;
use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;
use lance_core::ROW_ADDR;
use sidecar::rows_report::{
    CELL_CHARS_MAX, Cell, RowSample, SAMPLE_COLUMNS_MAX, SampleColumn, UpdatedRow,
};

use super::columns::{Column, Columns, type_name};
use super::matching::Changed;
use super::reading::{RowRead, taken};
use super::side::Side;
use crate::TableError;

/// Rows that are read together, and bytes in memory after which no more are read. A single row may be of any size.
const ROWS_AT_ONCE: usize = 10;
const BYTES_MAX: usize = 32 << 20;

/// The rows that are shown, by their addresses.
#[derive(Default)]
pub(super) struct Picked {
    pub(super) inserted: Vec<u64>,
    pub(super) updated: Vec<(u64, u64)>,
    pub(super) deleted: Vec<u64>,
}

impl Picked {
    /// The first rows of each kind, in the order in which they are stored.
    pub(super) fn of(
        changed: &Changed,
        before: &[RowRead],
        after: &[RowRead],
        rows: usize,
    ) -> Self {
        let first = |indices: &[usize], read: &[RowRead]| {
            let mut addresses: Vec<u64> =
                indices.iter().map(|index| read[*index].address).collect();
            addresses.sort_unstable();
            addresses.truncate(rows);
            addresses
        };
        let updated = changed.updated.iter();
        let mut updated: Vec<(u64, u64)> = updated
            .map(|(one, other)| (before[*one].address, after[*other].address))
            .collect();
        updated.sort_unstable_by_key(|(_, after)| *after);
        updated.truncate(rows);
        Self {
            inserted: first(&changed.inserted, after),
            updated,
            deleted: first(&changed.deleted, before),
        }
    }
}

/// Rows that were read, found by their addresses.
#[derive(Default)]
struct Rows {
    batches: Vec<RecordBatch>,
    place: HashMap<u64, (usize, usize)>,
    bytes: usize,
    is_cut_short: bool,
}

impl Rows {
    async fn of(
        side: Option<&Side>,
        addresses: Vec<u64>,
        names: &[&str],
    ) -> Result<Self, TableError> {
        let mut rows = Self::default();
        let Some(side) = side else { return Ok(rows) };
        let schema = side.dataset.schema();
        let there = names.iter().filter(|name| schema.field(name).is_some());
        let names: Vec<&str> = there.copied().collect();
        for addresses in addresses.chunks(ROWS_AT_ONCE) {
            if rows.bytes > BYTES_MAX {
                rows.is_cut_short = true;
                break;
            }
            let batch = taken(side, addresses, &names).await?;
            let found = batch.column_by_name(ROW_ADDR);
            let found = found.and_then(|column| column.as_primitive_opt::<UInt64Type>());
            let number = rows.batches.len();
            for (index, address) in found
                .iter()
                .flat_map(|found| found.values().iter())
                .enumerate()
            {
                rows.place.insert(*address, (number, index));
            }
            rows.bytes += batch.get_array_memory_size();
            rows.batches.push(batch);
        }
        Ok(rows)
    }

    fn value(&self, address: u64, name: &str) -> Option<(&ArrayRef, usize)> {
        let (batch, row) = self.place.get(&address)?;
        Some((self.batches[*batch].column_by_name(name)?, *row))
    }

    fn cells(&self, address: u64, columns: &[&Column]) -> Option<Vec<Cell>> {
        self.place.get(&address)?;
        let cells = columns
            .iter()
            .map(|column| match self.value(address, &column.name) {
                Some((array, row)) => cell(array, row, column),
                None => Cell::NoColumn,
            });
        Some(cells.collect())
    }
}

/// Reads the rows that were picked. With more columns than are shown, the key comes first, then columns that change.
pub(super) async fn sampled(
    [before, after]: [Option<&Side>; 2],
    columns: &Columns,
    picked: &Picked,
) -> Result<RowSample, TableError> {
    let names: Vec<&str> = columns
        .all
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let compared: Vec<&str> = columns.compared.iter().map(String::as_str).collect();
    let updated_before: Vec<u64> = sorted(picked.updated.iter().map(|(before, _)| *before));
    let updated_after: Vec<u64> = sorted(picked.updated.iter().map(|(_, after)| *after));
    // Which columns are shown is known once those that differ are known.
    let (old, new) = futures::try_join!(
        Rows::of(before, updated_before.clone(), &compared),
        Rows::of(after, updated_after.clone(), &compared)
    )?;
    let differing = |name: &str| -> Vec<Option<bool>> {
        let pairs = picked.updated.iter();
        pairs
            .map(|(before, after)| differs(old.value(*before, name)?, new.value(*after, name)?))
            .collect()
    };
    let by_name: HashMap<&str, Vec<Option<bool>>> = compared
        .iter()
        .map(|name| (*name, differing(name)))
        .collect();
    let changes = |name: &str| {
        let differing = by_name.get(name);
        differing.is_some_and(|differing| differing.contains(&Some(true)))
    };
    let rank = |column: &&Column| {
        let is_key = columns
            .key
            .as_ref()
            .is_some_and(|key| key.contains(&column.name));
        (!is_key, !changes(&column.name))
    };
    let mut ranked: Vec<&Column> = columns.all.iter().collect();
    if ranked.len() > SAMPLE_COLUMNS_MAX {
        ranked.sort_by_key(rank);
        ranked.truncate(SAMPLE_COLUMNS_MAX);
    }
    let is_shown = |name: &&str| ranked.iter().any(|column| column.name == *name);
    let shown: Vec<&str> = names.iter().copied().filter(is_shown).collect();
    let of_columns: Vec<&Column> = columns
        .all
        .iter()
        .filter(|column| shown.contains(&column.name.as_str()))
        .collect();
    let (inserted, deleted, old, new) = futures::try_join!(
        Rows::of(after, picked.inserted.clone(), &shown),
        Rows::of(before, picked.deleted.clone(), &shown),
        Rows::of(before, updated_before, &shown),
        Rows::of(after, updated_after, &shown)
    )?;
    let cells = |rows: &Rows, addresses: &[u64]| -> Vec<Vec<Cell>> {
        let found = addresses.iter();
        found
            .filter_map(|address| rows.cells(*address, &of_columns))
            .collect()
    };
    let updated = picked.updated.iter().enumerate();
    let updated = updated.filter_map(|(index, (before, after))| {
        let changed = of_columns.iter().map(|column| {
            let of_column = by_name.get(column.name.as_str())?;
            of_column.get(index).copied().flatten()
        });
        Some(UpdatedRow {
            before: old.cells(*before, &of_columns)?,
            after: new.cells(*after, &of_columns)?,
            changed: changed.collect(),
        })
    });
    let is_cut_short = [&inserted, &deleted, &old, &new]
        .iter()
        .any(|rows| rows.is_cut_short);
    Ok(RowSample {
        columns: of_columns
            .iter()
            .map(|column| SampleColumn {
                name: column.name.chars().take(CELL_CHARS_MAX).collect(),
                data_type: type_name(&column.data_type),
            })
            .collect(),
        columns_left_out: columns.all.len() - of_columns.len(),
        inserted: cells(&inserted, &picked.inserted),
        updated: updated.collect(),
        deleted: cells(&deleted, &picked.deleted),
        cut_short: is_cut_short.then(|| {
            format!(
                "the rows are large: no more were read after {} MiB",
                BYTES_MAX >> 20
            )
        }),
    })
}

fn sorted(addresses: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut addresses: Vec<u64> = addresses.collect();
    addresses.sort_unstable();
    addresses
}

/// Whether two values differ, as they were compared before; `None` if they are not of one type.
fn differs(before: (&ArrayRef, usize), after: (&ArrayRef, usize)) -> Option<bool> {
    let fields = vec![SortField::new(before.0.data_type().clone())];
    let converter = RowConverter::new(fields).ok()?;
    let encoded =
        |(array, row): (&ArrayRef, usize)| converter.convert_columns(&[array.slice(row, 1)]).ok();
    let (before, after) = (encoded(before)?, encoded(after)?);
    Some(before.row(0) != after.row(0))
}

fn cell(array: &ArrayRef, row: usize, column: &Column) -> Cell {
    if array.data_type() == &DataType::Null || array.is_null(row) {
        return Cell::Null;
    }
    if column.is_blob {
        return Cell::Summary {
            text: blob(array, row),
        };
    }
    let bytes = |length: usize| Cell::Summary {
        text: match length {
            1 => "1 byte".to_owned(),
            length => format!("{length} bytes"),
        },
    };
    match array.data_type() {
        DataType::FixedSizeList(item, length) => Cell::Summary {
            text: format!("{length} × {}", type_name(item.data_type())),
        },
        DataType::FixedSizeBinary(length) => bytes(usize::try_from(*length).unwrap_or_default()),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row).len()),
        DataType::LargeBinary => bytes(array.as_binary::<i64>().value(row).len()),
        DataType::BinaryView => bytes(array.as_binary_view().value(row).len()),
        other => text(array, row).unwrap_or_else(|| Cell::Summary {
            text: type_name(other),
        }),
    }
}

/// A blob, of which Lance gives the place and the size instead of the bytes.
fn blob(array: &ArrayRef, row: usize) -> String {
    let described = array.as_struct_opt().and_then(|fields| {
        let size = fields.column_by_name("size")?;
        let size = size.as_primitive_opt::<UInt64Type>()?;
        (!size.is_null(row)).then(|| size.value(row))
    });
    match described {
        Some(size) => format!("blob of {size} bytes"),
        None => "blob".to_owned(),
    }
}

fn text(array: &ArrayRef, row: usize) -> Option<Cell> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options).ok()?;
    let mut beginning = Beginning::default();
    // The only error is that it is full.
    write!(beginning, "{}", formatter.value(row)).ok();
    Some(Cell::Text {
        text: beginning.text,
        is_cut: beginning.is_cut,
    })
}

/// Takes the first characters of what is written to it.
#[derive(Default)]
struct Beginning {
    text: String,
    chars: usize,
    is_cut: bool,
}

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for char in text.chars() {
            if self.chars == CELL_CHARS_MAX {
                self.is_cut = true;
                return Err(std::fmt::Error);
            }
            self.text.push(char);
            self.chars += 1;
        }
        Ok(())
    }
}
