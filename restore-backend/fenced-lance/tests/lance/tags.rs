use fenced_lance::Restorable;
use fenced_lance::TableLocation;
use fenced_lance::TagOutcome;
use fenced_lance::Tagged;
use fenced_lance::UntagOutcome;
use lance::dataset::cleanup::CleanupPolicyBuilder;

use crashed_roots::test_root::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_set_once_and_never_moved() {
    let root = published().await;
    let lance = &root.lance;
    lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    let tag = "recovery-01M8125E20G3JA88BS9CEJEX1K";
    assert_eq!(
        lance.tag(&people(), tag, 1).await.expect("an outcome"),
        TagOutcome::Created
    );
    assert_eq!(
        lance.tag(&people(), tag, 1).await.expect("an outcome"),
        TagOutcome::AlreadyThere
    );
    let tagged = Tagged {
        version: 1,
        branch: None,
    };
    assert_eq!(
        lance.tag(&people(), tag, 2).await.expect("an outcome"),
        TagOutcome::Conflict {
            tagged: tagged.clone()
        }
    );
    assert_eq!(
        lance.tagged(&people(), tag).await.expect("an answer"),
        Some(tagged)
    );
    assert_eq!(
        lance.untag(&people(), tag).await.expect("an outcome"),
        UntagOutcome::Removed
    );
    assert_eq!(
        lance.untag(&people(), tag).await.expect("an outcome"),
        UntagOutcome::Absent
    );
    assert_eq!(lance.tagged(&people(), tag).await.expect("an answer"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_on_a_branch_names_the_branch() {
    let root = published().await;
    root.lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let feature = TableLocation::on("nodes/people", Some("feature"));
    assert_eq!(
        root.lance.tag(&feature, "t", 1).await.expect("an outcome"),
        TagOutcome::Created
    );
    assert_eq!(
        root.lance.tag(&people(), "t", 1).await.expect("an outcome"),
        TagOutcome::Conflict {
            tagged: Tagged {
                version: 1,
                branch: Some("feature".to_owned())
            }
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tagged_version_survives_a_cleanup() {
    let root = published().await;
    for _ in 0..3 {
        root.lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
    }
    root.lance.tag(&people(), "kept", 2).await.expect("a tag");
    let uri = format!("{}/nodes/people", root.path().display());
    let dataset = lance::Dataset::open(&uri)
        .await
        .expect("Lance reads the table");
    let policy = CleanupPolicyBuilder::default()
        .retain_n_versions(&dataset, 1)
        .await
        .expect("a policy")
        .error_if_tagged_old_versions(false)
        .delete_unverified(true)
        .build();
    dataset
        .cleanup_with_policy(policy)
        .await
        .expect("a cleanup");
    let is_there = |version| version_file(root.path(), "nodes/people", version).exists();
    assert_eq!([1, 2, 3, 4].map(is_there), [false, true, false, true]);
    assert_eq!(
        root.lance
            .restorable(&people(), 4, 2)
            .await
            .expect("an answer"),
        Restorable::Yes
    );
    // The gap a cleanup leaves, for real: HEAD is found above it.
    assert_eq!(version_of(&root.elsewhere().await, &people()).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_versions_that_exist_and_valid_names_are_tagged() {
    let root = published().await;
    let error = root
        .lance
        .tag(&people(), "t", 9)
        .await
        .expect_err("no version 9");
    assert_eq!(error.code(), "version_missing");
    for name in ["", "../x", "a/b", ".a", "a..b", "a.lock"] {
        let error = root.lance.tag(&people(), name, 1).await.expect_err(name);
        assert_eq!(error.code(), "invalid_name");
    }
}
