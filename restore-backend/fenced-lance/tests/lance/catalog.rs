use std::collections::BTreeMap;

use fenced_lance::CatalogReading;
use fenced_lance::CatalogTable;
use fenced_lance::CommitOutcome;
use fenced_lance::CreateOutcome;
use fenced_lance::FenceRequest;
use fenced_lance::Head;
use fenced_lance::Pin;
use fenced_lance::PublishRequest;
use fenced_lance::Refusal;
use fenced_lance::TableLocation;
use futures::FutureExt;
use root_objects::store::Verb;

use crashed_roots::test_root::*;

fn pin(version: u64, row_count: u64) -> Pin {
    Pin {
        version,
        table_branch: None,
        row_count: Some(row_count),
    }
}

async fn fence_request(root: &TestRoot) -> FenceRequest {
    let catalog = catalog(&root.lance, None).await;
    FenceRequest {
        branch: None,
        read_version: catalog.version,
        read_transaction: catalog.transaction.expect("a transaction"),
        identity: identity(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_catalog_shows_its_tables() {
    let root = published().await;
    let catalog = catalog(&root.lance, None).await;
    assert_eq!(
        (catalog.version, catalog.stamp, catalog.two_phase),
        (1, 3, true)
    );
    assert_eq!(catalog.branch, None);
    assert_eq!(
        catalog.pins,
        BTreeMap::from([
            ("edge:Knows".to_owned(), pin(1, 10)),
            ("node:Person".to_owned(), pin(1, 10)),
        ])
    );
    assert_eq!(catalog.locations["node:Person"], "nodes/people");
    assert!(catalog.tombstones.is_empty());
    assert_eq!(
        root.lance.create_catalog(&[]).await.expect("an outcome"),
        CreateOutcome::AlreadyThere
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_catalog_or_branch_is_a_value() {
    let root = TestRoot::new().await;
    assert_eq!(
        root.lance.catalog(None).await.expect("a reading"),
        CatalogReading::NoCatalog
    );
    assert_eq!(
        root.lance.catalog_version(None).await.expect("a head"),
        Head::DatasetMissing
    );
    let root = published().await;
    let absent = |tree_left| CatalogReading::NoBranch { tree_left };
    assert_eq!(
        root.lance
            .catalog(Some("feature"))
            .await
            .expect("a reading"),
        absent(false)
    );
    root.lance
        .create_branch("__manifest", "feature/one", 1)
        .await
        .expect("a branch");
    assert_eq!(
        root.lance
            .catalog(Some("feature"))
            .await
            .expect("a reading"),
        absent(false),
        "a nested branch is no tree of the outer name"
    );
    let branches = root.lance.catalog_branches().await.expect("branches");
    assert_eq!(branches.len(), 1);
    assert_eq!(branches[0].name, "feature/one");
    assert!(branches[0].created_at > 1_700_000_000);
    let entry = root
        .path()
        .join("__manifest/_refs/branches/feature%2Fone.json");
    std::fs::remove_file(entry).expect("the entry is removed");
    assert_eq!(
        root.lance
            .catalog(Some("feature/one"))
            .await
            .expect("a reading"),
        absent(true)
    );
    let versions = root.path().join("__manifest/tree/feature/one/_versions");
    std::fs::remove_dir_all(versions).expect("half removed");
    assert_eq!(
        root.lance
            .catalog(Some("feature/one"))
            .await
            .expect("a reading"),
        absent(true)
    );
}

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
async fn a_fence_changes_nothing_but_makes_stale_publishers_lose() {
    let root = drifted().await;
    let stale = publish_request(1, "node:Person", 1, 2);
    let before = catalog(&root.lance, None).await;
    let fence = fence_request(&root).await;
    assert_eq!(
        root.lance.fence_catalog(&fence).await.expect("an outcome"),
        CommitOutcome::Committed { version: 2 }
    );
    root.log.reset();
    assert_eq!(
        root.lance.fence_catalog(&fence).await.expect("an outcome"),
        CommitOutcome::AlreadyDone { version: 2 }
    );
    assert_eq!(root.log.mutations(), 0);
    let manifest = TableLocation::main("__manifest");
    assert!(
        root.lance
            .content_equal(&manifest, 1, 2)
            .await
            .expect("an answer")
    );
    let after = catalog(&root.lance, None).await;
    assert_eq!((&after.pins, after.stamp), (&before.pins, before.stamp));
    let mut stale_of_another = stale.clone();
    stale_of_another.identity.operation_id = "01M8125ENACWR9X1EZNRMDV5V2".to_owned();
    for stale in [stale.clone(), stale_of_another] {
        let outcome = root.lance.publish(&stale).await.expect("an outcome");
        assert!(
            matches!(
                outcome,
                CommitOutcome::HeadMoved {
                    expected: 1,
                    found: 2,
                    ..
                }
            ),
            "our own fence is not our publish: {outcome:?}"
        );
    }
    let fresh = PublishRequest {
        read_version: 2,
        ..stale
    };
    assert_eq!(
        root.lance.publish(&fresh).await.expect("an outcome"),
        CommitOutcome::Committed { version: 3 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_loses_to_a_publish_before_it() {
    let root = drifted().await;
    let fence = fence_request(&root).await;
    let publish = publish_request(1, "node:Person", 1, 2);
    root.lance
        .publish(&publish)
        .await
        .expect("an outcome")
        .expect_committed();
    let outcome = root.lance.fence_catalog(&fence).await.expect("an outcome");
    assert!(
        matches!(outcome, CommitOutcome::HeadMoved { .. }),
        "{outcome:?}"
    );
    assert_eq!(catalog(&root.lance, None).await.version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engines_merge_under_way_is_tried_again_over_a_fence() {
    let root = drifted().await;
    let uri = format!("{}/__manifest", root.path().display());
    let dataset = lance::Dataset::open(&uri)
        .await
        .expect("Lance reads the catalog");
    let fence = fence_request(&root).await;
    root.lance
        .fence_catalog(&fence)
        .await
        .expect("an outcome")
        .expect_committed();
    let mut scanner = dataset.scan();
    scanner.limit(Some(1), None).expect("a limit");
    let row = scanner.try_into_batch().await.expect("a row");
    let mut columns = row.columns().to_vec();
    columns[0] = std::sync::Arc::new(arrow_array::StringArray::from(vec!["another"]));
    let row = arrow_array::RecordBatch::try_new(row.schema(), columns).expect("a batch");
    let merge = lance::dataset::MergeInsertBuilder::try_new(
        std::sync::Arc::new(dataset),
        vec!["object_id".to_owned()],
    )
    .expect("a merge")
    .use_index(false)
    .try_build()
    .expect("a merge");
    let (dataset, _) = merge
        .execute_batches(vec![row])
        .await
        .expect("it is tried again");
    assert_eq!(dataset.version_id(), 3);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_the_catalog_has_its_own_pins() {
    let root = drifted().await;
    root.lance
        .create_branch("__manifest", "feature", 1)
        .await
        .expect("a branch");
    root.lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let people_on_feature = TableLocation::on("nodes/people", Some("feature"));
    root.lance
        .append_rows(&people_on_feature, &rows("f", 2))
        .await
        .expect("an append");
    let mut request = publish_request(1, "node:Person", 1, 2);
    request.branch = Some("feature".to_owned());
    request.updates[0].branch = Some("feature".to_owned());
    root.lance
        .publish(&request)
        .await
        .expect("an outcome")
        .expect_committed();

    let lance = root.elsewhere().await;
    let feature = catalog(&lance, Some("feature")).await;
    assert_eq!(feature.branch.as_deref(), Some("feature"));
    assert!(feature.branch_created_at.is_some());
    assert_eq!(
        feature.pins["node:Person"],
        Pin {
            version: 2,
            table_branch: Some("feature".to_owned()),
            row_count: Some(12)
        }
    );
    assert_eq!(feature.pins["edge:Knows"], pin(1, 10));
    let main = catalog(&lance, None).await;
    assert_eq!((main.version, &main.pins["node:Person"]), (1, &pin(1, 10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_versions_published_in_turn_show_the_highest() {
    let root = drifted().await;
    for read_version in 1..=12 {
        let request = publish_request(read_version, "node:Person", read_version, read_version + 1);
        root.lance
            .publish(&request)
            .await
            .expect("an outcome")
            .expect_committed();
        root.lance
            .append_rows(&people(), &rows("b", 5))
            .await
            .expect("an append");
    }
    root.log.reset();
    let catalog = catalog(&root.lance, None).await;
    assert_eq!(catalog.pins["node:Person"].version, 13);
    assert_eq!(root.log.count(Verb::List), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_of_versions_that_do_not_exist_is_not_made() {
    let root = TestRoot::new().await;
    let outcome = root
        .lance
        .create_catalog(&[CatalogTable {
            table_key: "node:Person".to_owned(),
            location: "nodes/people".to_owned(),
            version: 1,
            table_branch: None,
        }])
        .await
        .expect("an outcome");
    assert!(
        matches!(outcome, CreateOutcome::Refused { .. }),
        "{outcome:?}"
    );
    assert_eq!(root.log.mutations(), 0);
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
