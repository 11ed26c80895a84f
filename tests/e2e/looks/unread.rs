//! An object that storage does not give is unknown, and not broken: nobody judges the write by it, or sets its sidecar aside.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::store::{Gate, Request};
use sidecar::api::PlanReport;
use sidecar::{Code, Disposition, OperationId, OutcomeKind};

use super::TABLES;
use crate::support::{Opened, Store, approver};

const YOUNGER: &str = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";
const SCHEMA_FILES: [&str; 6] = [
    "_schema.pg",
    "_schema.ir.json",
    "__schema_state.json",
    "_schema.pg.staging",
    "_schema.ir.json.staging",
    "__schema_state.json.staging",
];

/// Nothing whose path begins so is given.
#[derive(Debug)]
struct Withheld(String);

#[async_trait]
impl Gate for Withheld {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if !request.path.starts_with(&self.0) {
            return Ok(());
        }
        Err(object_store::Error::PermissionDenied {
            path: request.path.clone(),
            source: "403 Forbidden".into(),
        })
    }
}

async fn opened_without(store: &Store, path: &str) -> Opened {
    store.open_behind(Arc::new(Withheld(path.to_owned()))).await
}

fn codes(plan: &PlanReport) -> Vec<Code> {
    plan.blockers.iter().map(|reason| reason.code).collect()
}

/// The plan that sets a file aside, which nobody can approve.
async fn is_not_set_aside(opened: &Opened, named: &str) {
    let plan = service::dismiss(&opened.root, named, clock::now())
        .await
        .unwrap();
    assert!(!plan.executable && plan.steps.is_empty(), "{plan:#?}");
    assert!(codes(&plan).contains(&Code::Unreadable), "{plan:#?}");
    let (Some(digest), Ok(operation)) = (plan.digest, plan.operation_id.parse()) else {
        return;
    };
    let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now());
    // That nothing can be read is an error, or a refusal.
    if let Ok(Answer::Done(report)) = answer.await {
        panic!("{report:?}")
    }
}

/// The write is aborted by the name of what cannot be read, its sidecar is kept, and a younger one waits for it.
async fn is_held_back(opened: &Opened, operation: &OperationId, what: &str) {
    let plan = opened.plan(operation).await;
    assert_eq!(plan.disposition, Disposition::Abort, "{what}");
    assert!(!plan.executable && !plan.may_be_set_aside(), "{what}");
    let unread = plan.blockers.iter().find(|it| it.code == Code::Unreadable);
    let unread = unread.unwrap_or_else(|| panic!("{what}: {:?}", plan.blockers));
    assert!(unread.detail.contains(what), "{what}: {unread:?}");
    assert!(!codes(&plan).contains(&Code::SchemaContradictory), "{what}");
    is_not_set_aside(opened, operation.as_str()).await;
    is_not_set_aside(opened, &operation.file_name()).await;

    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let younger = list
        .recoveries
        .iter()
        .find(|line| line.operation_id.as_deref() == Some(YOUNGER));
    assert_eq!(younger.unwrap().disposition, Disposition::Waiting, "{what}");
}

/// A second, younger sidecar of the same tables.
fn write_a_younger_one(store: &Store, operation: &OperationId) {
    let folder = store.path().join("__recovery");
    let older = std::fs::read_to_string(folder.join(operation.file_name())).unwrap();
    let younger = older.replace(operation.as_str(), YOUNGER);
    std::fs::write(folder.join(format!("{YOUNGER}.json")), younger).unwrap();
}

fn put_in_the_way(of: &Path, what: &str) {
    let aside = of.with_file_name("aside");
    std::fs::rename(of, &aside).unwrap();
    match what {
        "folder" => std::fs::create_dir(of).unwrap(),
        _ => std::os::unix::fs::symlink(&aside, of).unwrap(),
    }
}

fn put_back(of: &Path, what: &str) {
    match what {
        "folder" => std::fs::remove_dir(of).unwrap(),
        _ => std::fs::remove_file(of).unwrap(),
    }
    std::fs::rename(of.with_file_name("aside"), of).unwrap();
}

async fn can_be_set_aside(opened: &Opened, plan: &PlanReport) {
    assert!(plan.may_be_set_aside());
    let dismissal = service::dismiss(&opened.root, &plan.operation_id, clock::now())
        .await
        .unwrap();
    assert!(dismissal.executable, "{dismissal:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_file_that_cannot_be_read_is_named_and_its_sidecar_is_kept() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let operation = store.operation();
    write_a_younger_one(&store, &operation);
    for name in SCHEMA_FILES {
        is_held_back(&opened_without(&store, name).await, &operation, name).await;
        for what in ["folder", "link"] {
            let file = store.path().join(name);
            put_in_the_way(&file, what);
            is_held_back(&store.open().await, &operation, name).await;
            put_back(&file, what);
        }
    }
    // Once everything can be read it is the write that it was.
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_lock_that_cannot_be_read_is_named_and_its_sidecar_is_kept() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let operation = store.operation();
    write_a_younger_one(&store, &operation);
    let lock = "__manifest/_refs/branches/__schema_apply_lock__.json";
    let withheld = opened_without(&store, lock).await;
    is_held_back(&withheld, &operation, "the lock of the schema change").await;

    // Bytes that make no sense are a fact, and such a write can be set aside.
    std::fs::write(store.path().join(lock), "{").unwrap();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(codes(&plan), [Code::SchemaContradictory]);
    can_be_set_aside(&opened, &plan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_or_a_catalog_that_cannot_be_read_keeps_the_sidecar_of_its_write() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    write_a_younger_one(&store, &operation);
    for (path, what) in [
        ("__manifest/", "the catalog"),
        ("tables/node_Author/_versions", "the Lance HEAD"),
    ] {
        is_held_back(&opened_without(&store, path).await, &operation, what).await;
    }
    assert_eq!(
        store.open().await.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_read_and_makes_no_sense_can_be_set_aside_as_ever() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let versions = store.path().join("tables/node_Author/_versions");
    for entry in std::fs::read_dir(versions).unwrap() {
        std::fs::write(entry.unwrap().path(), "<html></html>").unwrap();
    }
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(codes(&plan), [Code::TableUnreadable]);
    can_be_set_aside(&opened, &plan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_whose_journal_cannot_be_read_is_kept() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let record = format!("__recovery_log/{operation}/000001.json");
    let withheld = opened_without(&store, &record).await;
    let list = service::list(&withheld.root, clock::now()).await.unwrap();
    let refused = list.recoveries[0].refused.as_ref().unwrap();
    assert_eq!(refused.code, Code::Unreadable, "{refused:?}");
    is_not_set_aside(&withheld, &operation.file_name()).await;

    let opened = store.open().await;
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
}
