//! Graphs whose catalog holds their history (stamp 4): the one that omnigraph 0.8.0 left behind, and the other states that a crash
//! of the same write leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow_schema::Schema;
use lance::Dataset;
use lance::dataset::{InsertBuilder, WriteMode, WriteParams};

use restore_backend::service;
use root_objects::clock;
use serde_json::{Value, json};
use sidecar::{Code, Digest, Disposition, OperationId, OutcomeKind, RECOVERY_ACTOR};

use super::branches::undo;
use super::lineage::{self, CatalogRow};
use crate::support::Store;
use crate::support::crash::every_crash_converges;

const AUTHOR: &str = "nodes/01d32b35baa3b676";
const WROTE: &str = "edges/66e8ac1738104576";
const OPERATION: &str = "01M813AZHY3XA6TENCJR1T47XT";

fn operation() -> OperationId {
    OPERATION.parse().unwrap()
}

fn sidecar_file(store: &Store) -> std::path::PathBuf {
    store.path().join(format!("__recovery/{OPERATION}.json"))
}

/// The write committed to both of its tables.
fn whole() -> Store {
    Store::unpacked("omnigraph-0.8.0", "forward-mutation")
}

/// The same write before it committed to this table.
fn without_commit(store: Store, table: &str, version: u64) -> Store {
    let file = format!("{table}/_versions/{:020}.manifest", u64::MAX - version);
    std::fs::remove_file(store.path().join(file)).unwrap();
    store
}

fn half() -> Store {
    without_commit(whole(), WROTE, 6)
}

fn nothing() -> Store {
    without_commit(half(), AUTHOR, 5)
}

/// The sidecar says that the write went to a branch that is gone.
fn orphaned() -> Store {
    let store = whole();
    let path = sidecar_file(&store);
    let mut text: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    text["branch"] = json!("gone");
    for table in text["tables"].as_array_mut().unwrap() {
        table["table_branch"] = json!("gone");
    }
    std::fs::write(path, serde_json::to_vec_pretty(&text).unwrap()).unwrap();
    store
}

/// The write is published, and its sidecar is there: as if the writer had died before it deleted it.
async fn published() -> Store {
    let store = whole();
    let bytes = std::fs::read(sidecar_file(&store)).unwrap();
    let report = store.open().await.recover(&operation()).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    std::fs::remove_dir_all(store.path().join("__recovery_log")).unwrap();
    std::fs::write(sidecar_file(&store), bytes).unwrap();
    store
}

fn commits(rows: &[CatalogRow]) -> Vec<&CatalogRow> {
    rows.iter()
        .filter(|row| row.object_type == "graph_commit")
        .collect()
}

fn head(rows: &[CatalogRow]) -> &CatalogRow {
    let heads: Vec<_> = rows
        .iter()
        .filter(|row| row.object_type == "graph_head")
        .collect();
    let [head] = heads.as_slice() else {
        panic!("one head of main: {heads:?}")
    };
    head
}

/// The newest graph commit: the one with the highest version of the catalog.
fn newest(rows: &[CatalogRow]) -> &CatalogRow {
    let commits = commits(rows);
    commits
        .into_iter()
        .max_by_key(|row| row.table_version)
        .unwrap()
}

/// What the recovery added to the history: one commit on top of what was the head, and one recovery that names it.
async fn is_recorded(store: &Store, before: &[CatalogRow], kind: &str, outcomes: &Value) {
    let after = lineage::history_in_catalog(store).await;
    assert_eq!(commits(&after).len(), commits(before).len() + 1);
    for row in commits(before) {
        assert!(
            after.contains(row),
            "a commit that was there stays as it was: {row:?}"
        );
    }
    let (own, was) = (newest(&after), newest(before));
    assert_eq!(own.metadata["parent_commit_id"], json!(was.object_id));
    assert_eq!(own.metadata["actor_id"], RECOVERY_ACTOR);
    assert!(own.metadata["created_at"].as_i64().unwrap() > 1_795_333_389_886_614);
    assert_eq!(own.metadata.get("merged_parent_commit_id"), None);
    assert_eq!(
        (own.table_key.as_deref(), own.table_branch.as_deref()),
        (Some(""), None)
    );
    let catalog = store.lance().await.catalog_version(None).await.unwrap();
    assert_eq!(
        catalog,
        fenced_lance::Head::At {
            version: own.table_version.unwrap()
        },
        "it stands for the version of the catalog that it is in"
    );
    assert_eq!(
        head(&after).metadata,
        json!({ "head_commit_id": own.object_id, "parent_commit_id": was.object_id }),
    );
    assert_eq!(head(&after).table_version, None);
    let recoveries = lineage::recoveries(store).await;
    let recovery = recoveries
        .iter()
        .find(|recovery| recovery.commit == own.object_id)
        .unwrap();
    assert_eq!(recovery.kind, kind);
    assert_eq!(recovery.operation, OPERATION);
    assert_eq!(recovery.for_actor.as_deref(), Some("act-ada"));
    assert_eq!(recovery.writer_kind, "Mutation");
    assert_eq!(recovery.outcomes, *outcomes);
    assert!(!store.path().join("_graph_commits.lance").exists());
    assert!(!store.path().join("_graph_commit_actors.lance").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn five_states_that_a_crash_leaves_are_resolved_and_told_to_the_history() {
    let outcome = |key: &str, from: u64, to: u64| json!({ "table_key": key, "from_version": from, "to_version": to });
    let forward = json!([outcome("node:Author", 4, 5), outcome("edge:Wrote", 5, 6)]);
    let cases = [
        (
            "whole",
            whole(),
            Disposition::RollForward,
            "RolledForward",
            forward.clone(),
        ),
        (
            "half",
            half(),
            Disposition::RollBack,
            "RolledBack",
            json!([outcome("node:Author", 5, 4)]),
        ),
        (
            "nothing",
            nothing(),
            Disposition::NeverStarted,
            "RolledBack",
            json!([]),
        ),
        (
            "orphaned",
            orphaned(),
            Disposition::OrphanedBranch,
            "OrphanedBranchDiscarded",
            json!([]),
        ),
        (
            "published",
            published().await,
            Disposition::AlreadyPublished,
            "RolledForward",
            forward,
        ),
    ];
    for (name, store, disposition, kind, outcomes) in cases {
        let before = lineage::history_in_catalog(&store).await;
        let opened = store.open().await;
        let plan = opened.plan(&operation()).await;
        assert_eq!(plan.disposition, disposition, "{name}");
        assert!(plan.executable, "{name}: {:?}", plan.blockers);
        let report = opened.recover(&operation()).await;
        assert_eq!(
            Some(report.outcome),
            OutcomeKind::of_finished(disposition),
            "{name}: {}",
            report.detail
        );
        is_recorded(&store, &before, kind, &outcomes).await;
        assert_eq!(store.sidecars(), 0, "{name}");
        assert!(opened.audit_holds(&operation()).await, "{name}");
        if disposition != Disposition::OrphanedBranch {
            assert!(store.drift().await.is_empty(), "{name}");
        }
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        assert!(list.recoveries.is_empty(), "{name}: {list:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_is_undone_with_a_graph_commit_of_its_own() {
    let store = whole();
    let was_visible = store.visible_counts().await;
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation()).await.outcome,
        OutcomeKind::RolledForward
    );
    let before = lineage::history_in_catalog(&store).await;
    assert_ne!(store.visible_counts().await, was_visible);
    let undo = undo(&opened, &operation()).await;
    let (undo, digest) = opened.approve_plan(&undo).await;
    let report = opened.apply(&undo, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(store.visible_counts().await, was_visible);
    let after = lineage::history_in_catalog(&store).await;
    assert_eq!(commits(&after).len(), commits(&before).len() + 1);
    let own = newest(&after);
    assert_eq!(
        own.metadata["parent_commit_id"],
        json!(newest(&before).object_id)
    );
    assert_eq!(
        head(&after).metadata["head_commit_id"],
        json!(own.object_id)
    );
    let recoveries = lineage::recoveries(&store).await;
    let kinds: Vec<_> = recoveries
        .iter()
        .map(|recovery| recovery.kind.as_str())
        .collect();
    assert_eq!(kinds, ["RolledForward", "RolledBack"]);
    assert!(store.drift().await.is_empty());
}

/// All by which two stores may be told apart, but for ids and times.
async fn stand(
    store: &Store,
) -> (
    BTreeMap<String, u64>,
    usize,
    Vec<(Option<u64>, bool)>,
    Vec<(String, Value)>,
    bool,
) {
    let rows = lineage::history_in_catalog(store).await;
    let commits = commits(&rows);
    let own = newest(&rows);
    let versions = commits
        .iter()
        .map(|row| {
            (
                row.table_version.filter(|_| row.object_id != own.object_id),
                row.metadata["actor_id"] == RECOVERY_ACTOR,
            )
        })
        .collect();
    let recoveries = lineage::recoveries(store).await;
    let is_named = recoveries
        .iter()
        .all(|recovery| recovery.commit == own.object_id)
        && head(&rows).metadata["head_commit_id"] == json!(own.object_id);
    let recoveries = recoveries
        .into_iter()
        .map(|recovery| (recovery.kind, recovery.outcomes))
        .collect();
    (
        store.visible_counts().await,
        store.sidecars(),
        versions,
        recoveries,
        is_named,
    )
}

async fn approve(store: &Store) -> (OperationId, Digest) {
    let opened = store.open().await;
    let digest = opened.approve(&operation()).await;
    (operation(), digest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_that_dies_anywhere_ends_with_one_graph_commit() {
    let (outcome, left, requests) = every_crash_converges(&whole(), approve, stand).await;
    assert_eq!(outcome, OutcomeKind::RolledForward);
    assert!(left.4 && requests > 10, "{left:?} after {requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_that_dies_anywhere_ends_with_one_graph_commit() {
    let (outcome, left, requests) = every_crash_converges(&half(), approve, stand).await;
    assert_eq!(outcome, OutcomeKind::RolledBack);
    assert!(left.4 && requests > 10, "{left:?} after {requests}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_never_started_is_recorded_once_wherever_the_recovery_dies() {
    let (outcome, left, _) = every_crash_converges(&nothing(), approve, stand).await;
    assert_eq!(outcome, OutcomeKind::CleanedUp);
    assert!(left.4, "{left:?}");
}

/// Adds a row to the catalog as a writer does that only appends: nothing keeps it from a second row of one key.
async fn append(store: &Store, id: &str, kind: &str, metadata: &str, version: Option<u64>) {
    let folder = store.path().join("__manifest");
    let dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    let schema = Arc::new(Schema::from(dataset.schema()));
    let columns = schema
        .fields()
        .iter()
        .map(|field| -> ArrayRef {
            let text = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()]));
            match field.name().as_str() {
                "object_id" => text(id),
                "object_type" => text(kind),
                "metadata" => text(metadata),
                "table_key" => text(""),
                "table_version" => Arc::new(UInt64Array::from(vec![version])),
                _ => new_null_array(field.data_type(), 1),
            }
        })
        .collect();
    let row = RecordBatch::try_new(schema, columns).unwrap();
    let params = WriteParams {
        mode: WriteMode::Append,
        ..WriteParams::default()
    };
    InsertBuilder::new(Arc::new(dataset))
        .with_params(&params)
        .execute(vec![row])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_contradicts_itself_aborts_before_anything_is_done() {
    let commit = r#"{"created_at":1795333389886700}"#;
    let head = r#"{"head_commit_id":"01M813AZEECPZQ3MF3GM5QBYFG"}"#;
    for (id, kind, metadata, version, why) in [
        (
            "graph_head:main",
            "graph_head",
            head,
            None,
            "two of its rows are graph_head:main",
        ),
        (
            "01M8200000000000000000000A",
            "graph_commit",
            commit,
            Some(99),
            "stands for version 99, which is not there yet",
        ),
        ("../evil", "graph_commit", commit, Some(1), "is no ULID"),
        (
            "01M8200000000000000000000A",
            "graph_commit",
            "{",
            Some(1),
            "is malformed",
        ),
    ] {
        let store = whole();
        append(&store, id, kind, metadata, version).await;
        let files = store.files();
        let opened = store.open().await;
        let plan = opened.plan(&operation()).await;
        assert_eq!(plan.disposition, Disposition::Abort, "{id}");
        assert!(!plan.executable && plan.steps.is_empty(), "{id}");
        let [blocker] = plan.blockers.as_slice() else {
            panic!("{id}: {:?}", plan.blockers)
        };
        assert_eq!(blocker.code, Code::CatalogUnreadable, "{id}");
        assert!(blocker.detail.contains(why), "{id}: {}", blocker.detail);
        assert_eq!(store.files(), files, "{id}: not a byte changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_that_the_graph_commit_is_part_of_the_publish() {
    let store = nothing();
    let opened = store.open().await;
    let plan = opened.plan(&operation()).await;
    assert_eq!(
        plan.steps[0].sentence,
        "Record a graph commit on branch main by omnigraph:recovery, in one commit of the catalog"
    );
    assert_eq!(opened.log.mutations(), 0, "a plan writes nothing");
}
