//! What a released engine does with a sidecar, in Lance's own calls: it has never heard of claims, and fences nothing. It restores
//! first, over whatever HEAD is by then, and publishes afterwards, whatever else was published meanwhile, as long as the pins of
//! its own tables are what it saw.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array, new_null_array};
use fenced_lance::{CatalogReading, LanceRoot, LanceRootOptions};
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::{MergeInsertBuilder, WhenMatched, WhenNotMatched};
use sidecar::{Limits, OperationId, Sidecar, SidecarFile};

use crate::support::place;

/// How often it publishes anew when another publish took one of its rows.
const PUBLISH_TRIES: usize = 6;

#[derive(Clone, Debug)]
pub struct Engine {
    root: PathBuf,
    file: String,
}

/// What it saw when it looked, and the versions it wants to be visible.
#[derive(Debug)]
pub enum Prepared {
    /// There is no sidecar.
    Nothing,
    /// No table is above its pin: the sidecar is all there is to take away.
    Stale,
    Publish {
        /// The pins it saw, by table.
        expected: BTreeMap<String, u64>,
        /// The versions to publish, by table.
        versions: BTreeMap<String, u64>,
        restored: bool,
    },
}

impl Prepared {
    /// Whether it restored a table.
    pub fn restored(&self) -> bool {
        matches!(self, Self::Publish { restored: true, .. })
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ended {
    NothingToDo,
    Published,
    /// Its publish did not go through, and it stops.
    Lost,
}

impl Engine {
    pub fn of(root: &Path, operation: &OperationId) -> Self {
        Self {
            root: root.to_owned(),
            file: operation.file_name(),
        }
    }

    fn sidecar_path(&self) -> PathBuf {
        self.root.join("__recovery").join(&self.file)
    }

    fn sidecar(&self) -> Option<Sidecar> {
        let bytes = std::fs::read(self.sidecar_path()).ok()?;
        SidecarFile::read(&self.file, bytes, &Limits::DEFAULT)
            .content
            .ok()
    }

    async fn pins(&self) -> BTreeMap<String, u64> {
        let lance = LanceRoot::open(self.root.to_str().unwrap(), LanceRootOptions::default())
            .await
            .unwrap();
        let CatalogReading::Present(catalog) = lance.catalog(None).await.unwrap() else {
            panic!("no catalog")
        };
        let pins = catalog.pins.into_iter();
        pins.map(|(table_key, pin)| (table_key, pin.version))
            .collect()
    }

    async fn dataset(&self, path: &str) -> Dataset {
        let path = self.root.join(path);
        Box::pin(DatasetBuilder::from_uri(path.to_str().unwrap()).load())
            .await
            .unwrap()
    }

    async fn table(&self, table_key: &str) -> Dataset {
        self.dataset(&place(table_key).path).await
    }

    /// Looks at pins and HEADs, decides, and restores what is to be taken back.
    pub async fn restores(&self) -> Prepared {
        let Some(sidecar) = self.sidecar() else {
            return Prepared::Nothing;
        };
        let pins = self.pins().await;
        let mut heads = BTreeMap::new();
        let mut forward = true;
        for pin in &sidecar.tables {
            let (key, pinned) = (&pin.table_key, pins[&pin.table_key]);
            let head = self.table(key).await.version_id();
            forward &=
                head == pinned + 1 && pin.expected_version == pinned && pin.post_commit_pin == head;
            if head > pinned {
                heads.insert(key.clone(), head);
            }
        }
        if heads.is_empty() {
            return Prepared::Stale;
        }
        let mut versions = heads;
        if !forward {
            for (table_key, version) in &mut versions {
                let table = self.table(table_key).await;
                let mut pinned = Box::pin(table.checkout_version(pins[table_key]))
                    .await
                    .unwrap();
                Box::pin(pinned.restore()).await.unwrap();
                // What is HEAD now, which need not be its own restore.
                *version = self.table(table_key).await.version_id();
            }
        }
        let expected = versions.keys().map(|key| (key.clone(), pins[key]));
        Prepared::Publish {
            expected: expected.collect(),
            versions,
            restored: !forward,
        }
    }

    /// Publishes, and deletes the sidecar. Where somebody else published the same already, only the latter.
    pub async fn publishes(&self, prepared: &Prepared) -> Ended {
        let ended = match prepared {
            Prepared::Nothing => return Ended::NothingToDo,
            Prepared::Stale => Ended::NothingToDo,
            Prepared::Publish {
                expected,
                versions,
                restored,
            } => {
                if !self.publish(expected, versions).await {
                    let pins = self.pins().await;
                    let is_reached = versions.iter().all(|(key, version)| pins[key] >= *version);
                    if *restored || !is_reached {
                        return Ended::Lost;
                    }
                }
                Ended::Published
            }
        };
        // Somebody else may have been faster.
        std::fs::remove_file(self.sidecar_path()).ok();
        ended
    }

    async fn publish(
        &self,
        expected: &BTreeMap<String, u64>,
        versions: &BTreeMap<String, u64>,
    ) -> bool {
        for _ in 0..PUBLISH_TRIES {
            let catalog = self.dataset("__manifest").await;
            let pins = self.pins().await;
            if expected.iter().any(|(key, pin)| pins.get(key) != Some(pin)) {
                return false;
            }
            let rows = self.rows(&catalog, versions).await;
            let key = vec!["object_id".to_owned()];
            let mut merge = MergeInsertBuilder::try_new(Arc::new(catalog), key).unwrap();
            merge
                .when_matched(WhenMatched::UpdateAll)
                .when_not_matched(WhenNotMatched::InsertAll)
                .conflict_retries(0)
                .use_index(false)
                .skip_auto_cleanup(true);
            let job = merge.try_build().unwrap();
            match Box::pin(job.execute_batches(vec![rows])).await {
                Ok(_) => return true,
                Err(lance::Error::TooMuchWriteContention { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        false
    }

    /// The rows of the catalog that make these versions visible.
    async fn rows(&self, catalog: &Dataset, versions: &BTreeMap<String, u64>) -> RecordBatch {
        let (mut records, mut counts) = (Vec::new(), Vec::new());
        for (table_key, version) in versions {
            let table = self.table(table_key).await;
            let table = Box::pin(table.checkout_version(*version)).await.unwrap();
            let manifest = table.manifest_location();
            let record = serde_json::json!({
                "manifest_path": manifest.path.to_string(),
                "manifest_size": manifest.size,
                "e_tag": manifest.e_tag,
                "naming_scheme": "V2",
            });
            records.push(record.to_string());
            counts.push(Box::pin(table.count_rows(None)).await.unwrap() as u64);
        }
        let ids = versions
            .iter()
            .map(|(key, version)| format!("{key}${version:020}"));
        let schema = RecordBatch::new_empty(Arc::new(catalog.schema().into())).schema();
        let columns = schema.fields().iter().map(|field| -> ArrayRef {
            match field.name().as_str() {
                "object_id" => Arc::new(StringArray::from_iter_values(ids.clone())),
                "object_type" => Arc::new(StringArray::from_iter_values(
                    versions.keys().map(|_| "table_version"),
                )),
                "metadata" => Arc::new(StringArray::from_iter_values(&records)),
                "table_key" => Arc::new(StringArray::from_iter_values(versions.keys())),
                "table_version" => {
                    Arc::new(UInt64Array::from_iter_values(versions.values().copied()))
                }
                "row_count" => Arc::new(UInt64Array::from_iter_values(counts.iter().copied())),
                _ => new_null_array(field.data_type(), versions.len()),
            }
        });
        RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
    }
}
