//! The history of a graph: every row once, whoever adds it and however often, beside those of others.

use std::collections::BTreeSet;

use fenced_lance::{
    EffectIdentity, Head, HistoryAppend, HistoryRequest, HistoryRow, LanceRoot, TableLocation,
    UnlockOutcome,
};
use sidecar::root_layout::SCHEMA_LOCK_BRANCH;
use sidecar::{Digest, GraphCommitId, Tag, Timestamp};

use crashed_roots::test_root::catalog;

use crate::fixtures::graph;

const OPERATION: &str = "01M86MYTC1V3GCF8NFNKQ30FVM";
const OTHER: &str = "01M86MXMTH2V11QSHQVRJTEYTV";

fn request(operation: &str, micros: u64, row: HistoryRow) -> HistoryRequest {
    HistoryRequest {
        branch: None,
        commit: GraphCommitId::of_recovery(
            &operation.parse().unwrap(),
            Digest::of(Tag::Plan, b"plan"),
            Some(9),
            Timestamp::from_micros(micros),
        ),
        published: Some(9),
        in_catalog: false,
        created_at_micros: micros,
        row,
        identity: EffectIdentity {
            operation_id: operation.to_owned(),
            plan_digest: "sha256:0".to_owned(),
        },
        fixed: None,
    }
}

fn commit() -> HistoryRow {
    HistoryRow::Commit {
        manifest_branch: None,
        manifest_version: 9,
        merged_parent: None,
    }
}

fn recovery(operation: &str) -> HistoryRow {
    HistoryRow::Recovery {
        kind: "RolledForward".to_owned(),
        for_actor: None,
        operation_id: operation.to_owned(),
        writer_kind: "Load".to_owned(),
        outcomes_json: "[]".to_owned(),
    }
}

async fn rows(lance: &LanceRoot, folder: &str) -> u64 {
    let place = TableLocation::main(folder);
    match lance.head(&place).await.unwrap() {
        Head::At { version } => lance.count_rows(&place, version).await.unwrap(),
        Head::DatasetMissing => 0,
        Head::BranchMissing => panic!("{folder} has no default branch"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_there_once_however_often_and_whenever_it_is_added() {
    let graph = graph("omnigraph-0.7.0", "forward-mutation").await;
    let lance = &graph.lance;
    assert!(rows(lance, "_graph_commits.lance").await > 0);
    let actor = HistoryRow::Actor {
        actor: "omnigraph:recovery".to_owned(),
    };
    for (folder, row) in [
        ("_graph_commits.lance", commit()),
        ("_graph_commit_actors.lance", actor),
        ("_graph_commit_recoveries.lance", recovery(OPERATION)),
    ] {
        let before = rows(lance, folder).await;
        let first = lance
            .append_graph_history(&request(OPERATION, 1_000_000, row.clone()))
            .await;
        assert!(
            matches!(first.unwrap(), HistoryAppend::Appended { .. }),
            "{row:?}"
        );
        // In the same moment, a day later, as after a crash, and by a clock that is behind.
        for micros in [1_000_000, 86_400_000_000, 1] {
            let again = lance
                .append_graph_history(&request(OPERATION, micros, row.clone()))
                .await;
            assert_eq!(again.unwrap(), HistoryAppend::AlreadyThere, "{row:?}");
            assert_eq!(rows(lance, folder).await, before + 1, "{row:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_many_at_once_are_all_there_and_none_twice() {
    let graph = graph("omnigraph-0.7.0", "forward-mutation").await;
    let lance = &graph.lance;
    let before = rows(lance, "_graph_commits.lance").await;
    let ours = request(OPERATION, 1_000_000, commit());
    let theirs = request(OTHER, 1_000_001, commit());
    let mut outcomes = Vec::new();
    let all = (0..4)
        .flat_map(|_| [&ours, &theirs])
        .map(|request| lance.append_graph_history(request));
    for outcome in futures::future::join_all(all).await {
        outcomes.push(outcome.unwrap());
    }
    let appended: BTreeSet<u64> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            HistoryAppend::Appended { version } => Some(*version),
            _ => None,
        })
        .collect();
    assert_eq!(appended.len(), 2, "{outcomes:?}");
    assert!(
        outcomes.iter().all(|outcome| matches!(
            outcome,
            HistoryAppend::Appended { .. } | HistoryAppend::AlreadyThere
        )),
        "{outcomes:?}"
    );
    assert_eq!(rows(lance, "_graph_commits.lance").await, before + 2);
}

/// What another attempt at the same operation adds, which carried out another plan.
fn of_another_plan(micros: u64, row: HistoryRow) -> HistoryRequest {
    HistoryRequest {
        commit: GraphCommitId::of_recovery(
            &OPERATION.parse().unwrap(),
            Digest::of(Tag::Plan, b"another plan"),
            Some(9),
            Timestamp::from_micros(micros),
        ),
        ..request(OPERATION, micros, row)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_attempt_are_not_taken_for_those_of_this_one() {
    let graph = graph("omnigraph-0.7.0", "forward-mutation").await;
    let lance = &graph.lance;
    let before = rows(lance, "_graph_commits.lance").await;
    let other = HistoryRow::Recovery {
        kind: "RolledBack".to_owned(),
        for_actor: None,
        operation_id: OPERATION.to_owned(),
        writer_kind: "Load".to_owned(),
        outcomes_json: "[]".to_owned(),
    };
    for added in [
        of_another_plan(1_000_000, commit()),
        of_another_plan(1_000_001, other.clone()),
        request(OPERATION, 1_000_002, commit()),
        request(OPERATION, 1_000_003, recovery(OPERATION)),
    ] {
        let outcome = lance.append_graph_history(&added).await.unwrap();
        assert!(
            matches!(outcome, HistoryAppend::Appended { .. }),
            "{outcome:?}"
        );
    }
    assert_eq!(rows(lance, "_graph_commits.lance").await, before + 2);
    assert_eq!(rows(lance, "_graph_commit_recoveries.lance").await, 2);

    // A row under its own id that says something else is not its own either, and nothing is put beside it.
    let again = request(OPERATION, 1_000_004, other);
    assert!(matches!(
        lance.append_graph_history(&again).await.unwrap(),
        HistoryAppend::Missing { .. }
    ));
    assert_eq!(rows(lance, "_graph_commit_recoveries.lance").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_made_a_graph_commit_is_not_told_of_one_that_is_not_there() {
    let graph = graph("omnigraph-0.7.0", "forward-mutation").await;
    let lance = &graph.lance;
    let outcome = lance
        .append_graph_history(&request(OPERATION, 1, recovery(OPERATION)))
        .await;
    assert!(matches!(outcome.unwrap(), HistoryAppend::Missing { .. }));
    assert_eq!(rows(lance, "_graph_commit_recoveries.lance").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_removed_once_and_the_graph_keeps_its_other_branches() {
    let graph = graph("omnigraph-0.7.0", "schema-mixed-staged").await;
    let lance = &graph.lance;
    let shown = catalog(lance, None).await;
    lance
        .create_branch("__manifest", "feature", shown.version)
        .await
        .unwrap();
    let branches = async || -> Vec<String> {
        let branches = lance.catalog_branches().await.unwrap();
        branches.into_iter().map(|branch| branch.name).collect()
    };
    assert_eq!(branches().await, [SCHEMA_LOCK_BRANCH, "feature"]);
    let lock = lance.schema_lock().await.unwrap().unwrap();
    let made_at = lock.created_at;
    assert_eq!(
        lance.remove_schema_lock(made_at - 1).await.unwrap(),
        UnlockOutcome::Another { lock },
        "the lock of another schema change stays"
    );
    assert_eq!(lance.schema_lock().await.unwrap(), Some(lock));
    assert_eq!(
        lance.remove_schema_lock(made_at).await.unwrap(),
        UnlockOutcome::Removed
    );
    assert_eq!(
        lance.remove_schema_lock(made_at).await.unwrap(),
        UnlockOutcome::Absent
    );
    assert_eq!(lance.schema_lock().await.unwrap(), None);
    assert_eq!(branches().await, ["feature"]);
    let feature = catalog(lance, Some("feature")).await;
    assert_eq!(
        (feature.version, feature.pins),
        (shown.version, shown.pins.clone())
    );
    assert_eq!(catalog(lance, None).await, shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_which_only_files_are_left_is_removed_too() {
    let graph = graph("omnigraph-0.7.0", "schema-mixed-staged").await;
    let lance = &graph.lance;
    let entry = graph
        .store
        .path()
        .join("__manifest/_refs/branches/__schema_apply_lock__.json");
    std::fs::remove_file(entry).unwrap();
    assert_eq!(
        lance.remove_schema_lock(0).await.unwrap(),
        UnlockOutcome::Removed
    );
    assert_eq!(
        lance.remove_schema_lock(0).await.unwrap(),
        UnlockOutcome::Absent
    );
}

/// What decides which Lance can read and write a table.
async fn format(graph: &crate::fixtures::Graph, folder: &str) -> (u64, u64, String) {
    let path = graph.store.path().join(folder);
    let dataset = lance::Dataset::open(path.to_str().unwrap()).await.unwrap();
    let manifest = dataset.manifest();
    (
        manifest.reader_feature_flags,
        manifest.writer_feature_flags,
        format!("{:?}", manifest.data_storage_format),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_change_nothing_of_who_can_read_and_write_the_tables() {
    let graph = graph("omnigraph-0.7.0", "forward-mutation").await;
    let folders = ["_graph_commits.lance", "_graph_commit_actors.lance"];
    let before = [
        format(&graph, folders[0]).await,
        format(&graph, folders[1]).await,
    ];
    let actor = HistoryRow::Actor {
        actor: "omnigraph:recovery".to_owned(),
    };
    for row in [commit(), actor, recovery(OPERATION)] {
        let added = graph
            .lance
            .append_graph_history(&request(OPERATION, 1_000_000, row))
            .await;
        assert!(matches!(added.unwrap(), HistoryAppend::Appended { .. }));
    }
    for (folder, before) in folders.into_iter().zip(&before) {
        assert_eq!(&format(&graph, folder).await, before, "{folder}");
    }
    // One that is new is like its siblings.
    let new = format(&graph, "_graph_commit_recoveries.lance").await;
    assert_eq!(new, before[0]);
}
