//! Reading the records of one journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::TryStreamExt;
use futures::future::ready;
use object_store::ObjectStore;
use object_store::path::Path;
use sidecar::journal::JournalRecord;
use sidecar::{Limits, OperationId};

use super::error::JournalStoreError;
use super::layout::{JOURNAL_BYTES_MAX, folder, number, of_a_journal};
use crate::read::read_bounded;
use crate::store::NotRead;

/// Records read at the same time.
const READS_AT_ONCE: usize = 32;
/// Records that one listing may miss. Executors add a few in the time a listing takes.
const MISSED_MAX: u64 = 64;

/// Reads the bytes of one operation's records, in order; none if it has no journal.
///
/// # Errors
/// [`JournalStoreError::Storage`], [`JournalStoreError::TooLarge`].
pub async fn read_records(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, JournalStoreError> {
    let mut records = Vec::new();
    visit_records(objects, operation_id, limits, |record| records.push(record)).await?;
    Ok(records)
}

/// As [`read_records`], but hands over one record after the other, in order.
///
/// # Errors
/// As [`read_records`].
pub async fn visit_records(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
    limits: &Limits,
    visit: impl FnMut(Vec<u8>),
) -> Result<(), JournalStoreError> {
    let folder = folder(operation_id);
    let listed: BTreeMap<u64, u64> = match objects
        .list(Some(&folder))
        // Objects that nobody reads do not matter.
        .filter(|entry| {
            let not_read = entry.as_ref().err().and_then(NotRead::of);
            ready(not_read.is_none_or(|not_read| of_a_journal(&not_read.path).is_some()))
        })
        .try_filter_map(|meta| {
            let sequence = sequence(&folder, &meta.location);
            ready(Ok(sequence.map(|sequence| (sequence, meta.size))))
        })
        .try_collect()
        .await
    {
        Ok(listed) => listed,
        Err(object_store::Error::NotFound { .. }) => BTreeMap::new(),
        Err(source) => return Err(unread(operation_id, source)),
    };
    let bytes = listed
        .values()
        .fold(0_u64, |sum, size| sum.saturating_add(*size));
    let listed = listed.into_keys().collect();
    visit_listed(objects, operation_id, listed, bytes, limits, visit).await
}

fn unread(operation_id: &OperationId, source: object_store::Error) -> JournalStoreError {
    JournalStoreError::Storage {
        what: format!("reading the journal of operation {operation_id}"),
        source,
    }
}

pub(super) async fn read_listed(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
    listed: BTreeSet<u64>,
    bytes: u64,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, JournalStoreError> {
    let mut records = Vec::new();
    visit_listed(objects, operation_id, listed, bytes, limits, |record| {
        records.push(record);
    })
    .await?;
    Ok(records)
}

async fn visit_listed(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
    listed: BTreeSet<u64>,
    bytes: u64,
    limits: &Limits,
    mut visit: impl FnMut(Vec<u8>),
) -> Result<(), JournalStoreError> {
    let too_large = || JournalStoreError::TooLarge {
        operation_id: operation_id.clone(),
    };
    let folder = folder(operation_id);
    // A listing that runs while records are added may miss one and have the next. Each record is created after the one before, so
    // storage has every record up to the last, unless somebody removed one; the chain of digests shows that.
    let last = listed.last().copied().unwrap_or_default();
    if last > limits.journal_records_max as u64 || bytes > JOURNAL_BYTES_MAX {
        return Err(too_large());
    }
    let missed = last - listed.len() as u64;
    let sequences: Vec<u64> = if missed <= MISSED_MAX {
        (1..=last).collect()
    } else {
        listed.into_iter().collect()
    };
    let reads: Vec<_> = sequences
        .into_iter()
        .map(|sequence| {
            read_record(
                objects,
                folder.clone().join(JournalRecord::object_name(sequence)),
                limits,
            )
        })
        .collect();
    let mut reads = futures::stream::iter(reads).buffered(READS_AT_ONCE);
    let mut left = JOURNAL_BYTES_MAX;
    while let Some(record) = reads
        .try_next()
        .await
        .map_err(|source| unread(operation_id, source))?
    {
        let Some(record) = record else {
            continue;
        };
        // The object may have grown since it was listed.
        let record = record.ok_or_else(too_large)?;
        left = left
            .checked_sub(record.len() as u64)
            .ok_or_else(too_large)?;
        visit(record);
    }
    Ok(())
}

/// A record's bytes; `None` if they are more than a record can have.
type Record = Option<Vec<u8>>;

/// A record, or `None` if there is none of that name.
async fn read_record(
    objects: &Arc<dyn ObjectStore>,
    path: Path,
    limits: &Limits,
) -> Result<Option<Record>, object_store::Error> {
    match read_bounded(objects, &path, limits.journal_record_bytes_max).await {
        Ok(record) => Ok(Some(record)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of the record at `path`; `None` for whatever else lies in or below the folder.
fn sequence(folder: &Path, path: &Path) -> Option<u64> {
    let sequence = number(path.filename()?)?;
    (folder.clone().join(JournalRecord::object_name(sequence)) == *path).then_some(sequence)
}
