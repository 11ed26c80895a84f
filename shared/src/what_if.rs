//! What the verdict over a lone sidecar would be, for each position of pin and Lance HEAD.
//!
//! A sidecar alone cannot be decided: it says what a writer meant to do, not where the tables stand. So every position is shown.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::classification::Classification;
use crate::digest::{Digest, Tag};
use crate::observation::{
    CatalogObservation, ContentComparison, FileObservation, HeadObservation, KeptHistory,
    NextSchema, Observation, Pinned, RegistrationObservation, Restorability, SchemaObservation,
    TableObservation, TombstoneObservation, Transaction, TransactionObservation,
};
use crate::sidecar::{Sidecar, TablePin};
use crate::verdict::{Disposition, judge};

/// Where the pin of every table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PinPosition {
    /// Below what the writer saw.
    BelowExpected,
    /// Where the writer saw it.
    AtExpected,
    /// Where the writer meant to publish it.
    AtPostCommit,
    /// Above that: others published since.
    AbovePostCommit,
}

/// Where the Lance HEAD of every table stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadPosition {
    /// Below the pin.
    BelowPin,
    /// At the pin.
    AtPin,
    /// One above the pin.
    OneAbovePin,
    /// Three above the pin.
    SeveralAbovePin,
}

/// One row: if every table stood like this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// The pins.
    pub pin: PinPosition,
    /// The HEADs.
    pub head: HeadPosition,
    /// The same in the numbers of the sidecar's first table: pin and HEAD.
    pub numbers: Option<(u64, u64)>,
    /// What every table would be classified as; `None` if they differ, or there is no table.
    pub classification: Option<&'static str>,
    /// What the verdict would be.
    pub disposition: Disposition,
}

/// Every position that can exist, the most usual pin first.
///
/// The transactions in between are taken to be ordinary ones: with a Restore among them, `already_published` would be `superseded`.
/// A `SchemaApply` is taken to have staged its schema files, and to have promoted them where its tables are published.
#[must_use]
pub fn what_if(sidecar: &Sidecar) -> Vec<WhatIf> {
    // Transactions decide there, and positions alone do not.
    if sidecar.version_9.is_some() {
        return Vec::new();
    }
    let pins = [
        PinPosition::AtExpected,
        PinPosition::AtPostCommit,
        PinPosition::AbovePostCommit,
        PinPosition::BelowExpected,
    ];
    let heads = [
        HeadPosition::AtPin,
        HeadPosition::OneAbovePin,
        HeadPosition::SeveralAbovePin,
        HeadPosition::BelowPin,
    ];
    pins.iter()
        .flat_map(|pin| heads.iter().map(|head| (*pin, *head)))
        .filter_map(|(pin, head)| row(sidecar, pin, head))
        .collect()
}

fn row(sidecar: &Sidecar, pin: PinPosition, head: HeadPosition) -> Option<WhatIf> {
    let numbers: Option<Vec<(u64, u64)>> = sidecar
        .tables
        .iter()
        .map(|table| numbers(table, pin, head))
        .collect();
    let numbers = numbers?;
    let tables = sidecar
        .tables
        .iter()
        .zip(&numbers)
        .map(|(table, (pinned, head))| observed(table, *pinned, *head))
        .collect();
    let catalog = CatalogObservation::Present {
        version: 0,
        stamp: 3,
        two_phase: false,
        branch_created_at: None,
    };
    let schema = schema(sidecar, pin);
    let verdict = judge(
        sidecar,
        None,
        &Observation {
            catalog,
            tables,
            schema,
            kept_history: KeptHistory::Nowhere,
            recorded: Default::default(),
            merge: None,
            unread: Vec::new(),
            version_9: None,
        },
    );
    let first = verdict
        .tables
        .first()
        .and_then(|table| table.classification)
        .map(Classification::name);
    let alike = verdict
        .tables
        .iter()
        .all(|table| table.classification.map(Classification::name) == first);
    Some(WhatIf {
        pin,
        head,
        numbers: numbers.first().copied(),
        classification: first.filter(|_| alike),
        disposition: verdict.disposition,
    })
}

fn schema(sidecar: &Sidecar, pin: PinPosition) -> Option<SchemaObservation> {
    let published = matches!(
        pin,
        PinPosition::AtPostCommit | PinPosition::AbovePostCommit
    );
    let at = |version: u64, there: bool| match there {
        true => Pinned::At { version },
        false => Pinned::Absent,
    };
    let registrations = sidecar.additional_registrations.iter();
    let tombstones = sidecar.tombstones.iter();
    let file = FileObservation {
        live: None,
        staged: (!published).then(|| Digest::of(Tag::SchemaFile, b"")),
    };
    let hash = Some(String::new());
    let next = NextSchema {
        ir_hash: hash.clone(),
        state_hash: hash,
        declares: sidecar
            .additional_registrations
            .iter()
            .map(|registration| registration.table_key.clone())
            .collect(),
        ..NextSchema::default()
    };
    let observation = SchemaObservation {
        next: (!published).then_some(next),
        source: file,
        ir: file,
        state: file,
        live_ir_declares_tables: published,
        registrations: registrations
            .map(|registration| RegistrationObservation {
                files: None,
                table_key: registration.table_key.clone(),
                pinned: at(1, published),
                head: HeadObservation::At {
                    version: 1,
                    transaction: None,
                },
                location_conflict: None,
            })
            .collect(),
        tombstones: tombstones
            .map(|tombstone| TombstoneObservation {
                table_key: tombstone.table_key.clone(),
                pinned: at(tombstone.tombstone_version.saturating_sub(1), !published),
            })
            .collect(),
        locked_since: None,
    };
    sidecar
        .writer_kind
        .changes_the_schema()
        .then_some(observation)
}

fn numbers(table: &TablePin, pin: PinPosition, head: HeadPosition) -> Option<(u64, u64)> {
    let pinned = match pin {
        PinPosition::BelowExpected => table
            .expected_version
            .checked_sub(1)
            .filter(|pinned| *pinned > 0)?,
        PinPosition::AtExpected => table.expected_version,
        PinPosition::AtPostCommit => table.post_commit_pin,
        PinPosition::AbovePostCommit => table.post_commit_pin.checked_add(1)?,
    };
    let head = match head {
        HeadPosition::BelowPin => pinned.checked_sub(1).filter(|head| *head > 0)?,
        HeadPosition::AtPin => pinned,
        HeadPosition::OneAbovePin => pinned.checked_add(1)?,
        HeadPosition::SeveralAbovePin => pinned.checked_add(3)?,
    };
    Some((pinned, head))
}

fn observed(table: &TablePin, pinned: u64, head: u64) -> TableObservation {
    let ordinary = Transaction {
        uuid: String::new(),
        operation: "Append".to_owned(),
        restored_version: None,
        timestamp: None,
        row_delta: None,
        properties: BTreeMap::new(),
    };
    // A sidecar may name any numbers; the verdict asks for at most the versions between expected and pinned.
    let between = table.expected_version.saturating_add(1)
        ..=pinned.min(table.expected_version.saturating_add(8));
    TableObservation {
        table_key: table.table_key.clone(),
        branch: table.table_branch().owned(),
        location: None,
        pinned: Pinned::At { version: pinned },
        pinned_elsewhere: None,
        head: HeadObservation::At {
            version: head,
            transaction: None,
        },
        location_conflict: None,
        transactions: between
            .map(|version| TransactionObservation {
                version,
                transaction: Some(ordinary.clone()),
            })
            .collect(),
        head_content: ContentComparison::NotCompared,
        restorable: Restorability::NotChecked,
        covered_by: None,
        pin_gone: false,
    }
}
