//! The next record of a journal: whether it fits and may follow, and how it is written.

use object_store::path::Path;
use sidecar::journal::{JournalEntry, JournalRecord, JournalState};
use sidecar::{Limits, Timestamp};

use super::create::create;
use super::error::JournalStoreError;
use super::journal::{Journal, make_records_durable, opens};
use super::layout::{JOURNAL_BYTES_MAX, folder};
use super::open::{Mark, mark};
use crate::off_thread;
use crate::store::Objects;

/// Bytes and records that approvals and claims leave free, so that an attempt that was begun can be brought to its end.
const BYTES_LEFT_FOR_AN_ATTEMPT: u64 = 128 << 20;
const RECORDS_LEFT_FOR_AN_ATTEMPT: u64 = 1_000;

/// What became of an attempt to add a record.
#[derive(Debug)]
#[must_use = "a record that is taken by somebody else means another executor has the operation"]
pub enum Appended {
    /// The record is durable.
    Done(Box<Journal>),
    /// Somebody else wrote the record with this number.
    Taken,
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

impl Journal {
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
            JournalEntry::Revoked { .. }
            | JournalEntry::StepsStarted { .. }
            | JournalEntry::StepsFinished { .. }
            | JournalEntry::Interrupted { .. }
            | JournalEntry::Reopened { .. } => 0,
        };
        off_thread::in_place(bytes, || self.followed_by(recorded_at, entry))
    }

    fn followed_by(
        self,
        recorded_at: Timestamp,
        entry: JournalEntry,
    ) -> Result<Unwritten, JournalStoreError> {
        let operation_id = self.state.operation_id().clone();
        let (leaves_room, takes_over) = (entry.leaves_room_for_an_attempt(), entry.takes_over());
        let record = self.state.next_record(recorded_at, entry);
        let bytes = record
            .to_bytes()
            .map_err(|reason| JournalStoreError::Encode { reason })?;
        let (bytes_left, records_left) = if leaves_room {
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
        // A request of the earlier executor that is on its way reaches the store before this record, or not at all.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(bytes: u64) -> Journal {
        Journal {
            state: JournalState::new("01M8125ENACWR9X1EZNRMDV5V2".parse().unwrap()),
            stored: Vec::new(),
            records: 1,
            bytes,
            opened_by: vec![1],
            is_durable: false,
        }
    }

    #[test]
    fn nothing_is_begun_that_would_not_fit_and_what_is_begun_is_ended() {
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
