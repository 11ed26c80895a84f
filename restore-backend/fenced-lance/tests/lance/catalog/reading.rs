//! What a catalog shows: its tables, and those of its branches.

use std::collections::BTreeMap;

use crashed_roots::test_root::*;
use fenced_lance::{CatalogReading, CatalogTable, CreateOutcome, Head, Pin, TableLocation};
use root_objects::store::Verb;

use super::{ExpectCommitted, pin};

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
