//! Several executors at once, of one operation and of several.

use std::sync::Arc;

use fenced_lance::TableWrite;
use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::store::Verb;
use sidecar::{ApplyReport, Digest, Disposition, Effect, OperationId, OutcomeKind};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use two_phase_writer::Prepared;

use super::setup::{CATALOG, Expected, RESTORE, TABLES, is_recovered_once, publish_as_a_stranger};
use crate::support::gates::{Before, DiesAt, InTurn, Meeting, Point};
use crate::support::{Opened, Store, done, numbers, place, rows};

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

/// How many executors meet.
const CROWDS: [usize; 3] = [2, 8, 32];

/// They have all looked, and are about to claim the operation: one record, which is there once.
#[tokio::test(flavor = "multi_thread")]
async fn of_executors_that_claim_at_the_same_moment_one_recovers_and_the_others_touch_nothing() {
    for (count, committed) in CROWDS
        .into_iter()
        .flat_map(|count| [(count, 2), (count, 3)])
    {
        let at = format!("{count} executors, {committed} committed");
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, committed).await;
        let expected = Expected::of(&store, &operation).await;
        let digest = store.open().await.approve(&operation).await;
        let meeting = Meeting::of(count);
        let mut running = JoinSet::new();
        for _ in 0..count {
            let claim = Point::first(Verb::PutCreate, record(&operation, 2));
            let opened = store.open_behind(meeting.at(claim)).await;
            running.spawn(applied(opened, operation.clone(), digest));
        }
        let reports = running.join_all().await;
        assert_eq!(meeting.met(), count, "{at}");
        one_recovers(&reports, expected.outcome, &at);
        let opened = store.open().await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, expected.outcome, "{at}: {report:?}");
        is_recovered_once(&store, &opened, &operation, &expected, &at).await;
    }
}

/// Each takes the operation over from the one before, which stands right before its effect; then they all send that effect.
#[tokio::test(flavor = "multi_thread")]
async fn executors_that_send_the_same_effect_at_the_same_moment_have_it_once() {
    for count in CROWDS {
        for (committed, effect) in [(2, CATALOG), (2, RESTORE), (3, CATALOG)] {
            let at = format!("{count} executors at {effect}, {committed} committed");
            let store = Store::with_tables(&TABLES).await;
            let operation = store.crashed_write(&TABLES, committed).await;
            let expected = Expected::of(&store, &operation).await;
            let digest = store.open().await.approve(&operation).await;
            let meeting = Meeting::of(count);
            let mut running = Vec::new();
            for _ in 0..count {
                let (gate, arrival) = meeting.announced_at(Point::first(Verb::PutCreate, effect));
                let opened = store.open_behind(gate).await;
                let executor = tokio::spawn(applied(opened, operation.clone(), digest));
                if running.len() + 1 < count {
                    arrival.awaited().await;
                }
                running.push(executor);
            }
            let mut reports = Vec::new();
            for executor in running {
                reports.push(executor.await.unwrap());
            }
            assert_eq!(meeting.met(), count, "{at}");
            let last = reports.pop().unwrap();
            assert_eq!(last.outcome, expected.outcome, "{at}: {last:?}");
            for report in reports {
                let outcomes = [expected.outcome, OutcomeKind::Unknown];
                assert!(
                    outcomes.contains(&report.outcome),
                    "{at}: it sent its effect, and cannot say that nothing changed: {report:?}"
                );
            }
            let opened = store.open().await;
            is_recovered_once(&store, &opened, &operation, &expected, &at).await;
        }
    }
}

fn record(operation: &OperationId, number: u64) -> String {
    format!("__recovery_log/{operation}/{number:06}")
}

async fn applied(opened: Opened, operation: OperationId, digest: Digest) -> ApplyReport {
    opened.apply(&operation, digest).await
}

/// Exactly one says that it recovered, and all others that they did nothing.
fn one_recovers(reports: &[ApplyReport], outcome: OutcomeKind, at: &str) {
    let (winners, losers): (Vec<_>, Vec<_>) =
        reports.iter().partition(|report| report.outcome == outcome);
    assert_eq!(winners.len(), 1, "{at}: {winners:?}");
    for report in losers {
        assert_eq!(report.outcome, OutcomeKind::Refused, "{at}: {report:?}");
        touches_nothing(report, at);
    }
}

fn touches_nothing(report: &ApplyReport, at: &str) {
    let mut effects = report.tables.iter().map(|table| table.effect);
    assert!(
        effects.all(|effect| effect == Effect::Unchanged)
            && report.catalog.effect == Effect::Unchanged,
        "{at}: {report:?}"
    );
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
    assert_eq!(visible["node:Author"], numbers(0..10));
    assert_eq!(visible["edge:Wrote"], numbers(0..10));
    assert_eq!(visible["node:Book"], numbers((0..10).chain(100..103)));
    assert!(store.drift().await.is_empty());
}

/// The process died between the fence and the restores; by the time it is run again, the engine has published the write itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_resumed_looks_again_before_it_touches_a_table() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    // Approved, claimed, tags begun and done, fence begun and done: the next record begins the restores.
    let begins = Point::first(Verb::PutCreate, record(&operation, 7));
    let gate = Arc::new(DiesAt::at(begins));
    let dying = store.open_behind(gate.clone()).await;
    assert!(
        service::apply(&dying.root, &operation, digest, &ProgressSink::default())
            .await
            .is_err()
    );
    assert_eq!(gate.left(), 0);

    store
        .lance()
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
    // Our writer names its operation in every commit, and one of what is published names none: it is not called this write.
    assert_eq!(
        opened.plan(&operation).await.disposition,
        Disposition::Superseded
    );
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::CleanedUp
    );
}

async fn commit(writer: &mut Prepared, table_key: &str) {
    let write = TableWrite::append_rows(&rows(100..103));
    done(writer.commit(table_key, write).await.unwrap());
}

/// The writer was only slow: it went on between two approvals, so there are two approved plans, of which one is of the world as
/// it is. Half of the executors looked before it went on, the other half after; all of them claim at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_approved_plans_claimed_at_once_only_the_one_of_this_world_is_carried_out() {
    for count in CROWDS {
        let at = format!("{count} executors");
        let store = Store::with_tables(&TABLES).await;
        let mut slow = store.begin(&TABLES[..2]).await;
        commit(&mut slow, TABLES[0]).await;
        let operation = store.operation();
        let stale = store.open().await.approve(&operation).await;
        let (meeting, late) = (Meeting::of(count), Meeting::of(count / 2 + 1));
        // The second approval is the second record, so whoever looked before it finds that one taken when it claims.
        let claim = || Point::first(Verb::PutCreate, record(&operation, 3));
        let mut running = JoinSet::new();
        for _ in 0..count / 2 {
            let taken = Point::first(Verb::PutCreate, record(&operation, 2));
            let (waits, arrival) = late.announced_at(taken);
            let gates = InTurn(vec![waits, meeting.at(claim())]);
            let opened = store.open_behind(Arc::new(gates)).await;
            running.spawn(applied(opened, operation.clone(), stale));
            arrival.awaited().await;
        }
        commit(&mut slow, TABLES[1]).await;
        assert_eq!(slow.stop(), operation);
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        assert_ne!(digest, stale);
        let expected = Expected::of(&store, &operation).await;
        assert_eq!(expected.outcome, OutcomeKind::RolledForward);
        late.join().await;
        for _ in 0..count - count / 2 {
            let opened = store.open_behind(meeting.at(claim())).await;
            running.spawn(applied(opened, operation.clone(), digest));
        }
        let mut claimed = 0;
        for report in running.join_all().await {
            let is_stale = report.digest == stale;
            match report.outcome {
                OutcomeKind::Refused => {}
                OutcomeKind::Conflict if is_stale => claimed += 1,
                OutcomeKind::RolledForward if !is_stale => claimed += 1,
                other => panic!("{at}: {other:?}: {report:?}"),
            }
            if report.outcome != OutcomeKind::RolledForward {
                touches_nothing(&report, &at);
            }
        }
        assert_eq!(meeting.met(), count, "{at}");
        assert_eq!(claimed, 1, "{at}: one record, one claim");
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, expected.outcome, "{at}: {report:?}");
        is_recovered_once(&store, &opened, &operation, &expected, &at).await;
    }
}
