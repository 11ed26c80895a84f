//! Branches of a graph as omnigraph 0.10.0 makes them: the Lance branch of the catalog has a dot and a ULID behind the branch's name.
//!
//! No graph of that engine is at hand. These are graphs of 0.9.0 whose Lance branch was made anew under such a name, from the same version
//! and with the same identifier.

use lance::Dataset;
use restore_backend::service;
use root_objects::clock;
use serde_json::Value;
use sidecar::doctor::{CheckStatus, ChecklistItem, ChecklistLine, DoctorScope, FindingKind};
use sidecar::{Code, Disposition, OutcomeKind};

use super::{lineage, stands};
use crate::support::Store;

const ENGINE: &str = "omnigraph-0.9.0";
const BRANCH: &str = "feature";
const SUFFIXED: &str = "feature.01M8KHAZZZZZZZZZZZZZZZZZZZ";
const OTHER: &str = "feature.01M8KHBZZZZZZZZZZZZZZZZZZZ";

/// The graph, with its branch under another name.
async fn with_suffix(archive: &str) -> Store {
    let store = Store::unpacked(ENGINE, archive);
    let entry = entry(&store, BRANCH);
    make_branch(&store, SUFFIXED, Some(&entry["identifier"])).await;
    remove_branch(&store, BRANCH);
    store
}

fn entry_path(store: &Store, branch: &str) -> std::path::PathBuf {
    let folder = store.path().join("__manifest/_refs/branches");
    folder.join(format!("{branch}.json"))
}

fn entry(store: &Store, branch: &str) -> Value {
    serde_json::from_slice(&std::fs::read(entry_path(store, branch)).unwrap()).unwrap()
}

async fn make_branch(store: &Store, branch: &str, identifier: Option<&Value>) {
    let from = entry(store, BRANCH)["parentVersion"].as_u64().unwrap();
    let lance = store.lance().await;
    lance
        .create_branch("__manifest", branch, from)
        .await
        .unwrap();
    if let Some(identifier) = identifier {
        let mut entry = entry(store, branch);
        entry["identifier"] = identifier.clone();
        std::fs::write(entry_path(store, branch), entry.to_string()).unwrap();
    }
}

fn remove_branch(store: &Store, branch: &str) {
    std::fs::remove_file(entry_path(store, branch)).unwrap();
    std::fs::remove_dir_all(store.path().join("__manifest/tree").join(branch)).unwrap();
}

/// Recovers the graph as it is and with its branch renamed: both have to end alike.
async fn ends_alike(archive: &str, outcome: OutcomeKind) {
    let bare = Store::unpacked(ENGINE, archive);
    let suffixed = with_suffix(archive).await;
    let operation = bare.operation();
    for store in [&bare, &suffixed] {
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, outcome, "{}", report.detail);
        opened.log.reset();
        let again = opened.apply(&operation, digest).await;
        assert_eq!(again.outcome, outcome, "{}", again.detail);
        assert_eq!(opened.log.mutations(), 0, "done again, it changes nothing");
    }
    let mut expected = stands(&bare).await;
    let branch = expected.remove(BRANCH).unwrap();
    expected.insert(SUFFIXED.to_owned(), branch);
    assert_eq!(stands(&suffixed).await, expected);
    assert_eq!(
        lineage::commits(&suffixed, Some(SUFFIXED)).await,
        lineage::commits(&bare, Some(BRANCH)).await,
    );
    let newest = lineage::commits(&suffixed, Some(SUFFIXED)).await;
    let newest = newest.iter().max_by_key(|commit| commit.manifest_version);
    assert_eq!(
        newest.unwrap().manifest_branch.as_deref(),
        Some(BRANCH),
        "the history calls it as the graph does"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_branch_with_a_suffix_is_published_there() {
    ends_alike(
        "v9-mutation-branch-first-write-confirmed",
        OutcomeKind::RolledForward,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_branch_with_a_suffix_is_taken_back_there() {
    ends_alike(
        "v9-mutation-branch-first-write-effects",
        OutcomeKind::RolledBack,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lance_branch_is_shown_and_what_its_file_covers_is_no_drift() {
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    let opened = store.open().await;
    let plan = opened.plan(&store.operation()).await;
    assert_eq!(plan.branch.as_deref(), Some(BRANCH));
    let shown = plan.steps.iter().flat_map(|step| &step.objects);
    let place = format!("__manifest/tree/{SUFFIXED}");
    assert!(shown.into_iter().any(|object| *object == place));
    let report = service::doctor(&opened.root, DoctorScope::Today, clock::now()).await;
    let report = report.unwrap();
    let mut findings = report.findings.iter();
    assert!(!findings.any(|finding| finding.kind == FindingKind::UncoveredCommits));
}

/// The history has the commits of such a branch under its name without the suffix, and the row of its head too.
#[tokio::test(flavor = "multi_thread")]
async fn before_an_upgrade_the_head_row_of_a_branch_with_a_suffix_is_checked() {
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    store.open().await.recover(&store.operation()).await;
    let history = async || {
        let opened = store.open().await;
        let report = service::doctor(&opened.root, DoctorScope::Upgrade, clock::now()).await;
        let mut lines = report.unwrap().upgrade.unwrap().into_iter();
        let of_branch = |line: &ChecklistLine| line.branch.as_deref() == Some(SUFFIXED);
        let line = lines.find(|line| line.item == ChecklistItem::HistoryIsWhole && of_branch(line));
        line.unwrap()
    };
    let whole = history().await;
    assert_ne!(whole.status, CheckStatus::No, "{whole:?}");

    let folder = store.path().join("__manifest");
    let dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    let mut dataset = dataset.checkout_branch(SUFFIXED).await.unwrap();
    let removed = dataset.delete("object_id = 'graph_head:feature'").await;
    removed.unwrap();
    let broken = history().await;
    assert_eq!(broken.status, CheckStatus::No, "{broken:?}");
    assert!(broken.detail.contains("no head row"), "{}", broken.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_deleted_and_made_again_under_another_suffix_is_another_one() {
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    let digest = store.open().await.approve(&store.operation()).await;
    // Made from the same version, with an identifier of its own.
    std::fs::write(
        entry_path(&store, BRANCH),
        std::fs::read(entry_path(&store, SUFFIXED)).unwrap(),
    )
    .unwrap();
    make_branch(&store, OTHER, None).await;
    std::fs::remove_file(entry_path(&store, BRANCH)).unwrap();
    remove_branch(&store, SUFFIXED);
    let before = stands(&store).await;
    let report = store.open().await.apply(&store.operation(), digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(stands(&store).await, before);
    let plan = store.open().await.plan(&store.operation()).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    assert_eq!(plan.blockers[0].code, Code::BranchRecreated);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_while_two_lance_branches_may_be_the_branch() {
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    std::fs::copy(entry_path(&store, SUFFIXED), entry_path(&store, BRANCH)).unwrap();
    make_branch(&store, OTHER, None).await;
    std::fs::remove_file(entry_path(&store, BRANCH)).unwrap();
    let plan = store.open().await.plan(&store.operation()).await;
    assert!(!plan.executable);
    let named = |name| {
        plan.blockers
            .iter()
            .any(|reason| reason.detail.contains(name))
    };
    assert!(named(SUFFIXED) && named(OTHER), "{:?}", plan.blockers);
}

/// omnigraph v0.11.0 keeps the Lance branch of a deleted branch, with a mark in its entry.
#[tokio::test(flavor = "multi_thread")]
async fn a_lance_branch_that_is_marked_as_deleted_is_not_the_branch() {
    let retire = |store: &Store, branch: &str| {
        let mut entry = entry(store, branch);
        entry["metadata"] = serde_json::json!({ "omnigraph.retired_manifest_branch": "{}" });
        std::fs::write(entry_path(store, branch), entry.to_string()).unwrap();
    };
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    let identifier = entry(&store, SUFFIXED)["identifier"].clone();
    std::fs::copy(entry_path(&store, SUFFIXED), entry_path(&store, BRANCH)).unwrap();
    make_branch(&store, OTHER, Some(&identifier)).await;
    std::fs::remove_file(entry_path(&store, BRANCH)).unwrap();
    retire(&store, SUFFIXED);
    let plan = store.open().await.plan(&store.operation()).await;
    assert_eq!(
        plan.disposition,
        Disposition::RollForward,
        "{:?}",
        plan.blockers
    );
    retire(&store, OTHER);
    let plan = store.open().await.plan(&store.operation()).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    let told = &plan.blockers[0];
    assert_eq!(told.code, Code::BranchTreeLeft, "{told:?}");
    assert!(told.detail.contains("is not in the catalog"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_a_branch_that_is_gone_under_every_name_is_orphaned() {
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    remove_branch(&store, SUFFIXED);
    let plan = store.open().await.plan(&store.operation()).await;
    assert!(
        matches!(
            plan.disposition,
            Disposition::OrphanedBranch | Disposition::Abort
        ),
        "{:?}",
        plan.disposition
    );
}

/// Nothing keeps people from giving a branch such a name themselves. Then the history calls it by all of that name.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_branch_that_is_called_so_keeps_the_whole_name() {
    let store = with_suffix("v9-mutation-branch-first-write-confirmed").await;
    let operation = store.operation();
    let path = store.path().join("__recovery").join(operation.file_name());
    let text = std::fs::read_to_string(&path).unwrap();
    let renamed = text
        .replace(
            "\"branch\": \"feature\"",
            &format!("\"branch\": \"{SUFFIXED}\""),
        )
        .replace(
            "\"branch\":\"feature\"",
            &format!("\"branch\":\"{SUFFIXED}\""),
        );
    assert_ne!(text, renamed);
    std::fs::write(&path, renamed).unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(
        plan.disposition,
        Disposition::RollForward,
        "{:?}",
        plan.blockers
    );
    let report = opened.recover(&operation).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    let newest = lineage::commits(&store, Some(SUFFIXED)).await;
    let newest = newest.iter().max_by_key(|commit| commit.manifest_version);
    assert_eq!(newest.unwrap().manifest_branch.as_deref(), Some(SUFFIXED));
}
