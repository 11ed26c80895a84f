//! How long a local mutation has to survive, and the syncs that a store leaves out.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::path::Path as FilePath;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use object_store::path::Path;

use super::confined::ConfinedFiles;
use super::confined::Failure;

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

/// Folders remembered as durable; beyond, all are forgotten and synced again when they are met.
const FOLDERS_MAX: usize = 65_536;

/// Makes durable, on local disk, what a store alone leaves to the system.
//
// A `ConfinedStore` syncs puts, multipart uploads, copies, links and renames together with every
// directory it had to create. Three things are left, which are done here:
// - deletes;
// - an object that was already there: whoever made it may have died, or seen its sync fail, before
//   the name was on disk;
// - a folder that was already there: whoever made it may have died before its name was on disk.
#[derive(Clone, Debug)]
pub struct LocalSync {
    /// Folders above their root are not ours to sync.
    files: ConfinedFiles,
    /// Folders below it whose names are on disk, and those of all folders above them.
    durable: Arc<Mutex<HashSet<PathBuf>>>,
}

impl LocalSync {
    /// Syncs below this folder, named as the store names it.
    pub fn below(folder: &Path) -> Self {
        Self::of(ConfinedFiles::below(folder))
    }

    /// Syncs below the root of these files.
    pub fn of(files: ConfinedFiles) -> Self {
        Self {
            files,
            durable: Arc::default(),
        }
    }

    /// Syncs the names of the folders of an object. The object must be written, and its own folder synced.
    pub(super) async fn written(&self, location: &Path) -> object_store::Result<()> {
        let path = self.files.relative(location)?;
        let Some(folder) = path.parent() else {
            return Ok(());
        };
        if folder.as_os_str().is_empty() || self.is_durable(folder) {
            return Ok(());
        }
        let (sync, folder) = (self.clone(), folder.to_path_buf());
        blocking(move || sync.make_names_durable(&folder)).await
    }

    pub(super) async fn removed(&self, location: &Path) -> object_store::Result<()> {
        let path = self.files.relative(location)?;
        let sync = self.clone();
        blocking(move || sync.files.sync_nearest_folder(&path)).await
    }

    /// Syncs the folder above each of these, which were removed, and remembers their names as durable no longer.
    pub(super) async fn forget(&self, locations: &[Path]) -> object_store::Result<()> {
        let paths = locations
            .iter()
            .map(|location| self.files.relative(location))
            .collect::<Result<Vec<_>, _>>()?;
        let sync = self.clone();
        blocking(move || {
            let mut durable = sync.durable.lock().unwrap_or_else(PoisonError::into_inner);
            durable.retain(|folder| !paths.iter().any(|path| folder.starts_with(path)));
            std::mem::drop(durable);
            let nearest: BTreeSet<PathBuf> = paths
                .iter()
                .map(|path| sync.files.nearest_folder(path))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .flatten()
                .collect();
            nearest
                .iter()
                .try_for_each(|folder| sync.files.sync_folder(folder))
        })
        .await
    }

    /// Makes files durable, whoever wrote them: their bytes, and their names up to the root. Makes the
    /// absence of missing ones durable too. Every folder is synced once.
    pub async fn make_durable(&self, locations: &[Path]) -> object_store::Result<()> {
        let paths = locations
            .iter()
            .map(|location| self.files.relative(location))
            .collect::<Result<Vec<_>, _>>()?;
        let sync = self.clone();
        blocking(move || {
            let mut folders = BTreeSet::new();
            for path in &paths {
                sync.files.sync_what_is_at(path)?;
                folders.extend(sync.files.nearest_folder(path)?);
            }
            for folder in folders {
                sync.files.sync_folder(&folder)?;
                sync.make_names_durable(&folder)?;
            }
            Ok(())
        })
        .await
    }

    /// Makes a folder's name durable, and the names of the folders above it.
    fn make_names_durable(&self, folder: &FilePath) -> Result<(), Failure> {
        let mut kept = Vec::new();
        for below in folder.ancestors() {
            let Some(parent) = below.parent() else {
                break;
            };
            if self.is_durable(below) {
                break;
            }
            self.files.sync_folder(parent)?;
            kept.push(below.to_path_buf());
        }
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() > FOLDERS_MAX {
            durable.clear();
        }
        durable.extend(kept);
        Ok(())
    }

    fn is_durable(&self, folder: &FilePath) -> bool {
        let durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        durable.contains(folder)
    }
}

async fn blocking<F, T>(work: F) -> object_store::Result<T>
where
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
    T: Send + 'static,
{
    Ok(tokio::task::spawn_blocking(work).await??)
}
