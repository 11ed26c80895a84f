//! How long a local mutation has to survive, and the directory syncs that object_store leaves out.

use std::fs::File;
use std::io;
use std::path::Path as FilePath;
use std::path::PathBuf;

use object_store::local::LocalFileSystem;
use object_store::path::Path;

/// Whether a mutation on local disk is on disk before it is reported done.
///
/// Object stores are durable by themselves; the choice has no effect there.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Durability {
    /// Every mutation is fsynced, its directory too, before the next step may depend on it.
    #[default]
    Synced,
    /// Nothing is fsynced. For sample stores that can be made again at any time.
    Relaxed,
}

// `LocalFileSystem::with_fsync` covers puts, multipart uploads, copies, links and renames together
// with every directory it had to create. It leaves out deletes, and it leaves out an object that
// was already there: a create that finds one reports it without knowing whether whoever made it
// lived long enough to sync it. Both are done here.
#[derive(Clone, Debug)]
pub(super) struct LocalSync {
    files: LocalFileSystem,
}

impl LocalSync {
    pub(super) fn new() -> Self {
        Self {
            files: LocalFileSystem::new(),
        }
    }

    pub(super) async fn removed(&self, location: &Path) -> object_store::Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        blocking(move || sync_parent(&path)).await
    }

    pub(super) async fn found(&self, location: &Path) -> object_store::Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        blocking(move || {
            match File::open(&path) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            sync_parent(&path)
        })
        .await
    }
}

async fn blocking<F>(work: F) -> object_store::Result<()>
where
    F: FnOnce() -> io::Result<()> + Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await?
        .map_err(|source| object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(source),
        })
}

// The directory may itself be gone by now; then the nearest one that is left lost the entry.
fn sync_parent(path: &FilePath) -> io::Result<()> {
    let mut parent: Option<PathBuf> = path.parent().map(FilePath::to_path_buf);
    while let Some(directory) = parent {
        match File::open(&directory) {
            Ok(directory) => return directory.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                parent = directory.parent().map(FilePath::to_path_buf);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
