//! The objects of one root, and how to make them durable and to work on them exclusively.

use std::ops::Deref;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;

use super::confined::ConfinedFiles;
use super::confined::LocalPlace;
use super::durability::LocalSync;
use super::hold;
use super::hold::Hold;

/// The objects of one root, by paths relative to it.
///
/// It is the store, and can also make objects durable that were found there. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    sync: Option<LocalSync>,
    files: Option<ConfinedFiles>,
}

impl Deref for Objects {
    type Target = Arc<dyn ObjectStore>;

    fn deref(&self) -> &Self::Target {
        &self.store
    }
}

/// A store that is durable by itself.
impl From<Arc<dyn ObjectStore>> for Objects {
    fn from(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            prefix: Path::default(),
            sync: None,
            files: None,
        }
    }
}

impl Objects {
    /// The objects below `prefix`, which are `files` if they are on local disk.
    pub fn below(
        store: Arc<dyn ObjectStore>,
        prefix: Path,
        sync: Option<LocalSync>,
        files: Option<ConfinedFiles>,
    ) -> Self {
        Self {
            store,
            prefix,
            sync,
            files,
        }
    }

    /// Whether the objects are files; then a listing names those it cannot read ([`super::NotRead`]).
    pub(crate) fn are_files(&self) -> bool {
        self.files.is_some()
    }

    /// Makes these objects durable, whoever wrote them: their bytes, and their names up to the root.
    /// Makes the absence of those that are missing durable too.
    ///
    /// Call it before building on an object that was found: its writer may have died, or seen its
    /// sync fail, before it was on disk. Does nothing on an object store or if durability is relaxed.
    ///
    /// # Errors
    /// The file system's words. Nothing may be built on these objects then.
    pub async fn make_durable(&self, paths: &[Path]) -> object_store::Result<()> {
        let Some(sync) = &self.sync else {
            return Ok(());
        };
        let whole: Vec<Path> = paths.iter().map(|path| self.whole(path)).collect();
        sync.make_durable(&whole).await
    }

    /// Removes folders on local disk that are empty, in this order; whether the last of them is gone. An object store has no folders. On
    /// return their absence is durable.
    ///
    /// # Errors
    /// The file system's words; some may be gone.
    pub async fn remove_empty_folders(&self, folders: &[Path]) -> object_store::Result<bool> {
        let Some(files) = &self.files else {
            return Ok(true);
        };
        let whole: Vec<Path> = folders.iter().map(|folder| self.whole(folder)).collect();
        let is_gone = files.remove_empty_folders(&whole).await?;
        if let Some(sync) = &self.sync {
            sync.forget(&whole).await?;
        }
        Ok(is_gone)
    }

    /// An executor's hold, until somebody creates `next`. No other operation may use the folder of `next`.
    #[must_use]
    pub fn hold(&self, next: &Path) -> Hold {
        Hold::new(next.clone(), self.local(next))
    }

    /// Runs `work`. On local disk, each of its mutating requests waits until none under a hold on the
    /// folder of `path` is on its way.
    pub async fn exclusively<T>(&self, path: &Path, work: impl Future<Output = T>) -> T {
        match self.local(path) {
            Some(place) => hold::exclusively(place, work).await,
            None => work.await,
        }
    }

    fn whole(&self, path: &Path) -> Path {
        Path::from_iter(self.prefix.parts().chain(path.parts()))
    }

    fn local(&self, path: &Path) -> Option<LocalPlace> {
        LocalPlace::of(self.files.as_ref()?, &self.whole(path))
    }
}
