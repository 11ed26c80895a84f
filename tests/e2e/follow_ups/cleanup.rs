//! A cleanup removed the version that readers see, between the crash and its recovery.

use lance::Dataset;
use lance::dataset::cleanup::CleanupPolicyBuilder;

use super::*;
use crate::support::gates::DiesAt;

/// Keeps the newest version of a table, and no other.
async fn clean_up(store: &Store, table: &str) {
    let path = store.path().join(place(table).path);
    let dataset = Dataset::open(path.to_str().unwrap()).await.unwrap();
    let policy = CleanupPolicyBuilder::default()
        .retain_n_versions(&dataset, 1)
        .await
        .unwrap()
        .delete_unverified(true)
        .build();
    dataset.cleanup_with_policy(policy).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_needs_no_version_that_was_cleaned_up() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    let whole = opened.approve(&operation).await;
    clean_up(&store, TABLES[0]).await;
    assert_eq!(store.head(TABLES[0]).await, 2);

    let moved = opened.apply(&operation, whole).await;
    assert_eq!(moved.outcome, OutcomeKind::Conflict, "{}", moved.detail);
    assert_eq!(moved.differences[0].field.name(), "visible_version");
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollForward);
    assert!(
        plan.explanation.contains("cannot be taken back"),
        "{plan:?}"
    );
    let (_, digest) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    let visible = store.visible_rows().await;
    assert!(visible.values().all(|rows| rows.len() == 13), "{visible:?}");
    assert!(store.drift().await.is_empty());
    // HEAD of all three, and the pins of the two that have them.
    assert_eq!(tags(&store, &operation).await, 5);

    let Answer::No(refused) = opened.undo(&operation).await else {
        panic!("it can be undone")
    };
    assert!(
        refused.detail.contains("cleaned away"),
        "{}",
        refused.detail
    );
    let release = planned(opened.release(&operation).await);
    opened.carry_out(&release).await;
    assert_eq!(tags(&store, &operation).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_whose_pin_is_cleaned_up_before_it_is_tagged_is_planned_anew() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let digest = store.open().await.approve(&operation).await;
    // The record and the object that say that it is claimed.
    let gate = std::sync::Arc::new(DiesAt::after(2));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(gate.left(), 0);
    clean_up(&store, TABLES[0]).await;
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let plan = opened.plan(&operation).await;
    let (_, digest) = opened.approve_plan(&plan).await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_write_over_a_version_that_was_cleaned_up_is_set_aside() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 1).await;
    clean_up(&store, TABLES[0]).await;
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    assert_eq!(codes(&plan), [Code::TargetNotRestorable]);
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries[0].disposition, Disposition::Abort);
    let dismissal = service::dismiss(&opened.root, operation.as_str(), clock::now())
        .await
        .unwrap();
    opened.carry_out(&dismissal).await;
    assert_eq!(store.sidecars(), 0);
}
