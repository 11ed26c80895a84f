//! The columns of a catalog, and the kinds of its rows.

use arrow_array::{Array, RecordBatch, StringArray, UInt64Array};

pub(crate) const TYPE_TABLE: &str = "table";
pub(crate) const TYPE_TABLE_VERSION: &str = "table_version";
pub(crate) const TYPE_TOMBSTONE: &str = "table_tombstone";
pub(crate) const TYPE_GRAPH_COMMIT: &str = "graph_commit";
pub(crate) const TYPE_GRAPH_HEAD: &str = "graph_head";

pub(crate) fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    column(batch, name)
}

pub(crate) fn number<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt64Array, String> {
    column(batch, name)
}

fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T, String> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref())
        .ok_or_else(|| format!("its column {name} is missing or of another type"))
}

pub(crate) fn text_at(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

pub(crate) fn number_at(column: &UInt64Array, row: usize) -> Option<u64> {
    column.is_valid(row).then(|| column.value(row))
}
