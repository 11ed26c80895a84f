//! Half an undo beside what a stranger committed: it is taken back, and never published with it.

use std::sync::Arc;

use async_trait::async_trait;
use fenced_lance::{CommitOutcome, EffectIdentity, RestoreRequest, TransactionEntry};
use restore_backend::service::Approver;
use restore_backend::service::observe;
use root_objects::store::{Gate, Request, Verb};
use sidecar::api::PlanReport;
use sidecar::follow_up::undo_id;
use sidecar::{Classification, PlanBytes, PlanInput, Requirement, Sidecar, SidecarFile, judge};

use super::*;

const BOTH: [&str; 2] = ["edge:Wrote", "node:Author"];

/// A version of one table is never written: the process fails there, and does the rest.
#[derive(Debug)]
struct NeverCommits(&'static str);

#[async_trait]
impl Gate for NeverCommits {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if request.verb.is_mutation() && request.path.starts_with(self.0) {
            return Err(object_store::Error::Generic {
                store: "a store that fails",
                source: "the request was lost".into(),
            });
        }
        Ok(())
    }

    async fn after(&self, _request: &Request) -> object_store::Result<()> {
        Ok(())
    }
}

/// A roll forward of both tables, whose undo was claimed and restored the first of them only.
async fn half_undone() -> (Store, OperationId, sidecar::Digest) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&BOTH, 2).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    let before = store.heads(&BOTH).await;
    let plan = planned(opened.undo(&operation).await);
    let (undone, digest) = opened.approve_plan(&plan).await;
    let gate = NeverCommits("tables/node_Author/_versions/");
    let failing = store.open_behind(Arc::new(gate)).await;
    let stopped = service::apply(&failing.root, &undone, digest, &ProgressSink::default()).await;
    assert!(!matches!(stopped, Ok(report) if report.outcome == OutcomeKind::RolledBack));
    let after = store.heads(&BOTH).await;
    assert_eq!(after[BOTH[0]], before[BOTH[0]] + 1, "one table is restored");
    assert_eq!(after[BOTH[1]], before[BOTH[1]], "and the other is not");
    assert_eq!(undone, undo_id(&operation));
    (store, operation, digest)
}

async fn stranger_appends(store: &Store, table_key: &str) {
    let lance = store.lance().await;
    lance
        .append_rows(&place(table_key), &rows(700..701))
        .await
        .unwrap();
}

/// Every way to the plan of a pending operation gives the same one.
async fn planned_alike(store: &Store, of: &OperationId) -> PlanReport {
    let opened = store.open().await;
    let undone = undo_id(of);
    let plan = opened.plan(&undone).await;
    let again = planned(opened.undo(of).await);
    assert_eq!(again.digest, plan.digest);
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let entry = &list.recoveries[0];
    assert_eq!(entry.operation_id.as_deref(), Some(undone.as_str()));
    assert_eq!(
        entry.disposition, plan.disposition,
        "the list says the same"
    );
    // So does whoever judges what was observed, as the page does.
    let bytes = plan.sidecar.as_ref().unwrap().as_bytes().to_vec();
    let file = SidecarFile::read(&plan.file, bytes, &Limits::DEFAULT);
    let sidecar: &Sidecar = file.content.as_ref().unwrap();
    let observation = observe(&opened.root, sidecar).await.unwrap();
    let json = serde_json::to_string(&observation).unwrap();
    let observation = serde_json::from_str(&json).unwrap();
    let verdict = judge(sidecar, None, &observation);
    let anew = sidecar::plan(&PlanInput {
        root: opened.root.id(),
        operation_id: &undone,
        file: &plan.file,
        sidecar_digest: file.digest.unwrap(),
        sidecar: Some(sidecar),
        observation: Some(&observation),
        verdict: &verdict,
    });
    assert_eq!(Some(PlanBytes::of(&anew).unwrap().digest()), plan.digest);
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_undo_is_not_published_with_what_a_stranger_committed() {
    let (store, operation, digest) = half_undone().await;
    let written = store.visible_rows().await;
    stranger_appends(&store, BOTH[1]).await;
    let opened = store.open().await;
    let undone = undo_id(&operation);
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);

    let plan = planned_alike(&store, &operation).await;
    assert_eq!(
        plan.disposition,
        Disposition::RollBack,
        "{}",
        plan.explanation
    );
    assert!(plan.requires.contains(&Requirement::UnexpectedCommits));
    let table = |key: &str| {
        let mut tables = plan.tables.iter();
        &tables
            .find(|table| table.table.table_key == key)
            .unwrap()
            .table
    };
    let (ours, strange) = (table(BOTH[0]), table(BOTH[1]));
    assert_eq!(
        ours.classification,
        Some(Classification::RolledPastExpected.label())
    );
    assert_eq!(ours.unexpected, []);
    assert_eq!(
        strange.classification,
        Some(Classification::UnexpectedAtP1.label())
    );
    assert_eq!(strange.unexpected.len(), 1);

    // Nobody takes a stranger's commit back without knowing of it.
    let silent = service::approve(
        &opened.root,
        &undone,
        plan.digest.unwrap(),
        approver(),
        clock::now(),
    );
    assert!(matches!(silent.await.unwrap(), Answer::No(_)));
    let report = opened.recover(&undone).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(store.visible_rows().await, written, "the recovery stands");
    assert!(store.drift().await.is_empty());

    // The recovery can still be taken back, from where the tables stand now.
    let again = planned(opened.undo(&operation).await);
    assert!(again.executable, "{:?}", again.blockers);
    assert_ne!(again.operation_id, undone.to_string());
    assert_eq!(
        opened.plan(&undone).await.planned_anew_as.map(String::from),
        Some(again.operation_id.clone())
    );
    let second = opened.carry_out(&again).await;
    let lance = store.lance().await;
    for (key, seen) in store.visible_rows().await {
        assert_eq!(seen, numbers_at(&lance, &place(&key), 1).await, "{key}");
    }
    assert!(store.drift().await.is_empty());
    // Only once.
    let frozen = planned(opened.undo(&operation).await);
    assert_eq!(frozen.operation_id, second.to_string());
    let refused = opened.apply(&undone, digest).await;
    assert_eq!(refused.outcome, OutcomeKind::Refused, "{}", refused.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_brought_everything_back_is_published_whoever_restored() {
    let (store, operation, digest) = half_undone().await;
    let undone = undo_id(&operation);
    // The second restore lands under a later claim, and what publishes is stopped before it has read the catalog.
    let gate = NeverCommits("__manifest/_versions/");
    let failing = store.open_behind(Arc::new(gate)).await;
    service::apply(&failing.root, &undone, digest, &ProgressSink::default())
        .await
        .ok();
    let lance = store.lance().await;
    for key in BOTH {
        let head = store.head(key).await;
        let entry = lance.transaction(&place(key), head).await.unwrap();
        assert!(
            matches!(&entry, TransactionEntry::Known(known) if known.restored_version == Some(1)),
            "{entry:?}"
        );
    }
    // A stranger publishes one of the two tables, and takes the attempt's ground away.
    stranger_publishes(&store, BOTH[0]).await;
    let opened = store.open().await;
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let plan = planned_alike(&store, &operation).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert!(!plan.requires.contains(&Requirement::UnexpectedCommits));
    opened.recover(&undone).await;
    assert!(store.drift().await.is_empty());
}

async fn stranger_publishes(store: &Store, table_key: &str) {
    use crate::races::setup::publish_as_a_stranger;
    let head = store.head(table_key).await;
    publish_as_a_stranger(store, &[(table_key, head - 1, head)]).await;
}

/// The journal of the undo that brought a version back unpublished has it on record.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_undo_brought_back_is_known_and_what_only_says_so_is_not() {
    let store = Store::with_tables(&TABLES).await;
    store.written(&TABLES, 50..52).await;
    let operation = store.crashed_write(&BOTH, 1).await;
    let opened = store.open().await;
    opened.recover(&operation).await;
    let undo = planned(opened.undo(&operation).await);
    opened.carry_out(&undo).await;
    let pending = store.operation();
    let plan = opened.plan(&pending).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert_eq!(plan.requires, [Requirement::WritersStopped]);
    let named = opened.log.count(Verb::Get);
    assert!(named > 0);

    // A stranger's Restore that names a recovery nobody ever began.
    let lance = store.lance().await;
    let head = store.head(BOTH[0]).await;
    let TransactionEntry::Known(made_by) = lance.transaction(&place(BOTH[0]), head).await.unwrap()
    else {
        panic!("HEAD is there")
    };
    let request = RestoreRequest {
        location: place(BOTH[0]),
        head_version: head,
        head_transaction: made_by.uuid,
        target: 1,
        identity: EffectIdentity {
            operation_id: undo.operation_id.clone(),
            plan_digest: "sha256:made up".to_owned(),
        },
    };
    let made = lance.restore(&request).await.unwrap();
    assert!(matches!(made, CommitOutcome::Committed { .. }), "{made:?}");
    let plan = store.open().await.plan(&pending).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert_eq!(
        plan.requires,
        [Requirement::WritersStopped, Requirement::UnexpectedCommits]
    );
    let unexpected: Vec<u64> = plan
        .tables
        .iter()
        .flat_map(|table| &table.table.unexpected)
        .map(|commit| commit.version)
        .collect();
    assert_eq!(unexpected, [head + 1]);

    // Without its journal, nothing is known of the first either.
    let journal = store.path().join("__recovery_log").join(&undo.operation_id);
    std::fs::remove_dir_all(journal).unwrap();
    let plan = store.open().await.plan(&pending).await;
    let named = plan.tables.iter().flat_map(|table| &table.table.unexpected);
    assert_eq!(named.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_is_what_lets_a_stranger_be_taken_back() {
    let (store, operation, digest) = half_undone().await;
    stranger_appends(&store, BOTH[1]).await;
    let opened = store.open().await;
    let undone = undo_id(&operation);
    opened.apply(&undone, digest).await;
    let plan = opened.plan(&undone).await;
    let stated = Approver {
        acknowledged: [Requirement::UnexpectedCommits].into(),
        ..approver()
    };
    let answer = service::approve(
        &opened.root,
        &undone,
        plan.digest.unwrap(),
        stated,
        clock::now(),
    );
    assert!(matches!(answer.await.unwrap(), Answer::Done(report) if report.authorized));
}
