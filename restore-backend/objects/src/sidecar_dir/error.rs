//! Why the folder of sidecars could not be worked on.

use sidecar::root_layout::SIDECAR_FOLDER;

use crate::store::InvalidName;

/// Why the folder could not be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SidecarDirError {
    /// The folder could not be listed.
    #[error("the sidecar folder {SIDECAR_FOLDER}/ cannot be listed")]
    List(#[source] object_store::Error),
    /// More files than are accepted.
    #[error(
        "the sidecar folder {SIDECAR_FOLDER}/ holds more than {max} files; move some away by hand"
    )]
    TooMany {
        /// The limit.
        max: usize,
    },
    /// A sidecar could not be written.
    #[error("the sidecar {file} cannot be written")]
    Write {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// There is a sidecar of this operation already.
    #[error("the sidecar {file} is there already; every operation needs an id of its own")]
    AlreadyThere {
        /// Name of the file.
        file: String,
    },
    /// A sidecar could not be deleted.
    #[error("the sidecar {file} cannot be deleted")]
    Delete {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// A sidecar could not be read.
    #[error("the sidecar {file} cannot be read")]
    Read {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// No file can have the name.
    #[error("{file:?} cannot be the name of a sidecar")]
    InvalidName {
        /// As it was given.
        file: String,
        /// What failed.
        #[source]
        source: InvalidName,
    },
    /// A file was not found by its name, and the folder still has it.
    #[error(
        "the sidecar {file} is not found by its name, and yet it is listed in {SIDECAR_FOLDER}/; nobody can tell whether it is there, so look again, and then at the folder by hand"
    )]
    NotGone {
        /// Name of the file.
        file: String,
    },
    /// The sidecar was replaced or removed while it was looked at.
    #[error("the sidecar {file} was replaced or removed while it was looked at; look again")]
    Replaced {
        /// Name of the file.
        file: String,
    },
    /// A bug of ours: a sidecar could not be serialised.
    #[error("internal error: the sidecar {file} cannot be encoded")]
    Encode {
        /// Name of the file.
        file: String,
        /// What failed.
        #[source]
        source: serde_json::Error,
    },
}

pub(super) fn read_error(file: &str, source: object_store::Error) -> SidecarDirError {
    SidecarDirError::Read {
        file: file.to_owned(),
        source,
    }
}
