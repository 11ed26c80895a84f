//! Roots to work on: unpacked graphs and stores of the two-phase writer, with every request on record.

pub mod crash;
pub mod gates;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lance::dataset::cleanup::CleanupPolicyBuilder;
use restore_backend::lance_room::{
    CatalogReading, CatalogTable, CreateOutcome, Head, LanceRoom, RoomOptions, Row, TableLocation,
    TableWrite,
};
use restore_backend::root::{Root, RootError, RootOptions};
use restore_backend::service::{self, Answer, Approver};
use restore_backend::store::{Durability, Gate, RequestLog};
use restore_backend::two_phase_writer::{
    NewOperation, OperationKind, Prepared, Progress, TwoPhaseWriter,
};
use restore_backend::{clock, execute::ProgressSink};
use sidecar::api::PlanReport;
use sidecar::journal::JournalEntry;
use sidecar::{ApplyReport, Digest, Limits, OperationId, Requirement, Timestamp};
use tempfile::TempDir;

/// More rows than any table of these tests has.
const ROWS_MAX: usize = 10_000;

/// What readers see: of every table the numbers of its rows, in order.
pub type Visible = BTreeMap<String, Vec<u64>>;

/// A root in a temporary folder.
#[derive(Debug)]
pub struct Store {
    // Held for the life of the store: it removes the folder when dropped.
    _folder: TempDir,
    path: PathBuf,
    relocated_from: Option<String>,
}

/// A root as one program has it open, with its own record of requests.
pub struct Opened {
    pub root: Root,
    pub log: RequestLog,
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
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
            _folder: folder,
        }
    }

    /// A store of our own writer with these tables, ten rows each, all published at version 1.
    pub async fn with_tables(table_keys: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Self {
            path: folder.path().join("store"),
            relocated_from: None,
            _folder: folder,
        };
        std::fs::create_dir(&store.path).unwrap();
        let room = store.room().await;
        let mut tables = Vec::new();
        for table_key in table_keys {
            let version = room
                .create_table(&place(table_key), &rows(0..10))
                .await
                .unwrap();
            tables.push(CatalogTable {
                table_key: (*table_key).to_owned(),
                location: place(table_key).path,
                version,
                table_branch: None,
            });
        }
        assert!(matches!(
            room.create_catalog(&tables).await.unwrap(),
            CreateOutcome::Created { .. }
        ));
        store
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that the root is in, alone.
    pub fn beside(&self) -> &Path {
        self._folder.path()
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
            _folder: folder,
            path,
            relocated_from: Some(home),
        }
    }

    /// Takes these files in place of its own.
    pub fn hold(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        std::fs::remove_dir_all(&self.path).unwrap();
        for (file, bytes) in files {
            let file = self.path.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
    }

    /// What a writer without this program's options has.
    pub async fn room(&self) -> LanceRoom {
        let options = RoomOptions {
            durability: Durability::Relaxed,
            relocated_from: self.relocated_from.clone(),
            ..RoomOptions::default()
        };
        LanceRoom::open(self.path.to_str().unwrap(), options)
            .await
            .unwrap()
    }

    pub async fn open(&self) -> Opened {
        self.open_with(RequestLog::recording(), Duration::ZERO)
            .await
    }

    pub async fn open_behind(&self, gate: Arc<dyn Gate>) -> Opened {
        self.open_with(RequestLog::recording().with_gate(gate), Duration::ZERO)
            .await
    }

    pub async fn open_with(&self, log: RequestLog, min_age: Duration) -> Opened {
        self.open_as(log, min_age, Durability::Relaxed).await
    }

    /// Opens the root under another spelling of its path, as over a link or another mount.
    pub async fn open_by_its_other_name(&self) -> Opened {
        let alias = self._folder.path().join("alias");
        if !alias.exists() {
            std::os::unix::fs::symlink(&self.path, &alias).unwrap();
        }
        let log = RequestLog::recording();
        let options = RootOptions {
            relocated_from: self.relocated_from.clone(),
            min_age: Duration::ZERO,
            durability: Durability::Relaxed,
            log: log.clone(),
            ..RootOptions::default()
        };
        Opened {
            root: Root::open(alias.to_str().unwrap(), options).await.unwrap(),
            log,
        }
    }

    /// Opens the root with caches of the chosen durability: each has its own, and shares nothing with the other.
    pub async fn open_as(
        &self,
        log: RequestLog,
        min_age: Duration,
        durability: Durability,
    ) -> Opened {
        self.try_open_as(log, min_age, durability).await.unwrap()
    }

    /// As [`Self::open_as`], where what the root is called may not be read.
    pub async fn try_open_as(
        &self,
        log: RequestLog,
        min_age: Duration,
        durability: Durability,
    ) -> Result<Opened, RootError> {
        let options = RootOptions {
            relocated_from: self.relocated_from.clone(),
            min_age,
            durability,
            log: log.clone(),
            ..RootOptions::default()
        };
        let root = Root::open(self.path.to_str().unwrap(), options).await?;
        Ok(Opened { root, log })
    }

    /// Opens the root with other bounds on what is read from it.
    pub async fn open_within(&self, limits: Limits, log: RequestLog) -> Opened {
        let options = RootOptions {
            relocated_from: self.relocated_from.clone(),
            min_age: Duration::ZERO,
            durability: Durability::Relaxed,
            log: log.clone(),
            limits,
        };
        let root = Root::open(self.path.to_str().unwrap(), options).await;
        Opened {
            root: root.unwrap(),
            log,
        }
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
            TwoPhaseWriter::new(self.room().await)
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
    async fn pins(&self, room: &LanceRoom) -> Vec<(String, TableLocation, u64)> {
        let CatalogReading::Present(catalog) = room.catalog(None).await.unwrap() else {
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
        let room = self.room().await;
        let mut visible = Visible::new();
        for (table_key, location, pin) in self.pins(&room).await {
            if !is_left_out(&table_key) {
                visible.insert(table_key, numbers_at(&room, &location, pin).await);
            }
        }
        visible
    }

    /// Whether the version that readers are shown of a table is there.
    pub async fn pin_is_there(&self, table_key: &str) -> bool {
        let pins = self.pins(&self.room().await).await;
        let (_, location, pin) = pins.iter().find(|(key, ..)| key == table_key).unwrap();
        let versions = self.path.join(&location.path).join("_versions");
        versions
            .join(format!("{:020}.manifest", u64::MAX - pin))
            .exists()
    }

    /// Lance's own cleanup of a table, without any grace: what is older than HEAD goes, unless it is tagged. It knows of no pins.
    pub async fn clean_up(&self, table_key: &str) {
        let uri = self.path.join(place(table_key).path);
        let dataset = lance::Dataset::open(uri.to_str().unwrap()).await.unwrap();
        let policy = CleanupPolicyBuilder::default()
            .retain_n_versions(&dataset, 1)
            .await
            .unwrap()
            .error_if_tagged_old_versions(false)
            .delete_unverified(true)
            .build();
        dataset.cleanup_with_policy(policy).await.unwrap();
    }

    /// How many rows readers see, whatever columns they have.
    pub async fn visible_counts(&self) -> BTreeMap<String, u64> {
        let room = self.room().await;
        let mut visible = BTreeMap::new();
        for (table_key, location, pin) in self.pins(&room).await {
            visible.insert(table_key, room.count_rows(&location, pin).await.unwrap());
        }
        visible
    }

    /// Tables whose HEAD is not their pin, with both.
    pub async fn drift(&self) -> BTreeMap<String, (u64, Head)> {
        let room = self.room().await;
        let mut drift = BTreeMap::new();
        for (table_key, location, version) in self.pins(&room).await {
            let head = room.head(&location).await.unwrap();
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
        match self.room().await.head(&place(table_key)).await.unwrap() {
            Head::At { version } => version,
            other => panic!("{table_key}: {other:?}"),
        }
    }
}

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

pub fn done<T>(progress: Progress<T>) -> T {
    match progress {
        Progress::Done(done) => done,
        Progress::Lost(loss) => panic!("the writer lost: {loss:?}"),
    }
}

pub fn place(table_key: &str) -> TableLocation {
    TableLocation::main(format!("tables/{}", table_key.replace(':', "_")))
}

/// Rows that are told apart by one number each.
pub fn rows(numbers: Range<u64>) -> Vec<Row> {
    numbers.map(row).collect()
}

fn row(number: u64) -> Row {
    Row::new(format!("row-{number}"), format!("name {number}"), number)
}

/// The numbers of some rows, as a table of these rows shows them.
pub fn numbers(rows: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut numbers: Vec<u64> = rows.into_iter().collect();
    numbers.sort_unstable();
    numbers
}

/// The rows a write adds on top of a version of a table: as many on top of every one, and nowhere the same.
pub fn added_on(version: u64) -> Range<u64> {
    100 * version..100 * version + 3
}

/// The numbers of a version's rows, in order; one that is there twice is named twice, and one that is not whole is an error.
pub async fn numbers_at(room: &LanceRoom, location: &TableLocation, version: u64) -> Vec<u64> {
    let found = room.read_rows(location, version, ROWS_MAX).await.unwrap();
    let mut numbers = Vec::new();
    for found in found {
        assert_eq!(found, row(found.value), "{location} at {version}");
        numbers.push(found.value);
    }
    numbers.sort_unstable();
    numbers
}

pub fn approver() -> Approver {
    Approver {
        name: "grace".to_owned(),
        reason: Some("the writer died".to_owned()),
        writers_stopped: true,
        // Some of these stores hold a broken file beside what is recovered.
        acknowledged: [Requirement::OlderUnreadable].into(),
    }
}

impl Opened {
    pub async fn plan(&self, operation: &OperationId) -> PlanReport {
        service::plan(&self.root, operation.as_str(), clock::now())
            .await
            .unwrap()
    }

    /// Approves the plan as it is now, with everything it asks the approver to state.
    pub async fn approve(&self, operation: &OperationId) -> Digest {
        let plan = self.plan(operation).await;
        self.approve_plan(&plan).await.1
    }

    /// Approves exactly the plan of a report, with everything it asks the approver to state.
    pub async fn approve_plan(&self, plan: &PlanReport) -> (OperationId, Digest) {
        assert!(plan.executable, "{plan:?}");
        let operation = plan.operation_id.parse().unwrap();
        let digest = plan.digest.expect("a digest");
        let approver = Approver {
            acknowledged: plan.requires.iter().copied().collect(),
            ..approver()
        };
        self.consent(&operation, digest, approver).await;
        (operation, digest)
    }

    async fn consent(&self, operation: &OperationId, digest: Digest, approver: Approver) {
        let answer = service::approve(&self.root, operation, digest, approver, clock::now());
        match answer.await.unwrap() {
            Answer::Done(report) => assert!(report.authorized),
            Answer::No(refusal) => panic!("{refusal:?}"),
        }
    }

    pub async fn apply(&self, operation: &OperationId, digest: Digest) -> ApplyReport {
        service::apply(&self.root, operation, digest, &ProgressSink::default())
            .await
            .unwrap()
    }

    pub async fn recover(&self, operation: &OperationId) -> ApplyReport {
        let digest = self.approve(operation).await;
        self.apply(operation, digest).await
    }

    /// The entries of an operation's journal, whose chain must hold.
    pub async fn records(&self, operation: &OperationId) -> Vec<JournalEntry> {
        let audit = service::audit(&self.root, Some(operation), true)
            .await
            .unwrap();
        let audited = &audit.operations[0];
        assert_eq!(audited.verified, Some(true), "{:?}", audited.problem);
        audited
            .records
            .iter()
            .map(|audited| audited.record.entry.clone())
            .collect()
    }

    pub async fn audit_holds(&self, operation: &OperationId) -> bool {
        let report = service::audit(&self.root, Some(operation), true)
            .await
            .unwrap();
        report.operations.len() == 1
            && report.operations[0].verified == Some(true)
            && report.operations[0].outcome.is_some()
    }
}
