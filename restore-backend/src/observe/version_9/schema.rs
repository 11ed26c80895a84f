//! The schema files of a graph, as far as a sidecar of version 9 is bound to them.

use serde::Deserialize;
use sidecar::observation::{NextFile, NextSchema};
use sidecar::version_9::{SchemaIdentity, SchemaSeen};
use sidecar::{Reason, SchemaFile, error_text};

use crate::root::Root;
use root_objects::schema_files;

/// What the state file says of the schema in force.
#[derive(Deserialize)]
struct State {
    schema_ir_hash: String,
    schema_identity_domain: String,
    schema_identity_version: u32,
}

type Bytes = Option<Vec<u8>>;

/// Reads the three files and the copies staged beside them.
pub(super) async fn read(root: &Root) -> Result<SchemaSeen, Reason> {
    let (source, ir, state) = futures::try_join!(
        both(root, SchemaFile::Source),
        both(root, SchemaFile::Ir),
        both(root, SchemaFile::State)
    )?;
    let is_staged = [&source, &ir, &state]
        .into_iter()
        .any(|(_, staged)| staged.is_some());
    let next = NextSchema::read(
        next(SchemaFile::Source, &source),
        next(SchemaFile::Ir, &ir),
        next(SchemaFile::State, &state),
    );
    let in_force = NextSchema::read(
        live(SchemaFile::Source, &source),
        live(SchemaFile::Ir, &ir),
        live(SchemaFile::State, &state),
    );
    Ok(SchemaSeen {
        live: identity(&in_force, state.0.as_deref()),
        is_staged,
        next,
    })
}

async fn both(root: &Root, file: SchemaFile) -> Result<(Bytes, Bytes), Reason> {
    futures::try_join!(one(root, file.live()), one(root, file.staged()))
}

async fn one(root: &Root, name: &str) -> Result<Bytes, Reason> {
    let bytes = schema_files::read(root.objects(), name).await;
    bytes.map_err(|error| Reason::unreadable(error_text(&error)))
}

fn next(file: SchemaFile, (live, staged): &(Bytes, Bytes)) -> NextFile<'_> {
    match staged {
        Some(staged) => NextFile {
            name: file.staged(),
            bytes: Some(staged),
        },
        None => NextFile {
            name: file.live(),
            bytes: live.as_deref(),
        },
    }
}

fn live(file: SchemaFile, (live, _): &(Bytes, Bytes)) -> NextFile<'_> {
    NextFile {
        name: file.live(),
        bytes: live.as_deref(),
    }
}

/// The identity of the schema in force, if its files agree with each other.
fn identity(in_force: &NextSchema, state: Option<&[u8]>) -> Result<SchemaIdentity, String> {
    if let Some(unfit) = in_force.unfit.first() {
        return Err(format!("{}: {}", unfit.name, unfit.why));
    }
    if in_force.ir_hash != in_force.state_hash {
        return Err(format!(
            "{} is not the compiled schema that {} names",
            SchemaFile::Ir.live(),
            SchemaFile::State.live()
        ));
    }
    let name = SchemaFile::State.live();
    let state: State = serde_json::from_slice(state.unwrap_or_default())
        .map_err(|error| format!("{name}: {error}"))?;
    Ok(SchemaIdentity {
        domain: state.schema_identity_domain,
        ir_hash: state.schema_ir_hash,
        identity_version: state.schema_identity_version,
    })
}
