//! What a `SchemaApply` left beside the tables it pinned (protocol section 6).

use futures::StreamExt;
use serde::Deserialize;
use sidecar::observation::{
    FileObservation, HeadObservation, Pinned, RegistrationObservation, SchemaObservation,
    TombstoneObservation,
};
use sidecar::{Code, Reason, Registration, Sidecar};

use super::TABLES_AT_ONCE;
use super::failed::Failures;
use crate::chain;
use crate::clock;
use crate::lance_room::{Catalog, Head, LanceRoom, TableError, TableLocation, TransactionEntry};
use crate::root::Root;
use crate::schema_files::{self, LIVE_IR, LIVE_SOURCE, LIVE_STATE, SchemaFileError};

/// The part of `_schema.ir.json` that names tables.
#[derive(Deserialize)]
struct DeclaredTables {
    #[serde(default)]
    nodes: Vec<DeclaredTable>,
    #[serde(default)]
    edges: Vec<DeclaredTable>,
}

#[derive(Deserialize)]
struct DeclaredTable {
    name: String,
}

/// `None` if one of the files cannot be read, or is none a schema has: then nothing is known, and nobody else is held up.
pub(super) async fn observe_schema(
    root: &Root,
    sidecar: &Sidecar,
    catalog: &Catalog,
    failures: &Failures,
) -> Option<SchemaObservation> {
    let files = async {
        futures::try_join!(
            file(root, LIVE_SOURCE),
            file(root, LIVE_IR),
            file(root, LIVE_STATE),
            schema_files::read(root.objects(), LIVE_IR)
        )
    };
    let (files, lock) = futures::join!(files, root.room().schema_lock());
    if let Err(error @ SchemaFileError::Storage { .. }) = &files {
        failures.note("the schema files", chain::text(error));
    }
    if let Err(error) = &lock {
        failures.of_root("the lock of the schema change", error);
    }
    let ((source, ir, state, live_ir), lock) = (files.ok()?, lock.ok()?);
    let declared: Option<DeclaredTables> =
        live_ir.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let declares = |table_key: &str| {
        declared
            .as_ref()
            .is_some_and(|declared| match table_key.split_once(':') {
                Some(("node", name)) => declared.nodes.iter().any(|table| table.name == name),
                Some(("edge", name)) => declared.edges.iter().any(|table| table.name == name),
                _ => false,
            })
    };
    let looks: Vec<_> = sidecar
        .additional_registrations
        .iter()
        .map(|registration| observe_registration(root.room(), registration, catalog, failures))
        .collect();
    let registrations: Vec<RegistrationObservation> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let tombstones = sidecar
        .tombstones
        .iter()
        .map(|tombstone| TombstoneObservation {
            table_key: tombstone.table_key.clone(),
            pinned: pinned(catalog, &tombstone.table_key),
        });
    Some(SchemaObservation {
        source,
        ir,
        state,
        live_ir_declares_tables: !registrations.is_empty()
            && registrations
                .iter()
                .all(|registration| declares(&registration.table_key)),
        tombstones: tombstones.collect(),
        registrations,
        locked_since: lock.map(|lock| clock::from_seconds(lock.created_at)),
    })
}

async fn file(root: &Root, live: &str) -> Result<FileObservation, SchemaFileError> {
    let staged = format!("{live}.staging");
    let (live, staged) = futures::try_join!(
        schema_files::read(root.objects(), live),
        schema_files::read(root.objects(), &staged)
    )?;
    let digest = |bytes: Option<Vec<u8>>| bytes.as_deref().map(schema_files::digest);
    Ok(FileObservation {
        live: digest(live),
        staged: digest(staged),
    })
}

fn pinned(catalog: &Catalog, table_key: &str) -> Pinned {
    match (
        catalog.pins.get(table_key),
        catalog.tombstones.get(table_key),
    ) {
        (Some(pin), _) => Pinned::At {
            version: pin.version,
        },
        (None, Some(version)) => Pinned::Tombstoned { version: *version },
        (None, None) => Pinned::Absent,
    }
}

async fn observe_registration(
    room: &LanceRoom,
    registration: &Registration,
    catalog: &Catalog,
    failures: &Failures,
) -> RegistrationObservation {
    let path = registration.table_path.trim_matches('/');
    let mut location_conflict = occupied(registration, path, catalog);
    let pinned = pinned(catalog, &registration.table_key);
    let head = match (&location_conflict, pinned.version()) {
        (None, None) => {
            let branch = registration
                .table_branch
                .as_deref()
                .filter(|branch| *branch != "main");
            match head(room, &TableLocation::on(path, branch)).await {
                Ok(head) => head,
                Err(error @ TableError::BasePathOutsideRoot { .. }) => {
                    let reason = format!("{}: {}", registration.table_key, chain::text(&error));
                    location_conflict = Some(Reason::new(Code::BasePathOutsideRoot, &reason));
                    HeadObservation::Unreadable { reason }
                }
                Err(error) => {
                    failures.of_table(&registration.table_key, "the Lance HEAD", &error);
                    HeadObservation::Unreadable {
                        reason: chain::text(&error),
                    }
                }
            }
        }
        _ => HeadObservation::Unreadable {
            reason:
                "it was not looked at: it is in the catalog already, or what is there is another table"
                    .to_owned(),
        },
    };
    RegistrationObservation {
        table_key: registration.table_key.clone(),
        pinned,
        head,
        location_conflict,
    }
}

/// The catalog's word for where tables are is final: a table keeps its place, and a place its table.
fn occupied(registration: &Registration, path: &str, catalog: &Catalog) -> Option<Reason> {
    let key = &registration.table_key;
    let elsewhere = catalog
        .locations
        .get(key)
        .filter(|location| location.trim_matches('/') != path);
    if let Some(location) = elsewhere {
        return Some(Reason::new(
            Code::LocationOutsideRoot,
            format!("{key} is to be added at {path}, but the catalog says it is at {location}"),
        ));
    }
    let (other, _) = catalog
        .locations
        .iter()
        .find(|(other, location)| *other != key && location.trim_matches('/') == path)?;
    Some(Reason::new(
        Code::LocationOutsideRoot,
        format!("{key} is to be added at {path}, where {other} is"),
    ))
}

async fn head(room: &LanceRoom, place: &TableLocation) -> Result<HeadObservation, TableError> {
    Ok(match room.head(place).await? {
        Head::DatasetMissing => HeadObservation::DatasetMissing,
        Head::BranchMissing => HeadObservation::BranchMissing,
        Head::At { version } => {
            let transaction = match room.transaction(place, version).await? {
                TransactionEntry::Known(summary) => Some(summary.uuid),
                TransactionEntry::Gone { .. } => None,
            };
            HeadObservation::At {
                version,
                transaction: transaction.filter(|uuid| !uuid.is_empty()),
            }
        }
    })
}
