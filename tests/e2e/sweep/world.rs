//! Scenarios: a store somebody's write died in, or was recovered in, made once and copied for every run.

use std::sync::Arc;

use fenced_lance::TableWrite;
use sidecar::follow_up::{undo_id, undo_sidecar_id};
use sidecar::{OperationId, OutcomeKind, Timestamp};
use tokio::sync::Mutex;
use two_phase_writer::{NewOperation, OperationKind, PhaseOutcome, TwoPhaseWriter};

use super::evidence::Evidence;
use super::faults::Act;
use super::script::Script;
use super::snapshot::Snapshot;
use super::subject::{NOTES, Subject, approve, report};
use super::wants::Wants;
use crate::support::{Store, done, place, rows};

/// A table that the operation has nothing to do with.
pub const OTHER: &str = "node:Other";
/// A file among the sidecars that is none.
pub const GARBAGE: &str = "__recovery/garbage.json";
/// A tag that somebody set by hand.
pub const BY_HAND: &str = "kept-by-hand";

/// How far the writer came, and what is carried out about it.
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
    /// It was rolled forward, and that is taken back.
    UndoForward,
    /// It was rolled back, and that is taken back.
    UndoBack,
    /// It was rolled forward and taken back, and that is taken back.
    UndoUndo,
    /// It was rolled back, and the tags of that are dropped.
    Release,
    /// It was rolled back; a file that is no sidecar is set aside.
    Dismissal,
}

impl Ending {
    /// What is done about a sidecar.
    pub const RECOVERIES: [Self; 4] = [
        Self::Forward,
        Self::Back,
        Self::Published,
        Self::NeverStarted,
    ];
    /// What follows from something finished or stuck.
    pub const FOLLOW_UPS: [Self; 5] = [
        Self::UndoForward,
        Self::UndoBack,
        Self::UndoUndo,
        Self::Release,
        Self::Dismissal,
    ];

    pub fn is_recovery(self) -> bool {
        Self::RECOVERIES.contains(&self)
    }

    pub fn is_undo(self) -> bool {
        matches!(self, Self::UndoForward | Self::UndoBack | Self::UndoUndo)
    }

    /// Whether it commits anything, to a table or to the catalog.
    pub fn commits(self) -> bool {
        matches!(self, Self::Forward | Self::Back) || self.is_undo()
    }

    /// Whether the writer died, or would have, before it committed its last table.
    fn misses_a_table(self) -> bool {
        matches!(
            self,
            Self::Back | Self::UndoBack | Self::Release | Self::Dismissal
        )
    }
}

/// One scenario with its template.
pub struct World {
    pub ending: Ending,
    /// How many tables the writer committed, or would have.
    pub drifted: usize,
    /// What is carried out.
    pub subject: Subject,
    /// The same as in the subject.
    pub operation: OperationId,
    /// The operation's tables.
    pub tables: Vec<String>,
    /// The file among the sidecars that is deleted in the end, if any.
    pub retires: Option<String>,
    /// The file among the sidecars that is created, if any.
    pub announces: Option<String>,
    /// What it has to come to.
    pub wants: Wants,
    pub before: Snapshot,
    store: Store,
    clean: Option<Box<Evidence>>,
}

impl World {
    pub async fn new(ending: Ending, drifted: usize) -> Arc<Self> {
        let count = drifted + usize::from(ending.misses_a_table());
        let tables: Vec<String> = (0..count).map(|index| format!("node:T{index}")).collect();
        let keys: Vec<&str> = tables.iter().map(String::as_str).collect();
        let store = Store::with_tables(&[&keys[..], &[OTHER]].concat()).await;
        let of = match ending {
            Ending::NeverStarted => store.crashed_write(&keys, 0).await,
            Ending::Published => {
                let mut prepared = store.begin(&keys).await;
                for table in &keys {
                    let write = TableWrite::append_rows(&rows(100..103));
                    done(prepared.commit(table, write).await.unwrap());
                }
                done(prepared.publish().await.unwrap()).stop()
            }
            _ => store.crashed_write(&keys, drifted).await,
        };
        if !ending.is_recovery() {
            finish_what_is_before(&store, ending, &of).await;
        }
        std::fs::write(store.path().join(GARBAGE), b"{").unwrap();
        let plan = report(ending, &of, &store.open().await).await.unwrap();
        let subject = Subject {
            ending,
            operation: plan.operation_id.parse().unwrap(),
            stands: plan.sidecar.unwrap().as_bytes().to_vec(),
            of,
        };
        let is_undone_back = ending == Ending::UndoBack;
        let mut world = Self {
            ending,
            drifted,
            operation: subject.operation.clone(),
            retires: match ending {
                Ending::Dismissal => Some(format!("__recovery/{NOTES}")),
                _ if ending.is_recovery() => Some(format!("__recovery/{}", subject.of.file_name())),
                _ => None,
            },
            announces: is_undone_back
                .then(|| format!("__recovery/{}", undo_sidecar_id(&subject.of).file_name())),
            wants: Wants::of(ending, drifted, &tables, &subject.of),
            subject,
            tables,
            before: Snapshot::full(&store, &Snapshot::default()).await,
            store,
            clean: None,
        };
        for (version, rows) in &world.before.rows {
            let is_read = rows.as_ref().is_some_and(|rows| !rows.is_empty());
            assert!(is_read, "{}: nothing is read of {version:?}", world.name());
        }
        if let Some(file) = &world.retires {
            assert_eq!(world.before.files[file], world.subject.stands);
        }
        world = Self {
            clean: Some(Box::new(Evidence::of(&world, Script::looking()).await)),
            ..world
        };
        Arc::new(world)
    }

    pub fn copy(&self) -> Arc<Store> {
        Arc::new(self.store.copy())
    }

    /// What an undisturbed execution comes to; `None` while it is being found out.
    pub fn clean(&self) -> Option<&Evidence> {
        self.clean.as_deref()
    }

    pub fn outcome(&self) -> OutcomeKind {
        match self.ending {
            Ending::Forward => OutcomeKind::RolledForward,
            Ending::Back | Ending::UndoForward | Ending::UndoBack | Ending::UndoUndo => {
                OutcomeKind::RolledBack
            }
            Ending::Published | Ending::NeverStarted | Ending::Release | Ending::Dismissal => {
                OutcomeKind::CleanedUp
            }
        }
    }

    pub fn name(&self) -> String {
        format!("{:?} of {}", self.ending, self.drifted)
    }
}

/// Brings a store to where an undo, a release or a dismissal starts from.
async fn finish_what_is_before(store: &Store, ending: Ending, of: &OperationId) {
    let opened = store.open().await;
    let recovered = opened.recover(of).await.outcome;
    if matches!(ending, Ending::UndoForward | Ending::UndoUndo) {
        assert_eq!(recovered, OutcomeKind::RolledForward);
    } else {
        assert_eq!(recovered, OutcomeKind::RolledBack);
    }
    match ending {
        Ending::UndoUndo => {
            let undo = report(Ending::UndoForward, of, &opened).await.unwrap();
            let digest = approve(&undo, &opened).await.unwrap();
            let undone = opened.apply(&undo_id(of), digest).await;
            assert_eq!(undone.outcome, OutcomeKind::RolledBack, "{}", undone.detail);
        }
        Ending::Release => {
            let lance = store.lance().await;
            lance.tag(&place("node:T0"), BY_HAND, 1).await.unwrap();
        }
        Ending::Dismissal => {
            let notes = store.path().join("__recovery").join(NOTES);
            std::fs::write(notes, "no sidecar").unwrap();
        }
        _ => {}
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

/// How often a program that knows of nothing tries again when others commit at the same moment.
const RAW_TRIES_MAX: usize = 8;

pub async fn raw(store: &Store, table: &str) -> Acknowledged {
    let lance = store.lance().await;
    let mut tries = 0;
    let version = loop {
        tries += 1;
        match lance.append_rows(&place(table), &rows(WRITTEN)).await {
            Ok(version) => break version,
            Err(raced) => assert!(tries < RAW_TRIES_MAX, "{raced:?}"),
        }
    };
    Acknowledged {
        table: table.to_owned(),
        version,
        published: false,
    }
}

async fn two_phase(store: &Store, table: &str) -> Option<Acknowledged> {
    let operation = NewOperation {
        operation_id: None,
        started_at: Some(Timestamp::from_micros(
            root_objects::clock::now().micros() - 3_600_000_000,
        )),
        branch: None,
        actor_id: Some("lin".to_owned()),
        kind: OperationKind::Mutation,
        tables: vec![table.to_owned()],
    };
    let writer = TwoPhaseWriter::new(store.lance().await);
    let PhaseOutcome::Done(mut prepared) = writer.begin(operation).await.unwrap() else {
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
