//! Random changes of small tables: the reported changes are those that a comparison of all rows of both versions finds.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use fenced_lance::{LanceRoot, RowBounds, RowsAt};
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::optimize::{CompactionOptions, compact_files};
use lance::dataset::{MergeInsertBuilder, WhenMatched, WhenNotMatched, WriteMode, WriteParams};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sidecar::rows_report::{MatchedBy, RowChanges, UpdatedRows};
use std::sync::Arc;

use super::{array, batch};
use crate::support::{Store, place};

const CASES: u32 = 24;
const TABLE: &str = "node:Thing";

#[derive(Clone, Debug)]
enum Change {
    Append(Vec<(i64, u8)>),
    Merge(Vec<(i64, u8)>),
    Delete(i64),
    Overwrite(Vec<(i64, u8)>),
    /// The first version comes back.
    Restore,
    Compact,
}

fn some_rows() -> impl Strategy<Value = Vec<(i64, u8)>> {
    let rows = proptest::collection::btree_map(0..12i64, 0..3u8, 1..6);
    rows.prop_map(|rows| rows.into_iter().collect())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => some_rows().prop_map(Change::Append),
        4 => some_rows().prop_map(Change::Merge),
        3 => (0..4i64).prop_map(Change::Delete),
        1 => some_rows().prop_map(Change::Overwrite),
        1 => Just(Change::Restore),
        1 => Just(Change::Compact),
    ]
}

fn values(key: &'static str, rows: &[(i64, u8)]) -> RecordBatch {
    let texts = rows.iter().map(|(_, value)| format!("v{value}"));
    batch([
        (
            key,
            array(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        ),
        ("text", array(StringArray::from_iter_values(texts))),
    ])
}

async fn write(uri: &str, rows: RecordBatch, mode: WriteMode, stable_row_ids: bool) {
    let params = WriteParams {
        mode,
        enable_stable_row_ids: stable_row_ids,
        ..WriteParams::default()
    };
    let schema = rows.schema();
    let rows = RecordBatchIterator::new([Ok(rows)], schema);
    Dataset::write(rows, uri, Some(params)).await.unwrap();
}

async fn apply(uri: &str, key: &'static str, change: &Change, stable_row_ids: bool) {
    let mut dataset = Dataset::open(uri).await.unwrap();
    match change {
        Change::Append(rows) => {
            // Above all others, so that the key stays one.
            let at = i64::try_from(dataset.version_id()).unwrap() * 100;
            let rows: Vec<_> = rows.iter().map(|(id, value)| (id + at, *value)).collect();
            write(uri, values(key, &rows), WriteMode::Append, stable_row_ids).await;
        }
        Change::Merge(rows) => {
            let mut merge =
                MergeInsertBuilder::try_new(Arc::new(dataset), vec![key.to_owned()]).unwrap();
            merge
                .when_matched(WhenMatched::UpdateAll)
                .when_not_matched(WhenNotMatched::InsertAll);
            let job = merge.try_build().unwrap();
            let rows = values(key, rows);
            let schema = rows.schema();
            job.execute_reader(RecordBatchIterator::new([Ok(rows)], schema))
                .await
                .unwrap();
        }
        Change::Delete(rest) => {
            dataset
                .delete(&format!("{key} % 4 = {rest}"))
                .await
                .unwrap();
        }
        Change::Overwrite(rows) => {
            write(uri, values(key, rows), WriteMode::Overwrite, stable_row_ids).await;
        }
        Change::Restore => {
            let mut first = dataset.checkout_version(1).await.unwrap();
            first.restore().await.unwrap();
        }
        Change::Compact => {
            compact_files(&mut dataset, CompactionOptions::default(), None)
                .await
                .unwrap();
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Whole {
    key: i64,
    text: String,
    row_id: u64,
}

async fn all_rows(uri: &str, key: &str, version: u64) -> Vec<Whole> {
    let dataset = Dataset::open(uri).await.unwrap();
    let dataset = dataset.checkout_version(version).await.unwrap();
    let mut scanner = dataset.scan();
    scanner.with_row_id();
    let batches: Vec<RecordBatch> = scanner
        .try_into_stream()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let mut rows = Vec::new();
    for batch in batches {
        let keys = batch[key].as_primitive::<Int64Type>();
        let texts = batch["text"].as_string::<i32>();
        let ids = batch["_rowid"].as_primitive::<UInt64Type>();
        rows.extend((0..batch.num_rows()).map(|row| Whole {
            key: keys.value(row),
            text: texts.value(row).to_owned(),
            row_id: ids.value(row),
        }));
    }
    rows
}

/// Inserted, updated and deleted rows, each row known again by `identity`.
fn by_identity<K: Ord>(
    before: &[Whole],
    after: &[Whole],
    identity: impl Fn(&Whole) -> K,
) -> (u64, u64, u64) {
    let old: BTreeMap<K, &Whole> = before.iter().map(|row| (identity(row), row)).collect();
    let new: BTreeMap<K, &Whole> = after.iter().map(|row| (identity(row), row)).collect();
    let value = |row: &Whole| (row.key, row.text.clone());
    let inserted = new.keys().filter(|key| !old.contains_key(key)).count();
    let deleted = old.keys().filter(|key| !new.contains_key(key)).count();
    let both = new
        .iter()
        .filter_map(|(key, row)| Some((old.get(key)?, row)));
    let updated = both.filter(|(old, new)| value(old) != value(new)).count();
    (inserted as u64, updated as u64, deleted as u64)
}

/// Rows that are new and gone, by their values alone.
fn by_values(before: &[Whole], after: &[Whole]) -> (u64, u64) {
    let mut left: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for row in before {
        *left.entry((row.key, &row.text)).or_default() -= 1;
    }
    for row in after {
        *left.entry((row.key, &row.text)).or_default() += 1;
    }
    let new: i64 = left.values().filter(|count| **count > 0).sum();
    let gone: i64 = left.values().filter(|count| **count < 0).sum();
    (new.unsigned_abs(), gone.unsigned_abs())
}

/// How often each way to match rows was met.
type Met = BTreeMap<&'static str, u64>;

async fn compare(
    lance: &LanceRoot,
    uri: &str,
    key: &'static str,
    [before, after]: [u64; 2],
    met: &mut Met,
) {
    let at = |version| RowsAt {
        location: place(TABLE),
        version,
    };
    let bounds = RowBounds {
        sample_rows: 50,
        ..RowBounds::DEFAULT
    };
    let found = lance
        .row_changes(Some(&at(before)), Some(&at(after)), &bounds)
        .await
        .unwrap();
    let old = all_rows(uri, key, before).await;
    let new = all_rows(uri, key, after).await;
    let said = format!("{before} to {after}: {found:?}\nbefore {old:?}\nafter {new:?}");
    match &found {
        RowChanges::Same => {
            assert_eq!(by_values(&old, &new), (0, 0), "{said}");
            *met.entry("same").or_default() += 1;
        }
        RowChanges::Rows(rows) => {
            let UpdatedRows::Exactly { rows: updated } = rows.updated else {
                panic!("{said}")
            };
            let numbers = (rows.inserted, updated, rows.deleted);
            let expected = match &rows.matched_by {
                MatchedBy::Key { columns } => {
                    assert_eq!(columns, &[key], "{said}");
                    *met.entry("key").or_default() += 1;
                    by_identity(&old, &new, |row| row.key)
                }
                MatchedBy::RowId => {
                    *met.entry("row id").or_default() += 1;
                    by_identity(&old, &new, |row| row.row_id)
                }
                MatchedBy::Place => {
                    *met.entry("place").or_default() += 1;
                    let (inserted, deleted) = by_values(&old, &new);
                    (inserted, 0, deleted)
                }
            };
            assert_eq!(numbers, expected, "{said}");
            let sample = rows.sample.as_ref().unwrap();
            assert_eq!(sample.inserted.len() as u64, rows.inserted, "{said}");
            assert_eq!(sample.updated.len() as u64, updated, "{said}");
            assert_eq!(sample.deleted.len() as u64, rows.deleted, "{said}");
            for row in &sample.updated {
                for (index, changed) in row.changed.iter().enumerate() {
                    let differs = row.before[index] != row.after[index];
                    assert_eq!(*changed, Some(differs), "{said}");
                }
            }
        }
        RowChanges::Unmatched(rows) => {
            *met.entry("unmatched").or_default() += 1;
            assert_eq!((rows.new, rows.gone), by_values(&old, &new), "{said}");
        }
        RowChanges::NotKnown { .. } => panic!("{said}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_changes_between_any_two_versions_are_those_of_all_their_rows() {
    let seed: [u8; 32] = *b"rows of two versions are compare";
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let strategy = (
        some_rows(),
        proptest::collection::vec(change(), 2..6),
        any::<bool>(),
        any::<bool>(),
    );
    let mut met = Met::new();
    for _ in 0..CASES {
        let tree = strategy.new_tree(&mut runner).unwrap();
        let (first, changes, stable_row_ids, has_key) = tree.current();
        let key = if has_key { "id" } else { "number" };
        let store = Store::empty();
        let uri = store.path().join(place(TABLE).path);
        let uri = uri.to_str().unwrap();
        write(uri, values(key, &first), WriteMode::Create, stable_row_ids).await;
        for change in &changes {
            apply(uri, key, change, stable_row_ids).await;
        }
        let head = Dataset::open(uri).await.unwrap().version_id();
        let lance = store.lance().await;
        for before in 1..=head {
            for after in [head, before + 1, before.saturating_sub(1)] {
                if (1..=head).contains(&after) && after != before {
                    compare(&lance, uri, key, [before, after], &mut met).await;
                }
            }
        }
    }
    for way in ["same", "key", "row id", "place", "unmatched"] {
        assert!(met.contains_key(way), "{met:?}");
    }
}
