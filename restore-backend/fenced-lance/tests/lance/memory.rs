//! Whatever a `LanceRoot` has read before saves requests. It never counts as what is there now.

use fenced_lance::CatalogTable;
use fenced_lance::CommitOutcome;
use fenced_lance::CreateOutcome;
use fenced_lance::FenceRequest;
use fenced_lance::Restorable;
use fenced_lance::TransactionEntry;
use futures::FutureExt;
use lance::dataset::optimize::CompactionOptions;
use lance::dataset::optimize::compact_files;
use root_objects::store::Verb;

use crashed_roots::test_root::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_look_fetches_no_version_twice_and_asks_for_each_table_anew() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    let lance = root.elsewhere().await;
    for (look, gets) in [("the first", 2), ("the second", 0)] {
        let lance = lance.for_one_look();
        let log = lance.log();
        log.reset();
        version_of(&lance, &people()).await;
        let list = lance.transactions(&people(), 1, 2, 10).await;
        assert_eq!(list.expect("a list").entries.len(), 1);
        let equal = lance.content_equal(&people(), 1, 2).await;
        assert!(!equal.expect("an answer"));
        assert_eq!((log.count(Verb::List), log.count(Verb::Get)), (1, gets));
        let restorable = lance.restorable(&people(), 2, 1).await;
        assert_eq!(restorable.expect("an answer"), Restorable::Yes);
        assert_eq!(log.count(Verb::Head), 1, "{look}: files are looked for");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_its_own_making_is_not_fetched_unless_it_was_replaced() {
    let root = published().await;
    let lance = &root.lance;
    lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    let look = lance.for_one_look();
    version_of(&look, &people()).await;
    lance.log().reset();
    let written = transaction(&look, &people(), 2).await;
    assert_eq!((written.version, lance.log().reads()), (2, 0));

    let file = version_file(root.path(), "nodes/people", 2);
    let same = std::fs::read(&file).expect("its bytes");
    std::fs::remove_file(&file).expect("removed");
    std::fs::write(&file, same).expect("written by somebody else");
    let look = lance.for_one_look();
    version_of(&look, &people()).await;
    lance.log().reset();
    assert_eq!(transaction(&look, &people(), 2).await, written);
    assert_eq!(lance.log().count(Verb::Get), 1, "nobody vouches for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_is_gone_or_another_one_is_found_out_by_the_next_look() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    let lance = &root.lance;
    let look = lance.for_one_look();
    version_of(&look, &people()).await;
    let first = transaction(&look, &people(), 1).await;

    let file = version_file(root.path(), "nodes/people", 1);
    let other = version_file(root.path(), "edges/knows", 1);
    std::fs::remove_file(&file).expect("removed");
    std::fs::copy(other, &file).expect("another version of the same number");
    let look = lance.for_one_look();
    version_of(&look, &people()).await;
    assert_ne!(transaction(&look, &people(), 1).await.uuid, first.uuid);

    std::fs::remove_file(&file).expect("removed");
    let look = lance.for_one_look();
    version_of(&look, &people()).await;
    let gone = look.transaction(&people(), 1).await.expect("a read");
    assert_eq!(gone, TransactionEntry::Gone { version: 1 });
    assert!(matches!(
        look.restorable(&people(), 2, 1).await.expect("an answer"),
        Restorable::No { .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_dropped_and_made_again_gets_no_commit_made_for_the_old_one() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    let read = catalog(&root.lance, None).await;
    std::fs::remove_dir_all(root.path().join("__manifest")).expect("dropped");
    let created = root
        .elsewhere()
        .await
        .create_catalog(&[CatalogTable {
            table_key: "node:Person".to_owned(),
            location: people().path,
            version: 1,
            table_branch: None,
        }])
        .await
        .expect("a catalog");
    assert_eq!(created, CreateOutcome::Created { version: 1 });

    let fence = FenceRequest {
        branch: None,
        read_version: 1,
        read_transaction: read.transaction.expect("a transaction"),
        identity: identity(),
    };
    let fenced = root.lance.fence_catalog(&fence).await.expect("an outcome");
    let CommitOutcome::HeadMoved { found: 1, .. } = fenced else {
        panic!("{fenced:?}");
    };
    let publish = publish_request(1, "node:Person", 1, 2);
    let published = root.lance.publish(&publish).await;
    published.expect_err("the files that were read are gone, so nothing was attempted");
    let now = catalog(&root.lance, None).await;
    assert_eq!((now.version, now.pins.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_grew_is_read_only_where_it_grew() {
    let root = drifted().await;
    let before = files_in(&root.path().join("__manifest/data"));
    assert_eq!(before.len(), 1);
    catalog(&root.lance, None).await;
    let other = root.elsewhere().await;
    let publish = publish_request(1, "node:Person", 1, 2);
    let published = other.publish(&publish).await.expect("an outcome");
    assert_eq!(published, CommitOutcome::Committed { version: 2 });

    root.log.reset();
    let grown = catalog(&root.lance, None).await;
    let data_files = read_from(&root, "__manifest/data");
    assert_eq!(data_files.len(), 1, "{data_files:?}");
    let known = before[0].file_name().and_then(|name| name.to_str());
    assert!(!data_files[0].ends_with(known.expect("a name")));
    assert_eq!(grown, catalog(&root.elsewhere().await, None).await);
    assert_eq!(grown.pins["node:Person"].version, 2);

    let uri = root.path().join("__manifest").display().to_string();
    let dataset = lance::Dataset::open(&uri).await.expect("the catalog");
    let mut compacted = dataset.clone();
    compact_files(&mut compacted, CompactionOptions::default(), None)
        .await
        .expect("a compaction");
    let again = catalog(&root.lance, None).await;
    assert_eq!((again.version, &again.pins), (4, &grown.pins));
    assert_eq!(again, catalog(&root.elsewhere().await, None).await);

    let mut first = dataset.checkout_version(1).await.expect("the first");
    first.restore().await.expect("a restore");
    let shrunk = catalog(&root.lance, None).await;
    assert_eq!(shrunk, catalog(&root.elsewhere().await, None).await);
    assert_eq!(shrunk.pins["node:Person"].version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_of_which_something_went_is_read_again() {
    let root = published().await;
    catalog(&root.lance, None).await;
    let uri = root.path().join("__manifest").display().to_string();
    let mut dataset = lance::Dataset::open(&uri).await.expect("the catalog");
    dataset
        .delete("object_id = 'node:Person$00000000000000000001'")
        .await
        .expect("a delete");
    let less = catalog(&root.lance, None).await;
    assert_eq!(less, catalog(&root.elsewhere().await, None).await);
    assert_eq!(less.pins.keys().collect::<Vec<_>>(), ["edge:Knows"]);

    let mut first = dataset.checkout_version(1).await.expect("the first");
    first.restore().await.expect("a restore");
    let again = catalog(&root.lance, None).await;
    assert_eq!(again.pins.len(), 2);
}

fn read_from(root: &TestRoot, folder: &str) -> Vec<String> {
    let requests = root.log.requests();
    let gets = requests.iter().filter(|one| one.verb == Verb::Get);
    gets.map(|one| one.path.clone())
        .filter(|path| path.starts_with(folder))
        .collect()
}

/// Lets a writer commit at a request of a restore, or of a publish, whose HEAD was read before.
async fn raced(verb: Verb) {
    let root = published().await;
    let writer = root.elsewhere().await;
    writer
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    let gate = AtRequest::new(When::Before, verb, "nodes/people/_versions", 1, {
        let writer = writer.clone();
        move || {
            async move {
                let appended = writer.append_rows(&people(), &rows("c", 7)).await;
                appended.expect("an append");
                Ok(())
            }
            .boxed()
        }
    });
    let lance = root.behind(gate.clone()).await;
    // Read by its name, so that the gate is met by the restore alone.
    let uuid = transaction(&lance, &people(), 2).await.uuid;
    let mut request = restore_request(&writer, &people(), 1).await;
    request.head_transaction = uuid;
    let outcome = lance.restore(&request).await.expect("an outcome");
    assert!(gate.has_run());
    let CommitOutcome::HeadMoved { found: 3, .. } = outcome else {
        panic!("a writer at {verb}: {outcome:?}");
    };
    assert_eq!(version_of(&writer, &people()).await, 3);
    let stray = files_in(&root.path().join("nodes/people/_transactions"));
    assert_eq!(stray.len(), 3, "no stray transaction file");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_after_head_was_read_is_not_buried() {
    raced(Verb::List).await;
    raced(Verb::PutCreate).await;
}
