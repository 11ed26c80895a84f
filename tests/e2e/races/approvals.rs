//! Approvals that come in while somebody executes.

use std::sync::Arc;

use restore_backend::service;
use restore_backend::service::{Answer, Approver, ServiceError};
use root_objects::clock;
use root_objects::store::Verb;
use sidecar::OutcomeKind;
use sidecar::journal::JournalEntry;
use tokio::task::JoinSet;

use super::setup::{Expected, TABLES, is_recovered_once};
use crate::support::gates::{Before, Meeting, Point};
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

/// One who approves, or takes approvals back, and the answer.
#[derive(Debug)]
enum Said {
    Approved(bool),
    Revoked(bool),
}

/// Approvers and revokers of one plan are about to write the same record of its journal, and write it all at once. Everybody who
/// is told that it is done finds it in the journal, and whether the plan may be carried out is what the last of them left.
/// Of 32 people who ask at once, one may lose every try that a single request makes. Who is told so asks again.
#[tokio::test(flavor = "multi_thread")]
async fn approvals_and_revocations_at_once_end_as_the_last_of_them_said() {
    const ROUNDS: [(usize, usize); 8] = [
        (1, 1),
        (1, 1),
        (4, 4),
        (2, 6),
        (6, 2),
        (1, 7),
        (7, 1),
        (16, 16),
    ];
    let (mut approved_last, mut revoked_last) = (0, 0);
    // Who comes last is up to the scheduler, so all is done again if it was always the same.
    for (round, (approvers, revokers)) in ROUNDS.into_iter().cycle().take(64).enumerate() {
        if round >= ROUNDS.len() && approved_last > 0 && revoked_last > 0 {
            break;
        }
        let at = format!("{approvers} approvers, {revokers} revokers");
        let store = Arc::new(Store::with_tables(&TABLES).await);
        let operation = store.crashed_write(&TABLES, 2).await;
        let expected = Expected::of(&store, &operation).await;
        let digest = store.open().await.approve(&operation).await;
        let meeting = Meeting::of(approvers + revokers);
        let mut talking = JoinSet::new();
        for nth in 0..approvers + revokers {
            let record = format!("__recovery_log/{operation}/000002");
            let gate = meeting.at(Point::first(Verb::PutCreate, record));
            let (opened, operation) = (store.open_behind(gate).await, operation.clone());
            talking.spawn(async move {
                let name = format!("person {nth}");
                let (root, now) = (&opened.root, clock::now());
                if nth < approvers {
                    let answer = loop {
                        let name = name.clone();
                        let person = Approver { name, ..approver() };
                        let asked = service::approve(root, &operation, digest, person, now);
                        match asked.await {
                            Err(ServiceError::JournalBusy { .. }) => {}
                            answer => break answer,
                        }
                    };
                    match answer.unwrap() {
                        Answer::Done(report) => {
                            assert!(report.authorized, "its own approval is enough");
                            Said::Approved(true)
                        }
                        Answer::No(_) => Said::Approved(false),
                    }
                } else {
                    let answer = loop {
                        let asked = service::revoke(root, &operation, digest, &name, None, now);
                        match asked.await {
                            Err(ServiceError::JournalBusy { .. }) => {}
                            answer => break answer,
                        }
                    };
                    Said::Revoked(matches!(answer.unwrap(), Answer::Done(_)))
                }
            });
        }
        let said = talking.join_all().await;
        assert_eq!(meeting.met(), approvers + revokers, "{at}");
        let count = |what: fn(&Said) -> bool| said.iter().filter(|said| what(said)).count();
        assert_eq!(
            count(|said| matches!(said, Said::Approved(true))),
            approvers
        );

        let opened = store.open().await;
        let records = opened.records(&operation).await;
        let recorded = |what: fn(&JournalEntry) -> bool| {
            let found = records.iter().filter(|entry| what(entry));
            found.count()
        };
        assert_eq!(
            recorded(|entry| matches!(entry, JournalEntry::Approved { .. })),
            1 + approvers,
            "{at}"
        );
        assert_eq!(
            recorded(|entry| matches!(entry, JournalEntry::Revoked { .. })),
            count(|said| matches!(said, Said::Revoked(true))),
            "{at}: who was told that nothing is approved took nothing back"
        );
        let report = opened.apply(&operation, digest).await;
        if matches!(records.last(), Some(JournalEntry::Approved { .. })) {
            approved_last += 1;
            assert_eq!(report.outcome, expected.outcome, "{at}: {report:?}");
            is_recovered_once(&store, &opened, &operation, &expected, &at).await;
        } else {
            revoked_last += 1;
            assert_eq!(report.outcome, OutcomeKind::Refused, "{at}: {report:?}");
            assert_eq!(store.drift().await.len(), 2, "{at}: nothing is touched");
            let report = opened.recover(&operation).await;
            assert_eq!(report.outcome, expected.outcome, "{at}: {report:?}");
        }
    }
    assert!(
        approved_last > 0 && revoked_last > 0,
        "{approved_last} and {revoked_last}: only one of the two ever came last"
    );
}
