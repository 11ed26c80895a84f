//! A write whose rows can be counted no more: no engine opens a graph whose catalog lacks a count, so it is not published.

use crashed_roots::test_root::*;
use fenced_lance::TableWrite;
use restore_backend::root::{Root, RootOptions};
use restore_backend::service;
use root_objects::clock;
use sidecar::{Code, Disposition};
use two_phase_writer::{NewOperation, PhaseOutcome, TwoPhaseWriter};

const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";

/// Left by a write over two tables that died before it was published. No fragment says how many rows it has.
async fn of_an_old_write() -> TestRoot {
    let root = published().await;
    let operation = NewOperation {
        operation_id: Some(OPERATION.parse().expect("an id")),
        ..NewOperation::mutation(["edge:Knows", "node:Person"])
    };
    let writer = TwoPhaseWriter::new(root.elsewhere().await);
    let PhaseOutcome::Done(mut prepared) = writer.begin(operation).await.expect("it begins") else {
        panic!("nobody else writes");
    };
    for table_key in ["edge:Knows", "node:Person"] {
        let write = TableWrite::append_rows(&rows("b", 5));
        let committed = prepared.commit(table_key, write).await;
        assert!(
            matches!(committed, Ok(PhaseOutcome::Done(2))),
            "{committed:?}"
        );
    }
    without_row_counts(root)
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
