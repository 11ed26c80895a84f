//! A sidecar is being set aside because its tables contradict the catalog, or its journal is broken. Every request of that is struck,
//! and meanwhile somebody mends the damage: a sidecar that can be recovered is kept, and recovered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::clock;
use root_objects::store::{Durability, RequestLog};
use sidecar::api::{PlanReport, Progress};
use sidecar::journal::JournalEntry;
use sidecar::{Code, Digest, Disposition, OperationId, OutcomeKind, SidecarFate};

use super::faults::{Act, Fault, Strike};
use super::report::say;
use super::singles::is_long;
use crate::support::{Opened, Store, place};

const TABLES: [&str; 2] = ["node:T0", "node:T1"];

/// Faults after which the same approval still finishes what was begun.
const HONEST: [Fault; 7] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::Error,
    Fault::AnswerLost,
    Fault::ConflictAfterSuccess,
    Fault::ReadError,
    Fault::ReadTruncated,
];

/// Why nothing but setting it aside can be done about the sidecar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Damage {
    /// The folder of a table was moved away.
    TableGone,
    /// The journal of the operation lost the beginning of its record.
    JournalBroken,
}

impl Damage {
    fn code(self) -> Code {
        match self {
            Self::TableGone => Code::TableMissing,
            Self::JournalBroken => Code::JournalBroken,
        }
    }

    /// What is damaged, and where it is put away.
    fn places(self, store: &Store, operation: &OperationId) -> (PathBuf, PathBuf) {
        let what = match self {
            Self::TableGone => place("node:T0").path,
            Self::JournalBroken => format!("__recovery_log/{operation}/000001.json"),
        };
        (store.path().join(what), store.beside().join("put away"))
    }

    fn strikes(self, store: &Store, operation: &OperationId) {
        let (whole, away) = self.places(store, operation);
        std::fs::rename(&whole, away).unwrap();
        if self == Self::JournalBroken {
            std::fs::write(whole, "{}").unwrap();
        }
    }

    fn is_mended(self, store: &Store, operation: &OperationId) {
        let (whole, away) = self.places(store, operation);
        std::fs::rename(away, whole).unwrap();
    }
}

/// A damaged store, with the plan that sets its sidecar aside approved.
struct Stage {
    store: Arc<Store>,
    damage: Damage,
    write: OperationId,
    /// The dismissal: the operation itself, or one of its own.
    operation: OperationId,
    digest: Digest,
}

/// Where a dismissal found that it is not what somebody agreed to any more.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Noticed {
    /// Nothing of it was begun.
    Unbegun,
    /// It was claimed.
    Claimed,
    /// Its terminal record was written.
    Finished,
}

impl Stage {
    async fn of(template: &Store, damage: Damage) -> Self {
        let store = Arc::new(template.copy());
        let write = template.operation();
        damage.strikes(&store, &write);
        let opened = store.open().await;
        let file = write.file_name();
        let plan = service::dismiss(&opened.root, &file, clock::now()).await;
        let plan = plan.unwrap();
        assert!(plan.executable, "{damage:?}: {plan:?}");
        assert_eq!(why(&plan), [damage.code()]);
        let (operation, digest) = opened.approve_plan(&plan).await;
        assert_eq!(operation == write, damage == Damage::TableGone);
        Self {
            store,
            damage,
            write,
            operation,
            digest,
        }
    }

    fn file(&self) -> PathBuf {
        let name = self.write.file_name();
        self.store.path().join("__recovery").join(name)
    }

    fn mending(&self) -> Act {
        let (store, damage, write) = (self.store.clone(), self.damage, self.write.clone());
        Box::new(move || {
            damage.is_mended(&store, &write);
            Box::pin(async {})
        })
    }

    /// Carries the dismissal out until the strike, and further if it goes on after that.
    async fn is_struck(&self, strike: &Arc<Strike>) {
        let log = RequestLog::recording().with_gate(strike.clone());
        let opened = self
            .store
            .try_open_as(log, Duration::ZERO, Durability::Relaxed);
        // Not even what the root is called could be read.
        let Ok(opened) = opened.await else { return };
        let unseen = ProgressSink::default();
        let said = service::apply(&opened.root, &self.operation, self.digest, &unseen);
        // Whatever it says: what lies in the root is looked at next.
        drop(said.await);
    }

    /// The same approval carries it out to its end.
    async fn is_set_aside(&self, what: &str) {
        let opened = self.store.open().await;
        let report = opened.apply(&self.operation, self.digest).await;
        assert_eq!(
            (report.outcome, report.sidecar),
            (OutcomeKind::CleanedUp, SidecarFate::Retired),
            "{what}: {}",
            report.detail
        );
        assert!(!self.file().exists(), "{what}");
        assert!(opened.audit_holds(&self.operation).await, "{what}");
    }

    /// The sidecar can be recovered again, so it is kept, listed as open, and recovered.
    async fn is_recovered(&self, bytes: &[u8], what: &str) -> Noticed {
        let opened = self.store.open().await;
        let report = opened.apply(&self.operation, self.digest).await;
        assert_eq!(
            (report.outcome, report.sidecar),
            (OutcomeKind::Conflict, SidecarFate::Kept),
            "{what}: {}",
            report.detail
        );
        let kept = std::fs::read(self.file());
        assert_eq!(kept.unwrap(), bytes, "{what}: nobody agreed to that");
        assert!(!report.differences.is_empty(), "{what}: {report:?}");
        assert!(
            report.detail.contains("look at "),
            "{what}: {}",
            report.detail
        );
        let records = opened.records(&self.operation).await;
        let noticed = match records.last() {
            Some(JournalEntry::Reopened { .. }) => Noticed::Finished,
            Some(JournalEntry::Interrupted { .. }) => Noticed::Claimed,
            Some(JournalEntry::Approved { .. }) => Noticed::Unbegun,
            other => panic!("{what}: {other:?}"),
        };
        let again = opened.apply(&self.operation, self.digest).await;
        assert!(
            matches!(again.outcome, OutcomeKind::Conflict | OutcomeKind::Refused),
            "{what}: {}",
            again.detail
        );
        assert!(self.file().exists(), "{what}");
        let listed = service::list(&opened.root, clock::now()).await.unwrap();
        let listed: Vec<_> = listed
            .recoveries
            .iter()
            .map(|entry| (&entry.file, entry.progress))
            .collect();
        let file = self.write.file_name();
        assert!(
            matches!(&listed[..], [(listed, Progress::Open | Progress::Approved)] if **listed == file),
            "{what}: {listed:?}"
        );
        let plan = opened.plan(&self.write).await;
        assert_eq!(plan.disposition, Disposition::RollForward, "{what}");
        recovered(&opened, &self.write, what).await;
        assert!(self.store.drift().await.is_empty(), "{what}");
        assert_eq!(self.store.sidecars(), 0, "{what}");
        noticed
    }
}

fn why(plan: &PlanReport) -> Vec<Code> {
    match &plan.purpose {
        sidecar::Purpose::Dismiss { because } => because.clone(),
        other => panic!("{other:?}"),
    }
}

async fn recovered(opened: &Opened, operation: &OperationId, what: &str) {
    let report = opened.recover(operation).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{what}: {}",
        report.detail
    );
    assert!(opened.audit_holds(operation).await, "{what}");
}

async fn template(damage: Damage) -> Store {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, TABLES.len()).await;
    if damage == Damage::JournalBroken {
        store.open().await.approve(&operation).await;
    }
    store
}

fn bytes_of(store: &Store) -> Vec<u8> {
    let file: &Path = &store.path().join("__recovery");
    std::fs::read(file.join(store.operation().file_name())).unwrap()
}

async fn sweep(damage: Damage) {
    let template = template(damage).await;
    let bytes = bytes_of(&template);
    let calm = Strike::none();
    let stage = Stage::of(&template, damage).await;
    stage.is_struck(&calm).await;
    stage
        .is_set_aside(&format!("{damage:?}, undisturbed"))
        .await;
    let census = calm.census();
    let mut noticed: BTreeMap<Noticed, usize> = BTreeMap::new();
    let (mut runs, mut gone) = (0, 0);
    for fault in HONEST {
        let requests = census.get(&fault).copied().unwrap_or_default();
        assert!(requests > 0, "{fault:?} strikes nothing");
        let is_a_read = Fault::READING.contains(&fault);
        // Reads are very many, and strike alike.
        let step = if is_a_read && !is_long() { 3 } else { 1 };
        for at in (1..=requests).step_by(step) {
            let what = format!("{damage:?}, {fault:?} at {at} of {requests}");
            let stage = Stage::of(&template, damage).await;
            stage.is_struck(&Strike::new(fault, at, None)).await;
            stage.is_set_aside(&what).await;

            let what = format!("{what}, and it is mended");
            let stage = Stage::of(&template, damage).await;
            let strike = Strike::new(fault, at, Some(stage.mending()));
            stage.is_struck(&strike).await;
            let is_mended = !stage.store.beside().join("put away").exists();
            runs += 2;
            if !is_mended {
                // How many reads there are differs by one or two with what was remembered.
                assert!(is_a_read, "{what}: it was never reached");
            } else if stage.file().exists() {
                let how = stage.is_recovered(&bytes, &what).await;
                *noticed.entry(how).or_default() += 1;
            } else {
                // It looked before that, and the deletion was on its way.
                gone += 1;
                stage.is_set_aside(&what).await;
            }
        }
    }
    let every = [Noticed::Unbegun, Noticed::Claimed, Noticed::Finished];
    assert!(
        every.iter().all(|how| noticed.contains_key(how)),
        "{damage:?}: {noticed:?}"
    );
    say(&format!(
        "{damage:?} is mended while its sidecar is set aside: {runs} runs, kept {noticed:?}, deleted before {gone}"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_whose_table_comes_back_while_it_is_set_aside_is_kept_and_recovered() {
    sweep(Damage::TableGone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_whose_journal_comes_back_while_it_is_set_aside_is_kept_and_recovered() {
    sweep(Damage::JournalBroken).await;
}
