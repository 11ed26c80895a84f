//! The folder of a root on local disk, and why it cannot be used, or not any more.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use nix::errno::Errno;
use sidecar::root_layout::CATALOG_FOLDER;

/// Why the folder of a root cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Nothing has the path of the root.
    #[error("there is no folder {}; check the path of the root", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or the like has the path of the root.
    #[error("there is no folder {}, something else has that path; check the path of the root", .folder.display())]
    NotAFolder {
        /// The path.
        folder: PathBuf,
    },
    /// The path of the root is a link that leads to itself.
    #[error("{} is a link that leads to itself; put the folder of the root back in its place", .folder.display())]
    LinkLoop {
        /// The path.
        folder: PathBuf,
    },
    /// The folder was moved since it was opened, and a link has its path.
    #[error("{} was a folder when the root was opened, and is a link now; open the root anew, a running console by starting it again", .folder.display())]
    BecameLink {
        /// The path.
        folder: PathBuf,
    },
    /// The file system forbids this program the folder.
    #[error("this program may not search the folder {}; give the user that it runs as that right there and on the folders above it", .folder.display())]
    Forbidden {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder is not the one that was opened.
    #[error("the folder {} was replaced by another since it was opened; nothing was done: open the root anew, a running console by starting it again", .folder.display())]
    Replaced {
        /// The folder.
        folder: PathBuf,
    },
    /// The file system fails.
    #[error("the folder {} cannot be looked at; see to its file system", .folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// The file system's words.
        #[source]
        source: io::Error,
    },
}

impl FolderError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::NotAFolder { .. } => "root_missing",
            Self::Replaced { .. } => "root_not_identified",
            Self::LinkLoop { .. }
            | Self::BecameLink { .. }
            | Self::Forbidden { .. }
            | Self::Failed { .. } => "root_unusable",
        }
    }

    fn of(folder: &Path, source: io::Error) -> Self {
        let folder = folder.to_owned();
        match (source.kind(), source.raw_os_error().map(Errno::from_raw)) {
            (io::ErrorKind::NotFound | io::ErrorKind::NotADirectory, _) => Self::Missing { folder },
            (io::ErrorKind::PermissionDenied, _) => Self::Forbidden { folder },
            (_, Some(Errno::ELOOP)) => Self::LinkLoop { folder },
            _ => Self::Failed { folder, source },
        }
    }
}

/// A folder as the file system identifies it: its inode and its time of birth.
///
/// Where the file system tells no time of birth, a new folder can be taken for a removed one whose inode it was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    text: String,
}

impl Place {
    fn of(found: &Metadata) -> Self {
        let born = found
            .created()
            .ok()
            .and_then(|born| born.duration_since(UNIX_EPOCH).ok())
            .map_or_else(
                || "unknown".to_owned(),
                |born| format!("{}.{:09}", born.as_secs(), born.subsec_nanos()),
            );
        Self {
            text: format!("inode {} made at {born}", found.ino()),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// The folder of an open root.
#[derive(Clone, Debug)]
pub(super) struct RootFolder {
    /// As it was given.
    given: PathBuf,
    /// Without the links on the way there.
    canonical: PathBuf,
    /// Tells a folder from one of the same inode in a clone of the file system; it may be another after a reboot.
    device: u64,
    place: Place,
}

impl RootFolder {
    /// Looks at the folder of a root that is being opened.
    pub(super) async fn look(given: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::of(given, source);
        let found = usable(given).await?;
        let canonical = tokio::fs::canonicalize(given).await.map_err(failed)?;
        Ok(Self {
            given: given.to_owned(),
            canonical,
            device: found.dev(),
            place: Place::of(&found),
        })
    }

    /// Its path without links.
    pub(super) fn canonical(&self) -> &Path {
        &self.canonical
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the folder at a path is its twin in a clone of the file system.
    pub(super) async fn is_cloned_at(&self, path: &str) -> bool {
        let found = tokio::fs::metadata(path).await;
        found.is_ok_and(|found| Place::of(&found) == self.place && found.dev() != self.device)
    }

    /// Whether it still has its path, and can be used.
    pub(super) async fn is_there(&self) -> Result<(), FolderError> {
        let found = usable(&self.given).await?;
        if Place::of(&found) != self.place || found.dev() != self.device {
            let folder = self.given.clone();
            return Err(FolderError::Replaced { folder });
        }
        let stands = tokio::fs::symlink_metadata(&self.canonical).await;
        if stands.is_ok_and(|found| found.is_symlink()) {
            let folder = self.canonical.clone();
            return Err(FolderError::BecameLink { folder });
        }
        Ok(())
    }
}

/// Whether there is a folder at a path in which this program may look names up.
///
/// # Errors
/// See [`FolderError`].
pub(super) async fn usable(folder: &Path) -> Result<Metadata, FolderError> {
    let failed = |source| FolderError::of(folder, source);
    let found = tokio::fs::metadata(folder).await.map_err(failed)?;
    if !found.is_dir() {
        let folder = folder.to_owned();
        return Err(FolderError::NotAFolder { folder });
    }
    // Whoever may search a folder and not list it can read everything with a known name, and a root has nothing else.
    match tokio::fs::symlink_metadata(folder.join(CATALOG_FOLDER)).await {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(failed(error)),
        // Whether there is a catalog is asked elsewhere.
        _ => Ok(found),
    }
}
