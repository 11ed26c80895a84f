//! What a `SchemaApply` adds to the catalog and removes from it (PROTOCOL.md, section 6.1).

use std::collections::BTreeSet;

use super::{Action, CatalogChange, Disposition};
use crate::code::{Code, Reason};
use crate::observation::{
    HeadObservation, Pinned, RegistrationObservation, SchemaObservation, TombstoneObservation,
};
use crate::sidecar::{Registration, Sidecar, Tombstone};
use crate::text::version_text;

/// Whether the catalog holds everything the sidecar adds and nothing that it removes.
pub(super) fn published(sidecar: &Sidecar, schema: &SchemaObservation) -> bool {
    let added = schema
        .registrations
        .iter()
        .filter(|registration| registration.pinned.version().is_some());
    let gone = sidecar
        .tombstones
        .iter()
        .zip(&schema.tombstones)
        .filter(|(tombstone, found)| is_gone(tombstone, found));
    added.count() == sidecar.additional_registrations.len()
        && gone.count() == sidecar.tombstones.len()
}

fn is_gone(tombstone: &Tombstone, found: &TombstoneObservation) -> bool {
    match found.pinned {
        Pinned::At { .. } => false,
        Pinned::Absent => true,
        Pinned::Tombstoned { version } => version >= tombstone.tombstone_version,
    }
}

/// Plans each registration and tombstone; skips those that the catalog already shows.
///
/// # Errors
/// The contradiction; the write cannot be rolled forward.
pub(super) fn catalog_changes(
    sidecar: &Sidecar,
    schema: &SchemaObservation,
    disposition: Disposition,
) -> Result<Vec<CatalogChange>, Reason> {
    let is_forward = disposition.publishes_it();
    let mut named: BTreeSet<&str> = sidecar
        .tables
        .iter()
        .map(|pin| pin.table_key.as_str())
        .collect();
    let added = sidecar
        .additional_registrations
        .iter()
        .map(|registration| &registration.table_key);
    let removed = sidecar
        .tombstones
        .iter()
        .map(|tombstone| &tombstone.table_key);
    if let Some(twice) = added.chain(removed).find(|key| !named.insert(key.as_str())) {
        return Err(contradictory(format!(
            "{twice} is named twice among the tables it writes, adds and removes"
        )));
    }
    let looked_at = sidecar
        .additional_registrations
        .iter()
        .map(|registration| &registration.table_key)
        .eq(schema.registrations.iter().map(|found| &found.table_key))
        && sidecar
            .tombstones
            .iter()
            .map(|tombstone| &tombstone.table_key)
            .eq(schema.tombstones.iter().map(|found| &found.table_key));
    if !looked_at {
        return Err(contradictory(
            "not every table it adds or removes was looked at".to_owned(),
        ));
    }
    let registrations = sidecar
        .additional_registrations
        .iter()
        .zip(&schema.registrations)
        .map(|(registration, found)| register(registration, found, is_forward));
    let tombstones = sidecar
        .tombstones
        .iter()
        .zip(&schema.tombstones)
        .map(|(tombstone, found)| remove(tombstone, found, is_forward));
    registrations.chain(tombstones).collect()
}

fn contradictory(why: String) -> Reason {
    Reason::new(Code::SchemaContradictory, why)
}

fn register(
    registration: &Registration,
    found: &RegistrationObservation,
    is_forward: bool,
) -> Result<CatalogChange, Reason> {
    let key = &registration.table_key;
    let head = found.head.version();
    let mut change = CatalogChange {
        table_key: key.clone(),
        branch: registration.table_branch().owned(),
        location: Some(registration.table_path.trim_matches('/').to_owned()),
        manifest_pinned: found.pinned.version(),
        lance_head: head,
        head_transaction: found.head.transaction().map(str::to_owned),
        tombstone_version: None,
        rule: "it is not in the catalog, and is not added".to_owned(),
        action: Action::None,
        publish_as: None,
    };
    if let Some(version) = found.pinned.version() {
        change.rule = format!("it is in the catalog already, at version {version}");
        return Ok(change);
    }
    if !is_forward {
        return Ok(change);
    }
    if let Some(conflict) = &found.location_conflict {
        return Err(conflict.clone());
    }
    let head = match &found.head {
        HeadObservation::At { version, .. } => *version,
        HeadObservation::BranchMissing | HeadObservation::DatasetMissing => {
            return Err(Reason::new(
                Code::TableMissing,
                format!(
                    "{key} is to be added to the catalog, but there is no dataset at {}",
                    registration.table_path
                ),
            ));
        }
        HeadObservation::Unreadable { reason } => {
            return Err(Reason::new(
                Code::TableUnreadable,
                format!(
                    "{key} is to be added to the catalog, but its Lance HEAD cannot be read: {reason}"
                ),
            ));
        }
    };
    if let Pinned::Tombstoned { version } = found.pinned
        && head <= version
    {
        return Err(contradictory(format!(
            "{key} is to be added to the catalog at version {head}, but a tombstone at version {version} hides that"
        )));
    }
    change.rule = format!("HEAD {head}, and not in the catalog");
    change.action = Action::Register;
    change.publish_as = Some(head);
    Ok(change)
}

fn remove(
    tombstone: &Tombstone,
    found: &TombstoneObservation,
    is_forward: bool,
) -> Result<CatalogChange, Reason> {
    let (key, version) = (&tombstone.table_key, tombstone.tombstone_version);
    let pinned = found.pinned.version();
    let mut change = CatalogChange {
        table_key: key.clone(),
        branch: None,
        location: None,
        manifest_pinned: pinned,
        lance_head: None,
        head_transaction: None,
        tombstone_version: Some(version),
        rule: "it stays in the catalog".to_owned(),
        action: Action::None,
        publish_as: None,
    };
    if is_gone(tombstone, found) {
        change.rule = "it is gone from the catalog already".to_owned();
        return Ok(change);
    }
    if !is_forward {
        return Ok(change);
    }
    // Hiding a version somebody published after this writer looked would take that away.
    if pinned.is_none() || pinned != version.checked_sub(1) {
        let found = version_text(pinned);
        return Err(contradictory(format!(
            "{key} is to be removed by a tombstone at version {version}, but the version visible now is {found}, and not the one before"
        )));
    }
    change.rule = format!(
        "pin {}, tombstone {version} = pin + 1",
        version.saturating_sub(1)
    );
    change.action = Action::Tombstone;
    Ok(change)
}
