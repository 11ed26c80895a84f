//! Random histories of writes, crashes, recoveries, undos and broken files, held against a reference model of a few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use restore_backend::clock;
use restore_backend::execute::ProgressSink;
use restore_backend::lance_room::TableWrite;
use restore_backend::service::{self, Answer};
use restore_backend::two_phase_writer::{NewOperation, OperationKind, Progress, TwoPhaseWriter};
use sidecar::follow_up::undo_sidecar_id;
use sidecar::{OperationId, OutcomeKind, Timestamp};

use crate::support::{DiesAt, Opened, Store, approver, done, rows};

const TABLES: [&str; 3] = ["edge:Wrote", "node:Author", "node:Book"];

/// One event of a history.
#[derive(Debug, Clone)]
enum Event {
    /// A write over some tables that dies after so many steps: announce, each commit, publish, delete the sidecar.
    Write { tables: u8, steps: usize },
    /// The oldest pending operation is recovered; the process may die before one of its requests, and is started again.
    Recover { dies_at: Option<u64> },
    /// The last recovery is taken back, if that is possible.
    Undo { dies_at: Option<u64> },
    /// Somebody leaves a broken file among the sidecars.
    BrokenFile,
}

fn event() -> impl Strategy<Value = Event> {
    let death = || proptest::option::weighted(0.4, 1..24u64);
    prop_oneof![
        4 => (1..8u8, 0..7usize).prop_map(|(tables, steps)| Event::Write { tables, steps }),
        3 => death().prop_map(|dies_at| Event::Recover { dies_at }),
        2 => death().prop_map(|dies_at| Event::Undo { dies_at }),
        1 => Just(Event::BrokenFile),
    ]
}

/// A write whose sidecar is still there.
#[derive(Debug, Clone)]
struct Pending {
    operation: OperationId,
    rows: u64,
    tables: BTreeSet<&'static str>,
    /// Tables that hold its commit, unpublished.
    committed: BTreeSet<&'static str>,
    published: bool,
    /// It was left by the undo of a roll back: half a write, whatever its versions say.
    never_whole: bool,
}

/// The last recovery.
#[derive(Debug, Clone)]
struct Last {
    operation: OperationId,
    write: Pending,
    outcome: OutcomeKind,
    touched: BTreeSet<&'static str>,
    stamps: BTreeMap<&'static str, u64>,
}

/// What a reader and an operator have to see.
#[derive(Debug, Default)]
struct Model {
    visible: BTreeMap<&'static str, u64>,
    /// Counts every change of a table's HEAD or pin.
    stamps: BTreeMap<&'static str, u64>,
    pending: Vec<Pending>,
    last: Option<Last>,
    broken_files: u64,
}

impl Model {
    fn new() -> Self {
        Self {
            visible: TABLES.iter().map(|table| (*table, 10)).collect(),
            stamps: TABLES.iter().map(|table| (*table, 0)).collect(),
            ..Self::default()
        }
    }

    fn drifting(&self) -> BTreeSet<&'static str> {
        self.pending
            .iter()
            .flat_map(|pending| &pending.committed)
            .copied()
            .collect()
    }

    fn touch(&mut self, tables: &BTreeSet<&'static str>) {
        for table in tables {
            *self.stamps.entry(table).or_default() += 1;
        }
    }

    fn show(&mut self, tables: &BTreeSet<&'static str>, rows: u64) {
        for table in tables {
            *self.visible.entry(table).or_default() += rows;
        }
    }
}

struct History {
    store: Store,
    model: Model,
    started_at: u64,
}

impl History {
    async fn play(template: &Store, events: &[Event]) {
        let mut history = Self {
            store: template.copy().without_relocation(),
            model: Model::new(),
            started_at: clock::now().micros() - 7_200_000_000,
        };
        // A copy has other paths in its sidecars' place, but its own writers write its own.
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Write { tables, steps } => {
                    history
                        .write(*tables, *steps, 100 * (index as u64 + 1))
                        .await;
                }
                Event::Recover { dies_at } => history.recover(*dies_at).await,
                Event::Undo { dies_at } => history.undo(*dies_at).await,
                Event::BrokenFile => history.leave_broken_file(),
            }
            history.check(index, event).await;
        }
    }

    async fn write(&mut self, tables: u8, steps: usize, first_row: u64) {
        let tables: BTreeSet<&'static str> = TABLES
            .iter()
            .enumerate()
            .filter(|(index, _)| tables & (1 << index) != 0)
            .map(|(_, table)| *table)
            .collect();
        self.started_at += 1_000_000;
        let operation = NewOperation {
            operation_id: None,
            started_at: Some(Timestamp::from_micros(self.started_at)),
            branch: None,
            actor_id: Some("ada".to_owned()),
            kind: OperationKind::Mutation,
            tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        };
        let writer = TwoPhaseWriter::new(self.store.room().await);
        let begun = writer.begin(operation).await.unwrap();
        let blocked = !tables.is_disjoint(&self.model.drifting());
        let Progress::Done(mut prepared) = begun else {
            assert!(blocked, "a writer was turned away from tables nobody holds");
            return;
        };
        assert!(
            !blocked,
            "a writer began on a table another write stands on"
        );
        let rows_written = 3;
        let mut pending = Pending {
            operation: prepared.operation_id().clone(),
            rows: rows_written,
            tables: tables.clone(),
            committed: BTreeSet::new(),
            published: false,
            never_whole: false,
        };
        for table in tables.iter().take(steps) {
            let write = TableWrite::append_rows(&rows(first_row..first_row + rows_written));
            done(prepared.commit(table, write).await.unwrap());
            pending.committed.insert(table);
        }
        self.model.touch(&pending.committed.clone());
        if steps <= tables.len() {
            prepared.stop();
            self.model.pending.push(pending);
            return;
        }
        let published = done(prepared.publish().await.unwrap());
        self.model.show(&tables, rows_written);
        pending.committed.clear();
        pending.published = true;
        if steps == tables.len() + 1 {
            published.stop();
            self.model.pending.push(pending);
        } else {
            done(published.finish().await.unwrap());
        }
    }

    /// Applies; if the process is to die on the way, once more.
    async fn apply(
        &self,
        operation: &OperationId,
        digest: sidecar::Digest,
        dies_at: Option<u64>,
    ) -> OutcomeKind {
        if let Some(request) = dies_at {
            let dying = self
                .store
                .open_behind(Arc::new(DiesAt::before(request)))
                .await;
            service::apply(&dying.root, operation, digest, &ProgressSink::default())
                .await
                .ok();
        }
        self.store
            .open()
            .await
            .apply(operation, digest)
            .await
            .outcome
    }

    async fn recover(&mut self, dies_at: Option<u64>) {
        self.model
            .pending
            .sort_by(|left, right| left.operation.cmp(&right.operation));
        if self.model.pending.is_empty() {
            return;
        }
        let write = self.model.pending.remove(0);
        let opened = self.store.open().await;
        let digest = opened.approve(&write.operation).await;
        let outcome = self.apply(&write.operation, digest, dies_at).await;

        let whole = !write.never_whole && write.committed == write.tables;
        let expected = match () {
            () if write.published || write.committed.is_empty() => OutcomeKind::CleanedUp,
            () if whole => OutcomeKind::RolledForward,
            () => OutcomeKind::RolledBack,
        };
        assert_eq!(outcome, expected, "{write:?}");
        // What stands on its tables of other pending writes is theirs.
        let touched = write.committed.clone();
        if expected == OutcomeKind::RolledForward {
            self.model.show(&write.tables, write.rows);
        }
        self.model.touch(&touched);
        self.model.last = Some(Last {
            operation: write.operation.clone(),
            write,
            outcome,
            touched,
            stamps: self.model.stamps.clone(),
        });
    }

    async fn undo(&mut self, dies_at: Option<u64>) {
        let Some(last) = self.model.last.take() else {
            return;
        };
        let opened = self.store.open().await;
        let answer = service::undo(&opened.root, &last.operation, clock::now())
            .await
            .unwrap();
        let moved = last
            .touched
            .iter()
            .any(|table| self.model.stamps[table] != last.stamps[table]);
        let overlapped = self
            .model
            .pending
            .iter()
            .any(|pending| !pending.tables.is_disjoint(&covered(&last)));
        let possible = !last.touched.is_empty() && !moved && !overlapped;
        let report = match answer {
            Answer::Done(report) if report.executable => report,
            _ => {
                assert!(!possible, "{last:?} could be taken back");
                return;
            }
        };
        assert!(possible, "{last:?} could not be taken back: {report:?}");
        let (operation, digest): (OperationId, _) =
            (report.operation_id.parse().unwrap(), report.digest.unwrap());
        let approved =
            service::approve(&opened.root, &operation, digest, approver(), clock::now()).await;
        assert!(matches!(approved.unwrap(), Answer::Done(_)));
        let outcome = self.apply(&operation, digest, dies_at).await;
        assert_eq!(outcome, OutcomeKind::RolledBack);
        self.model.touch(&last.touched);
        if last.outcome == OutcomeKind::RolledForward {
            for table in &last.touched {
                *self.model.visible.entry(table).or_default() -= last.write.rows;
            }
        } else {
            self.model.pending.push(Pending {
                operation: undo_sidecar_id(&last.operation),
                committed: last.touched.clone(),
                published: false,
                never_whole: true,
                ..last.write
            });
        }
    }

    fn leave_broken_file(&mut self) {
        let folder = self.store.path().join("__recovery");
        std::fs::create_dir_all(&folder).unwrap();
        self.model.broken_files += 1;
        let name = format!("broken-{}.json", self.model.broken_files);
        std::fs::write(folder.join(name), "{ \"schema_version\": 1,").unwrap();
    }

    async fn check(&self, index: usize, event: &Event) {
        let at = format!("after event {index}, {event:?}");
        let visible: BTreeMap<&str, u64> = self.model.visible.clone();
        let seen = self.store.visible_rows().await;
        let seen: BTreeMap<&str, u64> = seen
            .iter()
            .map(|(table, rows)| (table.as_str(), *rows))
            .collect();
        assert_eq!(seen, visible, "{at}: what readers see");
        let drift = self.store.drift().await;
        let drift: BTreeSet<&str> = drift.keys().map(String::as_str).collect();
        assert_eq!(drift, self.model.drifting(), "{at}: HEADs above their pins");

        let opened: Opened = self.store.open().await;
        opened.log.reset();
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        assert_eq!(opened.log.mutations(), 0, "{at}: looking changes nothing");
        let listed: BTreeSet<String> = list
            .recoveries
            .iter()
            .filter(|recovery| recovery.refused.is_none())
            .filter_map(|recovery| recovery.operation_id.clone())
            .collect();
        let pending: BTreeSet<String> = self
            .model
            .pending
            .iter()
            .map(|pending| pending.operation.to_string())
            .collect();
        assert_eq!(listed, pending, "{at}: what is pending");
        let refused = list
            .recoveries
            .iter()
            .filter(|recovery| recovery.refused.is_some())
            .count() as u64;
        assert_eq!(refused, self.model.broken_files, "{at}: broken files");
        let audit = service::audit(&opened.root, None, true).await.unwrap();
        assert!(
            audit
                .operations
                .iter()
                .all(|operation| operation.verified == Some(true)),
            "{at}: {audit:?}"
        );
    }
}

/// The tables an undo's sidecar names.
fn covered(last: &Last) -> BTreeSet<&'static str> {
    if last.outcome == OutcomeKind::RolledBack {
        last.write.tables.clone()
    } else {
        last.touched.clone()
    }
}

#[test]
fn every_history_ends_as_the_model_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap();
    let template = runtime.block_on(Store::with_tables(&TABLES));
    let cases = if std::env::var_os("SIDECAR_LONG").is_some() {
        400
    } else {
        24
    };
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let histories = proptest::collection::vec(event(), 4..14);
    let outcome = runner.run(&histories, |events| {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(History::play(&template, &events));
        }));
        played.map_err(|panic| {
            let words = panic
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or_else(|| "it panicked".to_owned());
            TestCaseError::fail(words)
        })
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
