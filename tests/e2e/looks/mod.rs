//! What an execution makes of what it sees: reads that fail, effects nobody recorded, files that are gone, sidecars that were
//! replaced, histories that cannot be written, journals that are too many to be held together.

mod died;
mod files;
mod history;
mod journals;
mod replaced;
mod transient;
mod unread;

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use restore_backend::execute::ProgressSink;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::store::{Gate, Request, Verb};
use sidecar::api::PlanReport;
use sidecar::{ApplyReport, Digest, Effect, OperationId};

use crate::support::{Opened, Store, approver};

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];
const AUTHOR_VERSIONS: &str = "tables/node_Author/_versions";

fn failure(what: &'static str) -> object_store::Error {
    object_store::Error::Generic {
        store: what,
        source: "the connection was reset".into(),
    }
}

/// Fails one read, the first that fits once the operation is claimed.
#[derive(Debug)]
struct FailsARead {
    verb: Verb,
    path: String,
    is_claimed: AtomicBool,
    has_failed: AtomicBool,
}

impl FailsARead {
    fn after_the_claim(verb: Verb, path: &str) -> Self {
        Self {
            verb,
            path: path.to_owned(),
            is_claimed: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
        }
    }

    fn at_once(verb: Verb, path: &str) -> Self {
        Self {
            is_claimed: AtomicBool::new(true),
            ..Self::after_the_claim(verb, path)
        }
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Gate for FailsARead {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        let fits = request.verb == self.verb && request.path.starts_with(&self.path);
        if fits
            && self.is_claimed.load(Ordering::SeqCst)
            && !self.has_failed.swap(true, Ordering::SeqCst)
        {
            return Err(failure("far away"));
        }
        Ok(())
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if request.path.ends_with("/claim.json") && request.verb.is_mutation() {
            self.is_claimed.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// A process that dies right after its first mutating request below a path was carried out.
#[derive(Debug)]
struct DiesAfter {
    path: String,
    is_dead: AtomicBool,
}

impl DiesAfter {
    fn a_write_to(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            is_dead: AtomicBool::new(false),
        }
    }

    fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Gate for DiesAfter {
    async fn before(&self, _request: &Request) -> object_store::Result<()> {
        if self.is_dead() {
            return Err(failure("dead process"));
        }
        Ok(())
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if self.is_dead() || request.verb.is_mutation() && request.path.starts_with(&self.path) {
            self.is_dead.store(true, Ordering::SeqCst);
            return Err(failure("dead process"));
        }
        Ok(())
    }
}

/// Approves what is planned now, and applies it in a process that dies right after its first write to `path`.
async fn dies_after(store: &Store, operation: &OperationId, path: impl Into<String>) -> Digest {
    let digest = agree(&store.open().await, operation).await;
    let gate = std::sync::Arc::new(DiesAfter::a_write_to(path));
    let dying = store.open_behind(gate.clone()).await;
    let died = service::apply(&dying.root, operation, digest, &ProgressSink::default()).await;
    assert!(gate.is_dead(), "{died:?}");
    digest
}

/// Approves the plan as it is now, with everything it asks for.
async fn agree(opened: &Opened, operation: &OperationId) -> Digest {
    let plan = opened.plan(operation).await;
    let digest = plan.digest.expect("a digest");
    let approver = service::Approver {
        acknowledged: plan.requires.iter().copied().collect(),
        ..approver()
    };
    let answer = service::approve(&opened.root, operation, digest, approver, clock::now())
        .await
        .unwrap();
    assert!(
        matches!(&answer, Answer::Done(report) if report.authorized),
        "{answer:?}"
    );
    digest
}

async fn recover(opened: &Opened, operation: &OperationId) -> ApplyReport {
    let digest = agree(opened, operation).await;
    opened.apply(operation, digest).await
}

/// The plan under the name of a file, or of an operation.
async fn plan_of(opened: &Opened, name: &str) -> PlanReport {
    service::plan(&opened.root, name, clock::now())
        .await
        .unwrap()
}

fn effect_on(report: &ApplyReport, table_key: &str) -> Effect {
    let mut tables = report.tables.iter();
    tables
        .find(|table| table.table_key == table_key)
        .expect("the table")
        .effect
}
