//! Rows that a publish writes for tables that the write does not commit to.

use std::collections::{BTreeMap, BTreeSet};

use super::super::evidence::Evidence;
use super::super::payload::Payload;
use super::super::table_identity::TableIdentity;
use crate::code::{Code, Reason};

/// The first table without a pin that the catalog does not have as the publish expects it.
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
    updated
        .or_else(added)
        .or_else(removed)
        .or_else(renamed)
        .or_else(|| misnamed(payload, evidence))
}

/// A table that has another name than the publish expects, or a name that two tables would have afterwards.
fn misnamed(payload: &Payload, evidence: &Evidence) -> Option<Reason> {
    let delta = &payload.intended_delta;
    let reason = |detail: String| Some(Reason::new(Code::Interleaved, detail));
    let mut named: BTreeMap<TableIdentity, &str> = evidence
        .graph
        .tables
        .0
        .iter()
        .map(|(identity, table)| (*identity, table.table_key.as_str()))
        .collect();
    for renamed in &delta.renames {
        match named.get_mut(&renamed.identity) {
            Some(key) if *key == renamed.expected_table_key => *key = &renamed.table_key,
            _ => {
                return reason(format!(
                    "the table that is to be renamed to {} is not called {}",
                    renamed.table_key, renamed.expected_table_key
                ));
            }
        }
    }
    for removed in &delta.tombstones {
        if named.remove(&removed.identity) != Some(&removed.table_key) {
            return reason(format!(
                "the table that is to be removed is not called {}",
                removed.table_key
            ));
        }
    }
    for added in &delta.registrations {
        named.insert(added.identity, &added.table_key);
    }
    for slot in &delta.table_updates {
        if named.get(&slot.identity) != Some(&slot.table_key.as_str()) {
            return reason(format!(
                "no table of that identity is called {}, as the publish expects",
                slot.table_key
            ));
        }
    }
    let mut keys = BTreeSet::new();
    let twice = named.values().find(|key| !keys.insert(**key))?;
    reason(format!("two tables would be called {twice}"))
}
