//! Datasets that a schema change of omnigraph 0.9.0 made, when the change is taken back: they go, unless somebody uses them by now.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fenced_lance::{Head, TableLocation};
use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::store::{RequestLog, Verb};
use serde_json::{Value, json};
use sidecar::{
    Code, Digest, Disposition, OperationId, OutcomeKind, Plan, PlanBytes, Requirement, Step,
};

use crate::support::Store;
use crate::support::gates::{DiesAt, Point};

const ENGINE: &str = "omnigraph-0.9.0";
/// One table was added and nothing else happened.
const ONE_TABLE_ADDED: &str = "v9-schema-add-type-effects";

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut all: Vec<_> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(&path),
                false => vec![(path.clone(), std::fs::read(path).unwrap())],
            }
        })
        .collect();
    all.sort();
    all
}

/// The folder of the one dataset that the plan removes.
async fn made(store: &Store) -> PathBuf {
    let plan = store.open().await.plan(&store.operation()).await;
    let dropped: Vec<&String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.step {
            Step::DropDataset { location, .. } => Some(location),
            _ => None,
        })
        .collect();
    let [location] = dropped.as_slice() else {
        panic!("{dropped:?}");
    };
    store.path().join(location.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_the_change_made_is_removed_with_its_folder_and_only_on_a_word_of_its_own() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    assert_eq!(files(&folder).len(), 3);
    let operation = store.operation();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::RollBack);
    assert!(plan.requires.contains(&Requirement::DropsDatasets));
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert!(
        !folder.exists(),
        "an engine makes no dataset where a folder is"
    );
    assert!(
        folder.parent().unwrap().exists(),
        "the tables beside it stay"
    );
}

/// Carries the plan out until the process dies before its first request to remove something below the folder.
async fn died_at_removing(store: &Store, folder: &Path) -> (OperationId, Digest) {
    let operation = store.operation();
    let digest = store.open().await.approve(&operation).await;
    let path = folder.strip_prefix(store.path()).unwrap().to_str().unwrap();
    let gate = Arc::new(DiesAt::at(Point::first(Verb::Delete, path)));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0);
    (operation, digest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_died_half_way_is_finished() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    let (operation, digest) = died_at_removing(&store, &folder.join("_transactions")).await;
    assert_eq!(
        files(&folder).len(),
        1,
        "what says that it is a dataset goes first"
    );
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_somebody_committed_to_since_the_approval_stays() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    let operation = store.operation();
    let digest = store.open().await.approve(&operation).await;
    let place = folder.strip_prefix(store.path()).unwrap().to_str().unwrap();
    let place = TableLocation::main(place);
    let lance = store.lance().await;
    lance.set_config(&place, "somebody", "else").await.unwrap();
    let before = files(&folder);
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(files(&folder), before);
    let plan = store.open().await.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::Abort);
    assert!(
        plan.blockers
            .iter()
            .any(|reason| reason.code == Code::Interleaved)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_with_a_file_that_the_plan_does_not_name_stays() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    let (operation, digest) = died_at_removing(&store, &folder).await;
    std::fs::create_dir(folder.join("data")).unwrap();
    std::fs::write(folder.join("data/somebody-writes.lance"), b"rows").unwrap();
    let before = files(&folder);
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert!(report.detail.contains("left as it is"), "{}", report.detail);
    assert_eq!(files(&folder), before);
    // Rows that somebody is about to commit are in no plan.
    let plan = store.open().await.plan(&operation).await;
    assert!(!plan.executable);
    std::fs::remove_dir_all(folder.join("data")).unwrap();
    let report = store.open().await.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_not_removed_while_something_else_lies_in_its_folder() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    for stray in [
        "notes.txt",
        "_versions/keep.txt",
        "data/rows.lance",
        "_transactions/1-somebody.txn",
        "_refs/tags/kept.json",
        "tree/other/_versions/1.manifest",
    ] {
        let path = folder.join(stray);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"{}").unwrap();
        let plan = store.open().await.plan(&store.operation()).await;
        assert!(!plan.executable, "{stray}");
        assert!(
            plan.blockers
                .iter()
                .any(|reason| reason.detail.contains(stray)),
            "{:?}",
            plan.blockers
        );
        std::fs::remove_file(&path).unwrap();
        let mut above = path.parent().unwrap();
        while above != folder && std::fs::remove_dir(above).is_ok() {
            above = above.parent().unwrap();
        }
    }
}

/// Whoever can write the journal can put any plan there. A lawful plan removes only the dataset that was made for the table, at its place.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_plan_removes_nothing_else() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let plan = store.open().await.plan(&store.operation()).await;
    let plan: Value = serde_json::from_str(plan.plan.as_ref().unwrap()).unwrap();
    let is_lawful = |plan: &Value| {
        let plan: Plan = serde_json::from_value(plan.clone()).unwrap();
        PlanBytes::of(&plan).unwrap().decode().is_ok()
    };
    assert!(is_lawful(&plan));
    let steps = plan["steps"].as_array().unwrap();
    let drop = steps
        .iter()
        .position(|step| step["kind"] == "drop_dataset")
        .unwrap();
    let step = format!("/steps/{drop}");
    let forged = [
        ("location", json!("nodes/0000000000000001-0000000000000009")),
        ("location", json!("__manifest")),
        ("table_key", json!("node:Author")),
        (
            "files/0/path",
            json!("_versions/../../__manifest/_versions/1.manifest"),
        ),
        ("files/0/path", json!("/etc/passwd")),
        ("files/0/path", json!("tree/other/_versions/1.manifest")),
        ("files/1/path", json!("_versions")),
        ("files", json!([])),
        ("files", json!([{"path": "data/one.lance", "bytes": 1}])),
        ("precondition", json!({"kind": "recorded"})),
        (
            "precondition",
            json!({"kind": "dataset_as_planned", "transaction": "somebody"}),
        ),
    ];
    for (what, with) in forged {
        let mut plan = plan.clone();
        *plan.pointer_mut(&format!("{step}/{what}")).unwrap() = with.clone();
        assert!(!is_lawful(&plan), "{what} {with}");
    }
    let mut twice = plan.clone();
    let copy = twice["steps"][drop].clone();
    twice["steps"].as_array_mut().unwrap().insert(drop, copy);
    assert!(!is_lawful(&twice));
    let mut unsaid = plan.clone();
    unsaid["requires"]
        .as_array_mut()
        .unwrap()
        .retain(|requirement| requirement != "drops_datasets");
    assert!(!is_lawful(&unsaid), "nobody said that it may go");
}

/// A branch of the graph may have what main has not: it was made before main was rewound, or got the table itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_another_branch_of_the_graph_has_stays() {
    let store = Store::unpacked(ENGINE, "v9-schema-add-type-published");
    let lance = store.lance().await;
    let Head::At { version } = lance.catalog_version(None).await.unwrap() else {
        panic!("no catalog");
    };
    lance
        .create_branch("__manifest", "feature", version)
        .await
        .unwrap();
    // Main goes back to before the change was planned, as from a backup, so that the change can only be taken back.
    let versions = store.path().join("__manifest/_versions");
    for later in [version, version - 1] {
        std::fs::remove_file(versions.join(format!("{:020}.manifest", u64::MAX - later))).unwrap();
    }
    std::fs::remove_file(versions.join("latest_version_hint.json")).ok();
    let plan = store.open().await.plan(&store.operation()).await;
    assert!(!plan.executable, "{:?}", plan.steps);
    let named = |reason: &sidecar::Reason| reason.detail.contains("on branch feature");
    assert!(plan.blockers.iter().any(named), "{:?}", plan.blockers);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_attempt_that_ended_left_of_a_dataset_goes_with_the_next() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    let (operation, digest) = died_at_removing(&store, &folder.join("_transactions")).await;
    super::end(&store.open().await, &operation, digest).await;
    assert_eq!(files(&folder).len(), 1, "nobody opens it any more");
    let opened = store
        .open_with(RequestLog::new(), Duration::from_secs(900))
        .await;
    let plan = opened.plan(&operation).await;
    assert!(
        plan.executable,
        "this program wrote the file: {:?}",
        plan.blockers
    );
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_came_back_after_the_write_was_taken_back_is_removed() {
    let store = Store::unpacked(ENGINE, ONE_TABLE_ADDED);
    let folder = made(&store).await;
    let before = files(&folder);
    let operation = store.operation();
    let digest = store.open().await.approve(&operation).await;
    let gate = Arc::new(DiesAt::at(Point::first(
        Verb::PutCreate,
        "_graph_commit_recoveries.lance",
    )));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    assert_eq!(gate.left(), 0);
    for (path, bytes) in before {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    super::end(&store.open().await, &operation, digest).await;
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::AlreadyRolledBack);
    assert!(
        plan.headline.contains("not all of it is gone"),
        "{}",
        plan.headline
    );
    assert!(plan.requires.contains(&Requirement::DropsDatasets));
    let report = opened.recover(&operation).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    assert!(!folder.exists());
}

/// Whichever staged files somebody removed, or an attempt set aside that ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_taken_back_whichever_of_its_staged_files_are_left_or_named_a_contradiction() {
    let names = [
        "_schema.pg.staging",
        "_schema.ir.json.staging",
        "__schema_state.json.staging",
    ];
    let mut taken_back = Vec::new();
    for left in 0..8_u8 {
        let store = Store::unpacked(ENGINE, "v9-schema-mixed-staged");
        for (index, name) in names.iter().enumerate() {
            if left & (1 << index) == 0 {
                std::fs::remove_file(store.path().join(name)).unwrap();
            }
        }
        let opened = store.open().await;
        let plan = opened.plan(&store.operation()).await;
        if !plan.executable {
            assert_eq!(
                plan.disposition,
                Disposition::Abort,
                "{left}: {:?}",
                plan.blockers
            );
            continue;
        }
        let report = opened.recover(&store.operation()).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
        assert!(names.iter().all(|name| !store.path().join(name).exists()));
        taken_back.push(left);
    }
    assert!(taken_back.contains(&7), "{taken_back:?}");
}
