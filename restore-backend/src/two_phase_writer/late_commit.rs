//! A table commit that a recovery of its operation did not see, announced anew so that one does.
//!
//! A writer looks for a claim right before it sends a table's commit, so there is one request's time in which an operation can be
//! claimed, recovered to its end and its sidecar retired, before the commit lands. Nothing would cover it then: the table would stand
//! above its pin for good, and nobody could write to it. So a writer looks once more after its commit landed, and where it finds a
//! claim leaves a sidecar that names this one table. Should it die in between, whoever wants to write to the table next finds the
//! commit, sees from the journal that its operation is over, and leaves the very same sidecar.

use sidecar::Limits;
use sidecar::OperationId;
use sidecar::Sidecar;
use sidecar::follow_up::late_commit;
use sidecar::observation::PROPERTY_WRITER_OPERATION_ID;

use super::WriterError;
use super::pinned_table::PinnedTable;
use crate::journal_store::Journal;
use crate::lance_room::LanceRoom;
use crate::lance_room::TransactionEntry;
use crate::sidecar_dir::create_sidecar;
use crate::sidecar_dir::is_there;

/// Leaves a sidecar for a commit of `operation` that its recovery may not have seen.
pub(super) async fn announce(
    room: &LanceRoom,
    operation: &Sidecar,
    table_key: &str,
) -> Result<(), WriterError> {
    let Some((late, bytes)) = late_commit(operation, table_key) else {
        return Ok(());
    };
    // Whoever found it at the same time leaves the same one.
    create_sidecar(&room.objects(), &late.file_name(), bytes.as_bytes())
        .await
        .map(drop)
        .map_err(WriterError::Sidecar)
}

/// What stands on a table right above its pin may be such a commit, of a writer that died before it could say so.
///
/// It is one if it names an operation that was recovered to its end and whose sidecar is gone.
pub(super) async fn announce_for_others(
    room: &LanceRoom,
    table_key: &str,
    table: &PinnedTable,
) -> Result<(), WriterError> {
    let version = table.expected + 1;
    let entry = room.transaction(&table.location, version).await;
    let TransactionEntry::Known(made_by) = entry.map_err(WriterError::Table)? else {
        return Ok(());
    };
    let Some(operation_id) = made_by
        .properties
        .get(PROPERTY_WRITER_OPERATION_ID)
        .and_then(|name| name.parse::<OperationId>().ok())
    else {
        return Ok(());
    };
    let (objects, file) = (room.objects(), operation_id.file_name());
    if is_there(&objects, &file)
        .await
        .map_err(WriterError::Sidecar)?
    {
        return Ok(());
    }
    let limits = Limits::DEFAULT;
    // A journal that cannot be read says nothing; what stands there is pending, as far as is known.
    let Ok(journal) = Journal::load(&objects, &operation_id, &limits).await else {
        return Ok(());
    };
    let recovered = journal
        .state
        .finished()
        .and_then(|finished| Sidecar::parse(&file, finished.sidecar.as_bytes(), &limits).ok());
    match recovered {
        Some(operation) => announce(room, &operation, table_key).await,
        None => Ok(()),
    }
}
