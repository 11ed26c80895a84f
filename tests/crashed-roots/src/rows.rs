//! The rows of these stores, and what readers see of them.

use std::collections::BTreeMap;
use std::ops::Range;

use fenced_lance::{LanceRoot, Row, TableLocation};
use two_phase_writer::PhaseOutcome;

/// More rows than any table of these tests has.
const ROWS_MAX: usize = 10_000;

/// What readers see: of every table the numbers of its rows, in order.
pub type Visible = BTreeMap<String, Vec<u64>>;

pub fn done<T>(progress: PhaseOutcome<T>) -> T {
    match progress {
        PhaseOutcome::Done(done) => done,
        PhaseOutcome::Lost(loss) => panic!("the writer lost: {loss:?}"),
    }
}

pub fn place(table_key: &str) -> TableLocation {
    TableLocation::main(format!("tables/{}", table_key.replace(':', "_")))
}

/// Rows that are told apart by one number each.
pub fn rows(numbers: Range<u64>) -> Vec<Row> {
    numbers.map(row).collect()
}

fn row(number: u64) -> Row {
    Row::new(format!("row-{number}"), format!("name {number}"), number)
}

/// The numbers of some rows, as a table of these rows shows them.
pub fn numbers(rows: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = rows.into_iter().collect();
    numbers.sort_unstable();
    numbers
}

/// The rows a write adds on top of a version of a table: as many on top of every one, and nowhere the same.
pub fn added_on(version: u64) -> Range<u64> {
    100 * version..100 * version + 3
}

/// The numbers of a version's rows, in order; one that is there twice is named twice, and one that is not whole is an error.
pub async fn numbers_at(lance: &LanceRoot, location: &TableLocation, version: u64) -> Vec<u64> {
    let found = lance.read_rows(location, version, ROWS_MAX).await.unwrap();
    let mut numbers = Vec::new();
    for found in found {
        assert_eq!(found, row(found.value), "{location} at {version}");
        numbers.push(found.value);
    }
    numbers.sort_unstable();
    numbers
}
