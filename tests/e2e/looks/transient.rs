//! One failed read, after the claim or before: nothing is concluded from it, and the next apply goes on.

use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service::{self, ServiceError};
use root_objects::store::Verb;
use root_objects::{clock, sidecar_dir::SIDECAR_FOLDER};
use sidecar::api::Progress;
use sidecar::follow_up::undo_id;
use sidecar::{OperationId, OutcomeKind};

use super::{AUTHOR_VERSIONS, FailsARead, TABLES, agree};
use crate::support::{Store, approver};

/// An apply that meets the failure says so, and the one after it ends as if nothing had been.
async fn goes_on_after(
    store: &Store,
    operation: &OperationId,
    gate: FailsARead,
    outcome: OutcomeKind,
) {
    let at = format!("{gate:?}");
    let digest = agree(&store.open().await, operation).await;
    let gate = Arc::new(gate);
    let unlucky = store.open_behind(gate.clone()).await;
    let answer = service::apply(&unlucky.root, operation, digest, &ProgressSink::default()).await;
    assert!(gate.has_failed(), "{at} was never asked: {answer:?}");
    assert!(
        matches!(
            answer,
            Err(ServiceError::Observe(_) | ServiceError::Effect { .. })
        ),
        "{at}: {answer:?}"
    );
    let again = store.open().await;
    assert_eq!(
        again.plan(operation).await.progress,
        Progress::UnderWay,
        "{at}: the attempt stays open"
    );
    let report = again.apply(operation, digest).await;
    assert_eq!(report.outcome, outcome, "{at}: {}", report.detail);
    assert!(store.drift().await.is_empty(), "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_after_the_claim_has_not_moved() {
    let catalog = (Verb::List, "__manifest/_versions");
    let head = (Verb::List, AUTHOR_VERSIONS);
    let files = (Verb::Head, "tables/node_Author/data");
    for (committed, outcome, reads) in [
        (1, OutcomeKind::RolledBack, &[catalog, head, files][..]),
        (2, OutcomeKind::RolledForward, &[catalog, head]),
        (0, OutcomeKind::CleanedUp, &[catalog, head]),
    ] {
        for (verb, path) in reads {
            let store = Store::with_tables(&TABLES).await;
            let operation = store.crashed_write(&TABLES[..2], committed).await;
            let gate = FailsARead::after_the_claim(*verb, path);
            goes_on_after(&store, &operation, gate, outcome).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_has_not_moved_since_it_was_recovered() {
    for (verb, path) in [
        (Verb::List, "__manifest/_versions"),
        (Verb::List, AUTHOR_VERSIONS),
        (Verb::Head, "tables/node_Author/data"),
    ] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES[..2], 2).await;
        let opened = store.open().await;
        let forward = opened.recover(&operation).await;
        assert_eq!(forward.outcome, OutcomeKind::RolledForward);
        service::undo(&opened.root, &operation, clock::now())
            .await
            .unwrap();
        let gate = FailsARead::after_the_claim(verb, path);
        goes_on_after(&store, &undo_id(&operation), gate, OutcomeKind::RolledBack).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_cannot_be_read_is_not_gone() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let quiet = store.open().await;
    let digest = quiet.plan(&operation).await.digest.unwrap();
    let fails = || {
        let path = format!("{SIDECAR_FOLDER}/{operation}.json");
        Arc::new(FailsARead::at_once(Verb::Get, &path))
    };
    let unlucky = store.open_behind(fails()).await;
    let approved =
        service::approve(&unlucky.root, &operation, digest, approver(), clock::now()).await;
    assert!(
        matches!(approved, Err(ServiceError::Observe(_))),
        "{approved:?}"
    );

    agree(&quiet, &operation).await;
    let unlucky = store.open_behind(fails()).await;
    let sink = ProgressSink::default();
    let applied = service::apply(&unlucky.root, &operation, digest, &sink).await;
    assert!(
        matches!(applied, Err(ServiceError::Observe(_))),
        "{applied:?}"
    );
    assert_eq!(
        quiet.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
}
