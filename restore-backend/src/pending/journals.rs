//! Which journals a look reads, and their folded states.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use sidecar::{Code, JournalsKnown, Limits, OperationId, Reason, error_text};

use crate::root::Root;
use root_objects::journal_store::{
    Journal, JournalEntryOfListing, JournalStoreError, Mark, OpenMarks, Skipped, list_all,
    list_journal, list_open_noting,
};

/// Journals listed and read at the same time.
const JOURNALS_AT_ONCE: usize = 16;

/// Journals by operation, or why a journal could not be read.
pub(super) type Journals = BTreeMap<OperationId, Result<Journal, JournalStoreError>>;

/// What the rules need to know of these journals.
pub(super) fn known(journals: &Journals) -> JournalsKnown<'_> {
    let known = journals.iter().map(|(operation_id, journal)| {
        let told = journal.as_ref().map(|journal| &journal.state);
        (operation_id.clone(), told.map_err(untrusted))
    });
    known.collect()
}

fn untrusted(error: &JournalStoreError) -> Reason {
    let code = match error {
        // The whole journal was read, and reading it again will not help.
        JournalStoreError::Broken { .. } => Code::JournalBroken,
        _ => Code::Unreadable,
    };
    Reason::new(code, error_text(error))
}

/// The listings of a root's journals, before any is read.
#[derive(Debug)]
pub(super) struct ListedJournals {
    open: OpenMarks,
    /// If not every open operation is marked, every journal of the root; else only the journal of the operation in question.
    listed: BTreeMap<OperationId, JournalEntryOfListing>,
    /// Objects beside the journals that should not be there and were skipped.
    skipped: Skipped,
}

/// The journals that still matter.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) journals: Journals,
    /// Operations that were claimed and may not be closed.
    pub(super) unsettled: BTreeSet<OperationId>,
}

/// One journal as a look found it.
struct Looked {
    operation_id: OperationId,
    listed: JournalEntryOfListing,
    journal: Option<Result<Journal, JournalStoreError>>,
}

impl ListedJournals {
    /// Lists the open operations. If the marks are not complete, lists all journals too.
    pub(super) async fn of(root: &Root, wanted: Option<&str>) -> Result<Self, JournalStoreError> {
        let wanted: Option<OperationId> =
            wanted.and_then(|wanted| wanted.trim_end_matches(".json").parse().ok());
        let of_wanted = async {
            match wanted {
                Some(operation_id) => {
                    let listed = list_journal(root.objects(), &operation_id).await?;
                    Ok(BTreeMap::from([(operation_id, listed)]))
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
            skipped,
        })
    }

    /// The objects that should not be there; a second call returns none.
    pub(super) fn take_skipped(&mut self) -> Vec<Reason> {
        std::mem::take(&mut self.skipped).into_reasons()
    }

    /// Reads the journals of open operations and of those whose sidecar is there. One that is not marked as claimed may be
    /// claimed all the same, if its executor died at that moment.
    pub(super) async fn found(
        self,
        root: &Root,
        files: BTreeSet<String>,
        limits: &Limits,
    ) -> Found {
        let Self { open, listed, .. } = self;
        let marked = open.marks.keys().cloned();
        let mut operations: BTreeSet<OperationId> = marked.collect();
        if open.is_complete {
            let of_files = files.iter().filter_map(|file| {
                let operation_id: OperationId = file.strip_suffix(".json")?.parse().ok()?;
                Some(operation_id)
            });
            operations.extend(of_files);
        } else {
            operations.extend(listed.keys().cloned());
        }
        let is_read = |operation_id: &OperationId, listed: &JournalEntryOfListing| {
            listed.records > 0
                && (!listed.closed
                    || open.marks.contains_key(operation_id)
                    || files.contains(&operation_id.file_name()))
        };
        let looks: Vec<_> = operations
            .into_iter()
            .map(|operation_id| {
                let known = listed.get(&operation_id).copied();
                look(root, operation_id, known, &is_read, limits)
            })
            .collect();
        let looked: Vec<Looked> = futures::stream::iter(looks)
            .buffer_unordered(JOURNALS_AT_ONCE)
            .collect()
            .await;
        let mut found = Found::default();
        let mut left_over = Vec::new();
        for looked in looked {
            let Looked {
                operation_id,
                listed,
                journal,
            } = looked;
            let marks = open.marks.get(&operation_id);
            if listed.claimed && (!listed.closed || marks.is_some()) {
                found.unsettled.insert(operation_id.clone());
            }
            let Some(journal) = journal else { continue };
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

async fn look(
    root: &Root,
    operation_id: OperationId,
    known: Option<JournalEntryOfListing>,
    is_read: &impl Fn(&OperationId, &JournalEntryOfListing) -> bool,
    limits: &Limits,
) -> Looked {
    let listed = match known {
        Some(listed) => Ok(listed),
        None => list_journal(root.objects(), &operation_id).await,
    };
    let listed = match listed {
        Ok(listed) => listed,
        // Only this operation's journal could not be listed.
        Err(error) => {
            return Looked {
                operation_id,
                listed: JournalEntryOfListing::not_listed(),
                journal: Some(Err(error)),
            };
        }
    };
    let journal = if is_read(&operation_id, &listed) {
        let journal = Journal::load_listed(root.objects(), &operation_id, listed, limits).await;
        // Many journals are held together, so only the folded state is kept.
        Some(journal.map(Journal::folded))
    } else {
        None
    };
    Looked {
        operation_id,
        listed,
        journal,
    }
}
