//! The schema files of a graph, and the copies a schema change stages beside them (protocol section 6).
//!
//! A live file is replaced only if it is the one that was read, where the store can tell (object stores, by the e_tag). On local disk
//! no file is replaced or removed on a condition; there the [`crate::store::Hold`] of an executor keeps one that was taken over from
//! from sending anything, and what is left is a foreign engine that changes the very file between the last look and the request.
//! The removal of a staged file has that window on every store.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt, PutMode, UpdateVersion};
use sidecar::{Digest, OperationId, Tag};

use crate::journal_store::JOURNAL_FOLDER;
use crate::sidecar_dir::{read_bounded, read_whole};
use crate::store::Objects;

/// The compiled schema, which names the tables.
pub const LIVE_IR: &str = "_schema.ir.json";
/// The schema as it was written.
pub const LIVE_SOURCE: &str = "_schema.pg";
/// What the engine accepted last.
pub const LIVE_STATE: &str = "__schema_state.json";

/// Beside the journal of an operation: the staged files of a schema change that was taken back.
pub const KEPT_FOLDER: &str = "staged";

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

/// A live file as it was read, by which it is replaced and no other.
#[derive(Debug)]
pub struct Live {
    /// Its digest; `None` if there is no such file.
    pub digest: Option<Digest>,
    version: Option<UpdateVersion>,
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
/// [`SchemaFileError::Storage`]; whether the file was replaced is to be looked at then.
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

/// Makes files last as they were found, there or gone: whoever left them so may have died before that was on disk.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn keep_found(objects: &Objects, names: &[&str]) -> Result<(), SchemaFileError> {
    let paths: Vec<Path> = names.iter().map(|name| Path::from(*name)).collect();
    let kept = objects.keep(&paths).await;
    kept.map_err(failed(&names.join(", "), "synced"))
}

/// Removes a staged file, if it is there.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn remove(objects: &Objects, name: &str) -> Result<(), SchemaFileError> {
    match objects.delete(&Path::from(name)).await {
        Ok(()) => Ok(()),
        Err(object_store::Error::NotFound { .. }) => keep_found(objects, &[name]).await,
        Err(source) => Err(failed(name, "removed")(source)),
    }
}

/// Keeps a staged file beside the journal of the operation that takes it back. Its digest is in its name, so that files of
/// several attempts do not meet.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn keep(
    objects: &Objects,
    operation: &OperationId,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(), SchemaFileError> {
    let digest = digest(&bytes).to_string();
    let hex = digest.trim_start_matches("sha256:");
    let kept = format!("{JOURNAL_FOLDER}/{operation}/{KEPT_FOLDER}/{name}.{hex}");
    let put = objects
        .put_opts(
            &Path::from(kept.as_str()),
            bytes.into(),
            PutMode::Create.into(),
        )
        .await;
    match put {
        Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
        Err(source) => Err(failed(&kept, "written")(source)),
    }
}
