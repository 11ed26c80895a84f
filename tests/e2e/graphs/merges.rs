//! Merges whose sidecar does not name all of them: what is left out is named and acknowledged, or the merge is rolled back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use fenced_lance::{CommitOutcome, EffectIdentity, LanceRoot, PublishRequest};
use restore_backend::service::{Answer, Approver, ServiceError};
use root_objects::store::{Gate, Request, Verb};
use sidecar::api::{PlanReport, Progress};
use sidecar::observation::ShownTable;
use sidecar::{Choice, Digest, Extent, LeftOut, Requirement};

use super::*;
use crate::support::approver;
use crate::support::gates::Before;

/// Tables of the archives, relative to the root.
const AUTHOR: &str = "nodes/01d32b35baa3b676";
const BOOK: &str = "nodes/f7bdcea7c8207cb8";
const CITES: &str = "edges/56e255e2fda95137";
const WROTE: &str = "edges/66e8ac1738104576";

/// A merge of `feature` into main that rewrote one table and adopted another, which its sidecar does not name.
fn adopted() -> Store {
    Store::unpacked("omnigraph-0.7.0", "forward-merge-adopted")
}

/// A merge of `feature` into main whose sidecar names all of it.
fn whole() -> Store {
    Store::unpacked("omnigraph-0.7.0", "forward-merge")
}

fn shown(version: u64, branch: Option<&str>) -> Option<ShownTable> {
    Some(ShownTable {
        version,
        branch: branch.map(str::to_owned),
        location: Some(BOOK.to_owned()),
    })
}

fn book_differs(target: u64) -> LeftOut {
    LeftOut::Differs {
        table_key: "node:Book".to_owned(),
        source: shown(5, Some("feature")),
        target: shown(target, None),
    }
}

fn book_is_uncovered(pinned: u64, head: u64) -> LeftOut {
    LeftOut::Uncovered {
        table_key: "node:Book".to_owned(),
        branch: None,
        pinned,
        head,
    }
}

fn left_out(plan: &PlanReport) -> Vec<LeftOut> {
    let left_out = plan.left_out.iter();
    left_out.map(|left_out| left_out.left_out.clone()).collect()
}

/// Changes the one sidecar of a store.
fn change_sidecar(store: &Store, change: impl FnOnce(&mut serde_json::Value)) {
    let file = store.operation().file_name();
    let path = store.path().join("__recovery").join(file);
    let mut sidecar = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut sidecar);
    std::fs::write(&path, serde_json::to_vec(&sidecar).unwrap()).unwrap();
}

/// The plan of the other choice.
async fn rolled_back_by_choice(opened: &Opened, operation: &OperationId) -> Answer<PlanReport> {
    service::plan_choosing(
        &opened.root,
        operation.as_str(),
        Choice::RollBack,
        clock::now(),
    )
    .await
    .unwrap()
}

async fn roll_back_plan(opened: &Opened, operation: &OperationId) -> PlanReport {
    match rolled_back_by_choice(opened, operation).await {
        Answer::Done(plan) => plan,
        Answer::No(refusal) => panic!("{refusal:?}"),
    }
}

async fn consent(
    opened: &Opened,
    operation: &OperationId,
    digest: Digest,
    acknowledged: &[Requirement],
) -> Result<bool, ServiceError> {
    let approver = Approver {
        acknowledged: acknowledged.iter().copied().collect(),
        ..approver()
    };
    let now = clock::now();
    let answer = service::approve(&opened.root, operation, digest, approver, now).await?;
    Ok(matches!(answer, Answer::Done(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_table_that_no_sidecar_names_is_named_and_acknowledged() {
    let store = adopted();
    let operation = store.operation();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollForward);
    assert_eq!(left_out(&plan), [book_differs(4), book_is_uncovered(4, 5)]);
    assert_eq!(
        plan.requires,
        [Requirement::WritersStopped, Requirement::IncompleteMerge]
    );
    assert_eq!(plan.other_choices, [Choice::RollBack]);
    let digest = plan.digest.unwrap();
    assert!(!consent(&opened, &operation, digest, &[]).await.unwrap());
    let stated = [Requirement::IncompleteMerge];
    assert!(consent(&opened, &operation, digest, &stated).await.unwrap());
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledForward);
    assert_eq!(report.extent, Some(Extent::LeavesOut));
    assert!(!report.detail.contains("whole"), "{}", report.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_adopted_by_pointer_alone_is_named() {
    let store = adopted();
    // The commit of its content on main, which the released engine makes, is taken away.
    let versions = store.path().join(BOOK).join("_versions");
    std::fs::remove_file(versions.join("18446744073709551610.manifest")).unwrap();
    std::fs::remove_file(versions.join("latest_version_hint.json")).ok();
    let plan = store.open().await.plan(&store.operation()).await;
    assert_eq!(left_out(&plan), [book_differs(4)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_table_that_the_sidecar_does_not_name_is_named() {
    let store = whole();
    change_sidecar(&store, |sidecar| {
        let tables = sidecar["tables"].as_array_mut().unwrap();
        tables.retain(|table| table["table_key"] != "node:Book");
        assert_eq!(tables.len(), 1);
    });
    let plan = store.open().await.plan(&store.operation()).await;
    assert_eq!(left_out(&plan), [book_differs(5), book_is_uncovered(5, 6)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_whose_sidecar_names_all_of_it_needs_no_more_than_stopped_writers() {
    for name in [
        "forward-merge",
        "forward-merge-into-branch",
        "merge-published",
    ] {
        let store = Store::unpacked("omnigraph-0.7.0", name);
        let operation = store.operation();
        let opened = store.open().await;
        let plan = opened.plan(&operation).await;
        assert_eq!(left_out(&plan), [], "{name}");
        assert!(
            !plan.requires.contains(&Requirement::IncompleteMerge),
            "{name}"
        );
        assert!(plan.other_choices.is_empty(), "{name}");
        let Answer::No(refusal) = rolled_back_by_choice(&opened, &operation).await else {
            panic!("{name}: there is nothing to choose")
        };
        assert_eq!(refusal.outcome, OutcomeKind::Refused);
        assert_eq!(opened.log.mutations(), 0);
        if plan.disposition != Disposition::RollForward {
            continue;
        }
        assert_eq!(plan.requires, [Requirement::WritersStopped], "{name}");
        let report = opened.recover(&operation).await;
        assert_eq!(report.extent, Some(Extent::AsCommitted), "{name}");
        assert!(!report.detail.contains("whole"), "{}", report.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_leaves_a_table_out_is_rolled_back_by_choice() {
    let store = adopted();
    let operation = store.operation();
    let before = stands(&store).await;
    let opened = store.open().await;
    let forward = opened.plan(&operation).await;
    let plan = roll_back_plan(&opened, &operation).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert_eq!(plan.choice, Choice::RollBack);
    assert_eq!(plan.operation_id, forward.operation_id);
    assert_ne!(plan.digest, forward.digest);
    assert_eq!(plan.requires, [Requirement::WritersStopped]);
    assert_eq!(opened.log.mutations(), 0);

    let digest = plan.digest.unwrap();
    assert!(consent(&opened, &operation, digest, &[]).await.unwrap());
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert_eq!(report.sidecar, SidecarFate::Retired);
    let mut after = before.clone();
    let author = &before["main"]["node:Author"];
    after
        .get_mut("main")
        .unwrap()
        .insert("node:Author".to_owned(), (7, None, 7, author.3));
    assert_eq!(stands(&store).await, after, "readers see what they saw");
    let recovery = &lineage::recoveries(&store).await[0];
    assert_eq!(recovery.kind, "RolledBack");
    let commits = lineage::commits(&store, None).await;
    let commit = commits
        .iter()
        .find(|commit| commit.id == recovery.commit)
        .unwrap();
    assert_eq!(commit.merged_parent, None, "the branch can be merged anew");
    let finished = opened.plan(&operation).await;
    assert_eq!(finished.progress, Progress::Finished);
    super::says_the_same_again(&report, opened.apply(&operation, digest).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_by_choice_is_compared_with_the_roll_back_as_it_is_now() {
    let store = adopted();
    let operation = store.operation();
    let opened = store.open().await;
    let digest = roll_back_plan(&opened, &operation).await.digest.unwrap();
    assert!(consent(&opened, &operation, digest, &[]).await.unwrap());
    // Others commit to the table that is returned: what was approved is not what there is.
    let stale = store.copy();
    let table = TableLocation::main(AUTHOR);
    stale
        .lance()
        .await
        .set_config(&table, "some", "body")
        .await
        .unwrap();
    let report = stale.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let moved = report.differences.iter().map(|found| found.field.name());
    let moved: Vec<_> = moved.collect();
    assert!(moved.contains(&"lance_head"), "{moved:?}");
    assert!(!moved.contains(&"disposition"), "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_commit_that_is_not_found_is_named_like_a_table() {
    let store = whole();
    change_sidecar(&store, |sidecar| {
        sidecar["merge_source_commit_id"] = "01M86MXM1KPVCRBEY2ZSAMZ2ZZ".into();
    });
    let absent = whole();
    change_sidecar(&absent, |sidecar| {
        sidecar
            .as_object_mut()
            .unwrap()
            .remove("merge_source_commit_id");
    });
    let cleaned = whole();
    let versions = cleaned.path().join("__manifest/tree/feature/_versions");
    std::fs::remove_dir_all(versions).unwrap();
    for (store, why) in [
        (store, "in the history of no branch"),
        (absent, "does not say which commit"),
        (cleaned, "is not there any more"),
    ] {
        let operation = store.operation();
        let opened = store.open().await;
        let plan = opened.plan(&operation).await;
        let [LeftOut::Untold { reason }] = &left_out(&plan)[..] else {
            panic!("{why}: {:?}", plan.left_out)
        };
        assert!(reason.contains(why), "{reason}");
        assert!(plan.requires.contains(&Requirement::IncompleteMerge));
        assert!(plan.executable, "{:?}", plan.blockers);
        assert_eq!(
            roll_back_plan(&opened, &operation).await.disposition,
            Disposition::RollBack
        );
    }
}

/// Fails every read below a path.
#[derive(Debug)]
struct FailsBelow(&'static str, AtomicBool);

#[async_trait]
impl Gate for FailsBelow {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        if !request.path.starts_with(self.0) {
            return Ok(());
        }
        self.1.store(true, Ordering::SeqCst);
        Err(object_store::Error::Generic {
            store: "far away",
            source: "the connection was reset".into(),
        })
    }

    async fn after(&self, _: &Request) -> object_store::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_cannot_be_read_now_is_a_failed_read_and_no_answer() {
    let store = adopted();
    let operation = store.operation();
    let digest = store.open().await.plan(&operation).await.digest.unwrap();
    for path in [
        "_graph_commits.lance/tree/feature",
        "__manifest/tree/feature",
        BOOK,
    ] {
        let gate = Arc::new(FailsBelow(path, AtomicBool::new(false)));
        let unlucky = store.open_behind(gate.clone()).await;
        let stated = [Requirement::IncompleteMerge];
        let answer = consent(&unlucky, &operation, digest, &stated).await;
        assert!(gate.1.load(Ordering::SeqCst), "{path} was not read");
        assert!(
            matches!(answer, Err(ServiceError::Observe(_))),
            "{path}: {answer:?}"
        );
    }
}

/// Commits to a table of main, and publishes that.
async fn write_on_main(lance: &LanceRoot, table_key: &str, path: &str) {
    let table = TableLocation::main(path);
    lance.set_config(&table, "some", "body").await.unwrap();
    let CatalogReading::Present(catalog) = lance.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    let from_version = catalog.pins[table_key].version;
    let request = PublishRequest {
        branch: None,
        read_version: catalog.version,
        updates: vec![sidecar::PinMove {
            table_key: table_key.to_owned(),
            from_version,
            to_version: from_version + 1,
            branch: None,
        }],
        registrations: Vec::new(),
        tombstones: Vec::new(),
        graph_commit: None,
        identity: EffectIdentity {
            operation_id: String::new(),
            plan_digest: String::new(),
        },
        exact: None,
    };
    let outcome = lance.publish(&request).await.unwrap();
    assert!(
        matches!(outcome, CommitOutcome::Committed { .. }),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_only_the_target_changed_is_not_part_of_the_merge() {
    let store = whole();
    let operation = store.operation();
    let lance = store.lance().await;
    write_on_main(&lance, "edge:Cites", CITES).await;
    let plan = store.open().await.plan(&operation).await;
    assert_eq!(
        left_out(&plan),
        [],
        "the source has not changed it since their base"
    );

    // Where nothing tells what they have in common, it is named.
    let forgetful = store.copy();
    std::fs::remove_dir_all(forgetful.path().join("__manifest/_versions")).unwrap();
    let latest = newest(&store.path().join("__manifest/_versions"));
    let versions = forgetful.path().join("__manifest/_versions");
    std::fs::create_dir(&versions).unwrap();
    std::fs::copy(&latest, versions.join(latest.file_name().unwrap())).unwrap();
    let plan = forgetful.open().await.plan(&operation).await;
    let keys: Vec<_> = plan
        .left_out
        .iter()
        .map(|left_out| left_out.left_out.table_key().unwrap_or_default())
        .collect();
    assert_eq!(keys, ["edge:Cites"]);

    // A commit that is not published is named wherever it stands, until another sidecar covers it.
    let table = TableLocation::main(WROTE);
    lance.set_config(&table, "some", "body").await.unwrap();
    let plan = store.open().await.plan(&operation).await;
    let uncovered = LeftOut::Uncovered {
        table_key: "edge:Wrote".to_owned(),
        branch: None,
        pinned: 5,
        head: 6,
    };
    assert_eq!(left_out(&plan), [uncovered]);
    let other = "01M86MXMTH2V11QSHQVRJTEYZZ";
    let covering = serde_json::json!({
        "schema_version": 1, "operation_id": other, "started_at": "1795519599441232", "branch": null,
        "actor_id": null, "writer_kind": "Mutation",
        "tables": [{
            "table_key": "edge:Wrote", "table_path": format!("/srv/graphs/forward-merge/{WROTE}"),
            "expected_version": 5, "post_commit_pin": 6
        }]
    });
    let path = store.path().join(format!("__recovery/{other}.json"));
    std::fs::write(path, covering.to_string()).unwrap();
    let plan = store.open().await.plan(&operation).await;
    assert_eq!(left_out(&plan), []);
}

fn newest(versions: &std::path::Path) -> PathBuf {
    let files = std::fs::read_dir(versions).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "manifest"))
        .min()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_goes_on_after_the_publish_is_a_conflict_and_not_a_whole_write() {
    let store = Arc::new(whole());
    let operation = store.operation();
    let plan = store.open().await.plan(&operation).await;
    let (_, digest) = store.open().await.approve_plan(&plan).await;
    let acting = store.clone();
    let goes_on = Before::new(Verb::Put, "_graph_commits.lance", move || {
        let store = acting.clone();
        async move {
            let table = TableLocation::main(AUTHOR);
            store
                .lance()
                .await
                .set_config(&table, "some", "body")
                .await
                .unwrap();
        }
    });
    let opened = store.open_behind(goes_on.clone()).await;
    let report = opened.apply(&operation, digest).await;
    assert!(goes_on.is_reached());
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(report.differences[0].field.name(), "lance_head");
    assert_eq!(store.sidecars(), 1, "the operation stays open");
    let again = store.open().await.plan(&operation).await;
    assert_eq!(
        again.disposition,
        Disposition::RollBack,
        "to what is published"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_is_taken_back_stays_in_the_history_and_that_is_acknowledged() {
    let store = whole();
    let operation = store.operation();
    let opened = store.open().await;
    opened.recover(&operation).await;
    let answer = service::undo(&opened.root, &operation, clock::now()).await;
    let Answer::Done(plan) = answer.unwrap() else {
        panic!("it can be taken back")
    };
    assert_eq!(
        plan.requires,
        [Requirement::WritersStopped, Requirement::MergeStaysRecorded]
    );
    assert!(
        plan.consequence.contains("Merging it again does nothing"),
        "{}",
        plan.consequence
    );
    let undone: OperationId = plan.operation_id.parse().unwrap();
    let digest = plan.digest.unwrap();
    assert!(!consent(&opened, &undone, digest, &[]).await.unwrap());
    opened.approve_plan(&plan).await;
    let report = opened.apply(&undone, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    let commits = lineage::commits(&store, None).await;
    let merged = commits
        .iter()
        .filter(|commit| commit.merged_parent.is_some());
    assert_eq!(merged.count(), 1, "the history only grows");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_merge_asks_the_history_for_branches_and_it_asks_little() {
    let reads = async |name: &str| {
        let store = Store::unpacked("omnigraph-0.7.0", name);
        let opened = store.open().await;
        opened.plan(&store.operation()).await;
        let of_branches = |path: &str| {
            path.starts_with("_graph_commits.lance/tree") || path.contains("__manifest/tree")
        };
        let all = opened.log.requests();
        let branches = all.iter().filter(|request| of_branches(&request.path));
        (all.len(), branches.count())
    };
    assert_eq!(reads("forward-mutation").await.1, 0);
    let (all, branches) = reads("forward-merge").await;
    assert!(branches > 0);
    assert!(all < 60, "{all} requests for a graph of four tables");
}
