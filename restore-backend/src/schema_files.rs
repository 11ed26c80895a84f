//! The schema files of a graph, and the copies a schema change stages beside them (protocol section 6).

use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use sidecar::{Digest, OperationId, Tag};

use crate::journal_store::JOURNAL_FOLDER;
use crate::sidecar_dir::read_bounded;

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
        /// `read`, `written`, `removed`.
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

/// The digest that plans carry.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest::of(Tag::SchemaFile, bytes)
}

/// Replaces a live file. On return it is durable; readers see the old bytes or the new ones.
///
/// # Errors
/// [`SchemaFileError::Storage`]; whether the file was replaced is to be looked at then.
pub async fn replace(
    objects: &Arc<dyn ObjectStore>,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(), SchemaFileError> {
    let put = objects.put(&Path::from(name), bytes.into()).await;
    put.map(|_| ()).map_err(failed(name, "written"))
}

/// Removes a staged file, if it is there.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn remove(objects: &Arc<dyn ObjectStore>, name: &str) -> Result<(), SchemaFileError> {
    match objects.delete(&Path::from(name)).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(source) => Err(failed(name, "removed")(source)),
    }
}

/// Keeps a staged file beside the journal of the operation that takes it back. Its digest is in its name, so that files of
/// several attempts do not meet.
///
/// # Errors
/// [`SchemaFileError::Storage`].
pub async fn keep(
    objects: &Arc<dyn ObjectStore>,
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
