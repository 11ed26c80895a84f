//! A root in a temporary folder, and a gate that does something at a chosen request.

use std::fmt;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use fenced_lance::Catalog;
use fenced_lance::CatalogReading;
use fenced_lance::EffectIdentity;
use fenced_lance::Head;
use fenced_lance::LanceRoot;
use fenced_lance::LanceRootOptions;
use fenced_lance::PublishRequest;
use fenced_lance::RestoreRequest;
use fenced_lance::Row;
use fenced_lance::TableLocation;
use fenced_lance::TransactionEntry;
use fenced_lance::TransactionSummary;
use futures::future::BoxFuture;
use lance_table::format::pb;
use prost::Message;
use root_objects::store::Durability;
use root_objects::store::Gate;
use root_objects::store::Request;
use root_objects::store::RequestLog;
use root_objects::store::Verb;

use crate::store::Store;

pub struct TestRoot {
    store: Store,
    pub lance: LanceRoot,
    pub log: RequestLog,
}

impl TestRoot {
    pub async fn new() -> Self {
        let store = Store::empty();
        let log = RequestLog::recording();
        let lance = store.lance_with(log.clone()).await;
        Self { store, lance, log }
    }

    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Another handle on the same root, as another program would have.
    pub async fn elsewhere(&self) -> LanceRoot {
        open(self.path(), RequestLog::new()).await
    }

    /// The same root through a gate.
    pub async fn behind(&self, gate: Arc<dyn Gate>) -> LanceRoot {
        open(self.path(), RequestLog::new().with_gate(gate)).await
    }
}

pub async fn open(folder: &Path, log: RequestLog) -> LanceRoot {
    open_with(folder, log, None).await
}

pub async fn open_with(folder: &Path, log: RequestLog, relocated_from: Option<&str>) -> LanceRoot {
    let options = LanceRootOptions {
        log,
        durability: Durability::Relaxed,
        relocated_from: relocated_from.map(str::to_owned),
        ..LanceRootOptions::default()
    };
    LanceRoot::open(folder.to_str().expect("a text path"), options)
        .await
        .expect("the root opens")
}

pub fn people() -> TableLocation {
    TableLocation::main("nodes/people")
}

pub fn knows() -> TableLocation {
    TableLocation::main("edges/knows")
}

pub fn rows(prefix: &str, count: u64) -> Vec<Row> {
    (0..count)
        .map(|value| Row::new(format!("{prefix}{value}"), format!("name {value}"), value))
        .collect()
}

pub fn identity() -> EffectIdentity {
    EffectIdentity {
        operation_id: "01M8125E20G3JA88BS9CEJEX1K".to_owned(),
        plan_digest: "0123456789abcdef".to_owned(),
    }
}

/// A root with two tables of ten rows each, both published at version 1.
pub async fn published() -> TestRoot {
    let root = TestRoot::new().await;
    let tables = [("node:Person", people().path), ("edge:Knows", knows().path)];
    root.store
        .publish_first(&root.lance, &tables, &rows("a", 10))
        .await;
    root.log.reset();
    root
}

/// Both tables at version 2, unpublished.
pub async fn drifted() -> TestRoot {
    let root = published().await;
    for location in [people(), knows()] {
        root.lance
            .append_rows(&location, &rows("b", 5))
            .await
            .expect("an append");
    }
    root.log.reset();
    root
}

pub async fn version_of(lance: &LanceRoot, location: &TableLocation) -> u64 {
    match lance.head(location).await.expect("a head") {
        Head::At { version } => version,
        missing => panic!("{location}: {missing:?}"),
    }
}

pub async fn transaction(
    lance: &LanceRoot,
    location: &TableLocation,
    version: u64,
) -> TransactionSummary {
    match lance.transaction(location, version).await.expect("a read") {
        TransactionEntry::Known(summary) => summary,
        gone => panic!("{location}: {gone:?}"),
    }
}

/// A request to restore `target` over the table as it stands now.
pub async fn restore_request(
    lance: &LanceRoot,
    location: &TableLocation,
    target: u64,
) -> RestoreRequest {
    let head_version = version_of(lance, location).await;
    RestoreRequest {
        location: location.clone(),
        head_version,
        head_transaction: transaction(lance, location, head_version).await.uuid,
        target,
        identity: identity(),
    }
}

pub async fn catalog(lance: &LanceRoot, branch: Option<&str>) -> Catalog {
    match lance.catalog(branch).await.expect("a catalog reading") {
        CatalogReading::Present(catalog) => catalog,
        missing => panic!("{branch:?}: {missing:?}"),
    }
}

pub fn publish_request(read_version: u64, table_key: &str, from: u64, to: u64) -> PublishRequest {
    PublishRequest {
        branch: None,
        read_version,
        updates: vec![sidecar::PinMove {
            table_key: table_key.to_owned(),
            from_version: from,
            to_version: to,
            branch: None,
        }],
        registrations: Vec::new(),
        tombstones: Vec::new(),
        graph_commit: None,
        identity: identity(),
        exact: None,
    }
}

/// The file of a version, in the naming of every table made here.
pub fn version_file(folder: &Path, table: &str, version: u64) -> PathBuf {
    folder
        .join(table)
        .join("_versions")
        .join(format!("{:020}.manifest", u64::MAX - version))
}

/// Writes a version file again as some other Lance would have written it.
pub fn change_manifest(file: &Path, change: impl FnOnce(&mut pb::Manifest)) {
    change_version(file, |manifest, _| change(manifest));
}

pub fn change_version(file: &Path, change: impl FnOnce(&mut pb::Manifest, &mut pb::IndexSection)) {
    let bytes = fs::read(file).expect("a version file");
    let (messages, footer) = bytes.split_at(bytes.len() - 16);
    let at = |offset: usize| {
        let (length, rest) = messages[offset..].split_at(4);
        &rest[..u32::from_le_bytes(length.try_into().expect("four bytes")) as usize]
    };
    let offset = u64::from_le_bytes(footer[..8].try_into().expect("eight bytes")) as usize;
    let mut manifest = pb::Manifest::decode(at(offset)).expect("a manifest");
    let mut indices = match manifest.index_section {
        Some(offset) => pb::IndexSection::decode(at(offset as usize)).expect("indices"),
        None => pb::IndexSection::default(),
    };
    change(&mut manifest, &mut indices);
    let mut changed = messages[..offset].to_vec();
    let mut add = |message: Vec<u8>| {
        let offset = changed.len() as u64;
        changed.extend((message.len() as u32).to_le_bytes());
        changed.extend(message);
        offset
    };
    if manifest.index_section.is_some() {
        manifest.index_section = Some(add(indices.encode_to_vec()));
    }
    let offset = add(manifest.encode_to_vec());
    changed.extend(offset.to_le_bytes());
    changed.extend(&footer[8..]);
    fs::write(file, changed).expect("written");
}

pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

type Action = Box<dyn FnOnce() -> BoxFuture<'static, object_store::Result<()>> + Send>;

/// Runs an action once, before or after the n-th request of one kind on one path.
pub struct AtRequest {
    verb: Verb,
    path: String,
    when: When,
    state: Mutex<(usize, Option<Action>)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    Before,
    After,
}

impl AtRequest {
    pub fn new<F>(when: When, verb: Verb, path: &str, nth: usize, action: F) -> Arc<Self>
    where
        F: FnOnce() -> BoxFuture<'static, object_store::Result<()>> + Send + 'static,
    {
        Arc::new(Self {
            verb,
            path: path.to_owned(),
            when,
            state: Mutex::new((nth, Some(Box::new(action)))),
        })
    }

    pub fn has_run(&self) -> bool {
        self.state.lock().expect("the lock").1.is_none()
    }

    async fn reach(&self, when: When, request: &Request) -> object_store::Result<()> {
        let action = {
            let mut state = self.state.lock().expect("the lock");
            if when != self.when
                || request.verb != self.verb
                || !request.path.starts_with(&self.path)
            {
                return Ok(());
            }
            state.0 = state.0.saturating_sub(1);
            if state.0 > 0 {
                return Ok(());
            }
            state.1.take()
        };
        match action {
            Some(action) => action().await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for AtRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} {} {}", self.when, self.verb, self.path)
    }
}

#[async_trait]
impl Gate for AtRequest {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        self.reach(When::Before, request).await
    }

    async fn after(&self, request: &Request) -> object_store::Result<()> {
        self.reach(When::After, request).await
    }
}

pub fn storage_fault() -> object_store::Error {
    object_store::Error::Generic {
        store: "test",
        source: "the connection broke".into(),
    }
}

/// Versions 1 and 2 of both tables as writers before Lance 0.8 left them: no fragment says how many rows it has.
pub fn without_row_counts(root: TestRoot) -> TestRoot {
    for table in ["nodes/people", "edges/knows"] {
        for version in [1, 2] {
            change_manifest(&version_file(root.path(), table, version), |manifest| {
                for fragment in &mut manifest.fragments {
                    fragment.physical_rows = 0;
                }
            });
        }
    }
    root
}

/// Removes the data of a table, so that nobody can count its rows.
pub fn lose_data(root: &TestRoot, table: &str) {
    for file in files_in(&root.path().join(table).join("data")) {
        fs::remove_file(file).expect("removed");
    }
}
