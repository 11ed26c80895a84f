//! How long a local mutation has to survive, and the syncs that object_store leaves out.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path as FilePath;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

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

/// Folders remembered as lasting; beyond, all are forgotten and synced again when they are met.
const FOLDERS_MAX: usize = 65_536;

// `LocalFileSystem::with_fsync` covers puts, multipart uploads, copies, links and renames together
// with every directory it had to create. It leaves out three things, which are done here:
// - deletes;
// - an object that was already there: whoever made it may have died, or seen its sync fail, before
//   the name was on disk;
// - a folder that was already there: whoever made it may have died before its name was.
#[derive(Clone, Debug)]
pub(crate) struct LocalSync {
    files: LocalFileSystem,
    /// Nothing above this folder is ours.
    top: PathBuf,
    /// Folders below it whose names are on disk, and those of all folders above them.
    lasting: Arc<Mutex<HashSet<PathBuf>>>,
}

impl LocalSync {
    /// For what lies below a folder, named as the store names it.
    pub(crate) fn below(folder: &Path) -> Self {
        let files = LocalFileSystem::new();
        let top = files
            .path_to_filesystem(&folder.clone().join("_"))
            .ok()
            .and_then(|path| path.parent().map(FilePath::to_path_buf))
            .unwrap_or_else(|| PathBuf::from("/"));
        Self {
            files,
            top,
            lasting: Arc::default(),
        }
    }

    /// After an object was written and its own folder synced: the names of the folders it is in.
    pub(super) async fn written(&self, location: &Path) -> object_store::Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        let Some(folder) = path.parent() else {
            return Ok(());
        };
        if folder == self.top || self.is_lasting(folder) {
            return Ok(());
        }
        let (sync, folder) = (self.clone(), folder.to_path_buf());
        blocking(move || sync.keep_names(&folder)).await
    }

    pub(super) async fn removed(&self, location: &Path) -> object_store::Result<()> {
        let path = self.files.path_to_filesystem(location)?;
        blocking(move || sync_parent(&path)).await
    }

    /// Makes what is there last, whoever put it there: files with their bytes, and their names up to
    /// the root; of what is not there, that it is not. Every folder is synced once.
    pub(crate) async fn keep(&self, locations: &[Path]) -> object_store::Result<()> {
        let paths = locations
            .iter()
            .map(|location| self.files.path_to_filesystem(location))
            .collect::<object_store::Result<Vec<_>>>()?;
        let sync = self.clone();
        blocking(move || {
            let mut folders = BTreeSet::new();
            for path in &paths {
                match File::open(path) {
                    Ok(file) => file.sync_all()?,
                    Err(error) if is_absent(&error) => {}
                    Err(error) => return Err(error),
                }
                folders.extend(nearest_folder(path));
            }
            for folder in folders {
                sync_folder(&folder)?;
                sync.keep_names(&folder)?;
            }
            Ok(())
        })
        .await
    }

    /// Makes a folder's name last, and those of the folders above it.
    fn keep_names(&self, folder: &FilePath) -> io::Result<()> {
        let mut kept = Vec::new();
        let ours = folder
            .ancestors()
            .take_while(|above| *above != self.top && above.starts_with(&self.top));
        for below in ours {
            if self.is_lasting(below) {
                break;
            }
            if let Some(parent) = below.parent() {
                sync_folder(parent)?;
            }
            kept.push(below.to_path_buf());
        }
        let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        if lasting.len() > FOLDERS_MAX {
            lasting.clear();
        }
        lasting.extend(kept);
        Ok(())
    }

    fn is_lasting(&self, folder: &FilePath) -> bool {
        let lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        lasting.contains(folder)
    }
}

pub(super) async fn blocking<F, T>(work: F) -> object_store::Result<T>
where
    F: FnOnce() -> io::Result<T> + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work)
        .await?
        .map_err(|source| object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(source),
        })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn sync_folder(folder: &FilePath) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if is_absent(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

// The directory may itself be gone by now; then the nearest one that is left lost the entry.
fn nearest_folder(path: &FilePath) -> Option<PathBuf> {
    path.ancestors()
        .skip(1)
        .find(|above| above.is_dir())
        .map(FilePath::to_path_buf)
}

fn sync_parent(path: &FilePath) -> io::Result<()> {
    nearest_folder(path).map_or(Ok(()), |folder| sync_folder(&folder))
}
