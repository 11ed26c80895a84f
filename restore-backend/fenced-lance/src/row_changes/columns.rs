//! The columns that are compared, those that are not, and the key.

use arrow_row::{RowConverter, SortField};
use arrow_schema::{DataType, Schema as ArrowSchema};
use lance_core::datatypes::{Field as LanceField, Schema};
use sidecar::rows_report::{CELL_CHARS_MAX, COLUMNS_NAMED_MAX, ColumnChanges};

use super::side::Side;

/// Columns that name a row in graphs of released engines, and in many other tables.
const USUAL_KEYS: [&str; 2] = ["id", "__id"];

/// The columns of two contents.
pub(super) struct Columns {
    /// In both, of the same type, and of a kind that is compared.
    pub(super) compared: Vec<String>,
    /// In both, and not compared: blobs, kinds that cannot be compared, and vectors that would be too much to read.
    pub(super) not_compared: Vec<String>,
    /// All that either content has, with the type it has there.
    pub(super) all: Vec<Column>,
    /// The columns whose values may name a row.
    pub(super) key: Option<Vec<String>>,
    /// How they differ.
    pub(super) changes: ColumnChanges,
    /// Whether a column has another id, or other parts: then the same file is read as other values.
    pub(super) are_read_otherwise: bool,
}

/// A column that one or both contents have.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: DataType,
    pub(super) is_blob: bool,
}

impl Columns {
    pub(super) fn of(before: Option<&Side>, after: Option<&Side>) -> Self {
        let schemas = [before, after].map(|side| side.map(|side| side.dataset.schema()));
        let mut columns = Self {
            compared: Vec::new(),
            not_compared: Vec::new(),
            all: Vec::new(),
            key: None,
            changes: ColumnChanges::default(),
            are_read_otherwise: false,
        };
        let (one, other) = match schemas {
            [None, None] => return columns,
            [Some(schema), None] | [None, Some(schema)] => {
                columns.all = all_of(schema);
                return columns;
            }
            [Some(before), Some(after)] => (before, after),
        };
        let (before, after) = (all_of(one), all_of(other));
        for column in &after {
            let earlier = before.iter().find(|earlier| earlier.name == column.name);
            match earlier {
                None => columns.changes.added.push(column.name.clone()),
                Some(earlier) if earlier.data_type != column.data_type => {
                    columns.changes.retyped.push(column.name.clone());
                }
                Some(earlier) if earlier.is_blob || column.is_blob || !is_comparable(column) => {
                    columns.not_compared.push(column.name.clone());
                }
                Some(_) => columns.compared.push(column.name.clone()),
            }
        }
        let is_gone = |column: &&Column| !after.iter().any(|later| later.name == column.name);
        let gone = before.iter().filter(is_gone);
        columns.changes.removed = gone.map(|column| column.name.clone()).collect();
        for list in [
            &mut columns.changes.added,
            &mut columns.changes.removed,
            &mut columns.changes.retyped,
        ] {
            list.truncate(COLUMNS_NAMED_MAX);
        }
        columns.are_read_otherwise = one.fields.iter().any(|field| {
            let later = other.fields.iter().find(|later| later.name == field.name);
            later.is_some_and(|later| later != field)
        });
        columns.key = key(one, other, &columns.compared);
        let gone = before
            .into_iter()
            .filter(|column| columns.changes.removed.contains(&column.name));
        columns.all = after.into_iter().chain(gone).collect();
        columns
    }

    /// Leaves columns of vectors out that would be more to read than `bytes_max` in so many rows.
    pub(super) fn leave_out_wide_vectors(&mut self, rows: u64, bytes_max: u64) {
        let is_wide = |name: &String| {
            let column = self.all.iter().find(|column| column.name == *name);
            let width = column.map_or(0, |column| vector_bytes(&column.data_type));
            width.saturating_mul(rows) > bytes_max
        };
        let (wide, compared) = self.compared.drain(..).partition(is_wide);
        self.compared = compared;
        self.not_compared.extend::<Vec<String>>(wide);
    }
}

fn all_of(schema: &Schema) -> Vec<Column> {
    let types = ArrowSchema::from(schema);
    let fields = schema.fields.iter().zip(types.fields.iter());
    fields
        .map(|(field, arrow)| Column {
            name: field.name.clone(),
            data_type: arrow.data_type().clone(),
            is_blob: is_blob(field),
        })
        .collect()
}

fn is_blob(field: &LanceField) -> bool {
    field.is_blob() || field.children.iter().any(is_blob)
}

fn is_comparable(column: &Column) -> bool {
    RowConverter::supports_fields(&[SortField::new(column.data_type.clone())])
}

/// The declared primary key; without one, a column that is usually one. Whether it names every row once is found out when they are read.
fn key(before: &Schema, after: &Schema, compared: &[String]) -> Option<Vec<String>> {
    let declared = |schema: &Schema| -> Vec<String> {
        let fields = schema.unenforced_primary_key();
        fields.iter().map(|field| field.name.clone()).collect()
    };
    let key = declared(after);
    if !key.is_empty() && key == declared(before) && key.iter().all(|name| compared.contains(name))
    {
        return Some(key);
    }
    let mut usual = USUAL_KEYS.iter();
    let found = usual.find(|usual| compared.iter().any(|name| name == *usual));
    found.map(|name| vec![(*name).to_owned()])
}

/// Bytes of a vector; 0 for a value of any other kind.
fn vector_bytes(data_type: &DataType) -> u64 {
    let DataType::FixedSizeList(item, length) = data_type else {
        return 0;
    };
    let width = match item.data_type() {
        DataType::FixedSizeList(..) => vector_bytes(item.data_type()),
        other => other.primitive_width().unwrap_or(1) as u64,
    };
    u64::try_from(*length)
        .unwrap_or_default()
        .saturating_mul(width)
}

/// A type in a few characters.
pub(super) fn type_name(data_type: &DataType) -> String {
    data_type.to_string().chars().take(CELL_CHARS_MAX).collect()
}
