//! Random histories of writes, crashes, recoveries, undos, dismissals and damaged files, held against a reference model; others are at
//! work in them who know of no sidecars, and the storage is not always what it was.
//!
//! The seed is fixed; `SIDECAR_HISTORIES_SEED` sets another, and a failure names the one it was found with.

mod actors;
mod merge;
mod model;
mod others;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use fenced_lance::TableWrite;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use restore_backend::execute::ProgressSink;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use sidecar::api;
use sidecar::follow_up::undo_sidecar_id;
use sidecar::{Code, Digest, Disposition, OperationId, OutcomeKind, Timestamp};
use two_phase_writer::{NewOperation, OperationKind, PhaseOutcome, Prepared, TwoPhaseWriter};

use crate::support::gates::DiesAt;
use crate::support::{Opened, Store, done, rows};
use model::{Damage, Damaged, Last, Model, Pending, TABLES, Tables, Undoing};

const SEED: u64 = 1_795_332_160_170_908;
/// Rows of one write, on each of its tables.
const ROWS_WRITTEN: u64 = 3;

/// One event of a history.
#[derive(Debug, Clone)]
enum Event {
    /// A write over some tables that dies after so many steps: announce, each commit, publish, delete the sidecar.
    Write { tables: u8, steps: usize },
    /// Two writers begin on the same pins. One finishes, the other dies.
    Race { tables: u8 },
    /// The oldest pending operation that waits for none is recovered; the process may die before one of its requests, and is
    /// started again.
    Recover(Way),
    /// The last recovery, or the last undo, is taken back, if that is possible, and what took it back likewise.
    Undo(Vec<Way>),
    /// The last recovery, or what took it back, is taken back, and before one of the requests somebody commits to one of its tables who
    /// names no operation.
    UndoBeside { at: u64, dies: bool, table: usize },
    /// Old versions of a table are cleaned away.
    CleanUp { table: usize },
    /// Everything but the journals is backed up.
    BackUp,
    /// The backup is brought back.
    BringBack,
    /// Somebody leaves a broken file among the sidecars.
    BrokenFile,
    /// Somebody damages the sidecar of one of the pending operations, somewhere.
    Corrupt {
        pending: usize,
        damage: Damage,
        at: usize,
    },
    /// One of the files that are no sidecars is set aside.
    Dismiss { file: usize, way: Way },
}

/// How something approved is carried out.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    /// The process dies before this request, and another one goes on.
    dies_at: Option<u64>,
    /// The other one has the root under another spelling of its path.
    spells_otherwise: bool,
}

fn event() -> impl Strategy<Value = Event> {
    // A clean-up has few requests, a roll back of three tables many.
    let request = || prop_oneof![1..7u64, 1..32u64];
    let way = move || {
        let death = proptest::option::weighted(0.5, request());
        let way = |(dies_at, spells_otherwise)| Way {
            dies_at,
            spells_otherwise,
        };
        (death, proptest::bool::weighted(0.3)).prop_map(way)
    };
    let index = || 0..10_000usize;
    let damage = prop_oneof![
        Just(Damage::Cut),
        Just(Damage::Flip),
        Just(Damage::Delete),
        Just(Damage::Replace),
    ];
    // Half of a write is over more than one table, and stops early.
    let tables = prop_oneof![
        1..8u8,
        prop::sample::select(vec![0b011, 0b101, 0b110, 0b111])
    ];
    let steps = prop_oneof![0..7usize, 1..3usize];
    prop_oneof![
        6 => (tables, steps).prop_map(|(tables, steps)| Event::Write { tables, steps }),
        1 => (1..8u8).prop_map(|tables| Event::Race { tables }),
        6 => way().prop_map(Event::Recover),
        5 => proptest::collection::vec(way(), 1..3).prop_map(Event::Undo),
        2 => (1..24u64, any::<bool>(), index())
            .prop_map(|(at, dies, table)| Event::UndoBeside { at, dies, table }),
        1 => index().prop_map(|table| Event::CleanUp { table }),
        1 => Just(Event::BackUp),
        1 => Just(Event::BringBack),
        1 => Just(Event::BrokenFile),
        3 => (index(), damage, index())
            .prop_map(|(pending, damage, at)| Event::Corrupt { pending, damage, at }),
        2 => (index(), way()).prop_map(|(file, way)| Event::Dismiss { file, way }),
    ]
}

/// How often each thing happened, over all histories.
#[derive(Debug, Default)]
struct Tally(Mutex<BTreeMap<&'static str, u64>>);

/// What has to happen in a run, for it to say anything; with another seed, only in a long one.
const HAPPENS_MIN: [(&str, u64); 21] = [
    ("died on the way", 12),
    ("died after the end", 1),
    ("rolled forward", 4),
    ("rolled back", 4),
    ("cleaned up", 3),
    ("undone: roll forward", 3),
    ("undone: roll back", 2),
    ("undone: undo of a roll forward", 2),
    ("undone: undo of a roll back", 1),
    ("not undone", 2),
    ("turned a writer away", 8),
    ("damaged: cut", 1),
    ("damaged: flip", 1),
    ("damaged: delete", 1),
    ("damaged: replace", 1),
    ("dismissed", 2),
    ("lost a race", 2),
    ("undo that somebody stopped", 1),
    ("cleaned up old versions", 4),
    ("brought a backup back", 2),
    ("went on under another spelling", 3),
];

impl Tally {
    fn count(&self, what: &'static str) {
        *self.counts().entry(what).or_default() += 1;
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct History<'a> {
    store: Store,
    model: Model,
    /// Everything but the journals as it was once, with what the model said of it.
    backup: Option<(BTreeMap<PathBuf, Vec<u8>>, Model)>,
    started_at: u64,
    tally: &'a Tally,
}

impl<'a> History<'a> {
    async fn play(template: &Store, events: &[Event], tally: &'a Tally) {
        let mut history = Self {
            store: template.copy().without_relocation(),
            model: Model::new(),
            backup: None,
            started_at: clock::now().micros() - 7_200_000_000,
            tally,
        };
        // A copy has other paths in its sidecars' place, but its own writers write its own.
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Write { tables, steps } => {
                    history
                        .write(*tables, *steps, 100 * (index as u64 + 1))
                        .await;
                }
                Event::Race { tables } => {
                    history.race(*tables, 100 * (index as u64 + 1)).await;
                }
                Event::Recover(way) => history.recover(*way).await,
                Event::Undo(ways) => {
                    for way in ways {
                        history.undo(*way).await;
                    }
                }
                Event::UndoBeside { at, dies, table } => {
                    history.undo_beside(*at, *dies, *table).await;
                }
                Event::CleanUp { table } => history.clean_up(*table).await,
                Event::BackUp => history.back_up(),
                Event::BringBack => history.bring_back(),
                Event::BrokenFile => history.leave_broken_file(),
                Event::Corrupt {
                    pending,
                    damage,
                    at,
                } => history.corrupt(*pending, *damage, *at),
                Event::Dismiss { file, way } => history.dismiss(*file, *way).await,
            }
            history
                .check(&format!("after event {index}, {event:?}"))
                .await;
        }
    }

    /// A writer that begins on these tables, unless it is turned away.
    async fn begin(&mut self, tables: u8) -> Option<(Prepared, Tables)> {
        let tables: Tables = TABLES
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
        let writer = TwoPhaseWriter::new(self.store.lance().await);
        let begun = writer.begin(operation).await.unwrap();
        let blocked = !tables.is_disjoint(&self.model.drifting());
        let PhaseOutcome::Done(prepared) = begun else {
            assert!(blocked, "a writer was turned away from tables nobody holds");
            self.tally.count("turned a writer away");
            return None;
        };
        assert!(
            !blocked,
            "a writer began on a table another write stands on"
        );
        Some((prepared, tables))
    }

    async fn write(&mut self, tables: u8, steps: usize, first_row: u64) {
        let Some((mut prepared, tables)) = self.begin(tables).await else {
            return;
        };
        let written = first_row..first_row + ROWS_WRITTEN;
        let mut pending = Pending::begun(&prepared, &tables, written.clone());
        for table in tables.iter().take(steps) {
            let write = TableWrite::append_rows(&rows(written.clone()));
            done(prepared.commit(table, write).await.unwrap());
            pending.committed.insert(table);
        }
        self.model.touch(&pending.committed);
        if steps <= tables.len() {
            prepared.stop();
            self.model.pending.push(pending);
            return;
        }
        let published = done(prepared.publish().await.unwrap());
        self.model.show(&tables, &pending.rows);
        pending.committed.clear();
        pending.published = true;
        if steps == tables.len() + 1 {
            published.stop();
            self.model.pending.push(pending);
        } else {
            done(published.finish().await.unwrap());
        }
    }

    /// Applies, which has to come to this outcome; if the process is to die on the way, once more.
    async fn apply(
        &self,
        operation: &OperationId,
        digest: Digest,
        way: Way,
        expected: OutcomeKind,
    ) {
        if let Some(request) = way.dies_at {
            let gate = Arc::new(DiesAt::before(request));
            let dying = self.store.open_behind(gate.clone()).await;
            let applied =
                service::apply(&dying.root, operation, digest, &ProgressSink::default()).await;
            let outcome = applied.as_ref().map(|report| report.outcome);
            if gate.left() == 0 {
                self.tally.count("died on the way");
                // Its last words may be that it cannot tell, or that all is done; never that nothing was.
                assert!(
                    outcome.is_err()
                        || [Ok(expected), Ok(OutcomeKind::Unknown)]
                            .contains(&outcome.map_err(drop)),
                    "dead before request {request}: {applied:?}"
                );
            } else {
                self.tally.count("died after the end");
                assert_eq!(
                    outcome.ok(),
                    Some(expected),
                    "not dead before request {request}: {applied:?}"
                );
            }
        }
        let opened = if way.spells_otherwise {
            self.tally.count("went on under another spelling");
            self.store.open_by_its_other_name().await
        } else {
            self.store.open().await
        };
        let report = opened.apply(operation, digest).await;
        assert_eq!(report.outcome, expected, "{report:?}");
    }

    async fn recover(&mut self, way: Way) {
        let Some(operation) = self.model.recoverable() else {
            return;
        };
        let write = self.model.take(&operation);
        let opened = self.store.open().await;
        let mut plan = opened.plan(&operation).await;
        if plan.progress == api::Progress::Finished {
            // The backup brought the sidecar back. `apply` looks whether the terminal record still holds; only then is the operation over.
            let report = opened.apply(&operation, plan.digest.unwrap()).await;
            if report.outcome == OutcomeKind::CleanedUp {
                self.tally.count("still as recorded");
                self.model.last = None;
                return;
            }
            assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
            self.tally.count("opened again");
            plan = opened.plan(&operation).await;
        }
        assert!(
            plan.disposition != Disposition::AlreadyPublished || write.published,
            "{operation} was never published: {plan:?}"
        );
        let strangers = self.model.strangers_commits(&write);
        let (expected, touched) = write.expected(&strangers);
        if expected == OutcomeKind::RolledBack && !touched.is_disjoint(&self.model.unreadable) {
            let reasons: Vec<Code> = plan.blockers.iter().map(|reason| reason.code).collect();
            assert!(
                !plan.executable && reasons.contains(&Code::TargetNotRestorable),
                "{plan:?}"
            );
            self.tally.count("nothing to roll back to");
            self.model.stuck.insert(operation);
            self.model.pending.push(write);
            return;
        }
        let (_, digest) = opened.approve_plan(&plan).await;
        self.apply(&operation, digest, way, expected).await;
        match expected {
            OutcomeKind::RolledForward => {
                self.tally.count("rolled forward");
                if !touched.is_disjoint(&self.model.unreadable) {
                    self.tally
                        .count("rolled forward from what was cleaned away");
                }
                self.model.show(&write.tables, &write.rows);
            }
            OutcomeKind::RolledBack if strangers.is_empty() => self.tally.count("rolled back"),
            OutcomeKind::RolledBack => {
                self.tally.count("rolled back with a stranger's commit");
                self.model.forget_commits(&strangers);
            }
            _ => self.tally.count("cleaned up"),
        }
        self.model.touch(&touched);
        let undoing = match expected {
            OutcomeKind::RolledForward => Undoing::Hides,
            _ => Undoing::Announces,
        };
        let is_kept = touched.is_disjoint(&self.model.unreadable);
        self.model
            .unreadable
            .retain(|table| !touched.contains(table));
        self.model.is_last(operation, write, undoing, touched);
        if !is_kept {
            self.model.last = None;
        }
    }

    async fn undo(&mut self, way: Way) {
        let Some(last) = self.model.last.take() else {
            return;
        };
        let opened = self.store.open().await;
        let answer = service::undo(&opened.root, &last.operation, clock::now())
            .await
            .unwrap();
        let possible = self.model.can_undo(&last);
        let report = match answer {
            Answer::Done(report)
                if report.executable && report.progress != api::Progress::Finished =>
            {
                report
            }
            _ => {
                assert!(!possible, "{last:?} could be taken back");
                self.tally.count("not undone");
                return;
            }
        };
        assert!(possible, "{last:?} could not be taken back: {report:?}");
        let (operation, digest) = opened.approve_plan(&report).await;
        self.apply(&operation, digest, way, OutcomeKind::RolledBack)
            .await;
        self.is_undone(operation, last);
    }

    /// The recovery that was taken back last is taken back.
    fn is_undone(&mut self, operation: OperationId, last: Last) {
        self.model.touch(&last.touched);
        let Last {
            write,
            undoing,
            mut touched,
            ..
        } = last;
        let undoing = match undoing {
            Undoing::Hides => {
                self.tally.count("undone: roll forward");
                self.model.hide(&touched, &write.rows);
                Undoing::Shows
            }
            Undoing::Shows => {
                self.tally.count("undone: undo of a roll forward");
                self.model.show(&touched, &write.rows);
                Undoing::Hides
            }
            Undoing::Announces => {
                self.tally.count("undone: roll back");
                self.model.pending.push(Pending {
                    operation: undo_sidecar_id(&last.operation),
                    committed: touched.clone(),
                    published: false,
                    never_whole: true,
                    ..write.clone()
                });
                Undoing::Recovers(undo_sidecar_id(&last.operation))
            }
            Undoing::Recovers(pending) => {
                self.tally.count("undone: undo of a roll back");
                assert_eq!(operation, pending);
                // As when any other sidecar is recovered: a commit whose own sidecar is damaged goes with the write it stands in.
                let taken = self.model.take(&pending);
                let strangers = self.model.strangers_commits(&taken);
                self.model.forget_commits(&strangers);
                self.model.touch(&strangers);
                touched.extend(strangers);
                Undoing::Announces
            }
        };
        self.model.is_last(operation, write, undoing, touched);
    }

    fn leave_broken_file(&mut self) {
        let folder = self.store.path().join("__recovery");
        std::fs::create_dir_all(&folder).unwrap();
        self.model.broken_files += 1;
        let name = format!("broken-{}.json", self.model.broken_files);
        std::fs::write(folder.join(&name), "{ \"schema_version\": 1,").unwrap();
        self.model.refused.insert(name);
    }

    fn corrupt(&mut self, which: usize, damage: Damage, at: usize) {
        let pending = &self.model.pending;
        if pending.is_empty() {
            return;
        }
        let operation = pending[which % pending.len()].operation.clone();
        let name = operation.file_name();
        let file = self.store.path().join("__recovery").join(&name);
        let mut bytes = std::fs::read(&file).unwrap();
        match damage {
            Damage::Cut => {
                bytes.truncate(at % bytes.len());
                std::fs::write(&file, bytes).unwrap();
            }
            Damage::Flip => {
                // The highest bit: no byte of a sidecar has it, wherever it is.
                let place = at % bytes.len();
                bytes[place] ^= 0x80;
                std::fs::write(&file, bytes).unwrap();
            }
            Damage::Delete => std::fs::remove_file(&file).unwrap(),
            Damage::Replace => {
                let text = String::from_utf8(bytes).unwrap();
                let newer = text.replace("\"schema_version\": 1", "\"schema_version\": 10");
                assert_ne!(newer, text);
                std::fs::write(&file, newer).unwrap();
            }
        }
        self.tally.count(damage.name());
        let write = self.model.take(&operation);
        if damage != Damage::Delete {
            self.model.refused.insert(name);
        }
        self.model.damaged.push(Damaged { write, damage });
    }

    async fn dismiss(&mut self, which: usize, way: Way) {
        let files: Vec<String> = self.model.refused.iter().cloned().collect();
        if files.is_empty() {
            return;
        }
        let file = &files[which % files.len()];
        let opened = self.store.open().await;
        let plan = service::dismiss(&opened.root, file, clock::now())
            .await
            .unwrap();
        let plan = if plan.progress == api::Progress::Finished {
            // A backup brought it back, or it was left there once more: it was agreed that it goes once.
            let operation = plan.operation_id.parse().unwrap();
            let report = opened.apply(&operation, plan.digest.unwrap()).await;
            assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
            self.tally.count("opened again");
            let again = service::dismiss(&opened.root, file, clock::now()).await;
            again.unwrap()
        } else {
            plan
        };
        let (operation, digest) = opened.approve_plan(&plan).await;
        self.apply(&operation, digest, way, OutcomeKind::CleanedUp)
            .await;
        self.tally.count("dismissed");
        self.model.set_aside(file);
    }

    async fn check(&self, at: &str) {
        let unreadable = &self.model.unreadable;
        let seen = self
            .store
            .visible_rows_but_of(|table| unreadable.contains(table))
            .await;
        assert_eq!(seen, self.model.visible(), "{at}: what readers see");
        let drift = self.store.drift().await;
        let drift: BTreeSet<&str> = drift.keys().map(String::as_str).collect();
        assert_eq!(drift, self.model.drifting(), "{at}: HEADs above their pins");

        let opened: Opened = self.store.open().await;
        opened.log.reset();
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        assert_eq!(opened.log.mutations(), 0, "{at}: looking changes nothing");
        let (refused, pending): (Vec<_>, Vec<_>) = list
            .recoveries
            .iter()
            .partition(|recovery| recovery.refused.is_some());
        let refused: BTreeSet<String> = refused
            .iter()
            .map(|recovery| recovery.file.clone())
            .collect();
        assert_eq!(refused, self.model.refused, "{at}: files that are refused");
        let pending: BTreeMap<String, bool> = pending
            .iter()
            .map(|recovery| {
                let waits = recovery.disposition == Disposition::Waiting;
                (recovery.operation_id.clone().unwrap(), waits)
            })
            .collect();
        assert_eq!(
            pending,
            self.model.pending_and_waiting(),
            "{at}: what is pending, and whether it waits"
        );
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

#[expect(
    clippy::print_stdout,
    reason = "what happened in these histories is part of the result"
)]
fn say(what: &str) {
    println!("histories: {what}");
}

#[test]
fn every_history_ends_as_the_model_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap();
    let template = runtime.block_on(Store::with_tables(&TABLES));
    let is_long = std::env::var_os("SIDECAR_LONG").is_some();
    let cases = if is_long { 400 } else { 28 };
    let seed = std::env::var("SIDECAR_HISTORIES_SEED").map_or(SEED, |text| text.parse().unwrap());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let histories = proptest::collection::vec(event(), 8..20);
    let tally = Tally::default();
    let outcome = runner.run(&histories, |events| {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(History::play(&template, &events, &tally));
        }));
        played.map_err(|panic| {
            let words = panic
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or_else(|| "it panicked".to_owned());
            TestCaseError::fail(words)
        })
    });
    outcome.unwrap_or_else(|failure| panic!("SIDECAR_HISTORIES_SEED={seed}: {failure}"));
    let counts = tally.counts().clone();
    say(&format!("{cases} with seed {seed}: {counts:?}"));
    if seed != SEED && !is_long {
        return;
    }
    for (what, least) in HAPPENS_MIN {
        let times = counts.get(what).copied().unwrap_or_default();
        assert!(
            times >= least,
            "{what}: {times} times, of {least}, with SIDECAR_HISTORIES_SEED={seed}"
        );
    }
}

/// Two writers began from the same pins and died, one of them on a table of the other, and its sidecar is damaged. By its
/// versions that table could be the other's; whose it was is known, and it is taken back, not published.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_sidecar_is_damaged_goes_with_the_write_it_stands_in() {
    let template = Store::with_tables(&TABLES).await;
    for damage in [Damage::Cut, Damage::Flip, Damage::Delete, Damage::Replace] {
        let tally = Tally::default();
        let one = Event::Write {
            tables: 0b011,
            steps: 1,
        };
        let other = Event::Write {
            tables: 0b010,
            steps: 1,
        };
        let corrupt = Event::Corrupt {
            pending: 1,
            damage,
            at: 100,
        };
        let recover = Event::Recover(Way::default());
        let undo = Event::Undo(vec![Way::default()]);
        let events = [one, other, corrupt, recover.clone(), undo, recover];
        History::play(&template, &events, &tally).await;
        let counts = tally.counts();
        assert_eq!(
            counts["rolled back with a stranger's commit"], 1,
            "{counts:?}"
        );
    }
}
