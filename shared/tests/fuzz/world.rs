//! A world a sidecar may be found in: mostly where a crash leaves it, sometimes nowhere a crash could.

use std::collections::BTreeMap;

use sidecar::observation::{
    CatalogObservation, ContentComparison, FileObservation, HeadObservation, KeptHistory,
    NextSchema, Pinned, PinnedElsewhere, RegistrationObservation, Restorability, SchemaObservation,
    TableObservation, TombstoneObservation, Transaction, TransactionObservation,
};
use sidecar::root_layout::PROPERTY_WRITER_OPERATION_ID;
use sidecar::{Code, Digest, Observation, Reason, Sidecar, TablePin, Tag, Timestamp};

use crate::dice::Dice;

/// Larger lists say nothing more about the verdict, and everything about patience.
const TABLES_MAX: usize = 64;

pub(crate) fn around(sidecar: &Sidecar, dice: &mut Dice) -> Observation {
    let usual = !dice.one_in(4);
    let distance = dice.below(3);
    let mut tables: Vec<TableObservation> = sidecar
        .tables
        .iter()
        .take(TABLES_MAX)
        .map(|pin| table(pin, usual, distance, sidecar.operation_id.as_str(), dice))
        .collect();
    if dice.one_in(24) {
        tables.reverse();
        tables.pop();
    }
    Observation {
        catalog: catalog(dice),
        tables,
        schema: (!dice.one_in(5)).then(|| schema(sidecar, dice)),
        kept_history: if dice.one_in(2) {
            KeptHistory::Nowhere
        } else if dice.one_in(2) {
            KeptHistory::InTables
        } else {
            KeptHistory::InCatalog
        },
        recorded: Default::default(),
        merge: None,
        unread: Vec::new(),
        version_9: None,
    }
}

fn catalog(dice: &mut Dice) -> CatalogObservation {
    match dice.below(16) {
        0 => CatalogObservation::BranchAbsent {
            tree_left: dice.one_in(2),
        },
        1 => CatalogObservation::Unreadable {
            reason: "timed out \u{1b}[31m".to_owned(),
        },
        _ => CatalogObservation::Present {
            version: dice.number(),
            stamp: *dice.pick(&[1, 2, 3, 3, 3, 4, u32::MAX]),
            two_phase: dice.one_in(2),
            branch_created_at: dice
                .one_in(4)
                .then(|| Timestamp::from_micros(dice.number())),
        },
    }
}

fn version(near: u64, dice: &mut Dice) -> u64 {
    match dice.below(12) {
        0 => *dice.pick(&[0, 1, u64::MAX - 1, u64::MAX]),
        1 => dice.number(),
        _ => near.saturating_add(dice.number() % 5).saturating_sub(1),
    }
}

fn table(
    pin: &TablePin,
    usual: bool,
    distance: usize,
    operation: &str,
    dice: &mut Dice,
) -> TableObservation {
    let expected = pin.expected_version;
    let usual_head = if distance == 2 {
        dice.below(2)
    } else {
        distance
    };
    let (pinned, head) = if usual {
        (
            expected,
            expected.saturating_add(u64::try_from(usual_head).unwrap()),
        )
    } else {
        let pinned = version(expected, dice);
        (pinned, version(pinned, dice))
    };
    let strange = !usual && dice.one_in(3);
    TableObservation {
        table_key: pin.table_key.clone(),
        branch: pin.table_branch.clone(),
        location: dice.one_in(2).then(|| "nodes/01d3".to_owned()),
        pinned: match dice.below(6) {
            0 if strange => Pinned::Absent,
            1 if strange => Pinned::Tombstoned { version: pinned },
            _ => Pinned::At { version: pinned },
        },
        pinned_elsewhere: dice.one_in(8).then(|| PinnedElsewhere {
            branch: None,
            is_origin: dice.one_in(2),
        }),
        head: match dice.below(6) {
            0 if strange => HeadObservation::BranchMissing,
            1 if strange => HeadObservation::DatasetMissing,
            2 if strange => HeadObservation::Unreadable {
                reason: "\u{202e}denied\n".to_owned(),
            },
            _ => HeadObservation::At {
                version: head,
                transaction: (!dice.one_in(4)).then(|| format!("uuid-{head}")),
            },
        },
        location_conflict: dice
            .one_in(60)
            .then(|| Reason::new(Code::LocationOutsideRoot, "elsewhere")),
        transactions: (0..dice.below(7))
            .map(|index| {
                let version = pinned.saturating_add(u64::try_from(index).unwrap());
                TransactionObservation {
                    version,
                    transaction: transaction(version, operation, dice),
                }
            })
            .collect(),
        head_content: *dice.pick(&[
            ContentComparison::NotCompared,
            ContentComparison::Equal,
            ContentComparison::Different,
            ContentComparison::Different,
        ]),
        restorable: match dice.below(6) {
            0 => Restorability::NotChecked,
            1 => Restorability::NotRestorable {
                reason: "gone".to_owned(),
            },
            _ => Restorability::Restorable,
        },
        covered_by: dice
            .one_in(20)
            .then(|| "01M8125E20G3JA88BS9CEJEX1K".parse().unwrap()),
        pin_gone: dice.one_in(12),
    }
}

fn transaction(version: u64, operation: &str, dice: &mut Dice) -> Option<Transaction> {
    let restore = dice.one_in(6);
    let named = match dice.below(6) {
        0 => Some("01M8125E20G3JA88BS9CEJEX1K"),
        1 => Some(operation),
        _ => None,
    };
    (!dice.one_in(8)).then(|| Transaction {
        uuid: format!("uuid-{version}"),
        operation: if restore { "Restore" } else { "Append" }.to_owned(),
        restored_version: restore.then(|| version.saturating_sub(1)),
        timestamp: None,
        row_delta: None,
        properties: named
            .map(|named| (PROPERTY_WRITER_OPERATION_ID.to_owned(), named.to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
    })
}

fn schema(sidecar: &Sidecar, dice: &mut Dice) -> SchemaObservation {
    let mut file = || FileObservation {
        live: (!dice.one_in(3)).then(|| Digest::of(Tag::SchemaFile, b"live")),
        staged: (!dice.one_in(3)).then(|| Digest::of(Tag::SchemaFile, b"x")),
    };
    let (source, ir, state) = (file(), file(), file());
    let registrations = sidecar.additional_registrations.iter();
    let registrations = registrations
        .map(|registration| RegistrationObservation {
            files: None,
            table_key: registration.table_key.clone(),
            pinned: match dice.below(4) {
                0 => Pinned::At { version: 1 },
                1 => Pinned::Tombstoned { version: 1 },
                _ => Pinned::Absent,
            },
            head: match dice.below(5) {
                0 => HeadObservation::DatasetMissing,
                1 => HeadObservation::BranchMissing,
                _ => HeadObservation::At {
                    version: 2,
                    transaction: None,
                },
            },
            location_conflict: None,
        })
        .collect();
    let tombstones = sidecar.tombstones.iter();
    let tombstones = tombstones
        .map(|tombstone| TombstoneObservation {
            table_key: tombstone.table_key.clone(),
            pinned: match dice.below(4) {
                0 => Pinned::Absent,
                1 => Pinned::Tombstoned {
                    version: tombstone.tombstone_version,
                },
                _ => Pinned::At {
                    version: tombstone.tombstone_version.saturating_sub(1),
                },
            },
        })
        .collect();
    SchemaObservation {
        source,
        ir,
        state,
        next: (!dice.one_in(4)).then(|| NextSchema {
            declares: sidecar
                .additional_registrations
                .iter()
                .map(|registration| registration.table_key.clone())
                .collect(),
            ir_hash: Some("sha256:1".to_owned()),
            state_hash: Some(format!("sha256:{}", usize::from(!dice.one_in(8)))),
            unfit: Vec::new(),
        }),
        live_ir_declares_tables: dice.one_in(3),
        registrations,
        tombstones,
        locked_since: dice.one_in(3).then(|| Timestamp::from_micros(1)),
    }
}
