//! Writes of our own two-phase writer, rolled forward, rolled back and undone.

use arrow_array::{StringArray, UInt64Array};
use fenced_lance::{RowBounds, TableWrite};
use restore_backend::service::{self, Answer, RowsAsked, ServiceError};
use root_objects::clock;
use sidecar::rows_report::{MatchedBy, RowChanges, UnpublishedFate, WhyNotKnown};
use sidecar::{Disposition, OperationId, OutcomeKind};

use super::{
    array, batch, bounded, by_id, matched, merge, numbers_of, sampling, table, text, totals,
};
use crate::support::{Opened, Store, done, rows};

const TABLES: [&str; 4] = ["node:Author", "node:Book", "edge:Wrote", "node:Tag"];

/// Rows of a plain table with these names.
fn named(rows: &[(u64, &str)]) -> arrow_array::RecordBatch {
    let ids = rows.iter().map(|(number, _)| format!("row-{number}"));
    let names = rows.iter().map(|(_, name)| *name);
    let values = rows.iter().map(|(number, _)| *number);
    batch([
        ("id", array(StringArray::from_iter_values(ids))),
        ("name", array(StringArray::from_iter_values(names))),
        ("value", array(UInt64Array::from_iter_values(values))),
    ])
}

fn changed() -> TableWrite {
    merge(
        "id",
        named(&[(3, "another name"), (4, "name 4"), (20, "new")]),
    )
}

/// A write over four tables that adds, deletes, merges and replaces, and died after so many of its commits.
async fn written(store: &Store, committed: usize) -> OperationId {
    let mut prepared = store.begin(&TABLES).await;
    let writes = [
        TableWrite::append_rows(&rows(10..13)),
        TableWrite::delete("value < 2"),
        changed(),
        TableWrite::overwrite_rows(&rows(5..12)),
    ];
    for (table_key, write) in TABLES.iter().zip(writes).take(committed) {
        done(prepared.commit(table_key, write).await.unwrap());
    }
    prepared.stop()
}

async fn undo_of(opened: &Opened, operation: &OperationId) -> String {
    let answer = service::undo(&opened.root, operation, clock::now()).await;
    match answer.unwrap() {
        Answer::Done(plan) => plan.operation_id,
        Answer::No(refusal) => panic!("{refusal:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_says_which_rows_readers_will_see() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 4).await;
    let opened = store.open().await;
    let files = store.files();
    opened.log.reset();
    let report = opened.rows(&operation, sampling()).await;
    assert_eq!(opened.log.mutations(), 0);
    assert_eq!(store.files(), files, "not a byte changed");
    assert_eq!(report.disposition, Disposition::RollForward);
    assert_eq!(report.digest, opened.plan(&operation).await.digest);
    assert_eq!(report.explanation, "Readers see changes in 4 tables of 4.");

    let expected = [
        ("node:Author", [10, 13], (3, 0, 0), MatchedBy::Place),
        ("node:Book", [10, 8], (0, 0, 2), MatchedBy::Place),
        ("edge:Wrote", [10, 11], (1, 1, 0), by_id()),
        ("node:Tag", [10, 7], (2, 0, 5), by_id()),
    ];
    for (table_key, rows, numbers, matched_by) in expected {
        let table = table(&report, table_key);
        assert_eq!(totals(table), rows.map(Some), "{table:?}");
        assert_eq!(numbers_of(&table.readers), numbers, "{table:?}");
        assert_eq!(matched(&table.readers).matched_by, matched_by);
        assert_eq!(table.unpublished, None);
    }
    assert_eq!(
        table(&report, "edge:Wrote").sentence,
        "Readers go from 10 rows to 11 rows: 1 row inserted, 1 row updated."
    );

    let sample = matched(&table(&report, "edge:Wrote").readers)
        .sample
        .as_ref()
        .unwrap();
    let names: Vec<&str> = sample
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["id", "name", "value"]);
    assert_eq!(sample.inserted, [[text("row-20"), text("new"), text("20")]]);
    let [updated] = sample.updated.as_slice() else {
        panic!("{sample:?}")
    };
    assert_eq!(updated.before, [text("row-3"), text("name 3"), text("3")]);
    assert_eq!(
        updated.after,
        [text("row-3"), text("another name"), text("3")]
    );
    assert_eq!(updated.changed, [Some(false), Some(true), Some(false)]);
    let gone = matched(&table(&report, "node:Book").readers)
        .sample
        .as_ref()
        .unwrap();
    assert_eq!(gone.deleted.len(), 2);
    assert_eq!(gone.deleted[0], [text("row-0"), text("name 0"), text("0")]);
    let new = matched(&table(&report, "node:Author").readers)
        .sample
        .as_ref()
        .unwrap();
    assert_eq!(
        new.inserted[2],
        [text("row-12"), text("name 12"), text("12")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_says_which_unpublished_rows_it_takes_back() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 3).await;
    let opened = store.open().await;
    let report = opened.rows(&operation, sampling()).await;
    assert_eq!(report.disposition, Disposition::RollBack);
    assert!(
        report.explanation.starts_with("Readers see no change."),
        "{report:?}"
    );
    for (table_key, numbers) in [
        ("node:Author", (3, 0, 0)),
        ("node:Book", (0, 0, 2)),
        ("edge:Wrote", (1, 1, 0)),
    ] {
        let table = table(&report, table_key);
        assert_eq!(table.readers, RowChanges::Same, "{table:?}");
        assert_eq!(totals(table), [Some(10), Some(10)]);
        let unpublished = table.unpublished.as_ref().expect("what is taken back");
        assert_eq!(unpublished.fate, UnpublishedFate::TakenBack);
        assert_eq!(numbers_of(&unpublished.changes), numbers);
        assert!(unpublished.changes.sample().is_some());
    }
    let untouched = table(&report, "node:Tag");
    assert_eq!(
        (&untouched.readers, &untouched.unpublished),
        (&RowChanges::Same, &None)
    );
    assert_eq!(
        table(&report, "edge:Wrote").sentence,
        "Readers see no change. Taken back: 1 row inserted, 1 row updated."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_says_which_rows_come_back_and_a_finished_recovery_still_says_what_it_changed() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 4).await;
    let opened = store.open().await;
    let planned = opened.rows(&operation, sampling()).await;
    let applied = opened.recover(&operation).await;
    assert_eq!(applied.outcome, OutcomeKind::RolledForward);
    let finished = opened.rows(&operation, sampling()).await;
    assert!(finished.begun && !planned.begun);
    assert_eq!(finished.tables, planned.tables);

    let undo = undo_of(&opened, &operation).await;
    let report = opened.rows(&undo, sampling()).await;
    for (table_key, rows, numbers) in [
        ("node:Author", [13, 10], (0, 0, 3)),
        ("node:Book", [8, 10], (2, 0, 0)),
        ("edge:Wrote", [11, 10], (0, 1, 1)),
        ("node:Tag", [7, 10], (5, 0, 2)),
    ] {
        let table = table(&report, table_key);
        assert_eq!(totals(table), rows.map(Some));
        assert_eq!(numbers_of(&table.readers), numbers, "{table:?}");
        assert_eq!(table.unpublished, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_roll_back_says_which_rows_come_back_unpublished() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 3).await;
    let opened = store.open().await;
    let applied = opened.recover(&operation).await;
    assert_eq!(applied.outcome, OutcomeKind::RolledBack);
    let report = opened
        .rows(undo_of(&opened, &operation).await, sampling())
        .await;
    let table = table(&report, "edge:Wrote");
    assert_eq!(table.readers, RowChanges::Same);
    let unpublished = table.unpublished.as_ref().expect("what comes back");
    assert_eq!(unpublished.fate, UnpublishedFate::ComesBack);
    assert_eq!(numbers_of(&unpublished.changes), (1, 1, 0));
    assert_eq!(
        table.sentence,
        "Readers see no change. Comes back unpublished: 1 row inserted, 1 row updated."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_is_asked_for_by_its_key_and_another_name_is_an_error() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 4).await;
    let opened = store.open().await;
    let only = |table_key: &str| RowsAsked {
        table: Some(table_key.to_owned()),
        ..sampling()
    };
    let report = opened.rows(&operation, only("node:Tag")).await;
    assert_eq!(report.tables.len(), 1);
    assert_eq!(numbers_of(&report.tables[0].readers), (2, 0, 5));
    let error = opened.try_rows(&operation, only("node:None")).await;
    assert!(
        matches!(&error, Err(ServiceError::UnknownTable { table_key, .. }) if table_key == "node:None"),
        "{error:?}"
    );
    assert!(
        opened
            .try_rows("01M8125ENACWR9X1EZNRMDV5V2", only("node:Tag"))
            .await
            .is_err(),
        "no such operation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_a_bound_rows_are_counted_and_not_compared() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 4).await;
    let opened = store.open().await;
    for (bounds, why) in [
        (
            RowBounds {
                rows_max: 4,
                ..RowBounds::DEFAULT
            },
            WhyNotKnown::TooManyRows,
        ),
        (
            RowBounds {
                bytes_max: 20,
                ..RowBounds::DEFAULT
            },
            WhyNotKnown::TooManyBytes,
        ),
    ] {
        let report = opened.rows(&operation, bounded(bounds)).await;
        // The merge wrote two rows anew and added one.
        let merged = table(&report, "edge:Wrote");
        assert_eq!(totals(merged), [Some(10), Some(11)]);
        assert!(
            matches!(&merged.readers, RowChanges::NotKnown { why: found, .. } if *found == why),
            "{merged:?}"
        );
        assert!(
            merged.sentence.contains("Which rows change is not known"),
            "{merged:?}"
        );
        // An append and a delete need no row to be read.
        assert_eq!(
            numbers_of(&table(&report, "node:Author").readers),
            (3, 0, 0)
        );
        assert_eq!(numbers_of(&table(&report, "node:Book").readers), (0, 0, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_time_is_said_and_counts_that_came_in_time_are_kept() {
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 4).await;
    let opened = store.open().await;
    let asked = RowsAsked {
        within: std::time::Duration::ZERO,
        ..RowsAsked::default()
    };
    let report = opened.rows(&operation, asked).await;
    let late = table(&report, "edge:Wrote");
    assert!(
        matches!(
            &late.readers,
            RowChanges::NotKnown {
                why: WhyNotKnown::OutOfTime,
                ..
            }
        ),
        "{late:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_reads_two_versions_of_each_table_and_no_row() {
    let store = Store::with_tables(&TABLES).await;
    let mut prepared = store.begin(&TABLES[..2]).await;
    for table_key in &TABLES[..2] {
        let write = TableWrite::append_rows(&rows(10..13));
        done(prepared.commit(table_key, write).await.unwrap());
    }
    let operation = prepared.stop();
    let opened = store.open().await;
    opened.plan(&operation).await;
    opened.log.reset();
    opened.plan(&operation).await;
    let of_plan = opened.log.requests().len();
    opened.log.reset();
    let report = opened.rows(&operation, RowsAsked::default()).await;
    assert_eq!(numbers_of(&report.tables[0].readers), (3, 0, 0));
    let requests = opened.log.requests();
    let of_rows: Vec<_> = requests
        .iter()
        .filter(|request| request.path.contains("/data/"))
        .collect();
    assert!(
        of_rows
            .iter()
            .all(|request| request.path.starts_with("__manifest/")),
        "{of_rows:?}"
    );
    // The catalog once more, and at the most each version of each table.
    assert!(requests.len() <= of_plan + 12, "{of_plan}: {requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_moved_since_the_plan_was_made_is_said() {
    // A begun plan on main compares what it found, also where others published since.
    let store = Store::with_tables(&TABLES).await;
    let operation = written(&store, 4).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    store.written(&["node:Author"], 50..52).await;
    let report = opened.rows(&operation, RowsAsked::default()).await;
    let table = table(&report, "node:Author");
    assert_eq!(totals(table), [Some(10), Some(13)]);
    assert_eq!(numbers_of(&table.readers), (3, 0, 0));
}
