//! A two-phase writer that is slow, not dead: its operation is recovered whole between any two of its requests, those inside a
//! table's commit included. Whatever the writer does then, nothing is left that nobody can recover, and the tables can be written.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fenced_lance::{LanceRoot, LanceRootOptions, TableWrite};
use root_objects::store::{Durability, Gate, Request, RequestLog};
use sidecar::OperationId;
use two_phase_writer::{Loss, NewOperation, PhaseOutcome, Prepared, TwoPhaseWriter};

use crate::support::{Store, done, rows};

const TABLES: [&str; 2] = ["node:Author", "edge:Wrote"];
const ROWS: u64 = 10;
const WRITTEN: u64 = 3;

/// Recovers an operation to its end before the k-th request of its writer, counted from when it is armed.
#[derive(Debug)]
struct RecoversAt {
    store: Arc<Store>,
    operation: std::sync::OnceLock<OperationId>,
    left: AtomicU64,
    /// Whether the writer dies as soon as a commit of its landed after that.
    dies: bool,
    has_recovered: AtomicBool,
    is_dead: AtomicBool,
}

impl RecoversAt {
    fn new(store: Arc<Store>, dies: bool) -> Arc<Self> {
        Arc::new(Self {
            store,
            operation: std::sync::OnceLock::new(),
            left: AtomicU64::new(0),
            dies,
            has_recovered: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
        })
    }

    fn arm(&self, operation: &OperationId, request: u64) {
        self.operation.set(operation.clone()).unwrap();
        self.left.store(request, Ordering::SeqCst);
    }

    fn has_recovered(&self) -> bool {
        self.has_recovered.load(Ordering::SeqCst)
    }
}

fn dead() -> object_store::Error {
    object_store::Error::Generic {
        store: "dead process",
        source: "the writer is dead".into(),
    }
}

#[async_trait]
impl Gate for RecoversAt {
    async fn before(&self, _request: &Request) -> object_store::Result<()> {
        if self.is_dead.load(Ordering::SeqCst) {
            return Err(dead());
        }
        let Some(operation) = self.operation.get() else {
            return Ok(());
        };
        let mut left = self.left.load(Ordering::SeqCst);
        while left > 0 {
            match self
                .left
                .compare_exchange(left, left - 1, Ordering::SeqCst, Ordering::SeqCst)
            {
                Ok(1) => {
                    // On a stack of its own, below which there is no writer, and with caches of its own: the writer may be in the
                    // middle of filling its.
                    let (store, operation) = (self.store.clone(), operation.clone());
                    let recovery = tokio::spawn(async move {
                        let log = RequestLog::new();
                        let root = store.open_as(log, Duration::ZERO, Durability::Synced);
                        root.await.recover(&operation).await
                    });
                    recovery.await.unwrap();
                    self.has_recovered.store(true, Ordering::SeqCst);
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(now) => left = now,
            }
        }
        Ok(())
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        let is_commit = request.verb.is_mutation() && request.path.ends_with(".manifest");
        if self.dies && self.has_recovered() && is_commit {
            self.is_dead.store(true, Ordering::SeqCst);
            return Err(dead());
        }
        Ok(())
    }
}

async fn lance_behind(store: &Store, gate: Arc<RecoversAt>) -> LanceRoot {
    let options = LanceRootOptions {
        durability: Durability::Relaxed,
        log: RequestLog::new().with_gate(gate),
        ..LanceRootOptions::default()
    };
    LanceRoot::open(store.path().to_str().unwrap(), options)
        .await
        .unwrap()
}

fn write() -> TableWrite {
    TableWrite::append_rows(&rows(100..100 + WRITTEN))
}

/// Goes on with the write until it is finished or lost. Whether anybody was told that it is visible.
async fn goes_on(mut prepared: Prepared, from: usize) -> bool {
    for table in &TABLES[from..] {
        match prepared.commit(table, write()).await {
            Ok(PhaseOutcome::Done(_)) => {}
            Ok(PhaseOutcome::Lost(_)) | Err(_) => return false,
        }
    }
    match prepared.publish().await {
        Ok(PhaseOutcome::Done(published)) => {
            published.finish().await.ok();
            true
        }
        Ok(PhaseOutcome::Lost(_)) | Err(_) => false,
    }
}

fn pending(store: &Store) -> BTreeSet<OperationId> {
    let Ok(files) = std::fs::read_dir(store.path().join("__recovery")) else {
        return BTreeSet::new();
    };
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .map(|name| name.trim_end_matches(".json").parse().unwrap())
        .collect()
}

/// Tables that a pending sidecar names.
fn covered(store: &Store) -> BTreeSet<String> {
    let read = |operation: OperationId| {
        let path = store.path().join("__recovery").join(operation.file_name());
        let sidecar: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let tables = sidecar["tables"].as_array().unwrap().clone();
        tables
            .into_iter()
            .map(|table| table["table_key"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    pending(store).into_iter().flat_map(read).collect()
}

/// `committed` tables are committed before the gate is armed. Returns whether the request was reached, and whether the commit of a
/// table came after the recovery was over.
async fn recovered_before(
    template: &Store,
    committed: usize,
    request: u64,
    dies: bool,
) -> (bool, bool) {
    let at = format!("{committed} committed, request {request}, dies: {dies}");
    let store = Arc::new(template.copy());
    let gate = RecoversAt::new(store.clone(), dies);
    let lance = lance_behind(&store, gate.clone()).await;
    let begun = NewOperation {
        started_at: Some(sidecar::Timestamp::from_micros(
            root_objects::clock::now().micros() - 3_600_000_000,
        )),
        ..NewOperation::mutation(TABLES)
    };
    let mut prepared = done(TwoPhaseWriter::new(lance).begin(begun).await.unwrap());
    for table in &TABLES[..committed] {
        done(prepared.commit(table, write()).await.unwrap());
    }
    gate.arm(&prepared.operation_id().clone(), request);
    let told = goes_on(prepared, committed).await;

    let drift: BTreeSet<String> = store.drift().await.into_keys().collect();
    let late = gate.has_recovered() && !drift.is_empty();
    if !dies {
        assert!(drift.is_subset(&covered(&store)), "{at}: {drift:?} drifts");
    }
    for table in &drift {
        // Whoever wants to write finds it pending, and leaves it so that it can be recovered.
        let begun = TwoPhaseWriter::new(store.lance().await)
            .begin(NewOperation::mutation([table.clone()]))
            .await;
        assert!(
            matches!(begun.unwrap(), PhaseOutcome::Lost(Loss::Pending { .. })),
            "{at}"
        );
    }
    assert!(drift.is_subset(&covered(&store)), "{at}: {drift:?} drifts");
    let opened = store.open().await;
    for operation in pending(&store) {
        opened.recover(&operation).await;
    }
    assert!(pending(&store).is_empty(), "{at}");
    assert!(store.drift().await.is_empty(), "{at}");
    let visible = store.visible_counts().await;
    let whole: BTreeSet<u64> = visible.values().copied().collect();
    assert!(
        whole == BTreeSet::from([ROWS]) || whole == BTreeSet::from([ROWS + WRITTEN]),
        "{at}: half a write is visible: {visible:?}"
    );
    assert!(
        !told || whole.contains(&(ROWS + WRITTEN)),
        "{at}: told and lost"
    );

    let mut prepared = store.begin(&TABLES).await;
    for table in TABLES {
        done(prepared.commit(table, write()).await.unwrap());
    }
    let published = done(prepared.publish().await.unwrap());
    done(published.finish().await.unwrap());
    let after = store.visible_counts().await;
    assert!(
        after
            .iter()
            .all(|(table, rows)| *rows == visible[table] + WRITTEN),
        "{at}: {after:?}"
    );
    (gate.has_recovered(), late)
}

async fn every_request(committed: usize) {
    let template = Store::with_tables(&TABLES).await;
    let (mut request, mut late) = (0, Vec::new());
    loop {
        request += 1;
        let (reached, came_late) = recovered_before(&template, committed, request, false).await;
        if came_late {
            late.push(request);
        }
        if !reached {
            break;
        }
    }
    assert!(request > 15, "{request} requests are no write");
    assert!(
        !late.is_empty(),
        "no commit came after the recovery: the window was never met"
    );
    // A commit that comes after the recovery is the last thing the writer lives to do.
    for request in late {
        let (_, came_late) = recovered_before(&template, committed, request, true).await;
        assert!(came_late, "request {request}: nothing came late any more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_between_any_two_requests_leaves_nothing_that_cannot_be_recovered() {
    every_request(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_up_between_any_two_requests_leaves_nothing_that_cannot_be_recovered() {
    every_request(0).await;
}
