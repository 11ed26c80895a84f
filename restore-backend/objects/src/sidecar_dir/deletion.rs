//! Deleting a sidecar.

use object_store::ObjectStoreExt;
use sidecar::Limits;

use super::error::SidecarDirError;
use super::layout::path;
use super::listing::list_names;
use crate::store::Objects;

/// Deletes a sidecar. A file that is neither found nor listed counts as deleted. On return the deletion is durable.
///
/// # Errors
/// [`SidecarDirError::Delete`], and those of [`make_deletion_durable`].
pub async fn delete_sidecar(objects: &Objects, file: &str) -> Result<(), SidecarDirError> {
    match objects.delete(&path(file)?).await {
        Ok(()) => Ok(()),
        Err(object_store::Error::NotFound { .. }) => make_deletion_durable(objects, file).await,
        Err(source) => Err(not_deleted(file, source)),
    }
}

/// Makes durable the deletion of a sidecar that was found gone: the executor that deleted it may have died first. The file counts
/// as gone only if the folder does not list it.
///
/// # Errors
/// [`SidecarDirError::Delete`]; [`SidecarDirError::NotGone`]; [`SidecarDirError::List`].
pub async fn make_deletion_durable(objects: &Objects, file: &str) -> Result<(), SidecarDirError> {
    let names = list_names(objects, &Limits::DEFAULT).await?;
    if names.files().contains(file) {
        return Err(SidecarDirError::NotGone {
            file: file.to_owned(),
        });
    }
    let kept = objects.make_durable(&[path(file)?]).await;
    kept.map_err(|source| not_deleted(file, source))
}

fn not_deleted(file: &str, source: object_store::Error) -> SidecarDirError {
    SidecarDirError::Delete {
        file: file.to_owned(),
        source,
    }
}
