//! What a sidecar of version 9 has in common with those of other versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::delta::TableUpdate;
use super::effect::Effect;
use super::pin::Pin;
use super::sidecar::Sidecar9;
use super::table_identity::TableIdentity;
use crate::branch::Branch;
use crate::sidecar::{Registration, Sidecar, TablePin, Tombstone};

impl Sidecar9 {
    /// The pins of tables that were there before the write, with their places among all pins.
    pub(crate) fn table_pins(&self) -> impl Iterator<Item = (usize, &Pin)> {
        self.tables
            .iter()
            .enumerate()
            .filter(|(_, pin)| !self.makes_the_dataset(pin.identity))
    }

    /// The pins of tables whose datasets the write makes, with their places among all pins.
    pub(crate) fn made_datasets(&self) -> impl Iterator<Item = (usize, &Pin)> {
        self.tables
            .iter()
            .enumerate()
            .filter(|(_, pin)| self.makes_the_dataset(pin.identity))
    }

    /// The transaction that makes the dataset of a table that is called so; `None` if the write makes none for it.
    pub(crate) fn made_by(&self, key: &str) -> Option<&str> {
        let (_, pin) = self.made_datasets().find(|(_, pin)| pin.table_key == key)?;
        let effect = self.payload()?.effect_of(pin.identity)?;
        effect
            .planned()
            .first()
            .map(|planned| planned.uuid.as_str())
    }

    /// The rows of a merge for tables that it commits nothing to: it makes them visible as they are elsewhere.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = &TableUpdate> {
        let delta = self.payload().map(|payload| &payload.intended_delta);
        let rows = delta.into_iter().flat_map(|delta| &delta.table_updates);
        rows.filter(|row| !self.tables.iter().any(|pin| pin.identity == row.identity))
    }

    fn makes_the_dataset(&self, identity: TableIdentity) -> bool {
        self.payload()
            .and_then(|payload| payload.effect_of(identity))
            .is_some_and(Effect::makes_the_dataset)
    }

    /// The key of the table before the write.
    pub(crate) fn key_before<'a>(&'a self, identity: TableIdentity, key: &'a str) -> &'a str {
        let delta = self.payload().map(|payload| &payload.intended_delta);
        let mut renames = delta.into_iter().flat_map(|delta| &delta.renames);
        renames
            .find(|renamed| renamed.identity == identity)
            .map_or(key, |renamed| renamed.expected_table_key.as_str())
    }

    /// Which table it is that the write removes under this name.
    #[must_use]
    pub fn removed_identity(&self, key: &str) -> Option<TableIdentity> {
        let delta = self.payload().map(|payload| &payload.intended_delta);
        let mut removed = delta.into_iter().flat_map(|delta| &delta.tombstones);
        removed
            .find(|removed| removed.table_key == key)
            .map(|removed| removed.identity)
    }

    /// Which table it is that is called so before the write, and is committed to or pointed to on this Lance branch.
    #[must_use]
    pub fn identity_of(&self, key_before: &str, branch: Branch<'_>) -> Option<TableIdentity> {
        let pinned = self.table_pins().find(|(_, pin)| {
            self.key_before(pin.identity, &pin.table_key) == key_before
                && Branch::of(pin.table_branch.as_deref()) == branch
        });
        let pointed = || {
            let mut pointers = self.pointers();
            pointers.find(|row| row.table_key == key_before && Branch::of(branch_of(row)) == branch)
        };
        pinned
            .map(|(_, pin)| pin.identity)
            .or_else(|| pointed().map(|row| row.identity))
    }
}

/// The Lance branch of the version that a row makes visible.
fn branch_of(row: &TableUpdate) -> Option<&str> {
    match &row.confirmed {
        Some(confirmed) => confirmed.table_branch.as_deref(),
        None => row.table_branch.as_deref(),
    }
}

impl From<Sidecar9> for Sidecar {
    fn from(sidecar: Sidecar9) -> Self {
        let written = sidecar.table_pins().map(|(_, pin)| TablePin {
            table_key: sidecar.key_before(pin.identity, &pin.table_key).to_owned(),
            table_path: pin.table_path.clone(),
            expected_version: pin.expected_version,
            post_commit_pin: pin.post_commit_pin,
            confirmed_version: None,
            table_branch: pin.table_branch.clone(),
            unknown: BTreeMap::new(),
        });
        let base = sidecar.tables.first().and_then(|pin| {
            let place = pin.identity.place(&pin.table_key)?;
            pin.table_path.strip_suffix(place.as_str())
        });
        let pointed = sidecar.pointers().map(|row| TablePin {
            table_key: row.table_key.clone(),
            table_path: row
                .identity
                .place(&row.table_key)
                .map(|place| format!("{}{place}", base.unwrap_or_default()))
                .unwrap_or_default(),
            expected_version: row.expected_version,
            post_commit_pin: row
                .confirmed
                .as_ref()
                .map_or(row.expected_version, |confirmed| confirmed.table_version),
            confirmed_version: None,
            table_branch: branch_of(row).map(str::to_owned),
            unknown: BTreeMap::new(),
        });
        let delta = sidecar.payload().map(|payload| &payload.intended_delta);
        let added = delta.into_iter().flat_map(|delta| &delta.registrations);
        let removed = delta.into_iter().flat_map(|delta| &delta.tombstones);
        Self {
            schema_version: sidecar.schema_version,
            operation_id: sidecar.operation_id.clone(),
            started_at: sidecar.started_at,
            branch: sidecar.branch.clone(),
            actor_id: sidecar.actor_id.clone(),
            writer_kind: sidecar.writer_kind,
            tables: written.chain(pointed).collect(),
            merge_source_commit_id: sidecar
                .payload()
                .and_then(|payload| payload.lineage.merged_parent_commit_id.clone()),
            additional_registrations: added
                .map(|added| Registration {
                    table_key: added.table_key.clone(),
                    table_path: added.table_path.clone(),
                    table_branch: added.table_branch.clone(),
                    unknown: BTreeMap::new(),
                })
                .collect(),
            tombstones: removed
                .map(|removed| Tombstone {
                    table_key: removed.table_key.clone(),
                    tombstone_version: removed.tombstone_version,
                    unknown: BTreeMap::new(),
                })
                .collect(),
            unknown: BTreeMap::new(),
            version_9: Some(Arc::new(sidecar)),
        }
    }
}
