//! What a `SchemaApply` left beside the tables (protocol section 6).

use object_store::path::Path;
use serde::Deserialize;
use sidecar::observation::SchemaObservation;
use sidecar::{Digest, Sidecar, Tag};

use crate::lance_room::Catalog;
use crate::root::Root;
use crate::sidecar_dir::read_bounded;

const LIVE_IR: &str = "_schema.ir.json";
const STAGED_SOURCE: &str = "_schema.pg.staging";
const STAGED_IR: &str = "_schema.ir.json.staging";
const STAGED_STATE: &str = "__schema_state.json.staging";

/// A schema of thousands of tables is a few megabytes.
const SCHEMA_FILE_BYTES_MAX: u64 = 64 << 20;

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
) -> Option<SchemaObservation> {
    let read = async {
        futures::try_join!(
            digest(root, STAGED_SOURCE),
            digest(root, STAGED_IR),
            digest(root, STAGED_STATE),
            read(root, LIVE_IR)
        )
    };
    let Ok((staged_source, staged_ir, staged_state, live_ir)) = read.await else {
        return None;
    };
    let registered = sidecar
        .additional_registrations
        .iter()
        .all(|registration| catalog.pins.contains_key(&registration.table_key));
    let removed = sidecar.tombstones.iter().all(|tombstone| {
        catalog
            .tombstones
            .get(&tombstone.table_key)
            .is_some_and(|version| *version >= tombstone.tombstone_version)
    });
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
    Some(SchemaObservation {
        staged_source,
        staged_ir,
        staged_state,
        live_ir_declares_tables: !sidecar.additional_registrations.is_empty()
            && sidecar
                .additional_registrations
                .iter()
                .all(|registration| declares(&registration.table_key)),
        published: registered && removed,
    })
}

/// Why a file tells nothing.
struct Unread;

async fn digest(root: &Root, name: &str) -> Result<Option<Digest>, Unread> {
    Ok(read(root, name)
        .await?
        .map(|bytes| Digest::of(Tag::SchemaFile, &bytes)))
}

async fn read(root: &Root, name: &str) -> Result<Option<Vec<u8>>, Unread> {
    let path = Path::from(name);
    match read_bounded(root.objects(), &path, SCHEMA_FILE_BYTES_MAX).await {
        Ok(Some(bytes)) => Ok(Some(bytes)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Ok(None) | Err(_) => Err(Unread),
    }
}
