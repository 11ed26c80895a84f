//! Somebody replaces the file of an operation that was begun, or takes it away: the journaled bytes count.

use restore_backend::service;
use root_objects::clock;
use sidecar::follow_up::dismissal_id;
use sidecar::{Code, Disposition, OperationId, OutcomeKind, SidecarFate};

use super::{AUTHOR_VERSIONS, TABLES, agree, dies_after, plan_of, recover};
use crate::support::{Opened, Store, place, rows};

/// Two tables moved; the first is restored, and a stranger's commit to the second ended the attempt.
async fn interrupted_half_way() -> (Store, OperationId) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let digest = dies_after(&store, &operation, AUTHOR_VERSIONS).await;
    let lance = store.lance().await;
    lance
        .append_rows(&place("edge:Wrote"), &rows(200..201))
        .await
        .unwrap();
    let opened = store.open().await;
    // The other restore may have landed before the process died.
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(!store.drift().await.is_empty());
    (store, operation)
}

async fn dispositions(opened: &Opened) -> Vec<(Disposition, Option<Code>)> {
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let line = |recovery: &sidecar::api::RecoverySummary| {
        let refused = recovery.refused.as_ref().map(|reason| reason.code);
        (recovery.disposition, refused)
    };
    list.recoveries.iter().map(line).collect()
}

async fn the_journaled_bytes_count(bytes: Vec<u8>) {
    let (store, operation) = interrupted_half_way().await;
    let file = operation.file_name();
    let path = store.path().join("__recovery").join(&file);
    std::fs::write(&path, &bytes).unwrap();
    let opened = store.open().await;
    assert_eq!(
        dispositions(&opened).await,
        [
            (Disposition::Refused, Some(Code::DuplicateOperationId)),
            (Disposition::RollBack, None)
        ]
    );
    let named = plan_of(&opened, &file).await;
    assert_eq!(named.disposition, Disposition::Refused, "the file is meant");

    // Setting the file aside leaves the operation as it is.
    let dismissal = service::dismiss(&opened.root, &file, clock::now())
        .await
        .unwrap();
    assert_ne!(dismissal.operation_id, operation.as_str());
    let dismissed: OperationId = dismissal.operation_id.parse().unwrap();
    assert_eq!(
        recover(&opened, &dismissed).await.outcome,
        OutcomeKind::CleanedUp
    );
    assert!(!path.exists());
    assert_eq!(dispositions(&opened).await, [(Disposition::RollBack, None)]);
    let report = recover(&opened, &operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert!(store.drift().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_does_not_end_an_operation_half_way() {
    the_journaled_bytes_count(b"not a sidecar".to_vec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_grown_out_of_bounds_does_not_end_an_operation_half_way() {
    the_journaled_bytes_count(vec![b' '; (1 << 20) + 1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sidecar_of_another_operation_hides_none() {
    let other = {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES[2..], 1).await;
        std::fs::read(store.path().join("__recovery").join(operation.file_name())).unwrap()
    };
    the_journaled_bytes_count(other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_stays_when_its_operation_is_recovered_and_can_be_set_aside_after() {
    let (store, operation) = interrupted_half_way().await;
    let path = store.path().join("__recovery").join(operation.file_name());
    std::fs::write(&path, b"not a sidecar").unwrap();
    let opened = store.open().await;
    let report = recover(&opened, &operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(report.sidecar, SidecarFate::Replaced);
    assert!(store.drift().await.is_empty());
    assert_eq!(std::fs::read(&path).unwrap(), b"not a sidecar");

    let file = sidecar::SidecarFile::read(
        &operation.file_name(),
        b"not a sidecar".to_vec(),
        &sidecar::Limits::DEFAULT,
    );
    service::dismiss(&opened.root, &file.file, clock::now())
        .await
        .unwrap();
    recover(&opened, &dismissal_id(&file)).await;
    assert!(dispositions(&opened).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_whose_file_was_replaced_costs_a_look_nothing_once_that_file_is_gone() {
    let (store, operation) = interrupted_half_way().await;
    let path = store.path().join("__recovery").join(operation.file_name());
    std::fs::write(&path, b"not a sidecar").unwrap();
    let opened = store.open().await;
    let report = recover(&opened, &operation).await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Replaced)
    );
    assert_eq!(store.marks_of(&operation), [] as [String; 0]);

    // As long as the other file is there, its journal tells what that file is not.
    assert_eq!(dispositions(&opened).await.len(), 1);
    let told = service::dismiss(&opened.root, &operation.file_name(), clock::now()).await;
    let told = told.unwrap();
    assert_ne!(told.operation_id, operation.as_str());
    assert!(told.executable, "{:?}", told.blockers);
    opened.log.reset();
    let report = opened.apply(&operation, report.digest).await;
    assert_eq!(
        (report.outcome, report.sidecar, opened.log.mutations()),
        (OutcomeKind::RolledBack, SidecarFate::Replaced, 0)
    );

    std::fs::remove_file(&path).unwrap();
    opened.log.reset();
    assert!(dispositions(&opened).await.is_empty());
    let requests = opened.log.requests();
    assert!(
        !requests
            .iter()
            .any(|request| request.path.contains(operation.as_str())),
        "{requests:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_was_recorded_and_not_shown_is_listed_though_its_file_is_gone() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let claim = format!("__recovery_log/{operation}/000002.json");
    let digest = dies_after(&store, &operation, claim).await;
    let journal = store.path().join("__recovery_log").join(operation.as_str());
    assert!(!journal.join("claim.json").exists());
    std::fs::remove_file(store.path().join("__recovery").join(operation.file_name())).unwrap();

    let opened = store.open().await;
    assert_eq!(dispositions(&opened).await, [(Disposition::RollBack, None)]);
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    assert!(store.drift().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_that_are_closed_cost_a_list_nothing() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store.open().await;
    agree(&opened, &operation).await;
    recover(&opened, &operation).await;
    opened.log.reset();
    assert!(dispositions(&opened).await.is_empty());
    let requests = opened.log.requests();
    let of_journals = requests
        .iter()
        .filter(|request| request.path.starts_with("__recovery_log"));
    assert_eq!(of_journals.count(), 1, "{requests:?}");
}
