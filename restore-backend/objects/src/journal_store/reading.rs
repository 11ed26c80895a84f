//! Reading journals: which exist, and the records of one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::TryStreamExt;
use futures::future::ready;
use object_store::ObjectStore;
use object_store::path::Path;
use sidecar::journal::JournalRecord;
use sidecar::{Code, Limits, OperationId, Reason};

use super::error::JournalStoreError;
use super::layout::{
    CLAIM_OBJECT, CLOSED_AGAIN, CLOSED_OBJECT, JOURNAL_BYTES_MAX, JOURNAL_FOLDER, REOPENED,
    REOPENED_OBJECT, folder,
};
use crate::sidecar_dir::read_bounded;
use crate::store::{NotRead, is_odd, spelt};

/// Records read at the same time.
const READS_AT_ONCE: usize = 32;
/// Records that one listing may miss. Executors add a few in the time a listing takes.
const MISSED_MAX: u64 = 64;
/// Operations that a listing may name. Finished ones stay, so a root collects them over the years.
const JOURNALS_MAX: usize = 1_000_000;

/// One operation's journal, as a listing shows it.
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
    /// Whether it is finished and its sidecar gone, since the last reopening.
    pub closed: bool,
    /// Whether its terminal record was found untrue once.
    pub reopened: bool,
    /// The number of the last record that reopened it; `None` if it was never reopened.
    pub(crate) reopened_by: Option<u64>,
    /// The number of the record that opened the last closed run.
    pub(crate) closed_since: Option<u64>,
}

impl JournalEntryOfListing {
    /// Of a journal that could not be listed: it may be claimed.
    #[must_use]
    pub fn not_listed() -> Self {
        Self {
            claimed: true,
            ..Self::default()
        }
    }
}

/// Names below the journal folder that a look tells one by one; of more of them it tells how many there are.
const SKIPPED_MAX: usize = 32;
/// As far as they are counted.
const SKIPPED_COUNTED_MAX: usize = 1_000;

/// Objects below the journal folder that should not be there and are skipped.
#[derive(Debug, Default)]
pub struct Skipped {
    reasons: BTreeMap<Path, Reason>,
}

impl Skipped {
    pub(super) fn note(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        if self.reasons.len() < SKIPPED_COUNTED_MAX {
            self.reasons
                .entry(path.clone())
                .or_insert_with(|| Reason::new(Code::Unreadable, why.to_string()));
        }
    }

    /// Adds the objects that another listing met, unless this one met them too.
    pub fn extend(&mut self, other: Self) {
        for (path, reason) in other.reasons {
            self.note(&path, &reason.detail);
        }
    }

    /// One reason for each, and one that counts those beyond the first few.
    pub fn into_reasons(self) -> Vec<Reason> {
        let counted = self.reasons.len();
        let mut told: Vec<Reason> = self.reasons.into_values().take(SKIPPED_MAX).collect();
        let more = counted - told.len();
        if more > 0 {
            let at_least = if counted == SKIPPED_COUNTED_MAX {
                "at least "
            } else {
                ""
            };
            told.push(Reason::new(
                Code::Unreadable,
                format!(
                    "and {at_least}{more} more below {JOURNAL_FOLDER}/ that should not be there; move away those that are named, then look again"
                ),
            ));
        }
        told
    }
}

/// The operation to whose journal a path belongs: the folder of the journal, or an object that is read in it.
fn of_a_journal(path: &Path) -> Option<OperationId> {
    let mut parts = path.parts().skip(1);
    let operation_id = parts.next()?.as_ref().parse().ok()?;
    let object = parts.next();
    let is_read = object.is_none_or(|object| {
        let object = object.as_ref();
        object == CLAIM_OBJECT
            || closes(object).is_some()
            || reopens(object).is_some()
            || number(object).is_some()
    });
    (is_read && parts.next().is_none()).then_some(operation_id)
}

/// Every operation that has a journal, from one listing.
///
/// # Errors
/// [`JournalStoreError::Storage`], [`JournalStoreError::TooMany`].
pub async fn list_journals(
    objects: &Arc<dyn ObjectStore>,
) -> Result<BTreeMap<OperationId, JournalEntryOfListing>, JournalStoreError> {
    Ok(list_all(objects).await?.0)
}

/// As [`list_journals`], with the objects that belong to no journal and should not be there.
///
/// # Errors
/// As [`list_journals`].
pub async fn list_all(
    objects: &Arc<dyn ObjectStore>,
) -> Result<(BTreeMap<OperationId, JournalEntryOfListing>, Skipped), JournalStoreError> {
    let mut skipped = Skipped::default();
    let journals = list_at_most(objects, JOURNALS_MAX, &mut skipped).await?;
    Ok((journals, skipped))
}

pub(super) async fn list_at_most(
    objects: &Arc<dyn ObjectStore>,
    max: usize,
    skipped: &mut Skipped,
) -> Result<BTreeMap<OperationId, JournalEntryOfListing>, JournalStoreError> {
    let mut journals: BTreeMap<OperationId, JournalEntryOfListing> = BTreeMap::new();
    let folder = Path::from(JOURNAL_FOLDER);
    let mut listing = objects.list(Some(&folder));
    loop {
        let meta = match listing.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => {
                let of_each = journals.into_iter();
                return Ok(of_each.map(|(id, journal)| (id, journal.told())).collect());
            }
            Err(source) => match NotRead::of(&source) {
                Some(not_read) if not_read.path != folder => {
                    match of_a_journal(&not_read.path) {
                        // Counted as a record, so that reading this journal fails with the reason, and it never passes for a
                        // shorter one.
                        Some(operation_id) => {
                            journals.entry(operation_id).or_default().add_unread();
                        }
                        None => skipped.note(&not_read.path, not_read),
                    }
                    continue;
                }
                _ => {
                    return Err(JournalStoreError::Storage {
                        what: "listing the journals".to_owned(),
                        source,
                    });
                }
            },
        };
        if is_odd(&meta.location) {
            let odd = first_odd(&meta.location);
            skipped.note(
                &odd,
                &format!(
                    "{} is no name that anybody gives there; move it away by hand",
                    spelt(&odd)
                ),
            );
            continue;
        }
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
        journal.add(object.as_ref(), meta.size);
    }
}

/// The number of the record that opened the run that an object of this name closes, if it closes one.
fn closes(object: &str) -> Option<u64> {
    if object == CLOSED_OBJECT {
        return Some(1);
    }
    number(object.strip_prefix(CLOSED_AGAIN)?)
}

/// The number of the reopening record that an object of this name announces, if it announces one.
fn reopens(object: &str) -> Option<u64> {
    if object == REOPENED_OBJECT {
        return Some(u64::MAX);
    }
    number(object.strip_prefix(REOPENED)?)
}

/// The shortest odd prefix of a path: for everything in a folder with an odd name, that folder. It is never a journal's own
/// folder.
fn first_odd(path: &Path) -> Path {
    let parts = path.parts().count();
    let mut prefixes = (1..parts).map(|count| Path::from_iter(path.parts().take(count)));
    prefixes.find(is_odd).unwrap_or_else(|| path.clone())
}

impl JournalEntryOfListing {
    /// Notes an object that cannot be read. Its content is unknown, so the journal has to be read.
    const fn add_unread(&mut self) {
        self.records += 1;
        self.claimed = true;
    }

    /// The complete entry: a `closed` object before the last reopening no longer counts.
    fn told(self) -> Self {
        Self {
            closed: self.closed_since.is_some() && self.closed_since >= self.reopened_by,
            reopened: self.reopened_by.is_some(),
            ..self
        }
    }

    /// Notes one object in the operation's folder.
    fn add(&mut self, object: &str, bytes: u64) {
        if object == CLAIM_OBJECT {
            self.claimed = true;
        } else if let Some(opening) = closes(object) {
            self.closed_since = self.closed_since.max(Some(opening));
        } else if let Some(opening) = reopens(object) {
            self.reopened_by = self.reopened_by.max(Some(opening));
        } else {
            self.records += 1;
            self.last = self.last.max(number(object).unwrap_or_default());
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
}

/// Lists one operation's folder; the result is empty if the operation has no journal.
///
/// # Errors
/// [`JournalStoreError::Storage`].
pub async fn list_journal(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
) -> Result<JournalEntryOfListing, JournalStoreError> {
    let folder = folder(operation_id);
    let mut journal = JournalEntryOfListing::default();
    let mut listing = objects.list(Some(&folder));
    loop {
        let meta = match listing.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => return Ok(journal.told()),
            Err(source) => match NotRead::of(&source) {
                Some(not_read) => {
                    // Reading the journal reports why the object cannot be read. Objects that nobody reads do not matter.
                    if of_a_journal(&not_read.path).is_some() {
                        journal.add_unread();
                    }
                    continue;
                }
                None => {
                    return Err(JournalStoreError::Storage {
                        what: format!("listing the journal of operation {operation_id}"),
                        source,
                    });
                }
            },
        };
        let mut below = meta.location.parts().skip(folder.parts().count());
        if let (Some(object), None) = (below.next(), below.next()) {
            journal.add(object.as_ref(), meta.size);
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

/// The number of the record with this name; `None` for any other name.
fn number(name: &str) -> Option<u64> {
    let sequence = name
        .strip_suffix(".json")?
        .parse()
        .ok()
        .filter(|sequence| *sequence > 0)?;
    (JournalRecord::object_name(sequence) == name).then_some(sequence)
}
