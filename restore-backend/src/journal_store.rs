//! Where journals live: `__recovery_log/{operation_id}/`, objects that are only ever created.
//!
//! `000001.json`, `000002.json`… are the records. Two further objects answer a question in one request and add nothing to the
//! records: `claim.json` says that some executor claimed the operation, which is what writers look for, and `closed.json` says
//! that the terminal record is written and the sidecar gone, so that a list need not read the journals of all that ever was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::TryStreamExt;
use futures::future::ready;
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::path::Path;
use sidecar::journal::{JournalEntry, JournalError, JournalRecord, JournalState};
use sidecar::{Limits, OperationId, Timestamp};

use crate::sidecar_dir::read_bounded;

/// The folder of all journals, relative to the root.
pub const JOURNAL_FOLDER: &str = "__recovery_log";
/// Says that some executor claimed the operation; writers look for it.
pub const CLAIM_OBJECT: &str = "claim.json";
/// Says that the operation is finished and its sidecar gone.
pub const CLOSED_OBJECT: &str = "closed.json";

/// Records read at the same time.
const READS_AT_ONCE: usize = 32;
/// Records that one listing may miss. Executors add a few in the time a listing takes.
const MISSED_MAX: u64 = 64;

/// Why a journal could not be read or continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalStoreError {
    /// The records do not make a journal.
    #[error("the journal of operation {operation_id} cannot be trusted")]
    Broken {
        /// The operation.
        operation_id: OperationId,
        /// Which record is wrong, and how.
        #[source]
        source: Box<JournalError>,
    },
    /// Larger or longer than a journal can be.
    #[error(
        "the journal of operation {operation_id} is larger than a journal can be; look at {JOURNAL_FOLDER}/{operation_id}/ by hand"
    )]
    TooLarge {
        /// The operation.
        operation_id: OperationId,
    },
    /// Storage failed.
    #[error("{what} failed")]
    Storage {
        /// What was being done.
        what: String,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// A bug of ours.
    #[error("internal error: a journal record cannot be encoded: {reason}")]
    Encode {
        /// The serialiser's words.
        reason: String,
    },
}

/// What a listing tells of one operation's journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalEntryOfListing {
    /// Number of records.
    pub records: usize,
    /// The highest number of a record.
    pub last: u64,
    /// Whether it was ever claimed.
    pub claimed: bool,
    /// Whether it is finished and its sidecar gone.
    pub closed: bool,
}

/// A journal with its stored bytes.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The fold over the records.
    pub state: JournalState,
    /// The records' bytes, in order.
    pub stored: Vec<Vec<u8>>,
}

/// What became of an attempt to add a record.
#[derive(Debug)]
#[must_use = "a record that is taken by somebody else means another executor has the operation"]
pub enum Appended {
    /// The record is durable.
    Done(Box<Journal>),
    /// Somebody else wrote the record with this number.
    Taken,
}

fn folder(operation_id: &OperationId) -> Path {
    Path::from(JOURNAL_FOLDER).join(operation_id.as_str())
}

/// Every operation that has a journal, from one listing.
///
/// # Errors
/// [`JournalStoreError::Storage`].
pub async fn list_journals(
    objects: &Arc<dyn ObjectStore>,
) -> Result<BTreeMap<OperationId, JournalEntryOfListing>, JournalStoreError> {
    let mut journals: BTreeMap<OperationId, JournalEntryOfListing> = BTreeMap::new();
    let mut listing = objects.list(Some(&Path::from(JOURNAL_FOLDER)));
    loop {
        let meta = match listing.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => return Ok(journals),
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
        let journal = journals.entry(operation_id).or_default();
        match object.as_ref() {
            CLAIM_OBJECT => journal.claimed = true,
            CLOSED_OBJECT => journal.closed = true,
            name => {
                journal.records += 1;
                journal.last = journal.last.max(number(name).unwrap_or_default());
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
    let listed: BTreeSet<u64> = match objects
        .list(Some(&folder))
        .try_filter_map(|meta| ready(Ok(sequence(&folder, &meta.location))))
        .try_collect()
        .await
    {
        Ok(listed) => listed,
        Err(object_store::Error::NotFound { .. }) => BTreeSet::new(),
        Err(source) => return Err(unread(operation_id, source)),
    };
    read_listed(objects, operation_id, listed, limits).await
}

fn unread(operation_id: &OperationId, source: object_store::Error) -> JournalStoreError {
    JournalStoreError::Storage {
        what: format!("reading the journal of operation {operation_id}"),
        source,
    }
}

async fn read_listed(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
    listed: BTreeSet<u64>,
    limits: &Limits,
) -> Result<Vec<Vec<u8>>, JournalStoreError> {
    let too_large = || JournalStoreError::TooLarge {
        operation_id: operation_id.clone(),
    };
    let folder = folder(operation_id);
    // A listing that runs while records are added may miss one and have the one after it. Each record is created after the one
    // before, so none up to the last is missing from storage, unless somebody removed it; the chain tells.
    let last = listed.last().copied().unwrap_or_default();
    if last > limits.journal_records_max as u64 {
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
    let records: Vec<Option<Record>> = futures::stream::iter(reads)
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await
        .map_err(|source| unread(operation_id, source))?;
    records
        .into_iter()
        .flatten()
        .map(|record| record.ok_or_else(too_large))
        .collect()
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

impl Journal {
    /// Reads and folds one operation's journal; an operation without one has an empty one.
    ///
    /// # Errors
    /// See [`JournalStoreError`]; a journal that does not verify is an error, never a shorter journal.
    pub async fn load(
        objects: &Arc<dyn ObjectStore>,
        operation_id: &OperationId,
        limits: &Limits,
    ) -> Result<Self, JournalStoreError> {
        let stored = read_records(objects, operation_id, limits).await?;
        Self::fold(operation_id, stored)
    }

    /// As [`Self::load`], of a journal that a listing of all of them has just named.
    ///
    /// # Errors
    /// See [`Self::load`].
    pub async fn load_listed(
        objects: &Arc<dyn ObjectStore>,
        operation_id: &OperationId,
        listed: JournalEntryOfListing,
        limits: &Limits,
    ) -> Result<Self, JournalStoreError> {
        // What is not complete is listed once more, by itself.
        if listed.last != listed.records as u64 || listed.last > limits.journal_records_max as u64 {
            return Self::load(objects, operation_id, limits).await;
        }
        let stored =
            read_listed(objects, operation_id, (1..=listed.last).collect(), limits).await?;
        Self::fold(operation_id, stored)
    }

    fn fold(operation_id: &OperationId, stored: Vec<Vec<u8>>) -> Result<Self, JournalStoreError> {
        let state = sidecar::journal::verify_chain(operation_id, stored.iter().map(Vec::as_slice))
            .map_err(|source| JournalStoreError::Broken {
                operation_id: operation_id.clone(),
                source: Box::new(source),
            })?;
        Ok(Self { state, stored })
    }

    /// Adds a record. On return it is durable, or somebody else has taken its number.
    ///
    /// # Errors
    /// See [`JournalStoreError`]; an entry that cannot follow is refused before anything is written.
    pub async fn append(
        self,
        objects: &Arc<dyn ObjectStore>,
        recorded_at: Timestamp,
        entry: JournalEntry,
    ) -> Result<Appended, JournalStoreError> {
        self.with(recorded_at, entry)?.write(objects).await
    }

    /// The journal as it is once this record is added, and what is to be written for that.
    ///
    /// # Errors
    /// See [`Self::append`].
    pub fn with(
        self,
        recorded_at: Timestamp,
        entry: JournalEntry,
    ) -> Result<Unwritten, JournalStoreError> {
        let operation_id = self.state.operation_id().clone();
        let record = self.state.next_record(recorded_at, entry);
        let bytes = record
            .to_bytes()
            .map_err(|reason| JournalStoreError::Encode { reason })?;
        let state = self
            .state
            .append(&bytes)
            .map_err(|source| JournalStoreError::Broken {
                operation_id: operation_id.clone(),
                source: Box::new(source),
            })?;
        let path = folder(&operation_id).join(JournalRecord::object_name(record.sequence));
        let mut stored = self.stored;
        stored.push(bytes);
        Ok(Unwritten {
            journal: Self { state, stored },
            path,
        })
    }
}

/// A journal whose last record is still to be written.
#[derive(Debug)]
#[must_use = "nothing is recorded before it is written"]
pub struct Unwritten {
    journal: Journal,
    path: Path,
}

impl Unwritten {
    /// The state once the record is written.
    #[must_use]
    pub const fn state(&self) -> &JournalState {
        &self.journal.state
    }

    /// Writes the record. On return it is durable, or somebody else has taken its number.
    ///
    /// # Errors
    /// [`JournalStoreError::Storage`].
    pub async fn write(
        self,
        objects: &Arc<dyn ObjectStore>,
    ) -> Result<Appended, JournalStoreError> {
        let bytes = self.journal.stored.last().map_or(&[][..], Vec::as_slice);
        Ok(if create(objects, &self.path, bytes).await? {
            Appended::Done(Box::new(self.journal))
        } else {
            Appended::Taken
        })
    }
}

/// Creates an object; `false` if another one is there.
///
/// A conflict, or an error that does not say whether the object was created, may be our own success: it is read back.
async fn create(
    objects: &Arc<dyn ObjectStore>,
    path: &Path,
    bytes: &[u8],
) -> Result<bool, JournalStoreError> {
    let Err(error) = objects
        .put_opts(path, bytes.to_vec().into(), PutMode::Create.into())
        .await
    else {
        return Ok(true);
    };
    let found = read_bounded(objects, path, bytes.len() as u64).await;
    match (found, error) {
        (Ok(Some(found)), _) if found == bytes => Ok(true),
        (Ok(_), _)
        | (
            Err(_),
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. },
        ) => Ok(false),
        (Err(_), source) => Err(JournalStoreError::Storage {
            what: format!("writing {path}"),
            source,
        }),
    }
}

/// Makes the operation's claim visible to writers; it stays for good.
///
/// # Errors
/// [`JournalStoreError::Storage`].
pub async fn publish_claim(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
) -> Result<(), JournalStoreError> {
    create(objects, &folder(operation_id).join(CLAIM_OBJECT), b"{}")
        .await
        .map(drop)
}

/// Notes that the operation is finished and its sidecar gone.
///
/// # Errors
/// [`JournalStoreError::Storage`].
pub async fn close(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
) -> Result<(), JournalStoreError> {
    create(objects, &folder(operation_id).join(CLOSED_OBJECT), b"{}")
        .await
        .map(drop)
}

/// Whether the operation is noted as finished, its sidecar gone.
///
/// # Errors
/// [`JournalStoreError::Storage`].
pub async fn is_closed(
    objects: &Arc<dyn ObjectStore>,
    operation_id: &OperationId,
) -> Result<bool, JournalStoreError> {
    match objects
        .head(&folder(operation_id).join(CLOSED_OBJECT))
        .await
    {
        Ok(_) => Ok(true),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(source) => Err(JournalStoreError::Storage {
            what: format!("looking at the journal of operation {operation_id}"),
            source,
        }),
    }
}
