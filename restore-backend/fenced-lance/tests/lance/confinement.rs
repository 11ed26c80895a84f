use std::fs;
use std::os::unix::fs::symlink;

use fenced_lance::CommitOutcome;
use fenced_lance::LanceRoot;
use fenced_lance::LanceRootOptions;
use fenced_lance::TableLocation;

use crashed_roots::test_root::*;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_root_is_opened() {
    let root = published().await;
    let outside = root.path().join("nodes/people").display().to_string();
    for path in [
        "../other",
        "nodes/../../x",
        outside.as_str(),
        "file:///etc",
        "s3://x/y",
        "",
    ] {
        let error = root
            .lance
            .head(&TableLocation::main(path))
            .await
            .expect_err(path);
        assert_eq!(error.code(), "invalid_location", "{path}");
    }
    for branch in ["../../edges/knows", "a/../../..", "a\\b"] {
        let location = TableLocation::on("nodes/people", Some(branch));
        let error = root.lance.head(&location).await.expect_err(branch);
        assert_eq!(error.code(), "invalid_name", "{branch}");
    }
    assert_eq!(root.log.reads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_out_of_the_root_are_not_followed() {
    let other = published().await;
    let root = published().await;
    let stolen = other.path().join("nodes/people");
    symlink(&stolen, root.path().join("nodes/linked")).expect("a link");
    symlink(other.path().join("nodes"), root.path().join("folder")).expect("a link");
    fs::create_dir(root.path().join("nodes/half")).expect("a folder");
    symlink(
        stolen.join("_versions"),
        root.path().join("nodes/half/_versions"),
    )
    .expect("a link");
    fs::create_dir_all(root.path().join("nodes/people/tree")).expect("a folder");
    symlink(&stolen, root.path().join("nodes/people/tree/feature")).expect("a link");
    root.log.reset();
    for location in [
        TableLocation::main("nodes/linked"),
        TableLocation::main("folder/people"),
        TableLocation::main("nodes/half"),
        TableLocation::on("nodes/people", Some("feature")),
    ] {
        let error = root.lance.head(&location).await.expect_err("a link");
        assert_eq!(error.code(), "symbolic_link", "{location}");
    }
    assert_eq!(root.log.reads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_may_have_any_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a b/ä%20#c?d");
    fs::create_dir_all(&path).expect("a folder");
    let lance = open(&path, Default::default()).await;
    assert_eq!(lance.root_uri(), path.to_str().expect("text"));
    lance
        .create_table(&people(), &rows("a", 3))
        .await
        .expect("a table");
    lance
        .append_rows(&people(), &rows("a", 3))
        .await
        .expect("an append");
    assert_eq!(version_of(&lance, &people()).await, 2);
    assert!(version_file(&path, "nodes/people", 2).exists());
    assert_eq!(
        lance.read_rows(&people(), 2, 10).await.expect("rows").len(),
        6
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_cannot_be_fenced_are_not_opened() {
    for root in ["memory://x", "hf://datasets/x", "http://x/y"] {
        let error = LanceRoot::open(root, LanceRootOptions::default())
            .await
            .expect_err(root);
        assert_eq!(error.code(), "unsupported_scheme");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_named_relative_to_the_root() {
    use object_store::ObjectStoreExt;
    let root = TestRoot::new().await;
    let path = object_store::path::Path::from("__recovery/a.json");
    root.lance
        .objects()
        .put(&path, "{}".into())
        .await
        .expect("a put");
    assert!(root.path().join("__recovery/a.json").exists());
    let requests: Vec<String> = root
        .log
        .requests()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(requests, ["put __recovery/a.json"]);
    assert_eq!((root.log.reads(), root.log.mutations()), (0, 1));
}

// A branch refers to its table's files by an absolute path. In a copy of the store that path is of
// the original, which is still there and must not be read.
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_store_never_reads_the_original() {
    let original = published().await;
    let lance = &original.lance;
    lance
        .create_branch("nodes/people", "feature", 1)
        .await
        .expect("a branch");
    let feature = TableLocation::on("nodes/people", Some("feature"));
    lance
        .append_rows(&feature, &rows("b", 5))
        .await
        .expect("an append");
    let copy = tempfile::tempdir().expect("a folder");
    copy_folder(original.path(), copy.path());
    let original_path = original.path().to_str().expect("text").to_owned();

    let strict = open(copy.path(), Default::default()).await;
    for error in [
        strict
            .read_rows(&feature, 2, 10)
            .await
            .expect_err("outside"),
        strict
            .content_equal(&feature, 1, 2)
            .await
            .expect_err("outside"),
    ] {
        assert_eq!(error.code(), "base_path_outside_root");
    }

    let relocated = open_with(copy.path(), Default::default(), Some(&original_path)).await;
    drop(original);
    assert_eq!(
        relocated
            .read_rows(&feature, 2, 100)
            .await
            .expect("rows")
            .len(),
        15
    );
    assert_eq!(
        relocated
            .relative(&format!("{original_path}/nodes/a"))
            .as_deref(),
        Some("nodes/a")
    );

    // Commits from here on are at home in the copy.
    let request = restore_request(&relocated, &feature, 1).await;
    let outcome = relocated.restore(&request).await.expect("an outcome");
    assert_eq!(outcome, CommitOutcome::Committed { version: 3 });
    assert!(
        relocated
            .content_equal(&feature, 1, 3)
            .await
            .expect("an answer")
    );
    assert_eq!(
        strict
            .read_rows(&feature, 3, 100)
            .await
            .expect("rows")
            .len(),
        10
    );
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_beside_a_table_is_not_read_or_written_through_links() {
    use object_store::ObjectStoreExt;
    let outside = tempfile::tempdir().expect("a folder");
    let secret = outside.path().join("secret");
    fs::write(&secret, "hunter2").expect("a file");
    let root = published().await;
    let refs = root.path().join("nodes/people/_refs");
    fs::create_dir_all(&refs).expect("a folder");
    symlink(outside.path(), refs.join("tags")).expect("a link");
    let people = people();
    for error in [
        root.lance.tag(&people, "recovery-x", 1).await.map(drop),
        root.lance.tagged(&people, "secret").await.map(drop),
        root.lance.untag(&people, "secret").await.map(drop),
    ] {
        let error = error.expect_err("a link");
        let text = sidecar::error_text(&error);
        assert!(text.contains("_refs/tags is a link"), "{text}");
    }

    let objects = root.lance.objects();
    for name in ["_schema.pg", "_schema.ir.json.staging"] {
        symlink(&secret, root.path().join(name)).expect("a link");
        let path = object_store::path::Path::from(name);
        objects.get(&path).await.expect_err(name);
        let to = object_store::path::Path::from("_schema.ir.json");
        objects.rename(&path, &to).await.expect_err(name);
        objects.copy(&path, &to).await.expect_err(name);
        root_objects::schema_files::read(&objects, name)
            .await
            .expect_err(name);
        assert!(!root.path().join("_schema.ir.json").exists());
    }
    let left = fs::read_dir(outside.path()).expect("a folder").count();
    assert_eq!(left, 1, "nothing is written outside");
    assert_eq!(fs::read_to_string(secret).expect("there"), "hunter2");
}
