//! Several at once: executors of one operation, approvers, writers that are not dead, and stores whose answers get lost.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use restore_backend::clock;
use restore_backend::execute::ProgressSink;
use restore_backend::lance_room::{
    CatalogReading, EffectIdentity, PinUpdate, PublishRequest, TableWrite,
};
use restore_backend::service::{self, Answer, Approver};
use restore_backend::store::{Gate, Request, Verb};
use sidecar::journal::JournalEntry;
use sidecar::{Disposition, Effect, OperationId, OutcomeKind, SidecarFate};
use tokio::sync::Notify;

use crate::support::{Opened, Store, approver, done, place, rows};

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];

type Act = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Does something right before the first request of a kind.
struct Before {
    verb: Verb,
    path: String,
    act: Act,
    is_done: AtomicBool,
}

impl fmt::Debug for Before {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Before")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Before {
    fn new<F: Future<Output = ()> + Send + 'static>(
        verb: Verb,
        path: impl Into<String>,
        act: impl Fn() -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            verb,
            path: path.into(),
            act: Box::new(move || Box::pin(act())),
            is_done: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Gate for Before {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if request.verb == self.verb
            && request.path.starts_with(&self.path)
            && !self.is_done.swap(true, Ordering::SeqCst)
        {
            (self.act)().await;
        }
        Ok(())
    }
}

/// The Lance manifest of the one restore these tests look at.
const RESTORE: &str = "tables/node_Author/_versions/";

async fn heads_of(store: &Store) -> BTreeMap<String, u64> {
    let mut heads = BTreeMap::new();
    for table in TABLES {
        heads.insert(table.to_owned(), store.head(table).await);
    }
    heads
}

async fn records(opened: &Opened, operation: &OperationId) -> Vec<JournalEntry> {
    let audit = service::audit(&opened.root, Some(operation), true)
        .await
        .unwrap();
    assert_eq!(
        audit.operations[0].verified,
        Some(true),
        "{:?}",
        audit.operations[0].problem
    );
    audit.operations[0]
        .records
        .iter()
        .map(|audited| audited.record.entry.clone())
        .collect()
}

/// Everything that must hold of a store once an operation is recovered, however that came about.
async fn is_recovered_once(
    store: &Store,
    opened: &Opened,
    operation: &OperationId,
    expected: &Expected,
    at: &str,
) {
    assert_eq!(store.visible_rows().await, expected.visible, "{at}");
    assert_eq!(
        heads_of(store).await,
        expected.heads,
        "{at}: no table was restored twice"
    );
    assert!(store.drift().await.is_empty(), "{at}");
    let records = records(opened, operation).await;
    let finished: Vec<OutcomeKind> = records
        .iter()
        .filter_map(|entry| {
            if let JournalEntry::Finished { outcome, .. } = entry {
                Some(*outcome)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(finished, [expected.outcome], "{at}");
    assert_eq!(store.sidecars(), 0, "{at}");
    assert!(
        service::list(&opened.root, clock::now())
            .await
            .unwrap()
            .recoveries
            .is_empty(),
        "{at}"
    );
}

/// What an undisturbed recovery comes to.
struct Expected {
    outcome: OutcomeKind,
    visible: BTreeMap<String, u64>,
    heads: BTreeMap<String, u64>,
    requests: u64,
}

impl Expected {
    async fn of(template: &Store, operation: &OperationId) -> Self {
        let clean = template.copy();
        let opened = clean.open().await;
        let digest = opened.approve(operation).await;
        opened.log.reset();
        let outcome = opened.apply(operation, digest).await.outcome;
        assert!(matches!(
            outcome,
            OutcomeKind::RolledBack | OutcomeKind::RolledForward
        ));
        Self {
            outcome,
            requests: opened.log.mutations(),
            visible: clean.visible_rows().await,
            heads: heads_of(&clean).await,
        }
    }
}

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

/// How a store loses an answer: the request was carried out, and something else is said.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// A time-out, a broken connection.
    Silence,
    /// A retry inside the client met its own success.
    Precondition,
}

/// Loses the answer to one mutating request, and only to that one.
#[derive(Debug)]
struct Loses {
    left: AtomicU64,
    how: Lost,
}

#[async_trait]
impl Gate for Loses {
    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if !request.verb.is_mutation() || self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return Ok(());
        }
        let path = request.path.clone();
        Err(match (self.how, request.verb) {
            (Lost::Precondition, Verb::PutCreate | Verb::CopyCreate | Verb::RenameCreate) => {
                object_store::Error::AlreadyExists {
                    path,
                    source: "the object exists".into(),
                }
            }
            _ => object_store::Error::Generic {
                store: "far away",
                source: "the connection was reset".into(),
            },
        })
    }
}

async fn every_lost_answer_is_settled(committed: usize, how: Lost) {
    let template = Store::with_tables(&TABLES).await;
    let operation = template.crashed_write(&TABLES, committed).await;
    let expected = Expected::of(&template, &operation).await;
    for request in 1..=expected.requests {
        let at = format!(
            "{how:?} at mutating request {request} of {}",
            expected.requests
        );
        let store = template.copy();
        let digest = store.open().await.approve(&operation).await;
        let gate = Arc::new(Loses {
            left: AtomicU64::new(request),
            how,
        });
        let deaf = store.open_behind(gate).await;
        match service::apply(&deaf.root, &operation, digest, &ProgressSink::default()).await {
            Ok(report) => assert!(
                report.outcome == expected.outcome || report.outcome == OutcomeKind::Unknown,
                "{at}: {report:?}"
            ),
            Err(error) => assert!(
                !store.drift().await.is_empty()
                    || store.sidecars() > 0
                    || request >= expected.requests - 1,
                "{at}: {error:?}"
            ),
        }
        let again = store.open().await;
        let report = again.apply(&operation, digest).await;
        assert_eq!(
            (report.outcome, report.sidecar),
            (expected.outcome, SidecarFate::Retired),
            "{at}: {}",
            report.detail
        );
        is_recovered_once(&store, &again, &operation, &expected, &at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_settles_every_lost_answer() {
    every_lost_answer_is_settled(2, Lost::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_settles_every_lost_answer() {
    every_lost_answer_is_settled(3, Lost::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_knows_its_own_success_reported_as_a_conflict() {
    every_lost_answer_is_settled(2, Lost::Precondition).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_knows_its_own_success_reported_as_a_conflict() {
    every_lost_answer_is_settled(3, Lost::Precondition).await;
}

/// Publishes as an engine does that has never heard of claims.
async fn publish_as_a_stranger(store: &Store, moves: &[(&str, u64, u64)]) {
    let room = store.room().await;
    let CatalogReading::Present(catalog) = room.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    let update = |(table_key, from_pin, to_version): &(&str, u64, u64)| PinUpdate {
        table_key: (*table_key).to_owned(),
        from_pin: *from_pin,
        to_version: *to_version,
        table_branch: None,
    };
    let request = PublishRequest {
        branch: None,
        read_version: catalog.version,
        updates: moves.iter().map(update).collect(),
        registrations: Vec::new(),
        tombstones: Vec::new(),
        identity: EffectIdentity {
            operation_id: "a stranger".to_owned(),
            plan_digest: String::new(),
        },
    };
    let outcome = room.publish(&request).await.unwrap();
    assert!(
        matches!(
            outcome,
            restore_backend::lance_room::CommitOutcome::Committed { .. }
        ),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_table_published_between_fence_and_publish_is_kept() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    let gate = {
        let store = store.clone();
        Before::new(Verb::PutCreate, RESTORE, move || {
            let store = store.clone();
            async move {
                let mut other = store.begin(&["node:Book"]).await;
                done(
                    other
                        .commit("node:Book", TableWrite::append_rows(&rows(50..52)))
                        .await
                        .unwrap(),
                );
                done(done(other.publish().await.unwrap()).finish().await.unwrap());
            }
        })
    };
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
    let visible = store.visible_rows().await;
    assert_eq!((visible["node:Author"], visible["node:Book"]), (10, 12));
    assert!(store.drift().await.is_empty());
}

/// A writer that was taken for dead finishes its whole write, sidecar and all, at the worst moments of its roll back. Its write
/// was acknowledged, so it must be visible in the end, and until it is whole again the operation must stay pending.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_writer_that_finishes_during_its_roll_back_loses_nothing() {
    for moment in [
        "__manifest/_versions/",
        "tables/node_Author/_refs/tags/",
        RESTORE,
    ] {
        let store = Arc::new(Store::with_tables(&TABLES).await);
        let operation = store.crashed_write(&TABLES[..2], 1).await;
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        let gate = {
            let (store, operation) = (store.clone(), operation.clone());
            Before::new(Verb::PutCreate, moment, move || {
                let (store, operation) = (store.clone(), operation.clone());
                async move {
                    store
                        .room()
                        .await
                        .append_rows(&place("edge:Wrote"), &rows(100..103))
                        .await
                        .unwrap();
                    publish_as_a_stranger(&store, &[("node:Author", 1, 2), ("edge:Wrote", 1, 2)])
                        .await;
                    std::fs::remove_file(
                        store.path().join("__recovery").join(operation.file_name()),
                    )
                    .unwrap();
                }
            })
        };
        let report = store
            .open_behind(gate)
            .await
            .apply(&operation, digest)
            .await;
        assert_eq!(
            report.outcome,
            OutcomeKind::Conflict,
            "{moment}: {report:?}"
        );
        assert!(
            report
                .differences
                .iter()
                .any(|difference| difference.field == "manifest_pinned"),
            "{moment}: {report:?}"
        );

        let list = service::list(&opened.root, clock::now()).await.unwrap();
        assert_eq!(
            list.recoveries.len(),
            1,
            "{moment}: the operation is pending though its sidecar is gone"
        );
        let plan = opened.plan(&operation).await;
        assert!(plan.executable, "{moment}: {:?}", plan.blockers);
        let second = Approver {
            acknowledged: plan.requires.iter().copied().collect(),
            ..approver()
        };
        let digest = plan.digest.unwrap();
        let answer = service::approve(&opened.root, &operation, digest, second, clock::now())
            .await
            .unwrap();
        assert!(matches!(answer, Answer::Done(_)), "{moment}: {answer:?}");
        let report = opened.apply(&operation, digest).await;
        assert!(
            matches!(
                report.outcome,
                OutcomeKind::RolledBack | OutcomeKind::CleanedUp
            ),
            "{moment}: {report:?}"
        );
        let visible = store.visible_rows().await;
        assert_eq!(
            (visible["node:Author"], visible["edge:Wrote"]),
            (13, 13),
            "{moment}: the acknowledged write is visible"
        );
        assert!(store.drift().await.is_empty(), "{moment}");
        assert!(
            service::list(&opened.root, clock::now())
                .await
                .unwrap()
                .recoveries
                .is_empty(),
            "{moment}"
        );
    }
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
    let heads = heads_of(&store).await;
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{report:?}");
    assert_eq!(heads_of(&store).await, heads, "no table was touched");
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
async fn a_sidecar_that_vanishes_after_the_claim_does_not_stop_the_recovery() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES, 2).await;
    let expected = Expected::of(&store, &operation).await;
    let digest = store.open().await.approve(&operation).await;
    let file = store.path().join("__recovery").join(operation.file_name());
    let gate = Before::new(Verb::PutCreate, RESTORE, move || {
        let file = file.clone();
        async move { std::fs::remove_file(file).unwrap() }
    });
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Retired)
    );
    is_recovered_once(
        &store,
        &store.open().await,
        &operation,
        &expected,
        "without its file",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_whose_bytes_changed_is_not_the_one_that_was_approved() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let file = store.path().join("__recovery").join(operation.file_name());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n")).unwrap();
    opened.log.reset();
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict);
    assert!(
        report
            .differences
            .iter()
            .any(|difference| difference.field == "sidecar"),
        "{report:?}"
    );
    assert_eq!(opened.log.mutations(), 0);

    // Changed while the approved one is carried out, it is another file, and stays.
    std::fs::write(&file, &text).unwrap();
    let changing = file.clone();
    let gate = Before::new(Verb::PutCreate, RESTORE, move || {
        let (file, text) = (changing.clone(), text.clone());
        async move { std::fs::write(file, format!("{text}\n")).unwrap() }
    });
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Kept)
    );
    assert!(file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_trusted_stops_its_own_operation_only() {
    let store = Store::with_tables(&TABLES).await;
    let broken = store.crashed_write(&["node:Author"], 1).await;
    let other = store.crashed_write(&["node:Book"], 1).await;
    let opened = store.open().await;
    let digest = opened.approve(&broken).await;
    let journal = store.path().join("__recovery_log").join(broken.as_str());
    std::fs::write(journal.join("000001.json"), "{}").unwrap();

    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let refused: Vec<bool> = list
        .recoveries
        .iter()
        .map(|recovery| recovery.refused.is_some())
        .collect();
    assert_eq!(refused, [true, false], "{list:?}");
    let error = service::apply(&opened.root, &broken, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "journal_broken");
    assert_eq!(
        opened.recover(&other).await.outcome,
        OutcomeKind::RolledForward
    );
    let audit = service::audit(&opened.root, None, true).await.unwrap();
    assert_eq!(
        audit
            .operations
            .iter()
            .map(|operation| operation.verified)
            .collect::<Vec<_>>(),
        [Some(false), Some(true)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_objects_in_the_journal_folder_are_no_records() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let journal = store.path().join("__recovery_log").join(operation.as_str());
    std::fs::create_dir(journal.join("deeper")).unwrap();
    for name in [
        "notes.json",
        "1.json",
        "0000001.json",
        "000000.json",
        "deeper/000001.json",
    ] {
        std::fs::write(journal.join(name), "{}").unwrap();
    }
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    // A record that is not next to the others is a hole, and a hole is damage.
    std::fs::write(journal.join("000900.json"), "{}").unwrap();
    assert!(!opened.audit_holds(&operation).await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_and_pipes_in_the_sidecar_folder_are_listed_and_never_opened() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let folder = store.path().join("__recovery");
    let secret = store.path().parent().unwrap().join("secret.json");
    std::fs::write(&secret, "{\"password\": \"hunter2\"}").unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("01000000000000000000000000.json")).unwrap();
    let pipe = folder.join("02000000000000000000000000.json");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let opened = store.open().await;
    let look = service::list(&opened.root, clock::now());
    let list = tokio::time::timeout(std::time::Duration::from_secs(20), look)
        .await
        .expect("a pipe is not waited for")
        .unwrap();
    assert_eq!(
        list.recoveries
            .iter()
            .filter(|recovery| recovery.refused.is_some())
            .count(),
        2,
        "{list:?}"
    );
    let shown = service::plan(
        &opened.root,
        "01000000000000000000000000.json",
        clock::now(),
    )
    .await
    .unwrap();
    assert_eq!(
        shown.sidecar, None,
        "what a link points at is nobody's business here"
    );
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );
}
