use fenced_lance::CommitOutcome;

use crashed_roots::test_root::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_change_is_seen() {
    let root = published().await;
    let lance = &root.lance;
    lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    // Keeps the fragment ids of version 2 and changes only a deletion file.
    lance
        .delete_rows(&people(), "value = 1")
        .await
        .expect("a delete");
    lance.index_rows(&people(), "id").await.expect("an index");
    lance
        .set_config(&people(), "owner", "ada")
        .await
        .expect("a setting");
    lance
        .overwrite_rows(&people(), &rows("a", 10))
        .await
        .expect("an overwrite");
    let head = version_of(lance, &people()).await;
    assert_eq!(head, 6);
    for a in 1..=head {
        for b in 1..=head {
            let equal = lance
                .content_equal(&people(), a, b)
                .await
                .expect("an answer");
            assert_eq!(equal, a == b, "{a} and {b}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_version_has_the_content_of_the_one_restored() {
    let root = published().await;
    let lance = &root.lance;
    lance
        .append_rows(&people(), &rows("b", 5))
        .await
        .expect("an append");
    lance
        .delete_rows(&people(), "value = 1")
        .await
        .expect("a delete");
    lance.index_rows(&people(), "id").await.expect("an index");
    for target in [1, 2, 3, 4] {
        let request = restore_request(lance, &people(), target).await;
        let CommitOutcome::Committed { version } =
            lance.restore(&request).await.expect("an outcome")
        else {
            panic!("version {target} is not restored");
        };
        for other in 1..=4 {
            let equal = lance
                .content_equal(&people(), version, other)
                .await
                .expect("an answer");
            assert_eq!(equal, other == target, "{other} and the restored {target}");
        }
    }
}
