//! The count of rows that the catalog keeps of every version: no engine opens a graph without it.

use crashed_roots::test_root::*;
use fenced_lance::CommitOutcome;
use fenced_lance::Pin;

/// Both tables at version 2, of which no fragment says how many rows it has, as writers before Lance 0.8 left them.
async fn of_an_old_writer() -> TestRoot {
    without_row_counts(drifted().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_lance_manifest_does_not_tell_are_counted_and_published() {
    let root = of_an_old_writer().await;
    let lance = root.elsewhere().await;
    let request = publish_request(1, "node:Person", 1, 2);
    let outcome = lance.publish(&request).await.expect("an outcome");
    assert_eq!(outcome, CommitOutcome::Committed { version: 2 });
    let shown = catalog(&lance, None).await;
    let Pin { row_count, .. } = &shown.pins["node:Person"];
    assert_eq!(*row_count, Some(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_rows_cannot_be_counted_is_not_published() {
    let root = of_an_old_writer().await;
    lose_data(&root, "nodes/people");
    let lance = root.elsewhere().await;
    let request = publish_request(1, "node:Person", 1, 2);
    let error = lance.publish(&request).await.expect_err("it is not known");
    assert!(error.to_string().contains("counting rows"), "{error}");
    let shown = catalog(&lance, None).await;
    assert_eq!(shown.version, 1, "nothing was committed");
}
