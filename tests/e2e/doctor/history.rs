//! The history in the catalog, version by version, as the upgrade of a later engine audits it.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow_schema::Schema;
use fenced_lance::{BranchHistory, Head};
use lance::Dataset;
use lance::dataset::{InsertBuilder, WriteMode, WriteParams};
use sidecar::doctor::ChecklistLine;

use super::*;

/// A row of the catalog: its key, its type, the key of its table, its version, its metadata.
struct Row<'a> {
    id: &'a str,
    kind: &'a str,
    table_key: &'a str,
    version: Option<u64>,
    metadata: &'a str,
    location: Option<&'a str>,
}

/// Adds the row of a table at this place.
pub(super) async fn register(store: &Store, table_key: &str, location: &str) {
    let row = Row {
        id: table_key,
        kind: "table",
        table_key,
        version: None,
        metadata: "{}",
        location: Some(location),
    };
    add(store, row).await;
}

/// Adds a row to the catalog in a commit of its own, as a publisher does that knows nothing of the history.
async fn add(store: &Store, row: Row<'_>) -> u64 {
    let folder = store.path().join("__manifest");
    let dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    let schema = Arc::new(Schema::from(dataset.schema()));
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let text = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()]));
        match field.name().as_str() {
            "object_id" => text(row.id),
            "object_type" => text(row.kind),
            "metadata" => text(row.metadata),
            "table_key" => text(row.table_key),
            "table_version" => Arc::new(UInt64Array::from(vec![row.version])),
            "location" => Arc::new(StringArray::from(vec![row.location.map(str::to_owned)])),
            _ => new_null_array(field.data_type(), 1),
        }
    });
    let batch = RecordBatch::try_new(schema.clone(), columns.collect()).unwrap();
    let params = WriteParams {
        mode: WriteMode::Append,
        ..WriteParams::default()
    };
    let dataset = InsertBuilder::new(Arc::new(dataset))
        .with_params(&params)
        .execute(vec![batch])
        .await;
    dataset.unwrap().version_id()
}

async fn recovered() -> Store {
    let store = Store::unpacked("omnigraph-0.8.0", "forward-mutation");
    let operation = store.operation();
    store.open().await.recover(&operation).await;
    store
}

async fn history_of(store: &Store) -> ChecklistLine {
    let lines = before_an_upgrade(store).await.upgrade.unwrap();
    let mut lines = lines.into_iter();
    lines
        .find(|line| line.item == ChecklistItem::HistoryIsWhole)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_without_a_graph_commit_is_named_by_its_version() {
    let store = recovered().await;
    assert_eq!(history_of(&store).await.status, CheckStatus::Yes);
    let row = Row {
        id: "node:Author$tombstone$00000000000000000009",
        kind: "table_tombstone",
        table_key: "node:Author",
        version: Some(9),
        metadata: "{}",
        location: None,
    };
    let version = add(&store, row).await;
    let line = history_of(&store).await;
    assert_eq!(line.status, CheckStatus::No);
    assert_eq!(line.first_broken_version, Some(version));
    let why = "it changes what readers see, and has no graph commit";
    assert!(line.detail.contains(why), "{}", line.detail);
    assert!(line.resolve.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_commit_without_its_head_row_is_named_by_its_version() {
    let store = recovered().await;
    let Ok(Head::At { version }) = store.lance().await.catalog_version(None).await else {
        panic!("no catalog")
    };
    let row = Row {
        id: "01M8200000000000000000000A",
        kind: "graph_commit",
        table_key: "",
        version: Some(version + 1),
        metadata: r#"{"created_at":1795333389886700}"#,
        location: None,
    };
    assert_eq!(add(&store, row).await, version + 1);
    let line = history_of(&store).await;
    assert_eq!(line.status, CheckStatus::No, "{line:?}");
    assert_eq!(line.first_broken_version, Some(version + 1));
    assert!(
        line.detail.contains("the head row names graph commit"),
        "{}",
        line.detail
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_cleaned_away_breaks_the_history() {
    let store = recovered().await;
    let history = store.lance().await.graph_commits(None, true).await;
    let Ok(BranchHistory::Known(commits)) = history else {
        panic!("no history")
    };
    let versions = commits.iter().map(|commit| commit.manifest_version);
    let cleaned = versions.filter(|version| *version > 1).min().unwrap();
    let file = format!("__manifest/_versions/{:020}.manifest", u64::MAX - cleaned);
    std::fs::remove_file(store.path().join(file)).unwrap();
    let line = history_of(&store).await;
    assert_eq!(line.status, CheckStatus::No, "{line:?}");
    assert_eq!(line.first_broken_version, Some(cleaned), "{line:?}");
    assert!(
        line.detail.contains("it was cleaned away"),
        "{}",
        line.detail
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_no_engine_of_the_stamp_writes_is_named() {
    let store = recovered().await;
    let row = Row {
        id: "note:1",
        kind: "graph_note",
        table_key: "",
        version: None,
        metadata: "{}",
        location: None,
    };
    let version = add(&store, row).await;
    let line = history_of(&store).await;
    assert_eq!(line.status, CheckStatus::No, "{line:?}");
    assert_eq!(line.first_broken_version, Some(version));
    assert!(line.detail.contains("graph_note"), "{}", line.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_between_that_was_cleaned_away_is_not_known() {
    let store = recovered().await;
    let Ok(Head::At { version }) = store.lance().await.catalog_version(None).await else {
        panic!("no catalog")
    };
    // Commits that change nothing have no graph commit, so no row tells that one of them is gone.
    let folder = store.path().join("__manifest");
    for _ in 0..2 {
        let mut dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
        dataset.update_config([("note", "x")]).await.unwrap();
    }
    assert_eq!(history_of(&store).await.status, CheckStatus::Yes);
    let name = format!("_versions/{:020}.manifest", u64::MAX - version - 1);
    std::fs::remove_file(folder.join(name)).unwrap();
    let line = history_of(&store).await;
    assert_eq!(line.status, CheckStatus::NotKnown, "{line:?}");
    let gone = format!("version {} of the catalog was cleaned away", version + 1);
    assert!(line.detail.contains(&gone), "{}", line.detail);
}
