//! Evidence about tables beyond pin and HEAD: transactions and their owners, contents, and whether a version can be restored.

use std::collections::BTreeSet;

use futures::StreamExt;
use sidecar::observation::obstacle::{base_path_outside_root, branch_made_later};
use sidecar::observation::{
    ContentComparison, HeadObservation, Restorability, TableObservation, Transaction,
    TransactionObservation,
};
use sidecar::{Observation, OperationId, Sidecar, TablePin, Timestamp};

use super::bounds::TABLES_AT_ONCE;
use super::failed::{FailedRead, Failures};
use super::look::Look;
use crate::root::Root;
use fenced_lance::{
    LanceRoot, Restorable, TableError, TableLocation, TransactionEntry, TransactionSummary,
};
use root_objects::sidecar_dir::{self, StoredSidecar};
use sidecar::error_text;

/// Lance transactions read per table: as many as a person reads, and far more than any one write makes.
const TRANSACTIONS_MAX: usize = 64;

/// Where an observed table is read from.
pub(super) fn place_of(table: &TableObservation) -> Option<TableLocation> {
    match (&table.location, &table.location_conflict) {
        (Some(location), None) => Some(TableLocation::on(location, table.branch.as_deref())),
        _ => None,
    }
}

/// Finds out whether Lance branches were made from the versions that the catalog pins on another branch: one read per such table.
pub(super) async fn read_origins(
    lance: &LanceRoot,
    tables: &mut [TableObservation],
    failures: &Failures,
) {
    let reads: Vec<_> = tables
        .iter_mut()
        .filter(|table| table.head.version().is_some())
        .map(|table| read_origin(lance, table, failures))
        .collect();
    futures::stream::iter(reads)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
}

async fn read_origin(lance: &LanceRoot, table: &mut TableObservation, failures: &Failures) {
    let (Some(place), Some(pinned)) = (place_of(table), table.pinned.version()) else {
        return;
    };
    let Some(elsewhere) = &mut table.pinned_elsewhere else {
        return;
    };
    match lance.branch_origin(&place).await {
        Ok(origin) => {
            elsewhere.is_origin = origin.is_some_and(|origin| {
                origin.branch == elsewhere.branch && origin.version == Some(pinned)
            });
        }
        Err(error) => {
            failures.of_table(&table.table_key, "the origin of the branch", &error);
            table.head = HeadObservation::Unreadable {
                reason: error_text(&error),
            };
        }
    }
}

/// Finds out whether a table's Lance branch was made anew since the writer saw it.
///
/// One read per table of a write on a branch, and none on main. Without such proof, clocks are compared, and a person decides.
pub(super) async fn read_branch_identities(
    lance: &LanceRoot,
    sidecar: &Sidecar,
    tables: &mut [TableObservation],
    failures: &Failures,
) {
    let pairs = sidecar.tables.iter().zip(tables);
    let reads: Vec<_> = pairs
        .filter(|(pin, table)| !pin.table_branch().is_main() && table.head.version().is_some())
        .map(|(pin, table)| read_branch_identity(lance, pin, table, failures))
        .collect();
    futures::stream::iter(reads)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
}

async fn read_branch_identity(
    lance: &LanceRoot,
    pin: &TablePin,
    table: &mut TableObservation,
    failures: &Failures,
) {
    let Some(place) = place_of(table) else {
        return;
    };
    match lance.branch_origin(&place).await {
        Ok(origin) => {
            let made_from = origin.and_then(|origin| origin.version);
            let recreated = made_from.and_then(|made_from| branch_made_later(pin, made_from));
            if recreated.is_some() {
                table.location_conflict = recreated;
            }
        }
        Err(error) => {
            failures.of_table(&table.table_key, "the origin of the branch", &error);
            table.head = HeadObservation::Unreadable {
                reason: error_text(&error),
            };
        }
    }
}

pub(super) async fn read_transactions(
    lance: &LanceRoot,
    sidecar: &Sidecar,
    observation: &mut Observation,
    failures: &Failures,
    wanted: impl Fn(&TablePin, &TableObservation) -> bool,
) {
    let pairs = sidecar
        .tables
        .iter()
        .zip(observation.tables.iter_mut())
        .filter(|(pin, table)| wanted(pin, table));
    let reads: Vec<_> = pairs
        .map(|(pin, table)| read_transactions_of(lance, pin, table, failures))
        .collect();
    futures::stream::iter(reads)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
}

async fn read_transactions_of(
    lance: &LanceRoot,
    pin: &TablePin,
    table: &mut TableObservation,
    failures: &Failures,
) {
    let (Some(place), Some(head)) = (place_of(table), table.head.version()) else {
        return;
    };
    let pinned = table.pinned.version().unwrap_or(head);
    let after = pin.expected_version.min(pinned).min(head.saturating_sub(1));
    match lance
        .transactions(&place, after, head, TRANSACTIONS_MAX)
        .await
    {
        Ok(list) => {
            table.transactions = list
                .entries
                .into_iter()
                .map(transaction_observation)
                .collect();
            let transaction = table
                .transaction_at(head)
                .map(|transaction| transaction.uuid.clone())
                .filter(|uuid| !uuid.is_empty());
            table.head = HeadObservation::At {
                version: head,
                transaction,
            };
        }
        Err(error @ TableError::BasePathOutsideRoot { .. }) => {
            let why = format!("{}: {}", pin.table_key, error_text(&error));
            table.location_conflict = Some(base_path_outside_root(&why));
        }
        Err(error) => {
            failures.of_table(&pin.table_key, "the transactions", &error);
            table.head = HeadObservation::Unreadable {
                reason: error_text(&error),
            }
        }
    }
}

/// Finds out whether commits above a pin belong to another pending write: one read per such write, and none if no other write is
/// named.
pub(super) async fn read_covers(
    root: &Root,
    sidecar: &Sidecar,
    observation: &mut Observation,
    failures: &Failures,
) {
    let named: BTreeSet<OperationId> = observation
        .tables
        .iter()
        .filter_map(TableObservation::written_by)
        .filter(|operation| *operation != sidecar.operation_id.as_str())
        .filter_map(|operation| operation.parse().ok())
        .collect();
    for operation in named {
        let file = operation.file_name();
        let read = sidecar_dir::read_sidecar(root.objects(), &file, &root.limits()).await;
        let other = match read {
            Ok(StoredSidecar::Bytes(bytes)) => Sidecar::parse(&file, &bytes, &root.limits()).ok(),
            Ok(StoredSidecar::Gone | StoredSidecar::TooLarge) => None,
            // The owner of these commits is unknown, and nothing is assumed about the tables.
            Err(error) => {
                let reason = error_text(&error);
                for table in &mut observation.tables {
                    if table.written_by() == Some(operation.as_str()) {
                        failures.push(FailedRead {
                            what: format!(
                                "the sidecar {file}, which may cover {},",
                                table.table_key
                            ),
                            table_key: Some(table.table_key.clone()),
                            reason: reason.clone(),
                            is_unread: true,
                        });
                        table.head = HeadObservation::Unreadable {
                            reason: reason.clone(),
                        };
                    }
                }
                continue;
            }
        };
        let Some(other) = other else {
            continue;
        };
        for table in &mut observation.tables {
            let names_it = table.written_by() == Some(operation.as_str())
                && other.branch() == sidecar.branch()
                && other.tables.iter().any(|pin| {
                    pin.table_key == table.table_key
                        && pin.table_branch().name() == table.branch.as_deref()
                });
            if names_it {
                table.covered_by = Some(operation.clone());
            }
        }
    }
}

/// Finds out whether the visible versions of moved tables still exist. Sends no request for a table whose last listing shows the
/// version among the newest.
pub(super) async fn read_pins(
    lance: &LanceRoot,
    observation: &mut Observation,
    failures: &Failures,
) {
    let reads: Vec<_> = observation
        .tables
        .iter_mut()
        .map(|table| read_pin(lance, table, failures))
        .collect();
    futures::stream::iter(reads)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
}

/// Where a table lies, its HEAD and its pin, if HEAD stands above the pin and no other sidecar covers what is between.
fn moved(table: &TableObservation) -> Option<(TableLocation, u64, u64)> {
    let (head, pinned) = (table.head.version()?, table.pinned.version()?);
    let is_moved = head > pinned && table.covered_by.is_none();
    Some((place_of(table)?, head, pinned)).filter(|_| is_moved)
}

async fn read_pin(lance: &LanceRoot, table: &mut TableObservation, failures: &Failures) {
    let Some((place, _, pinned)) = moved(table) else {
        return;
    };
    match lance.has_version(&place, pinned).await {
        Ok(is_there) => table.pin_gone = !is_there,
        Err(error) => failures.of_table(&table.table_key, "the visible version", &error),
    }
}

/// Compares the content of HEAD with that of the pin where their versions differ, and asks whether the pin can be restored. Any
/// doubt counts as different.
pub(super) async fn compare_contents(
    lance: &LanceRoot,
    observation: &mut Observation,
    failures: &Failures,
) {
    let comparisons: Vec<_> = observation
        .tables
        .iter_mut()
        .map(|table| compare_content(lance, table, failures))
        .collect();
    futures::stream::iter(comparisons)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
}

async fn compare_content(lance: &LanceRoot, table: &mut TableObservation, failures: &Failures) {
    let Some((place, head, pinned)) = moved(table) else {
        return;
    };
    table.head_content = match lance.content_equal(&place, pinned, head).await {
        Ok(true) => ContentComparison::Equal,
        Ok(false) => ContentComparison::Different,
        Err(error) => {
            failures.of_table(&table.table_key, "the content", &error);
            ContentComparison::Different
        }
    };
    if table.head_content == ContentComparison::Different {
        let target = (head, pinned);
        table.restorable = restorability(lance, &place, target, &table.table_key, failures).await;
    }
}

/// Finds out whether the pins of moved tables can be restored, where that was not asked yet: a write of version 9 is restored also
/// where its commits changed no content.
pub(super) async fn check_restorability(
    lance: &LanceRoot,
    observation: &mut Observation,
    failures: &Failures,
) {
    let asks: Vec<_> = observation
        .tables
        .iter_mut()
        .filter(|table| table.restorable == Restorability::NotChecked)
        .filter_map(|table| {
            let (place, head, pinned) = moved(table)?;
            Some(async move {
                let key = table.table_key.clone();
                let target = (head, pinned);
                table.restorable = restorability(lance, &place, target, &key, failures).await;
            })
        })
        .collect();
    futures::stream::iter(asks)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
}

/// Finds out, for each table with a version to restore, whether that version can be restored.
pub(crate) async fn read_restorability(
    root: &Root,
    look: &mut Look,
    target_of: impl Fn(&TableObservation) -> Option<u64>,
) {
    let failures = Failures::default();
    let noted = &failures;
    let asks: Vec<_> = look
        .observation
        .tables
        .iter_mut()
        .filter_map(|table| {
            let (target, place, head) =
                (target_of(table)?, place_of(table)?, table.head.version()?);
            Some(async move {
                let key = table.table_key.clone();
                let target = (head, target);
                table.restorable = restorability(root.lance(), &place, target, &key, noted).await;
            })
        })
        .collect();
    futures::stream::iter(asks)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect::<()>()
        .await;
    look.failed.extend(failures.into_list());
}

async fn restorability(
    lance: &LanceRoot,
    place: &TableLocation,
    (head, target): (u64, u64),
    table_key: &str,
    failures: &Failures,
) -> Restorability {
    match lance.restorable(place, head, target).await {
        Ok(Restorable::Yes) => Restorability::Restorable,
        Ok(Restorable::No { reason }) => Restorability::NotRestorable { reason },
        Err(error) => {
            failures.of_table(table_key, "the version to be restored", &error);
            Restorability::NotRestorable {
                reason: error_text(&error),
            }
        }
    }
}

pub(crate) fn transaction_observation(entry: TransactionEntry) -> TransactionObservation {
    match entry {
        TransactionEntry::Gone { version } => TransactionObservation {
            version,
            transaction: None,
        },
        TransactionEntry::Known(summary) => {
            let TransactionSummary {
                version,
                uuid,
                operation,
                restored_version,
                timestamp_micros,
                properties,
                row_delta,
                ..
            } = summary;
            let timestamp = u64::try_from(timestamp_micros)
                .ok()
                .map(Timestamp::from_micros);
            TransactionObservation {
                version,
                transaction: Some(Transaction {
                    uuid,
                    operation,
                    restored_version,
                    timestamp,
                    row_delta,
                    properties,
                }),
            }
        }
    }
}
