//! The history a graph keeps of itself, read with Lance alone, as the engine would.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, RecordBatch};
use futures::TryStreamExt;
use lance::Dataset;

use fenced_lance::CatalogReading;
use sidecar::GraphCommit;

use crate::support::Store;

/// One row of `_graph_commits.lance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub id: String,
    pub manifest_branch: Option<String>,
    pub manifest_version: u64,
    pub parent: Option<String>,
    pub merged_parent: Option<String>,
}

/// One row of `_graph_commit_recoveries.lance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    pub commit: String,
    pub kind: String,
    pub for_actor: Option<String>,
    pub operation: String,
    pub writer_kind: String,
    pub outcomes: serde_json::Value,
}

async fn batches(store: &Store, table: &str, branch: Option<&str>) -> Vec<RecordBatch> {
    let folder = store.path().join(table);
    if !folder.exists() {
        return Vec::new();
    }
    let mut dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    if let Some(branch) = branch {
        dataset = dataset.checkout_branch(branch).await.unwrap();
    }
    let stream = dataset.scan().try_into_stream().await.unwrap();
    stream.try_collect().await.unwrap()
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).expect(column);
    let texts = column.as_string::<i32>();
    (0..texts.len())
        .map(|row| (!texts.is_null(row)).then(|| texts.value(row).to_owned()))
        .collect()
}

/// The commits of the history that the catalog holds, where the graph has no table of them.
async fn commits_in_catalog(store: &Store, branch: Option<&str>) -> Option<Vec<GraphCommit>> {
    if store.path().join("_graph_commits.lance").exists() {
        return None;
    }
    match store.lance().await.catalog(branch).await.unwrap() {
        CatalogReading::Present(catalog) => Some(catalog.graph_commits.to_vec()),
        other => panic!("no catalog on {branch:?}: {other:?}"),
    }
}

pub async fn commits(store: &Store, branch: Option<&str>) -> Vec<Commit> {
    if let Some(commits) = commits_in_catalog(store, branch).await {
        let commit = |commit: GraphCommit| Commit {
            id: commit.id,
            manifest_branch: commit.manifest_branch,
            manifest_version: commit.manifest_version,
            parent: commit.parent,
            merged_parent: commit.merged_parent,
        };
        return commits.into_iter().map(commit).collect();
    }
    let mut commits = Vec::new();
    for batch in batches(store, "_graph_commits.lance", branch).await {
        let versions = batch.column_by_name("manifest_version").unwrap();
        let versions = versions.as_primitive::<UInt64Type>();
        let ids = texts(&batch, "graph_commit_id");
        let branches = texts(&batch, "manifest_branch");
        let parents = texts(&batch, "parent_commit_id");
        let merged = texts(&batch, "merged_parent_commit_id");
        commits.extend((0..batch.num_rows()).map(|row| Commit {
            id: ids[row].clone().unwrap(),
            manifest_branch: branches[row].clone(),
            manifest_version: versions.value(row),
            parent: parents[row].clone(),
            merged_parent: merged[row].clone(),
        }));
    }
    commits
}

/// One row of the catalog, by the columns that the history of the graph uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogRow {
    pub object_id: String,
    pub object_type: String,
    pub metadata: serde_json::Value,
    pub table_key: Option<String>,
    pub table_version: Option<u64>,
    pub table_branch: Option<String>,
}

/// The rows of the catalog on main that hold the history of the graph.
pub async fn history_in_catalog(store: &Store) -> Vec<CatalogRow> {
    let mut rows = Vec::new();
    for batch in batches(store, "__manifest", None).await {
        let column = |name: &str| texts(&batch, name);
        let (ids, kinds, metadata) = (
            column("object_id"),
            column("object_type"),
            column("metadata"),
        );
        let (keys, branches) = (column("table_key"), column("table_branch"));
        let versions = batch.column_by_name("table_version").unwrap();
        let versions = versions.as_primitive::<UInt64Type>();
        rows.extend((0..batch.num_rows()).map(|row| {
            CatalogRow {
                object_id: ids[row].clone().unwrap(),
                object_type: kinds[row].clone().unwrap(),
                metadata: metadata[row]
                    .as_deref()
                    .map_or(serde_json::Value::Null, |text| {
                        serde_json::from_str(text).unwrap()
                    }),
                table_key: keys[row].clone(),
                table_version: (!versions.is_null(row)).then(|| versions.value(row)),
                table_branch: branches[row].clone(),
            }
        }));
    }
    rows.retain(|row| row.object_type.starts_with("graph_"));
    rows
}

/// Graph commits with their actors.
pub async fn actors(store: &Store, branch: Option<&str>) -> Vec<(String, String)> {
    if let Some(commits) = commits_in_catalog(store, branch).await {
        let actor = |commit: GraphCommit| Some((commit.id, commit.actor?));
        return commits.into_iter().filter_map(actor).collect();
    }
    let mut actors = Vec::new();
    for batch in batches(store, "_graph_commit_actors.lance", None).await {
        let ids = texts(&batch, "graph_commit_id").into_iter().flatten();
        actors.extend(ids.zip(texts(&batch, "actor_id").into_iter().flatten()));
    }
    actors
}

pub async fn recoveries(store: &Store) -> Vec<Recovery> {
    let mut recoveries = Vec::new();
    for batch in batches(store, "_graph_commit_recoveries.lance", None).await {
        let column = |name: &str| texts(&batch, name);
        let (commits, kinds) = (column("graph_commit_id"), column("recovery_kind"));
        let (actors, operations) = (column("recovery_for_actor"), column("operation_id"));
        let writers = column("sidecar_writer_kind");
        let outcomes = column("per_table_outcomes_json");
        recoveries.extend((0..batch.num_rows()).map(|row| Recovery {
            commit: commits[row].clone().unwrap(),
            kind: kinds[row].clone().unwrap(),
            for_actor: actors[row].clone(),
            operation: operations[row].clone().unwrap(),
            writer_kind: writers[row].clone().unwrap(),
            outcomes: serde_json::from_str(outcomes[row].as_deref().unwrap()).unwrap(),
        }));
    }
    recoveries
}
