//! The files and folders below a root, by the paths of a store.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path as FilePath;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::stat::fstat;
use object_store::path::Path;
use sidecar::SchemaFile;
use sidecar::root_layout::{
    BRANCHES_FOLDER, JOURNAL_FOLDER, OPEN_FOLDER, REFS_FOLDER, ROOT_OBJECT, SIDECAR_FOLDER,
    TAGS_FOLDER, VERSIONS_FOLDER,
};

use super::beneath;
use super::error::Failure;
use super::error::Kind;
use super::error::NotRead;
use super::error::Why;
use super::found::Found;
use super::names::join;
use super::names::name_on_disk;
use super::names::part_of;
use super::root::RootFolder;

/// Everything below a root's folder. Cheap to clone.
///
/// The paths of the store begin at the root of the file system, as Lance's do; those that are not below the folder are refused.
#[derive(Clone, Debug)]
pub struct ConfinedFiles {
    pub(super) root: RootFolder,
    pub(super) prefix: Path,
}

/// A file that was opened to be read.
#[derive(Debug)]
pub(super) struct OpenedFile {
    pub(super) file: File,
    pub(super) found: Found,
    /// For messages.
    pub(super) path: PathBuf,
}

impl ConfinedFiles {
    /// The files below `directory`, which the store calls `prefix`.
    pub fn new(directory: PathBuf, prefix: Path) -> Self {
        Self {
            root: RootFolder::at(directory),
            prefix,
        }
    }

    /// The files below a folder that the store calls by its absolute path.
    pub fn below(prefix: &Path) -> Self {
        let names = prefix.parts().map(|part| part.as_ref().to_owned());
        let directory = std::iter::once("/".to_owned()).chain(names).collect();
        Self::new(directory, prefix.clone())
    }

    /// Finds out which folder the root is: links on the way to it are followed now, and never again.
    ///
    /// # Errors
    /// There is no such folder, or it may not be looked up.
    pub fn resolve(&self) -> std::io::Result<()> {
        self.root.resolve().map(drop)
    }

    /// The path from the root's folder on.
    pub(crate) fn relative(&self, location: &Path) -> Result<PathBuf, Failure> {
        let outside = || Failure::Outside {
            path: location.to_string(),
            root: self.root.path().to_owned(),
        };
        let parts = location.prefix_match(&self.prefix).ok_or_else(outside)?;
        parts
            .map(|part| {
                name_on_disk(part.as_ref()).map_err(|source| Failure::Name {
                    path: location.to_string(),
                    source,
                })
            })
            .collect()
    }

    /// As [`Self::relative`], for an object: an error if its name is that of an unfinished upload.
    pub(super) fn relative_file(&self, location: &Path) -> Result<PathBuf, Failure> {
        let relative = self.relative(location)?;
        match location.filename() {
            Some(name) if !is_staged(name) && !relative.as_os_str().is_empty() => Ok(relative),
            _ => Err(Failure::Name {
                path: location.to_string(),
                source: super::names::InvalidName,
            }),
        }
    }

    /// Where something is, for messages.
    pub(super) fn shown(&self, relative: &FilePath) -> PathBuf {
        self.root.path().join(relative)
    }

    /// The error for a path below the root that is not read. It names the path as the store does, from the root on.
    pub(super) fn not_read(&self, relative: &FilePath, why: Why) -> NotRead {
        let path = relative
            .iter()
            .try_fold(Path::default(), |path, name| join(&path, &part_of(name)));
        NotRead {
            path: path.unwrap_or_default(),
            why,
        }
    }

    pub(super) fn open_root(&self) -> Result<OwnedFd, Failure> {
        let opened = self.root.open();
        opened.map_err(|error| Failure::io("opening the root", self.root.path(), error))
    }

    /// Opens a folder to list it, to change what is in it, or to sync it.
    pub(crate) fn open_folder(&self, relative: &FilePath) -> Result<File, Failure> {
        let root = self.open_root()?;
        beneath::open_beneath(root.as_fd(), relative, beneath::FOLDER)
            .map(File::from)
            .map_err(|errno| self.failed(&root, "opening the folder", relative, errno))
    }

    /// Opens a regular file to read it.
    pub(super) fn open_file(&self, relative: &FilePath) -> Result<OpenedFile, Failure> {
        let root = self.open_root()?;
        let opened = beneath::open_beneath(root.as_fd(), relative, beneath::FILE)
            .map_err(|errno| self.failed(&root, "opening", relative, errno))?;
        let found = fstat(&opened)
            .map(|stat| Found::from(&stat))
            .map_err(|errno| Failure::io("looking at", self.shown(relative), errno))?;
        match found.kind {
            None => Ok(OpenedFile {
                file: File::from(opened),
                found,
                path: self.shown(relative),
            }),
            // As in any object store, a folder is no object.
            Some(Kind::Folder) if !stands_for_a_file(relative) => Err(Failure::io(
                "opening",
                self.shown(relative),
                std::io::Error::new(std::io::ErrorKind::NotFound, "it is a folder"),
            )),
            Some(kind) => Err(self.not_read(relative, Why::Is(kind)).into()),
        }
    }

    /// A failure of the file system; if a link, a pipe, a file or the like stands in the way, the failure names that.
    pub(super) fn failed(
        &self,
        root: &OwnedFd,
        doing: &'static str,
        relative: &FilePath,
        errno: Errno,
    ) -> Failure {
        let may_be_odd = matches!(
            errno,
            Errno::ELOOP | Errno::EMLINK | Errno::ENOTDIR | Errno::EXDEV | Errno::ENXIO
        );
        let odd = may_be_odd
            .then(|| beneath::what_is_odd(root.as_fd(), relative))
            .flatten()
            .filter(|(_, kind)| *kind != Kind::File || errno == Errno::ENOTDIR);
        match odd {
            Some((at, kind)) => self.not_read(&at, Why::Is(kind)).into(),
            None => Failure::io(doing, self.shown(relative), errno),
        }
    }
}

/// Whether this is the name of a file that is still being written: that of the object, `#` and a number.
pub(super) fn is_staged(name: &str) -> bool {
    name.split_once('#').is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether everybody expects a file at this path, so that a folder there is wrong: a version, tag, branch, sidecar, record or
/// mark.
pub(super) fn stands_for_a_file(relative: &FilePath) -> bool {
    let names: Vec<&str> = relative
        .iter()
        .map(|name| name.to_str().unwrap_or_default())
        .collect();
    match names.as_slice() {
        [SIDECAR_FOLDER, name] => name.ends_with(".json"),
        [JOURNAL_FOLDER, name] => name.starts_with(ROOT_OBJECT.0) && name.ends_with(ROOT_OBJECT.1),
        [JOURNAL_FOLDER, OPEN_FOLDER, _] => true,
        [JOURNAL_FOLDER, _, name] => name.ends_with(".json"),
        [.., VERSIONS_FOLDER, name] => name.ends_with(".manifest"),
        [.., REFS_FOLDER, TAGS_FOLDER | BRANCHES_FOLDER, name] => name.ends_with(".json"),
        [name] => SchemaFile::ALL
            .iter()
            .any(|file| [file.live(), file.staged()].contains(name)),
        _ => false,
    }
}

/// Whether a file at this path lies beside sidecars, records or marks, so that people are told of one that should not be there.
pub(super) fn lies_beside_records(relative: &FilePath) -> bool {
    let names: Vec<&str> = relative
        .iter()
        .map(|name| name.to_str().unwrap_or_default())
        .collect();
    matches!(
        names.as_slice(),
        [SIDECAR_FOLDER, _] | [JOURNAL_FOLDER, _] | [JOURNAL_FOLDER, _, _]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_the_root_or_refused() {
        let files = ConfinedFiles::below(&Path::from("srv/one"));
        let relative = |path: &str| files.relative(&Path::from(path)).ok();
        assert_eq!(relative("srv/one/a/b"), Some(PathBuf::from("a/b")));
        assert_eq!(relative("srv/one"), Some(PathBuf::new()));
        for path in ["srv/one-more/a", "srv/two/a", "a", "srv"] {
            assert_eq!(relative(path), None, "{path}");
        }
        assert_eq!(files.shown(FilePath::new("a")), PathBuf::from("/srv/one/a"));
    }

    #[test]
    fn names_of_unfinished_uploads_are_told_from_others() {
        for name in ["a#1", "a.json#20", "#7"] {
            assert!(is_staged(name), "{name}");
        }
        for name in ["a", "a#", "a#b", "a#1.json", "a#1#2", "#"] {
            assert!(!is_staged(name), "{name}");
        }
    }

    #[test]
    fn a_folder_stands_for_a_file_only_where_files_are_expected() {
        let stands = |path: &str| stands_for_a_file(FilePath::new(path));
        for path in [
            "__recovery/a.json",
            "__recovery_log/op/000001.json",
            "__recovery_log/open/op.000001",
            "__recovery_log/root-0123.json",
            "nodes/a/_versions/1.manifest",
            "nodes/a/tree/x/_versions/1.manifest",
            "nodes/a/_refs/tags/t.json",
            "nodes/a/_refs/branches/b.json",
            "_schema.pg.staging",
        ] {
            assert!(stands(path), "{path}");
        }
        for path in [
            "__recovery/deeper",
            "__recovery_log/op",
            "__recovery_log/op.json",
            "nodes/a/_versions",
            "nodes/a.json",
            "nodes/a/tree/x.manifest",
            "__manifest",
        ] {
            assert!(!stands(path), "{path}");
        }
    }
}
