//! The same recovery by Lance's own calls, one after the other and with no guard at all: what everything else is measured against.

use std::path::Path as FilePath;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow_schema::Schema;
use async_trait::async_trait;
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::{MergeInsertBuilder, WhenMatched, WhenNotMatched};
use lance::session::Session;
use lance_io::object_store::providers::local::FileStoreProvider;
use lance_io::object_store::{
    ObjectStore, ObjectStoreParams, ObjectStoreProvider, ObjectStoreRegistry, WrappingObjectStore,
};
use object_store::list::PaginatedListStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore as RawObjectStore, ObjectStoreExt};
use root_objects::store::{Durability, ObservedStore, RequestLog};
use url::Url;

/// Lance's scheme for local files whose requests can be counted.
const SCHEME: &str = "file-object-store";

/// What says which version of a table is visible.
const PINS: [&str; 6] = [
    "object_type",
    "location",
    "table_key",
    "table_version",
    "table_branch",
    "row_count",
];

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

/// Opens, checks out and restores each table, reads the catalog, publishes all of them with one merge-insert, and deletes the sidecar.
pub async fn roll_back(
    root: &FilePath,
    session: &Arc<Session>,
    log: &RequestLog,
    tables: &[(String, String)],
    sidecar: &str,
) {
    let params = ObjectStoreParams {
        object_store_wrapper: Some(Arc::new(Counted { log: log.clone() })),
        ..ObjectStoreParams::default()
    };
    let open = |location: &str| {
        DatasetBuilder::from_uri(format!("{SCHEME}://{}/{location}", root.display()))
            .with_session(session.clone())
            .with_store_params(params.clone())
            .load()
    };
    let mut pins = Vec::new();
    for (table_key, location) in tables {
        let mut dataset = open(location)
            .await
            .unwrap()
            .checkout_version(1)
            .await
            .unwrap();
        dataset.restore().await.unwrap();
        pins.push(Pin::of(table_key, &dataset).await);
    }
    let catalog = Arc::new(open("__manifest").await.unwrap());
    // Nobody publishes without knowing what is visible.
    let mut scanner = catalog.scan();
    scanner.project(&PINS).unwrap();
    let visible = scanner.try_into_batch().await.unwrap();
    assert!(visible.num_rows() > tables.len());
    let batch = batch(&catalog, &pins);
    let mut merge = MergeInsertBuilder::try_new(catalog, vec!["object_id".to_owned()]).unwrap();
    merge
        .when_matched(WhenMatched::Fail)
        .when_not_matched(WhenNotMatched::InsertAll)
        .conflict_retries(0)
        .use_index(false)
        .skip_auto_cleanup(true);
    let merge = merge.try_build().unwrap();
    let (catalog, _) = merge.execute_batches(vec![batch]).await.unwrap();
    let sidecar = Path::from_absolute_path(root.join("__recovery").join(sidecar)).unwrap();
    let store = catalog.object_store(None).await.unwrap();
    store.inner.delete(&sidecar).await.unwrap();
}

/// A version of a table as the catalog records it.
struct Pin {
    table_key: String,
    version: u64,
    rows: u64,
    record: String,
}

impl Pin {
    async fn of(table_key: &str, dataset: &Dataset) -> Self {
        let location = dataset.manifest_location();
        let record = serde_json::json!({
            "manifest_path": location.path.to_string(),
            "manifest_size": location.size,
            "e_tag": location.e_tag,
            "naming_scheme": "V2",
        });
        Self {
            table_key: table_key.to_owned(),
            version: dataset.version_id(),
            rows: dataset.count_rows(None).await.unwrap() as u64,
            record: record.to_string(),
        }
    }
}

fn batch(catalog: &Dataset, pins: &[Pin]) -> RecordBatch {
    let schema = Arc::new(Schema::from(catalog.schema()));
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let text = |value: fn(&Pin) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(pins.iter().map(value)))
        };
        let number = |value: fn(&Pin) -> u64| -> ArrayRef {
            Arc::new(UInt64Array::from_iter_values(pins.iter().map(value)))
        };
        match field.name().as_str() {
            "object_id" => text(|pin| format!("{}${:020}", pin.table_key, pin.version)),
            "object_type" => text(|_| "table_version".to_owned()),
            "metadata" => text(|pin| pin.record.clone()),
            "table_key" => text(|pin| pin.table_key.clone()),
            "table_version" => number(|pin| pin.version),
            "row_count" => number(|pin| pin.rows),
            _ => new_null_array(field.data_type(), pins.len()),
        }
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}
