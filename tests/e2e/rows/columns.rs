//! Tables with other columns than those of our samples: no key, no stable row ids, hostile values, vectors and bytes.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, FixedSizeListBuilder, Float32Builder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use fenced_lance::{CatalogTable, CreateOutcome, RowBounds, TableWrite};
use lance::Dataset;
use lance::dataset::WriteParams;
use sidecar::OperationId;
use sidecar::rows_report::{
    CELL_CHARS_MAX, Cell, MatchedBy, RowChanges, SAMPLE_COLUMNS_MAX, UpdatedRows, WhyNotKnown,
};

use super::{array, batch, bounded, by_id, matched, merge, numbers_of, sampling, table, text};
use crate::support::{Store, done, place};

const TABLE: &str = "node:Thing";

/// A store with one table of these rows, visible at version 1.
pub(super) async fn published(rows: RecordBatch, stable_row_ids: bool) -> Store {
    let store = Store::empty();
    let location = place(TABLE);
    let uri = store.path().join(&location.path);
    let params = WriteParams {
        enable_stable_row_ids: stable_row_ids,
        ..WriteParams::default()
    };
    let schema = rows.schema();
    let rows = RecordBatchIterator::new([Ok(rows)], schema);
    Dataset::write(rows, uri.to_str().unwrap(), Some(params))
        .await
        .unwrap();
    let tables = [CatalogTable {
        table_key: TABLE.to_owned(),
        location: location.path,
        version: 1,
        table_branch: None,
    }];
    let created = store.lance().await.create_catalog(&tables).await.unwrap();
    assert_eq!(created, CreateOutcome::Created { version: 1 });
    store
}

async fn crashed(store: &Store, write: TableWrite) -> OperationId {
    let mut prepared = store.begin(&[TABLE]).await;
    done(prepared.commit(TABLE, write).await.unwrap());
    prepared.stop()
}

fn pairs(key: &'static str, rows: &[(i64, &str)]) -> RecordBatch {
    batch([
        (
            key,
            array(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        ),
        (
            "text",
            array(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
        ),
    ])
}

const THREE: [(i64, &str); 3] = [(1, "a"), (2, "b"), (3, "c")];

#[tokio::test(flavor = "multi_thread")]
async fn without_row_ids_and_key_appends_and_deletes_are_known_and_updates_are_not() {
    for (write, expected) in [
        (
            TableWrite::append(vec![pairs("number", &[(9, "z")])]),
            (1, 0, 0),
        ),
        (TableWrite::delete("number = 2"), (0, 0, 1)),
        // Written anew as it was.
        (
            TableWrite::overwrite(vec![pairs("number", &THREE)]),
            (0, 0, 0),
        ),
    ] {
        let store = published(pairs("number", &THREE), false).await;
        let operation = crashed(&store, write).await;
        let report = store.open().await.rows(&operation, sampling()).await;
        let table = table(&report, TABLE);
        assert_eq!(numbers_of(&table.readers), expected, "{table:?}");
    }
    let store = published(pairs("number", &THREE), false).await;
    let write = merge("number", pairs("number", &[(2, "another"), (4, "d")]));
    let operation = crashed(&store, write).await;
    let report = store.open().await.rows(&operation, sampling()).await;
    let RowChanges::Unmatched(rows) = &table(&report, TABLE).readers else {
        panic!("{report:?}")
    };
    assert_eq!((rows.new, rows.gone), (2, 1));
    assert_eq!(rows.why, WhyNotKnown::NoRowIdentity);
    let sample = rows.sample.as_ref().unwrap();
    assert_eq!(sample.deleted, [[text("2"), text("b")]]);
    assert_eq!(sample.inserted.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_stable_row_ids_tell_which_row_is_which() {
    let store = published(pairs("number", &THREE), true).await;
    let write = merge(
        "number",
        pairs("number", &[(2, "another"), (3, "c"), (4, "d")]),
    );
    let operation = crashed(&store, write).await;
    let report = store.open().await.rows(&operation, sampling()).await;
    let readers = &table(&report, TABLE).readers;
    assert_eq!(numbers_of(readers), (1, 1, 0));
    assert_eq!(matched(readers).matched_by, MatchedBy::RowId);
    let updated = &matched(readers).sample.as_ref().unwrap().updated[0];
    assert_eq!(updated.changed, [Some(false), Some(true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_called_id_that_names_two_rows_is_no_key() {
    let twice = [(1, "a"), (1, "b"), (2, "c")];
    let store = published(pairs("id", &twice), false).await;
    let other = [(1, "a"), (1, "x"), (2, "y")];
    let operation = crashed(&store, TableWrite::overwrite(vec![pairs("id", &other)])).await;
    let report = store.open().await.rows(&operation, sampling()).await;
    let RowChanges::Unmatched(rows) = &table(&report, TABLE).readers else {
        panic!("{report:?}")
    };
    assert_eq!((rows.new, rows.gone), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_are_cut_and_told_as_they_are() {
    let huge = "x".repeat(3 << 20);
    let bad = "a\u{202e}b\u{1b}[2J\0\n\u{9b}c";
    let store = published(pairs("id", &[(1, "fine")]), true).await;
    let operation = crashed(
        &store,
        TableWrite::append(vec![pairs("id", &[(2, bad), (3, &huge)])]),
    )
    .await;
    let report = store.open().await.rows(&operation, sampling()).await;
    let sample = matched(&table(&report, TABLE).readers)
        .sample
        .as_ref()
        .unwrap();
    assert_eq!(sample.inserted[0][1], text(bad));
    assert_eq!(
        sample.inserted[1][1],
        Cell::Text {
            text: "x".repeat(CELL_CHARS_MAX),
            is_cut: true
        }
    );
    assert!(serde_json::to_string(&report).unwrap().len() < 10_000);
}

fn vectors(rows: &[(i64, f32)]) -> RecordBatch {
    const LENGTH: i32 = 32;
    let mut lists = FixedSizeListBuilder::new(Float32Builder::new(), LENGTH);
    let mut bytes = BinaryBuilder::new();
    for (_, value) in rows {
        lists.values().append_slice(&[*value; LENGTH as usize]);
        lists.append(true);
        bytes.append_value([7; 5]);
    }
    batch([
        (
            "id",
            array(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        ),
        ("embedding", array(lists.finish())),
        ("bytes", array(bytes.finish())),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_and_bytes_are_compared_within_bounds_and_shown_by_their_lengths() {
    let store = published(vectors(&[(1, 0.5), (2, 0.5), (3, 0.5)]), true).await;
    let write = merge("id", vectors(&[(2, 0.25), (3, 0.5)]));
    let operation = crashed(&store, write).await;
    let opened = store.open().await;
    let report = opened.rows(&operation, sampling()).await;
    let readers = &table(&report, TABLE).readers;
    assert_eq!(numbers_of(readers), (0, 1, 0));
    let updated = &matched(readers).sample.as_ref().unwrap().updated[0];
    assert_eq!(updated.changed, [Some(false), Some(true), Some(false)]);
    let summary = |text: &str| Cell::Summary {
        text: text.to_owned(),
    };
    assert_eq!(
        updated.after[1..],
        [summary("32 × Float32"), summary("5 bytes")]
    );

    let bounds = RowBounds {
        vector_bytes_max: 100,
        sample_rows: 5,
        ..RowBounds::DEFAULT
    };
    let report = opened.rows(&operation, bounded(bounds)).await;
    let rows = matched(&table(&report, TABLE).readers);
    assert_eq!(
        rows.updated,
        UpdatedRows::Between {
            at_least: 0,
            at_most: 2,
            not_compared: vec!["embedding".to_owned()]
        }
    );
    assert!(
        table(&report, TABLE)
            .sentence
            .contains("0 to 2 rows updated (not compared: embedding)")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_come_go_or_change_their_type_are_named() {
    let store = published(pairs("id", &THREE), true).await;
    let ids = || array(Int64Array::from_iter_values(THREE.map(|row| row.0)));
    let other = batch([
        ("id", ids()),
        ("text", ids()),
        (
            "more",
            array(StringArray::from_iter_values(THREE.map(|row| row.1))),
        ),
    ]);
    let operation = crashed(&store, TableWrite::overwrite(vec![other])).await;
    let report = store.open().await.rows(&operation, sampling()).await;
    let rows = matched(&table(&report, TABLE).readers);
    assert_eq!(numbers_of(&table(&report, TABLE).readers), (0, 0, 0));
    assert_eq!(rows.matched_by, by_id());
    assert_eq!(rows.columns.added, ["more"]);
    assert_eq!(rows.columns.retyped, ["text"]);
    assert!(table(&report, TABLE).changes_for_readers());
    assert_eq!(
        table(&report, TABLE).sentence,
        "Readers go from 3 rows to 3 rows: column added: more, column of another type: text."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_wide_table_the_key_and_the_columns_that_change_are_shown() {
    let wide = |changed: i64| {
        let names: Vec<String> = (0..40).map(|number| format!("c{number:02}")).collect();
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for name in &names {
            let value = if name == "c35" { changed } else { 1 };
            columns.push((name, Arc::new(Int64Array::from(vec![value]))));
        }
        columns.push(("id", Arc::new(Int64Array::from(vec![7]))));
        batch(columns)
    };
    let store = published(wide(1), true).await;
    let operation = crashed(&store, merge("id", wide(2))).await;
    let report = store.open().await.rows(&operation, sampling()).await;
    let rows = matched(&table(&report, TABLE).readers);
    let sample = rows.sample.as_ref().unwrap();
    assert_eq!(sample.columns.len(), SAMPLE_COLUMNS_MAX);
    assert_eq!(sample.columns_left_out, 41 - SAMPLE_COLUMNS_MAX);
    let of = |name: &str| sample.columns.iter().position(|column| column.name == name);
    assert!(of("id").is_some());
    let changed = of("c35").expect("the column that changes");
    assert_eq!(sample.updated[0].changed[changed], Some(true));
    assert_eq!(sample.updated[0].after[changed], text("2"));
}
