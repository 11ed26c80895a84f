//! What a schema change leaves beside the tables: staged files, and its lock.

use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::doctor::{Known, SchemaFacts};
use sidecar::{SchemaFile, error_text};

use crate::root::Root;
use root_objects::clock;
use root_objects::store::NotRead;

/// One request for each staged file, and one for the lock. No file is read.
pub(super) async fn read(root: &Root) -> SchemaFacts {
    let looks =
        SchemaFile::ALL.map(|file| async move { Some((file, is_there(root, file).await?)) });
    let looks = futures::stream::iter(looks).buffered(SchemaFile::ALL.len());
    let staged = looks.filter_map(std::future::ready).collect();
    let (staged, lock) = futures::join!(staged, root.lance().schema_lock());
    let lock = lock.map(|lock| lock.map(|lock| clock::from_seconds(lock.created_at)));
    SchemaFacts {
        staged,
        lock: lock.map_err(|error| error_text(&error)),
    }
}

/// `None` where there is no such file.
async fn is_there(root: &Root, file: SchemaFile) -> Option<Known<()>> {
    match root.objects().head(&Path::from(file.staged())).await {
        Ok(_) => Some(Ok(())),
        Err(object_store::Error::NotFound { .. }) => None,
        Err(error) => {
            let words = NotRead::of(&error).map(|not_read| not_read.to_string());
            Some(Err(words.unwrap_or_else(|| error_text(&error))))
        }
    }
}
