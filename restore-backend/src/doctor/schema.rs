//! The schema files, and what a schema change leaves beside the tables: staged files, and its lock.

use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::de::IgnoredAny;
use sidecar::doctor::{Known, SchemaFacts, SchemaFileStand};
use sidecar::root_layout::GRAPH_COMMITS_FOLDER;
use sidecar::{SchemaFile, Timestamp, error_text};

use super::bounds::SCHEMA_BYTES_MAX;
use crate::root::Root;
use fenced_lance::{Head, TableLocation};
use root_objects::read::read_whole;
use root_objects::store::NotRead;

/// One request for each file in force and each staged one, one for the lock, and a listing that tells whether an engine made the
/// graph. The files in force are read, the staged ones are not.
pub(super) async fn read(root: &Root) -> SchemaFacts {
    let staged =
        SchemaFile::ALL.map(|file| async move { Some((file, is_there(root, file).await?)) });
    let staged = futures::stream::iter(staged).buffered(SchemaFile::ALL.len());
    let staged = staged.filter_map(std::future::ready).collect();
    let live = SchemaFile::ALL.map(|file| async move { (file, in_force(root, file).await) });
    let live = futures::stream::iter(live)
        .buffered(SchemaFile::ALL.len())
        .collect();
    let history = TableLocation::main(GRAPH_COMMITS_FOLDER);
    let (staged, live, lock, history) = futures::join!(
        staged,
        live,
        root.lance().schema_lock(),
        root.lance().head(&history)
    );
    let lock = lock.map(|lock| lock.map(|lock| Timestamp::from_seconds(lock.created_at)));
    let is_of_an_engine = history.map(|head| matches!(head, Head::At { .. }));
    SchemaFacts {
        staged,
        live,
        lock: lock.map_err(|error| error_text(&error)),
        is_of_an_engine: is_of_an_engine.map_err(|error| error_text(&error)),
    }
}

/// `None` where there is no such file.
async fn is_there(root: &Root, file: SchemaFile) -> Option<Known<()>> {
    match root.objects().head(&Path::from(file.staged())).await {
        Ok(_) => Some(Ok(())),
        Err(object_store::Error::NotFound { .. }) => None,
        Err(error) => Some(Err(why(&error))),
    }
}

async fn in_force(root: &Root, file: SchemaFile) -> Known<SchemaFileStand> {
    let found = match root.objects().get(&Path::from(file.live())).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(SchemaFileStand::Missing),
        Err(error) => return Err(why(&error)),
    };
    let bytes = read_whole(found, SCHEMA_BYTES_MAX).await;
    let fault = match bytes.map_err(|error| why(&error))? {
        // A large one is only looked for.
        None => None,
        Some(bytes) => fault(file, &bytes),
    };
    Ok(match fault {
        Some(fault) => SchemaFileStand::Malformed { fault },
        None => SchemaFileStand::There,
    })
}

/// The reason why these bytes are no such schema file, as far as that shows without knowing the schema.
fn fault(file: SchemaFile, bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some("it is empty".to_owned());
    }
    match file {
        SchemaFile::Source => std::str::from_utf8(bytes)
            .err()
            .map(|error| format!("it is no text: {error}")),
        SchemaFile::Ir | SchemaFile::State => serde_json::from_slice::<IgnoredAny>(bytes)
            .err()
            .map(|error| format!("it is not JSON: {error}")),
    }
}

fn why(error: &object_store::Error) -> String {
    let words = NotRead::of(error).map(|not_read| not_read.to_string());
    words.unwrap_or_else(|| error_text(error))
}
