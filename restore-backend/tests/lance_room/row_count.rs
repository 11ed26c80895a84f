//! The count of rows that the catalog keeps of every version: no engine opens a graph without it.

use std::fs;

use restore_backend::clock;
use restore_backend::lance_room::CommitOutcome;
use restore_backend::lance_room::Pin;
use restore_backend::lance_room::TableWrite;
use restore_backend::root::Root;
use restore_backend::root::RootOptions;
use restore_backend::service;
use restore_backend::two_phase_writer::NewOperation;
use restore_backend::two_phase_writer::Progress;
use restore_backend::two_phase_writer::TwoPhaseWriter;
use sidecar::Code;
use sidecar::Disposition;

use crate::room_support::*;

const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";

/// Both tables at version 2, of which no fragment says how many rows it has, as writers before Lance 0.8 left them.
async fn of_an_old_writer() -> TestRoot {
    without_row_counts(drifted().await)
}

/// The same, left by a write over both tables that died before it was published.
async fn of_an_old_write() -> TestRoot {
    let root = published().await;
    let operation = NewOperation {
        operation_id: Some(OPERATION.parse().expect("an id")),
        ..NewOperation::mutation(["edge:Knows", "node:Person"])
    };
    let writer = TwoPhaseWriter::new(root.elsewhere().await);
    let Progress::Done(mut prepared) = writer.begin(operation).await.expect("it begins") else {
        panic!("nobody else writes");
    };
    for table_key in ["edge:Knows", "node:Person"] {
        let write = TableWrite::append_rows(&rows("b", 5));
        let committed = prepared.commit(table_key, write).await;
        assert!(matches!(committed, Ok(Progress::Done(2))), "{committed:?}");
    }
    without_row_counts(root)
}

fn without_row_counts(root: TestRoot) -> TestRoot {
    for table in ["nodes/people", "edges/knows"] {
        for version in [1, 2] {
            change_manifest(&version_file(root.path(), table, version), |manifest| {
                for fragment in &mut manifest.fragments {
                    fragment.physical_rows = 0;
                }
            });
        }
    }
    root
}

fn lose_data(root: &TestRoot, table: &str) {
    for file in files_in(&root.path().join(table).join("data")) {
        fs::remove_file(file).expect("removed");
    }
}

async fn opened(root: &TestRoot) -> Root {
    let options = RootOptions {
        min_age: std::time::Duration::ZERO,
        ..RootOptions::default()
    };
    Root::open(root.path().to_str().expect("text"), options)
        .await
        .expect("a root")
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_lance_manifest_does_not_tell_are_counted_and_published() {
    let root = of_an_old_writer().await;
    let room = root.elsewhere().await;
    let request = publish_request(1, "node:Person", 1, 2);
    let outcome = room.publish(&request).await.expect("an outcome");
    assert_eq!(outcome, CommitOutcome::Committed { version: 2 });
    let shown = catalog(&room, None).await;
    let Pin { row_count, .. } = &shown.pins["node:Person"];
    assert_eq!(*row_count, Some(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_rows_cannot_be_counted_is_not_published() {
    let root = of_an_old_writer().await;
    lose_data(&root, "nodes/people");
    let room = root.elsewhere().await;
    let request = publish_request(1, "node:Person", 1, 2);
    let error = room.publish(&request).await.expect_err("it is not known");
    assert!(error.to_string().contains("counting rows"), "{error}");
    let shown = catalog(&room, None).await;
    assert_eq!(shown.version, 1, "nothing was committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_would_publish_what_cannot_be_counted_is_not_executable_and_says_why() {
    let root = of_an_old_write().await;
    let whole = opened(&root).await;
    let plan = service::plan(&whole, OPERATION, clock::now())
        .await
        .expect("a plan");
    assert_eq!(plan.disposition, Disposition::RollForward);
    assert_eq!(plan.blockers, [], "Lance can count them");

    // Another root: what was counted once is remembered, and stays true whatever becomes of the files.
    let root = of_an_old_write().await;
    lose_data(&root, "edges/knows");
    let broken = opened(&root).await;
    let plan = service::plan(&broken, OPERATION, clock::now())
        .await
        .expect("a plan");
    let codes: Vec<Code> = plan.blockers.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [Code::RowsNotCounted]);
    assert!(!plan.executable);
    let why = &plan.blockers[0].detail;
    assert!(why.contains("version 2 of edge:Knows"), "{why}");

    let operation = OPERATION.parse().expect("an id");
    let digest = plan.digest.expect("a digest");
    let approver = service::Approver {
        name: "grace".to_owned(),
        writers_stopped: true,
        ..service::Approver::default()
    };
    let answer = service::approve(&broken, &operation, digest, approver, clock::now()).await;
    assert!(
        !matches!(answer, Ok(service::Answer::Done(_))),
        "{answer:?}"
    );
    let shown = catalog(&root.elsewhere().await, None).await;
    assert_eq!(shown.version, 1, "nothing was committed");
}
