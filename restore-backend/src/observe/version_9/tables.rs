//! Where the pinned tables stand, and the transactions above their pins.

use std::collections::{BTreeMap, BTreeSet};

use futures::{FutureExt, StreamExt, TryStreamExt};
use sidecar::error_text;
use sidecar::version_9::proof::{SCANNED_MAX, SeenOperation, SeenTransaction, SeenVersions};
use sidecar::version_9::{
    ForkSeen, GraphSeen, HeadSeen, Pin, Sidecar9, TableSeen, TransactionIdentity,
};

use crate::observe::bounds::TABLES_AT_ONCE;
use fenced_lance::{Head, LanceRoot, TableError, TableLocation, TransactionEntry};

/// Versions of one table read at the same time.
const VERSIONS_AT_ONCE: usize = 4;

/// One entry per pin, in their order. A failed read is an entry as well.
pub(super) async fn read(
    lance: &LanceRoot,
    sidecar: &Sidecar9,
    graph: &GraphSeen,
) -> Vec<TableSeen> {
    let looks: Vec<_> = sidecar
        .tables
        .iter()
        .map(|pin| look(lance, pin, graph))
        .collect();
    futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await
}

async fn look(lance: &LanceRoot, pin: &Pin, graph: &GraphSeen) -> TableSeen {
    let unreadable = |reason, branch_below| TableSeen {
        head: HeadSeen::Unreadable(reason),
        fork: None,
        branch_below,
        is_visible_version_gone: false,
    };
    let Some(place) = place(pin) else {
        return unreadable("its key is of no node and no edge".to_owned(), None);
    };
    let row = graph.tables.get(pin.identity).map(|table| &table.row);
    let visible = row.map_or(pin.expected_version, |row| row.version);
    let below = async {
        match row {
            Some(row) if row.table_branch != pin.table_branch => lance.branch_below(&place).await,
            _ => Ok(None),
        }
    };
    let visible_gone = async {
        match row {
            Some(row) => {
                let at = TableLocation::on(&place.path, row.table_branch.as_deref());
                let found = lance.transaction(&at, row.version).await?;
                Ok(matches!(found, TransactionEntry::Gone { .. }))
            }
            None => Ok(false),
        }
    };
    let fork = async {
        let origin = lance.branch_origin(&place).await?;
        Ok::<_, TableError>(origin.map(|origin| ForkSeen {
            parent_version: origin.version,
            identifier: origin.identifier,
        }))
    };
    let head = seen(lance, &place, visible.min(pin.expected_version));
    let (head, fork, below, gone) =
        futures::join!(head, fork.boxed(), below.boxed(), visible_gone.boxed());
    let below = match below {
        Ok(below) => below,
        Err(error) => return unreadable(error_text(&error), None),
    };
    match (head, fork, gone) {
        (Ok(head), Ok(fork), Ok(is_visible_version_gone)) => TableSeen {
            head,
            fork,
            branch_below: below,
            is_visible_version_gone,
        },
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
            unreadable(error_text(&error), below)
        }
    }
}

fn place(pin: &Pin) -> Option<TableLocation> {
    let place = pin.identity.place(&pin.table_key)?;
    Some(TableLocation::on(&place, pin.table_branch.as_deref()))
}

/// HEAD, and the transactions after `above`: the oldest that an engine looks at, and HEAD.
async fn seen(
    lance: &LanceRoot,
    place: &TableLocation,
    above: u64,
) -> Result<HeadSeen, TableError> {
    let head = match lance.head(place).await? {
        Head::At { version } => version,
        Head::DatasetMissing => return Ok(HeadSeen::DatasetMissing),
        Head::BranchMissing => return Ok(HeadSeen::BranchMissing),
    };
    let last = head.min(above.saturating_add(SCANNED_MAX));
    let mut versions: BTreeSet<u64> = (above.saturating_add(1)..=last).collect();
    if head > above {
        versions.insert(head);
    }
    let reads: Vec<_> = versions
        .into_iter()
        .map(|version| lance.transaction(place, version))
        .collect();
    let entries: Vec<TransactionEntry> = futures::stream::iter(reads)
        .buffered(VERSIONS_AT_ONCE)
        .try_collect()
        .await?;
    let transactions: BTreeMap<u64, SeenTransaction> =
        entries.into_iter().filter_map(transaction).collect();
    Ok(HeadSeen::At(SeenVersions { head, transactions }))
}

/// `None` for a version that is gone, or records no transaction.
fn transaction(entry: TransactionEntry) -> Option<(u64, SeenTransaction)> {
    let TransactionEntry::Known(summary) = entry else {
        return None;
    };
    if summary.uuid.is_empty() {
        return None;
    }
    let operation = match (summary.operation.as_str(), summary.restored_version) {
        (_, Some(to)) => SeenOperation::Restore { to },
        ("CreateIndex", _) => SeenOperation::CreateIndex,
        ("Rewrite" | "ReserveFragments", _) => SeenOperation::Maintenance,
        _ => SeenOperation::Other,
    };
    let identity = TransactionIdentity {
        read_version: summary.read_version,
        uuid: summary.uuid,
    };
    Some((
        summary.version,
        SeenTransaction {
            identity,
            operation,
        },
    ))
}

/// Whether every HEAD is still where it was seen. One that could not be read says nothing.
pub(super) async fn still_hold(
    lance: &LanceRoot,
    sidecar: &Sidecar9,
    tables: &[TableSeen],
) -> bool {
    let pairs = sidecar.tables.iter().zip(tables);
    let checks: Vec<_> = pairs
        .map(|(pin, seen)| still_holds(lance, pin, &seen.head))
        .collect();
    let holds: Vec<bool> = futures::stream::iter(checks)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect()
        .await;
    holds.into_iter().all(|holds| holds)
}

async fn still_holds(lance: &LanceRoot, pin: &Pin, seen: &HeadSeen) -> bool {
    let expected = match seen {
        HeadSeen::At(versions) => Head::At {
            version: versions.head,
        },
        HeadSeen::DatasetMissing => Head::DatasetMissing,
        HeadSeen::BranchMissing => Head::BranchMissing,
        HeadSeen::Unreadable(_) => return true,
    };
    match place(pin) {
        Some(place) => lance.head(&place).await.is_ok_and(|now| now == expected),
        None => true,
    }
}
