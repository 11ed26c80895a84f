//! The objects beside the records: that an operation was claimed, is finished and its sidecar gone, or was reopened.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::OperationId;
use sidecar::journal::JournalRecord;

use super::create::create;
use super::error::JournalStoreError;
use super::journal::Journal;
use super::layout::{CLAIM_OBJECT, CLOSED_AGAIN, CLOSED_OBJECT, REOPENED, folder};
use super::open::{self, Mark};
use crate::store::Objects;

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

impl Journal {
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
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;
    use sidecar::journal::JournalState;

    use super::*;
    use crate::journal_store::layout::REOPENED_OBJECT;
    use crate::journal_store::listing::list_journals;

    fn id() -> OperationId {
        "01M8125ENACWR9X1EZNRMDV5V2".parse().unwrap()
    }

    #[tokio::test]
    async fn an_operation_that_was_reopened_is_open_until_it_is_closed_once_more() {
        let objects = Objects::from(Arc::new(InMemory::new()) as Arc<dyn ObjectStore>);
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
}
