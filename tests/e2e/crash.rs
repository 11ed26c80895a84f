//! The process dies before, or right after, every single mutating request of a recovery: one more apply finishes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use restore_backend::execute::ProgressSink;
use restore_backend::service;
use restore_backend::store::{Gate, Request};
use sidecar::{Effect, OutcomeKind, SidecarFate};

use crate::support::Store;

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];

/// Lets so many mutating requests through, and fails everything from there on, as a dead process would.
#[derive(Debug)]
struct DiesAt {
    left: AtomicU64,
    after: bool,
}

impl DiesAt {
    fn dead() -> object_store::Error {
        object_store::Error::Generic {
            store: "dead process",
            source: "the process is dead".into(),
        }
    }
}

#[async_trait]
impl Gate for DiesAt {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if self.left.load(Ordering::SeqCst) == 0 {
            return Err(Self::dead());
        }
        if request.verb.is_mutation()
            && self.left.fetch_sub(1, Ordering::SeqCst) == 1
            && !self.after
        {
            return Err(Self::dead());
        }
        Ok(())
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if request.verb.is_mutation() && self.left.load(Ordering::SeqCst) == 0 {
            Err(Self::dead())
        } else {
            Ok(())
        }
    }
}

async fn every_crash_converges(committed: usize, outcome: OutcomeKind) {
    let template = Store::with_tables(&TABLES).await;
    let operation = template.crashed_write(&TABLES, committed).await;
    let before = template.visible_rows().await;

    let clean = template.copy();
    let opened = clean.open().await;
    let digest = opened.approve(&operation).await;
    opened.log.reset();
    assert_eq!(opened.apply(&operation, digest).await.outcome, outcome);
    let requests = opened.log.mutations();
    let (visible, heads) = (clean.visible_rows().await, heads_of(&clean).await);
    if outcome == OutcomeKind::RolledBack {
        assert_eq!(visible, before);
    }
    assert!(requests > 8, "a recovery of {requests} requests is none");

    for after in [false, true] {
        for request in 1..=requests {
            let store = template.copy();
            let digest = store.open().await.approve(&operation).await;
            let gate = Arc::new(DiesAt {
                left: AtomicU64::new(request),
                after,
            });
            let dying = store.open_behind(gate.clone()).await;
            let died =
                service::apply(&dying.root, &operation, digest, &ProgressSink::default()).await;
            assert_eq!(
                gate.left.load(Ordering::SeqCst),
                0,
                "request {request} was never reached"
            );
            // A dead process reports nothing; what it would have said must not claim more than is known.
            if let Ok(report) = died {
                assert!(
                    report.outcome == OutcomeKind::Unknown
                        || report
                            .tables
                            .iter()
                            .all(|table| table.effect != Effect::Unknown),
                    "{report:?}"
                );
            }

            let again = store.open().await;
            let report = again.apply(&operation, digest).await;
            let at = format!(
                "{} mutating request {request} of {requests}",
                if after { "after" } else { "before" }
            );
            assert_eq!(report.outcome, outcome, "{at}: {}", report.detail);
            assert_eq!(report.sidecar, SidecarFate::Retired, "{at}");
            assert_eq!(store.visible_rows().await, visible, "{at}");
            assert_eq!(
                heads_of(&store).await,
                heads,
                "{at}: no table was restored twice"
            );
            assert!(store.drift().await.is_empty(), "{at}");
            assert!(again.audit_holds(&operation).await, "{at}");
            again.log.reset();
            again.apply(&operation, digest).await;
            assert_eq!(
                again.log.mutations(),
                0,
                "{at}: a finished recovery is left alone"
            );
        }
    }
}

async fn heads_of(store: &Store) -> BTreeMap<String, u64> {
    let mut heads = BTreeMap::new();
    for table in TABLES {
        heads.insert(table.to_owned(), store.head(table).await);
    }
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_survives_a_crash_at_every_request() {
    every_crash_converges(2, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_survives_a_crash_at_every_request() {
    every_crash_converges(3, OutcomeKind::RolledForward).await;
}
