//! Creating an object of a journal, where an error does not say whether it was created.

use object_store::PutMode;
use object_store::path::Path;

use super::error::JournalStoreError;
use crate::read::read_bounded;
use crate::store::Objects;

/// Creates an object; `false` if another one is there.
///
/// A conflict, or an error that does not say whether the object was created, may be our own success. So the object is read back,
/// and only the bytes read count. An object found so may not be on disk yet.
pub(super) async fn create(
    objects: &Objects,
    path: &Path,
    bytes: &[u8],
) -> Result<bool, JournalStoreError> {
    let Err(error) = objects
        .put_opts(path, bytes.to_vec().into(), PutMode::Create.into())
        .await
    else {
        return Ok(true);
    };
    let found = read_bounded(objects, path, bytes.len() as u64).await;
    match (found, error) {
        (Ok(Some(found)), _) if found == bytes => {
            let kept = objects.make_durable(std::slice::from_ref(path)).await;
            kept.map(|()| true)
                .map_err(|source| JournalStoreError::Storage {
                    what: format!("syncing {path}"),
                    source,
                })
        }
        (Ok(_), _) => Ok(false),
        // An object is there, and its owner is unknown.
        (
            Err(source),
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. },
        ) => Err(JournalStoreError::Storage {
            what: format!("reading {path}, which is there already,"),
            source,
        }),
        (Err(_), source) => Err(JournalStoreError::Storage {
            what: format!("writing {path}"),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use object_store::{ObjectStore, ObjectStoreExt};

    use super::*;
    use crate::store::{Gate, ObservedStore, Request, RequestLog, Verb};

    /// Nothing can be read.
    #[derive(Debug)]
    struct Unreadable;

    #[async_trait::async_trait]
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

    // The answer to our own record may have been lost.
    #[tokio::test]
    async fn a_record_with_our_bytes_is_ours_and_one_that_cannot_be_read_is_an_error() {
        let stored: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let log = RequestLog::new().with_gate(Arc::new(Unreadable));
        let unreadable: Arc<dyn ObjectStore> = Arc::new(ObservedStore::new(stored.clone(), log));
        let path = Path::from("__recovery_log/01M8125ENACWR9X1EZNRMDV5V2/000001.json");
        let record = b"a record";
        stored.put(&path, record.to_vec().into()).await.unwrap();
        create(&Objects::from(unreadable), &path, record)
            .await
            .unwrap_err();
        let readable = Objects::from(stored);
        assert!(create(&readable, &path, record).await.unwrap());
        assert!(!create(&readable, &path, b"another").await.unwrap());
    }
}
