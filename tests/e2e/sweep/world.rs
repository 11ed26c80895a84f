//! Scenarios: a store somebody's write died in, made once and copied for every run.

use std::sync::Arc;

use restore_backend::lance_room::TableWrite;
use restore_backend::two_phase_writer::{NewOperation, OperationKind, Progress, TwoPhaseWriter};
use sidecar::{OperationId, OutcomeKind, Timestamp};
use tokio::sync::Mutex;

use super::evidence::Evidence;
use super::faults::Act;
use super::script::Script;
use super::snapshot::Snapshot;
use crate::support::{Store, done, place, rows};

/// A table that the operation has nothing to do with.
pub const OTHER: &str = "node:Other";
/// A file among the sidecars that is none.
pub const GARBAGE: &str = "__recovery/garbage.json";

/// How far the writer came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// Every table committed, nothing published: roll forward.
    Forward,
    /// One table was not committed: roll back.
    Back,
    /// Everything published, the sidecar left: clean up.
    Published,
    /// Nothing committed: clean up.
    NeverStarted,
}

impl Ending {
    pub const ALL: [Self; 4] = [
        Self::Forward,
        Self::Back,
        Self::Published,
        Self::NeverStarted,
    ];
}

/// One scenario with its template.
pub struct World {
    pub ending: Ending,
    /// How many tables the writer committed, or would have.
    pub drifted: usize,
    pub operation: OperationId,
    /// The operation's tables.
    pub tables: Vec<String>,
    pub before: Snapshot,
    store: Store,
    clean: Option<Box<Evidence>>,
}

impl World {
    pub async fn new(ending: Ending, drifted: usize) -> Arc<Self> {
        let count = drifted + usize::from(ending == Ending::Back);
        let tables: Vec<String> = (0..count).map(|index| format!("node:T{index}")).collect();
        let keys: Vec<&str> = tables.iter().map(String::as_str).collect();
        let store = Store::with_tables(&[&keys[..], &[OTHER]].concat()).await;
        let operation = match ending {
            Ending::Forward | Ending::Back => store.crashed_write(&keys, drifted).await,
            Ending::NeverStarted => store.crashed_write(&keys, 0).await,
            Ending::Published => {
                let mut prepared = store.begin(&keys).await;
                for table in &keys {
                    let write = TableWrite::append_rows(&rows(100..103));
                    done(prepared.commit(table, write).await.unwrap());
                }
                done(prepared.publish().await.unwrap()).stop()
            }
        };
        std::fs::write(store.path().join(GARBAGE), b"{").unwrap();
        let mut world = Self {
            ending,
            drifted,
            operation,
            tables,
            before: Snapshot::full(&store, &Snapshot::default()).await,
            store,
            clean: None,
        };
        world = Self {
            clean: Some(Box::new(Evidence::of(&world, Script::looking()).await)),
            ..world
        };
        Arc::new(world)
    }

    pub fn copy(&self) -> Arc<Store> {
        Arc::new(self.store.copy())
    }

    /// What an undisturbed recovery comes to; `None` while it is being found out.
    pub fn clean(&self) -> Option<&Evidence> {
        self.clean.as_deref()
    }

    pub fn outcome(&self) -> OutcomeKind {
        match self.ending {
            Ending::Forward => OutcomeKind::RolledForward,
            Ending::Back => OutcomeKind::RolledBack,
            Ending::Published | Ending::NeverStarted => OutcomeKind::CleanedUp,
        }
    }

    pub fn name(&self) -> String {
        format!("{:?} of {}", self.ending, self.drifted)
    }
}

/// Who else is at work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Writer {
    /// A two-phase write over another table.
    Other,
    /// A two-phase write over a table of the operation; it may lose.
    Same,
    /// A program that knows nothing of sidecars commits to a table of the operation.
    Raw,
}

/// A write that was acknowledged to its writer.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub table: String,
    pub version: u64,
    /// Whether readers were to see it.
    pub published: bool,
}

/// The rows that concurrent writers add.
pub const WRITTEN: std::ops::Range<u64> = 500..502;

impl Writer {
    /// What the writer does when its moment comes; what it was told goes into the list.
    pub fn act(self, store: &Arc<Store>, told: &Arc<Mutex<Vec<Acknowledged>>>) -> Act {
        let (store, told) = (store.clone(), told.clone());
        Box::new(move || {
            let (store, told) = (store.clone(), told.clone());
            Box::pin(async move {
                let written = match self {
                    Self::Other => two_phase(&store, OTHER).await,
                    Self::Same => two_phase(&store, "node:T0").await,
                    Self::Raw => Some(raw(&store, "node:T0").await),
                };
                told.lock().await.extend(written);
            })
        })
    }
}

pub async fn raw(store: &Store, table: &str) -> Acknowledged {
    let room = store.room().await;
    Acknowledged {
        table: table.to_owned(),
        version: room
            .append_rows(&place(table), &rows(WRITTEN))
            .await
            .unwrap(),
        published: false,
    }
}

async fn two_phase(store: &Store, table: &str) -> Option<Acknowledged> {
    let operation = NewOperation {
        operation_id: None,
        started_at: Some(Timestamp::from_micros(
            restore_backend::clock::now().micros() - 3_600_000_000,
        )),
        branch: None,
        actor_id: Some("lin".to_owned()),
        kind: OperationKind::Mutation,
        tables: vec![table.to_owned()],
    };
    let writer = TwoPhaseWriter::new(store.room().await);
    let Progress::Done(mut prepared) = writer.begin(operation).await.unwrap() else {
        return None;
    };
    let write = TableWrite::append_rows(&rows(WRITTEN));
    let version = done(prepared.commit(table, write).await.unwrap());
    let published = done(prepared.publish().await.unwrap());
    done(published.finish().await.unwrap());
    Some(Acknowledged {
        table: table.to_owned(),
        version,
        published: true,
    })
}
