//! The list before an upgrade, of graphs that released engines left behind: before and after this program recovered them.

use lance::Dataset;
use restore_backend::service::Answer;
use sidecar::OperationId;

use super::*;

/// Drops the tags of a recovery.
pub(super) async fn release(store: &Store, operation: &OperationId) {
    let opened = store.open().await;
    let answer = service::release(&opened.root, operation, clock::now()).await;
    let Answer::Done(plan) = answer.unwrap() else {
        panic!("no release of {operation}")
    };
    let (release, digest) = opened.approve_plan(&plan).await;
    opened.apply(&release, digest).await;
}

async fn is_ready_once_recovered(engine: &str, name: &str) {
    let store = Store::unpacked(engine, name);
    let before = not_yes(&before_an_upgrade(&store).await);
    for item in [
        ChecklistItem::SidecarsResolved,
        ChecklistItem::NoSidecarFiles,
    ] {
        assert!(
            before.contains(&(item, CheckStatus::No)),
            "{name}: {before:?}"
        );
    }
    let operation = store.operation();
    store.open().await.recover(&operation).await;
    let report = before_an_upgrade(&store).await;
    let tags = [(ChecklistItem::NoRecoveryTags, CheckStatus::No)];
    let left = not_yes(&report);
    assert!(left.is_empty() || left == tags, "{name}: {report:#?}");
    if !left.is_empty() {
        release(&store, &operation).await;
    }
    let report = before_an_upgrade(&store).await;
    assert_eq!(not_yes(&report), [], "{name}: {report:#?}");
    assert!(!report.stands_in_the_way, "{name}: {report:#?}");
    let items = report.upgrade.unwrap();
    let says = |item| items.iter().find(|line| line.item == item);
    let export = says(ChecklistItem::AllIsPublished).unwrap();
    assert!(
        export
            .detail
            .contains("An export has the published rows alone.")
    );
    let history = says(ChecklistItem::HistoryIsWhole).and_then(|line| line.branch.as_deref());
    let wanted = (report.catalog.stamp == Some(4)).then_some("main");
    assert_eq!(history, wanted, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_of_0_7_0_is_ready_once_it_is_recovered() {
    for name in [
        "forward-mutation",
        "back-mid-phase",
        "forward-branch-mutation",
        "forward-merge-into-branch",
    ] {
        is_ready_once_recovered("omnigraph-0.7.0", name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_of_0_7_0_whose_schema_change_died_is_ready_once_it_is_recovered() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let before = not_yes(&before_an_upgrade(&store).await);
    for item in [
        ChecklistItem::NoSchemaLock,
        ChecklistItem::NoStagedSchemaFiles,
    ] {
        assert!(before.contains(&(item, CheckStatus::No)), "{before:?}");
    }
    is_ready_once_recovered("omnigraph-0.7.0", "schema-mixed-staged").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_of_0_8_0_is_ready_once_it_is_recovered() {
    is_ready_once_recovered("omnigraph-0.8.0", "forward-mutation").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_has_not_ended_stands_in_the_way() {
    let store = Store::with_tables(&TABLES).await;
    let folder = store.path().join("__manifest");
    let mut dataset = Dataset::open(folder.to_str().unwrap()).await.unwrap();
    let pending = ("omnigraph:storage_upgrade_pending", "{}");
    dataset.update_schema_metadata([pending]).await.unwrap();
    let report = before_an_upgrade(&store).await;
    the_one(&report, FindingKind::UpgradeUnderWay);
    assert!(not_yes(&report).contains(&(ChecklistItem::NoUpgradeUnderWay, CheckStatus::No)));
}
