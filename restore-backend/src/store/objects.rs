//! The objects of one root, with what it takes to make them last and to work on them alone.

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
/// It is the store, and knows in addition how what is found there is made to last. Cheap to clone.
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
    pub(crate) fn below(
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

    /// Whether they are files, so that a listing names what it cannot read ([`super::NotRead`]).
    pub(crate) fn are_files(&self) -> bool {
        self.files.is_some()
    }

    /// Makes what is there last, whoever put it there: these objects with their bytes, and their
    /// names up to the root; of those that are not there, that they are not.
    ///
    /// For what is taken for done because it was found: whoever wrote it may have died, or seen its
    /// sync fail, before it was on disk. Nothing is asked of an object store, nor where durability is
    /// relaxed.
    ///
    /// # Errors
    /// The file system's words; nothing may be built on these objects then.
    pub async fn keep(&self, paths: &[Path]) -> object_store::Result<()> {
        let Some(sync) = &self.sync else {
            return Ok(());
        };
        let whole: Vec<Path> = paths.iter().map(|path| self.whole(path)).collect();
        sync.keep(&whole).await
    }

    /// The hold that an executor has for as long as nobody has created `next`, in its own folder.
    #[must_use]
    pub fn hold(&self, next: &Path) -> Hold {
        Hold::new(next.clone(), self.local(next))
    }

    /// Does something whose mutating requests are sent while none is on its way that is sent under a
    /// hold on this object's folder; on local disk only.
    pub async fn alone<T>(&self, path: &Path, work: impl Future<Output = T>) -> T {
        match self.local(path) {
            Some(place) => hold::alone(place, work).await,
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
