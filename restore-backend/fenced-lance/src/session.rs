//! The caches and store clients shared by every `LanceRoot` of the process.

use std::sync::Arc;
use std::sync::OnceLock;

use async_trait::async_trait;
use lance::session::Session;
use lance_core::Result;
use lance_io::object_store::ObjectStore;
use lance_io::object_store::ObjectStoreParams;
use lance_io::object_store::ObjectStoreProvider;
use lance_io::object_store::ObjectStoreRegistry;
use lance_io::object_store::WrappingObjectStore;
use lance_io::object_store::providers::local::FileStoreProvider;
use object_store::ObjectStore as RawObjectStore;
use object_store::list::PaginatedListStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;

use super::memory::Memory;
use root_objects::store::ConfinedStore;
use root_objects::store::Durability;
use root_objects::store::LocalSync;
use root_objects::store::ObservedStore;
use root_objects::store::RequestLog;

/// Lance's scheme for local files whose every request goes through the object store interface.
/// Its ordinary `file` scheme opens files directly, past any wrapper.
pub(super) const LOCAL_SCHEME: &str = "file-object-store";

/// Index pages kept. We read indices only to write `__manifest` without using them.
const INDEX_CACHE_BYTES: usize = 16 << 20;
/// Lance manifests and file footers kept: a few thousand tables of ordinary size.
const METADATA_CACHE_BYTES: usize = 64 << 20;

/// The session for roots of one durability.
///
/// Without a shared one, every open makes its own HTTP client, asks for credentials and the
/// region again, and holds caches of up to 7 GiB.
pub(super) fn shared(durability: Durability) -> Arc<Session> {
    static SYNCED: OnceLock<Arc<Session>> = OnceLock::new();
    static RELAXED: OnceLock<Arc<Session>> = OnceLock::new();
    let session = match durability {
        Durability::Synced => &SYNCED,
        Durability::Relaxed => &RELAXED,
    };
    session
        .get_or_init(|| {
            let registry = ObjectStoreRegistry::default();
            registry.insert(LOCAL_SCHEME, Arc::new(LocalProvider { durability }));
            Arc::new(Session::new(
                INDEX_CACHE_BYTES,
                METADATA_CACHE_BYTES,
                Arc::new(registry),
            ))
        })
        .clone()
}

// Lance's own provider never syncs, so a power loss could undo a restore that is already recorded as
// done. A root replaces this store by one that also stays below its folder; see `ObservingWrapper`.
#[derive(Debug)]
struct LocalProvider {
    durability: Durability,
}

#[async_trait]
impl ObjectStoreProvider for LocalProvider {
    async fn new_store(&self, base_path: Url, params: &ObjectStoreParams) -> Result<ObjectStore> {
        let mut store = FileStoreProvider.new_store(base_path, params).await?;
        let files = LocalFileSystem::new().with_fsync(self.durability == Durability::Synced);
        store.inner = Arc::new(files);
        Ok(store)
    }

    fn extract_path(&self, url: &Url) -> Result<Path> {
        FileStoreProvider.extract_path(url)
    }

    fn calculate_object_store_prefix(
        &self,
        url: &Url,
        storage_options: Option<&std::collections::HashMap<String, String>>,
    ) -> Result<String> {
        FileStoreProvider.calculate_object_store_prefix(url, storage_options)
    }
}

/// Puts everything Lance does with a root's store into the root's request log.
#[derive(Debug)]
pub(super) struct ObservingWrapper {
    pub(super) log: RequestLog,
    pub(super) prefix: Path,
    /// On local disk: the store of everything below the root's folder, and of nothing else.
    pub(super) files: Option<ConfinedStore>,
    pub(super) sync: Option<LocalSync>,
    pub(super) memory: Arc<Memory>,
}

impl WrappingObjectStore for ObservingWrapper {
    fn wrap(
        &self,
        _store_prefix: &str,
        original: Arc<dyn RawObjectStore>,
    ) -> Arc<dyn RawObjectStore> {
        let store: Arc<dyn RawObjectStore> = match &self.files {
            Some(files) => Arc::new(files.clone()),
            None => original,
        };
        let store = ObservedStore::new(store, self.log.clone())
            .relative_to(self.prefix.clone())
            .without_version_hint()
            .heard_by(self.memory.clone());
        Arc::new(match &self.sync {
            Some(sync) => store.syncing_with(sync.clone()),
            None => store,
        })
    }

    // A paginated listing would bypass the log, so none is offered.
    fn wrap_paginated(
        &self,
        _store_prefix: &str,
        _original: Arc<dyn PaginatedListStore>,
    ) -> Option<Arc<dyn PaginatedListStore>> {
        None
    }
}
