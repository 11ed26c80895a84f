//! The folder that everything is confined to.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path as FilePath;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use super::beneath;

/// A root's folder on local disk. Cheap to clone.
///
/// Links on the way to it are resolved once, when the folder is first met; the resolved path stays its path from then on.
/// It is opened by that path for every request, so that a root that is removed, or replaced by a backup, is not read any longer.
#[derive(Clone, Debug)]
pub(crate) struct RootFolder {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    given: PathBuf,
    resolved: OnceLock<PathBuf>,
}

impl RootFolder {
    pub(crate) fn at(directory: PathBuf) -> Self {
        Self {
            inner: Arc::new(Inner {
                given: directory,
                resolved: OnceLock::new(),
            }),
        }
    }

    /// As it was given, for messages.
    pub(super) fn path(&self) -> &FilePath {
        &self.inner.given
    }

    /// Its path without links; an error while there is no such folder.
    pub(crate) fn resolve(&self) -> io::Result<&FilePath> {
        if let Some(resolved) = self.inner.resolved.get() {
            return Ok(resolved);
        }
        let resolved = fs::canonicalize(&self.inner.given)?;
        Ok(self.inner.resolved.get_or_init(|| resolved))
    }

    pub(super) fn open(&self) -> io::Result<OwnedFd> {
        Ok(beneath::open_root(self.resolve()?)?)
    }

    /// Makes the folder, and those above it, if there is none. If `synced`, each new one is durable then.
    pub(super) fn make(&self, synced: bool) -> io::Result<OwnedFd> {
        match self.open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let missing: Vec<&FilePath> = self
            .path()
            .ancestors()
            .take_while(|above| !above.exists())
            .collect();
        fs::create_dir_all(self.path())?;
        if synced {
            for made in missing {
                fs::File::open(made)?.sync_all()?;
                if let Some(above) = made.parent() {
                    fs::File::open(above)?.sync_all()?;
                }
            }
        }
        self.open()
    }
}
