//! The schema files of a graph, and the copies a schema change stages beside them (PROTOCOL.md, section 6.1).
//!
//! On an object store a live file is replaced only if it still has the e_tag that was read. Local disk has no such condition. There
//! the [`crate::store::Hold`] keeps an executor that was taken over from sending anything. A foreign engine can still change the very
//! file between the last look and the request. The removal of a staged file has that window on every store.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use sidecar::root_layout::{REPLACED_FOLDER, STAGED_FOLDER, kept_schema_file};
use sidecar::{Digest, OperationId, Tag};

use crate::read::{read_bounded, read_whole};
use crate::store::Objects;

/// Which schema files are copied beside the journal of an operation before they are removed or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The staged files of a schema change that is taken back.
    Staged,
    /// The live files that the staged ones replace.
    Replaced,
}

impl Kept {
    /// The folder they are kept in, below that of the journal.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Staged => STAGED_FOLDER,
            Self::Replaced => REPLACED_FOLDER,
        }
    }
}

/// A schema of thousands of tables is a few megabytes.
const SCHEMA_FILE_BYTES_MAX: u64 = 64 << 20;

/// Why a schema file could not be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaFileError {
    /// Larger than any schema.
    #[error("{name} has more than {SCHEMA_FILE_BYTES_MAX} bytes; look at it by hand")]
    TooLarge {
        /// The file, relative to the root.
        name: String,
    },
    /// The place where the file was to be kept holds other bytes.
    #[error(
        "{name} holds other bytes than its name says, so the schema file was not kept there and is left as it is; find out who wrote that object, and move it away"
    )]
    NotKept {
        /// Where it was to be kept, relative to the root.
        name: String,
    },
    /// Storage failed.
    #[error("{name} cannot be {verb}")]
    Storage {
        /// The file, relative to the root.
        name: String,
        /// `read`, `written`, `removed`, `synced`.
        verb: &'static str,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
}

fn failed(name: &str, verb: &'static str) -> impl FnOnce(object_store::Error) -> SchemaFileError {
    let name = name.to_owned();
    move |source| SchemaFileError::Storage { name, verb, source }
}

/// The bytes of one file; `None` if it is not there.
///
/// # Errors
/// [`SchemaFileError`].
pub async fn read(
    objects: &Arc<dyn ObjectStore>,
    name: &str,
) -> Result<Option<Vec<u8>>, SchemaFileError> {
    match read_bounded(objects, &Path::from(name), SCHEMA_FILE_BYTES_MAX).await {
        Ok(Some(bytes)) => Ok(Some(bytes)),
        Ok(None) => Err(SchemaFileError::TooLarge {
            name: name.to_owned(),
        }),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(source) => Err(failed(name, "read")(source)),
    }
}

/// A live file as it was read: it is replaced only while it is still this one.
#[derive(Debug)]
pub struct Live {
    /// Its digest; `None` if there is no such file.
    pub digest: Option<Digest>,
    bytes: Option<Vec<u8>>,
    version: Option<UpdateVersion>,
}

impl Live {
    /// Its bytes; `None` if there is no such file.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }
}

/// Reads a live file that may be replaced.
///
/// # Errors
/// [`SchemaFileError`].
pub async fn read_live(
    objects: &Arc<dyn ObjectStore>,
    name: &str,
) -> Result<Live, SchemaFileError> {
    let found = match objects
        .get_opts(&Path::from(name), GetOptions::default())
        .await
    {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => {
            return Ok(Live {
                digest: None,
                bytes: None,
                version: None,
            });
        }
        Err(source) => return Err(failed(name, "read")(source)),
    };
    let version = UpdateVersion {
        e_tag: found.meta.e_tag.clone(),
        version: found.meta.version.clone(),
    };
    let bytes = read_whole(found, SCHEMA_FILE_BYTES_MAX)
        .await
        .map_err(failed(name, "read"))?
        .ok_or_else(|| SchemaFileError::TooLarge {
            name: name.to_owned(),
        })?;
    Ok(Live {
        digest: Some(digest(&bytes)),
        bytes: Some(bytes),
        version: Some(version),
    })
}

/// The digest that plans carry.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Tag::SchemaFile, bytes)
}

/// Replaces a live file that was read; `false` if it is another one by now. On return it is durable; readers see the old bytes or
/// the new ones.
///
/// # Errors
/// [`SchemaFileError::Storage`]; the file may have been replaced all the same, so read it again.
pub async fn replace(
    objects: &Objects,
    name: &str,
    live: Live,
    bytes: Vec<u8>,
) -> Result<bool, SchemaFileError> {
    let path = Path::from(name);
    let mode = live.version.map_or(PutMode::Create, PutMode::Update);
    let mut put = objects
        .put_opts(&path, bytes.clone().into(), mode.into())
        .await;
    if let Err(object_store::Error::NotImplemented { .. }) = put {
        put = objects.put(&path, bytes.into()).await;
    }
    match put {
        Ok(_) => Ok(true),
        Err(
            object_store::Error::Precondition { .. } | object_store::Error::AlreadyExists { .. },
        ) => Ok(false),
        Err(source) => Err(failed(name, "written")(source)),
    }
}

/// Syncs files as they were found, there or gone: the process that left them so may have died before they were on disk.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn make_found_durable(objects: &Objects, names: &[&str]) -> Result<(), SchemaFileError> {
    let paths: Vec<Path> = names.iter().map(|name| Path::from(*name)).collect();
    let kept = objects.make_durable(&paths).await;
    kept.map_err(failed(&names.join(", "), "synced"))
}

/// Removes a staged file, if it is there.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn remove(objects: &Objects, name: &str) -> Result<(), SchemaFileError> {
    match objects.delete(&Path::from(name)).await {
        Ok(()) => Ok(()),
        Err(object_store::Error::NotFound { .. }) => make_found_durable(objects, &[name]).await,
        Err(source) => Err(failed(name, "removed")(source)),
    }
}

/// Copies a schema file beside the journal of the operation that takes it away. The copy has its digest in its name, so that copies
/// of several attempts do not collide. On return the copy is durable, and has these very bytes.
///
/// # Errors
/// [`SchemaFileError`]: the file is not kept, and must stay.
pub async fn keep_copy(
    objects: &Objects,
    operation: &OperationId,
    kept: Kept,
    file: &'static str,
    bytes: &[u8],
) -> Result<(), SchemaFileError> {
    let digest_of_file = digest(bytes);
    let name = kept_schema_file(operation, kept.folder(), file, digest_of_file);
    let put = objects
        .put_opts(
            &Path::from(name.as_str()),
            bytes.to_vec().into(),
            PutMode::Create.into(),
        )
        .await;
    match put {
        Ok(_) => Ok(()),
        Err(object_store::Error::AlreadyExists { .. }) => {
            let there = read(objects, &name).await?;
            if there.as_deref().map(digest) != Some(digest_of_file) {
                return Err(SchemaFileError::NotKept { name });
            }
            // The process that wrote it may have died before it was on disk.
            make_found_durable(objects, &[&name]).await
        }
        Err(source) => Err(failed(&name, "written")(source)),
    }
}
