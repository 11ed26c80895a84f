//! Which journals exist, and how far each came, as a listing shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use sidecar::OperationId;

use super::error::JournalStoreError;
use super::layout::{
    CLAIM_OBJECT, JOURNAL_FOLDER, closes, folder, number, of_a_journal, reopens, stray,
};
use crate::skipped::Skipped;
use crate::store::NotRead;

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
    reopened_by: Option<u64>,
    /// The number of the record that opened the last closed run.
    closed_since: Option<u64>,
}

impl JournalEntryOfListing {
    /// The entry of a journal that could not be listed: it may be claimed.
    #[must_use]
    pub fn not_listed() -> Self {
        Self {
            claimed: true,
            ..Self::default()
        }
    }

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

    /// Notes that a file has the name of the journal's folder. No executor can have claimed anything in it, and nothing can be recorded
    /// there, so reading the journal fails with the reason.
    const fn add_file_for_the_folder(&mut self) {
        self.records += 1;
    }

    /// Notes one object in the operation's folder. An object whose name nobody reads does not count.
    fn add(&mut self, object: &str, bytes: u64) {
        if object == CLAIM_OBJECT {
            self.claimed = true;
        } else if let Some(opening) = closes(object) {
            self.closed_since = self.closed_since.max(Some(opening));
        } else if let Some(opening) = reopens(object) {
            self.reopened_by = self.reopened_by.max(Some(opening));
        } else if let Some(sequence) = number(object) {
            self.records += 1;
            self.last = self.last.max(sequence);
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }
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
    let mut skipped = Skipped::of(JOURNAL_FOLDER);
    let journals = list_at_most(objects, JOURNALS_MAX, &mut skipped).await?;
    Ok((journals, skipped))
}

async fn list_at_most(
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
        if let Some(stray) = stray(&meta.location) {
            skipped.note_stray(&stray, of_a_journal(&stray));
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
                Some(not_read) if not_read.is_a_file_for_a_folder() => {
                    if of_a_journal(&not_read.path).is_some() {
                        journal.add_file_for_the_folder();
                    }
                    continue;
                }
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

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_listing_names_so_many_operations_and_no_more() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for id in ["01M8125ENACWR9X1EZNRMDV5V2", "01M8125ENACWR9X1EZNRMDV5V3"] {
            for object in ["000001.json", "000002.json", CLAIM_OBJECT] {
                let path = Path::from(format!("{JOURNAL_FOLDER}/{id}/{object}"));
                objects.put(&path, "xxx".into()).await.unwrap();
            }
        }
        let listed = list_at_most(&objects, 2, &mut Skipped::of(JOURNAL_FOLDER))
            .await
            .unwrap();
        assert_eq!(listed.len(), 2, "as many as are allowed");
        assert_eq!(
            listed[&"01M8125ENACWR9X1EZNRMDV5V2".parse::<OperationId>().unwrap()],
            JournalEntryOfListing {
                records: 2,
                last: 2,
                bytes: 6,
                claimed: true,
                ..JournalEntryOfListing::default()
            }
        );
        let refused = list_at_most(&objects, 1, &mut Skipped::of(JOURNAL_FOLDER)).await;
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
}
