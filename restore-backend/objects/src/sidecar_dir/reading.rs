//! Reading one sidecar, whole or parsed.

use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use sidecar::{Digest, Limits, SidecarFile, Tag, Timestamp};

use super::error::{SidecarDirError, read_error};
use super::layout::path;
use crate::off_thread;
use crate::read::read_bounded;

/// The file under the name of a sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredSidecar {
    /// No file.
    Gone,
    /// A file with these bytes.
    Bytes(Vec<u8>),
    /// A file of more bytes than can be kept in a journal record.
    TooLarge,
}

/// Reads one file among the sidecars.
///
/// # Errors
/// [`SidecarDirError::Read`].
pub async fn read_sidecar(
    objects: &Arc<dyn ObjectStore>,
    file: &str,
    limits: &Limits,
) -> Result<StoredSidecar, SidecarDirError> {
    match read_bounded(objects, &path(file)?, limits.kept_bytes_max).await {
        Ok(Some(bytes)) => Ok(StoredSidecar::Bytes(bytes)),
        Ok(None) => Ok(StoredSidecar::TooLarge),
        Err(object_store::Error::NotFound { .. }) => Ok(StoredSidecar::Gone),
        Err(source) => Err(read_error(file, source)),
    }
}

/// Whether there is a file of this name among the sidecars, whatever is in it.
///
/// # Errors
/// [`SidecarDirError::Read`].
pub async fn is_there(objects: &Arc<dyn ObjectStore>, file: &str) -> Result<bool, SidecarDirError> {
    match objects.head(&path(file)?).await {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(source) => Err(read_error(file, source)),
    }
}

/// A listed file, with its bytes and full contents. Reads the bytes again if the list did not keep them. Also reads a file that
/// is too large for a sidecar and small enough to be dismissed.
///
/// # Errors
/// [`SidecarDirError::Read`]; [`SidecarDirError::Replaced`] if the file has changed.
pub async fn whole(
    objects: &Arc<dyn ObjectStore>,
    listed: &SidecarFile,
    limits: &Limits,
) -> Result<(SidecarFile, Option<Vec<u8>>), SidecarDirError> {
    let Some(digest) = listed.digest else {
        let bytes = match listed.stored_as {
            Some(_) => read_sidecar(objects, &listed.file, limits).await?,
            None => StoredSidecar::Gone,
        };
        return Ok(match bytes {
            StoredSidecar::Bytes(bytes) => (listed.clone(), Some(bytes)),
            StoredSidecar::Gone | StoredSidecar::TooLarge => (listed.clone(), None),
        });
    };
    if !listed.bytes.is_empty() || digest == Digest::of(Tag::Sidecar, &[]) {
        return Ok((listed.clone(), Some(listed.bytes.clone())));
    }
    let replaced = || SidecarDirError::Replaced {
        file: listed.file.clone(),
    };
    let StoredSidecar::Bytes(bytes) = read_sidecar(objects, &listed.file, limits).await? else {
        return Err(replaced());
    };
    let read = parsed(listed.file.clone(), bytes, *limits, true).await;
    if read.digest != Some(digest) {
        return Err(replaced());
    }
    let whole = SidecarFile {
        modified_at: listed.modified_at,
        ..read
    };
    let bytes = whole.bytes.clone();
    Ok((whole, Some(bytes)))
}

pub(super) async fn parsed(
    file: String,
    bytes: Vec<u8>,
    limits: Limits,
    is_whole: bool,
) -> SidecarFile {
    off_thread::over(bytes.len(), move || {
        let read = SidecarFile::read(&file, bytes, &limits);
        if is_whole { read } else { read.lean() }
    })
    .await
}

/// When the object was modified; `None` for a time before 1970.
pub(super) fn modified_at(meta: &ObjectMeta) -> Option<Timestamp> {
    let micros = u64::try_from(meta.last_modified.timestamp_micros()).ok()?;
    Some(Timestamp::from_micros(micros))
}

/// Identity of an unread file. Another write changes its e_tag, or at least its time.
pub(super) fn stored_as(meta: &ObjectMeta) -> String {
    let e_tag = meta.e_tag.as_deref().unwrap_or_default();
    format!(
        "{} {} {e_tag}",
        meta.size,
        meta.last_modified.timestamp_micros()
    )
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use object_store::path::Path;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_not_read_is_told_from_another_of_its_name_and_size() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let path = Path::from("__recovery/large.json");
        let mut stored = Vec::new();
        for content in ["one", "two"] {
            objects.put(&path, content.into()).await.unwrap();
            stored.push(objects.head(&path).await.unwrap());
        }
        assert_eq!(stored[0].size, stored[1].size);
        assert_ne!(stored_as(&stored[0]), stored_as(&stored[1]));
        assert_eq!(stored_as(&stored[0]), stored_as(&stored[0].clone()));

        // Some stores give no e_tag.
        let [one, other] = [0, 1].map(|micros| ObjectMeta {
            e_tag: None,
            last_modified: stored[0].last_modified + std::time::Duration::from_micros(micros),
            ..stored[0].clone()
        });
        assert_ne!(stored_as(&one), stored_as(&other));
    }
}
