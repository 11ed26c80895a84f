//! The catalogs and Lance HEADs that sidecars are judged against, and whether they still belong together.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use sidecar::{Reason, Sidecar, TablePin, location_conflict};

use super::bounds::{CATALOGS_AT_ONCE, TABLES_AT_ONCE};
use crate::root::Root;
use fenced_lance::{Catalog, CatalogReading, Head, LanceRoot, TableError, TableLocation};

/// The catalogs and tables that several sidecars are judged against, read once for all of them.
#[derive(Debug, Default)]
pub(super) struct RootReadings {
    pub(super) catalogs: BTreeMap<Option<String>, Result<CatalogReading, TableError>>,
    pub(super) heads: BTreeMap<TableLocation, Result<Head, TableError>>,
}

impl RootReadings {
    /// Reads the catalogs and the HEADs of all tables that these sidecars name.
    pub(super) async fn read(root: &Root, sidecars: &[&Sidecar]) -> Self {
        let lance = root.lance();
        let branches: BTreeSet<Option<String>> = sidecars
            .iter()
            .map(|sidecar| sidecar.branch().owned())
            .collect();
        let reads: Vec<_> = branches
            .into_iter()
            .map(|branch| read_catalog(lance, branch))
            .collect();
        let catalogs = futures::stream::iter(reads)
            .buffer_unordered(CATALOGS_AT_ONCE)
            .collect()
            .await;
        let mut readings = Self {
            catalogs,
            heads: BTreeMap::new(),
        };
        let places: BTreeSet<TableLocation> = sidecars
            .iter()
            .flat_map(|sidecar| {
                sidecar
                    .tables
                    .iter()
                    .filter_map(|pin| readings.place(root, sidecar, pin))
            })
            .collect();
        let reads: Vec<_> = places
            .into_iter()
            .map(|place| read_head(lance, place))
            .collect();
        readings.heads = futures::stream::iter(reads)
            .buffer_unordered(TABLES_AT_ONCE)
            .collect()
            .await;
        readings
    }

    pub(super) fn catalog(&self, sidecar: &Sidecar) -> Option<&Catalog> {
        self.catalogs
            .get(&sidecar.branch().owned())
            .and_then(present)
    }

    /// Where a pin's dataset is; `None` if the catalog does not know it, or the sidecar gives another place.
    pub(super) fn place(
        &self,
        root: &Root,
        sidecar: &Sidecar,
        pin: &TablePin,
    ) -> Option<TableLocation> {
        let catalog = self.catalog(sidecar)?;
        let location = catalog.locations.get(key_now(catalog, sidecar, pin))?;
        match conflict(root, pin, location) {
            Some(_) => None,
            None => Some(TableLocation::on(location, pin.table_branch().name())),
        }
    }

    /// Whether every catalog branch is still as it was read, so that pins and HEADs belong together. Publishes to other tables do
    /// not matter, unless `all` tables were looked at.
    pub(super) async fn still_holds(
        &self,
        lance: &LanceRoot,
        sidecars: &[&Sidecar],
        all: bool,
    ) -> bool {
        let read = self.catalogs.iter();
        let checks: Vec<_> = read
            .filter_map(|(branch, reading)| Some((branch.as_deref(), present(reading)?)))
            .map(|(branch, catalog)| still_says(lance, branch, catalog, sidecars, all))
            .collect();
        let holds: Vec<bool> = futures::stream::iter(checks)
            .buffer_unordered(CATALOGS_AT_ONCE)
            .collect()
            .await;
        holds.into_iter().all(|holds| holds)
    }
}

async fn read_catalog(
    lance: &LanceRoot,
    branch: Option<String>,
) -> (Option<String>, Result<CatalogReading, TableError>) {
    let catalog = lance.catalog_of_graph_branch(branch.as_deref()).await;
    (branch, catalog)
}

async fn read_head(
    lance: &LanceRoot,
    place: TableLocation,
) -> (TableLocation, Result<Head, TableError>) {
    let head = lance.head(&place).await;
    (place, head)
}

fn present(reading: &Result<CatalogReading, TableError>) -> Option<&Catalog> {
    match reading {
        Ok(CatalogReading::Present(catalog)) => Some(catalog),
        _ => None,
    }
}

async fn still_says(
    lance: &LanceRoot,
    branch: Option<&str>,
    catalog: &Catalog,
    sidecars: &[&Sidecar],
    all: bool,
) -> bool {
    match lance.catalog_version(catalog.branch.as_deref()).await {
        Ok(Head::At { version }) if version == catalog.version => return true,
        Ok(Head::At { .. }) => {}
        _ => return false,
    }
    let Ok(CatalogReading::Present(now)) = lance.catalog(catalog.branch.as_deref()).await else {
        return false;
    };
    let of_branch = || {
        sidecars
            .iter()
            .filter(|sidecar| sidecar.branch().name() == branch)
    };
    // A schema change may add or remove any table.
    if of_branch().any(|sidecar| sidecar.writer_kind.changes_the_schema()) {
        return false;
    }
    if all {
        return now.stamp == catalog.stamp
            && now.pins == catalog.pins
            && now.locations == catalog.locations
            && now.tombstones == catalog.tombstones;
    }
    now.stamp == catalog.stamp
        && of_branch().flat_map(|sidecar| &sidecar.tables).all(|pin| {
            let key = &pin.table_key;
            now.pins.get(key) == catalog.pins.get(key)
                && now.locations.get(key) == catalog.locations.get(key)
                && now.tombstones.get(key) == catalog.tombstones.get(key)
        })
}

/// The key that the catalog has for the table of a pin. Where the catalog knows tables by identity, a write of version 9 may have
/// renamed the table.
pub(super) fn key_now<'a>(catalog: &'a Catalog, sidecar: &Sidecar, pin: &'a TablePin) -> &'a str {
    let identity = sidecar
        .version_9
        .as_ref()
        .and_then(|version_9| version_9.identity_of(&pin.table_key, pin.table_branch()));
    let tables = catalog.identified.as_deref();
    tables
        .zip(identity)
        .and_then(|(tables, identity)| tables.get(identity))
        .map_or(pin.table_key.as_str(), |table| table.table_key.as_str())
}

/// A writer records a place by the address under which it opened the root. Every known spelling of this root is accepted.
pub(super) fn conflict(root: &Root, pin: &TablePin, location: &str) -> Option<Reason> {
    let mut conflicts = root.spellings().map(|spelling| {
        location_conflict(
            &pin.table_key,
            &pin.table_path,
            location,
            spelling,
            root.relocated_from(),
        )
    });
    let first = conflicts.next()??;
    conflicts.all(|other| other.is_some()).then_some(first)
}
