//! Several executors at once, of one operation and of several.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use restore_backend::execute::ProgressSink;
use restore_backend::lance_room::TableWrite;
use restore_backend::service;
use restore_backend::store::{Gate, Request, Verb};
use restore_backend::two_phase_writer::Prepared;
use sidecar::{Disposition, Effect, OutcomeKind};
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

use super::setup::{Before, Expected, RESTORE, TABLES, is_recovered_once, publish_as_a_stranger};
use crate::support::{Store, done, place, rows};

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_takes_over_knows_the_restore_of_the_one_before_it() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let expected = Expected::of(&store, &operation).await;
    let digest = store.open().await.approve(&operation).await;

    // The first stands right before its restore is sent. The second takes over, comes to the same point, and lets the first go on.
    let (arrived, go, sent) = (
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
        Arc::new(Notify::new()),
    );
    let first = {
        let (arrived, go) = (arrived.clone(), go.clone());
        store
            .open_behind(Before::new(Verb::PutCreate, RESTORE, move || {
                let (arrived, go) = (arrived.clone(), go.clone());
                async move {
                    arrived.notify_one();
                    go.notified().await;
                }
            }))
            .await
    };
    let second = {
        let (go, sent) = (go.clone(), sent.clone());
        store
            .open_behind(Before::new(Verb::PutCreate, RESTORE, move || {
                let (go, sent) = (go.clone(), sent.clone());
                async move {
                    go.notify_one();
                    sent.notified().await;
                }
            }))
            .await
    };
    let slow = {
        let operation = operation.clone();
        tokio::spawn(async move {
            let report = first.apply(&operation, digest).await;
            sent.notify_one();
            report
        })
    };
    arrived.notified().await;
    let report = second.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
    let overtaken = slow.await.unwrap();
    assert_eq!(
        overtaken.outcome,
        OutcomeKind::Unknown,
        "it sent a restore and cannot say that nothing changed: {overtaken:?}"
    );
    assert!(
        overtaken
            .tables
            .iter()
            .any(|table| table.effect == Effect::Unknown)
    );
    is_recovered_once(
        &store,
        &store.open().await,
        &operation,
        &expected,
        "after both",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_executors_at_once_recover_once() {
    for committed in [2, 3] {
        for round in 0..4 {
            let store = Store::with_tables(&TABLES).await;
            let operation = store.crashed_write(&TABLES, committed).await;
            let expected = Expected::of(&store, &operation).await;
            let digest = store.open().await.approve(&operation).await;
            let mut running = Vec::new();
            for executor in 0..8 {
                let (opened, operation) = (store.open().await, operation.clone());
                running.push(tokio::spawn(async move {
                    for _ in 0..executor * round * 100 {
                        tokio::task::yield_now().await;
                    }
                    service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await
                }));
            }
            for executor in running {
                let report = executor.await.unwrap().unwrap();
                assert_ne!(
                    report.outcome,
                    OutcomeKind::Conflict,
                    "nobody else is at work: {report:?}"
                );
                if report.outcome == OutcomeKind::Refused {
                    assert!(
                        report.tables.is_empty() && report.catalog.effect == Effect::Unchanged,
                        "{report:?}"
                    );
                }
            }
            let opened = store.open().await;
            let report = opened.apply(&operation, digest).await;
            assert_eq!(report.outcome, expected.outcome, "{report:?}");
            is_recovered_once(
                &store,
                &opened,
                &operation,
                &expected,
                &format!("{committed} committed, round {round}"),
            )
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operations_on_different_tables_are_recovered_at_once() {
    let store = Store::with_tables(&TABLES).await;
    let one = store.crashed_write(&["node:Author", "edge:Wrote"], 1).await;
    let other = store.crashed_write(&["node:Book"], 1).await;
    let digests = (
        store.open().await.approve(&one).await,
        store.open().await.approve(&other).await,
    );
    let (first, second) = (store.open().await, store.open().await);
    let (one_report, other_report) = tokio::join!(
        first.apply(&one, digests.0),
        second.apply(&other, digests.1)
    );
    assert_eq!(
        (one_report.outcome, other_report.outcome),
        (OutcomeKind::RolledBack, OutcomeKind::RolledForward),
        "{one_report:?} {other_report:?}"
    );
    let visible = store.visible_rows().await;
    assert_eq!(
        (
            visible["node:Author"],
            visible["edge:Wrote"],
            visible["node:Book"]
        ),
        (10, 10, 13)
    );
    assert!(store.drift().await.is_empty());
}

/// Fails one request and all that come after it, as a dead process would.
#[derive(Debug)]
struct DiesBefore {
    path: String,
    is_dead: AtomicBool,
}

#[async_trait]
impl Gate for DiesBefore {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if self.is_dead.load(Ordering::SeqCst)
            || (request.verb == Verb::PutCreate && request.path == self.path)
        {
            self.is_dead.store(true, Ordering::SeqCst);
            return Err(object_store::Error::Generic {
                store: "dead process",
                source: "the process is dead".into(),
            });
        }
        Ok(())
    }
}

/// The process died between the fence and the restores; by the time it is run again, the engine has published the write itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_resumed_looks_again_before_it_touches_a_table() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    // Approved, claimed, tags begun and done, fence begun and done: the next record begins the restores.
    let gate = Arc::new(DiesBefore {
        path: format!("__recovery_log/{operation}/000007.json"),
        is_dead: AtomicBool::new(false),
    });
    let dying = store.open_behind(gate.clone()).await;
    assert!(
        service::apply(&dying.root, &operation, digest, &ProgressSink::default())
            .await
            .is_err()
    );
    assert!(gate.is_dead.load(Ordering::SeqCst));

    store
        .room()
        .await
        .append_rows(&place("edge:Wrote"), &rows(100..103))
        .await
        .unwrap();
    publish_as_a_stranger(&store, &[("node:Author", 1, 2), ("edge:Wrote", 1, 2)]).await;
    let heads = store.heads(&TABLES).await;
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{report:?}");
    assert_eq!(store.heads(&TABLES).await, heads, "no table was touched");
    assert_eq!(
        opened.plan(&operation).await.disposition,
        Disposition::AlreadyPublished
    );
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::CleanedUp
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_executors_at_once_recover_once() {
    for committed in [2, 3] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, committed).await;
        let expected = Expected::of(&store, &operation).await;
        let digest = store.open().await.approve(&operation).await;
        // All of them look before anyone claims.
        let start = Arc::new(Barrier::new(32));
        let mut running = JoinSet::new();
        for _ in 0..32 {
            let (opened, operation, start) = (store.open().await, operation.clone(), start.clone());
            running.spawn(async move {
                start.wait().await;
                service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await
            });
        }
        for report in running.join_all().await {
            let report = report.unwrap();
            assert!(
                [expected.outcome, OutcomeKind::Refused, OutcomeKind::Unknown]
                    .contains(&report.outcome),
                "nobody else is at work: {report:?}"
            );
        }
        let opened = store.open().await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, expected.outcome, "{report:?}");
        let at = format!("{committed} committed");
        is_recovered_once(&store, &opened, &operation, &expected, &at).await;
    }
}

async fn commit(writer: &mut Prepared, table_key: &str) {
    let write = TableWrite::append_rows(&rows(100..103));
    done(writer.commit(table_key, write).await.unwrap());
}

/// The writer was only slow: it went on between two approvals, so there are two approved plans, of which one is of the world as it is.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_approved_plans_applied_at_once_only_the_one_of_this_world_is_carried_out() {
    for round in 0..8 {
        let store = Store::with_tables(&TABLES).await;
        let mut slow = store.begin(&TABLES[..2]).await;
        commit(&mut slow, TABLES[0]).await;
        let operation = store.operation();
        let stale = store.open().await.approve(&operation).await;
        commit(&mut slow, TABLES[1]).await;
        assert_eq!(slow.stop(), operation);
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        assert_ne!(digest, stale);
        let expected = Expected::of(&store, &operation).await;
        assert_eq!(expected.outcome, OutcomeKind::RolledForward);

        let start = Arc::new(Barrier::new(8));
        let mut running = JoinSet::new();
        for executor in 0..8 {
            let digest = if (executor + round) % 2 == 0 {
                stale
            } else {
                digest
            };
            let (opened, operation, start) = (store.open().await, operation.clone(), start.clone());
            running.spawn(async move {
                start.wait().await;
                let progress = ProgressSink::default();
                let report = service::apply(&opened.root, &operation, digest, &progress);
                (digest, report.await.unwrap())
            });
        }
        for (applied, report) in running.join_all().await {
            if applied == stale {
                assert!(
                    matches!(report.outcome, OutcomeKind::Conflict | OutcomeKind::Refused)
                        && report
                            .tables
                            .iter()
                            .all(|table| table.effect == Effect::Unchanged)
                        && report.catalog.effect == Effect::Unchanged,
                    "{report:?}"
                );
            } else {
                assert_ne!(report.outcome, OutcomeKind::Conflict, "{report:?}");
            }
        }
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, expected.outcome, "{report:?}");
        let at = format!("round {round}");
        is_recovered_once(&store, &opened, &operation, &expected, &at).await;
    }
}
