//! Fences of the catalog: nothing changes, and stale publishers lose.

use crashed_roots::test_root::*;
use fenced_lance::{CommitOutcome, PublishRequest, TableLocation};

use super::{ExpectCommitted, fence_request};

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
