use fenced_lance::CommitOutcome;
use fenced_lance::LanceRoot;
use fenced_lance::Refusal;
use fenced_lance::RestoreRequest;
use fenced_lance::TableLocation;
use futures::FutureExt;
use root_objects::store::Verb;

use crashed_roots::test_root::*;

/// A table at version 2 that a plan wants back at version 1.
async fn moved() -> (TestRoot, RestoreRequest) {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    let request = restore_request(&root.lance, &people(), 1).await;
    root.log.reset();
    (root, request)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_lands_at_exactly_the_next_version() {
    let (root, request) = moved().await;
    let outcome = root.lance.restore(&request).await.expect("an outcome");
    assert_eq!(outcome, CommitOutcome::Committed { version: 3 });
    assert_eq!(version_of(&root.lance, &people()).await, 3);
    let rows = root.lance.count_rows(&people(), 3).await.expect("a count");
    assert_eq!(rows, 10);
    assert!(
        root.lance
            .content_equal(&people(), 1, 3)
            .await
            .expect("an answer")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_restore_does_nothing() {
    let (root, request) = moved().await;
    root.lance
        .restore(&request)
        .await
        .expect("an outcome")
        .expect_committed();
    root.log.reset();
    for _ in 0..2 {
        assert_eq!(
            root.lance.restore(&request).await.expect("an outcome"),
            CommitOutcome::AlreadyDone { version: 3 }
        );
    }
    assert_eq!(root.log.mutations(), 0);
    // Recognised also below the commits of others.
    root.lance
        .append_rows(&people(), &rows("c", 1))
        .await
        .expect("an append");
    assert_eq!(
        root.lance.restore(&request).await.expect("an outcome"),
        CommitOutcome::AlreadyDone { version: 3 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_restore_of_another_plan_is_not_ours() {
    let (root, request) = moved().await;
    root.lance
        .restore(&request)
        .await
        .expect("an outcome")
        .expect_committed();
    let others = [
        {
            let mut other = request.clone();
            other.identity.plan_digest = "another".to_owned();
            other
        },
        {
            let mut other = request.clone();
            other.identity.operation_id = "01M8125ENACWR9X1EZNRMDV5V2".to_owned();
            other
        },
    ];
    for other in others {
        let outcome = root.lance.restore(&other).await.expect("an outcome");
        let CommitOutcome::HeadMoved {
            expected, found, ..
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!((expected, found), (2, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_version_was_cleaned_away_can_not_land_any_more() {
    let (root, request) = moved().await;
    root.lance
        .restore(&request)
        .await
        .expect("an outcome")
        .expect_committed();
    root.lance
        .append_rows(&people(), &rows("c", 1))
        .await
        .expect("an append");
    std::fs::remove_file(version_file(root.path(), "nodes/people", 3)).expect("removed");
    let outcome = root.lance.restore(&request).await.expect("an outcome");
    let reason = Refusal::CleanedAway { version: 3 };
    assert_eq!(outcome, CommitOutcome::Refused { reason });
    assert_eq!(version_of(&root.lance, &people()).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_who_committed_before_is_not_buried() {
    let (root, request) = moved().await;
    let writer = root.elsewhere().await;
    writer
        .append_rows(&people(), &rows("c", 7))
        .await
        .expect("an append");
    let foreign = transaction(&writer, &people(), 3).await.uuid;
    let outcome = root.lance.restore(&request).await.expect("an outcome");
    assert_eq!(
        outcome,
        CommitOutcome::HeadMoved {
            expected: 2,
            found: 3,
            found_transaction: Some(foreign)
        }
    );
    assert_eq!(
        root.log.mutations(),
        0,
        "refused before anything is written"
    );
    assert_nothing_buried(&root, 3).await;
}

/// Lets a writer commit at a chosen request of our restore.
async fn raced(verb: Verb, path: &str, nth: usize) {
    let (root, request) = moved().await;
    let writer = root.elsewhere().await;
    let gate = AtRequest::new(When::Before, verb, path, nth, move || {
        async move {
            writer
                .append_rows(&people(), &rows("c", 7))
                .await
                .expect("an append");
            Ok(())
        }
        .boxed()
    });
    let lance = root.behind(gate.clone()).await;
    let outcome = lance.restore(&request).await.expect("an outcome");
    assert!(gate.has_run(), "the writer came in at {verb} {path}");
    let foreign = transaction(&root.lance, &people(), 3).await.uuid;
    assert_eq!(
        outcome,
        CommitOutcome::HeadMoved {
            expected: 2,
            found: 3,
            found_transaction: Some(foreign)
        },
        "a writer at {verb} {path}"
    );
    assert_nothing_buried(&root, 3).await;
}

async fn assert_nothing_buried(root: &TestRoot, head: u64) {
    let lance = root.elsewhere().await;
    assert_eq!(version_of(&lance, &people()).await, head);
    assert_eq!(
        lance.count_rows(&people(), head).await.expect("a count"),
        22
    );
    let transactions = files_in(&root.path().join("nodes/people/_transactions"));
    assert_eq!(transactions.len() as u64, head, "no stray transaction file");
}

// Lance looks for HEAD again when it commits. Without the fence it would rebase the restore over
// what it finds there, and the writer's rows would be gone from HEAD.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_between_our_look_and_lances_is_not_buried() {
    raced(Verb::List, "nodes/people/_versions", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_while_we_read_head_is_not_buried() {
    raced(Verb::Get, "nodes/people/_versions", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_just_before_our_commit_is_not_buried() {
    raced(Verb::PutCreate, "nodes/people/_versions", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_restores_of_one_plan_land_once() {
    let (root, request) = moved().await;
    let (a, b) = (root.elsewhere().await, root.elsewhere().await);
    let (a, b) = tokio::join!(a.restore(&request), b.restore(&request));
    let outcomes = [a.expect("an outcome"), b.expect("an outcome")];
    let committed = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, CommitOutcome::Committed { version: 3 }))
        .count();
    assert_eq!(committed, 1, "{outcomes:?}");
    assert_eq!(version_of(&root.lance, &people()).await, 3);
    assert_eq!(
        root.lance.restore(&request).await.expect("an outcome"),
        CommitOutcome::AlreadyDone { version: 3 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_dropped_and_made_again_is_another_table() {
    let (root, request) = moved().await;
    std::fs::remove_dir_all(root.path().join("nodes/people")).expect("dropped");
    let lance = root.elsewhere().await;
    lance
        .create_table(&people(), &rows("x", 3))
        .await
        .expect("a table");
    lance
        .append_rows(&people(), &rows("y", 3))
        .await
        .expect("an append");
    let outcome = root.lance.restore(&request).await.expect("an outcome");
    let CommitOutcome::HeadMoved { found: 2, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(version_of(&root.lance, &people()).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_settled_by_looking() {
    let (root, request) = moved().await;
    let gate = AtRequest::new(
        When::After,
        Verb::PutCreate,
        "nodes/people/_versions",
        1,
        || async { Err(storage_fault()) }.boxed(),
    );
    let lance = root.behind(gate.clone()).await;
    let outcome = lance.restore(&request).await.expect("an outcome");
    assert!(gate.has_run());
    assert_eq!(outcome, CommitOutcome::Committed { version: 3 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_failed_without_a_trace_is_unknown_and_can_be_tried_again() {
    let (root, request) = moved().await;
    let gate = AtRequest::new(
        When::Before,
        Verb::PutCreate,
        "nodes/people/_versions",
        1,
        || async { Err(storage_fault()) }.boxed(),
    );
    let lance = root.behind(gate).await;
    let outcome = lance.restore(&request).await.expect("an outcome");
    assert!(
        matches!(outcome, CommitOutcome::Unknown { .. }),
        "{outcome:?}"
    );
    assert_eq!(version_of(&root.lance, &people()).await, 2);
    assert_eq!(
        root.lance.restore(&request).await.expect("an outcome"),
        CommitOutcome::Committed { version: 3 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_turned_down_is_an_error_and_not_unknown() {
    let (root, request) = moved().await;
    let gate = AtRequest::new(
        When::Before,
        Verb::PutCreate,
        "nodes/people/_versions",
        1,
        || {
            async {
                Err(object_store::Error::PermissionDenied {
                    path: "nodes/people".to_owned(),
                    source: "read only".into(),
                })
            }
            .boxed()
        },
    );
    let lance = root.behind(gate).await;
    let error = lance.restore(&request).await.expect_err("turned down");
    assert_eq!(error.code(), "storage_failed");
    assert_eq!(version_of(&root.lance, &people()).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored_is_refused() {
    let (root, request) = moved().await;
    for target in [0, 2, 3] {
        let request = RestoreRequest {
            target,
            ..request.clone()
        };
        let outcome = root.lance.restore(&request).await.expect("an outcome");
        assert!(
            matches!(outcome, CommitOutcome::Refused { .. }),
            "{outcome:?}"
        );
    }
    for (location, reason) in [
        (TableLocation::main("nodes/nothing"), Refusal::TableMissing),
        (
            TableLocation::on("nodes/people", Some("x")),
            Refusal::BranchMissing,
        ),
    ] {
        let request = RestoreRequest {
            location,
            ..request.clone()
        };
        assert_eq!(
            root.lance.restore(&request).await.expect("an outcome"),
            CommitOutcome::Refused { reason }
        );
    }
    assert_eq!(version_of(&root.lance, &people()).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_of_a_table_with_auto_cleanup_cleans_nothing() {
    let root = published().await;
    for (key, value) in [
        ("lance.auto_cleanup.interval", "1"),
        ("lance.auto_cleanup.older_than", "0ms"),
    ] {
        root.lance
            .set_config(&people(), key, value)
            .await
            .expect("a setting");
    }
    let before = files_in(&root.path().join("nodes/people/_versions")).len();
    let head = version_of(&root.lance, &people()).await;
    let request = restore_request(&root.lance, &people(), head - 1).await;
    root.lance
        .restore(&request)
        .await
        .expect("an outcome")
        .expect_committed();
    let after = files_in(&root.path().join("nodes/people/_versions")).len();
    assert_eq!(after, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_is_restored_on_the_branch() {
    let root = published().await;
    root.lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let feature = TableLocation::on("nodes/people", Some("feature"));
    root.lance
        .append_rows(&feature, &rows("b", 5))
        .await
        .expect("an append");
    let request = restore_request(&root.lance, &feature, 1).await;
    assert_eq!(
        root.lance.restore(&request).await.expect("an outcome"),
        CommitOutcome::Committed { version: 3 }
    );
    let lance: LanceRoot = root.elsewhere().await;
    assert!(
        lance
            .content_equal(&feature, 1, 3)
            .await
            .expect("an answer")
    );
    let read = lance.read_rows(&feature, 3, 100).await.expect("rows");
    assert_eq!(read.len(), 10);
    assert_eq!(version_of(&lance, &people()).await, 1, "main is untouched");
}

trait ExpectCommitted {
    fn expect_committed(self);
}

impl ExpectCommitted for CommitOutcome {
    #[track_caller]
    fn expect_committed(self) {
        assert!(matches!(self, Self::Committed { .. }), "{self:?}");
    }
}
