//! An attempt that ended without finishing: what is pending afterwards, and what may follow.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use fenced_lance::CatalogReading;
use root_objects::store::{Gate, Request, Verb};
use sidecar::api::{Progress, RecoverySummary};
use sidecar::follow_up::{undo_id, undo_sidecar_id};

use sidecar::Purpose;

use super::*;
use crate::races::setup::publish_as_a_stranger;
use crate::support::gates::DiesAt;

/// The process dies right after it has created one object.
#[derive(Debug)]
struct DiesAfterCreating {
    path: String,
    is_dead: AtomicBool,
}

impl DiesAfterCreating {
    fn new(path: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            path: path.into(),
            is_dead: AtomicBool::new(false),
        })
    }

    fn if_dead(&self) -> object_store::Result<()> {
        if self.is_dead.load(Ordering::SeqCst) {
            return Err(object_store::Error::Generic {
                store: "dead process",
                source: "the process is dead".into(),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Gate for DiesAfterCreating {
    async fn before(&self, _request: &Request) -> object_store::Result<()> {
        self.if_dead()
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        if request.verb == Verb::PutCreate && request.path == self.path {
            self.is_dead.store(true, Ordering::SeqCst);
        }
        self.if_dead()
    }
}

async fn list(opened: &Opened) -> Vec<RecoverySummary> {
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    list.recoveries
}

async fn listed(opened: &Opened) -> Vec<String> {
    let list = list(opened).await.into_iter();
    list.map(|entry| entry.file).collect()
}

async fn approve(opened: &Opened, plan: &PlanReport) -> (OperationId, sidecar::Digest) {
    let (operation, digest) = (plan.operation_id.parse().unwrap(), plan.digest.unwrap());
    let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now()).await;
    assert!(matches!(answer.unwrap(), Answer::Done(_)), "{plan:?}");
    (operation, digest)
}

/// Approves the undo of a recovery, and has its executor die right after it created `object`.
async fn undo_dies(store: &Store, of: &OperationId, object: &str) -> sidecar::Digest {
    let opened = store.open().await;
    let plan = planned(opened.undo(of).await);
    let (operation, digest) = approve(&opened, &plan).await;
    let gate = DiesAfterCreating::new(object);
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert!(gate.is_dead.load(Ordering::SeqCst), "{object}");
    digest
}

async fn recovered(committed: usize) -> (Store, OperationId) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, committed).await;
    store.open().await.recover(&operation).await;
    (store, operation)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_restored_nothing_is_planned_as_an_undo_again() {
    let store = Store::with_tables(&TABLES).await;
    let before = store.visible_rows().await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    let undone = undo_id(&operation);
    let claim = format!("__recovery_log/{undone}/claim.json");
    let digest = undo_dies(&store, &operation, &claim).await;
    assert_eq!(listed(&opened).await, [undone.file_name()], "under way");

    // A writer begins on one of its tables before it is resumed.
    let writer = store.begin(&TABLES[..1]).await.stop();
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(
        listed(&opened).await,
        [writer.file_name()],
        "nothing came of the undo, so nothing of it is pending, and nobody waits for it"
    );
    for plan in [
        planned(opened.undo(&operation).await),
        opened.plan(&undone).await,
    ] {
        assert_eq!(plan.operation_id, undone.as_str());
        assert!(matches!(plan.purpose, Purpose::Undo { .. }), "{plan:?}");
        assert_eq!(codes(&plan), [Code::WaitingFor]);
    }
    let refused = opened.apply(&undone, digest).await;
    assert_ne!(refused.outcome, OutcomeKind::RolledBack);

    assert_eq!(
        opened.recover(&writer).await.outcome,
        OutcomeKind::CleanedUp
    );
    let again = planned(opened.undo(&operation).await);
    assert_eq!(opened.carry_out(&again).await, undone);
    assert_eq!(store.visible_rows().await, before);
    assert!(store.drift().await.is_empty());
    assert!(listed(&opened).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_undo_announced_and_did_not_bring_back_is_resolved_before_it_is_planned_anew() {
    let (store, operation) = recovered(2).await;
    let before = store.visible_rows().await;
    let opened = store.open().await;
    let announced = undo_sidecar_id(&operation);
    let file = format!("__recovery/{}", announced.file_name());
    let digest = undo_dies(&store, &operation, &file).await;
    let undone = undo_id(&operation);
    let first: Vec<(String, Disposition)> = list(&opened)
        .await
        .into_iter()
        .map(|entry| (entry.file, entry.disposition))
        .collect();
    assert_eq!(
        first,
        [
            (undone.file_name(), Disposition::RollBack),
            (announced.file_name(), Disposition::Waiting)
        ]
    );
    let writer = store.begin(&TABLES[..1]).await.stop();
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);

    // The writer gives up by itself; what is left is what the undo announced.
    std::fs::remove_file(store.path().join("__recovery").join(writer.file_name())).unwrap();
    assert_eq!(listed(&opened).await, [announced.file_name()]);
    let blocked = planned(opened.undo(&operation).await);
    assert_eq!(codes(&blocked), [Code::WaitingFor]);
    assert_eq!(
        opened.recover(&announced).await.outcome,
        OutcomeKind::CleanedUp
    );
    let again = planned(opened.undo(&operation).await);
    opened.carry_out(&again).await;
    assert_eq!(store.visible_rows().await, before);
    assert_eq!(store.drift().await.len(), 2);

    // The sidecar that covers what came back is one of its own: nothing that was resolved before says that this one is.
    let pending = store.operation();
    assert_ne!(pending, announced);
    let report = opened.apply(&announced, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Refused, "{}", report.detail);
    assert_eq!(store.sidecars(), 1);
    let plan = planned(opened.undo(&undone).await);
    assert_eq!(plan.operation_id, pending.as_str());
    assert_eq!(
        opened.recover(&pending).await.outcome,
        OutcomeKind::RolledBack
    );
    assert!(store.drift().await.is_empty());
    assert_eq!(store.visible_rows().await, before);
    assert!(listed(&opened).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_an_undo_that_came_to_nothing_are_dropped_with_those_of_the_recovery() {
    let (store, operation) = recovered(3).await;
    let opened = store.open().await;
    let undone = undo_id(&operation);
    let last = format!(
        "tables/node_Book/_refs/tags/{}.json",
        sidecar::recovery_tag(&undone, None, 1)
    );
    let digest = undo_dies(&store, &operation, &last).await;
    assert!(tags(&store, &undone).await > 0);
    let busy = planned(opened.release(&operation).await);
    assert_eq!(codes(&busy), [Code::ExecutionUnderWay]);

    let writer = store.begin(&TABLES[..1]).await.stop();
    assert_eq!(
        opened.apply(&undone, digest).await.outcome,
        OutcomeKind::Conflict
    );
    opened.recover(&writer).await;
    let release = planned(opened.release(&operation).await);
    opened.carry_out(&release).await;
    assert_eq!(tags(&store, &operation).await, 0);
    assert_eq!(tags(&store, &undone).await, 0);
    let undo = planned(opened.undo(&operation).await);
    assert_eq!(codes(&undo), [Code::Released]);
    assert!(listed(&opened).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_restored_a_table_is_pending_like_any_other_write() {
    let (store, operation) = recovered(3).await;
    let opened = store.open().await;
    let undone = undo_id(&operation);
    let plan = planned(opened.undo(&operation).await);
    let (_, digest) = approve(&opened, &plan).await;
    let before = heads(&store).await;
    for request in 10.. {
        let dying = store.open_behind(Arc::new(DiesAt::after(request))).await;
        service::apply(&dying.root, &undone, digest, &ProgressSink::default())
            .await
            .ok();
        if heads(&store).await != before {
            break;
        }
    }
    // Somebody who knows of no sidecars publishes what is under way.
    let after = heads(&store).await;
    let (key, _) = after
        .iter()
        .find(|(key, head)| before[*key] != **head)
        .unwrap();
    publish_head(&store, key).await;
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(listed(&opened).await, [undone.file_name()]);
    let plan = planned(opened.undo(&operation).await);
    assert!(plan.purpose.is_recovery(), "{plan:?}");
    assert!(plan.executable, "{:?}", plan.blockers);
    opened.recover(&undone).await;
    assert!(store.drift().await.is_empty());
}

/// Publishes the HEAD of a table as an engine does that has never heard of claims.
async fn publish_head(store: &Store, table_key: &str) {
    let CatalogReading::Present(catalog) = store.lance().await.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    let (pin, head) = (catalog.pins[table_key].version, store.head(table_key).await);
    publish_as_a_stranger(store, &[(table_key, pin, head)]).await;
}

fn count(root: &Path, file: &str) -> usize {
    usize::from(root.join("__recovery").join(file).exists())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_being_set_aside_is_listed_once_with_how_far_that_came() {
    let template = Store::with_tables(&TABLES).await;
    let folder = template.path().join("__recovery");
    std::fs::create_dir_all(&folder).unwrap();
    let file = "copy of something.json";
    std::fs::write(
        folder.join(file),
        r#"{"schema_version": 10, "operation_id": "01M8125ENACWR9X1EZNRMDV5V2", "tables": []}"#,
    )
    .unwrap();
    let mut seen = Vec::new();
    for request in 1.. {
        let store = template.copy();
        let opened = store.open().await;
        let plan = service::dismiss(&opened.root, file, clock::now())
            .await
            .unwrap();
        let (operation, digest) = approve(&opened, &plan).await;
        let gate = Arc::new(DiesAt::after(request));
        let dying = store.open_behind(gate.clone()).await;
        service::apply(&dying.root, &operation, digest, &ProgressSink::default())
            .await
            .ok();
        if gate.left() > 0 {
            break;
        }
        let entries = list(&opened).await;
        assert_eq!(
            entries.len(),
            count(store.path(), file),
            "after request {request}: {entries:?}"
        );
        for entry in entries {
            assert_eq!(entry.file, file);
            assert_eq!(entry.disposition, Disposition::Refused);
            seen.push(entry.progress);
            if entry.progress == Progress::Open {
                assert_eq!(request, 1, "only the claim itself is not seen in a listing");
                continue;
            }
            for told in [
                service::plan(&opened.root, file, clock::now()).await,
                service::plan(&opened.root, operation.as_str(), clock::now()).await,
                service::dismiss(&opened.root, file, clock::now()).await,
            ] {
                let told = told.unwrap();
                assert_eq!(told.digest, Some(digest), "after request {request}");
                assert_eq!(told.operation_id, operation.as_str());
                assert_eq!(told.progress, entry.progress);
            }
        }
        assert_eq!(
            opened.apply(&operation, digest).await.outcome,
            OutcomeKind::CleanedUp
        );
        assert!(list(&opened).await.is_empty());
    }
    for progress in [Progress::UnderWay, Progress::Finished] {
        assert!(seen.contains(&progress), "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_aside_is_still_told_when_its_file_is_gone_before_that_is_recorded() {
    let misnamed =
        r#"{"schema_version": 10, "operation_id": "01M8125ENACWR9X1EZNRMDV5V2", "tables": []}"#;
    for (name, text) in [("notes.json", "no sidecar"), ("copy.json", misnamed)] {
        let store = Store::with_tables(&TABLES).await;
        let file = store.path().join("__recovery").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        let opened = store.open().await;
        let plan = service::dismiss(&opened.root, name, clock::now())
            .await
            .unwrap();
        let (operation, digest) = approve(&opened, &plan).await;
        let dying = store.open_behind(Arc::new(DiesAt::after(2))).await;
        service::apply(&dying.root, &operation, digest, &ProgressSink::default())
            .await
            .unwrap_err();
        std::fs::remove_file(&file).unwrap();
        let told = async || -> BTreeMap<String, Progress> {
            let entries = list(&opened).await.into_iter();
            entries.map(|entry| (entry.file, entry.progress)).collect()
        };
        let only = |progress| BTreeMap::from([(name.to_owned(), progress)]);
        assert_eq!(told().await, only(Progress::UnderWay));
        // Another file of that name is another one.
        std::fs::write(&file, "something else").unwrap();
        let mut both = only(Progress::Open);
        both.insert(operation.file_name(), Progress::UnderWay);
        assert_eq!(told().await, both);
        assert_eq!(
            opened.apply(&operation, digest).await.outcome,
            OutcomeKind::CleanedUp
        );
        assert_eq!(told().await, only(Progress::Open));
        assert!(file.exists());
    }
}
