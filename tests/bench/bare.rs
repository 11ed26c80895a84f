//! The same recovery by Lance's own calls, one after the other and with no guard at all: what everything else is measured against.

use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use lance::dataset::builder::DatasetBuilder;
use lance::session::Session;
use lance_io::object_store::providers::local::FileStoreProvider;
use lance_io::object_store::{
    ObjectStore, ObjectStoreParams, ObjectStoreProvider, ObjectStoreRegistry, WrappingObjectStore,
};
use object_store::list::PaginatedListStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore as RawObjectStore, ObjectStoreExt};
use restore_backend::lance_room::{
    CatalogReading, CommitOutcome, EffectIdentity, LanceRoom, PinUpdate, PublishRequest,
    RoomOptions,
};
use restore_backend::store::{Durability, ObservedStore, RequestLog};
use url::Url;

/// Lance's scheme for local files whose requests can be counted.
const SCHEME: &str = "file-object-store";

/// Local files, synced or not, as the recovery itself has them.
#[derive(Debug)]
struct Provider {
    durability: Durability,
}

#[async_trait]
impl ObjectStoreProvider for Provider {
    async fn new_store(&self, base: Url, params: &ObjectStoreParams) -> lance::Result<ObjectStore> {
        let mut store = FileStoreProvider.new_store(base, params).await?;
        let files = LocalFileSystem::new().with_fsync(self.durability == Durability::Synced);
        store.inner = Arc::new(files);
        Ok(store)
    }

    fn extract_path(&self, url: &Url) -> lance::Result<Path> {
        FileStoreProvider.extract_path(url)
    }
}

#[derive(Debug)]
struct Counted {
    log: RequestLog,
}

impl WrappingObjectStore for Counted {
    fn wrap(&self, _: &str, original: Arc<dyn RawObjectStore>) -> Arc<dyn RawObjectStore> {
        Arc::new(ObservedStore::new(original, self.log.clone()))
    }

    fn wrap_paginated(
        &self,
        _: &str,
        _: Arc<dyn PaginatedListStore>,
    ) -> Option<Arc<dyn PaginatedListStore>> {
        None
    }
}

/// Caches and clients, kept from one recovery to the next as the program keeps its own.
pub fn session(durability: Durability) -> Arc<Session> {
    let registry = ObjectStoreRegistry::default();
    registry.insert(SCHEME, Arc::new(Provider { durability }));
    Arc::new(Session::new(16 << 20, 64 << 20, Arc::new(registry)))
}

/// Opens, checks out and restores each table, publishes all of them with one merge-insert, and deletes the sidecar.
pub async fn roll_back(
    root: &FilePath,
    session: &Arc<Session>,
    durability: Durability,
    log: &RequestLog,
    tables: &[(String, String)],
    sidecar: &str,
) {
    let params = ObjectStoreParams {
        object_store_wrapper: Some(Arc::new(Counted { log: log.clone() })),
        ..ObjectStoreParams::default()
    };
    let mut updates = Vec::new();
    for (table_key, location) in tables {
        let uri = format!("{SCHEME}://{}/{location}", root.display());
        let mut dataset = DatasetBuilder::from_uri(uri)
            .with_session(session.clone())
            .with_store_params(params.clone())
            .load()
            .await
            .unwrap()
            .checkout_version(1)
            .await
            .unwrap();
        dataset.restore().await.unwrap();
        updates.push(PinUpdate {
            table_key: table_key.clone(),
            from_pin: 1,
            to_version: dataset.version().version,
            table_branch: None,
        });
    }
    let options = RoomOptions {
        durability,
        log: log.clone(),
        ..RoomOptions::default()
    };
    let room = LanceRoom::open(root.to_str().unwrap(), options)
        .await
        .unwrap();
    let CatalogReading::Present(catalog) = room.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    let request = PublishRequest {
        branch: None,
        read_version: catalog.version,
        updates,
        registrations: Vec::new(),
        tombstones: Vec::new(),
        identity: EffectIdentity {
            operation_id: "bare".to_owned(),
            plan_digest: String::new(),
        },
    };
    let published = room.publish(&request).await.unwrap();
    assert!(matches!(published, CommitOutcome::Committed { .. }));
    room.objects()
        .delete(&Path::from(format!("__recovery/{sidecar}")))
        .await
        .unwrap();
}
