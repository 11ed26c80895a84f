//! Where journals live: `__recovery_log/{operation_id}/`, objects that are only ever created.
//!
//! `000001.json`, `000002.json`… are the records. Three further kinds of objects answer a question in one request and add nothing
//! to the records. `claim.json` says that an executor claimed the operation; writers look for it. `closed.json` says that the
//! terminal record is written and the sidecar gone. `reopened.000009.json` says that record 9 found the terminal record before it
//! untrue, so `closed.json` no longer counts; `closed.000009.json` then says that the operation ended once more. [`OPEN_FOLDER`]
//! names the open operations, so that a look need not list the journals of all operations.

mod create;
mod error;
mod layout;
mod open;
mod reading;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::journal::{JournalEntry, JournalRecord, JournalState};
use sidecar::{Limits, OperationId, Timestamp};

use crate::off_thread;
use crate::store::{Hold, Objects};

pub use open::{list_open_noting, unmark};
pub use reading::{Skipped, list_all};

use create::create;
use layout::{CLOSED_AGAIN, JOURNAL_BYTES_MAX, REOPENED, folder};
use open::mark;
use reading::read_listed;

pub use error::JournalStoreError;
pub use layout::{CLAIM_OBJECT, CLOSED_OBJECT, JOURNAL_FOLDER, OPEN_FOLDER};
pub use open::{Mark, MarkUpkeep, OpenMarks, list_open};
pub use reading::{
    JournalEntryOfListing, list_journal, list_journals, read_records, visit_records,
};

/// Bytes and records that approvals and claims leave free, so that what is begun can be brought to its end.
const BYTES_LEFT_FOR_AN_ATTEMPT: u64 = 128 << 20;
const RECORDS_LEFT_FOR_AN_ATTEMPT: u64 = 1_000;

/// A journal with its stored bytes.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The fold over the records.
    pub state: JournalState,
    /// The records' bytes, in order; empty if only the fold is kept.
    pub stored: Vec<Vec<u8>>,
    /// The number of records and their bytes, whether kept or not.
    records: usize,
    bytes: u64,
    /// The numbers of the records that opened it: the first, and each that follows a terminal one.
    opened_by: Vec<u64>,
    /// Whether all records are known to be on disk. Records that were read may not be, and the next one must not get there first.
    is_durable: bool,
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

impl Journal {
    /// The journal without its records' bytes; the fold is kept.
    #[must_use]
    pub fn folded(self) -> Self {
        Self {
            stored: Vec::new(),
            ..self
        }
    }

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
        Self::fold(operation_id, stored).await
    }

    /// As [`Self::load`], for a journal that a listing of all journals has just named.
    ///
    /// # Errors
    /// See [`Self::load`].
    pub async fn load_listed(
        objects: &Arc<dyn ObjectStore>,
        operation_id: &OperationId,
        listed: JournalEntryOfListing,
        limits: &Limits,
    ) -> Result<Self, JournalStoreError> {
        // An incomplete listing of this journal is replaced by one of its own folder.
        if listed.last != listed.records as u64 || listed.last > limits.journal_records_max as u64 {
            return Self::load(objects, operation_id, limits).await;
        }
        let records = (1..=listed.last).collect();
        let stored = read_listed(objects, operation_id, records, listed.bytes, limits).await?;
        Self::fold(operation_id, stored).await
    }

    /// Makes all records durable, whoever wrote them. Call it before acting on them or reporting them.
    ///
    /// # Errors
    /// [`JournalStoreError::Storage`].
    pub async fn make_durable(&self, objects: &Objects) -> Result<(), JournalStoreError> {
        let operation_id = self.state.operation_id();
        make_records_durable(objects, operation_id, self.records).await
    }

    /// The same journal, durable: the next record is then written without this check.
    ///
    /// # Errors
    /// [`JournalStoreError::Storage`].
    pub async fn made_durable(mut self, objects: &Objects) -> Result<Self, JournalStoreError> {
        if !self.is_durable {
            self.make_durable(objects).await?;
            self.is_durable = true;
        }
        Ok(self)
    }

    /// The hold that an executor has on the operation until somebody else writes the next record.
    #[must_use]
    pub fn hold(&self, objects: &Objects) -> Hold {
        let next = JournalRecord::object_name(self.records as u64 + 1);
        objects.hold(&folder(self.state.operation_id()).join(next))
    }

    async fn fold(
        operation_id: &OperationId,
        stored: Vec<Vec<u8>>,
    ) -> Result<Self, JournalStoreError> {
        let bytes = bytes_of(&stored);
        let operation_id = operation_id.clone();
        off_thread::over(usize::try_from(bytes).unwrap_or(usize::MAX), move || {
            Self::folded_from(operation_id, stored, bytes)
        })
        .await
    }

    fn folded_from(
        operation_id: OperationId,
        stored: Vec<Vec<u8>>,
        bytes: u64,
    ) -> Result<Self, JournalStoreError> {
        let mut state = JournalState::new(operation_id.clone());
        let mut opened_by = Vec::new();
        for record in &stored {
            if opens(&state) {
                opened_by.push(state.records() + 1);
            }
            state = state
                .append(record)
                .map_err(|source| JournalStoreError::Broken {
                    operation_id: operation_id.clone(),
                    source: Box::new(source),
                })?;
        }
        Ok(Self {
            state,
            records: stored.len(),
            bytes,
            stored,
            opened_by,
            is_durable: false,
        })
    }

    /// The number of records, whether their bytes are kept or not.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.records
    }

    /// The object that says that the operation is finished and its sidecar gone, since the last opening.
    fn closed_object(&self) -> Path {
        let name = match self.opened_by.last() {
            Some(sequence) if *sequence > 1 => {
                format!("{CLOSED_AGAIN}{}", JournalRecord::object_name(*sequence))
            }
            _ => CLOSED_OBJECT.to_owned(),
        };
        folder(self.state.operation_id()).join(name)
    }

    /// Notes that the operation is finished and its sidecar gone. Remove its marks after that: see [`Self::unmark`].
    ///
    /// # Errors
    /// [`JournalStoreError::Storage`].
    pub async fn close(&self, objects: &Objects) -> Result<(), JournalStoreError> {
        create(objects, &self.closed_object(), b"{}")
            .await
            .map(drop)
    }

    /// Whether it is noted that the operation is finished and its sidecar gone.
    ///
    /// # Errors
    /// [`JournalStoreError::Storage`].
    pub async fn is_closed(
        &self,
        objects: &Arc<dyn ObjectStore>,
    ) -> Result<bool, JournalStoreError> {
        match objects.head(&self.closed_object()).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(JournalStoreError::Storage {
                what: format!(
                    "looking at the journal of operation {}",
                    self.state.operation_id()
                ),
                source,
            }),
        }
    }

    /// Notes that the next record reopens the operation, so that the earlier `closed` object no longer counts.
    ///
    /// # Errors
    /// [`JournalStoreError::Storage`].
    pub async fn note_reopened(&self, objects: &Objects) -> Result<(), JournalStoreError> {
        let next = JournalRecord::object_name(self.records as u64 + 1);
        let path = folder(self.state.operation_id()).join(format!("{REOPENED}{next}"));
        create(objects, &path, b"{}").await.map(drop)
    }

    /// Removes the marks of the operation. Call it right after [`Self::close`].
    pub async fn unmark(&self, objects: &Objects) {
        let marks = self.opened_by.iter().map(|sequence| Mark {
            operation_id: self.state.operation_id().clone(),
            sequence: *sequence,
        });
        open::unmark(objects, marks).await;
    }

    /// Adds a record. On return it is durable, or somebody else has taken its number.
    ///
    /// # Errors
    /// See [`JournalStoreError`]; an entry that cannot follow is refused before anything is written.
    pub async fn append(
        self,
        objects: &Objects,
        recorded_at: Timestamp,
        entry: JournalEntry,
    ) -> Result<Appended, JournalStoreError> {
        self.with(recorded_at, entry)?.write(objects).await
    }

    /// The journal with this record added, still to be written.
    ///
    /// # Errors
    /// See [`Self::append`].
    pub fn with(
        self,
        recorded_at: Timestamp,
        entry: JournalEntry,
    ) -> Result<Unwritten, JournalStoreError> {
        let bytes = match &entry {
            JournalEntry::Claimed { plan, sidecar, .. } => plan.len() + sidecar.as_bytes().len(),
            JournalEntry::Finished { sidecar, .. } => sidecar.as_bytes().len(),
            JournalEntry::Approved { plan, .. } => plan.len(),
            _ => 0,
        };
        off_thread::in_place(bytes, || self.followed_by(recorded_at, entry))
    }

    fn followed_by(
        self,
        recorded_at: Timestamp,
        entry: JournalEntry,
    ) -> Result<Unwritten, JournalStoreError> {
        let operation_id = self.state.operation_id().clone();
        let begins = matches!(
            entry,
            JournalEntry::Approved { .. }
                | JournalEntry::Revoked { .. }
                | JournalEntry::Claimed { .. }
        );
        let takes_over = matches!(
            entry,
            JournalEntry::Claimed { .. }
                | JournalEntry::Interrupted { .. }
                | JournalEntry::Reopened { .. }
        );
        let record = self.state.next_record(recorded_at, entry);
        let bytes = record
            .to_bytes()
            .map_err(|reason| JournalStoreError::Encode { reason })?;
        let (bytes_left, records_left) = if begins {
            (BYTES_LEFT_FOR_AN_ATTEMPT, RECORDS_LEFT_FOR_AN_ATTEMPT)
        } else {
            (0, 0)
        };
        let bytes_then = self.bytes + bytes.len() as u64;
        if bytes_then + bytes_left > JOURNAL_BYTES_MAX
            || record.sequence + records_left > Limits::DEFAULT.journal_records_max as u64
        {
            return Err(JournalStoreError::TooLarge { operation_id });
        }
        let mut opened_by = self.opened_by;
        let mark = opens(&self.state).then(|| Mark {
            operation_id: operation_id.clone(),
            sequence: record.sequence,
        });
        opened_by.extend(mark.as_ref().map(|mark| mark.sequence));
        let state = self
            .state
            .append(&bytes)
            .map_err(|source| JournalStoreError::Broken {
                operation_id: operation_id.clone(),
                source: Box::new(source),
            })?;
        let path = folder(&operation_id).join(JournalRecord::object_name(record.sequence));
        let earlier = self.records;
        let mut stored = self.stored;
        stored.push(bytes);
        Ok(Unwritten {
            journal: Self {
                state,
                stored,
                records: earlier + 1,
                bytes: bytes_then,
                opened_by,
                is_durable: true,
            },
            mark,
            path,
            takes_over,
            not_durable: if self.is_durable { 0 } else { earlier },
        })
    }
}

/// Whether the next record of a journal opens its operation. The operation must be marked as open before that.
const fn opens(state: &JournalState) -> bool {
    state.records() == 0 || state.finished().is_some()
}

fn bytes_of(records: &[Vec<u8>]) -> u64 {
    records.iter().map(|record| record.len() as u64).sum()
}

/// A journal whose last record is still to be written.
#[derive(Debug)]
#[must_use = "nothing is recorded before it is written"]
pub struct Unwritten {
    journal: Journal,
    /// The mark of the operation, if this record opens it.
    mark: Option<Mark>,
    path: Path,
    takes_over: bool,
    /// The number of earlier records that may not be on disk yet.
    not_durable: usize,
}

async fn make_records_durable(
    objects: &Objects,
    operation_id: &OperationId,
    records: usize,
) -> Result<(), JournalStoreError> {
    if records == 0 {
        return Ok(());
    }
    let names = (1..=records as u64).map(JournalRecord::object_name);
    let paths: Vec<Path> = names.map(|name| folder(operation_id).join(name)).collect();
    let kept = objects.make_durable(&paths).await;
    kept.map_err(|source| JournalStoreError::Storage {
        what: format!("syncing the journal of operation {operation_id}"),
        source,
    })
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
    pub async fn write(self, objects: &Objects) -> Result<Appended, JournalStoreError> {
        let kept =
            make_records_durable(objects, self.journal.state.operation_id(), self.not_durable);
        let marked = async {
            match &self.mark {
                Some(opened) => mark(objects, opened).await,
                None => Ok(()),
            }
        };
        futures::try_join!(kept, marked)?;
        let bytes = self.journal.stored.last().map_or(&[][..], Vec::as_slice);
        let write = create(objects, &self.path, bytes);
        // A request that the earlier executor has on its way is sent before this record, or not at all.
        let created = if self.takes_over {
            objects.exclusively(&self.path, write).await?
        } else {
            write.await?
        };
        Ok(if created {
            Appended::Done(Box::new(self.journal))
        } else {
            Appended::Taken
        })
    }
}

/// Makes the operation's claim visible to writers; it stays for good.
///
/// # Errors
/// [`JournalStoreError::Storage`].
pub async fn publish_claim(
    objects: &Objects,
    operation_id: &OperationId,
) -> Result<(), JournalStoreError> {
    create(objects, &folder(operation_id).join(CLAIM_OBJECT), b"{}")
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::layout::REOPENED_OBJECT;
    use super::reading::{Skipped, list_at_most};
    use super::*;

    const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

    fn id() -> OperationId {
        ID.parse().unwrap()
    }

    fn store() -> Arc<dyn ObjectStore> {
        Arc::new(InMemory::new())
    }

    async fn put(objects: &Arc<dyn ObjectStore>, path: &str, bytes: usize) {
        let body = vec![b'x'; bytes];
        objects.put(&Path::from(path), body.into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_listing_names_so_many_operations_and_no_more() {
        let objects = store();
        for id in ["01M8125ENACWR9X1EZNRMDV5V2", "01M8125ENACWR9X1EZNRMDV5V3"] {
            for object in ["000001.json", "000002.json", CLAIM_OBJECT] {
                put(&objects, &format!("{JOURNAL_FOLDER}/{id}/{object}"), 3).await;
            }
        }
        let listed = list_at_most(&objects, 2, &mut Skipped::default())
            .await
            .unwrap();
        assert_eq!(listed.len(), 2, "as many as are allowed");
        assert_eq!(
            listed[&id()],
            JournalEntryOfListing {
                records: 2,
                last: 2,
                bytes: 6,
                claimed: true,
                ..JournalEntryOfListing::default()
            }
        );
        let refused = list_at_most(&objects, 1, &mut Skipped::default()).await;
        assert!(
            matches!(refused, Err(JournalStoreError::TooMany { max: 1 })),
            "{refused:?}"
        );
        let words = refused.unwrap_err().to_string();
        assert!(
            words.contains("with a closed.json and no reopened.* away"),
            "an open journal stays where it is: {words}"
        );
    }

    #[test]
    fn odd_names_that_are_not_told_one_by_one_are_counted() {
        let told = |count: usize| {
            let mut skipped = Skipped::default();
            for number in (0..count).chain(0..count) {
                let path = Path::from(format!("{JOURNAL_FOLDER}/{number}"));
                skipped.note(&path, &format!("{path} is a link"));
            }
            skipped.into_reasons()
        };
        assert_eq!(told(32).len(), 32);
        assert!(told(32).iter().all(|it| it.detail.ends_with("is a link")));
        for (count, wanted) in [
            (33, "and 1 more below"),
            (999, "and 967 more below"),
            (5_000, "and at least 968 more below"),
        ] {
            let reasons = told(count);
            assert_eq!(reasons.len(), 33);
            let last = &reasons[32].detail;
            assert!(last.starts_with(wanted), "{last}");
        }
    }

    /// Nothing can be read.
    #[derive(Debug)]
    struct Unreadable;

    #[async_trait::async_trait]
    impl crate::store::Gate for Unreadable {
        async fn before(&self, request: &crate::store::Request) -> object_store::Result<()> {
            match request.verb {
                crate::store::Verb::Get => Err(object_store::Error::Generic {
                    store: "a store",
                    source: "it is busy".into(),
                }),
                _ => Ok(()),
            }
        }
    }

    #[tokio::test]
    async fn an_object_that_is_there_and_cannot_be_read_is_an_error_and_nobodys() {
        let stored = store();
        let log = crate::store::RequestLog::new().with_gate(Arc::new(Unreadable));
        let observed = crate::store::ObservedStore::new(stored.clone(), log);
        let observed: Arc<dyn ObjectStore> = Arc::new(observed);
        let unreadable = Objects::from(observed);
        let readable = Objects::from(stored.clone());
        let approved = |name: &str| JournalEntry::Revoked {
            plan_digest: sidecar::Digest::of(sidecar::Tag::Sidecar, b"plan"),
            revoked_by: name.to_owned(),
            reason: None,
        };
        let path = folder(&id()).join(CLAIM_OBJECT);
        for bytes in ["{}", "something else"] {
            stored.put(&path, bytes.into()).await.unwrap();
            let claimed = publish_claim(&unreadable, &id()).await;
            assert!(
                matches!(claimed, Err(JournalStoreError::Storage { .. })),
                "{claimed:?}"
            );
            publish_claim(&readable, &id()).await.unwrap();
        }
        // If the answer to our own record was lost, the record is not another executor's.
        let record = JournalState::new(id())
            .next_record(Timestamp::from_micros(1), approved("grace"))
            .to_bytes()
            .unwrap();
        let path = folder(&id()).join(JournalRecord::object_name(1));
        stored.put(&path, record.clone().into()).await.unwrap();
        create(&unreadable, &path, &record).await.unwrap_err();
        assert!(create(&readable, &path, &record).await.unwrap());
        assert!(!create(&readable, &path, b"another").await.unwrap());

        // The same holds for our own sidecar, and for a staged file that is kept.
        let file = "01M8125ENACWR9X1EZNRMDV5V2.json";
        let sidecars = Path::from("__recovery").join(file);
        stored.put(&sidecars, "{}".into()).await.unwrap();
        let created = crate::sidecar_dir::create_sidecar(&unreadable, file, b"{}").await;
        assert!(created.is_err(), "{created:?}");
        let created = crate::sidecar_dir::create_sidecar(&readable, file, b"{}").await;
        assert_eq!(created.unwrap(), crate::sidecar_dir::Created::AlreadyThere);
        let keep = |objects: Objects| async move {
            let kept = crate::schema_files::Kept::Staged;
            crate::schema_files::keep_copy(&objects, &id(), kept, "_schema.pg", b"node A").await
        };
        keep(readable.clone()).await.unwrap();
        keep(readable.clone()).await.unwrap();
        keep(unreadable.clone()).await.unwrap_err();
        let kept: Vec<object_store::ObjectMeta> = {
            use futures::TryStreamExt;
            let staged = folder(&id()).join("staged");
            stored.list(Some(&staged)).try_collect().await.unwrap()
        };
        assert_eq!(kept.len(), 1);
        stored.put(&kept[0].location, "torn".into()).await.unwrap();
        keep(readable).await.unwrap_err();
    }

    #[tokio::test]
    async fn an_operation_that_was_reopened_is_open_until_it_is_closed_once_more() {
        let objects = Objects::from(store());
        let with = |records: usize, opened_by: &[u64]| Journal {
            state: JournalState::new(id()),
            stored: Vec::new(),
            records,
            bytes: 0,
            opened_by: opened_by.to_vec(),
            is_durable: false,
        };
        let first = with(8, &[1]);
        let listed = async || list_journals(&objects).await.unwrap()[&id()];
        first.close(&objects).await.unwrap();
        assert!(first.is_closed(&objects).await.unwrap());
        assert!(listed().await.closed);

        first.note_reopened(&objects).await.unwrap();
        let reopened = with(12, &[1, 9]);
        assert!(!reopened.is_closed(&objects).await.unwrap());
        let open = listed().await;
        assert!(!open.closed && open.reopened);

        reopened.close(&objects).await.unwrap();
        assert!(reopened.is_closed(&objects).await.unwrap());
        let closed = listed().await;
        assert!(closed.closed && closed.reopened);
        assert_eq!(closed.records, 0, "none of them is a record");

        reopened.note_reopened(&objects).await.unwrap();
        assert!(!listed().await.closed);
        assert!(!with(15, &[1, 9, 13]).is_closed(&objects).await.unwrap());
        // A reopening without a number, as earlier builds wrote it, leaves the operation open.
        let path = folder(&id()).join(REOPENED_OBJECT);
        objects.put(&path, "{}".into()).await.unwrap();
        with(15, &[1, 9, 13]).close(&objects).await.unwrap();
        assert!(!listed().await.closed);
    }

    #[tokio::test]
    async fn a_journal_of_too_many_bytes_is_refused_before_it_is_read() {
        let objects = store();
        let record_max = usize::try_from(Limits::DEFAULT.journal_record_bytes_max).unwrap();
        let few = usize::try_from(JOURNAL_BYTES_MAX).unwrap() / record_max;
        let body: object_store::PutPayload = vec![b'x'; record_max].into();
        for sequence in 1..=few as u64 + 1 {
            let path = folder(&id()).join(JournalRecord::object_name(sequence));
            objects.put(&path, body.clone()).await.unwrap();
        }
        let log = crate::store::RequestLog::recording();
        let observed: Arc<dyn ObjectStore> = Arc::new(crate::store::ObservedStore::new(
            objects.clone(),
            log.clone(),
        ));
        let refused = read_records(&observed, &id(), &Limits::DEFAULT).await;
        let Err(error @ JournalStoreError::TooLarge { .. }) = refused else {
            panic!("not refused")
        };
        assert!(error.to_string().contains(ID), "{error}");
        assert_eq!(log.count(crate::store::Verb::Get), 0);

        let listed = list_journals(&observed).await.unwrap()[&id()];
        let refused = Journal::load_listed(&observed, &id(), listed, &Limits::DEFAULT).await;
        assert!(matches!(refused, Err(JournalStoreError::TooLarge { .. })));
        assert_eq!(log.count(crate::store::Verb::Get), 0);
    }

    #[test]
    fn nothing_is_begun_that_would_not_fit_and_what_is_begun_is_ended() {
        let journal = |bytes: u64| Journal {
            state: JournalState::new(id()),
            stored: Vec::new(),
            records: 1,
            bytes,
            opened_by: vec![1],
            is_durable: false,
        };
        let revoked = JournalEntry::Revoked {
            plan_digest: sidecar::Digest::of(sidecar::Tag::Sidecar, b"plan"),
            revoked_by: "grace".to_owned(),
            reason: None,
        };
        let full = JOURNAL_BYTES_MAX - BYTES_LEFT_FOR_AN_ATTEMPT;
        let refused = journal(full).with(Timestamp::from_micros(1), revoked);
        assert!(matches!(refused, Err(JournalStoreError::TooLarge { .. })));
        // An entry that does not fit is refused before it is checked whether it may follow.
        let interrupted = JournalEntry::Interrupted {
            epoch: 1,
            detail: String::new(),
            differences: Vec::new(),
            ended_by: None,
        };
        let fits = journal(full).with(Timestamp::from_micros(1), interrupted.clone());
        assert!(matches!(fits, Err(JournalStoreError::Broken { .. })));
        let refused = journal(JOURNAL_BYTES_MAX).with(Timestamp::from_micros(1), interrupted);
        assert!(matches!(refused, Err(JournalStoreError::TooLarge { .. })));
    }
}
