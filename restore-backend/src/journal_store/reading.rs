//! Reading what is stored of journals: which there are, and the records of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::TryStreamExt;
use futures::future::ready;
use object_store::ObjectStore;
use object_store::path::Path;
use sidecar::journal::JournalRecord;
use sidecar::{Limits, OperationId};

use super::{
    CLAIM_OBJECT, CLOSED_OBJECT, JOURNAL_BYTES_MAX, JOURNAL_FOLDER, JournalStoreError,
    REOPENED_OBJECT, folder,
};
use crate::sidecar_dir::read_bounded;

/// Records read at the same time.
const READS_AT_ONCE: usize = 32;
/// Records that one listing may miss. Executors add a few in the time a listing takes.
const MISSED_MAX: u64 = 64;
/// Operations that a listing may name. Finished ones stay, so a root collects them over the years.
const JOURNALS_MAX: usize = 1_000_000;
/// What a listing tells of one operation's journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalEntryOfListing {
    /// Number of records.
    pub records: usize,
    /// The highest number of a record.
    pub last: u64,
    /// Bytes of all records.
    pub bytes: u64,
    /// Whether it was ever claimed.
    pub claimed: bool,
    /// Whether it is finished and its sidecar gone; never of one that was reopened.
    pub closed: bool,
    /// Whether its terminal record was found untrue once.
    pub reopened: bool,
}

/// Every operation that has a journal, from one listing.
///
/// # Errors
/// [`JournalStoreError::Storage`], [`JournalStoreError::TooMany`].
pub async fn list_journals(
    objects: &Arc<dyn ObjectStore>,
) -> Result<BTreeMap<OperationId, JournalEntryOfListing>, JournalStoreError> {
    list_at_most(objects, JOURNALS_MAX).await
}

pub(super) async fn list_at_most(
    objects: &Arc<dyn ObjectStore>,
    max: usize,
) -> Result<BTreeMap<OperationId, JournalEntryOfListing>, JournalStoreError> {
    let mut journals: BTreeMap<OperationId, JournalEntryOfListing> = BTreeMap::new();
    let mut listing = objects.list(Some(&Path::from(JOURNAL_FOLDER)));
    loop {
        let meta = match listing.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => {
                for journal in journals.values_mut() {
                    journal.closed &= !journal.reopened;
                }
                return Ok(journals);
            }
            Err(source) => {
                return Err(JournalStoreError::Storage {
                    what: "listing the journals".to_owned(),
                    source,
                });
            }
        };
        let mut parts = meta.location.parts().skip(1);
        let (Some(operation), Some(object), None) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Ok(operation_id) = operation.as_ref().parse::<OperationId>() else {
            continue;
        };
        if journals.len() == max && !journals.contains_key(&operation_id) {
            return Err(JournalStoreError::TooMany { max });
        }
        let journal = journals.entry(operation_id).or_default();
        match object.as_ref() {
            CLAIM_OBJECT => journal.claimed = true,
            CLOSED_OBJECT => journal.closed = true,
            REOPENED_OBJECT => journal.reopened = true,
            name => {
                journal.records += 1;
                journal.last = journal.last.max(number(name).unwrap_or_default());
                journal.bytes = journal.bytes.saturating_add(meta.size);
            }
        }
    }
}

/// Reads the bytes of one operation's records, in order; none if it has no journal.
///
/// # Errors
/// [`JournalStoreError::Storage`], [`JournalStoreError::TooLarge`].
pub async fn read_records(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, JournalStoreError> {
    let folder = folder(operation_id);
    let listed: BTreeMap<u64, u64> = match objects
        .list(Some(&folder))
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
    read_listed(objects, operation_id, listed, bytes, limits).await
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
    let too_large = || JournalStoreError::TooLarge {
        operation_id: operation_id.clone(),
    };
    let folder = folder(operation_id);
    // A listing that runs while records are added may miss one and have the one after it. Each record is created after the one
    // before, so none up to the last is missing from storage, unless somebody removed it; the chain tells.
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
    let (mut records, mut left) = (Vec::new(), JOURNAL_BYTES_MAX);
    while let Some(record) = reads
        .try_next()
        .await
        .map_err(|source| unread(operation_id, source))?
    {
        let Some(record) = record else {
            continue;
        };
        // What was listed may have grown since.
        let record = record.ok_or_else(too_large)?;
        left = left
            .checked_sub(record.len() as u64)
            .ok_or_else(too_large)?;
        records.push(record);
    }
    Ok(records)
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

/// The number of the record with this name; `None` for any other name.
fn number(name: &str) -> Option<u64> {
    let sequence = name
        .strip_suffix(".json")?
        .parse()
        .ok()
        .filter(|sequence| *sequence > 0)?;
    (JournalRecord::object_name(sequence) == name).then_some(sequence)
}
