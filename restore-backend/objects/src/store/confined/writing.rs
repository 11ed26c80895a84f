//! Writing, copying, moving and removing objects.
//!
//! An object is staged under a name of its own beside the place it is for, `{name}#{number}`, and put there whole: renamed over a
//! file that is there, or linked where there must be none. Listings leave such names out, as those of object_store do.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path as FilePath;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::fcntl::OFlag;
use nix::fcntl::openat;
use nix::fcntl::renameat;
use nix::sys::stat::Mode;
use nix::sys::stat::fstat;
use nix::unistd::UnlinkatFlags;
use nix::unistd::linkat;
use nix::unistd::unlinkat;
use object_store::PutPayload;
use object_store::PutResult;
use object_store::path::Path;

use super::beneath::look_at;
use super::error::Failure;
use super::error::Why;
use super::files::ConfinedFiles;
use super::folders::Place;
use super::found::Found;

const STAGED: OFlag = OFlag::O_RDWR
    .union(OFlag::O_CREAT)
    .union(OFlag::O_EXCL)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);
const READ_AND_WRITTEN: Mode = Mode::from_bits_truncate(0o666);

/// Whether a put may find something at its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Over {
    Anything,
    Nothing,
}

/// A file that is being written, beside the place it is for.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) file: File,
    folder: File,
    staged: OsString,
    name: OsString,
    /// For messages.
    pub(super) path: PathBuf,
}

fn staged_name(name: &OsStr, number: u64) -> OsString {
    let mut staged = name.to_owned();
    staged.push(format!("#{number}"));
    staged
}

impl Staged {
    /// Puts the file in its place. If `synced`, its bytes and name are on disk then. If that fails, the staged file is removed.
    pub(super) fn publish(self, over: Over, synced: bool) -> Result<PutResult, Failure> {
        let Self {
            file,
            folder,
            staged,
            name,
            path,
        } = self;
        let published = (|| {
            let found = fstat(&file).map(|stat| Found::from(&stat));
            let e_tag = found
                .map_err(|errno| Failure::io("looking at", &path, errno))?
                .e_tag();
            if synced {
                file.sync_all()
                    .map_err(|error| Failure::io("syncing", &path, error))?;
            }
            // Some file systems report only on close that a write failed.
            nix::unistd::close(OwnedFd::from(file))
                .map_err(|errno| Failure::io("writing", &path, errno))?;
            match over {
                Over::Anything => renameat(&folder, staged.as_os_str(), &folder, name.as_os_str()),
                Over::Nothing => linkat(
                    &folder,
                    staged.as_os_str(),
                    &folder,
                    name.as_os_str(),
                    AtFlags::empty(),
                ),
            }
            .map_err(|errno| Failure::io("writing", &path, errno))?;
            if synced {
                folder
                    .sync_all()
                    .map_err(|error| Failure::io("syncing the folder of", &path, error))?;
            }
            Ok(PutResult {
                e_tag: Some(e_tag),
                version: None,
                extensions: Default::default(),
            })
        })();
        if over == Over::Nothing || published.is_err() {
            // A failure is ignored: a staged file that stays is no object and disturbs nobody.
            let _ = unlinkat(&folder, staged.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
        published
    }

    pub(super) fn discard(&self) -> Result<(), Failure> {
        unlinkat(
            &self.folder,
            self.staged.as_os_str(),
            UnlinkatFlags::NoRemoveDir,
        )
        .map_err(|errno| Failure::io("removing", &self.path, errno))
    }
}

impl ConfinedFiles {
    pub(super) fn put(
        &self,
        location: &Path,
        payload: &PutPayload,
        over: Over,
        synced: bool,
    ) -> Result<PutResult, Failure> {
        let mut staged = self.stage(location, synced)?;
        for bytes in payload.iter() {
            if let Err(error) = staged.file.write_all(bytes) {
                let failure = Failure::io("writing", &staged.path, error);
                let _ = staged.discard();
                return Err(failure);
            }
        }
        staged.publish(over, synced)
    }

    pub(super) fn stage(&self, location: &Path, synced: bool) -> Result<Staged, Failure> {
        let relative = self.relative_file(location)?;
        let mut number = 1;
        let mut place = self.place_made(&relative, synced)?;
        loop {
            let staged = staged_name(place.name, number);
            match openat(&place.folder, staged.as_os_str(), STAGED, READ_AND_WRITTEN) {
                Ok(file) => {
                    return Ok(Staged {
                        file: File::from(file),
                        name: place.name.to_owned(),
                        folder: place.folder,
                        staged,
                        path: self.shown(&relative),
                    });
                }
                Err(Errno::EEXIST) => number += 1,
                // The folder was removed under us.
                Err(Errno::ENOENT) if number == 1 => {
                    number = 2;
                    place = self.place_made(&relative, synced)?;
                }
                Err(errno) => return Err(Failure::io("writing", self.shown(&relative), errno)),
            }
        }
    }

    pub(super) fn copy(
        &self,
        from: &Path,
        to: &Path,
        over: Over,
        synced: bool,
    ) -> Result<(), Failure> {
        let (from, to) = (self.relative_file(from)?, self.relative_file(to)?);
        let source = self.regular(&from)?;
        let target = self.place_made(&to, synced)?;
        match over {
            Over::Nothing => link(&source, &target.folder, target.name),
            Over::Anything => {
                let mut number = 0;
                loop {
                    let staged = staged_name(target.name, number);
                    match link(&source, &target.folder, &staged) {
                        Err(Errno::EEXIST) => number += 1,
                        Err(errno) => break Err(errno),
                        Ok(()) => {
                            let (folder, name) = (&target.folder, target.name);
                            let renamed = renameat(folder, staged.as_os_str(), folder, name);
                            if renamed.is_err() {
                                let none = UnlinkatFlags::NoRemoveDir;
                                let _ = unlinkat(folder, staged.as_os_str(), none);
                            }
                            break renamed;
                        }
                    }
                }
            }
        }
        .map_err(|errno| Failure::io("writing", self.shown(&to), errno))?;
        self.synced(&target.folder, &to, synced)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path, synced: bool) -> Result<(), Failure> {
        let (from, to) = (self.relative_file(from)?, self.relative_file(to)?);
        let source = self.regular(&from)?;
        let target = self.place_made(&to, synced)?;
        renameat(&source.folder, source.name, &target.folder, target.name)
            .map_err(|errno| Failure::io("moving", self.shown(&from), errno))?;
        self.synced(&target.folder, &to, synced)?;
        let stays = from.parent() == to.parent();
        self.synced(&source.folder, &from, synced && !stays)
    }

    pub(super) fn delete(&self, location: &Path, synced: bool) -> Result<(), Failure> {
        let relative = self.relative_file(location)?;
        let place = self.place(&relative)?;
        unlinkat(&place.folder, place.name, UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| Failure::io("removing", self.shown(&relative), errno))?;
        self.synced(&place.folder, &relative, synced)
    }

    fn synced(&self, folder: &File, relative: &FilePath, synced: bool) -> Result<(), Failure> {
        if !synced {
            return Ok(());
        }
        let done = folder.sync_all();
        done.map_err(|error| Failure::io("syncing the folder of", self.shown(relative), error))
    }

    /// The place of an object, which has to be a regular file.
    fn regular<'a>(&self, relative: &'a FilePath) -> Result<Place<'a>, Failure> {
        let place = self.place(relative)?;
        let found = look_at(std::os::fd::AsFd::as_fd(&place.folder), place.name)
            .map_err(|errno| Failure::io("looking at", self.shown(relative), errno))?;
        match found.kind {
            None => Ok(place),
            Some(kind) => Err(self.not_read(relative, Why::Is(kind)).into()),
        }
    }
}

fn link(source: &Place<'_>, folder: &File, name: &OsStr) -> nix::Result<()> {
    linkat(&source.folder, source.name, folder, name, AtFlags::empty())
}
