//! The engine that owns the store recovers the same sidecar by itself, at every moment of our own recovery of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::BoxFuture;
use restore_backend::clock;
use restore_backend::execute::ProgressSink;
use restore_backend::lance_room::{
    CatalogReading, CommitOutcome, EffectIdentity, Head, PinUpdate, PublishRequest, RestoreRequest,
    TransactionEntry,
};
use restore_backend::service;
use restore_backend::store::{Gate, Request};
use sidecar::{OperationId, OutcomeKind};

use crate::support::{Store, place};

const TABLES: [&str; 2] = ["edge:Wrote", "node:Author"];

type Act = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Lets something happen right before one mutating request.
struct Moment {
    left: AtomicU64,
    act: Act,
}

impl fmt::Debug for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Moment").finish_non_exhaustive()
    }
}

#[async_trait]
impl Gate for Moment {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        let reached = request.verb.is_mutation()
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                == Ok(1);
        if reached {
            (self.act)().await;
        }
        Ok(())
    }
}

fn engine() -> EffectIdentity {
    EffectIdentity {
        operation_id: "the engine".to_owned(),
        plan_digest: String::new(),
    }
}

/// What an engine does that has never heard of claims: finish or undo, publish, delete the sidecar. It stops where it loses.
async fn sweep(store: &Store, operation: &OperationId, forward: bool) {
    let room = store.room().await;
    let CatalogReading::Present(catalog) = room.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    let mut updates = Vec::new();
    for table_key in TABLES {
        let pin = catalog.pins[table_key].version;
        let Head::At { version: head } = room.head(&place(table_key)).await.unwrap() else {
            panic!("no table")
        };
        if head == pin {
            continue;
        }
        let mut to_version = head;
        if !forward {
            let TransactionEntry::Known(made) =
                room.transaction(&place(table_key), head).await.unwrap()
            else {
                panic!("no transaction")
            };
            let request = RestoreRequest {
                location: place(table_key),
                head_version: head,
                head_transaction: made.uuid,
                target: pin,
                identity: engine(),
            };
            match room.restore(&request).await.unwrap() {
                CommitOutcome::Committed { version } => to_version = version,
                _ => return,
            }
        }
        updates.push(PinUpdate {
            table_key: table_key.to_owned(),
            from_pin: pin,
            to_version,
            table_branch: None,
        });
    }
    if !updates.is_empty() {
        let request = PublishRequest {
            branch: None,
            read_version: catalog.version,
            updates,
            registrations: Vec::new(),
            tombstones: Vec::new(),
            identity: engine(),
        };
        if !matches!(
            room.publish(&request).await.unwrap(),
            CommitOutcome::Committed { .. }
        ) {
            return;
        }
    }
    std::fs::remove_file(store.path().join("__recovery").join(operation.file_name())).ok();
}

async fn both_recover_at_every_moment(committed: usize) {
    let forward = committed == TABLES.len();
    let template = Store::with_tables(&TABLES).await;
    let operation = template.crashed_write(&TABLES, committed).await;
    let (requests, visible) = {
        let clean = template.copy();
        let opened = clean.open().await;
        let digest = opened.approve(&operation).await;
        opened.log.reset();
        opened.apply(&operation, digest).await;
        (opened.log.mutations(), clean.visible_rows().await)
    };
    let mut conflicts = 0;
    for request in 1..=requests {
        let at = format!("the engine sweeps before mutating request {request} of {requests}");
        let store = Arc::new(template.copy());
        let digest = store.open().await.approve(&operation).await;
        let moment = Arc::new(Moment {
            left: AtomicU64::new(request),
            act: {
                let (store, operation) = (store.clone(), operation.clone());
                Box::new(move || {
                    let (store, operation) = (store.clone(), operation.clone());
                    Box::pin(async move { sweep(&store, &operation, forward).await })
                })
            },
        });
        let ours = store.open_behind(moment.clone()).await;
        let report = service::apply(&ours.root, &operation, digest, &ProgressSink::default())
            .await
            .unwrap();
        assert_eq!(moment.left.load(Ordering::SeqCst), 0, "{at}: never reached");
        match report.outcome {
            OutcomeKind::RolledForward | OutcomeKind::RolledBack => {}
            OutcomeKind::Conflict => conflicts += 1,
            other => panic!("{at}: {other:?}: {}", report.detail),
        }

        // Whatever is left is healed by one more plan.
        let again = store.open().await;
        let list = service::list(&again.root, clock::now()).await.unwrap();
        if !list.recoveries.is_empty() {
            let healed = again.recover(&operation).await;
            assert!(
                matches!(
                    healed.outcome,
                    OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp
                ),
                "{at}: {}",
                healed.detail
            );
        }
        let list = service::list(&again.root, clock::now()).await.unwrap();
        assert!(list.recoveries.is_empty(), "{at}: {list:?}");
        assert_eq!(store.visible_rows().await, visible, "{at}");
        assert!(store.drift().await.is_empty(), "{at}");
        assert_eq!(store.sidecars(), 0, "{at}");
    }
    assert!(conflicts > 0, "the engine never came in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_beside_the_engines_own_ends_truthfully() {
    both_recover_at_every_moment(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_beside_the_engines_own_ends_truthfully() {
    both_recover_at_every_moment(1).await;
}
