//! Creating an object of a journal, where an error does not say whether it was created.

use object_store::PutMode;
use object_store::path::Path;

use super::error::JournalStoreError;
use crate::sidecar_dir::read_bounded;
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
