//! The observed store: what it records, what its gate may do, and that syncing changes no answer.

use std::fmt;
use std::slice;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::memory::InMemory;
use object_store::path::Path;
use root_objects::store::ConfinedStore;
use root_objects::store::Durability;
use root_objects::store::Gate;
use root_objects::store::ObservedStore;
use root_objects::store::Request;
use root_objects::store::RequestLog;
use root_objects::store::Verb;

fn names(log: &RequestLog) -> Vec<String> {
    log.requests().iter().map(ToString::to_string).collect()
}

async fn everything(store: &dyn ObjectStore, prefix: &str) {
    let path = |name: &str| Path::from(format!("{prefix}/{name}"));
    store.put(&path("a"), "1".into()).await.expect("a put");
    store
        .put_opts(&path("b"), "1".into(), PutMode::Create.into())
        .await
        .expect("a create");
    let taken = store
        .put_opts(&path("b"), "2".into(), PutMode::Create.into())
        .await
        .expect_err("taken");
    assert!(matches!(taken, object_store::Error::AlreadyExists { .. }));
    let mut upload = store.put_multipart(&path("c")).await.expect("an upload");
    upload.put_part("1".into()).await.expect("a part");
    upload.complete().await.expect("complete");
    let mut upload = store.put_multipart(&path("d")).await.expect("an upload");
    upload.abort().await.expect("aborted");
    store.copy(&path("a"), &path("e")).await.expect("a copy");
    store
        .copy_if_not_exists(&path("a"), &path("f"))
        .await
        .expect("a copy");
    store
        .rename(&path("f"), &path("g"))
        .await
        .expect("a rename");
    store
        .rename_if_not_exists(&path("g"), &path("h"))
        .await
        .expect("a rename");
    store.head(&path("a")).await.expect("a head");
    store.get(&path("a")).await.expect("a get");
    store
        .get_ranges(&path("a"), slice::from_ref(&(0..1)))
        .await
        .expect("ranges");
    let listed: Vec<_> = store
        .list(Some(&Path::from(prefix)))
        .try_collect()
        .await
        .expect("a listing");
    assert_eq!(listed.len(), 5);
    store
        .list_with_delimiter(Some(&Path::from(prefix)))
        .await
        .expect("a listing");
    store.delete(&path("a")).await.expect("a delete");
    let paths = ["b", "c", "e", "h"].map(|name| Ok(path(name)));
    let deleted: Vec<_> = store
        .delete_stream(futures::stream::iter(paths).boxed())
        .try_collect()
        .await
        .expect("deletes");
    assert_eq!(deleted.len(), 4);
}

const EVERYTHING: [&str; 21] = [
    "put a",
    "put_create b",
    "put_create b",
    "put_multipart c",
    "put_part c",
    "complete_multipart c",
    "put_multipart d",
    "abort_multipart d",
    "copy e",
    "copy_create f",
    "rename g",
    "rename_create h",
    "head a",
    "get a",
    "get a",
    "list ",
    "list ",
    "delete a",
    "delete b",
    "delete c",
    "delete e",
];

#[tokio::test]
async fn every_request_is_recorded_relative_to_the_prefix() {
    let log = RequestLog::recording();
    let store = ObservedStore::new(Arc::new(InMemory::new()), log.clone())
        .relative_to(Path::from("root/one"));
    everything(&store, "root/one").await;
    let names = names(&log);
    assert_eq!(names[..21], EVERYTHING);
    assert_eq!((log.reads(), log.mutations()), (5, 17));
    assert_eq!(log.count(Verb::Delete), 5);
    log.reset();
    assert_eq!(
        (log.reads(), log.mutations(), log.requests().len()),
        (0, 0, 0)
    );
    store
        .head(&Path::from("elsewhere/a"))
        .await
        .expect_err("nothing there");
    assert_eq!(names_of_last(&log), "head elsewhere/a");
}

fn names_of_last(log: &RequestLog) -> String {
    names(log).pop().expect("a request")
}

#[tokio::test]
async fn syncing_on_local_disk_changes_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let prefix = Path::from_absolute_path(folder.path()).expect("a path");
    let log = RequestLog::recording();
    let files = ConfinedStore::new(folder.path(), Durability::Synced).expect("a store");
    let store = ObservedStore::new(Arc::new(files), log.clone())
        .relative_to(prefix.clone())
        .with_local_sync();
    everything(&store, prefix.as_ref()).await;
    assert_eq!(names(&log)[..21], EVERYTHING);
    let deep = prefix.clone().join("x").join("y").join("z");
    store.put(&deep, "1".into()).await.expect("a put");
    store.delete(&deep).await.expect("a delete");
    let missing = store.delete(&deep).await.expect_err("nothing there");
    assert!(matches!(missing, object_store::Error::NotFound { .. }));
}

#[tokio::test]
async fn version_hints_are_hidden_when_asked_and_never_requested() {
    let log = RequestLog::recording();
    let inner = Arc::new(InMemory::new());
    let hint = Path::from("t/_versions/latest_version_hint.json");
    inner.put(&hint, "{}".into()).await.expect("a put");
    let plain = ObservedStore::new(inner.clone(), log.clone());
    plain.get(&hint).await.expect("visible");
    log.reset();
    let hiding = plain.without_version_hint();
    for hidden in [
        hiding.get(&hint).await.map(|_| ()),
        hiding.head(&hint).await.map(|_| ()),
        hiding
            .get_ranges(&hint, slice::from_ref(&(0..1)))
            .await
            .map(|_| ()),
    ] {
        let error = hidden.expect_err("hidden");
        assert!(matches!(error, object_store::Error::NotFound { .. }));
    }
    assert_eq!(log.reads(), 0);
}

#[derive(Debug)]
struct Failing {
    verb: Verb,
    after: bool,
}

#[async_trait]
impl Gate for Failing {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        fail_if(!self.after && request.verb == self.verb, request)
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        fail_if(self.after && request.verb == self.verb, request)
    }
}

fn fail_if(fails: bool, what: &impl fmt::Display) -> object_store::Result<()> {
    if !fails {
        return Ok(());
    }
    Err(object_store::Error::Generic {
        store: "test",
        source: what.to_string().into(),
    })
}

#[tokio::test]
async fn a_gate_fails_requests_before_or_after_they_are_carried_out() {
    let path = Path::from("a");
    for after in [false, true] {
        let inner = Arc::new(InMemory::new());
        let behind = |verb| {
            let gate = Arc::new(Failing { verb, after });
            ObservedStore::new(inner.clone(), RequestLog::new().with_gate(gate))
        };
        behind(Verb::Put)
            .put(&path, "1".into())
            .await
            .expect_err("failed");
        assert_eq!(inner.head(&path).await.is_ok(), after);
        inner.put(&path, "1".into()).await.expect("a put");
        behind(Verb::Delete)
            .delete(&path)
            .await
            .expect_err("failed");
        assert_eq!(inner.head(&path).await.is_err(), after);
    }
    let gate = Arc::new(Failing {
        verb: Verb::List,
        after: false,
    });
    let store = ObservedStore::new(Arc::new(InMemory::new()), RequestLog::new().with_gate(gate));
    let listing: Result<Vec<_>, _> = store.list(None).try_collect().await;
    listing.expect_err("failed");
}
