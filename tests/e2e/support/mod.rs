//! The stores of these tests as the product opens them, with every request on record.

pub mod crash;
pub mod gates;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use lance::dataset::cleanup::CleanupPolicyBuilder;
use restore_backend::execute::ProgressSink;
use restore_backend::root::{Root, RootError, RootOptions};
use restore_backend::service::{self, Answer, Approver};
use root_objects::clock;
use root_objects::store::{Durability, Gate, RequestLog};
use sidecar::api::PlanReport;
use sidecar::journal::JournalEntry;
use sidecar::{ApplyReport, Digest, Limits, OperationId, Requirement};

pub use crashed_roots::rows::{Visible, done, numbers, numbers_at, place, rows};
pub use crashed_roots::store::{copy_folder, fixtures};

/// A root in a temporary folder, which the product can open.
#[derive(Debug)]
pub struct Store(crashed_roots::store::Store);

impl Deref for Store {
    type Target = crashed_roots::store::Store;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A root as one program has it open, with its own record of requests.
pub struct Opened {
    pub root: Root,
    pub log: RequestLog,
}

impl Store {
    /// A graph that a released engine left behind, unpacked.
    pub fn unpacked(engine: &str, name: &str) -> Self {
        Self(crashed_roots::store::Store::unpacked(engine, name))
    }

    /// A root with nothing in it.
    pub fn empty() -> Self {
        Self(crashed_roots::store::Store::empty())
    }

    /// The same store, as if it had been moved from there.
    pub fn moved_from(self, place: &str) -> Self {
        Self(self.0.moved_from(place))
    }

    /// A store of our own writer with these tables, ten rows each, all published at version 1.
    pub async fn with_tables(table_keys: &[&str]) -> Self {
        Self(crashed_roots::store::Store::with_tables(table_keys).await)
    }

    /// As it is where it was written.
    pub fn without_relocation(self) -> Self {
        Self(self.0.without_relocation())
    }

    /// The same store somewhere else, byte for byte.
    pub fn copy(&self) -> Self {
        Self(self.0.copy())
    }

    pub async fn open(&self) -> Opened {
        self.open_with(RequestLog::recording(), Duration::ZERO)
            .await
    }

    pub async fn open_behind(&self, gate: Arc<dyn Gate>) -> Opened {
        self.open_with(RequestLog::recording().with_gate(gate), Duration::ZERO)
            .await
    }

    pub async fn open_with(&self, log: RequestLog, min_age: Duration) -> Opened {
        self.open_as(log, min_age, Durability::Relaxed).await
    }

    /// Opens the root under another spelling of its path, as over a link or another mount.
    pub async fn open_by_its_other_name(&self) -> Opened {
        let alias = self.beside().join("alias");
        if !alias.exists() {
            std::os::unix::fs::symlink(self.path(), &alias).unwrap();
        }
        let log = RequestLog::recording();
        let options = RootOptions {
            relocated_from: self.relocated_from().map(str::to_owned),
            min_age: Duration::ZERO,
            durability: Durability::Relaxed,
            log: log.clone(),
            ..RootOptions::default()
        };
        Opened {
            root: Root::open(alias.to_str().unwrap(), options).await.unwrap(),
            log,
        }
    }

    /// Opens the root with caches of the chosen durability: each has its own, and shares nothing with the other.
    pub async fn open_as(
        &self,
        log: RequestLog,
        min_age: Duration,
        durability: Durability,
    ) -> Opened {
        self.try_open_as(log, min_age, durability).await.unwrap()
    }

    /// As [`Self::open_as`], where what the root is called may not be read.
    pub async fn try_open_as(
        &self,
        log: RequestLog,
        min_age: Duration,
        durability: Durability,
    ) -> Result<Opened, RootError> {
        let options = RootOptions {
            relocated_from: self.relocated_from().map(str::to_owned),
            min_age,
            durability,
            log: log.clone(),
            ..RootOptions::default()
        };
        let root = Root::open(self.path().to_str().unwrap(), options).await?;
        Ok(Opened { root, log })
    }

    /// Opens the root with other bounds on what is read from it.
    pub async fn open_within(&self, limits: Limits, log: RequestLog) -> Opened {
        let options = RootOptions {
            relocated_from: self.relocated_from().map(str::to_owned),
            min_age: Duration::ZERO,
            durability: Durability::Relaxed,
            log: log.clone(),
            limits,
        };
        let root = Root::open(self.path().to_str().unwrap(), options).await;
        Opened {
            root: root.unwrap(),
            log,
        }
    }

    /// Lance's own cleanup of a table, without any grace: what is older than HEAD goes, unless it is tagged. It knows of no pins.
    pub async fn clean_up(&self, table_key: &str) {
        let uri = self.path().join(place(table_key).path);
        let dataset = lance::Dataset::open(uri.to_str().unwrap()).await.unwrap();
        let policy = CleanupPolicyBuilder::default()
            .retain_n_versions(&dataset, 1)
            .await
            .unwrap()
            .error_if_tagged_old_versions(false)
            .delete_unverified(true)
            .build();
        dataset.cleanup_with_policy(policy).await.unwrap();
    }
}

pub fn approver() -> Approver {
    Approver {
        name: "grace".to_owned(),
        reason: Some("the writer died".to_owned()),
        writers_stopped: true,
        // Some of these stores hold a broken file beside what is recovered.
        acknowledged: [Requirement::OlderUnreadable].into(),
    }
}

impl Opened {
    pub async fn plan(&self, operation: &OperationId) -> PlanReport {
        service::plan(&self.root, operation.as_str(), clock::now())
            .await
            .unwrap()
    }

    /// Approves the plan as it is now, with everything it asks the approver to state.
    pub async fn approve(&self, operation: &OperationId) -> Digest {
        let plan = self.plan(operation).await;
        self.approve_plan(&plan).await.1
    }

    /// Approves exactly the plan of a report, with everything it asks the approver to state.
    pub async fn approve_plan(&self, plan: &PlanReport) -> (OperationId, Digest) {
        assert!(plan.executable, "{plan:?}");
        let operation = plan.operation_id.parse().unwrap();
        let digest = plan.digest.expect("a digest");
        let approver = Approver {
            acknowledged: plan.requires.iter().copied().collect(),
            ..approver()
        };
        self.consent(&operation, digest, approver).await;
        (operation, digest)
    }

    async fn consent(&self, operation: &OperationId, digest: Digest, approver: Approver) {
        let answer = service::approve(&self.root, operation, digest, approver, clock::now());
        match answer.await.unwrap() {
            Answer::Done(report) => assert!(report.authorized),
            Answer::No(refusal) => panic!("{refusal:?}"),
        }
    }

    pub async fn apply(&self, operation: &OperationId, digest: Digest) -> ApplyReport {
        service::apply(&self.root, operation, digest, &ProgressSink::default())
            .await
            .unwrap()
    }

    pub async fn recover(&self, operation: &OperationId) -> ApplyReport {
        let digest = self.approve(operation).await;
        self.apply(operation, digest).await
    }

    /// The entries of an operation's journal, whose chain must hold.
    pub async fn records(&self, operation: &OperationId) -> Vec<JournalEntry> {
        let audit = service::audit(&self.root, Some(operation), true)
            .await
            .unwrap();
        let audited = &audit.operations[0];
        assert_eq!(audited.verified, Some(true), "{:?}", audited.problem);
        audited
            .records
            .iter()
            .map(|audited| audited.record.entry.clone())
            .collect()
    }

    pub async fn audit_holds(&self, operation: &OperationId) -> bool {
        let report = service::audit(&self.root, Some(operation), true)
            .await
            .unwrap();
        report.operations.len() == 1
            && report.operations[0].verified == Some(true)
            && report.operations[0].outcome.is_some()
    }
}
