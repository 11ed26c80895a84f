//! Makes found files and folders durable.

use std::path::Path as FilePath;
use std::path::PathBuf;

use super::error::Failure;
use super::error::Kind;
use super::error::NotRead;
use super::error::Why;
use super::files::ConfinedFiles;

impl ConfinedFiles {
    /// Syncs a file with its bytes, or a folder; does nothing if there is neither.
    pub(crate) fn sync_what_is_at(&self, relative: &FilePath) -> Result<(), Failure> {
        let file = match self.open_file(relative) {
            Ok(opened) => opened.file,
            Err(failure) if failure.is_absent() || is_a_folder(&failure) => {
                return self.sync_folder(relative);
            }
            Err(failure) => return Err(failure),
        };
        file.sync_all()
            .map_err(|error| Failure::io("syncing", self.shown(relative), error))
    }

    /// Syncs a folder, if it is there.
    pub(crate) fn sync_folder(&self, relative: &FilePath) -> Result<(), Failure> {
        match self.open_folder(relative) {
            Ok(folder) => folder
                .sync_all()
                .map_err(|error| Failure::io("syncing the folder", self.shown(relative), error)),
            Err(failure) if failure.is_absent() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// The folder that an object is or was in. If that is gone too, the nearest folder above it that is left: it lost an entry.
    pub(crate) fn nearest_folder(&self, relative: &FilePath) -> Result<Option<PathBuf>, Failure> {
        for above in relative.ancestors().skip(1) {
            match self.open_folder(above) {
                Ok(_) => return Ok(Some(above.to_owned())),
                Err(failure) if failure.is_absent() => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    /// Syncs the [`Self::nearest_folder`].
    pub(crate) fn sync_nearest_folder(&self, relative: &FilePath) -> Result<(), Failure> {
        match self.nearest_folder(relative)? {
            Some(folder) => self.sync_folder(&folder),
            None => Ok(()),
        }
    }
}

fn is_a_folder(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::NotRead(NotRead {
            why: Why::Is(Kind::Folder),
            ..
        })
    )
}
