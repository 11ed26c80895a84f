//! What follows from the recovery of a schema change.

use std::path::Path;

use fenced_lance::{Head, TableLocation};
use sidecar::api::Progress;
use sidecar::follow_up::release_id;

use super::*;

const AUTHOR: &str = "nodes/01d32b35baa3b676";

/// A schema change that rewrote `node:Author`, was to add `node:Publisher` and to remove `edge:Cites`, and died before it staged a file.
fn died_before_staging() -> Store {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    for file in ["_schema.pg", "_schema.ir.json", "__schema_state.json"] {
        std::fs::remove_file(store.path().join(format!("{file}.staging"))).unwrap();
    }
    store
}

async fn author(store: &Store) -> (u64, u64) {
    let lance = store.lance().await;
    let table = TableLocation::main(AUTHOR);
    let Head::At { version } = lance.head(&table).await.unwrap() else {
        panic!("no dataset")
    };
    (version, lance.count_rows(&table, version).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_brings_back_the_table_that_was_rewritten_and_no_other() {
    let store = died_before_staging();
    let operation = store.operation();
    let opened = store.open().await;
    let columns = columns_at(&store, 5).await;
    assert_ne!(columns, columns_at(&store, 4).await, "it was rewritten");
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(author(&store).await.0, 6);

    let undo = planned(opened.undo(&operation).await);
    let named: Vec<&str> = undo
        .tables
        .iter()
        .map(|table| table.table.table_key.as_str())
        .collect();
    assert_eq!(named, ["node:Author"]);
    assert_eq!(undo.tables[0].table.restore_to, Some(5));
    let undone = opened.carry_out(&undo).await;
    assert_eq!(author(&store).await.0, 7);
    assert_eq!(columns_at(&store, 7).await, columns);

    // All of it had been committed, and its schema was never staged: it comes back, and is never published.
    let left = store.operation();
    assert_ne!(left, undone);
    let plan = opened.plan(&left).await;
    assert_eq!(plan.disposition, Disposition::RollBack, "{}", plan.headline);
    assert_ne!(plan.writer_kind.as_deref(), Some("SchemaApply"));
    let report = opened.recover(&left).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(columns_at(&store, 8).await, columns_at(&store, 4).await);
}

/// Names of the columns of `node:Author` at a version.
async fn columns_at(store: &Store, version: u64) -> Vec<String> {
    let uri = store.path().join(AUTHOR);
    let dataset = lance::Dataset::open(uri.to_str().unwrap()).await.unwrap();
    let dataset = dataset.checkout_version(version).await.unwrap();
    let fields = dataset.schema().fields.iter();
    fields.map(|field| field.name.clone()).collect()
}

fn later_sidecar(store: &Path, operation: &str) {
    let text = serde_json::json!({
        "schema_version": 1, "operation_id": operation, "started_at": "1795519637889541",
        "branch": null, "actor_id": null, "writer_kind": "Mutation",
        "tables": [{
            "table_key": "node:Book", "expected_version": 4, "post_commit_pin": 5,
            "table_path": "/srv/graphs/schema-mixed-staged/nodes/f7bdcea7c8207cb8",
        }],
    });
    let file = store.join("__recovery").join(format!("{operation}.json"));
    std::fs::write(file, text.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_release_or_an_undo_on_other_tables() {
    let store = died_before_staging();
    let operation = store.operation();
    let opened = store.open().await;
    opened.recover(&operation).await;
    let later = "01M96MYTC1V3GCF8NFNKQ30FVM";
    for plan in [
        planned(opened.release(&operation).await),
        planned(opened.undo(&operation).await),
    ] {
        let store = store.copy();
        let opened = store.open().await;
        let follows: OperationId = plan.operation_id.parse().unwrap();
        let plan = if follows == release_id(&operation) {
            planned(opened.release(&operation).await)
        } else {
            planned(opened.undo(&operation).await)
        };
        let digest = plan.digest.unwrap();
        let answer = service::approve(&opened.root, &follows, digest, approver(), clock::now());
        assert!(matches!(answer.await.unwrap(), Answer::Done(_)));
        let gate = std::sync::Arc::new(crate::support::gates::DiesAt::after(2));
        let dying = store.open_behind(gate).await;
        let died = service::apply(&dying.root, &follows, digest, &ProgressSink::default()).await;
        assert!(died.is_err());

        later_sidecar(store.path(), later);
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        let entry = |operation: &str| {
            let found = list
                .recoveries
                .iter()
                .find(|entry| entry.operation_id.as_deref() == Some(operation));
            found.unwrap_or_else(|| panic!("{operation} is not in {list:?}"))
        };
        assert_eq!(entry(follows.as_str()).progress, Progress::UnderWay);
        assert_eq!(
            entry(later).disposition,
            Disposition::NeverStarted,
            "{follows}"
        );
    }
}
