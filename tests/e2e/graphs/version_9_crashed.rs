//! The console dies while it recovers a graph of omnigraph 0.9.0, and others act before it goes on.

use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::clock;
use root_objects::store::Verb;
use sidecar::{Digest, Disposition, Effect, OperationId, OutcomeKind};

use super::lineage;
use crate::support::Store;
use crate::support::crash;
use crate::support::gates::{DiesAt, Point};

const ENGINE: &str = "omnigraph-0.9.0";
/// Both its tables carry the write, which its writer never confirmed.
const TO_BE_ROLLED_BACK: &str = "v9-load-append-effects";

/// Carries the plan of the graph out until the process dies before its first request of this kind.
async fn died_at(store: &Store, verb: Verb, path: &str) -> (OperationId, Digest) {
    let operation = store.operation();
    let digest = store.open().await.approve(&operation).await;
    let gate = Arc::new(DiesAt::at(Point::first(verb, path)));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0, "{path} was never written");
    (operation, digest)
}

fn file(store: &Store, operation: &OperationId) -> std::path::PathBuf {
    store.path().join("__recovery").join(operation.file_name())
}

/// The rows of recoveries, as `kind outcomes`.
async fn recoveries(store: &Store) -> Vec<String> {
    let rows = lineage::recoveries(store).await;
    rows.iter()
        .map(|row| format!("{} {}", row.kind, row.outcomes))
        .collect()
}

async fn every_crash_converges(archive: &str, branch: Option<&str>) {
    let template = Store::unpacked(ENGINE, archive);
    let operation = template.operation();
    let approve = async |store: &Store| {
        let digest = store.open().await.approve(&operation).await;
        (operation.clone(), digest)
    };
    let stand = async |store: &Store| {
        (
            super::stands(store).await,
            super::schema_files(store),
            recoveries(store).await,
            lineage::commits(store, branch).await,
            store.sidecars(),
            super::folders_of_tables(store),
        )
    };
    let (_, left, requests) = crash::every_crash_converges(&template, approve, stand).await;
    assert_eq!((left.2.len(), left.4), (1, 0));
    assert!(requests > 15, "{requests} requests are not all of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_taken_back_survives_a_crash_at_every_request() {
    every_crash_converges("v9-mutation-insert-effects", None).await;
}

/// It overwrote two tables and made the dataset of a third, which goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_that_is_taken_back_survives_a_crash_at_every_request() {
    every_crash_converges("v9-schema-mixed-staged", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_that_is_published_survives_a_crash_at_every_request() {
    every_crash_converges("v9-schema-mixed-confirmed", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_published_survives_a_crash_at_every_request() {
    every_crash_converges("v9-merge-main-into-branch-confirmed", Some("feature")).await;
}

/// An engine that finds the undo's graph commit, and no undo in the file, refuses to open the graph.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_restored_or_published_once_the_file_has_other_bytes_than_the_undo_gave_it() {
    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_BACK);
    let name = file(&store, &store.operation());
    let before = std::fs::read(&name).unwrap();
    let stood = super::stands(&store).await;
    let (operation, digest) = died_at_the_restore(&store).await;
    assert_ne!(std::fs::read(&name).unwrap(), before, "the undo is in it");
    std::fs::write(&name, &before).unwrap();
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(report.detail.contains("other bytes"), "{}", report.detail);
    // Whoever died there may have returned them, for all that the journal tells.
    let effects = report.tables.iter().map(|table| table.effect);
    assert_eq!(effects.collect::<Vec<_>>(), [Effect::Unknown]);
    assert_eq!(super::stands(&store).await, stood);
    assert_eq!(std::fs::read(&name).unwrap(), before, "it stays as it is");
    // Planned anew from the file as it is, it is taken back all the same.
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!((store.sidecars(), recoveries(&store).await.len()), (0, 1));
}

async fn died_at_the_restore(store: &Store) -> (OperationId, Digest) {
    let plan = store.open().await.plan(&store.operation()).await;
    let table = plan
        .tables
        .iter()
        .find(|table| table.table.restore_to.is_some());
    let place = table.unwrap().table.location.clone().unwrap();
    died_at(store, Verb::PutCreate, &format!("{place}/_versions")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_ended_after_its_undo_was_noted_goes_on_from_the_file_as_it_is() {
    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_BACK);
    let (operation, digest) = died_at_the_restore(&store).await;
    let prepared = std::fs::read(file(&store, &operation)).unwrap();
    let opened = store.open().await;
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(
        list.recoveries.len(),
        1,
        "the file is no stranger's: {list:?}"
    );
    super::end(&opened, &operation, digest).await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert_eq!(
        plan.sidecar.as_ref().unwrap().as_bytes(),
        prepared.as_slice()
    );
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    let noted: serde_json::Value = serde_json::from_slice(&prepared).unwrap();
    let noted = &noted["protocol_v3"]["rollback_audit_outcomes"];
    assert_eq!(recoveries(&store).await, [format!("RolledBack {noted}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_that_an_engine_finished_is_recorded_and_leaves_no_question() {
    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_BACK);
    let (operation, digest) =
        died_at(&store, Verb::PutCreate, "_graph_commit_recoveries.lance").await;
    // What an engine does next but for its own record: it removes the file.
    std::fs::remove_file(file(&store, &operation)).unwrap();
    let opened = store.open().await;
    super::end(&opened, &operation, digest).await;
    let plan = opened.plan(&operation).await;
    assert_eq!(
        plan.disposition,
        Disposition::AlreadyRolledBack,
        "{:?}",
        plan.blockers
    );
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    assert_eq!(recoveries(&store).await.len(), 1);
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries.len(), 0);
}

/// Engines have to find the undo in the file before they find a table that was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_removed_is_written_anew_with_the_undo_in_it() {
    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_BACK);
    let name = file(&store, &store.operation());
    let before = std::fs::read(&name).unwrap();
    let (operation, digest) = died_at(&store, Verb::PutCreate, "__manifest/_versions").await;
    std::fs::remove_file(&name).unwrap();
    // It dies once more, right before the first table returns.
    let plan = store.open().await.plan(&operation).await;
    let table = plan
        .tables
        .iter()
        .find(|table| table.table.restore_to.is_some());
    let place = table.unwrap().table.location.clone().unwrap();
    let point = Point::first(Verb::PutCreate, format!("{place}/_versions"));
    let gate = Arc::new(DiesAt::at(point));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0);
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&name).unwrap()).unwrap();
    assert!(written["protocol_v3"]["rollback_audit_outcomes"].is_array());
    assert_ne!(std::fs::read(&name).unwrap(), before);
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!((store.sidecars(), recoveries(&store).await.len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_file_has_the_name_nothing_is_done_and_no_fence_is_added() {
    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_BACK);
    let name = file(&store, &store.operation());
    let before = std::fs::read(&name).unwrap();
    let (operation, digest) = died_at(&store, Verb::PutCreate, "__manifest/_versions").await;
    std::fs::write(&name, br#"{"schema_version":9}"#).unwrap();
    let version = async || store.lance().await.catalog_version(None).await.unwrap();
    let stood = version().await;
    for _ in 0..3 {
        let report = store.open().await.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
        assert!(report.detail.contains("other bytes"), "{}", report.detail);
    }
    assert_eq!(version().await, stood, "no fence for what cannot go on");
    std::fs::write(&name, before).unwrap();
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_published_as_it_was_fixed_though_somebody_removed_its_file() {
    let store = Store::unpacked(ENGINE, "v9-mutation-insert-confirmed");
    let (operation, digest) = died_at(&store, Verb::PutCreate, "__manifest/_versions").await;
    std::fs::remove_file(file(&store, &operation)).unwrap();
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
    assert_eq!(recoveries(&store).await.len(), 1);
}

/// An engine that finds the undo's graph commit, and a file that does not tell of it, refuses to open the graph.
#[tokio::test(flavor = "multi_thread")]
async fn the_file_as_its_writer_left_it_goes_with_the_operation_that_a_later_attempt_finished() {
    let store = Store::unpacked(ENGINE, TO_BE_ROLLED_BACK);
    let name = file(&store, &store.operation());
    let before = std::fs::read(&name).unwrap();
    let (operation, digest) = died_at_the_restore(&store).await;
    let opened = store.open().await;
    super::end(&opened, &operation, digest).await;
    // The next attempt is made from the file with the undo in it, and dies before it removes it.
    let digest = opened.approve(&operation).await;
    let gate = Arc::new(DiesAt::at(Point::first(Verb::Delete, "__recovery/")));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0);
    std::fs::write(&name, &before).unwrap();
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(store.sidecars(), 0);
}
