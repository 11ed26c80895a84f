//! Why something below a root was not done.

use std::fmt;
use std::io;
use std::path::PathBuf;

use object_store::path::Path;

use super::names::InvalidName;
use super::names::spelt;

const STORE: &str = "local disk";

/// The kind of a thing that stands in the place of an expected file or folder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Link,
    /// A regular file, where a folder is expected.
    File,
    Folder,
    Pipe,
    Socket,
    Device,
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Link => "is a link and is not followed; put the file itself in its place",
            Self::File => "is a file where a folder is expected; move it away by hand",
            Self::Folder => "is a folder where a file is expected; move it away by hand",
            Self::Pipe => "is a named pipe and is not opened; move it away by hand",
            Self::Socket => "is a socket and is not opened; move it away by hand",
            Self::Device => "is a device and is not opened; move it away by hand",
            Self::Other => "is no regular file and is not opened; move it away by hand",
        })
    }
}

/// A name below a root that is not read. A listing goes on after it.
#[derive(Debug, thiserror::Error)]
#[error("{} {why}", spelt(path))]
pub struct NotRead {
    /// As the store names it, from the root on.
    pub(crate) path: Path,
    pub(crate) why: Why,
}

/// Why nothing is read under a name.
#[derive(Debug)]
pub(crate) enum Why {
    /// It is not the file or folder that is expected.
    Is(Kind),
    /// The file system's words.
    Failed(io::Error),
    /// It lies deeper than any folder of ours or of Lance.
    TooDeep,
    /// It has the name under which a file is written before it gets its own.
    Staged,
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(kind) => kind.fmt(formatter),
            Self::Failed(error) => write!(formatter, "cannot be looked at: {error}"),
            Self::TooDeep => formatter.write_str("is nested too deep; move it away by hand"),
            Self::Staged => formatter.write_str(
                "is a temporary file, of a write that goes on right now or that was killed; nothing reads it: remove it by hand once nobody writes to this root",
            ),
        }
    }
}

impl NotRead {
    /// Whether it is the temporary file of a write that is not finished. Nobody misses it.
    pub const fn is_staged(&self) -> bool {
        matches!(self.why, Why::Staged)
    }

    /// The name that an error of a store is about, if it is about one of many.
    pub fn of(error: &object_store::Error) -> Option<&Self> {
        match error {
            object_store::Error::Generic { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }

    /// Whether a regular file has the name of a folder: then nothing is below that name.
    pub(crate) const fn is_a_file_for_a_folder(&self) -> bool {
        matches!(self.why, Why::Is(Kind::File))
    }

    /// The name, as the store spells it.
    #[must_use]
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this very path is not read, and not something below it.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        self.path == *path
    }
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{doing} {} failed: {source}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(transparent)]
    NotRead(#[from] NotRead),
    #[error("{path}: {source}")]
    Name { path: String, source: InvalidName },
    #[error("{path} is outside the root {}", root.display())]
    Outside { path: String, root: PathBuf },
    #[error("the range {start}..{end} is not within the {size} bytes of {}", path.display())]
    Range {
        path: PathBuf,
        start: u64,
        end: u64,
        size: u64,
    },
    #[error("the upload was given up")]
    Aborted,
}

impl Failure {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io {
            doing,
            path: path.into(),
            source: source.into(),
        }
    }

    fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::NotFound)
    }

    /// Nothing of that name is there, and nothing can be.
    pub(crate) fn is_absent(&self) -> bool {
        let is_below_a_file =
            matches!(self, Self::NotRead(not_read) if not_read.is_a_file_for_a_folder());
        is_below_a_file
            || matches!(
                self.io_kind(),
                Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            )
    }
}

impl From<Failure> for object_store::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Self::NotFound {
                    path: path.display().to_string(),
                    source: Box::new(source),
                }
            }
            Failure::Io { path, source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
                Self::AlreadyExists {
                    path: path.display().to_string(),
                    source: Box::new(source),
                }
            }
            Failure::NotRead(not_read) => Self::Generic {
                store: STORE,
                source: Box::new(not_read),
            },
            other => Self::Generic {
                store: STORE,
                source: Box::new(other),
            },
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        let kind = failure.io_kind().unwrap_or(io::ErrorKind::Other);
        Self::new(kind, failure)
    }
}
