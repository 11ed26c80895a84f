//! A graph whose history cannot be written: found out before anything is done, and truthfully where it comes later.

use lance::Dataset;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use sidecar::api::PlanReport;
use sidecar::{Code, OutcomeKind};

use super::{agree, dies_after, recover};
use crate::support::{Opened, Store, approver};

const COMMITS: &str = "_graph_commits.lance";
const ACTORS: &str = "_graph_commit_actors.lance";

async fn history(store: &Store, folder: &str) -> Dataset {
    Dataset::open(store.path().join(folder).to_str().unwrap())
        .await
        .unwrap()
}

/// A version of the table that lacks a column the rows have.
async fn lose_a_column(store: &Store, folder: &str, column: &str) {
    let mut table = history(store, folder).await;
    table.drop_columns(&[column]).await.unwrap();
}

/// As it was before.
async fn put_right(store: &Store, folder: &str) {
    let table = history(store, folder).await;
    let before = table.version().version - 1;
    let mut before = table.checkout_version(before).await.unwrap();
    before.restore().await.unwrap();
}

fn is_blocked(plan: &PlanReport) -> bool {
    let blocked = plan
        .blockers
        .iter()
        .any(|blocker| blocker.code == Code::HistoryNotWritable);
    assert_eq!(blocked, !plan.executable, "{:?}", plan.blockers);
    blocked
}

async fn plan(opened: &Opened, store: &Store) -> PlanReport {
    opened.plan(&store.operation()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_without_a_column_blocks_the_plan_before_anything_is_done() {
    for (folder, column) in [(COMMITS, "manifest_version"), (ACTORS, "actor_id")] {
        let store = Store::unpacked("omnigraph-0.7.0", "forward-mutation");
        let operation = store.operation();
        let opened = store.open().await;
        let before = plan(&opened, &store).await;
        assert!(!is_blocked(&before));
        lose_a_column(&store, folder, column).await;

        let now = plan(&opened, &store).await;
        assert!(is_blocked(&now), "{folder}");
        assert_eq!(now.digest, before.digest, "a blocker is no part of a plan");
        let detail = &now.blockers[0].detail;
        assert!(
            detail.contains(folder) && detail.contains(column),
            "{detail}"
        );
        let digest = now.digest.unwrap();
        let files = store.files();
        let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now())
            .await
            .unwrap();
        assert!(matches!(answer, Answer::No(_)), "{answer:?}");
        assert_eq!(store.files(), files, "not a byte changed");

        put_right(&store, folder).await;
        assert!(!is_blocked(&plan(&opened, &store).await), "{folder}");
        let report = recover(&opened, &operation).await;
        assert_eq!(report.outcome, OutcomeKind::RolledForward);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_without_the_branch_blocks_the_plan_before_anything_is_done() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
    let opened = store.open().await;
    assert!(!is_blocked(&plan(&opened, &store).await));
    for folder in ["_refs/branches", "tree"] {
        let there = store.path().join(COMMITS).join(folder);
        std::fs::remove_dir_all(there).unwrap();
    }
    let blocked = plan(&opened, &store).await;
    assert!(is_blocked(&blocked));
    assert!(blocked.blockers[0].detail.contains("branch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_breaks_after_the_publish_ends_the_attempt_and_a_new_plan_heals_it() {
    for (folder, column) in [(COMMITS, "manifest_version"), (ACTORS, "actor_id")] {
        let store = Store::unpacked("omnigraph-0.7.0", "forward-mutation");
        let operation = store.operation();
        let digest = dies_after(&store, &operation, "__manifest/_versions/").await;
        lose_a_column(&store, folder, column).await;

        let opened = store.open().await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
        assert!(report.detail.contains(folder), "{}", report.detail);
        assert!(is_blocked(&plan(&opened, &store).await));
        put_right(&store, folder).await;
        agree(&opened, &operation).await;
        let healed = recover(&opened, &operation).await;
        assert_eq!(healed.outcome, OutcomeKind::CleanedUp, "{}", healed.detail);
        assert_eq!(store.sidecars(), 0);
        assert!(store.drift().await.is_empty());
    }
}
