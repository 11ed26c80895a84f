//! Writing a new sidecar. It never overwrites one.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::PutMode;
use sidecar::Sidecar;

use super::error::{SidecarDirError, read_error};
use super::layout::path;
use crate::read::read_bounded;
use crate::store::Objects;

/// Writes a new sidecar. On return it is durable.
///
/// # Errors
/// [`SidecarDirError::AlreadyThere`] if the operation has one; a sidecar is never overwritten.
pub async fn write_sidecar(
    objects: &Arc<dyn ObjectStore>,
    sidecar: &Sidecar,
) -> Result<(), SidecarDirError> {
    let file = sidecar.operation_id.file_name();
    let bytes = serde_json::to_vec_pretty(sidecar).map_err(|source| SidecarDirError::Encode {
        file: file.clone(),
        source,
    })?;
    match objects
        .put_opts(&path(&file)?, bytes.into(), PutMode::Create.into())
        .await
    {
        Ok(_) => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => {
            Err(SidecarDirError::AlreadyThere { file })
        }
        Err(source) => Err(SidecarDirError::Write { file, source }),
    }
}

/// The outcome of creating a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// It was there before, with these very bytes.
    AlreadyThere,
    /// A file with other bytes has that name, and is left alone.
    Taken,
}

/// Writes a sidecar with exactly these bytes, unless the name is taken. On return it is durable.
///
/// # Errors
/// [`SidecarDirError::Write`]; [`SidecarDirError::Read`] if the name is taken by a file that cannot be read.
pub async fn create_sidecar(
    objects: &Objects,
    file: &str,
    bytes: &[u8],
) -> Result<Created, SidecarDirError> {
    let location = path(file)?;
    let Err(source) = objects
        .put_opts(&location, bytes.to_vec().into(), PutMode::Create.into())
        .await
    else {
        return Ok(Created::New);
    };
    // A conflict, or a lost answer, may be our own success. So the file is read back, and only the bytes read count.
    match (
        read_bounded(objects, &location, bytes.len() as u64).await,
        source,
    ) {
        (Ok(Some(found)), _) if found == bytes => {
            // The file may not be on disk yet.
            let kept = objects.make_durable(&[location]).await;
            kept.map(|()| Created::AlreadyThere)
                .map_err(|source| SidecarDirError::Write {
                    file: file.to_owned(),
                    source,
                })
        }
        (Ok(_), _) => Ok(Created::Taken),
        // A file is there, and its owner is unknown.
        (Err(source), object_store::Error::AlreadyExists { .. }) => Err(read_error(file, source)),
        (Err(_), source) => Err(SidecarDirError::Write {
            file: file.to_owned(),
            source,
        }),
    }
}
