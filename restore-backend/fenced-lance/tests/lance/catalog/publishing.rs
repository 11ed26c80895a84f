//! Publishes: pins, registrations and tombstones in one commit, and who loses.

use std::collections::BTreeMap;

use crashed_roots::test_root::*;
use fenced_lance::{CommitOutcome, PublishRequest, Refusal, TableLocation};
use futures::FutureExt;
use root_objects::store::Verb;

use super::{ExpectCommitted, pin};

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_moves_all_its_pins_in_one_commit() {
    let root = drifted().await;
    let mut request = publish_request(1, "node:Person", 1, 2);
    request
        .updates
        .extend(publish_request(1, "edge:Knows", 1, 2).updates);
    let outcome = root.lance.publish(&request).await.expect("an outcome");
    assert_eq!(outcome, CommitOutcome::Committed { version: 2 });
    let catalog = catalog(&root.lance, None).await;
    assert_eq!(catalog.version, 2);
    assert_eq!(catalog.pins["node:Person"], pin(2, 15));
    assert_eq!(catalog.pins["edge:Knows"], pin(2, 15));
    let publish = transaction(&root.lance, &TableLocation::main("__manifest"), 2).await;
    assert_eq!(publish.properties["recovery.effect"], "publish");
    assert_eq!(publish.row_count, Some(6));

    root.log.reset();
    assert_eq!(
        root.lance.publish(&request).await.expect("an outcome"),
        CommitOutcome::AlreadyDone { version: 2 }
    );
    assert_eq!(root.log.mutations(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_rows_describe_the_tables_lance_manifest() {
    let root = drifted().await;
    let request = publish_request(1, "node:Person", 1, 2);
    root.lance
        .publish(&request)
        .await
        .expect("an outcome")
        .expect_committed();
    let uri = format!("{}/__manifest", root.path().display());
    let dataset = lance::Dataset::open(&uri)
        .await
        .expect("Lance reads the catalog");
    let mut scanner = dataset.scan();
    scanner
        .filter("object_id = 'node:Person$00000000000000000002'")
        .expect("a filter")
        .project(&["metadata"])
        .expect("a projection");
    let batch = scanner.try_into_batch().await.expect("a row");
    assert_eq!(batch.num_rows(), 1);
    let metadata: &arrow_array::StringArray =
        batch.column(0).as_any().downcast_ref().expect("text");
    let metadata = metadata.value(0);
    let file = version_file(root.path(), "nodes/people", 2);
    let size = std::fs::metadata(&file).expect("the file").len();
    let path = file.to_str().expect("text").trim_start_matches('/');
    let expected = format!(r#"{{"manifest_path":"{path}","manifest_size":{size},"e_tag":""#);
    assert!(metadata.starts_with(&expected), "{metadata}");
    assert!(
        metadata.ends_with(r#"","naming_scheme":"V2"}"#),
        "{metadata}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_of_another_table_in_between_makes_ours_lose() {
    let root = drifted().await;
    let other = root.elsewhere().await;
    let mut theirs = publish_request(1, "edge:Knows", 1, 2);
    theirs.identity.operation_id = "01M8125ENACWR9X1EZNRMDV5V2".to_owned();
    let ours = publish_request(1, "node:Person", 1, 2);

    let gate = AtRequest::new(
        When::Before,
        Verb::PutCreate,
        "__manifest/_versions",
        1,
        move || {
            async move {
                other
                    .publish(&theirs)
                    .await
                    .expect("an outcome")
                    .expect_committed();
                Ok(())
            }
            .boxed()
        },
    );
    let lance = root.behind(gate.clone()).await;
    let outcome = lance.publish(&ours).await.expect("an outcome");
    assert!(gate.has_run());
    let CommitOutcome::HeadMoved {
        expected: 1,
        found: 2,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    let after = catalog(&root.lance, None).await;
    assert_eq!(after.pins["edge:Knows"], pin(2, 15));
    assert_eq!(after.pins["node:Person"], pin(1, 10));

    let again = PublishRequest {
        read_version: 2,
        ..ours
    };
    assert_eq!(
        root.lance.publish(&again).await.expect("an outcome"),
        CommitOutcome::Committed { version: 3 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_during_lances_own_look_makes_ours_lose() {
    let root = drifted().await;
    let other = root.elsewhere().await;
    let theirs = publish_request(1, "edge:Knows", 1, 2);
    let mut ours = publish_request(1, "node:Person", 1, 2);
    ours.identity.plan_digest = "ours".to_owned();
    let gate = AtRequest::new(
        When::Before,
        Verb::List,
        "__manifest/_versions",
        2,
        move || {
            async move {
                other
                    .publish(&theirs)
                    .await
                    .expect("an outcome")
                    .expect_committed();
                Ok(())
            }
            .boxed()
        },
    );
    let lance = root.behind(gate.clone()).await;
    let outcome = lance.publish(&ours).await.expect("an outcome");
    assert!(gate.has_run());
    assert!(
        matches!(outcome, CommitOutcome::HeadMoved { .. }),
        "{outcome:?}"
    );
    assert_eq!(catalog(&root.lance, None).await.version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_the_catalog_is_refused() {
    let root = drifted().await;
    let lance = &root.lance;
    let request = |from, to| publish_request(1, "node:Person", from, to);
    let empty = PublishRequest {
        updates: Vec::new(),
        ..request(1, 2)
    };
    let twice = {
        let mut twice = request(1, 2);
        twice.updates.extend(request(1, 2).updates);
        twice
    };
    let registered = |table_key: &str, location: &str| PublishRequest {
        registrations: vec![sidecar::NewTable {
            table_key: table_key.to_owned(),
            location: location.to_owned(),
            version: 1,
            branch: None,
        }],
        ..empty.clone()
    };
    let tombstone = |version| PublishRequest {
        tombstones: vec![sidecar::RemovedTable {
            table_key: "node:Person".to_owned(),
            version,
        }],
        ..empty.clone()
    };
    let table_key = || "node:Person".to_owned();
    let pin_moved = |expected, found| Refusal::PinMoved {
        table_key: table_key(),
        expected,
        found,
    };
    for (request, reason) in [
        (request(2, 3), pin_moved(Some(2), Some(1))),
        (
            request(1, 1),
            Refusal::PinNotRising {
                table_key: table_key(),
                from_pin: 1,
                to_version: 1,
            },
        ),
        (
            request(1, 9),
            Refusal::VersionMissing {
                table_key: table_key(),
                version: 9,
            },
        ),
        (empty.clone(), Refusal::Nothing),
        (
            twice,
            Refusal::Twice {
                object_id: "node:Person$00000000000000000002".to_owned(),
            },
        ),
        (
            registered("node:Person", "nodes/people"),
            pin_moved(None, Some(1)),
        ),
        (tombstone(1), pin_moved(Some(0), Some(1))),
        (tombstone(3), pin_moved(Some(2), Some(1))),
        (
            PublishRequest {
                branch: Some("x".to_owned()),
                ..request(1, 2)
            },
            Refusal::BranchMissing,
        ),
    ] {
        assert_eq!(
            lance.publish(&request).await.expect("an outcome"),
            CommitOutcome::Refused { reason }
        );
    }
    assert_eq!(root.log.mutations(), 0);
    assert_eq!(catalog(lance, None).await.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_and_go_with_a_publish() {
    let root = drifted().await;
    let city = TableLocation::main("nodes/city");
    root.lance
        .create_table(&city, &rows("c", 4))
        .await
        .expect("a table");
    let registration = sidecar::NewTable {
        table_key: "node:City".to_owned(),
        location: city.path.clone(),
        version: 1,
        branch: None,
    };
    let request = PublishRequest {
        registrations: vec![registration.clone()],
        tombstones: vec![sidecar::RemovedTable {
            table_key: "edge:Knows".to_owned(),
            version: 2,
        }],
        ..publish_request(1, "node:Person", 1, 2)
    };
    root.lance
        .publish(&request)
        .await
        .expect("an outcome")
        .expect_committed();
    let after = catalog(&root.lance, None).await;
    assert_eq!(
        after.pins,
        BTreeMap::from([
            ("node:City".to_owned(), pin(1, 4)),
            ("node:Person".to_owned(), pin(2, 15)),
        ])
    );
    assert_eq!(
        after.tombstones,
        BTreeMap::from([("edge:Knows".to_owned(), 2)])
    );
    assert_eq!(after.locations["node:City"], "nodes/city");

    // A table that went can only come back above its tombstone.
    root.lance
        .append_rows(&knows(), &rows("d", 1))
        .await
        .expect("an append");
    for (version, comes_back) in [(2, false), (3, true)] {
        let request = PublishRequest {
            read_version: 2,
            updates: Vec::new(),
            registrations: vec![sidecar::NewTable {
                table_key: "edge:Knows".to_owned(),
                location: knows().path,
                version,
                branch: None,
            }],
            tombstones: Vec::new(),
            graph_commit: None,
            ..request.clone()
        };
        let outcome = root.lance.publish(&request).await.expect("an outcome");
        assert_eq!(
            matches!(outcome, CommitOutcome::Committed { .. }),
            comes_back,
            "{outcome:?}"
        );
    }
    assert_eq!(
        catalog(&root.lance, None).await.pins["edge:Knows"],
        pin(3, 16)
    );
}
