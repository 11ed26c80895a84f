//! What a store holds: every version of every table with its transaction and content, the pins, the catalog, every file.

use std::collections::BTreeMap;

use fenced_lance::{
    CATALOG_PATH, CatalogReading, LanceRoot, Row, TableLocation, TransactionEntry,
    TransactionSummary,
};

use sidecar::journal::JournalRecord;
use sidecar::root_layout::{
    PROPERTY_RECOVERY_EFFECT, PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST,
};

use crate::support::Store;

/// The transactions of one table, by the version each made.
pub type Versions = BTreeMap<u64, TransactionSummary>;

/// A store at rest.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The visible version of every table.
    pub pins: BTreeMap<String, u64>,
    /// Every version of every table.
    pub tables: BTreeMap<String, Versions>,
    /// Every version of the catalog.
    pub catalog: Versions,
    /// The rows of every version, sorted, or `None` for one that cannot be read; only in a full snapshot.
    pub rows: BTreeMap<(String, u64), Option<Vec<Row>>>,
    /// Every file with its bytes, by its path below the root.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Snapshot {
    /// Everything but the rows.
    pub async fn light(store: &Store) -> Self {
        let lance = store.lance().await;
        let CatalogReading::Present(catalog) = lance.catalog(None).await.unwrap() else {
            panic!("no catalog")
        };
        let mut snapshot = Self {
            catalog: versions(&lance, CATALOG_PATH).await,
            files: store
                .files()
                .into_iter()
                .map(|(path, bytes)| {
                    let path = path.strip_prefix(store.path()).unwrap();
                    (path.to_str().unwrap().to_owned(), bytes)
                })
                .collect(),
            ..Self::default()
        };
        for (table_key, pin) in &catalog.pins {
            snapshot.pins.insert(table_key.clone(), pin.version);
            let versions = versions(&lance, &catalog.locations[table_key]).await;
            snapshot.tables.insert(table_key.clone(), versions);
        }
        snapshot
    }

    /// Everything, each version read row by row. Where every file of a table that `known` has is still the same, byte for
    /// byte, its versions read as they did there.
    pub async fn full(store: &Store, known: &Self) -> Self {
        let mut snapshot = Self::light(store).await;
        let lance = store.lance().await;
        for (table_key, versions) in &snapshot.tables {
            let place = crate::support::place(table_key);
            let folder = format!("{}/", place.path);
            let is_same = known.files.iter().all(|(path, bytes)| {
                !path.starts_with(&folder) || snapshot.files.get(path) == Some(bytes)
            });
            for version in versions.keys() {
                let key = (table_key.clone(), *version);
                if let Some(rows) = known.rows.get(&key).filter(|_| is_same) {
                    snapshot.rows.insert(key, rows.clone());
                    continue;
                }
                let rows = lance.read_rows(&place, *version, 10_000).await.ok();
                let sorted = rows.map(|mut rows| {
                    rows.sort();
                    rows
                });
                snapshot.rows.insert(key, sorted);
            }
        }
        snapshot
    }

    pub fn head(&self, table_key: &str) -> u64 {
        let versions = self.tables.get(table_key);
        versions
            .and_then(|versions| versions.keys().last().copied())
            .unwrap_or_default()
    }

    pub fn heads(&self) -> BTreeMap<String, u64> {
        let heads = self.tables.keys().map(|key| (key.clone(), self.head(key)));
        heads.collect()
    }

    /// The rows of a version; `None` if it is not there, cannot be read, or was not looked at.
    pub fn rows_at(&self, table_key: &str, version: u64) -> Option<&[Row]> {
        self.rows.get(&(table_key.to_owned(), version))?.as_deref()
    }

    /// The rows that readers see.
    pub fn visible_rows(&self, table_key: &str) -> Option<&[Row]> {
        self.rows_at(table_key, *self.pins.get(table_key)?)
    }

    /// Every tag of every table, by its file, with the version it names; `None` for a file that names none.
    pub fn tags(&self) -> BTreeMap<String, Option<u64>> {
        let version = |bytes: &[u8]| {
            let tag: serde_json::Value = serde_json::from_slice(bytes).ok()?;
            tag.get("version")?.as_u64()
        };
        let files = self.files.iter();
        files
            .filter(|(path, _)| path.contains("/_refs/tags/"))
            .map(|(path, bytes)| (path.clone(), version(bytes)))
            .collect()
    }

    /// What lies in the folder of sidecars.
    pub fn sidecars(&self) -> BTreeMap<&str, &[u8]> {
        let files = self.files.iter();
        files
            .filter(|(path, _)| path.starts_with("__recovery/"))
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
            .collect()
    }

    /// The records of every journal, in order, by operation.
    pub fn journals(&self) -> BTreeMap<&str, Vec<JournalRecord>> {
        let mut journals: BTreeMap<&str, Vec<JournalRecord>> = BTreeMap::new();
        for (path, bytes) in &self.files {
            let inside = path.strip_prefix("__recovery_log/");
            if let Some((operation, _)) = inside.and_then(|inside| inside.split_once('/'))
                && let Ok(record) = serde_json::from_slice(bytes)
            {
                journals.entry(operation).or_default().push(record);
            }
        }
        journals
    }
}

async fn versions(lance: &LanceRoot, path: &str) -> Versions {
    let place = TableLocation::main(path);
    let fenced_lance::Head::At { version } = lance.head(&place).await.unwrap() else {
        panic!("no table at {path}")
    };
    let list = lance.transactions(&place, 0, version, 1_000).await.unwrap();
    let known = list.entries.into_iter().filter_map(|entry| match entry {
        TransactionEntry::Known(summary) => Some((summary.version, summary)),
        TransactionEntry::Gone { .. } => None,
    });
    known.collect()
}

/// An effect of a recovery, as its transaction tells.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Effect {
    /// `restore`, `publish` or `fence_catalog`.
    pub kind: String,
    /// The digest of the plan it names.
    pub digest: String,
    /// The table; `None` is the catalog.
    pub table: Option<String>,
    /// The version it made.
    pub version: u64,
}

impl Snapshot {
    /// Every commit that names the operation.
    pub fn effects(&self, operation: &str) -> Vec<Effect> {
        let catalog = self.catalog.values().map(|summary| (None, summary));
        let tables = self.tables.iter().flat_map(|(table, versions)| {
            versions
                .values()
                .map(move |summary| (Some(table.clone()), summary))
        });
        let ours = catalog.chain(tables).filter(|(_, summary)| {
            summary
                .properties
                .get(PROPERTY_RECOVERY_OPERATION_ID)
                .map(String::as_str)
                == Some(operation)
        });
        ours.map(|(table, summary)| {
            let property = |name| summary.properties.get(name).cloned().unwrap_or_default();
            Effect {
                kind: property(PROPERTY_RECOVERY_EFFECT),
                digest: property(PROPERTY_RECOVERY_PLAN_DIGEST),
                table,
                version: summary.version,
            }
        })
        .collect()
    }
}
