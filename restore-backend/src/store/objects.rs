//! The objects of one root, with what it takes to make them last and to work on them alone.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;

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
    directory: Option<PathBuf>,
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
            directory: None,
        }
    }
}

impl Objects {
    /// The objects below `prefix`, which is `directory` if they are on local disk.
    pub(crate) fn below(
        store: Arc<dyn ObjectStore>,
        prefix: Path,
        sync: Option<LocalSync>,
        directory: Option<PathBuf>,
    ) -> Self {
        Self {
            store,
            prefix,
            sync,
            directory,
        }
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
        let whole = |path: &Path| Path::from_iter(self.prefix.parts().chain(path.parts()));
        sync.keep(&paths.iter().map(whole).collect::<Vec<_>>())
            .await
    }

    /// The hold that an executor has for as long as nobody has created `next`, in its own folder.
    #[must_use]
    pub fn hold(&self, next: &Path) -> Hold {
        Hold::new(next.clone(), self.local(next))
    }

    /// Does something whose mutating requests are sent while none is on its way that is sent under a
    /// hold on this object's folder; on local disk only.
    pub async fn alone<T>(&self, path: &Path, work: impl Future<Output = T>) -> T {
        let folder = self
            .local(path)
            .and_then(|path| path.parent().map(std::path::Path::to_path_buf));
        match folder {
            Some(folder) => hold::alone(folder, work).await,
            None => work.await,
        }
    }

    fn local(&self, path: &Path) -> Option<PathBuf> {
        let mut local = self.directory.clone()?;
        local.extend(path.parts().map(|part| part.as_ref().to_owned()));
        Some(local)
    }
}
