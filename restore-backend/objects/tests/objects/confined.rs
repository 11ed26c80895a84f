//! The store on local disk: it answers as object_store's own does, and nothing leads it out of its folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::StreamExt;
use futures::TryStreamExt;
use object_store::CopyMode;
use object_store::CopyOptions;
use object_store::GetOptions;
use object_store::GetRange;
use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::UpdateVersion;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use root_objects::store::ConfinedStore;
use root_objects::store::Durability;
use tempfile::TempDir;

/// Long enough for any machine; whoever waits for a pipe waits for ever.
const NEVER: Duration = Duration::from_secs(30);

struct Root {
    folder: TempDir,
    prefix: Path,
    store: ConfinedStore,
}

impl Root {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            prefix: Path::from_absolute_path(folder.path()).expect("a path"),
            store: ConfinedStore::new(folder.path(), Durability::Synced).expect("a store"),
            folder,
        }
    }

    fn path(&self, relative: &str) -> Path {
        Path::parse(format!("{}/{relative}", self.prefix)).expect("a path")
    }

    fn file(&self, relative: &str) -> std::path::PathBuf {
        self.folder.path().join(relative)
    }

    fn write(&self, relative: &str, text: &str) {
        let file = self.file(relative);
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(file, text).expect("a file");
    }
}

fn names(mut metas: Vec<ObjectMeta>) -> Vec<(String, u64, Option<String>, String)> {
    metas.sort_by(|one, other| one.location.cmp(&other.location));
    let tell = |meta: ObjectMeta| {
        let modified = meta.last_modified.to_rfc3339();
        (meta.location.to_string(), meta.size, meta.e_tag, modified)
    };
    metas.into_iter().map(tell).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_as_the_store_of_the_library_does() {
    let root = Root::new();
    let theirs = LocalFileSystem::new().with_fsync(true);
    for (name, text) in [
        ("a/one", "first"),
        ("a/b/two", "second object"),
        ("a/b/c/three", ""),
        ("top", "t"),
        ("a/one#7", "not finished"),
        ("a/ä %25~#x", "odd"),
    ] {
        root.write(name, text);
    }
    fs::create_dir(root.file("a/empty")).expect("a folder");
    let both: [&dyn ObjectStore; 2] = [&root.store, &theirs];

    for prefix in ["a", "a/b", "a/none", "a/empty"].map(|name| root.path(name)) {
        let [ours, expected] = both.map(|store| store.list(Some(&prefix)).try_collect());
        let ours: Vec<ObjectMeta> = ours.await.expect("a listing");
        assert_eq!(names(ours), names(expected.await.expect("a listing")));
        let [ours, expected] = both.map(|store| store.list_with_delimiter(Some(&prefix)));
        let (ours, expected) = (ours.await.expect("one"), expected.await.expect("one"));
        assert_eq!(ours.common_prefixes, expected.common_prefixes);
        assert_eq!(names(ours.objects), names(expected.objects));
    }
    let (prefix, offset) = (root.path("a"), root.path("a/b/two"));
    let [ours, expected] =
        both.map(|store| store.list_with_offset(Some(&prefix), &offset).try_collect());
    let ours: Vec<ObjectMeta> = ours.await.expect("a listing");
    assert_eq!(names(ours), names(expected.await.expect("a listing")));

    let two = root.path("a/b/two");
    let tag = root.store.head(&two).await.expect("a head").e_tag;
    let options = |range: Option<GetRange>, tag: Option<String>, not: Option<String>| GetOptions {
        range,
        if_match: tag,
        if_none_match: not,
        ..GetOptions::default()
    };
    for options in [
        options(None, None, None),
        options(Some(GetRange::Bounded(2..5)), None, None),
        options(Some(GetRange::Bounded(2..500)), None, None),
        options(Some(GetRange::Bounded(500..501)), None, None),
        options(Some(GetRange::Offset(7)), None, None),
        options(Some(GetRange::Suffix(3)), None, None),
        options(None, tag.clone(), None),
        options(None, Some("\"other\"".to_owned()), None),
        options(None, None, tag.clone()),
    ] {
        let answer = |store: &'static str, answer: object_store::Result<_>| async move {
            let found: object_store::GetResult = match answer {
                Ok(found) => found,
                Err(error) => return Err(kind(&error)),
            };
            let (meta, range) = (found.meta.clone(), found.range.clone());
            let bytes = found.bytes().await.expect(store);
            Ok((names(vec![meta]), range, bytes))
        };
        let [ours, expected] = both.map(|store| store.get_opts(&two, options.clone()));
        assert_eq!(
            answer("ours", ours.await).await,
            answer("theirs", expected.await).await,
            "{options:?}"
        );
    }
    for ranges in [
        vec![0..3, 3..6, 1..2],
        vec![0..0, 0..1],
        vec![0..14, 0..1],
        vec![500..501, 0..1],
    ] {
        let [ours, expected] = both.map(|store| store.get_ranges(&two, &ranges));
        assert_eq!(
            ours.await.map_err(|error| kind(&error)),
            expected.await.map_err(|error| kind(&error)),
            "{ranges:?}"
        );
    }
    for missing in ["none", "none/deeper", "a/b", "a"].map(|name| root.path(name)) {
        for store in both {
            let error = store.head(&missing).await.expect_err("nothing there");
            assert_eq!(kind(&error), "not_found", "{store} {missing}");
        }
    }
    for store in both {
        let error = store.get(&root.path("a/one#7")).await.expect_err("staged");
        assert_eq!(kind(&error), "generic", "{store}");
        let missing = store.delete(&root.path("a/none")).await.expect_err("none");
        assert_eq!(kind(&missing), "not_found", "{store}");
        let update = PutMode::Update(UpdateVersion {
            e_tag: None,
            version: None,
        });
        let put = store.put_opts(&two, "x".into(), update.into()).await;
        assert_eq!(kind(&put.expect_err("no updates")), "not_implemented");
        let copy = store.copy(&root.path("a/none"), &root.path("x")).await;
        assert_eq!(kind(&copy.expect_err("nothing to copy")), "not_found");
    }
}

fn kind(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::NotFound { .. } => "not_found",
        object_store::Error::AlreadyExists { .. } => "already_exists",
        object_store::Error::Precondition { .. } => "precondition",
        object_store::Error::NotModified { .. } => "not_modified",
        object_store::Error::NotImplemented { .. } => "not_implemented",
        _ => "generic",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_there_whole_with_its_folders_and_nothing_else() {
    for durability in [Durability::Synced, Durability::Relaxed] {
        let folder = tempfile::tempdir().expect("a folder");
        // Not even the root is there yet.
        let top = folder.path().join("not/yet");
        let store = ConfinedStore::new(&top, durability).expect("a store");
        let prefix = Path::from_absolute_path(&top).expect("a path");
        let path = |name: &str| Path::parse(format!("{prefix}/{name}")).expect("a path");
        let listed: Vec<ObjectMeta> = store.list(None).try_collect().await.expect("empty");
        assert!(listed.is_empty());

        let put = store
            .put(&path("a/b/one"), "1".into())
            .await
            .expect("a put");
        let head = store.head(&path("a/b/one")).await.expect("a head");
        assert_eq!(put.e_tag, head.e_tag);
        store
            .put(&path("a/b/one"), "2".into())
            .await
            .expect("another");
        let create = |name: &str, text: &'static str| {
            let (store, path) = (store.clone(), path(name));
            async move {
                store
                    .put_opts(&path, text.into(), PutMode::Create.into())
                    .await
            }
        };
        create("new/one", "1").await.expect("a create");
        let taken = create("new/one", "2").await.expect_err("taken");
        assert_eq!(kind(&taken), "already_exists");

        let mut upload = store.put_multipart(&path("parts")).await.expect("begun");
        let parts = [upload.put_part("abc".into()), upload.put_part("def".into())];
        // In whatever order they come.
        for part in parts.into_iter().rev() {
            part.await.expect("a part");
        }
        upload.complete().await.expect("complete");
        upload.complete().await.expect_err("only once");
        let mut given_up = store.put_multipart(&path("given/up")).await.expect("begun");
        given_up.abort().await.expect("given up");
        drop(store.put_multipart(&path("dropped")).await.expect("begun"));

        store
            .copy(&path("a/b/one"), &path("copy/one"))
            .await
            .expect("a copy");
        store
            .copy(&path("parts"), &path("copy/one"))
            .await
            .expect("over it");
        let only_new = CopyOptions::new().with_mode(CopyMode::Create);
        let taken = store
            .copy_opts(&path("parts"), &path("copy/one"), only_new)
            .await;
        assert_eq!(kind(&taken.expect_err("taken")), "already_exists");
        store
            .rename(&path("copy/one"), &path("moved/one"))
            .await
            .expect("moved");
        store
            .rename_if_not_exists(&path("moved/one"), &path("moved/two"))
            .await
            .expect("moved");
        let missing = store.rename(&path("none"), &path("x")).await;
        assert_eq!(kind(&missing.expect_err("nothing to move")), "not_found");

        let text = |name: &str| fs::read_to_string(top.join(name)).expect(name);
        assert_eq!(
            (text("a/b/one"), text("new/one")),
            ("2".to_owned(), "1".to_owned())
        );
        assert_eq!(
            (text("parts"), text("moved/two")),
            ("abcdef".to_owned(), "abcdef".to_owned())
        );
        let listed: Vec<ObjectMeta> = store.list(None).try_collect().await.expect("a listing");
        let listed: Vec<String> = names(listed).into_iter().map(|(name, ..)| name).collect();
        let expected = ["a/b/one", "moved/two", "new/one", "parts"];
        assert_eq!(listed, expected.map(|name| path(name).to_string()));
        // Dropping an upload removes the file that it had staged, on a thread of which `object_store` gives no handle. So only the folder
        // tells when that is done.
        let is_staged = |name: &str| name.contains('#');
        for _ in 0..1_000 {
            if !files_below(&top).iter().any(|name| is_staged(name)) {
                break;
            }
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(files_below(&top), expected);
    }
}

fn files_below(folder: &FilePath) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let below = path.strip_prefix(folder).expect("below");
                files.push(below.to_str().expect("text").to_owned());
            }
        }
    }
    files.sort();
    files
}

/// Everything that a store can be asked, of something that a link would lead out to; nobody gets through.
async fn everything_is_refused(root: &Root, name: &str) {
    let (path, other) = (root.path(name), root.path("other"));
    let refused = |what: &str, error: Option<object_store::Error>| {
        let error = error.unwrap_or_else(|| panic!("{what} {name}"));
        let text = error.to_string();
        assert!(text.contains("is a link"), "{what} {name}: {text}");
    };
    refused("get", root.store.get(&path).await.err());
    refused("head", root.store.head(&path).await.err());
    refused(
        "ranges",
        root.store.get_ranges(&path, &[0..1, 1..2]).await.err(),
    );
    refused(
        "copy",
        root.store.copy(&path, &root.path("stolen")).await.err(),
    );
    refused(
        "move",
        root.store.rename(&path, &root.path("stolen")).await.err(),
    );
    if name.contains('/') {
        let put = root.store.put(&path, "x".into()).await.err();
        refused("put", put);
        let create = root
            .store
            .put_opts(&path, "x".into(), PutMode::Create.into());
        refused("create", create.await.err());
        refused("upload", root.store.put_multipart(&path).await.err());
        refused("copy to", root.store.copy(&other, &path).await.err());
        refused("move to", root.store.rename(&other, &path).await.err());
        refused("delete", root.store.delete(&path).await.err());
        let folder = path.parent().expect("a folder");
        let listed: Result<Vec<_>, _> = root.store.list(Some(&folder)).try_collect().await;
        refused("list", listed.err());
        refused(
            "list one",
            root.store.list_with_delimiter(Some(&folder)).await.err(),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_link_is_followed_wherever_it_is_and_whatever_is_asked() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::create_dir(outside.path().join("folder")).expect("a folder");
    for secret in ["secret", "folder/secret"] {
        fs::write(outside.path().join(secret), "hunter2").expect("a file");
    }
    let before = files_below(outside.path());
    let root = Root::new();
    root.write("other", "other");
    root.write("inside/folder/secret", "inside");
    let link = |to: &FilePath, from: &str| {
        let from = root.file(from);
        fs::create_dir_all(from.parent().expect("a folder")).expect("folders");
        symlink(to, from).expect("a link");
    };
    link(&outside.path().join("secret"), "file");
    link(outside.path(), "folder");
    link(&outside.path().join("folder"), "deep/deeper/folder");
    // Also one that stays inside: what is read is what was looked at.
    link(FilePath::new("inside/folder/secret"), "near");
    link(FilePath::new("inside/folder"), "near-folder");
    link(FilePath::new("/proc/self/root/etc"), "magic");
    link(FilePath::new(".."), "above");
    for name in [
        "file",
        "folder/secret",
        "folder/folder/secret",
        "deep/deeper/folder/secret",
        "near",
        "near-folder/secret",
        "magic/passwd",
        "above/secret",
    ] {
        everything_is_refused(&root, name).await;
    }
    assert!(!root.file("stolen").exists());
    assert_eq!(files_below(outside.path()), before);
    for secret in &before {
        let text = fs::read_to_string(outside.path().join(secret)).expect("still there");
        assert_eq!(text, "hunter2");
    }

    // A listing says of each that it is there, and goes on.
    let listed: Vec<_> = root.store.list(Some(&root.prefix)).collect().await;
    let links = listed.iter().filter(|entry| entry.is_err()).count();
    assert_eq!((listed.len() - links, links), (2, 7), "{listed:?}");
    let one = root.store.list_with_delimiter(Some(&root.prefix)).await;
    one.expect_err("nobody could tell that one is missing");

    // Where an upload would be staged, a link waits; and a write over a link replaces the link.
    link(&outside.path().join("secret"), "file#1");
    root.store
        .put(&root.path("file"), "x".into())
        .await
        .expect("a put");
    assert_eq!(fs::read_to_string(root.file("file")).expect("a file"), "x");
    assert!(
        root.file("file")
            .symlink_metadata()
            .expect("there")
            .is_file()
    );
    let text = fs::read_to_string(outside.path().join("secret")).expect("still there");
    assert_eq!(text, "hunter2");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_regular_files_are_read_and_nothing_is_waited_for() {
    let root = Root::new();
    root.write("file", "text");
    let pipe = std::process::Command::new("mkfifo")
        .arg(root.file("pipe"))
        .status();
    assert!(pipe.expect("mkfifo runs").success());
    let _socket = std::os::unix::net::UnixListener::bind(root.file("socket")).expect("a socket");
    fs::create_dir_all(root.file("t/_versions/18446744073709551614.manifest")).expect("a folder");
    for (name, what) in [
        ("pipe", "named pipe"),
        ("socket", "socket"),
        ("t/_versions/18446744073709551614.manifest", "is a folder"),
    ] {
        let path = root.path(name);
        let asked = async {
            [
                root.store.get(&path).await.err(),
                root.store.head(&path).await.err(),
                root.store.get_ranges(&path, &[0..1, 0..2]).await.err(),
            ]
        };
        let errors = tokio::time::timeout(NEVER, asked)
            .await
            .expect("no waiting");
        for error in errors {
            let error = error.expect(name).to_string();
            assert!(error.contains(what), "{error}");
        }
    }
    let listing = root.store.list(Some(&root.prefix)).collect::<Vec<_>>();
    let listed = tokio::time::timeout(NEVER, listing)
        .await
        .expect("no waiting");
    let (found, left): (Vec<_>, Vec<_>) = listed.into_iter().partition(Result::is_ok);
    assert_eq!((found.len(), left.len()), (1, 3), "{left:?}");
}

/// Fails without opening beneath the root: whoever looks first and opens then reads the secret a few hundred times.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_swapped_for_a_link_at_any_moment_gives_nothing_away() {
    const TRIES: usize = 4_000;
    let outside = tempfile::tempdir().expect("a folder");
    fs::create_dir(outside.path().join("folder")).expect("a folder");
    for secret in ["file", "folder/file"] {
        fs::write(outside.path().join(secret), "outside").expect("a file");
    }
    let root = Root::new();
    root.write("file", "inside");
    root.write("folder/file", "inside");
    let stop = Arc::new(AtomicBool::new(false));
    let swapper = {
        let (stop, top) = (stop.clone(), root.folder.path().to_owned());
        let outside = outside.path().to_owned();
        std::thread::spawn(move || {
            for name in ["file", "folder"] {
                symlink(outside.join(name), top.join(format!("link-{name}"))).expect("a link");
            }
            let swap = |name: &str, by: &str| {
                let (name, by, aside) = (top.join(name), top.join(by), top.join("aside"));
                fs::rename(&name, &aside).expect("moved");
                fs::rename(&by, &name).expect("moved");
                fs::rename(&aside, &by).expect("moved");
            };
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..2 {
                    swap("file", "link-file");
                    swap("folder", "link-folder");
                }
            }
        })
    };
    let (mut inside, mut refused) = (0_usize, 0_usize);
    for number in 0..TRIES {
        let path = root.path(if number % 2 == 0 {
            "file"
        } else {
            "folder/file"
        });
        let bytes = match root.store.get(&path).await {
            Ok(found) => found.bytes().await.expect("bytes"),
            Err(_) => {
                refused += 1;
                continue;
            }
        };
        assert_eq!(bytes.as_ref(), b"inside");
        inside += 1;
    }
    stop.store(true, Ordering::Relaxed);
    swapper.join().expect("it stops");
    assert!(
        inside > 0 && refused > 0,
        "{inside} read, {refused} refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_itself_may_be_reached_through_a_link_and_stays_the_folder_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["one", "two"] {
        fs::create_dir(at(name)).expect("a folder");
        fs::write(at(name).join("file"), name).expect("a file");
    }
    symlink(at("one"), at("root")).expect("a link");
    let store = ConfinedStore::new(&at("root"), Durability::Relaxed).expect("a store");
    let path = Path::from_absolute_path(at("root").join("file")).expect("a path");
    let read = || async {
        let found = store.get(&path).await?;
        found.bytes().await
    };
    assert_eq!(read().await.expect("read").as_ref(), b"one");
    fs::remove_file(at("root")).expect("removed");
    symlink(at("two"), at("root")).expect("a link");
    assert_eq!(read().await.expect("read").as_ref(), b"one");
    // A folder that is put in its place is what the name says now; a link is not.
    fs::rename(at("one"), at("kept")).expect("moved");
    assert_eq!(kind(&read().await.expect_err("gone")), "not_found");
    symlink(at("two"), at("one")).expect("a link");
    assert_eq!(kind(&read().await.expect_err("a link")), "generic");
    fs::remove_file(at("one")).expect("removed");
    fs::rename(at("two"), at("one")).expect("moved");
    assert_eq!(read().await.expect("read").as_ref(), b"two");
    let elsewhere = Path::from_absolute_path(at("kept").join("file")).expect("a path");
    let error = store.get(&elsewhere).await.expect_err("outside");
    assert!(error.to_string().contains("outside the root"), "{error}");
}

/// Whether a listing, a read or a write is asked for, a file in place of a folder is named, and not what would be below it.
#[tokio::test]
async fn a_file_in_place_of_a_folder_is_named_with_what_to_do() {
    let root = Root::new();
    root.write("nodes/a/tree", "a file");
    let below = root.path("nodes/a/tree/branch/_versions/1.manifest");
    let put = root
        .store
        .put_opts(&below, "{}".into(), PutMode::Create.into());
    let folder = root.path("nodes/a/tree");
    let listed = root.store.list(Some(&folder)).try_collect::<Vec<_>>();
    let failures = [
        put.await.expect_err("a file is in the way"),
        root.store.get(&below).await.expect_err("nothing is below"),
        root.store.head(&below).await.expect_err("nothing is below"),
        listed.await.expect_err("it is no folder"),
        root.store
            .list_with_delimiter(Some(&root.path("nodes/a/tree/branch")))
            .await
            .expect_err("it is no folder"),
    ];
    for failure in failures {
        let words = sidecar::error_text(&failure);
        assert!(
            words.contains("nodes/a/tree is a file where a folder is expected; move it away"),
            "{words}"
        );
        assert!(
            !matches!(failure, object_store::Error::NotFound { .. }),
            "what is below cannot be known to be gone: {failure:?}"
        );
    }
    assert_eq!(
        fs::read(root.file("nodes/a/tree")).expect("the file"),
        b"a file"
    );
}
