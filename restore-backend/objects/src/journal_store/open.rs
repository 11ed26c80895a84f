//! Marks of open operations: one small object each, so that a look does not list the journals of all operations.
//!
//! `__recovery_log/open/{operation_id}.{sequence}` is created before the journal record with that number: the first of a journal,
//! or the first after a terminal record. It is removed after `closed.json` is written. So every operation whose journal is not
//! closed has a mark, whenever its executor died, and a look lists this folder alone. A leftover mark of a closed operation costs
//! each look that operation's journal, until the next approval in the root removes it. A mark without a journal costs a listing,
//! and stays: its maker may be about to write the record. A later opening has another number, so removing a mark never removes
//! that of a later opening. A look does not meet objects that should not lie beside the journals; [`list_all`](super::list_all),
//! which the audit calls, reports them.
//!
//! `open/complete.{root}` says that every open operation has a mark. The first approval in a root without it marks the open
//! operations and creates it last; until then a look lists every journal. The name carries the root's place. So a copy of a root,
//! which may have been made in the midst of any change, does not trust the copied marks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sidecar::{Digest, OperationId, RootId, Tag};

use super::create::create;
use super::error::JournalStoreError;
use super::layout::{COMPLETE, JOURNAL_FOLDER, OPEN_FOLDER, marked, of_a_journal, stray};
use super::listing::list_journals;
use crate::skipped::Skipped;
use crate::store::{NotRead, Objects, name_of};
use sidecar::error_text;

/// Marks that are written or removed at the same time.
const MARKS_AT_ONCE: usize = 16;
/// Marks that one look accepts. Each is of an operation that was approved and not finished.
const MARKS_MAX: usize = 100_000;
/// Hex digits of the digest that stands for the root's place.
const ROOT_DIGITS: usize = 16;

/// Says that an operation is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The operation.
    pub operation_id: OperationId,
    /// The number of the record that opened it.
    pub sequence: u64,
}

impl Mark {
    fn path(&self) -> Path {
        open_folder().join(format!("{}.{:06}", self.operation_id, self.sequence))
    }

    fn of(name: &str) -> Option<Self> {
        let (operation_id, sequence) = marked(name)?;
        Some(Self {
            operation_id,
            sequence,
        })
    }
}

fn open_folder() -> Path {
    Path::from(JOURNAL_FOLDER).join(OPEN_FOLDER)
}

fn complete_name(root: &RootId) -> String {
    let digest = String::from(Digest::of(Tag::DerivedId, root.as_str().as_bytes()));
    let hex = digest.rsplit(':').next().unwrap_or_default();
    format!(
        "{COMPLETE}{}",
        hex.chars().take(ROOT_DIGITS).collect::<String>()
    )
}

/// The result of listing the marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenMarks {
    /// Whether every open operation has one.
    pub is_complete: bool,
    /// The operations, with the records that opened them.
    pub marks: BTreeMap<OperationId, BTreeSet<u64>>,
}

/// Lists the marks of a root.
///
/// # Errors
/// [`JournalStoreError::Storage`], [`JournalStoreError::TooManyOpen`].
pub async fn list_open(
    objects: &Arc<dyn ObjectStore>,
    root: &RootId,
) -> Result<OpenMarks, JournalStoreError> {
    Ok(list_open_noting(objects, root).await?.0)
}

/// As [`list_open`], with the other objects that should not be there.
///
/// # Errors
/// As [`list_open`].
pub async fn list_open_noting(
    objects: &Arc<dyn ObjectStore>,
    root: &RootId,
) -> Result<(OpenMarks, Skipped), JournalStoreError> {
    let complete = complete_name(root);
    let (mut found, mut skipped) = (OpenMarks::default(), Skipped::of(JOURNAL_FOLDER));
    let mut listing = objects.list(Some(&open_folder()));
    loop {
        let (path, is_read) = match listing.try_next().await {
            Ok(Some(meta)) => (meta.location, true),
            Ok(None) | Err(object_store::Error::NotFound { .. }) => return Ok((found, skipped)),
            Err(source) => match NotRead::of(&source) {
                // A mark is only a name, so an unreadable one still counts. The object that says that the marks are complete must
                // be readable; otherwise every journal is listed.
                Some(not_read) => {
                    skipped.note(&not_read.path, not_read);
                    (not_read.path.clone(), false)
                }
                None => {
                    return Err(JournalStoreError::Storage {
                        what: "listing the open operations".to_owned(),
                        source,
                    });
                }
            },
        };
        if is_read && let Some(stray) = stray(&path) {
            skipped.note_stray(&stray, of_a_journal(&stray));
            continue;
        }
        if path.parent().as_ref() != Some(&open_folder()) {
            continue;
        }
        let name = name_of(&path);
        let name = name.as_str();
        if name == complete && is_read {
            found.is_complete = true;
        } else if let Some(mark) = Mark::of(name) {
            found
                .marks
                .entry(mark.operation_id)
                .or_default()
                .insert(mark.sequence);
        }
        if found.marks.len() > MARKS_MAX {
            return Err(JournalStoreError::TooManyOpen { max: MARKS_MAX });
        }
    }
}

/// Marks an operation as open. On return the mark is durable.
pub(super) async fn mark(objects: &Objects, mark: &Mark) -> Result<(), JournalStoreError> {
    create(objects, &mark.path(), b"{}").await.map(drop)
}

/// Removes marks of closed operations. A mark that cannot be removed costs a few requests at every look, and harms nothing.
pub async fn unmark(objects: &Objects, marks: impl IntoIterator<Item = Mark>) {
    let removals: Vec<_> = marks
        .into_iter()
        .map(|mark| async move {
            match objects.delete(&mark.path()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => tracing::warn!(
                    operation_id = mark.operation_id.as_str(),
                    error = error_text(&error),
                    "the mark of a finished operation cannot be removed"
                ),
            }
        })
        .collect();
    futures::stream::iter(removals)
        .buffer_unordered(MARKS_AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}

/// The findings of the last look at a root's marks, for the next approval to act on.
#[derive(Debug, Default)]
pub struct MarkUpkeep {
    is_complete: AtomicBool,
    left_over: Mutex<BTreeSet<Mark>>,
}

impl MarkUpkeep {
    /// Remembers what a look found: whether the marks are complete, and which of them are of closed operations.
    pub fn found(&self, is_complete: bool, left_over: impl IntoIterator<Item = Mark>) {
        self.is_complete.store(is_complete, Ordering::SeqCst);
        self.left_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(left_over);
    }

    /// Takes the leftover marks of one operation; the caller removes them.
    #[must_use]
    pub fn take_left_over_of(&self, operation_id: &OperationId) -> BTreeSet<Mark> {
        let mut left_over = self
            .left_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (of_it, others) = std::mem::take(&mut *left_over)
            .into_iter()
            .partition(|mark| mark.operation_id == *operation_id);
        *left_over = others;
        of_it
    }

    /// Completes the marks of a root if they are not complete, and removes the leftover ones. Call it right after a look, before
    /// writing to the root.
    ///
    /// # Errors
    /// [`JournalStoreError`]; the marks are then no worse than before.
    pub async fn put_right(
        &self,
        objects: &Objects,
        root: &RootId,
    ) -> Result<(), JournalStoreError> {
        if !self.is_complete.load(Ordering::SeqCst) {
            complete(objects, root).await?;
            self.is_complete.store(true, Ordering::SeqCst);
        }
        let left_over = std::mem::take(
            &mut *self
                .left_over
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        unmark(objects, left_over).await;
        Ok(())
    }
}

/// Marks every open operation, then creates the object that says that the marks are complete.
async fn complete(objects: &Objects, root: &RootId) -> Result<(), JournalStoreError> {
    let open = list_journals(objects)
        .await?
        .into_iter()
        .filter(|(_, journal)| journal.records > 0 && !journal.closed);
    let marks: Vec<_> = open
        .map(|(operation_id, _)| async move {
            let first = Mark {
                operation_id,
                sequence: 1,
            };
            mark(objects, &first).await
        })
        .collect();
    futures::stream::iter(marks)
        .buffer_unordered(MARKS_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    create(objects, &open_folder().join(complete_name(root)), b"{}")
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;
    use crate::journal_store::layout::{CLOSED_OBJECT, folder};

    const CLOSED: &str = "01M8125ENACWR9X1EZNRMDV5V2";
    const OPEN: &str = "01M8125ENACWR9X1EZNRMDV5V3";

    async fn put(objects: &Objects, path: &Path) {
        objects.put(path, "{}".into()).await.unwrap();
    }

    #[tokio::test]
    async fn marks_are_complete_once_all_that_is_open_has_one_and_only_at_this_place() {
        let objects = Objects::from(Arc::new(InMemory::new()) as Arc<dyn ObjectStore>);
        let (closed, open): (OperationId, OperationId) =
            (CLOSED.parse().unwrap(), OPEN.parse().unwrap());
        put(&objects, &folder(&closed).join("000001.json")).await;
        put(&objects, &folder(&closed).join(CLOSED_OBJECT)).await;
        put(&objects, &folder(&open).join("000001.json")).await;
        let here = RootId::new("/srv/here");
        assert_eq!(
            list_open(&objects, &here).await.unwrap(),
            OpenMarks::default()
        );

        let upkeep = MarkUpkeep::default();
        upkeep.put_right(&objects, &here).await.unwrap();
        let found = list_open(&objects, &here).await.unwrap();
        assert!(found.is_complete);
        assert_eq!(
            found.marks,
            BTreeMap::from([(open.clone(), BTreeSet::from([1]))])
        );
        let copied = list_open(&objects, &RootId::new("/srv/copy"))
            .await
            .unwrap();
        assert!(!copied.is_complete, "a copy does not believe them");
        assert_eq!(
            list_journals(&objects).await.unwrap().len(),
            2,
            "they are no journals"
        );

        let again = Mark {
            operation_id: open.clone(),
            sequence: 7,
        };
        mark(&objects, &again).await.unwrap();
        upkeep.found(
            true,
            [Mark {
                operation_id: open.clone(),
                sequence: 1,
            }],
        );
        upkeep.put_right(&objects, &here).await.unwrap();
        let found = list_open(&objects, &here).await.unwrap();
        assert_eq!(
            found.marks,
            BTreeMap::from([(open, BTreeSet::from([7]))]),
            "that of a later opening stays"
        );
    }
}
