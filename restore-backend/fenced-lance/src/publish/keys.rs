//! The keys of the rows that a publish inserts and replaces, and the rows of its graph commit.

use std::collections::BTreeSet;

use super::fixed::FixedRows;
use super::request::{NewGraphCommit, PublishRequest};
use crate::catalog::Catalog;
use crate::catalog::graph_rows::{CommitMetadata, HeadMetadata, head_key};
use crate::catalog::identified;
use crate::catalog::rows::{self, CatalogRow};
use crate::commit::Refusal;

/// The keys of the rows that a publish inserts.
pub(super) fn new_keys(
    catalog: &Catalog,
    request: &PublishRequest,
    fixed: Option<&FixedRows>,
) -> Result<BTreeSet<String>, Refusal> {
    let updated = request
        .updates
        .iter()
        .map(|update| version_key(catalog, &update.table_key, update.to_version));
    let registered = request.registrations.iter().flat_map(|registration| {
        let table_key = &registration.table_key;
        let table = (!catalog.locations.contains_key(table_key)).then(|| table_key.clone());
        let version = rows::version_key(table_key, registration.version);
        table.into_iter().chain([version])
    });
    let gone = request
        .tombstones
        .iter()
        .map(|tombstone| rows::tombstone_key(&tombstone.table_key, tombstone.version));
    let history = request.graph_commit.iter().flat_map(|commit| {
        let head = head_key(graph_branch(request));
        let head = (!catalog.graph_heads.contains_key(&head)).then_some(head);
        head.into_iter().chain([commit.id.clone()])
    });
    let of_tables: Vec<String> = match fixed {
        Some(fixed) => fixed.inserted().map(str::to_owned).collect(),
        None => updated.chain(registered).chain(gone).collect(),
    };
    let mut keys = BTreeSet::new();
    for object_id in of_tables.into_iter().chain(history) {
        if !keys.insert(object_id.clone()) {
            return Err(Refusal::Twice { object_id });
        }
    }
    Ok(keys)
}

/// The key of the row of a table's version, as this catalog spells it.
fn version_key(catalog: &Catalog, table_key: &str, version: u64) -> String {
    let tables = catalog.identified.as_deref();
    match tables.and_then(|tables| tables.called(table_key)) {
        Some(identity) => identified::version_key(identity, version),
        None => rows::version_key(table_key, version),
    }
}

/// The key of the row that names the head of the branch, where there is one: a graph commit replaces it.
pub(super) fn replaced_keys(catalog: &Catalog, request: &PublishRequest) -> BTreeSet<String> {
    let head = head_key(graph_branch(request));
    let is_replaced = request.graph_commit.is_some() && catalog.graph_heads.contains_key(&head);
    is_replaced.then_some(head).into_iter().collect()
}

/// The name of the branch in the graph.
pub(super) fn graph_branch(request: &PublishRequest) -> Option<&str> {
    let commit = request.graph_commit.as_ref();
    commit.and_then(|commit| commit.branch.as_deref())
}

/// The graph commit, and the row that names it as the head of its branch.
pub(super) fn history_rows(
    catalog: &Catalog,
    request: &PublishRequest,
    commit: &NewGraphCommit,
) -> Result<[CatalogRow; 2], serde_json::Error> {
    let branch = graph_branch(request);
    let parent_commit_id = catalog.graph_head().map(|head| head.id.clone());
    let of_commit = CommitMetadata {
        parent_commit_id: parent_commit_id.clone(),
        merged_parent_commit_id: commit.merged_parent.clone(),
        actor_id: commit.actor.clone(),
        created_at: commit.created_at_micros,
    };
    let of_head = HeadMetadata {
        head_commit_id: commit.id.clone(),
        parent_commit_id,
    };
    Ok([
        // The publish lands at this version or not at all.
        CatalogRow::graph_commit(&commit.id, branch, request.read_version + 1, &of_commit)?,
        CatalogRow::graph_head(branch, &of_head)?,
    ])
}
