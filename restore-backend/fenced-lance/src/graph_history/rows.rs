//! The columns of the history: read back, and written as the tables have them.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMicrosecondType, UInt64Type};
use arrow_array::{
    Array, ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
    new_null_array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use lance_core::datatypes::Schema as LanceSchema;
use sidecar::Branch;
use sidecar::GraphCommit;

use super::request::{HistoryRequest, HistoryRow};

/// The column by which the three tables belong together.
pub(super) const COMMIT_ID: &str = "graph_commit_id";
const MANIFEST_VERSION: &str = "manifest_version";
const CREATED_AT: &str = "created_at";

/// The columns that tell the order of graph commits.
pub(super) const COMMIT_COLUMNS: [&str; 3] = [COMMIT_ID, MANIFEST_VERSION, CREATED_AT];

const MANIFEST_BRANCH: &str = "manifest_branch";
const PARENT: &str = "parent_commit_id";
const MERGED_PARENT: &str = "merged_parent_commit_id";

/// The columns that a graph commit is read from.
pub(super) const GRAPH_COMMIT_COLUMNS: [&str; 6] = [
    COMMIT_ID,
    MANIFEST_BRANCH,
    MANIFEST_VERSION,
    PARENT,
    MERGED_PARENT,
    CREATED_AT,
];

/// The graph commits that matter in the history of a branch.
pub(super) struct History {
    /// The graph commit of this recovery, if it is there.
    pub(super) own: Option<String>,
    /// The latest graph commit.
    pub(super) head: Option<String>,
}

/// The latest is the one with the highest version, time and id, in this order (PROTOCOL.md, section 6.2).
///
/// A row that an earlier build wrote names the operation alone. It is this recovery's if it stands for the very version of the
/// catalog that this one published: no other attempt published that.
pub(super) fn history(
    batches: &[RecordBatch],
    request: &HistoryRequest,
) -> Result<History, String> {
    let own = &request.commit;
    let mut latest: Option<(u64, i64, String)> = None;
    let mut found = None;
    for batch in batches {
        let ids = texts(batch, COMMIT_ID)?;
        let (versions, times) = (versions(batch)?, times(batch)?);
        for row in 0..batch.num_rows() {
            let id = ids.value(row);
            let is_published = Some(versions.value(row)) == request.published;
            if own.is_same_recovery(id) || (own.is_same_operation(id) && is_published) {
                if request.published.is_some() && !is_published {
                    return Err(format!(
                        "graph commit {id} is of this recovery, and stands for version {} of the catalog, which it did not publish",
                        versions.value(row)
                    ));
                }
                found = Some(id.to_owned());
            }
            let key = (versions.value(row), times.value(row), id.to_owned());
            if latest.as_ref().is_none_or(|latest| *latest < key) {
                latest = Some(key);
            }
        }
    }
    Ok(History {
        own: found,
        head: latest.map(|(_, _, id)| id),
    })
}

/// Every graph commit in these rows.
pub(super) fn graph_commits(batches: &[RecordBatch]) -> Result<Vec<GraphCommit>, String> {
    let mut commits = Vec::new();
    for batch in batches {
        let ids = texts(batch, COMMIT_ID)?;
        let branches = texts(batch, MANIFEST_BRANCH)?;
        let (parents, merged) = (texts(batch, PARENT)?, texts(batch, MERGED_PARENT)?);
        let (versions, times) = (versions(batch)?, times(batch)?);
        let text = |column: &StringArray, row| {
            (!column.is_null(row) && !column.value(row).is_empty())
                .then(|| column.value(row).to_owned())
        };
        commits.extend((0..batch.num_rows()).map(|row| GraphCommit {
            id: ids.value(row).to_owned(),
            manifest_branch: Branch::of(text(branches, row).as_deref()).owned(),
            manifest_version: versions.value(row),
            parent: text(parents, row),
            actor: None,
            merged_parent: text(merged, row),
            created_at: times.value(row),
        }));
    }
    Ok(commits)
}

/// The columns that tell one row about a graph commit from another.
pub(super) const fn columns(row: &HistoryRow) -> &'static [&'static str] {
    match row {
        HistoryRow::Commit { .. } => &COMMIT_COLUMNS,
        HistoryRow::Actor { .. } => &[COMMIT_ID, "actor_id"],
        HistoryRow::Recovery { .. } => &[
            COMMIT_ID,
            "recovery_kind",
            "operation_id",
            "sidecar_writer_kind",
            "per_table_outcomes_json",
        ],
    }
}

/// Whether the row about this graph commit is there.
///
/// # Errors
/// There is one, and it says something else.
pub(super) fn is_written(
    batches: &[RecordBatch],
    commit: &str,
    row: &HistoryRow,
) -> Result<bool, String> {
    let says: Vec<(&str, &str)> = match row {
        HistoryRow::Commit { .. } => Vec::new(),
        HistoryRow::Actor { actor } => vec![("actor_id", actor)],
        HistoryRow::Recovery {
            kind,
            operation_id,
            writer_kind,
            outcomes_json,
            ..
        } => vec![
            ("recovery_kind", kind),
            ("operation_id", operation_id),
            ("sidecar_writer_kind", writer_kind),
            ("per_table_outcomes_json", outcomes_json),
        ],
    };
    for batch in batches {
        let ids = texts(batch, COMMIT_ID)?;
        if let Some(index) = (0..ids.len()).find(|index| ids.value(*index) == commit) {
            for (name, value) in &says {
                let found = texts(batch, name)?.value(index);
                if found != *value {
                    return Err(format!(
                        "the row about graph commit {commit} says {found:?} in {name}, and this recovery {value:?}"
                    ));
                }
            }
            return Ok(true);
        }
    }
    Ok(false)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, String> {
    batch
        .column_by_name(name)
        .ok_or_else(|| format!("there is no column {name}"))
}

fn versions(batch: &RecordBatch) -> Result<&UInt64Array, String> {
    column(batch, MANIFEST_VERSION)?
        .as_primitive_opt::<UInt64Type>()
        .ok_or_else(|| "its versions are not numbers".to_owned())
}

fn times(batch: &RecordBatch) -> Result<&TimestampMicrosecondArray, String> {
    column(batch, CREATED_AT)?
        .as_primitive_opt::<TimestampMicrosecondType>()
        .ok_or_else(|| "its times are not in microseconds".to_owned())
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    column(batch, name)?
        .as_string_opt::<i32>()
        .ok_or_else(|| format!("the column {name} is no text"))
}

/// One value of a row.
enum Value {
    Text(Option<String>),
    Number(u64),
    Time(u64),
}

fn text(value: &str) -> Value {
    Value::Text(Some(value.to_owned()))
}

/// Why a table's columns cannot take a row, if so: a column is missing or has another type, or an unknown one refuses null.
/// Placeholders stand for values that are not known yet.
pub(super) fn obstacle(schema: &LanceSchema, request: &HistoryRequest) -> Option<String> {
    let row = match &request.row {
        HistoryRow::Commit { .. } => commit(schema, request, Some(request.commit.as_str().into())),
        HistoryRow::Actor { .. } | HistoryRow::Recovery { .. } => {
            about_commit(schema, request, request.commit.as_str())
        }
    };
    row.err()
}

pub(super) fn commit(
    schema: &LanceSchema,
    request: &HistoryRequest,
    parent: Option<String>,
) -> Result<RecordBatch, String> {
    let HistoryRow::Commit {
        manifest_branch,
        manifest_version,
        merged_parent,
    } = &request.row
    else {
        return Err("it is not a graph commit".to_owned());
    };
    let values = vec![
        (COMMIT_ID, text(request.commit.as_str())),
        ("manifest_branch", Value::Text(manifest_branch.clone())),
        (MANIFEST_VERSION, Value::Number(*manifest_version)),
        ("parent_commit_id", Value::Text(parent)),
        (
            "merged_parent_commit_id",
            Value::Text(merged_parent.clone()),
        ),
        (CREATED_AT, Value::Time(request.created_at_micros)),
    ];
    batch(schema, values)
}

pub(super) fn about_commit(
    schema: &LanceSchema,
    request: &HistoryRequest,
    commit: &str,
) -> Result<RecordBatch, String> {
    let mut values = vec![
        (COMMIT_ID, text(commit)),
        (CREATED_AT, Value::Time(request.created_at_micros)),
    ];
    match &request.row {
        HistoryRow::Commit { .. } => return Err("it is a graph commit itself".to_owned()),
        HistoryRow::Actor { actor } => values.push(("actor_id", text(actor))),
        HistoryRow::Recovery {
            kind,
            for_actor,
            operation_id,
            writer_kind,
            outcomes_json,
        } => values.extend([
            ("recovery_kind", text(kind)),
            ("recovery_for_actor", Value::Text(for_actor.clone())),
            ("operation_id", text(operation_id)),
            ("sidecar_writer_kind", text(writer_kind)),
            ("per_table_outcomes_json", text(outcomes_json)),
        ]),
    }
    batch(schema, values)
}

/// One row in the columns the table has. Each value needs its column, unless it is null text; any other column must take null.
fn batch(schema: &LanceSchema, mut values: Vec<(&str, Value)>) -> Result<RecordBatch, String> {
    let schema = Arc::new(Schema::from(schema));
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let place = values.iter().position(|(name, _)| name == field.name());
        let column = match place.map(|place| values.swap_remove(place).1) {
            Some(Value::Text(value)) => Arc::new(StringArray::from(vec![value])) as ArrayRef,
            Some(Value::Number(value)) => Arc::new(UInt64Array::from(vec![value])),
            Some(Value::Time(micros)) => {
                let micros = i64::try_from(micros).unwrap_or(i64::MAX);
                Arc::new(TimestampMicrosecondArray::from(vec![micros]))
            }
            None if field.is_nullable() => new_null_array(field.data_type(), 1),
            None => return Err(format!("its column {} is not known", field.name())),
        };
        columns.push(column);
    }
    match values
        .iter()
        .find(|(_, value)| !matches!(value, Value::Text(None)))
    {
        Some((name, _)) => Err(format!("there is no column {name}")),
        None => RecordBatch::try_new(schema, columns).map_err(|error| error.to_string()),
    }
}

/// The columns of a table that does not exist yet, as released engines make it. Source: omnigraph v0.7.0.
pub(super) fn schema(row: &HistoryRow) -> Schema {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let time = Field::new(
        CREATED_AT,
        DataType::Timestamp(TimeUnit::Microsecond, None),
        false,
    );
    let mut fields = vec![text(COMMIT_ID, false)];
    match row {
        HistoryRow::Commit { .. } => fields.extend([
            text("manifest_branch", true),
            Field::new(MANIFEST_VERSION, DataType::UInt64, false),
            text("parent_commit_id", true),
            text("merged_parent_commit_id", true),
        ]),
        HistoryRow::Actor { .. } => fields.push(text("actor_id", false)),
        HistoryRow::Recovery { .. } => fields.extend([
            text("recovery_kind", false),
            text("recovery_for_actor", true),
            text("operation_id", false),
            text("sidecar_writer_kind", false),
            text("per_table_outcomes_json", false),
        ]),
    }
    fields.push(time);
    Schema::new(fields)
}
