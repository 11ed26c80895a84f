//! Approvals that come in while somebody executes.

use std::sync::Arc;

use restore_backend::service::{Answer, Approver};
use restore_backend::store::Verb;
use restore_backend::{clock, service};
use sidecar::OutcomeKind;

use super::setup::{Before, Expected, TABLES, is_recovered_once};
use crate::support::{Store, approver};

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_comes_in_during_the_claim_does_not_stop_it() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES, 2).await;
    let expected = Expected::of(&store, &operation).await;
    let digest = store.open().await.approve(&operation).await;
    let gate = {
        let (store, operation) = (store.clone(), operation.clone());
        Before::new(
            Verb::PutCreate,
            format!("__recovery_log/{operation}/000002"),
            move || {
                let (store, operation) = (store.clone(), operation.clone());
                async move {
                    let second = Approver {
                        name: "hopper".to_owned(),
                        ..approver()
                    };
                    let answer = service::approve(
                        &store.open().await.root,
                        &operation,
                        digest,
                        second,
                        clock::now(),
                    )
                    .await
                    .unwrap();
                    assert!(matches!(answer, Answer::Done(_)), "{answer:?}");
                }
            },
        )
    };
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
    is_recovered_once(
        &store,
        &store.open().await,
        &operation,
        &expected,
        "two approvals",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_comes_in_after_the_claim_is_refused() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    // The approver has seen the plan, and its record is about to be written, when an executor claims and finishes.
    let gate = {
        let (store, operation) = (store.clone(), operation.clone());
        Before::new(
            Verb::PutCreate,
            format!("__recovery_log/{operation}/000002"),
            move || {
                let (store, operation) = (store.clone(), operation.clone());
                async move {
                    assert_eq!(
                        store.open().await.apply(&operation, digest).await.outcome,
                        OutcomeKind::RolledBack
                    );
                }
            },
        )
    };
    let late = store.open_behind(gate).await;
    let answer = service::approve(&late.root, &operation, digest, approver(), clock::now())
        .await
        .unwrap();
    assert!(matches!(answer, Answer::No(_)), "{answer:?}");
    assert!(opened.audit_holds(&operation).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_comes_in_during_the_claim_is_a_refusal_and_nothing_is_touched() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES, 2).await;
    let digest = store.open().await.approve(&operation).await;
    let (visible, drift) = (store.visible_rows().await, store.drift().await);
    let gate = {
        let (store, operation) = (store.clone(), operation.clone());
        Before::new(
            Verb::PutCreate,
            format!("__recovery_log/{operation}/000002"),
            move || {
                let (store, operation) = (store.clone(), operation.clone());
                async move {
                    let root = store.open().await.root;
                    let revoked =
                        service::revoke(&root, &operation, digest, "hopper", None, clock::now());
                    assert!(matches!(revoked.await.unwrap(), Answer::Done(_)));
                }
            },
        )
    };
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(report.outcome, OutcomeKind::Refused, "{report:?}");
    assert!(report.detail.contains("approve"), "{}", report.detail);
    assert_eq!(store.visible_rows().await, visible);
    assert_eq!(store.drift().await, drift);
    assert_eq!(store.sidecars(), 1, "the sidecar is still pending");
    // Approved anew, it is carried out.
    let report = store.open().await.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
}
