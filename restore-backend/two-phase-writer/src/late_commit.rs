//! Announces anew a table commit that the recovery of its operation may have missed.
//!
//! A writer looks for a claim right before it sends a table's commit. In that one request's time the operation can be claimed,
//! recovered to its end and its sidecar retired, before the commit lands. No sidecar would name the commit then: the table would
//! stand above its pin for good, and nobody could write to it. So the writer looks again after its commit landed. If it finds a
//! claim, it leaves a sidecar that names this one table. If the writer dies in between, the next writer to the table finds the
//! commit, sees from the journal that its operation is over, and leaves the very same sidecar.

use sidecar::Limits;
use sidecar::OperationId;
use sidecar::Sidecar;
use sidecar::follow_up::late_commit;
use sidecar::root_layout::PROPERTY_WRITER_OPERATION_ID;

use super::WriterError;
use super::pinned_table::PinnedTable;
use fenced_lance::LanceRoot;
use fenced_lance::TransactionEntry;
use root_objects::journal_store::Journal;
use root_objects::sidecar_dir::create_sidecar;
use root_objects::sidecar_dir::is_there;

/// Leaves a sidecar for a commit of `operation` that its recovery may not have seen.
pub(super) async fn announce(
    lance: &LanceRoot,
    operation: &Sidecar,
    table_key: &str,
) -> Result<(), WriterError> {
    let Some((late, bytes)) = late_commit(operation, table_key) else {
        return Ok(());
    };
    // Another writer that found the commit at the same time leaves the same sidecar.
    create_sidecar(&lance.objects(), &late.file_name(), bytes.as_bytes())
        .await
        .map(drop)
        .map_err(WriterError::Sidecar)
}

/// Announces the commit right above a table's pin, if its operation is over and its writer may have died before it could do so.
///
/// The operation is over if it was recovered to its end and its sidecar is gone.
pub(super) async fn announce_for_others(
    lance: &LanceRoot,
    table_key: &str,
    table: &PinnedTable,
) -> Result<(), WriterError> {
    let version = table.expected + 1;
    let entry = lance.transaction(&table.location, version).await;
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
    let (objects, file) = (lance.objects(), operation_id.file_name());
    if is_there(&objects, &file)
        .await
        .map_err(WriterError::Sidecar)?
    {
        return Ok(());
    }
    let limits = Limits::DEFAULT;
    // Without the journal nobody knows whether the operation is over, so its commit counts as pending.
    let Ok(journal) = Journal::load(&objects, &operation_id, &limits).await else {
        return Ok(());
    };
    let recovered = journal
        .state
        .finished()
        .and_then(|finished| Sidecar::parse(&file, finished.sidecar.as_bytes(), &limits).ok());
    match recovered {
        Some(operation) => announce(lance, &operation, table_key).await,
        None => Ok(()),
    }
}
