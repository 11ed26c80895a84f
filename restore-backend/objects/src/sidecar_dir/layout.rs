//! The folder's name, and the paths of its files.

use object_store::path::Path;

use super::error::SidecarDirError;
use crate::store::child;

pub use sidecar::root_layout::SIDECAR_FOLDER;

/// The path of a file, as a listing gives it: the name is not encoded.
pub(super) fn path(file: &str) -> Result<Path, SidecarDirError> {
    child(&Path::from(SIDECAR_FOLDER), file).map_err(|source| SidecarDirError::InvalidName {
        file: file.to_owned(),
        source,
    })
}
