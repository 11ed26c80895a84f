//! Which journals a look reads, and their folded states.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt, StreamExt};
use sidecar::{JournalsKnown, Limits, NotKnown, OperationId, Reason, error_text};

use crate::root::Root;
use root_objects::Skipped;
use root_objects::journal_store::{
    Journal, JournalEntryOfListing, JournalStoreError, Mark, OpenMarks, list_all, list_journal,
    list_open_noting,
};

/// Journals listed and read at the same time.
const JOURNALS_AT_ONCE: usize = 16;

/// Journals by operation, or why a journal could not be read.
pub(super) type Journals = BTreeMap<OperationId, Result<Journal, JournalStoreError>>;

/// The facts of these journals that the rules need.
pub(super) fn known(journals: &Journals) -> JournalsKnown<'_> {
    let known = journals.iter().map(|(operation_id, journal)| {
        let told = journal.as_ref().map(|journal| &journal.state);
        (operation_id.clone(), told.map_err(not_known))
    });
    known.collect()
}

fn not_known(error: &JournalStoreError) -> NotKnown {
    let detail = error_text(error);
    match error {
        JournalStoreError::NotHeld { .. } => NotKnown::not_held(detail),
        JournalStoreError::Broken { .. } => NotKnown::broken(detail),
        _ => NotKnown::unread(detail),
    }
}

/// The listings of a root's journals, before any is read.
#[derive(Debug)]
pub(super) struct ListedJournals {
    open: OpenMarks,
    /// If not every open operation is marked, every journal of the root; else only the journal of the operation in question.
    listed: BTreeMap<OperationId, JournalEntryOfListing>,
    /// Objects beside the journals that should not be there and were skipped.
    skipped: Skipped,
    /// Operations whose journal's folder has a file in its place.
    in_place_of: BTreeSet<OperationId>,
    /// The operation in question, if there is one.
    wanted: Option<OperationId>,
}

/// The journals that still matter.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) journals: Journals,
    /// Operations that were claimed and may not be closed.
    pub(super) unsettled: BTreeSet<OperationId>,
}

/// One journal as it was listed, or why its listing failed.
struct Listed {
    operation_id: OperationId,
    listed: Result<JournalEntryOfListing, JournalStoreError>,
    is_read: bool,
}

impl Listed {
    /// How many bytes are read of it.
    fn bytes(&self) -> u64 {
        match &self.listed {
            Ok(journal) if self.is_read => journal.bytes,
            _ => 0,
        }
    }
}

/// One journal as a look found it.
struct Looked {
    operation_id: OperationId,
    listed: JournalEntryOfListing,
    journal: Option<Result<Journal, JournalStoreError>>,
    /// How many of its bytes were read, as listed.
    bytes: u64,
}

impl ListedJournals {
    /// Lists the open operations. If the marks are not complete, lists all journals too.
    pub(super) async fn of(root: &Root, wanted: Option<&str>) -> Result<Self, JournalStoreError> {
        let wanted: Option<OperationId> =
            wanted.and_then(|wanted| wanted.trim_end_matches(".json").parse().ok());
        let of_wanted = async {
            match &wanted {
                Some(operation_id) => {
                    let listed = list_journal(root.objects(), operation_id).await?;
                    Ok(BTreeMap::from([(operation_id.clone(), listed)]))
                }
                None => Ok(BTreeMap::new()),
            }
        };
        let ((open, mut skipped), listed) =
            futures::try_join!(list_open_noting(root.objects(), root.id()), of_wanted)?;
        let listed = if open.is_complete {
            listed
        } else {
            let (listed, beside) = list_all(root.objects()).await?;
            skipped.extend(beside);
            listed
        };
        Ok(Self {
            open,
            listed,
            in_place_of: skipped.in_place_of_journals().clone(),
            skipped,
            wanted,
        })
    }

    /// The objects that should not be there; a second call returns none.
    pub(super) fn take_skipped(&mut self) -> Vec<Reason> {
        self.skipped.take().into_reasons()
    }

    /// Reads the journals of open operations and of those whose sidecar is there. A journal that is not marked as claimed may
    /// hold a claim all the same, if its executor died right after it.
    ///
    /// Journals are kept in the order of their operations, the oldest first, as long as together they do not take more memory than
    /// `limits` allow. One that would is [`JournalStoreError::NotHeld`], and those after it are kept if there is room. The journal of
    /// the operation in question is kept in any case, so that it can be resolved.
    pub(super) async fn found(
        self,
        root: &Root,
        files: BTreeSet<String>,
        limits: &Limits,
    ) -> Found {
        let Self {
            open,
            listed,
            wanted,
            in_place_of,
            ..
        } = self;
        let marked = open.marks.keys().cloned();
        let mut operations: BTreeSet<OperationId> = marked.collect();
        let of_files = files.iter().filter_map(|file| {
            let operation_id: OperationId = file.strip_suffix(".json")?.parse().ok()?;
            Some(operation_id)
        });
        if open.is_complete {
            operations.extend(of_files);
        } else {
            operations.extend(listed.keys().cloned());
            // Nothing can be recorded about such an operation: the listing of its journal fails, and says so.
            operations.extend(of_files.filter(|operation_id| in_place_of.contains(operation_id)));
        }
        let is_read = |operation_id: &OperationId, listed: &JournalEntryOfListing| {
            listed.records > 0
                && (!listed.closed
                    || open.marks.contains_key(operation_id)
                    || files.contains(&operation_id.file_name()))
        };
        let listings: Vec<_> = operations
            .into_iter()
            .map(|operation_id| {
                let known = listed.get(&operation_id).copied();
                list(root, operation_id, known)
            })
            .collect();
        let listed: Vec<Listed> = futures::stream::iter(listings)
            .buffered(JOURNALS_AT_ONCE)
            .collect()
            .await;
        let mut waiting: VecDeque<Listed> = listed.into();
        for next in &mut waiting {
            let journal = next.listed.as_ref();
            next.is_read = journal.is_ok_and(|journal| is_read(&next.operation_id, journal));
        }
        let mut looks: FuturesOrdered<BoxFuture<'_, Looked>> = FuturesOrdered::new();
        let mut reading = Reading::within(limits.journals_read_bytes_max);
        let mut found = Found::default();
        let mut left_over = Vec::new();
        let mut held = 0_u64;
        loop {
            while looks.len() < JOURNALS_AT_ONCE
                && let Some(next) = waiting.pop_front_if(|next| reading.has_room_for(next.bytes()))
            {
                reading.begin(next.bytes());
                looks.push_back(look(root, next, limits).boxed());
            }
            let Some(looked) = looks.next().await else {
                break;
            };
            let Looked {
                operation_id,
                listed,
                journal,
                bytes,
            } = looked;
            // By the end of this step of the loop it is kept or dropped.
            reading.end(bytes);
            let marks = open.marks.get(&operation_id);
            if listed.claimed && (!listed.closed || marks.is_some()) {
                found.unsettled.insert(operation_id.clone());
            }
            let Some(mut journal) = journal else { continue };
            let has_file = files.contains(&operation_id.file_name())
                || retired_by(&journal).is_some_and(|file| files.contains(file));
            if listed.closed
                && let Ok(journal) = &journal
                && journal.state.finished().is_some()
            {
                let of_the_end = marks.into_iter().flatten().filter(|sequence| {
                    **sequence <= u64::try_from(journal.records()).unwrap_or(u64::MAX)
                });
                left_over.extend(of_the_end.map(|sequence| Mark {
                    operation_id: operation_id.clone(),
                    sequence: *sequence,
                }));
                if !has_file {
                    continue;
                }
            }
            if let Ok(kept) = &journal
                && wanted.as_ref() != Some(&operation_id)
            {
                let with_it = held.saturating_add(kept.state.held_bytes());
                if with_it > limits.journals_held_bytes_max {
                    journal = Err(JournalStoreError::NotHeld {
                        operation_id: operation_id.clone(),
                        bytes_max: limits.journals_held_bytes_max,
                    });
                } else {
                    held = with_it;
                }
            }
            found.journals.insert(operation_id, journal);
        }
        root.marks().found(open.is_complete, left_over);
        found
    }
}

/// The file that a finished operation deletes. The file of a dismissal may not bear the name of its operation.
fn retired_by(journal: &Result<Journal, JournalStoreError>) -> Option<&str> {
    journal.as_ref().ok()?.state.finished()?.plan.retires()
}

/// How many bytes of journals are being read, and how many may be.
struct Reading {
    bytes: u64,
    bytes_max: u64,
}

impl Reading {
    const fn within(bytes_max: u64) -> Self {
        Self {
            bytes: 0,
            bytes_max,
        }
    }

    /// A journal larger than all that may be read is read alone.
    const fn has_room_for(&self, bytes: u64) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(bytes) <= self.bytes_max
    }

    const fn begin(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    const fn end(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

async fn list(
    root: &Root,
    operation_id: OperationId,
    known: Option<JournalEntryOfListing>,
) -> Listed {
    let listed = match known {
        Some(listed) => Ok(listed),
        None => list_journal(root.objects(), &operation_id).await,
    };
    Listed {
        operation_id,
        listed,
        is_read: false,
    }
}

async fn look(root: &Root, listed: Listed, limits: &Limits) -> Looked {
    let bytes = listed.bytes();
    let Listed {
        operation_id,
        listed,
        is_read,
    } = listed;
    let (listed, journal) = match listed {
        Ok(listed) if is_read => {
            let journal = Journal::load_listed(root.objects(), &operation_id, listed, limits).await;
            // Many journals are held together, so only the folded state is kept.
            (listed, Some(journal.map(Journal::folded)))
        }
        Ok(listed) => (listed, None),
        // Only this operation's journal could not be listed.
        Err(error) => (JournalEntryOfListing::not_listed(), Some(Err(error))),
    };
    Looked {
        operation_id,
        listed,
        journal,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_waits_until_there_is_room_and_one_larger_than_all_of_it_is_read_alone() {
        const MIB: u64 = 1 << 20;
        let mut reading = Reading::within(4 * MIB);
        reading.begin(MIB);
        assert!(reading.has_room_for(3 * MIB));
        reading.begin(3 * MIB);
        assert!(!reading.has_room_for(1));
        reading.end(MIB);
        assert!(reading.has_room_for(MIB) && !reading.has_room_for(512 * MIB));
        reading.end(3 * MIB);
        assert!(reading.has_room_for(512 * MIB));
        reading.begin(512 * MIB);
        assert!(!reading.has_room_for(1));
        reading.end(512 * MIB);
        assert!(reading.has_room_for(1));
    }
}
