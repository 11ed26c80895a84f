//! `rows`: which rows a plan changes for readers, and which unpublished rows it takes back.

mod columns;
mod graphs;
mod random;
mod written;

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use fenced_lance::{RowBounds, TableWrite};
use futures::FutureExt;
use lance::dataset::{MergeInsertBuilder, WhenMatched, WhenNotMatched};
use restore_backend::service::{self, Answer, RowsAsked, ServiceError};
use root_objects::clock;
use sidecar::rows_report::{
    Cell, MatchedBy, MatchedRows, RowChanges, RowsReport, TableRows, UpdatedRows,
};

use crate::support::Opened;

/// Asks for a sample as well.
fn sampling() -> RowsAsked {
    bounded(RowBounds {
        sample_rows: 50,
        ..RowBounds::DEFAULT
    })
}

fn bounded(bounds: RowBounds) -> RowsAsked {
    RowsAsked {
        bounds,
        ..RowsAsked::default()
    }
}

impl Opened {
    async fn rows(&self, operation: impl ToString, asked: RowsAsked) -> RowsReport {
        match self.try_rows(operation, asked).await.unwrap() {
            Answer::Done(report) => report,
            Answer::No(refusal) => panic!("{refusal:?}"),
        }
    }

    async fn try_rows(
        &self,
        operation: impl ToString,
        asked: RowsAsked,
    ) -> Result<Answer<RowsReport>, ServiceError> {
        service::rows(&self.root, &operation.to_string(), asked, clock::now()).await
    }
}

#[track_caller]
fn table<'a>(report: &'a RowsReport, table_key: &str) -> &'a TableRows {
    let mut tables = report.tables.iter();
    tables
        .find(|table| table.table_key == table_key)
        .unwrap_or_else(|| panic!("no {table_key} in {report:?}"))
}

#[track_caller]
fn matched(changes: &RowChanges) -> &MatchedRows {
    match changes {
        RowChanges::Rows(rows) => rows,
        other => panic!("{other:?}"),
    }
}

/// Inserted, updated, deleted: all known exactly.
#[track_caller]
fn numbers_of(changes: &RowChanges) -> (u64, u64, u64) {
    if *changes == RowChanges::Same {
        return (0, 0, 0);
    }
    let rows = matched(changes);
    let UpdatedRows::Exactly { rows: updated } = rows.updated else {
        panic!("{rows:?}")
    };
    (rows.inserted, updated, rows.deleted)
}

fn by_id() -> MatchedBy {
    MatchedBy::Key {
        columns: vec!["id".to_owned()],
    }
}

/// Rows before and after, for readers.
#[track_caller]
fn totals(table: &TableRows) -> [Option<u64>; 2] {
    [&table.now, &table.after].map(|shown| {
        let shown = shown.as_ref()?;
        Some(shown.rows.rows().unwrap_or_else(|| panic!("{shown:?}")))
    })
}

fn text(value: &str) -> Cell {
    Cell::Text {
        text: value.to_owned(),
        is_cut: false,
    }
}

fn batch<'a>(columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Updates the rows that are there, by this column, and adds the others.
fn merge(key: &'static str, rows: RecordBatch) -> TableWrite {
    TableWrite::stage(move |dataset| {
        let rows = rows.clone();
        async move {
            let mut merge = MergeInsertBuilder::try_new(dataset, vec![key.to_owned()])?;
            merge
                .when_matched(WhenMatched::UpdateAll)
                .when_not_matched(WhenNotMatched::InsertAll);
            let staged = merge
                .try_build()?
                .execute_uncommitted_batches(vec![rows])
                .await?;
            Ok(staged.transaction)
        }
        .boxed()
    })
}

fn array(values: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(values)
}
