//! Rewriting a sidecar in place, as a recovery of a write of version 9 does before it restores anything.

use std::sync::Arc;

use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};

use super::error::{SidecarDirError, read_error};
use super::layout::path;
use crate::read::{read_bounded, read_whole};
use crate::store::Objects;

/// The outcome of rewriting a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewritten {
    /// It has the new bytes now.
    Now,
    /// It had them before.
    Before,
    /// It has neither the old bytes nor the new ones, and is left alone.
    Another,
    /// There is no such file.
    Gone,
}

/// Replaces the bytes `before` of a file by `after`; a file with any others is left alone. On return the new bytes are durable, and
/// readers see the old ones or the new ones.
///
/// A local disk cannot replace a file on a condition: there the look right before is the only check, so a caller sends this only
/// while it holds the operation.
///
/// # Errors
/// [`SidecarDirError::Read`], [`SidecarDirError::Write`]: the file may have been replaced all the same, so ask again.
pub async fn rewrite_sidecar(
    objects: &Objects,
    file: &str,
    before: &[u8],
    after: &[u8],
) -> Result<Rewritten, SidecarDirError> {
    let location = path(file)?;
    let failed = |source| SidecarDirError::Write {
        file: file.to_owned(),
        source,
    };
    let store: &Arc<dyn ObjectStore> = objects;
    let found = match store.get_opts(&location, GetOptions::default()).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(Rewritten::Gone),
        Err(source) => return Err(read_error(file, source)),
    };
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: found.meta.version.clone(),
    };
    let most = before.len().max(after.len()) as u64;
    let bytes = read_whole(found, most)
        .await
        .map_err(|source| read_error(file, source))?;
    match bytes.as_deref() {
        Some(bytes) if bytes == after => {
            // The executor that wrote them may have died before they were on disk.
            objects.make_durable(&[location]).await.map_err(failed)?;
            return Ok(Rewritten::Before);
        }
        Some(bytes) if bytes == before => {}
        Some(_) | None => return Ok(Rewritten::Another),
    }
    let mode = PutMode::Update(version);
    let mut put = store
        .put_opts(&location, after.to_vec().into(), mode.into())
        .await;
    if let Err(object_store::Error::NotImplemented { .. }) = put {
        put = store.put(&location, after.to_vec().into()).await;
    }
    match put {
        Ok(_) => Ok(Rewritten::Now),
        Err(
            object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. },
        ) => match read_bounded(store, &location, most).await {
            // A conflict may be our own success, if the store retried the request by itself.
            Ok(Some(bytes)) if bytes == after => Ok(Rewritten::Now),
            Ok(_) => Ok(Rewritten::Another),
            Err(object_store::Error::NotFound { .. }) => Ok(Rewritten::Gone),
            Err(source) => Err(read_error(file, source)),
        },
        Err(source) => Err(failed(source)),
    }
}
