//! The process dies before, or right after, every mutating request of the recovery of a graph: one more apply finishes it, and
//! the graph's own records say so once.

use std::collections::BTreeMap;
use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use sidecar::Digest;

use super::*;
use crate::support::DiesAt;

/// Everything a reader, the engine, or a person could tell two graphs apart by, times and random ids apart.
#[derive(Debug, PartialEq)]
struct Stand {
    tables: Tables,
    schema_files: BTreeMap<String, String>,
    kept_files: usize,
    branches: Vec<String>,
    sidecars: usize,
    commits: Vec<(u64, Option<String>, Option<String>)>,
    actors: usize,
    recoveries: Vec<(String, String)>,
}

async fn stand(store: &Store, branch: Option<&str>) -> Stand {
    let branches = store.room().await.catalog_branches().await.unwrap();
    let commits = lineage::commits(store, branch).await;
    let kept = store.files().into_keys();
    Stand {
        tables: stands(store).await,
        schema_files: schema_files(store),
        kept_files: kept
            .filter(|path| path.to_string_lossy().contains("/staged/"))
            .count(),
        branches: branches.into_iter().map(|branch| branch.name).collect(),
        sidecars: store.sidecars(),
        commits: commits
            .into_iter()
            .map(|commit| {
                (
                    commit.manifest_version,
                    commit.manifest_branch,
                    commit.merged_parent,
                )
            })
            .collect(),
        actors: lineage::actors(store).await.len(),
        recoveries: lineage::recoveries(store)
            .await
            .into_iter()
            .map(|recovery| (recovery.kind, recovery.outcomes.to_string()))
            .collect(),
    }
}

async fn approved(store: &Store, operation: &OperationId) -> Digest {
    store.open().await.approve(operation).await
}

async fn every_crash_converges(archive: &str, branch: Option<&str>) {
    let template = Store::unpacked("omnigraph-0.7.0", archive);
    let operation = template.operation();
    let clean = template.copy();
    let digest = approved(&clean, &operation).await;
    let first = clean.open().await;
    first.log.reset();
    let outcome = first.apply(&operation, digest).await.outcome;
    let requests = first.log.mutations();
    let expected = stand(&clean, branch).await;
    assert_eq!(expected.recoveries.len(), 1);

    for after in [false, true] {
        for request in 1..=requests {
            let at = format!("{archive}, after {after}, mutating request {request} of {requests}");
            let store = template.copy();
            let digest = approved(&store, &operation).await;
            let gate = Arc::new(if after {
                DiesAt::after(request)
            } else {
                DiesAt::before(request)
            });
            let dying = store.open_behind(gate.clone()).await;
            service::apply(&dying.root, &operation, digest, &ProgressSink::default())
                .await
                .ok();
            assert_eq!(gate.left(), 0, "{at} was never reached");

            let again = store.open().await;
            let report = again.apply(&operation, digest).await;
            assert_eq!(report.outcome, outcome, "{at}: {}", report.detail);
            assert_eq!(stand(&store, branch).await, expected, "{at}");
            assert!(again.audit_holds(&operation).await, "{at}");
            again.log.reset();
            again.apply(&operation, digest).await;
            assert_eq!(again.log.mutations(), 0, "{at}: finished is finished");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_that_is_rolled_forward_survives_a_crash_at_every_request() {
    every_crash_converges("schema-mixed-staged", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_that_is_taken_back_survives_a_crash_at_every_request() {
    every_crash_converges("schema-staging-cut-short", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_died_half_way_survives_a_crash_at_every_request() {
    every_crash_converges("schema-mixed-renaming-1", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_a_branch_survives_a_crash_at_every_request() {
    every_crash_converges("forward-branch-mutation", Some("feature")).await;
}
