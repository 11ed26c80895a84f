use std::fs;

use fenced_lance::CommitOutcome;
use fenced_lance::Head;
use fenced_lance::TableLocation;
use root_objects::store::Verb;

use crashed_roots::test_root::*;

#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_table_is_one_listing() {
    let root = published().await;
    root.lance
        .append_rows(&people(), &rows("b", 1))
        .await
        .expect("an append");
    root.log.reset();
    assert_eq!(
        root.lance.head(&people()).await.expect("a head"),
        Head::At { version: 2 }
    );
    let requests: Vec<String> = root
        .log
        .requests()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(requests, ["list nodes/people/_versions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_branch_is_one_listing_and_its_entry() {
    let root = published().await;
    root.lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let feature = TableLocation::on("nodes/people", Some("feature"));
    root.log.reset();
    assert_eq!(
        root.lance.head(&feature).await.expect("a head"),
        Head::At { version: 1 }
    );
    assert_eq!(
        (root.log.count(Verb::List), root.log.count(Verb::Get)),
        (1, 1)
    );
    assert_eq!(root.log.reads(), 2);
    root.lance
        .append_rows(&feature, &rows("b", 3))
        .await
        .expect("an append");
    assert_eq!(version_of(&root.lance, &feature).await, 2);
    assert_eq!(version_of(&root.lance, &people()).await, 1, "main is apart");
    assert_eq!(
        root.lance.count_rows(&feature, 2).await.expect("a count"),
        13
    );
    let read = root.lance.read_rows(&feature, 2, 100).await.expect("rows");
    assert_eq!(read.len(), 13, "rows of main and of the branch");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_apart() {
    let root = published().await;
    let head = |location: TableLocation| {
        let lance = root.lance.clone();
        async move { lance.head(&location).await.expect("a head") }
    };
    assert_eq!(
        head(TableLocation::main("nodes/nothing")).await,
        Head::DatasetMissing
    );
    assert_eq!(
        head(TableLocation::on("nodes/nothing", Some("x"))).await,
        Head::DatasetMissing
    );
    assert_eq!(
        head(TableLocation::on("nodes/people", Some("x"))).await,
        Head::BranchMissing
    );
    assert_eq!(
        head(TableLocation::on("nodes/people", Some("main"))).await,
        Head::At { version: 1 }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_made_branches_are_errors() {
    let root = published().await;
    root.lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let feature = TableLocation::on("nodes/people", Some("feature"));
    let entry = root.path().join("nodes/people/_refs/branches/feature.json");
    let tree = root.path().join("nodes/people/tree/feature");
    let bytes = fs::read(&entry).expect("the entry");
    fs::remove_file(&entry).expect("removed");
    let error = root.lance.head(&feature).await.expect_err("no entry");
    assert_eq!(error.code(), "branch_half_made");
    fs::write(&entry, bytes).expect("put back");
    fs::remove_dir_all(tree).expect("removed");
    let error = root.lance.head(&feature).await.expect_err("no tree");
    assert_eq!(error.code(), "branch_half_made");
}

// A reader that believes the hint counts up from it and stops at the first gap, so each of these
// but the empty one could make HEAD wrong.
#[tokio::test(flavor = "multi_thread")]
async fn version_hints_are_never_believed() {
    let root = published().await;
    for _ in 0..4 {
        root.lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
    }
    let hint = root
        .path()
        .join("nodes/people/_versions/latest_version_hint.json");
    // A gap, as a cleanup leaves below HEAD when version 1 is tagged.
    for version in 2..=4 {
        fs::remove_file(version_file(root.path(), "nodes/people", version)).expect("removed");
    }
    for tampered in [
        Some(r#"{"version":1}"#),
        Some(r#"{"version":5}"#),
        Some(r#"{"version":6}"#),
        Some(r#"{"version":3}"#),
        Some(r#"{"version":18446744073709551615}"#),
        Some(r#"{"version":-1}"#),
        Some("not json"),
        Some(""),
        None,
    ] {
        match tampered {
            Some(text) => fs::write(&hint, text).expect("written"),
            None => fs::remove_file(&hint).expect("removed"),
        }
        let lance = root.elsewhere().await;
        assert_eq!(
            lance.head(&people()).await.expect("a head"),
            Head::At { version: 5 },
            "{tampered:?}"
        );
    }
    fs::write(&hint, r#"{"version":1}"#).expect("written");
    let request = restore_request(&root.lance, &people(), 1).await;
    assert_eq!(request.head_version, 5);
    assert_eq!(
        root.lance.restore(&request).await.expect("an outcome"),
        CommitOutcome::Committed { version: 6 },
        "Lance's own reads do not believe it either"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_versions_do_not_count() {
    let root = published().await;
    let versions = root.path().join("nodes/people/_versions");
    for name in [
        "d9223372036854775809.manifest",
        ".tmp_7.manifest_9c100374",
        "readme.txt",
        "18446744073709551613.manifest#1",
    ] {
        fs::write(versions.join(name), "").expect("written");
    }
    assert_eq!(version_of(&root.lance, &people()).await, 1);
    fs::write(versions.join("00000000000000000000.manifest"), "").expect("written");
    let error = root.lance.head(&people()).await.expect_err("no version");
    assert_eq!(error.code(), "unreadable");
}

// Read past, it would make HEAD one lower than it is, and everything decided from it wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_newest_version_that_is_no_file_is_an_error_and_no_lower_head() {
    let outside = tempfile::tempdir().expect("a folder");
    for what in ["pipe", "link", "near link", "folder"] {
        let root = published().await;
        root.lance
            .append_rows(&people(), &rows("b", 1))
            .await
            .expect("an append");
        let newest = version_file(root.path(), "nodes/people", 2);
        let older = version_file(root.path(), "nodes/people", 1);
        let moved = outside.path().join(what);
        fs::rename(&newest, &moved).expect("moved");
        let link = |to: &std::path::Path| std::os::unix::fs::symlink(to, &newest);
        match what {
            "pipe" => {
                let made = std::process::Command::new("mkfifo").arg(&newest).status();
                assert!(made.expect("mkfifo runs").success());
            }
            "link" => link(&moved).expect("a link"),
            "near link" => link(&older).expect("a link"),
            _ => fs::create_dir(&newest).expect("a folder"),
        }
        let lance = root.elsewhere().await;
        let people = people();
        let head = lance.head(&people);
        let head = tokio::time::timeout(std::time::Duration::from_secs(60), head);
        let error = head.await.expect("nothing is waited for").expect_err(what);
        assert_eq!(error.code(), "storage_failed", "{what}: {error}");
    }
}
