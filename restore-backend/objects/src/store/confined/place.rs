//! Where one object is, or is to be, on local disk.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;

use nix::errno::Errno;
use object_store::Result;
use object_store::path::Path;

use super::beneath::look_at;
use super::blocking::blocking;
use super::error::Failure;
use super::files::ConfinedFiles;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LocalPlace {
    files: ConfinedFiles,
    relative: PathBuf,
}

impl LocalPlace {
    /// `None` if no object can have this path.
    pub(crate) fn of(files: &ConfinedFiles, location: &Path) -> Option<Self> {
        Some(Self {
            files: files.clone(),
            relative: files.relative_file(location).ok()?,
        })
    }

    /// The folder that it is in.
    pub(crate) async fn folder(&self) -> Result<File> {
        let this = self.clone();
        blocking(move || Ok(this.files.place(&this.relative)?.folder)).await
    }

    /// Whether an object, or anything else, has the name.
    pub(crate) async fn is_taken(&self) -> Result<bool> {
        let this = self.clone();
        let look = move || {
            let place = match this.files.place(&this.relative) {
                Err(failure) if failure.is_absent() => return Ok(false),
                place => place?,
            };
            match look_at(place.folder.as_fd(), place.name) {
                Ok(_) => Ok(true),
                Err(Errno::ENOENT) => Ok(false),
                Err(errno) => {
                    let shown = this.files.shown(&this.relative);
                    Err(Failure::io("looking at", shown, errno).into())
                }
            }
        };
        blocking(look).await
    }
}
