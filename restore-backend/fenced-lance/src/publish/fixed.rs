//! The rows of a publish that its writer fixed beforehand, in a catalog that knows tables by their identity.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::version_9::TableIdentity;
use sidecar::{Branch, ExactPublish, ExactRow, NewTable, PinMove, RemovedTable};

use crate::TableError;
use crate::catalog::Catalog;
use crate::catalog::rows::CatalogRow;
use crate::commit::Refusal;

/// The tables that are to be published.
pub(super) struct Asked<'a> {
    pub(super) updates: &'a [PinMove],
    pub(super) registrations: &'a [NewTable],
    pub(super) tombstones: &'a [RemovedTable],
}

/// The rows, and which of them replace a row that is there.
pub(super) struct FixedRows {
    pub(super) rows: Vec<CatalogRow>,
    pub(super) replaced: BTreeSet<String>,
}

impl FixedRows {
    /// The first table whose row counts other rows than the version has. `described` are rows of the same versions, counted here.
    pub(super) fn miscounted(&self, described: &[CatalogRow]) -> Option<String> {
        let mut rows = self.rows.iter();
        let wrong = rows.find(|row| {
            described.iter().any(|counted| {
                counted.object_id == row.object_id && counted.row_count() != row.row_count()
            })
        });
        wrong.map(|row| row.table_key().to_owned())
    }

    /// The keys of the rows that are new.
    pub(super) fn inserted(&self) -> impl Iterator<Item = &str> {
        let rows = self.rows.iter().map(|row| row.object_id.as_str());
        rows.filter(|key| !self.replaced.contains(*key))
    }
}

/// The rows that were fixed, if they are those of the tables to be published, and lead to a catalog that engines read.
///
/// # Errors
/// Rows that cannot be encoded. The inner error names the row that does not fit.
pub(super) fn rows(
    catalog: &Catalog,
    asked: &Asked<'_>,
    exact: &ExactPublish,
) -> Result<Result<FixedRows, Refusal>, TableError> {
    if let Err(reason) = fits(catalog, asked, exact) {
        return Ok(Err(reason));
    }
    let mut rows = Vec::new();
    let mut replaced = BTreeSet::new();
    for added in asked.registrations {
        let mut named = exact.added.iter();
        if let Some(named) = named.find(|named| named.table_key == added.table_key) {
            rows.push(CatalogRow::identified_table(
                named.identity,
                &added.table_key,
                &added.location,
            ));
        }
    }
    for renamed in &exact.renamed {
        if let Some(location) = catalog.locations.get(&renamed.from_key) {
            let row = CatalogRow::identified_table(renamed.identity, &renamed.to_key, location);
            replaced.insert(row.object_id.clone());
            rows.push(row);
        }
    }
    for row in &exact.rows {
        rows.push(
            CatalogRow::exact(row).map_err(|source| {
                TableError::lance(&row.table_key, "describing a version", source)
            })?,
        );
    }
    for removed in asked.tombstones {
        let mut named = exact.removed.iter();
        if let Some(named) = named.find(|named| named.table_key == removed.table_key) {
            rows.push(CatalogRow::identified_tombstone(
                named.identity,
                &removed.table_key,
                removed.version,
            ));
        }
    }
    Ok(Ok(FixedRows { rows, replaced }))
}

/// Whether the rows are of the pins that move and of the tables that are added, no more and no fewer, and lead to a catalog in which
/// every name is of one table.
fn fits(catalog: &Catalog, asked: &Asked<'_>, exact: &ExactPublish) -> Result<(), Refusal> {
    let not_fixed = |table_key: &str| Refusal::NotAsFixed {
        table_key: table_key.to_owned(),
    };
    let tables = catalog.identified.as_deref().cloned().unwrap_or_default();
    let row = |identity: TableIdentity, version: u64, branch: Option<&str>| -> Option<&ExactRow> {
        let mut rows = exact.rows.iter();
        rows.find(|row| {
            row.identity == identity
                && row.row.table_version == version
                && Branch::of(row.row.table_branch.as_deref()) == Branch::of(branch)
        })
    };
    let mut named: BTreeMap<TableIdentity, String> = tables
        .0
        .iter()
        .map(|(identity, table)| (*identity, table.table_key.clone()))
        .collect();
    for renamed in &exact.renamed {
        let key = named
            .get_mut(&renamed.identity)
            .filter(|key| **key == renamed.from_key)
            .ok_or_else(|| not_fixed(&renamed.from_key))?;
        key.clone_from(&renamed.to_key);
    }
    for update in asked.updates {
        let key = &update.table_key;
        let identity = tables.called(key).ok_or_else(|| not_fixed(key))?;
        let fixed = row(identity, update.to_version, update.branch.as_deref());
        if fixed.is_none_or(|fixed| named.get(&identity) != Some(&fixed.table_key)) {
            return Err(not_fixed(key));
        }
    }
    for removed in asked.tombstones {
        let key = &removed.table_key;
        let mut removes = exact.removed.iter();
        let identity = removes
            .find(|named| named.table_key == *key)
            .map(|named| named.identity)
            .ok_or_else(|| not_fixed(key))?;
        if named.remove(&identity).as_ref() != Some(key) {
            return Err(not_fixed(key));
        }
    }
    for added in asked.registrations {
        let key = &added.table_key;
        let mut adds = exact.added.iter();
        let identity = adds
            .find(|named| named.table_key == *key)
            .map(|named| named.identity)
            .filter(|identity| !named.contains_key(identity))
            .ok_or_else(|| not_fixed(key))?;
        let fixed = row(identity, added.version, added.branch.as_deref());
        if fixed.is_none_or(|fixed| fixed.table_key != *key)
            || identity.place(key).as_deref() != Some(added.location.as_str())
        {
            return Err(not_fixed(key));
        }
        named.insert(identity, key.clone());
    }
    let (moved, added, removed) = (
        asked.updates.len(),
        asked.registrations.len(),
        asked.tombstones.len(),
    );
    let is_whole = exact.rows.len() == moved + added
        && exact.added.len() == added
        && exact.removed.len() == removed;
    if !is_whole {
        return Err(not_fixed("every table of the write"));
    }
    let mut keys = BTreeSet::new();
    match named.values().find(|key| !keys.insert(key.as_str())) {
        Some(twice) => Err(Refusal::Twice {
            object_id: twice.clone(),
        }),
        None => Ok(()),
    }
}
