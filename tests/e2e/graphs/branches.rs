//! Writes on a branch of a graph whose crash is made here: half of the write, and a branch that is gone or another one.

use std::path::PathBuf;

use restore_backend::service::Answer;
use sidecar::api::PlanReport;

use super::*;

/// `node:Author` of the archives, relative to the root.
const AUTHOR: &str = "nodes/01d32b35baa3b676";
/// How Lance names the file of version 5.
const VERSION_5: &str = "18446744073709551610.manifest";

/// A write on branch `feature`, committed to two tables, of which it owned none before.
fn crashed() -> Store {
    Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation")
}

fn in_root(store: &Store, path: &str) -> PathBuf {
    store.path().join(path)
}

/// The same, killed before its commit of one table.
fn half_way() -> Store {
    let store = crashed();
    let versions = in_root(&store, AUTHOR).join("tree/feature/_versions");
    std::fs::remove_file(versions.join(VERSION_5)).unwrap();
    std::fs::remove_file(versions.join("latest_version_hint.json")).unwrap();
    store
}

pub(super) async fn undo(opened: &Opened, operation: &OperationId) -> PlanReport {
    match service::undo(&opened.root, operation, clock::now())
        .await
        .unwrap()
    {
        Answer::Done(plan) => plan,
        Answer::No(refusal) => panic!("{refusal:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_write_on_a_branch_is_rolled_back_there_and_main_does_not_move() {
    let store = half_way();
    let operation = store.operation();
    let before = stands(&store).await;
    let opened = store.open().await;
    assert_eq!(
        opened.plan(&operation).await.disposition,
        Disposition::RollBack
    );
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);

    let after = stands(&store).await;
    assert_eq!(after["main"], before["main"]);
    let mut feature = before["feature"].clone();
    let (version, rows) = (4, feature["node:Book"].3);
    assert_eq!(feature["node:Book"].0, version);
    // The pin was on main; what is published now is on the branch, and holds the same.
    let back = (version + 2, Some("feature".to_owned()), version + 2, rows);
    feature.insert("node:Book".to_owned(), back);
    assert_eq!(after["feature"], feature);
    let recovery = &lineage::recoveries(&store).await[0];
    assert_eq!(recovery.kind, "RolledBack");
    assert_eq!(
        recovery.outcomes,
        serde_json::json!([{"table_key": "node:Book", "from_version": 5, "to_version": 4}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_on_a_branch_is_taken_back_on_that_branch() {
    let store = crashed();
    let operation = store.operation();
    let before = stands(&store).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    let forward = stands(&store).await;

    let plan = undo(&opened, &operation).await;
    assert!(plan.executable, "{:?}", plan.blockers);
    let undone: OperationId = plan.operation_id.parse().unwrap();
    let digest = plan.digest.unwrap();
    let answer = service::approve(
        &opened.root,
        &undone,
        digest,
        crate::support::approver(),
        clock::now(),
    );
    assert!(matches!(answer.await.unwrap(), Answer::Done(_)));
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);

    let after = stands(&store).await;
    assert_eq!(after["main"], before["main"]);
    for key in ["node:Author", "node:Book"] {
        let (version, branch, head, rows) = after["feature"][key].clone();
        assert_eq!((version, head), (6, 6), "{key}");
        assert_eq!(branch.as_deref(), Some("feature"));
        assert_eq!(rows, before["feature"][key].3, "{key}");
        assert_ne!(rows, forward["feature"][key].3, "{key}");
    }
    let commits = lineage::commits(&store, Some("feature")).await;
    let recoveries = lineage::recoveries(&store).await;
    let of_undo = recoveries
        .iter()
        .find(|row| row.operation == undone.as_str())
        .unwrap();
    let of_first = recoveries
        .iter()
        .find(|row| row.operation == operation.as_str())
        .unwrap();
    let commit = commits
        .iter()
        .find(|commit| commit.id == of_undo.commit)
        .unwrap();
    assert_eq!(
        commit.parent.as_ref(),
        Some(&of_first.commit),
        "it follows the recovery"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_branch_that_is_gone_is_recorded_and_retired() {
    let store = crashed();
    let operation = store.operation();
    let catalog = in_root(&store, "__manifest");
    std::fs::remove_file(catalog.join("_refs/branches/feature.json")).unwrap();
    std::fs::remove_dir_all(catalog.join("tree")).unwrap();
    let before = stands(&store).await;
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::OrphanedBranch);
    assert!(plan.executable, "{:?}", plan.blockers);
    let parents = lineage::commits(&store, None).await;
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    assert_eq!(stands(&store).await, before);
    assert_eq!(store.sidecars(), 0);

    let recovery = &lineage::recoveries(&store).await[0];
    assert_eq!(recovery.kind, "OrphanedBranchDiscarded");
    let commits = lineage::commits(&store, None).await;
    assert_eq!(commits.len(), parents.len() + 1, "recorded on main");
    let commit = commits
        .iter()
        .find(|commit| commit.id == recovery.commit)
        .unwrap();
    assert_eq!(commit.manifest_branch, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_which_only_files_are_left_aborts() {
    let store = crashed();
    std::fs::remove_file(in_root(&store, "__manifest/_refs/branches/feature.json")).unwrap();
    let plan = store.open().await.plan(&store.operation()).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    assert_eq!(plan.blockers[0].code, Code::BranchTreeLeft);
}

/// The branch is younger than the write by the clocks of two machines: it may be another, and a clock may be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_seems_younger_than_the_write_is_acknowledged_or_the_write_set_aside() {
    use sidecar::Requirement;
    let seems_younger = || {
        let store = crashed();
        let entry = in_root(&store, "__manifest/_refs/branches/feature.json");
        let text = std::fs::read_to_string(&entry).unwrap();
        let later = text.replace("\"createAt\": 17", "\"createAt\": 18");
        assert_ne!(later, text);
        std::fs::write(&entry, later).unwrap();
        store
    };
    let store = seems_younger();
    let operation = store.operation();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollForward);
    assert_eq!(plan.requires, [Requirement::BranchRecreated]);
    let before = stands(&store).await;
    let silent = service::approve(
        &opened.root,
        &operation,
        plan.digest.unwrap(),
        crate::support::approver(),
        clock::now(),
    );
    assert!(matches!(silent.await.unwrap(), Answer::No(_)));
    let report = opened.recover(&operation).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    assert_ne!(stands(&store).await, before);

    // Who knows that it is another branch sets the sidecar aside, and nothing of it is published there.
    let store = seems_younger();
    let opened = store.open().await;
    let before = stands(&store).await;
    let plan = service::dismiss(&opened.root, operation.as_str(), clock::now())
        .await
        .unwrap();
    assert!(plan.executable, "{:?}", plan.blockers);
    assert_eq!(plan.disposition, Disposition::Refused);
    let (operation, digest) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    assert_eq!(stands(&store).await, before);
    assert_eq!(store.sidecars(), 0);
}

/// A Lance branch holds no version from before it was made, whatever any clock says.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_made_from_a_later_version_than_the_write_is_another_one() {
    let store = crashed();
    let entry = in_root(&store, AUTHOR).join("_refs/branches/feature.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    let other = text.replace("\"parentVersion\": 4", "\"parentVersion\": 5");
    assert_ne!(other, text);
    std::fs::write(&entry, other).unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&store.operation()).await;
    assert_eq!(plan.disposition, Disposition::Refused);
    assert_eq!(plan.blockers[0].code, Code::BranchRecreated);
    assert_eq!(opened.log.mutations(), 0);
}

/// Released engines write the branch of a graph and the Lance branches of its tables alike.
#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_of_main_publishes_no_table_of_another_branch() {
    let store = crashed();
    let operation = store.operation();
    let file = in_root(&store, "__recovery").join(operation.file_name());
    let text = std::fs::read_to_string(&file).unwrap();
    let mut sidecar: serde_json::Value = serde_json::from_str(&text).unwrap();
    sidecar["branch"] = serde_json::Value::Null;
    std::fs::write(&file, sidecar.to_string()).unwrap();
    let before = stands(&store).await;
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(
        plan.disposition,
        Disposition::Refused,
        "{}",
        plan.explanation
    );
    assert_eq!(plan.blockers[0].code, Code::TableBranchDiffers);
    assert!(!plan.executable);
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let refused = list.recoveries[0].refused.as_ref().unwrap();
    assert_eq!(refused.code, Code::TableBranchDiffers);
    assert_eq!(opened.log.mutations(), 0);
    assert_eq!(stands(&store).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_branch_was_not_made_from_the_pin_is_left_to_a_person() {
    let store = crashed();
    let entry = in_root(&store, AUTHOR).join("_refs/branches/feature.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    let other = text.replace("\"parentVersion\": 4", "\"parentVersion\": 3");
    assert_ne!(other, text);
    std::fs::write(&entry, other).unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&store.operation()).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    assert_eq!(plan.blockers[0].code, Code::PinOnAnotherBranch);
    assert_eq!(opened.log.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_changed_the_schema_is_not_taken_back() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let operation = store.operation();
    let opened = store.open().await;
    opened.recover(&operation).await;
    let answer = service::undo(&opened.root, &operation, clock::now())
        .await
        .unwrap();
    let Answer::No(refusal) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.reasons[0].code, Code::SchemaChanged, "{refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_somebody_else_above_the_pin_needs_an_acknowledgement() {
    use sidecar::Requirement;
    let store = Store::unpacked("omnigraph-0.7.0", "forward-ensure-indices");
    let operation = store.operation();
    let lance = store.lance().await;
    let table = TableLocation::main(AUTHOR);
    lance.set_config(&table, "somebody", "else").await.unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollForward);
    assert_eq!(
        plan.requires,
        [Requirement::WritersStopped, Requirement::UnexpectedCommits]
    );
    let named = &plan.tables[0].table.unexpected;
    assert_eq!((named.len(), named[0].version), (1, 6));

    let digest = plan.digest.unwrap();
    let mut approver = crate::support::approver();
    let answer = service::approve(
        &opened.root,
        &operation,
        digest,
        approver.clone(),
        clock::now(),
    );
    assert!(matches!(answer.await.unwrap(), Answer::No(_)));
    approver.acknowledged.insert(Requirement::UnexpectedCommits);
    let answer = service::approve(&opened.root, &operation, digest, approver, clock::now());
    assert!(matches!(answer.await.unwrap(), Answer::Done(_)));
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    assert_eq!(stands(&store).await["main"]["node:Author"].0, 6);
}
