//! Listing what is below a folder, by the names the system gives.
//!
//! An entry that is no regular file, or cannot be looked at, is a [`NotRead`] error in the listing, which goes on after it. So
//! nothing is left out in silence, and a caller that can do without the entry can go on.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use futures::StreamExt;
use futures::stream;
use futures::stream::BoxStream;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::fcntl::openat;
use nix::sys::stat::Mode;
use object_store::ListResult;
use object_store::ObjectMeta;
use object_store::Result;
use object_store::path::Path;
use rustix::fs::Dir;

use super::beneath;
use super::beneath::FOLDER;
use super::blocking::blocking;
use super::error::Failure;
use super::error::Kind;
use super::error::Why;
use super::files::ConfinedFiles;
use super::files::is_staged;
use super::files::lies_beside_records;
use super::files::stands_for_a_file;
use super::found::Found;
use super::names::join;
use super::names::part_of;

/// Entries that are looked at in one go.
const BATCH: usize = 1_024;
/// Folders within folders. Lance's and ours are a handful.
const DEPTH_MAX: usize = 64;

/// One entry of a folder.
enum Entry {
    File(ObjectMeta),
    Folder(OwnedFd),
}

struct Level {
    entries: Dir,
    location: Path,
    relative: PathBuf,
}

impl Level {
    fn of(folder: OwnedFd, location: Path, relative: PathBuf) -> std::io::Result<Self> {
        Ok(Self {
            entries: Dir::new(folder)?,
            location,
            relative,
        })
    }
}

/// The next name in a folder, and where that is.
struct Next {
    location: Path,
    relative: PathBuf,
    found: std::result::Result<Found, Errno>,
}

impl ConfinedFiles {
    /// `None` if there is no such folder.
    fn level(&self, prefix: &Path) -> std::result::Result<Option<Level>, Failure> {
        let relative = self.relative(prefix)?;
        let folder = match self.open_folder(&relative) {
            Err(failure) if failure.is_not_found() => return Ok(None),
            opened => opened?,
        };
        Level::of(folder.into(), prefix.clone(), relative.clone())
            .map(Some)
            .map_err(|error| Failure::io("listing", self.shown(&relative), error))
    }

    /// `tells_staged` is whether a temporary file is told in a folder of ours, as [`Why::Staged`]; elsewhere it is left out.
    fn next(
        &self,
        level: &mut Level,
        tells_staged: bool,
    ) -> Option<std::result::Result<Next, Failure>> {
        loop {
            let entry = match level.entries.read()? {
                Ok(entry) => entry,
                Err(errno) => {
                    let shown = self.shown(&level.relative);
                    return Some(Err(Failure::io("listing", shown, errno)));
                }
            };
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if matches!(name.as_bytes(), b"." | b"..") {
                continue;
            }
            let part = part_of(name);
            let relative = level.relative.join(name);
            let location = match join(&level.location, &part) {
                Ok(location) => location,
                Err(source) => return Some(Err(Failure::Name { path: part, source })),
            };
            let found = match level.entries.fd() {
                Ok(folder) => beneath::look_at(folder, name),
                Err(_) => Err(Errno::EBADF),
            };
            let is_folder = matches!(
                found,
                Ok(Found {
                    kind: Some(Kind::Folder),
                    ..
                })
            );
            if matches!(found, Err(Errno::ENOENT)) {
                continue;
            }
            // An upload that is not finished.
            if !is_folder && is_staged(&part) {
                if tells_staged && lies_beside_records(&relative) {
                    return Some(Err(self.not_read(&relative, Why::Staged).into()));
                }
                continue;
            }
            return Some(Ok(Next {
                location,
                relative,
                found,
            }));
        }
    }

    /// `None` for a folder that was removed since.
    fn entry(
        &self,
        level: &Level,
        next: Next,
    ) -> std::result::Result<Option<(Entry, Path, PathBuf)>, Failure> {
        let Next {
            location,
            relative,
            found,
        } = next;
        let not_read = |why| Failure::from(self.not_read(&relative, why));
        let found = found.map_err(|errno| not_read(Why::Failed(errno.into())))?;
        match found.kind {
            None => {
                let meta = found.meta(location.clone());
                return Ok(Some((Entry::File(meta), location, relative)));
            }
            Some(Kind::Folder) if !stands_for_a_file(&relative) => {}
            Some(kind) => return Err(not_read(Why::Is(kind))),
        }
        let name = relative.file_name().unwrap_or_default();
        let opened = match level.entries.fd() {
            Ok(folder) => openat(
                folder.as_fd(),
                name,
                FOLDER | OFlag::O_NOFOLLOW,
                Mode::empty(),
            ),
            Err(_) => Err(Errno::EBADF),
        };
        match opened {
            Ok(folder) => Ok(Some((Entry::Folder(folder), location, relative))),
            Err(Errno::ENOENT) => Ok(None),
            // It was a folder a moment ago, and something else has its name now.
            Err(Errno::ENOTDIR | Errno::ELOOP | Errno::EMLINK) => {
                Err(not_read(Why::Is(Kind::Link)))
            }
            Err(errno) => Err(not_read(Why::Failed(errno.into()))),
        }
    }

    /// Every object below a folder that comes after `offset`, in the order of the file system.
    pub(super) fn list(
        self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let walk = Walk {
            prefix: Some(prefix.cloned().unwrap_or_else(|| self.prefix.clone())),
            offset: offset.cloned(),
            levels: Vec::new(),
            files: self,
        };
        stream::unfold(Some(walk), |walk| async move {
            let mut walk = walk?;
            let walked = blocking(move || {
                let batch = walk.batch();
                Ok((batch, walk))
            });
            match walked.await {
                Ok((batch, _)) if batch.is_empty() => None,
                Ok((batch, walk)) => Some((batch, Some(walk))),
                Err(error) => Some((vec![Err(error)], None)),
            }
        })
        .flat_map(stream::iter)
        .boxed()
    }

    /// The direct entries of a folder. One that is not read fails the whole listing: nobody could tell the rest from a folder
    /// that does not have it.
    pub(super) fn list_folder(&self, prefix: &Path) -> std::result::Result<ListResult, Failure> {
        let mut folders = BTreeSet::new();
        let mut objects = Vec::new();
        if let Some(mut level) = self.level(prefix)? {
            while let Some(next) = self.next(&mut level, false) {
                match self.entry(&level, next?)? {
                    Some((Entry::File(meta), ..)) => objects.push(meta),
                    Some((Entry::Folder(_), location, _)) => drop(folders.insert(location)),
                    None => {}
                }
            }
        }
        Ok(ListResult {
            common_prefixes: folders.into_iter().collect(),
            objects,
            extensions: Default::default(),
        })
    }
}

struct Walk {
    files: ConfinedFiles,
    /// Where to begin; `None` once begun.
    prefix: Option<Path>,
    offset: Option<Path>,
    levels: Vec<Level>,
}

impl Walk {
    fn batch(&mut self) -> Vec<Result<ObjectMeta>> {
        let mut batch = Vec::new();
        if let Some(prefix) = self.prefix.take() {
            match self.files.level(&prefix) {
                Ok(level) => self.levels.extend(level),
                Err(failure) => batch.push(Err(failure.into())),
            }
        }
        while batch.len() < BATCH
            && let Some(level) = self.levels.last_mut()
        {
            let Some(next) = self.files.next(level, true) else {
                self.levels.pop();
                continue;
            };
            let entry = next.and_then(|next| self.files.entry(level, next));
            let entered = match entry {
                Ok(Some((Entry::File(meta), ..))) => {
                    if self
                        .offset
                        .as_ref()
                        .is_none_or(|offset| meta.location > *offset)
                    {
                        batch.push(Ok(meta));
                    }
                    continue;
                }
                Ok(Some((Entry::Folder(folder), location, relative))) => {
                    self.enter(folder, location, relative)
                }
                Ok(None) => continue,
                Err(failure) => {
                    // The folder itself failed, so the rest of it is left out.
                    if !matches!(failure, Failure::NotRead(_) | Failure::Name { .. }) {
                        self.levels.pop();
                    }
                    Err(failure)
                }
            };
            batch.extend(entered.err().map(|failure| Err(failure.into())));
        }
        batch
    }

    fn enter(
        &mut self,
        folder: OwnedFd,
        location: Path,
        relative: PathBuf,
    ) -> std::result::Result<(), Failure> {
        let why = if self.levels.len() >= DEPTH_MAX {
            Why::TooDeep
        } else {
            match Level::of(folder, location, relative.clone()) {
                Ok(level) => {
                    self.levels.push(level);
                    return Ok(());
                }
                Err(error) => Why::Failed(error),
            }
        };
        Err(self.files.not_read(&relative, why).into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_that_is_nested_without_end_is_left() {
        let root = tempfile::tempdir().expect("a folder");
        let deep: PathBuf = std::iter::repeat_n("f", DEPTH_MAX + 8).collect();
        fs::create_dir_all(root.path().join(&deep)).expect("folders");
        fs::write(root.path().join(&deep).join("file"), "").expect("a file");
        fs::write(root.path().join("near"), "").expect("a file");
        let files = ConfinedFiles::new(root.path().to_owned(), Path::from("r"));
        let listed: Vec<_> = futures::executor::block_on(files.list(None, None).collect());
        let (found, left): (Vec<_>, Vec<_>) = listed.into_iter().partition(Result::is_ok);
        assert_eq!(found.len(), 1);
        assert_eq!(left.len(), 1);
    }
}
