//! One operation's journal, read and folded.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use sidecar::journal::{JournalRecord, JournalState};
use sidecar::{Limits, OperationId};

use super::error::JournalStoreError;
use super::layout::folder;
use super::listing::JournalEntryOfListing;
use super::records::{read_listed, read_records};
use crate::off_thread;
use crate::store::{Hold, Objects};

/// A journal with its stored bytes.
#[derive(Debug, Clone)]
pub struct Journal {
    /// The fold over the records.
    pub state: JournalState,
    /// The records' bytes, in order; empty if only the fold is kept.
    pub stored: Vec<Vec<u8>>,
    /// The number of records and their bytes, whether kept or not.
    pub(super) records: usize,
    pub(super) bytes: u64,
    /// The numbers of the records that opened it: the first, and each that follows a terminal one.
    pub(super) opened_by: Vec<u64>,
    /// Whether all records are known to be on disk. Records that were read may not be, and the next one must not get there first.
    pub(super) is_durable: bool,
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

    /// The number of records, whether their bytes are kept or not.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.records
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
}

/// Whether the next record of a journal opens its operation. The operation must be marked as open before that.
pub(super) const fn opens(state: &JournalState) -> bool {
    state.records() == 0 || state.finished().is_some()
}

fn bytes_of(records: &[Vec<u8>]) -> u64 {
    records.iter().map(|record| record.len() as u64).sum()
}

pub(super) async fn make_records_durable(
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

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;
    use crate::journal_store::layout::JOURNAL_BYTES_MAX;
    use crate::journal_store::listing::list_journals;
    use crate::store::{ObservedStore, RequestLog, Verb};

    const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";

    fn id() -> OperationId {
        ID.parse().unwrap()
    }

    #[tokio::test]
    async fn a_journal_of_too_many_bytes_is_refused_before_it_is_read() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let record_max = usize::try_from(Limits::DEFAULT.journal_record_bytes_max).unwrap();
        let few = usize::try_from(JOURNAL_BYTES_MAX).unwrap() / record_max;
        let body: object_store::PutPayload = vec![b'x'; record_max].into();
        for sequence in 1..=few as u64 + 1 {
            let path = folder(&id()).join(JournalRecord::object_name(sequence));
            objects.put(&path, body.clone()).await.unwrap();
        }
        let log = RequestLog::recording();
        let observed: Arc<dyn ObjectStore> =
            Arc::new(ObservedStore::new(objects.clone(), log.clone()));
        let refused = read_records(&observed, &id(), &Limits::DEFAULT).await;
        let Err(error @ JournalStoreError::TooLarge { .. }) = refused else {
            panic!("not refused")
        };
        assert!(error.to_string().contains(ID), "{error}");
        assert_eq!(log.count(Verb::Get), 0);

        let listed = list_journals(&observed).await.unwrap()[&id()];
        let refused = Journal::load_listed(&observed, &id(), listed, &Limits::DEFAULT).await;
        assert!(matches!(refused, Err(JournalStoreError::TooLarge { .. })));
        assert_eq!(log.count(Verb::Get), 0);
    }
}
