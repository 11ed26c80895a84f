//! Rules of the plan of a `SchemaApply`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fault::{Fault, broken};
use super::super::payload::Payload;
use super::super::schema_change::{AddedTable, RenamedTable};
use super::row::Row;
use crate::sidecar::WriterKind;

/// No other kind adds, renames or removes tables.
pub(super) fn check_that_none_changes(kind: WriterKind, payload: &Payload) -> Result<(), Fault> {
    let delta = &payload.intended_delta;
    let changes = [
        ("registrations", delta.registrations.is_empty()),
        ("renames", delta.renames.is_empty()),
        ("tombstones", delta.tombstones.is_empty()),
    ];
    match changes.into_iter().find(|(_, none)| !none) {
        Some((name, _)) => broken(format!(
            "it has {name}, and a write of kind {} changes no schema",
            kind.name()
        )),
        None => Ok(()),
    }
}

pub(super) fn check(rows: &[Row<'_>], payload: &Payload) -> Result<(), Fault> {
    if payload
        .target_schema_ir_hash
        .as_deref()
        .is_none_or(str::is_empty)
    {
        return broken("target_schema_ir_hash is empty: it does not say which schema it brings");
    }
    rows.iter().try_for_each(check_row)?;
    let delta = &payload.intended_delta;
    let rows: BTreeMap<_, _> = rows.iter().map(|row| (row.pin.identity, row)).collect();
    let (mut identities, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for added in &delta.registrations {
        check_added(added, rows.get(&added.identity).copied())?;
    }
    for renamed in &delta.renames {
        check_renamed(renamed, rows.get(&renamed.identity).copied())?;
    }
    for removed in &delta.tombstones {
        if removed.identity.place(&removed.table_key).is_none() {
            return broken(format!(
                "it removes {:?}, which is the key of no node and no edge",
                removed.table_key
            ));
        }
    }
    let changed = (delta.registrations.iter().map(|added| added.identity))
        .chain(delta.renames.iter().map(|renamed| renamed.identity))
        .chain(delta.tombstones.iter().map(|removed| removed.identity));
    for identity in changed {
        if !identities.insert(identity) {
            return broken(format!(
                "the table {identity} is added, renamed or removed more than once"
            ));
        }
    }
    let live = (delta.registrations.iter().map(|added| &added.table_key))
        .chain(delta.renames.iter().map(|renamed| &renamed.table_key));
    for key in live {
        if !keys.insert(key) {
            return broken(format!("two tables would be called {key}"));
        }
    }
    let added: BTreeSet<_> = delta
        .registrations
        .iter()
        .map(|added| added.identity)
        .collect();
    let makes_and_does_not_add =
        |row: &&&Row<'_>| row.effect.makes_the_dataset() && !added.contains(&row.pin.identity);
    match rows.values().find(makes_and_does_not_add) {
        Some(row) => broken(format!(
            "it makes the dataset of {} and does not add the table",
            row.pin.table_key
        )),
        None => Ok(()),
    }
}

fn check_row(row: &Row<'_>) -> Result<(), Fault> {
    let (pin, key) = (row.pin, &row.pin.table_key);
    if let Some(branch) = &pin.table_branch {
        return broken(format!(
            "it pins {key} on Lance branch {branch}, and a schema changes on main only"
        ));
    }
    let next = row.first_commit_is_next()?;
    match (row.effect.makes_the_dataset(), pin.expected_version) {
        (true, 0) | (false, 1..) => {}
        (true, version) => {
            return broken(format!(
                "it makes the dataset of {key}, and pins the table at version {version}"
            ));
        }
        (false, 0) => {
            return broken(format!(
                "it overwrites {key}, and pins the table at version 0, before there was any"
            ));
        }
    }
    row.is_confirmed_at(next)
}

fn check_added(added: &AddedTable, row: Option<&Row<'_>>) -> Result<(), Fault> {
    let key = &added.table_key;
    let place = added.identity.place(key);
    if place.as_ref() != Some(&added.table_path) {
        return broken(format!(
            "it adds {key} at {}, which is not the place of its identity",
            added.table_path
        ));
    }
    if let Some(branch) = &added.table_branch {
        return broken(format!(
            "it adds {key} on Lance branch {branch}, and a schema changes on main only"
        ));
    }
    match row.filter(|row| row.effect.makes_the_dataset()) {
        None => broken(format!("it adds {key} and does not make its dataset")),
        Some(row) if row.effect.table_key != *key => broken(format!(
            "it adds {key}, and makes its dataset as that of {}",
            row.effect.table_key
        )),
        Some(_) => Ok(()),
    }
}

fn check_renamed(renamed: &RenamedTable, row: Option<&Row<'_>>) -> Result<(), Fault> {
    let (old, new) = (&renamed.expected_table_key, &renamed.table_key);
    if old == new {
        return broken(format!("it renames {old} to {new}, which changes nothing"));
    }
    if renamed.expected_version == 0 {
        return broken(format!("it renames {old}, which has no version yet"));
    }
    let keeps = |key: &str| renamed.identity.place(key).as_ref() == Some(&renamed.table_path);
    if !keeps(old) || !keeps(new) {
        return broken(format!(
            "it renames {old} to {new} at {}, which is not the place of its identity",
            renamed.table_path
        ));
    }
    let Some(row) = row else { return Ok(()) };
    if row.update.table_key != *new || row.update.expected_version != renamed.expected_version {
        return broken(format!(
            "it renames {old} at version {} to {new}, and its row replaces version {} of {}",
            renamed.expected_version, row.update.expected_version, row.update.table_key
        ));
    }
    Ok(())
}
