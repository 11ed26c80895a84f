//! The graph's own records: its commits, who made them, and its recoveries.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use lance::Dataset;
use omnigraph::db::GraphCommit;
use omnigraph::db::commit_graph::CommitGraph;
use serde_json::{Map, Value, json};

/// All there is at one time; what a recovery adds is the difference of two.
#[derive(Debug)]
pub struct Lineage {
    commits: BTreeMap<String, Commit>,
    recoveries: Vec<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Commit {
    row: GraphCommit,
    /// The branches of the commits table that have the row.
    branches: Vec<String>,
}

impl Lineage {
    pub async fn of(root: &Path) -> Result<Self> {
        let uri = crate::uri(root);
        let main = CommitGraph::open(&uri).await?;
        let mut commits = BTreeMap::new();
        add(&mut commits, "main", main.load_commits().await?);
        for branch in branches(&main, &uri).await? {
            if branch != "main" {
                let graph = CommitGraph::open_at_branch(&uri, &branch).await?;
                add(&mut commits, &branch, graph.load_commits().await?);
            }
        }
        Ok(Self {
            commits,
            recoveries: rows(&root.join("_graph_commit_recoveries.lance")).await?,
        })
    }

    /// The commits that are here and were not there, oldest first. The ids of new commits are not the same in another run, so
    /// they are left out; those of parents are in the archive unless they are new too.
    pub fn commits_since(&self, before: &Self) -> Value {
        let new = self.new(before);
        let commits = new.iter().map(|commit| {
            let row = &commit.row;
            let name = |id: &Option<String>| id.as_ref().map(|id| self.name(id, &new));
            json!({
                "manifest_branch": row.manifest_branch,
                "manifest_version": row.manifest_version,
                "parent": name(&row.parent_commit_id),
                "merged_parent": name(&row.merged_parent_commit_id),
                "actor_id": row.actor_id,
                "on_branches": commit.branches,
            })
        });
        Value::Array(commits.collect())
    }

    /// The recoveries likewise, with their outcomes as JSON and the commit by its place among the new ones.
    pub fn recoveries_since(&self, before: &Self) -> Value {
        let new = self.new(before);
        let rows = self.recoveries.iter();
        let rows = rows
            .filter(|row| !before.recoveries.contains(row))
            .map(|row| {
                let mut fields = Map::new();
                for (name, value) in row {
                    match name.as_str() {
                        "created_at" => {}
                        "graph_commit_id" => {
                            fields.insert("commit".into(), json!(self.name(value, &new)));
                        }
                        "per_table_outcomes_json" => {
                            let outcomes = serde_json::from_str(value).unwrap_or(Value::Null);
                            fields.insert("per_table_outcomes".into(), outcomes);
                        }
                        "recovery_for_actor" if value.is_empty() => {
                            fields.insert(name.clone(), Value::Null);
                        }
                        _ => {
                            fields.insert(name.clone(), json!(value));
                        }
                    }
                }
                Value::Object(fields)
            });
        Value::Array(rows.collect())
    }

    fn new(&self, before: &Self) -> Vec<&Commit> {
        let commits = self.commits.iter();
        let new = commits.filter(|(id, _)| !before.commits.contains_key(*id));
        let mut new: Vec<&Commit> = new.map(|(_, commit)| commit).collect();
        new.sort_by(|one, other| {
            (one.row.created_at, &one.row.graph_commit_id)
                .cmp(&(other.row.created_at, &other.row.graph_commit_id))
        });
        new
    }

    fn name(&self, id: &str, new: &[&Commit]) -> String {
        let place = new
            .iter()
            .position(|commit| commit.row.graph_commit_id == id);
        match place {
            Some(place) => format!("new {place}"),
            None => id.to_owned(),
        }
    }
}

/// The branches that have a history: those of the table of commits.
#[cfg(not(feature = "history-in-catalog"))]
async fn branches(main: &CommitGraph, _uri: &str) -> Result<Vec<String>> {
    Ok(main.list_branches().await?)
}

/// The branches that have a history: those of the catalog.
#[cfg(feature = "history-in-catalog")]
async fn branches(_main: &CommitGraph, uri: &str) -> Result<Vec<String>> {
    let catalog = omnigraph::db::manifest::ManifestCoordinator::open(uri).await?;
    let branches = catalog.list_branches().await?.into_iter();
    Ok(branches
        .filter(|branch| branch != crate::view::LOCK)
        .collect())
}

fn add(commits: &mut BTreeMap<String, Commit>, branch: &str, rows: Vec<GraphCommit>) {
    for row in rows {
        let id = row.graph_commit_id.clone();
        let branches = Vec::new();
        let commit = commits.entry(id).or_insert(Commit { row, branches });
        commit.branches.push(branch.to_owned());
    }
}

async fn rows(folder: &Path) -> Result<Vec<BTreeMap<String, String>>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let dataset = Dataset::open(&crate::uri(folder)).await?;
    let batches: Vec<RecordBatch> = dataset
        .scan()
        .try_into_stream()
        .await?
        .try_collect()
        .await?;
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in &batches {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let mut fields = BTreeMap::new();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                let value = ArrayFormatter::try_new(column, &options)?
                    .value(row)
                    .to_string();
                fields.insert(field.name().clone(), value);
            }
            rows.push(fields);
        }
    }
    Ok(rows)
}
