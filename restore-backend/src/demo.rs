//! Sample stores whose writers died half-way: real Lance tables, written with the two-phase writer and stopped at every step.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use object_store::ObjectStoreExt;
use sidecar::{OperationId, Sidecar, TablePin, Timestamp, WRITTEN_SCHEMA_VERSION, WriterKind};
use ulid::Ulid;

use fenced_lance::{
    CatalogReading, CatalogTable, CreateOutcome, LanceRoot, LanceRootOptions, Row, TableError,
    TableLocation, TableWrite,
};
use root_objects::sidecar_dir::{self, SidecarDirError};
use root_objects::store::Durability;
use two_phase_writer::{
    NewOperation, OperationKind, PhaseOutcome, Prepared, TwoPhaseWriter, WriterError,
};

/// One sample store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoStore {
    /// Its name in the console.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
}

/// Why the sample stores could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The folder could not be made.
    #[error("the folder {path} cannot be made")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A table or the catalog could not be written.
    #[error("a sample table cannot be written")]
    Table(#[from] TableError),
    /// The writer failed.
    #[error("a sample write failed")]
    Writer(#[from] WriterError),
    /// A sidecar could not be written.
    #[error("a sample sidecar cannot be written")]
    Sidecar(#[from] SidecarDirError),
    /// A file of the store could not be written.
    #[error("the sample file {path} cannot be written")]
    Object {
        /// The file, relative to the store.
        path: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// The time of a file of the store could not be set.
    #[error("the time of the sample file {path} cannot be set")]
    Backdate {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A sample write lost against another writer: somebody else is writing to the folder.
    #[error("another program is writing to the sample store {store}; choose another folder")]
    Lost {
        /// The store.
        store: String,
    },
}

/// Makes the sample stores below `dir`, with sidecars from before `now`; a store that is there already is kept as it is.
///
/// # Errors
/// See [`DemoError`].
pub async fn make_stores(dir: &Path, now: Timestamp) -> Result<Vec<DemoStore>, DemoError> {
    let mut stores = Vec::new();
    for (name, tables) in [("shop", SHOP.as_slice()), ("museum", MUSEUM.as_slice())] {
        let path = dir.join(name);
        tokio::fs::create_dir_all(&path)
            .await
            .map_err(|source| DemoError::Folder {
                path: path.clone(),
                source,
            })?;
        let options = LanceRootOptions {
            durability: Durability::Relaxed,
            ..LanceRootOptions::default()
        };
        let lance = LanceRoot::open(&path.to_string_lossy(), options).await?;
        if let CatalogReading::NoCatalog = lance.catalog(None).await? {
            let store = Store {
                lance,
                name,
                path: path.clone(),
                now,
            };
            store.make_tables(tables).await?;
            match name {
                "shop" => shop(&store).await?,
                _ => museum(&store).await?,
            }
        }
        stores.push(DemoStore {
            name: name.to_owned(),
            path,
        });
    }
    Ok(stores)
}

const SHOP: [&str; 8] = [
    "node:Customer",
    "edge:Placed",
    "node:Product",
    "edge:Stocks",
    "node:Supplier",
    "edge:Supplies",
    "node:Review",
    "edge:Wrote",
];
const MUSEUM: [&str; 5] = [
    "node:Artist",
    "edge:Painted",
    "node:Painting",
    "node:Visitor",
    "edge:Visited",
];

/// The version every sample table is published at before anything goes wrong.
const PUBLISHED: u64 = 3;

const MINUTE: u64 = 60 * 1_000_000;

async fn shop(store: &Store) -> Result<(), DemoError> {
    let forward = store
        .begin(
            192,
            OperationKind::Mutation,
            "ada",
            &["node:Customer", "edge:Placed"],
        )
        .await?;
    store
        .commit(
            forward,
            vec![
                ("node:Customer", rows("customer", 40..43)),
                ("edge:Placed", rows("order", 40..44)),
            ],
        )
        .await?
        .stop();

    let back = store
        .begin(
            125,
            OperationKind::Load,
            "nightly-import",
            &["node:Product", "edge:Stocks"],
        )
        .await?;
    store
        .commit(back, vec![("node:Product", rows("product", 40..60))])
        .await?
        .stop();

    let published = store
        .begin(
            73,
            OperationKind::Mutation,
            "ben",
            &["node:Supplier", "edge:Supplies"],
        )
        .await?;
    let published = store
        .commit(
            published,
            vec![
                ("node:Supplier", rows("supplier", 40..41)),
                ("edge:Supplies", rows("supply", 40..42)),
            ],
        )
        .await?;
    store.done(published.publish().await?)?.stop();

    store
        .begin(
            44,
            OperationKind::Mutation,
            "ada",
            &["node:Review", "edge:Wrote"],
        )
        .await?
        .stop();

    // A writer that began on the version that the first of these committed, and died before its own commit. Its sidecar has to
    // wait for the first one.
    store.announce(31, "chris", "node:Customer").await?;
    let newer = store.operation_id(26);
    store
        .put(
            &newer.file_name(),
            newer_sidecar(&newer, store.started_at(26)),
            26,
        )
        .await?;
    // Made the youngest of all: every plan of a younger sidecar would have to acknowledge a broken older one.
    store
        .put(
            &store.operation_id(20).file_name(),
            "{ \"schema_version\": 1, \"operation_id\": \"01".to_owned(),
            20,
        )
        .await
}

async fn museum(store: &Store) -> Result<(), DemoError> {
    let back = store
        .begin(
            312,
            OperationKind::Mutation,
            "bob",
            &["node:Artist", "edge:Painted"],
        )
        .await?;
    store
        .commit(back, vec![("node:Artist", TableWrite::delete("value < 3"))])
        .await?
        .stop();

    // The catalog shows a version whose file is gone, as when a table was copied back from an older backup.
    let lost = store
        .begin(208, OperationKind::Mutation, "eve", &["node:Painting"])
        .await?;
    let lost = store
        .commit(lost, vec![("node:Painting", rows("painting", 40..45))])
        .await?;
    let version = PUBLISHED + 1;
    store.done(lost.publish().await?)?.stop();
    let manifest = format!(
        "{}/_versions/{:020}.manifest",
        location("node:Painting"),
        u64::MAX - version
    );
    let path = object_store::path::Path::from(manifest.as_str());
    store
        .lance
        .objects()
        .delete(&path)
        .await
        .map_err(|source| DemoError::Object {
            path: manifest,
            source,
        })?;

    // This one may well still be running.
    let young = store
        .begin(
            2,
            OperationKind::Mutation,
            "frank",
            &["node:Visitor", "edge:Visited"],
        )
        .await?;
    store
        .commit(young, vec![("node:Visitor", rows("visitor", 40..41))])
        .await?
        .stop();
    Ok(())
}

/// A sidecar of an engine whose rules this build does not have.
fn newer_sidecar(operation_id: &OperationId, started_at: Timestamp) -> String {
    let started_at = started_at.micros();
    format!(
        r#"{{
  "schema_version": 10,
  "operation_id": "{operation_id}",
  "started_at": "{started_at}",
  "writer_kind": "Mutation",
  "actor_id": "dora",
  "branch": null,
  "tables": [{{ "table_key": "node:Invoice", "identity": {{ "stable_table_id": 4, "table_incarnation_id": 12 }} }}]
}}
"#
    )
}

fn location(table_key: &str) -> String {
    match table_key.split_once(':') {
        Some(("edge", name)) => format!("edges/{}", name.to_lowercase()),
        Some((_, name)) => format!("nodes/{}", name.to_lowercase()),
        None => table_key.to_lowercase(),
    }
}

fn rows(name: &str, values: std::ops::Range<u64>) -> TableWrite {
    TableWrite::append_rows(&sample_rows(name, values))
}

fn sample_rows(name: &str, values: std::ops::Range<u64>) -> Vec<Row> {
    values
        .map(|value| {
            Row::new(
                format!("{name}-{value:03}"),
                format!("{name} number {value}"),
                value,
            )
        })
        .collect()
}

/// One sample store while it is made.
struct Store {
    lance: LanceRoot,
    name: &'static str,
    path: PathBuf,
    now: Timestamp,
}

impl Store {
    async fn make_tables(&self, table_keys: &[&str]) -> Result<(), DemoError> {
        let mut tables = Vec::with_capacity(table_keys.len());
        for table_key in table_keys {
            let place = TableLocation::main(location(table_key));
            self.lance
                .create_table(&place, &sample_rows(table_key, 0..30))
                .await?;
            self.lance
                .append_rows(&place, &sample_rows(table_key, 30..36))
                .await?;
            let version = self
                .lance
                .append_rows(&place, &sample_rows(table_key, 36..40))
                .await?;
            tables.push(CatalogTable {
                table_key: (*table_key).to_owned(),
                location: location(table_key),
                version,
                table_branch: None,
            });
        }
        match self.lance.create_catalog(&tables).await? {
            CreateOutcome::Created { .. } => Ok(()),
            CreateOutcome::AlreadyThere | CreateOutcome::Refused { .. } => Err(self.lost()),
        }
    }

    fn lost(&self) -> DemoError {
        DemoError::Lost {
            store: self.name.to_owned(),
        }
    }

    fn done<T>(&self, progress: PhaseOutcome<T>) -> Result<T, DemoError> {
        match progress {
            PhaseOutcome::Done(done) => Ok(done),
            PhaseOutcome::Lost(_) => Err(self.lost()),
        }
    }

    fn started_at(&self, minutes_ago: u64) -> Timestamp {
        Timestamp::from_micros(self.now.micros().saturating_sub(minutes_ago * MINUTE))
    }

    /// An id made at that time, so that names sort by time as they do in real stores.
    fn operation_id(&self, minutes_ago: u64) -> OperationId {
        let millis = self.started_at(minutes_ago).micros() / 1_000;
        let ulid = Ulid::from_parts(millis, uuid::Uuid::new_v4().as_u128()).to_string();
        match ulid.parse() {
            Ok(operation_id) => operation_id,
            Err(_) => unreachable!("a ULID is an operation id"),
        }
    }

    async fn begin(
        &self,
        minutes_ago: u64,
        kind: OperationKind,
        actor: &str,
        tables: &[&str],
    ) -> Result<Prepared, DemoError> {
        let operation_id = self.operation_id(minutes_ago);
        let file = operation_id.file_name();
        let operation = NewOperation {
            operation_id: Some(operation_id),
            started_at: Some(self.started_at(minutes_ago)),
            branch: None,
            actor_id: Some(actor.to_owned()),
            kind,
            tables: tables.iter().map(|table| (*table).to_owned()).collect(),
        };
        let begun = TwoPhaseWriter::new(self.lance.clone())
            .begin(operation)
            .await?;
        self.backdate(&file, minutes_ago).await?;
        self.done(begun)
    }

    async fn commit(
        &self,
        mut prepared: Prepared,
        writes: Vec<(&str, TableWrite)>,
    ) -> Result<Prepared, DemoError> {
        for (table_key, write) in writes {
            let committed = prepared.commit(table_key, write).await?;
            self.done(committed)?;
        }
        Ok(prepared)
    }

    async fn announce(
        &self,
        minutes_ago: u64,
        actor: &str,
        table_key: &str,
    ) -> Result<(), DemoError> {
        let pin = TablePin {
            table_key: table_key.to_owned(),
            table_path: format!("{}/{}", self.lance.root_uri(), location(table_key)),
            expected_version: PUBLISHED + 1,
            post_commit_pin: PUBLISHED + 2,
            confirmed_version: None,
            table_branch: None,
            unknown: Default::default(),
        };
        let sidecar = Sidecar {
            schema_version: WRITTEN_SCHEMA_VERSION,
            operation_id: self.operation_id(minutes_ago),
            started_at: self.started_at(minutes_ago),
            branch: None,
            actor_id: Some(actor.to_owned()),
            writer_kind: WriterKind::Mutation,
            tables: vec![pin],
            merge_source_commit_id: None,
            additional_registrations: Vec::new(),
            tombstones: Vec::new(),
            unknown: Default::default(),
            version_9: None,
        };
        sidecar_dir::write_sidecar(&self.lance.objects(), &sidecar).await?;
        self.backdate(&sidecar.operation_id.file_name(), minutes_ago)
            .await
    }

    /// Writes a file among the sidecars that no writer of ours writes.
    async fn put(&self, file: &str, text: String, minutes_ago: u64) -> Result<(), DemoError> {
        let path = format!("{}/{file}", sidecar_dir::SIDECAR_FOLDER);
        let place = object_store::path::Path::from(path.as_str());
        let put = self.lance.objects().put(&place, text.into()).await;
        put.map_err(|source| DemoError::Object { path, source })?;
        self.backdate(file, minutes_ago).await
    }

    /// Gives a file among the sidecars the time of so many minutes ago: whoever wrote it is not at work any more.
    async fn backdate(&self, file: &str, minutes_ago: u64) -> Result<(), DemoError> {
        let written_at = UNIX_EPOCH + Duration::from_micros(self.started_at(minutes_ago).micros());
        let file = self.path.join(sidecar_dir::SIDECAR_FOLDER).join(file);
        let opened = tokio::fs::File::options().write(true).open(&file).await;
        let backdated = match opened {
            Ok(opened) => opened.into_std().await.set_modified(written_at),
            Err(source) => Err(source),
        };
        backdated.map_err(|source| DemoError::Backdate { path: file, source })
    }
}
