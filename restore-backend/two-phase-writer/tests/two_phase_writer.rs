//! The two-phase writer: what each step leaves behind, and that it loses without doing harm.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use fenced_lance::CommitOutcome;
use fenced_lance::FenceRequest;
use fenced_lance::LanceRoot;
use fenced_lance::TableLocation;
use fenced_lance::TableWrite;
use futures::FutureExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use root_objects::store::Verb;
use sidecar::Limits;
use sidecar::Sidecar;
use sidecar::Timestamp;
use two_phase_writer::Loss;
use two_phase_writer::NewOperation;
use two_phase_writer::OperationKind;
use two_phase_writer::PhaseOutcome;
use two_phase_writer::Prepared;
use two_phase_writer::Published;
use two_phase_writer::TwoPhaseWriter;
use two_phase_writer::WriterError;

use crashed_roots::test_root::*;

const ID: &str = "01M8125E20G3JA88BS9CEJEX1K";

fn operation() -> NewOperation {
    NewOperation {
        operation_id: Some(ID.parse().expect("an id")),
        ..NewOperation::mutation(["edge:Knows", "node:Person"])
    }
}

#[track_caller]
fn done<T>(progress: PhaseOutcome<T>) -> T {
    match progress {
        PhaseOutcome::Done(done) => done,
        PhaseOutcome::Lost(loss) => panic!("lost: {loss}"),
    }
}

#[track_caller]
fn lost<T>(progress: PhaseOutcome<T>) -> Loss {
    match progress {
        PhaseOutcome::Done(_) => panic!("not lost"),
        PhaseOutcome::Lost(loss) => loss,
    }
}

async fn begin(lance: &LanceRoot) -> Prepared {
    let writer = TwoPhaseWriter::new(lance.clone());
    done(writer.begin(operation()).await.expect("it begins"))
}

async fn commit_both(prepared: &mut Prepared) {
    for (table_key, write) in [
        ("edge:Knows", TableWrite::append_rows(&rows("k", 3))),
        ("node:Person", TableWrite::delete("value < 4")),
    ] {
        let version = prepared.commit(table_key, write).await.expect("it commits");
        assert_eq!(done(version), 2);
    }
}

async fn published_by(lance: &LanceRoot) -> Published {
    let mut prepared = begin(lance).await;
    commit_both(&mut prepared).await;
    done(prepared.publish().await.expect("it publishes"))
}

async fn claim(lance: &LanceRoot) {
    let path = Path::from(format!("__recovery_log/{ID}/claim.json"));
    lance
        .objects()
        .put(&path, "{}".into())
        .await
        .expect("a claim");
}

fn claimed() -> Loss {
    Loss::Claimed {
        operation_id: ID.parse().expect("an id"),
    }
}

fn sidecars(root: &TestRoot) -> usize {
    files_in(&root.path().join("__recovery")).len()
}

async fn heads(lance: &LanceRoot) -> (u64, u64) {
    (
        version_of(lance, &knows()).await,
        version_of(lance, &people()).await,
    )
}

async fn pins(lance: &LanceRoot) -> (u64, u64) {
    let catalog = catalog(lance, None).await;
    (
        catalog.pins["edge:Knows"].version,
        catalog.pins["node:Person"].version,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_leaves_what_a_crash_there_would_leave() {
    let root = published().await;
    let mut prepared = begin(&root.lance).await;
    assert_eq!(
        (
            sidecars(&root),
            heads(&root.lance).await,
            pins(&root.lance).await
        ),
        (1, (1, 1), (1, 1))
    );

    let write = TableWrite::append_rows(&rows("k", 3));
    done(
        prepared
            .commit("edge:Knows", write)
            .await
            .expect("it commits"),
    );
    assert_eq!(
        (
            sidecars(&root),
            heads(&root.lance).await,
            pins(&root.lance).await
        ),
        (1, (2, 1), (1, 1))
    );

    let write = TableWrite::overwrite_rows(&rows("p", 2));
    done(
        prepared
            .commit("node:Person", write)
            .await
            .expect("it commits"),
    );
    assert_eq!(
        (
            sidecars(&root),
            heads(&root.lance).await,
            pins(&root.lance).await
        ),
        (1, (2, 2), (1, 1))
    );

    let published = done(prepared.publish().await.expect("it publishes"));
    assert_eq!(
        (
            sidecars(&root),
            heads(&root.lance).await,
            pins(&root.lance).await
        ),
        (1, (2, 2), (2, 2))
    );
    assert_eq!(published.catalog_version(), 2);

    let finished = done(published.finish().await.expect("it finishes"));
    assert_eq!(sidecars(&root), 0);
    assert_eq!(finished.operation_id.as_str(), ID);
    let catalog = catalog(&root.lance, None).await;
    assert_eq!(catalog.pins["edge:Knows"].row_count, Some(13));
    assert_eq!(catalog.pins["node:Person"].row_count, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_and_dropping_add_nothing() {
    let root = published().await;
    let mut prepared = begin(&root.lance).await;
    commit_both(&mut prepared).await;
    root.log.reset();
    assert_eq!(prepared.stop().as_str(), ID);
    assert_eq!((root.log.reads(), root.log.mutations()), (0, 0));

    let root = published().await;
    let published = published_by(&root.lance).await;
    root.log.reset();
    drop(published);
    assert_eq!((root.log.reads(), root.log.mutations()), (0, 0));
    assert_eq!(sidecars(&root), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sidecar_says_what_the_writer_is_about_to_do() {
    let root = published().await;
    let operation = NewOperation {
        started_at: Some(Timestamp::from_micros(1_795_332_159_552_487)),
        actor_id: Some("act-ada".to_owned()),
        kind: OperationKind::Load,
        ..operation()
    };
    let writer = TwoPhaseWriter::new(root.lance.clone());
    done(writer.begin(operation).await.expect("it begins")).stop();
    let file = format!("{ID}.json");
    let bytes = std::fs::read(root.path().join("__recovery").join(&file)).expect("the sidecar");
    let sidecar = Sidecar::parse(&file, &bytes, &Limits::DEFAULT).expect("it parses");
    let json: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let table = |table_key: &str, path: &str| {
        serde_json::json!({
            "table_key": table_key,
            "table_path": root.path().join(path).to_str().expect("text"),
            "expected_version": 1,
            "post_commit_pin": 2,
        })
    };
    assert_eq!(
        json,
        serde_json::json!({
            "schema_version": 1,
            "operation_id": ID,
            "started_at": "1795332159552487",
            "branch": null,
            "actor_id": "act-ada",
            "writer_kind": "Load",
            "tables": [table("edge:Knows", "edges/knows"), table("node:Person", "nodes/people")],
        })
    );
    assert_eq!(sidecar.tables.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_operations_have_ids_in_the_order_of_their_start() {
    let root = published().await;
    let writer = TwoPhaseWriter::new(root.lance.clone());
    let mut ids = Vec::new();
    for micros in [
        1_000_000_000_000_000,
        1_700_000_000_000_000,
        1_800_000_000_000_000,
    ] {
        let operation = NewOperation {
            operation_id: None,
            started_at: Some(Timestamp::from_micros(micros)),
            ..operation()
        };
        ids.push(done(writer.begin(operation).await.expect("it begins")).stop());
    }
    assert!(ids.is_sorted());
    assert_eq!(sidecars(&root), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_seen_before_every_effect() {
    let root = published().await;
    let mut prepared = begin(&root.lance).await;
    claim(&root.lance).await;
    let write = TableWrite::append_rows(&rows("k", 3));
    assert_eq!(
        lost(
            prepared
                .commit("edge:Knows", write)
                .await
                .expect("an answer")
        ),
        claimed()
    );
    assert_eq!(heads(&root.lance).await, (1, 1));

    let root = published().await;
    let mut prepared = begin(&root.lance).await;
    commit_both(&mut prepared).await;
    claim(&root.lance).await;
    assert_eq!(
        lost(prepared.publish().await.expect("an answer")),
        claimed()
    );
    assert_eq!(pins(&root.lance).await, (1, 1));

    let root = published().await;
    let published = published_by(&root.lance).await;
    claim(&root.lance).await;
    assert_eq!(
        lost(published.finish().await.expect("an answer")),
        claimed()
    );
    assert_eq!(sidecars(&root), 1, "it is recovery's to retire");
}

// The order that the promise rests on: the recoverer claims, then fences. A writer that looked for
// the claim just before it was written has read the catalog before the fence.
#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_between_the_look_and_the_publish_makes_the_writer_lose() {
    let root = published().await;
    let recoverer = root.elsewhere().await;
    let claims = format!("__recovery_log/{ID}/claim.json");
    // The fifth look: one before and one after each table commit, one before the publish.
    let gate = AtRequest::new(When::After, Verb::Head, &claims, 5, move || {
        async move {
            claim(&recoverer).await;
            let read = catalog(&recoverer, None).await;
            let fence = FenceRequest {
                branch: None,
                read_version: read.version,
                read_transaction: read.transaction.expect("a transaction"),
                identity: identity(),
            };
            let outcome = recoverer.fence_catalog(&fence).await.expect("an outcome");
            assert!(matches!(outcome, CommitOutcome::Committed { .. }));
            Ok(())
        }
        .boxed()
    });
    let lance = root.behind(gate.clone()).await;
    let mut prepared = begin(&lance).await;
    commit_both(&mut prepared).await;
    let loss = lost(prepared.publish().await.expect("an answer"));
    assert!(gate.has_run());
    assert_eq!(loss, claimed(), "found on the second attempt");
    assert_eq!(pins(&root.lance).await, (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_restored_by_recovery_is_not_committed_again() {
    let root = published().await;
    let mut prepared = begin(&root.lance).await;
    let write = TableWrite::append_rows(&rows("k", 3));
    done(
        prepared
            .commit("edge:Knows", write)
            .await
            .expect("it commits"),
    );
    // A recovery that did not know of the second table yet moved it.
    root.lance
        .append_rows(&people(), &rows("x", 1))
        .await
        .expect("an append");
    let write = TableWrite::append_rows(&rows("p", 3));
    let loss = lost(
        prepared
            .commit("node:Person", write)
            .await
            .expect("an answer"),
    );
    assert_eq!(
        loss,
        Loss::Overtaken {
            table_key: "node:Person".to_owned(),
            expected: 1,
            found: Some(2)
        }
    );
    assert_eq!(
        root.lance.count_rows(&people(), 2).await.expect("a count"),
        11
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_raced_by_another_writer_buries_nothing() {
    let root = published().await;
    let other = root.elsewhere().await;
    let gate = AtRequest::new(
        When::Before,
        Verb::PutCreate,
        "nodes/people/_versions",
        1,
        move || {
            async move {
                other
                    .append_rows(&people(), &rows("x", 1))
                    .await
                    .expect("an append");
                Ok(())
            }
            .boxed()
        },
    );
    let lance = root.behind(gate.clone()).await;
    let mut prepared = begin(&lance).await;
    let write = TableWrite::overwrite_rows(&rows("p", 3));
    let loss = lost(
        prepared
            .commit("node:Person", write)
            .await
            .expect("an answer"),
    );
    assert!(gate.has_run());
    assert!(
        matches!(loss, Loss::Overtaken { found: Some(2), .. }),
        "{loss}"
    );
    assert_eq!(
        root.lance.count_rows(&people(), 2).await.expect("a count"),
        11
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_goes_on_past_publishes_of_other_tables() {
    let root = published().await;
    let city = TableLocation::main("nodes/city");
    root.lance
        .create_table(&city, &rows("c", 1))
        .await
        .expect("a table");
    let other = root.elsewhere().await;
    let gate = AtRequest::new(
        When::Before,
        Verb::PutCreate,
        "__manifest/_versions",
        1,
        move || {
            async move {
                let mut request = publish_request(1, "node:Person", 1, 2);
                request.updates.clear();
                request.registrations.push(sidecar::NewTable {
                    table_key: "node:City".to_owned(),
                    location: "nodes/city".to_owned(),
                    version: 1,
                    branch: None,
                });
                let outcome = other.publish(&request).await.expect("an outcome");
                assert!(
                    matches!(outcome, CommitOutcome::Committed { .. }),
                    "{outcome:?}"
                );
                Ok(())
            }
            .boxed()
        },
    );
    let lance = root.behind(gate.clone()).await;
    let published = published_by(&lance).await;
    assert!(gate.has_run());
    assert_eq!(published.catalog_version(), 3);
    let catalog = catalog(&root.lance, None).await;
    assert_eq!(catalog.pins.len(), 3);
    assert_eq!(pins(&root.lance).await, (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_table_do_not_both_win() {
    let root = published().await;
    let mut first = begin(&root.lance).await;
    let second = NewOperation {
        operation_id: Some("01M8125ENACWR9X1EZNRMDV5V2".parse().expect("an id")),
        ..NewOperation::mutation(["node:Person"])
    };
    let writer = TwoPhaseWriter::new(root.elsewhere().await);
    let mut second = done(writer.begin(second).await.expect("it begins"));
    commit_both(&mut first).await;
    let write = TableWrite::append_rows(&rows("p", 3));
    let loss = lost(
        second
            .commit("node:Person", write)
            .await
            .expect("an answer"),
    );
    assert!(matches!(loss, Loss::Overtaken { .. }), "{loss}");
    let third = NewOperation::mutation(["node:Person"]);
    let loss = lost(writer.begin(third).await.expect("an answer"));
    assert_eq!(
        loss,
        Loss::Pending {
            table_key: "node:Person".to_owned(),
            pin: 1,
            head: 2
        }
    );
    done(first.publish().await.expect("it publishes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_a_branch_stays_on_the_branch() {
    let root = published().await;
    root.lance
        .create_branch("__manifest", "feature", 1)
        .await
        .expect("a branch");
    let writer = TwoPhaseWriter::new(root.lance.clone());
    let operation = || NewOperation {
        branch: Some("feature".to_owned()),
        ..NewOperation::mutation(["node:Person"])
    };
    let error = writer
        .begin(operation())
        .await
        .expect_err("the table has no such branch");
    assert!(
        matches!(error, WriterError::TableNotOnBranch { .. }),
        "{error}"
    );

    root.lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let feature = TableLocation::on("nodes/people", Some("feature"));
    root.lance
        .append_rows(&feature, &rows("f", 1))
        .await
        .expect("an append");
    let mut publish = publish_request(1, "node:Person", 1, 2);
    publish.branch = Some("feature".to_owned());
    publish.updates[0].branch = Some("feature".to_owned());
    let outcome = root.lance.publish(&publish).await.expect("an outcome");
    assert!(
        matches!(outcome, CommitOutcome::Committed { .. }),
        "{outcome:?}"
    );

    let mut prepared = done(writer.begin(operation()).await.expect("it begins"));
    assert_eq!(prepared.expected_version("node:Person"), Some(2));
    let write = TableWrite::append_rows(&rows("g", 2));
    assert_eq!(
        done(
            prepared
                .commit("node:Person", write)
                .await
                .expect("it commits")
        ),
        3
    );
    let published = done(prepared.publish().await.expect("it publishes"));
    done(published.finish().await.expect("it finishes"));
    let on_feature = catalog(&root.lance, Some("feature")).await;
    assert_eq!(on_feature.pins["node:Person"].row_count, Some(13));
    assert_eq!(pins(&root.lance).await, (1, 1), "main is untouched");
    assert_eq!(heads(&root.lance).await, (1, 1), "main is untouched");
}

#[tokio::test(flavor = "multi_thread")]
async fn misuse_is_an_error() {
    let root = published().await;
    let writer = TwoPhaseWriter::new(root.lance.clone());
    for tables in [vec![], vec!["node:Person", "node:Person"]] {
        let error = writer
            .begin(NewOperation::mutation(tables))
            .await
            .expect_err("tables");
        assert!(matches!(error, WriterError::TablesUnclear), "{error}");
    }
    let error = writer
        .begin(NewOperation::mutation(["node:City"]))
        .await
        .expect_err("no table");
    assert!(matches!(error, WriterError::UnknownTable { .. }), "{error}");
    let on_nothing = NewOperation {
        branch: Some("x".to_owned()),
        ..operation()
    };
    let error = writer.begin(on_nothing).await.expect_err("no branch");
    assert!(matches!(error, WriterError::NoCatalog { .. }), "{error}");
    assert_eq!(root.log.mutations(), 0);

    let mut prepared = begin(&root.lance).await;
    let error = writer
        .begin(operation())
        .await
        .expect_err("the id is taken");
    assert!(matches!(error, WriterError::Sidecar(_)), "{error}");
    let write = || TableWrite::append_rows(&rows("k", 3));
    done(
        prepared
            .commit("edge:Knows", write())
            .await
            .expect("it commits"),
    );
    for table_key in ["edge:Knows", "node:City"] {
        let error = prepared
            .commit(table_key, write())
            .await
            .expect_err(table_key);
        assert!(
            matches!(error, WriterError::NotLeftToCommit { .. }),
            "{error}"
        );
    }
    let error = prepared.publish().await.expect_err("one table is left");
    assert!(matches!(error, WriterError::NotCommitted { .. }), "{error}");
    assert_eq!(pins(&root.lance).await, (1, 1));
}
