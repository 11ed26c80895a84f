//! An object that is there and cannot be read: whether it is ours is not known, so it is nobody's.

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use root_objects::journal_store::{CLAIM_OBJECT, JOURNAL_FOLDER, JournalStoreError, publish_claim};
use root_objects::schema_files::{Kept, keep_copy};
use root_objects::sidecar_dir::{Created, SIDECAR_FOLDER, create_sidecar};
use root_objects::store::{Gate, Objects, ObservedStore, Request, RequestLog, Verb};
use sidecar::OperationId;

const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

fn id() -> OperationId {
    ID.parse().expect("an id")
}

fn folder() -> Path {
    Path::from(JOURNAL_FOLDER).join(ID)
}

/// Nothing can be read.
#[derive(Debug)]
struct Unreadable;

#[async_trait]
impl Gate for Unreadable {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        match request.verb {
            Verb::Get => Err(object_store::Error::Generic {
                store: "a store",
                source: "it is busy".into(),
            }),
            _ => Ok(()),
        }
    }
}

/// A store, all of it readable, and the same store where nothing can be read.
fn stores() -> (Objects, Objects) {
    let stored: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let log = RequestLog::new().with_gate(Arc::new(Unreadable));
    let unreadable: Arc<dyn ObjectStore> = Arc::new(ObservedStore::new(stored.clone(), log));
    (Objects::from(stored), Objects::from(unreadable))
}

#[tokio::test]
async fn a_claim_that_is_there_and_cannot_be_read_is_an_error() {
    let (readable, unreadable) = stores();
    let path = folder().join(CLAIM_OBJECT);
    for bytes in ["{}", "something else"] {
        readable.put(&path, bytes.into()).await.expect("a put");
        let claimed = publish_claim(&unreadable, &id()).await;
        assert!(
            matches!(claimed, Err(JournalStoreError::Storage { .. })),
            "{claimed:?}"
        );
        publish_claim(&readable, &id()).await.expect("a claim");
    }
}

#[tokio::test]
async fn a_sidecar_that_is_there_and_cannot_be_read_is_an_error() {
    let (readable, unreadable) = stores();
    let file = format!("{ID}.json");
    let path = Path::from(SIDECAR_FOLDER).join(file.as_str());
    readable.put(&path, "{}".into()).await.expect("a put");
    let created = create_sidecar(&unreadable, &file, b"{}").await;
    assert!(created.is_err(), "{created:?}");
    let created = create_sidecar(&readable, &file, b"{}").await;
    assert_eq!(created.expect("it is ours"), Created::AlreadyThere);
}

#[tokio::test]
async fn a_staged_file_that_was_kept_and_cannot_be_read_is_an_error() {
    let (readable, unreadable) = stores();
    let id = id();
    let keep = |objects| keep_copy(objects, &id, Kept::Staged, "_schema.pg", b"node A");
    keep(&readable).await.expect("it is kept");
    keep(&readable).await.expect("it is kept already");
    keep(&unreadable).await.expect_err("it may be another");
    let staged = folder().join("staged");
    let kept: Vec<ObjectMeta> = readable
        .list(Some(&staged))
        .try_collect()
        .await
        .expect("a listing");
    assert_eq!(kept.len(), 1);
    readable
        .put(&kept[0].location, "torn".into())
        .await
        .expect("a put");
    keep(&readable).await.expect_err("it is another");
}
