//! A copy of a root holds the journal of what was begun at the original, and none of its consent.

use std::sync::Arc;

use sidecar::Digest;

use super::*;
use crate::support::gates::DiesAt;

/// Applies as a process that dies right after mutating request number `request`.
async fn dies_after(store: &Store, operation: &OperationId, digest: Digest, request: u64) {
    let gate = Arc::new(DiesAt::after(request));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0, "request {request} was never reached");
}

/// Whatever was begun at the original, its copy does not go on with it: somebody has to say that it is over there, and then it is
/// planned and approved anew, also where the original is gone. The original goes on.
async fn is_not_resumed_in_a_copy(
    store: &Store,
    operation: &OperationId,
    digest: Digest,
    outcome: OutcomeKind,
) {
    let copy = store.copy();
    let opened = copy.open().await;
    let report = opened.apply(operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Refused, "{}", report.detail);
    assert_eq!(report.differences[0].field.name(), "root");
    assert!(
        report.detail.contains(store.path().to_str().unwrap())
            && report.detail.contains(copy.path().to_str().unwrap()),
        "{}",
        report.detail
    );
    assert_eq!(opened.log.mutations(), 0, "nobody's attempt is ended");
    let ending = service::Ending {
        name: "grace".to_owned(),
        reason: "this is a copy".to_owned(),
        writers_stopped: true,
    };
    let ended = service::end(&opened.root, operation, digest, ending, clock::now()).await;
    assert!(matches!(ended.unwrap(), Answer::Done(_)));
    let plan = service::plan(&opened.root, operation.as_str(), clock::now())
        .await
        .unwrap();
    assert_ne!(plan.digest, Some(digest), "{plan:?}");
    let (_, anew) = opened.approve_plan(&plan).await;
    let report = opened.apply(operation, anew).await;
    assert_eq!(report.outcome, outcome, "{}", report.detail);
    assert!(copy.drift().await.is_empty());
    let report = store.open().await.apply(operation, digest).await;
    assert_eq!(report.outcome, outcome, "{}", report.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_restored_a_table_is_not_resumed_in_a_copy() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let digest = store.open().await.approve(&operation).await;
    let before = heads(&store).await;
    for request in 10.. {
        dies_after(&store, &operation, digest, request).await;
        if heads(&store).await != before {
            break;
        }
    }
    is_not_resumed_in_a_copy(&store, &operation, digest, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_and_a_dismissal_are_not_resumed_in_a_copy() {
    let store = Store::with_tables(&TABLES).await;
    let recovered = store.crashed_write(&TABLES, 2).await;
    store.open().await.recover(&recovered).await;
    std::fs::write(store.path().join("__recovery/notes.json"), "no sidecar").unwrap();
    let opened = store.open().await;
    let release = planned(opened.release(&recovered).await);
    let dismissal = service::dismiss(&opened.root, "notes.json", clock::now())
        .await
        .unwrap();
    for plan in [release, dismissal] {
        let (operation, digest) = (plan.operation_id.parse().unwrap(), plan.digest.unwrap());
        let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now());
        assert!(matches!(answer.await.unwrap(), Answer::Done(_)));
        dies_after(&store, &operation, digest, 2).await;
        is_not_resumed_in_a_copy(&store, &operation, digest, OutcomeKind::CleanedUp).await;
    }
    assert_eq!(tags(&store, &recovered).await, 0);
}
