//! Rows that a publish writes for tables that the write does not commit to.

use super::super::evidence::Evidence;
use super::super::payload::Payload;
use crate::code::{Code, Reason};

/// What in the catalog is not as the publish expects it, of the tables that are in no pin.
pub(super) fn conflict(payload: &Payload, evidence: &Evidence) -> Option<Reason> {
    let tables = &evidence.graph.tables;
    let delta = &payload.intended_delta;
    let moved = |key: &str, expected: u64, found: Option<u64>| {
        (found != Some(expected)).then(|| {
            let found = found.map_or("no version".to_owned(), |found| format!("version {found}"));
            Reason::new(
                Code::Interleaved,
                format!("readers see {found} of {key}, and the publish was planned on version {expected}"),
            )
        })
    };
    let visible = |identity| tables.get(identity).map(|table| table.row.version);
    let updates = delta
        .table_updates
        .iter()
        .filter(|slot| slot.expected_version > 0);
    let updated = updates
        .filter_map(|slot| {
            moved(
                &slot.table_key,
                slot.expected_version,
                visible(slot.identity),
            )
        })
        .next();
    let added = || {
        let mut added = delta.registrations.iter();
        added
            .find(|added| tables.get(added.identity).is_some())
            .map(|added| {
                Reason::new(
                    Code::Interleaved,
                    format!("{} is in the catalog already", added.table_key),
                )
            })
    };
    let removed = || {
        delta.tombstones.iter().find_map(|removed| {
            let expected = removed.tombstone_version.saturating_sub(1);
            moved(&removed.table_key, expected, visible(removed.identity))
        })
    };
    let renamed = || {
        delta.renames.iter().find_map(|renamed| {
            moved(
                &renamed.expected_table_key,
                renamed.expected_version,
                visible(renamed.identity),
            )
        })
    };
    updated.or_else(added).or_else(removed).or_else(renamed)
}
