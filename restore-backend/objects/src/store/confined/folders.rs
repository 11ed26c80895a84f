//! Making folders, and making their names last.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path as FilePath;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::openat;
use nix::sys::stat::Mode;
use nix::sys::stat::mkdirat;
use nix::unistd::UnlinkatFlags;
use nix::unistd::unlinkat;
use object_store::path::Path;

use super::beneath::FOLDER;
use super::blocking::blocking;
use super::error::Failure;
use super::files::ConfinedFiles;

/// How often folders are made again if somebody removes them at the same time.
const TRIES_MAX: usize = 8;
const ANYBODY: Mode = Mode::from_bits_truncate(0o777);

/// A folder that is open, and the name of something in it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) folder: File,
    pub(super) name: &'a OsStr,
}

impl ConfinedFiles {
    /// The folder that something is in, which has to be there.
    pub(super) fn place<'a>(&self, relative: &'a FilePath) -> Result<Place<'a>, Failure> {
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return Err(Failure::io("opening", self.shown(relative), Errno::EISDIR));
        };
        Ok(Place {
            folder: self.open_folder(parent)?,
            name,
        })
    }

    /// Removes these folders as far as they are empty, in this order; whether the last of them is gone.
    pub(crate) async fn remove_empty_folders(
        &self,
        folders: &[Path],
    ) -> object_store::Result<bool> {
        let files = self.clone();
        let folders = folders.to_vec();
        blocking(move || {
            let mut is_gone = true;
            for folder in &folders {
                is_gone = files.remove_empty_folder(&files.relative(folder)?)?;
            }
            Ok(is_gone)
        })
        .await
    }

    /// Removes a folder that is empty; one that is not stays as it is. Whether it is gone then.
    fn remove_empty_folder(&self, relative: &FilePath) -> Result<bool, Failure> {
        let place = match self.place(relative) {
            Err(failure) if failure.is_not_found() => return Ok(true),
            place => place?,
        };
        match unlinkat(&place.folder, place.name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(true),
            Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
            Err(errno) => Err(Failure::io(
                "removing the folder",
                self.shown(relative),
                errno,
            )),
        }
    }

    /// As [`Self::place`], but makes missing folders. If `synced`, they are durable then.
    pub(super) fn place_made<'a>(
        &self,
        relative: &'a FilePath,
        synced: bool,
    ) -> Result<Place<'a>, Failure> {
        let mut tries = 0;
        loop {
            match self.place(relative) {
                Err(failure) if failure.is_not_found() && tries < TRIES_MAX => {
                    tries += 1;
                    self.make_folders(relative.parent().unwrap_or(FilePath::new("")), synced)?;
                }
                answer => return answer,
            }
        }
    }

    // As object_store does it: first all are made, then every folder with new entries is synced, the deepest first, up to the one
    // that was there before.
    fn make_folders(&self, relative: &FilePath, synced: bool) -> Result<(), Failure> {
        let root = self
            .root
            .make(synced)
            .map_err(|error| Failure::io("making the root", self.root.path(), error))?;
        let mut walked = PathBuf::new();
        let failed = |walked: &FilePath, errno: Errno| {
            self.failed(&root, "making the folder", walked, errno)
        };
        let open = |at: &_, name: &OsStr| {
            openat(at, name, FOLDER | OFlag::O_NOFOLLOW, Mode::empty()).map(File::from)
        };
        let top =
            openat(&root, ".", FOLDER, Mode::empty()).map_err(|errno| failed(&walked, errno))?;
        let mut folders = vec![File::from(top)];
        let mut unchanged = None;
        for (depth, name) in relative.iter().enumerate() {
            walked.push(name);
            let mut opened = open(&folders[depth], name);
            if opened.as_ref().err() == Some(&Errno::ENOENT) {
                match mkdirat(&folders[depth], name, ANYBODY) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(errno) => return Err(failed(&walked, errno)),
                }
                unchanged.get_or_insert(depth);
                opened = open(&folders[depth], name);
            }
            folders.push(opened.map_err(|errno| failed(&walked, errno))?);
        }
        let Some(unchanged) = unchanged.filter(|_| synced) else {
            return Ok(());
        };
        for folder in folders[unchanged..].iter().rev() {
            folder.sync_all().map_err(|error| {
                Failure::io("syncing the folders of", self.shown(relative), error)
            })?;
        }
        Ok(())
    }
}
