//! A root in a temporary folder.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use fenced_lance::{
    CatalogReading, CatalogTable, CreateOutcome, Head, LanceRoot, LanceRootOptions, Row,
    TableLocation, TableWrite,
};
use root_objects::clock;
use root_objects::store::{Durability, RequestLog};
use sidecar::{OperationId, Timestamp};
use tempfile::TempDir;
use two_phase_writer::{NewOperation, OperationKind, Prepared, TwoPhaseWriter};

use crate::rows::{Visible, added_on, done, numbers_at, place, rows};

/// A root in a temporary folder, which is removed when it is dropped.
#[derive(Debug)]
pub struct Store {
    folder: TempDir,
    path: PathBuf,
    relocated_from: Option<String>,
}

/// The archives of graphs that released engines left behind.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// The same files somewhere else.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Store {
    /// A graph that a released engine left behind, unpacked.
    pub fn unpacked(engine: &str, name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let archive =
            std::fs::File::open(fixtures().join(engine).join(format!("{name}.tar.gz"))).unwrap();
        tar::Archive::new(flate2::read::GzDecoder::new(archive))
            .unpack(folder.path())
            .unwrap();
        Self {
            path: folder.path().join(name),
            relocated_from: Some(format!("/srv/graphs/{name}")),
            folder,
        }
    }

    /// A root with nothing in it.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        std::fs::create_dir(&path).unwrap();
        Self {
            folder,
            path,
            relocated_from: None,
        }
    }

    /// A store of our own writer with these tables, ten rows each, all published at version 1.
    pub async fn with_tables(table_keys: &[&str]) -> Self {
        let store = Self::empty();
        let places: Vec<_> = table_keys
            .iter()
            .map(|key| (*key, place(key).path))
            .collect();
        store
            .publish_first(&store.lance().await, &places, &rows(0..10))
            .await;
        store
    }

    /// Makes tables of these rows, by key and path, and the catalog that shows them at version 1.
    pub async fn publish_first(
        &self,
        lance: &LanceRoot,
        places: &[(impl AsRef<str>, impl AsRef<str>)],
        rows: &[Row],
    ) {
        let mut tables = Vec::new();
        for (table_key, path) in places {
            let location = TableLocation::main(path.as_ref());
            let version = lance.create_table(&location, rows).await.unwrap();
            tables.push(CatalogTable {
                table_key: table_key.as_ref().to_owned(),
                location: location.path,
                version,
                table_branch: None,
            });
        }
        let created = lance.create_catalog(&tables).await.unwrap();
        assert_eq!(created, CreateOutcome::Created { version: 1 });
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that the root is in, alone.
    pub fn beside(&self) -> &Path {
        self.folder.path()
    }

    /// What is in that folder besides.
    pub fn lies_beside(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.beside()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| *path != self.path).collect()
    }

    /// Where it stood when it was written, if it is a copy.
    pub fn relocated_from(&self) -> Option<&str> {
        self.relocated_from.as_deref()
    }

    /// The same, as if it had been moved from there.
    pub fn moved_from(mut self, place: &str) -> Self {
        self.relocated_from = Some(place.to_owned());
        self
    }

    pub fn without_relocation(mut self) -> Self {
        self.relocated_from = None;
        self
    }

    /// The same store somewhere else, byte for byte.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        copy_folder(&self.path, &path);
        let home = self
            .relocated_from
            .clone()
            .unwrap_or_else(|| self.path.to_str().unwrap().to_owned());
        Self {
            folder,
            path,
            relocated_from: Some(home),
        }
    }

    /// Takes these files in place of its own. The folder of the root stays the one it is.
    pub fn hold(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(&self.path).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                std::fs::remove_dir_all(entry.path()).unwrap();
            } else {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        for (file, bytes) in files {
            let file = self.path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }

    /// What a writer without this program's options has.
    pub async fn lance(&self) -> LanceRoot {
        self.lance_with(RequestLog::default()).await
    }

    /// The same, with every request in this record.
    pub async fn lance_with(&self, log: RequestLog) -> LanceRoot {
        let options = LanceRootOptions {
            log,
            durability: Durability::Relaxed,
            relocated_from: self.relocated_from.clone(),
            ..LanceRootOptions::default()
        };
        LanceRoot::open(self.path.to_str().unwrap(), options)
            .await
            .unwrap()
    }

    /// Every file with its bytes, to tell whether anything at all changed.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    files.insert(path, bytes);
                }
            }
        }
        let mut files = BTreeMap::new();
        walk(&self.path, &mut files);
        files
    }

    /// An image of everything but the journals, as a backup has it.
    pub fn backup(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = self.files();
        files.retain(|path, _| !self.is_of_a_journal(path));
        files
    }

    /// Brings a backup back. The journals are kept as they are.
    pub fn bring_back(&self, backup: &BTreeMap<PathBuf, Vec<u8>>) {
        for path in self.files().keys() {
            if !self.is_of_a_journal(path) {
                std::fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in backup {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }

    fn is_of_a_journal(&self, path: &Path) -> bool {
        path.starts_with(self.path.join("__recovery_log"))
    }

    /// The one operation with a sidecar.
    pub fn operation(&self) -> OperationId {
        let mut names = std::fs::read_dir(self.path.join("__recovery"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.next().expect("a sidecar");
        assert!(names.next().is_none(), "more than one sidecar");
        name.trim_end_matches(".json").parse().unwrap()
    }

    /// What marks an operation as open, by name.
    pub fn marks_of(&self, operation: &OperationId) -> Vec<String> {
        let marks = std::fs::read_dir(self.path.join("__recovery_log/open")).unwrap();
        let names = marks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names
            .filter(|name| name.starts_with(operation.as_str()))
            .collect()
    }

    pub fn sidecars(&self) -> usize {
        std::fs::read_dir(self.path.join("__recovery")).map_or(0, Iterator::count)
    }

    pub async fn begin(&self, tables: &[&str]) -> Prepared {
        let operation = NewOperation {
            operation_id: None,
            started_at: Some(Timestamp::from_micros(
                clock::now().micros() - 3_600_000_000,
            )),
            branch: None,
            actor_id: Some("ada".to_owned()),
            kind: OperationKind::Mutation,
            tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        };
        done(
            TwoPhaseWriter::new(self.lance().await)
                .begin(operation)
                .await
                .unwrap(),
        )
    }

    /// A write over `tables` that died after committing the first `committed` of them.
    pub async fn crashed_write(&self, tables: &[&str], committed: usize) -> OperationId {
        let mut prepared = self.begin(tables).await;
        for table in &tables[..committed] {
            let added = rows(added_on(self.head(table).await));
            let write = TableWrite::append_rows(&added);
            done(prepared.commit(table, write).await.unwrap());
        }
        prepared.stop()
    }

    /// A whole write: one commit of its own rows to each of these tables, published, its sidecar gone.
    pub async fn written(&self, tables: &[&str], added: Range<u64>) {
        let mut prepared = self.begin(tables).await;
        for table in tables {
            let write = TableWrite::append_rows(&rows(added.clone()));
            done(prepared.commit(table, write).await.unwrap());
        }
        let published = done(prepared.publish().await.unwrap());
        done(published.finish().await.unwrap());
    }

    /// Every table of the catalog, with where it is and its pin.
    async fn pins(&self, lance: &LanceRoot) -> Vec<(String, TableLocation, u64)> {
        let CatalogReading::Present(catalog) = lance.catalog(None).await.unwrap() else {
            panic!("no catalog")
        };
        let pins = catalog.pins.iter().map(|(table_key, pin)| {
            let path = &catalog.locations[table_key];
            let location = TableLocation::on(path, pin.table_branch.as_deref());
            (table_key.clone(), location, pin.version)
        });
        pins.collect()
    }

    /// What readers see of a store of [`Row`]s.
    pub async fn visible_rows(&self) -> Visible {
        self.visible_rows_but_of(|_| false).await
    }

    /// What readers see of all but some tables.
    pub async fn visible_rows_but_of(&self, is_left_out: impl Fn(&str) -> bool) -> Visible {
        let lance = self.lance().await;
        let mut visible = Visible::new();
        for (table_key, location, pin) in self.pins(&lance).await {
            if !is_left_out(&table_key) {
                visible.insert(table_key, numbers_at(&lance, &location, pin).await);
            }
        }
        visible
    }

    /// Whether the version that readers are shown of a table is there.
    pub async fn pin_is_there(&self, table_key: &str) -> bool {
        let pins = self.pins(&self.lance().await).await;
        let (_, location, pin) = pins.iter().find(|(key, ..)| key == table_key).unwrap();
        let versions = self.path.join(&location.path).join("_versions");
        versions
            .join(format!("{:020}.manifest", u64::MAX - pin))
            .exists()
    }

    /// How many rows readers see, whatever columns they have.
    pub async fn visible_counts(&self) -> BTreeMap<String, u64> {
        let lance = self.lance().await;
        let mut visible = BTreeMap::new();
        for (table_key, location, pin) in self.pins(&lance).await {
            visible.insert(table_key, lance.count_rows(&location, pin).await.unwrap());
        }
        visible
    }

    /// Tables whose HEAD is not their pin, with both.
    pub async fn drift(&self) -> BTreeMap<String, (u64, Head)> {
        let lance = self.lance().await;
        let mut drift = BTreeMap::new();
        for (table_key, location, version) in self.pins(&lance).await {
            let head = lance.head(&location).await.unwrap();
            if head != (Head::At { version }) {
                drift.insert(table_key, (version, head));
            }
        }
        drift
    }

    pub async fn heads(&self, table_keys: &[&str]) -> BTreeMap<String, u64> {
        let mut heads = BTreeMap::new();
        for table_key in table_keys {
            heads.insert((*table_key).to_owned(), self.head(table_key).await);
        }
        heads
    }

    pub async fn head(&self, table_key: &str) -> u64 {
        match self.lance().await.head(&place(table_key)).await.unwrap() {
            Head::At { version } => version,
            other => panic!("{table_key}: {other:?}"),
        }
    }
}
