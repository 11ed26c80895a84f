//! Journals of the operations that commits above pins name.

use std::collections::BTreeSet;

use futures::StreamExt;
use sidecar::observation::{HeadObservation, TableObservation, Transaction};
use sidecar::{Observation, OperationId, Sidecar};

use super::failed::{FailedRead, Failures};
use crate::root::Root;
use root_objects::journal_store::{Journal, JournalStoreError};
use sidecar::error_text;

/// Other operations whose journals are read for one sidecar. More recoveries than that have never stood above one pin. A commit
/// of a further one counts as unrecorded, and has to be acknowledged.
const OPERATIONS_MAX: usize = 16;
/// Journals read at the same time.
const JOURNALS_AT_ONCE: usize = 4;

/// Reads the journals of other operations that commits above the pins name: one each, and none where none is named.
///
/// A broken journal shows nothing. A journal whose read failed may name the commits, so nothing is assumed about the tables.
pub(super) async fn read_recorded(
    root: &Root,
    sidecar: &Sidecar,
    observation: &mut Observation,
    failures: &Failures,
) {
    let named: BTreeSet<OperationId> = observation
        .tables
        .iter()
        .flat_map(named_above_the_pin)
        .filter(|operation| *operation != sidecar.operation_id.as_str())
        .filter_map(|operation| operation.parse().ok())
        .take(OPERATIONS_MAX)
        .collect();
    let limits = root.limits();
    let reads: Vec<_> = named
        .into_iter()
        .map(|operation| async {
            let journal = Journal::load(root.objects(), &operation, &limits).await;
            (operation, journal.map(Journal::folded))
        })
        .collect();
    // Each is dropped before the next is taken, since only a little of it is kept.
    let mut journals = futures::stream::iter(reads).buffered(JOURNALS_AT_ONCE);
    while let Some((operation, journal)) = journals.next().await {
        match journal {
            Ok(journal) => observation.note_other(&journal.state),
            Err(JournalStoreError::Broken { .. } | JournalStoreError::TooLarge { .. }) => {}
            Err(error) => not_known(observation, &operation, &error_text(&error), failures),
        }
    }
}

/// Notes that the owner of some tables' commits is unknown.
fn not_known(
    observation: &mut Observation,
    operation: &OperationId,
    reason: &str,
    failures: &Failures,
) {
    for table in &mut observation.tables {
        if !named_above_the_pin(table).any(|named| named == operation.as_str()) {
            continue;
        }
        failures.push(FailedRead {
            what: format!(
                "the journal of operation {operation}, which a commit on {} names,",
                table.table_key
            ),
            table_key: Some(table.table_key.clone()),
            reason: reason.to_owned(),
            is_unread: true,
        });
        table.head = HeadObservation::Unreadable {
            reason: reason.to_owned(),
        };
    }
}

fn named_above_the_pin(table: &TableObservation) -> impl Iterator<Item = &str> {
    let pinned = table.pinned.version();
    table
        .transactions
        .iter()
        .filter(move |entry| Some(entry.version) > pinned)
        .filter_map(|entry| entry.transaction.as_ref().and_then(Transaction::recovery))
}
