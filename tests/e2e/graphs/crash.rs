//! The process dies before, or right after, every mutating request of the recovery of a graph: one more apply finishes it, and
//! the graph's own records say so once.

use std::collections::BTreeMap;

use restore_backend::service::Answer;
use sidecar::Choice;

use super::*;
use crate::support::crash;

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
    let branches = store.lance().await.catalog_branches().await.unwrap();
    let commits = lineage::commits(store, branch).await;
    let kept = store.files().into_keys();
    Stand {
        tables: stands(store).await,
        schema_files: schema_files(store),
        kept_files: kept
            .filter(|path| {
                let path = path.to_string_lossy();
                path.contains("/staged/") || path.contains("/replaced/")
            })
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
        actors: lineage::actors(store, None).await.len(),
        recoveries: lineage::recoveries(store)
            .await
            .into_iter()
            .map(|recovery| (recovery.kind, recovery.outcomes.to_string()))
            .collect(),
    }
}

async fn every_crash_converges(archive: &str, branch: Option<&str>) {
    let template = Store::unpacked("omnigraph-0.7.0", archive);
    let operation = template.operation();
    let approve = async |store: &Store| {
        let digest = store.open().await.approve(&operation).await;
        (operation.clone(), digest)
    };
    let stand = async |store: &Store| stand(store, branch).await;
    let (_, left, requests) = crash::every_crash_converges(&template, approve, stand).await;
    assert_eq!(left.recoveries.len(), 1);
    assert!(requests > 30, "{requests} requests are not all of them");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_rolled_back_by_choice_survives_a_crash_at_every_request() {
    let template = Store::unpacked("omnigraph-0.7.0", "forward-merge-adopted");
    let operation = template.operation();
    let approve = async |store: &Store| {
        let opened = store.open().await;
        let choice = Choice::RollBack;
        let plan =
            service::plan_choosing(&opened.root, operation.as_str(), choice, clock::now()).await;
        let Answer::Done(plan) = plan.unwrap() else {
            panic!("there is a choice")
        };
        opened.approve_plan(&plan).await
    };
    let stand = async |store: &Store| stand(store, None).await;
    let (_, left, requests) = crash::every_crash_converges(&template, approve, stand).await;
    assert_eq!(left.recoveries.len(), 1);
    assert_eq!(left.recoveries[0].0, "RolledBack");
    assert!(requests > 20, "{requests} requests are not all of them");
}
