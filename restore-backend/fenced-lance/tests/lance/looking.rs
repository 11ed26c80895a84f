use fenced_lance::CommitOutcome;
use fenced_lance::TransactionEntry;
use root_objects::store::Verb;

use crashed_roots::test_root::*;

#[tokio::test(flavor = "multi_thread")]
async fn looking_changes_nothing_and_costs_what_it_says() {
    let root = published().await;
    let lance = root.elsewhere().await;
    lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    lance
        .delete_rows(&people(), "value < 3")
        .await
        .expect("a delete");
    lance.tag(&people(), "kept", 2).await.expect("a tag");
    root.log.reset();

    lance_reads(&root).await;

    assert_eq!(root.log.mutations(), 0, "{:?}", root.log.requests());
}

async fn lance_reads(root: &TestRoot) {
    let lance = &root.lance;
    let cost = |what: &str, expected: u64| {
        assert_eq!(
            root.log.reads(),
            expected,
            "{what}: {:?}",
            root.log.requests()
        );
        assert_eq!(root.log.mutations(), 0, "{what}");
        root.log.reset();
    };
    version_of(lance, &people()).await;
    cost("head", 1);
    transaction(lance, &people(), 3).await;
    cost("a transaction", 1);
    lance
        .transactions(&people(), 1, 3, 10)
        .await
        .expect("a list");
    cost("two transactions and the version before", 3);
    lance
        .content_equal(&people(), 2, 3)
        .await
        .expect("an answer");
    cost("comparing", 2);
    lance.restorable(&people(), 3, 2).await.expect("an answer");
    cost("two versions and two data files", 4);
    lance.tagged(&people(), "kept").await.expect("an answer");
    cost("a tag", 1);
    catalog(lance, None).await;
    assert_eq!(root.log.count(Verb::List), 1);
    cost(
        "the catalog, which this `LanceRoot` published: listing and one data file",
        2,
    );
    lance.catalog_version(None).await.expect("a head");
    cost("the catalog's version", 1);
    lance.catalog_branches().await.expect("branches");
    cost("no branches", 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_tell_what_happened() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    root.lance
        .delete_rows(&people(), "value < 3")
        .await
        .expect("a delete");
    root.lance
        .index_rows(&people(), "id")
        .await
        .expect("an index");
    let request = restore_request(&root.lance, &people(), 2).await;
    let outcome = root.lance.restore(&request).await.expect("an outcome");
    assert_eq!(outcome, CommitOutcome::Committed { version: 5 });

    let list = root
        .lance
        .transactions(&people(), 0, 5, 100)
        .await
        .expect("a list");
    assert_eq!(list.omitted, 0);
    let told: Vec<_> = list
        .entries
        .iter()
        .map(|entry| match entry {
            TransactionEntry::Known(known) => (
                known.version,
                known.operation.as_str(),
                known.row_count,
                known.row_delta,
            ),
            gone => panic!("{gone:?}"),
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "Overwrite", Some(10), Some(10)),
            (2, "Append", Some(15), Some(5)),
            (3, "Delete", Some(9), Some(-6)),
            (4, "CreateIndex", Some(9), Some(0)),
            (5, "Restore", Some(15), Some(6)),
        ]
    );
    let restore = transaction(&root.lance, &people(), 5).await;
    assert_eq!(restore.restored_version, Some(2));
    assert_eq!(restore.read_version, 4);
    assert_eq!(
        restore.properties["recovery.operation_id"],
        identity().operation_id
    );
    assert_eq!(
        restore.properties["recovery.plan_digest"],
        identity().plan_digest
    );
    assert_eq!(restore.properties["recovery.effect"], "restore");
    assert!(restore.timestamp_micros > 1_700_000_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_histories_are_cut_at_their_old_end() {
    let root = published().await;
    for _ in 0..6 {
        root.lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
    }
    let list = root
        .lance
        .transactions(&people(), 1, 7, 2)
        .await
        .expect("a list");
    let versions: Vec<u64> = list.entries.iter().map(TransactionEntry::version).collect();
    assert_eq!((versions, list.omitted), (vec![6, 7], 4));
    let list = root
        .lance
        .transactions(&people(), 7, 7, 10)
        .await
        .expect("a list");
    assert_eq!((list.entries.len(), list.omitted), (0, 0));
    let list = root
        .lance
        .transactions(&people(), 1, 7, 0)
        .await
        .expect("a list");
    assert_eq!((list.entries.len(), list.omitted), (0, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_that_were_cleaned_away_are_gone_and_no_error() {
    let root = published().await;
    for _ in 0..3 {
        root.lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
    }
    std::fs::remove_file(version_file(root.path(), "nodes/people", 2)).expect("removed");
    let list = root
        .lance
        .transactions(&people(), 1, 4, 10)
        .await
        .expect("a list");
    assert_eq!(list.entries[0], TransactionEntry::Gone { version: 2 });
    let TransactionEntry::Known(third) = &list.entries[1] else {
        panic!("version 3 is there");
    };
    assert_eq!(third.row_delta, None, "the version before is not known");
    let error = root
        .lance
        .content_equal(&people(), 1, 2)
        .await
        .expect_err("gone");
    assert_eq!(error.code(), "version_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_versions_are_errors_and_never_panic() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    let file = version_file(root.path(), "nodes/people", 2);
    let whole = std::fs::read(&file).expect("the file");
    for length in 0..whole.len() {
        std::fs::write(&file, &whole[..length]).expect("written");
        let error = root
            .lance
            .transaction(&people(), 2)
            .await
            .expect_err("cut short");
        assert_eq!(error.code(), "unreadable", "{length} bytes");
    }
    for position in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[position] ^= 0xff;
        std::fs::write(&file, flipped).expect("written");
        // Some bytes are part of text that any value is allowed in.
        let _ = root.lance.transaction(&people(), 2).await;
    }
    // A version under another version's name is not that version.
    std::fs::copy(version_file(root.path(), "nodes/people", 1), &file).expect("copied");
    let error = root
        .lance
        .transaction(&people(), 2)
        .await
        .expect_err("an impostor");
    assert_eq!(error.code(), "unreadable");
}
