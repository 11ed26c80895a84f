//! Reading an object whole, and no more of it than is allowed.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::GetResult;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::path::Path;

/// Reads an object whole, or `None` if it is longer than `bytes_max`.
pub async fn read_bounded(
    objects: &Arc<dyn ObjectStore>,
    path: &Path,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, object_store::Error> {
    read_whole(objects.get(path).await?, bytes_max).await
}

/// The body of an answer, or `None` if it is longer than `bytes_max`.
pub async fn read_whole(
    result: GetResult,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, object_store::Error> {
    let (size, location) = (result.meta.size, result.meta.location.clone());
    if size > bytes_max {
        return Ok(None);
    }
    let mut stream = result.into_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.try_next().await? {
        let chunk: Bytes = chunk;
        if bytes.len() as u64 + chunk.len() as u64 > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    // A truncated body must not pass for a file with other bytes.
    if (bytes.len() as u64) < size {
        return Err(object_store::Error::Generic {
            store: "the store",
            source: format!("{location} ended after {} of {size} bytes", bytes.len()).into(),
        });
    }
    Ok(Some(bytes))
}
