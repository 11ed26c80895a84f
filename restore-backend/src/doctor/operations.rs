//! The journals that are not closed.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use sidecar::api::Progress;
use sidecar::doctor::{JournalStand, Known, OpenOperation, OperationFacts};
use sidecar::{OperationId, error_text};

use super::bounds::{JOURNALS_AT_ONCE, JOURNALS_MAX, SMALL_JOURNAL_BYTES_MAX};
use crate::root::Root;
use root_objects::journal_store::{Journal, JournalEntryOfListing, list_all};

/// All journals as they are listed, and what the records of the open ones say.
pub(super) struct Journals {
    listed: BTreeMap<OperationId, JournalEntryOfListing>,
    facts: OperationFacts,
}

impl Journals {
    /// The facts, with how the journals of these operations stand.
    pub(super) fn into_facts(self, named: BTreeSet<OperationId>) -> OperationFacts {
        let stand = |operation: OperationId| {
            let listed = self
                .listed
                .get(&operation)
                .filter(|listed| is_one(listed))?;
            let stand = if listed.closed {
                JournalStand::Closed
            } else {
                JournalStand::Open
            };
            Some((operation, stand))
        };
        OperationFacts {
            named: named.into_iter().filter_map(stand).collect(),
            ..self.facts
        }
    }
}

/// Whether it has anything that counts.
const fn is_one(listed: &JournalEntryOfListing) -> bool {
    listed.records > 0 || listed.claimed
}

/// One listing of all journals, and the records of those that are not closed.
pub(super) async fn read(root: &Root) -> Known<Journals> {
    let listed = list_all(root.objects()).await;
    let (journals, skipped) = listed.map_err(|error| error_text(&error))?;
    let is_open =
        |(_, listed): &(&OperationId, &JournalEntryOfListing)| is_one(listed) && !listed.closed;
    let open = journals.iter().filter(is_open);
    let mut open: Vec<_> = open
        .map(|(operation, listed)| (operation.clone(), *listed))
        .collect();
    let not_read = open.len().saturating_sub(JOURNALS_MAX);
    open.truncate(JOURNALS_MAX);
    let is_small = |(_, listed): &(OperationId, JournalEntryOfListing)| {
        listed.bytes <= SMALL_JOURNAL_BYTES_MAX
    };
    let (small, large): (Vec<_>, Vec<_>) = open.into_iter().partition(is_small);
    let reads: Vec<_> = small.into_iter().map(|open| look(root, open)).collect();
    let reads = futures::stream::iter(reads).buffered(JOURNALS_AT_ONCE);
    let mut open: Vec<OpenOperation> = reads.collect().await;
    // A large one is in memory alone.
    for journal in large {
        open.push(look(root, journal).await);
    }
    open.sort_by(|left, right| left.operation_id.cmp(&right.operation_id));
    Ok(Journals {
        listed: journals,
        facts: OperationFacts {
            open,
            not_read,
            skipped: skipped.into_reasons(),
            named: BTreeMap::new(),
        },
    })
}

async fn look(
    root: &Root,
    (operation_id, listed): (OperationId, JournalEntryOfListing),
) -> OpenOperation {
    let journal = Journal::load_listed(root.objects(), &operation_id, listed, &root.limits()).await;
    let progress = match journal {
        Ok(journal) => Ok(Progress::of(Some(&journal.state), root.id())),
        Err(error) => Err(error_text(&error)),
    };
    OpenOperation {
        operation_id,
        progress,
    }
}
