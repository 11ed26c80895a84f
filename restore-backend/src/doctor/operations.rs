//! The journals that are not closed.

use futures::StreamExt;
use sidecar::api::Progress;
use sidecar::doctor::{Known, OpenOperation, OperationFacts};
use sidecar::{OperationId, error_text};

use super::bounds::{JOURNALS_AT_ONCE, JOURNALS_MAX, SMALL_JOURNAL_BYTES_MAX};
use crate::root::Root;
use root_objects::journal_store::{Journal, JournalEntryOfListing, list_all};

/// One listing of all journals, and the records of those that are not closed.
pub(super) async fn read(root: &Root) -> Known<OperationFacts> {
    let listed = list_all(root.objects()).await;
    let (journals, skipped) = listed.map_err(|error| error_text(&error))?;
    let is_open = |(_, listed): &(OperationId, JournalEntryOfListing)| {
        (listed.records > 0 || listed.claimed) && !listed.closed
    };
    let mut open: Vec<_> = journals.into_iter().filter(is_open).collect();
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
    Ok(OperationFacts {
        open,
        not_read,
        skipped: skipped.into_reasons(),
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
