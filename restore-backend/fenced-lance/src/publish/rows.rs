//! The catalog rows of the versions that a publish makes visible, as their Lance manifests describe them.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use sidecar::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST};
use sidecar::{NewTable, PinMove};

use super::request::{MadeBy, PublishRequest};
use crate::LanceRoot;
use crate::TableError;
use crate::catalog::Catalog;
use crate::catalog::rows::{CatalogRow, ManifestRecord, Spelling};
use crate::commit::{EffectIdentity, Refusal};
use crate::location::{TableLocation, other_branch};
use crate::version::VersionFile;

/// Versions described at the same time.
const VERSIONS_AT_ONCE: usize = 16;

/// A version of a table whose row is wanted, and how the catalog spells such rows.
pub(crate) struct WantedVersion<'a> {
    pub(crate) table_key: &'a str,
    pub(crate) location: &'a str,
    pub(crate) version: u64,
    pub(crate) branch: Option<&'a str>,
    pub(crate) spelling: Spelling,
}

impl LanceRoot {
    /// Every row of the publish, or why one of its versions cannot be published. `made` says which commit must have made a version.
    pub(super) async fn rows_of(
        &self,
        catalog: &Catalog,
        request: &PublishRequest,
        made: &BTreeMap<String, MadeBy>,
    ) -> Result<Result<Vec<CatalogRow>, Refusal>, TableError> {
        let made_by = |table_key: &str| Some((made.get(table_key)?, &request.identity));
        let mut rows = Vec::new();
        let mut versions = Vec::new();
        let mut added = Vec::new();
        for update in &request.updates {
            let Some(location) = catalog.locations.get(&update.table_key) else {
                return Ok(Err(Refusal::LocationUnclear {
                    table_key: update.table_key.clone(),
                }));
            };
            versions.push(self.pin_row(catalog, update, location, made_by(&update.table_key)));
        }
        for registration in &request.registrations {
            let NewTable {
                table_key,
                location,
                version,
                branch,
            } = registration;
            if !catalog.locations.contains_key(table_key) {
                rows.push(CatalogRow::table(table_key, location));
            }
            let version = WantedVersion {
                table_key,
                location,
                version: *version,
                branch: branch.as_deref(),
                spelling: Spelling::default(),
            };
            added.push(self.version_row(version, made_by(table_key)));
        }
        let described: Vec<Result<CatalogRow, Refusal>> = stream::iter(versions)
            .buffered(VERSIONS_AT_ONCE)
            .try_collect()
            .await?;
        let added: Vec<Result<CatalogRow, Refusal>> = stream::iter(added)
            .buffered(VERSIONS_AT_ONCE)
            .try_collect()
            .await?;
        let described = described.into_iter().chain(added);
        match described.collect::<Result<Vec<_>, Refusal>>() {
            Ok(described) => rows.extend(described),
            Err(reason) => return Ok(Err(reason)),
        }
        rows.extend(
            request
                .tombstones
                .iter()
                .map(|tombstone| CatalogRow::tombstone(&tombstone.table_key, tombstone.version)),
        );
        Ok(Ok(rows))
    }

    /// The row of a pin that moves, as the version's Lance manifest says, and as this catalog spells it.
    async fn pin_row(
        &self,
        catalog: &Catalog,
        update: &PinMove,
        location: &str,
        made_by: Option<(&MadeBy, &EffectIdentity)>,
    ) -> Result<Result<CatalogRow, Refusal>, TableError> {
        let known = match catalog.identified.as_deref() {
            None => None,
            Some(tables) => {
                let identity = tables.called(&update.table_key);
                let known = identity.and_then(|identity| Some((identity, tables.get(identity)?)));
                if known.is_none() {
                    let table_key = update.table_key.clone();
                    return Ok(Err(Refusal::LocationUnclear { table_key }));
                }
                known
            }
        };
        let shown = known.and_then(|(_, table)| table.row.metadata.as_ref());
        let version = WantedVersion {
            table_key: &update.table_key,
            location,
            version: update.to_version,
            branch: update.branch.as_deref(),
            spelling: shown.map(Spelling::of).unwrap_or_default(),
        };
        let described = self.version_row(version, made_by).await?;
        Ok(described.map(|row| match known {
            Some((identity, _)) => row.of(identity),
            None => row,
        }))
    }

    /// The catalog row of a table version, with what its Lance manifest says: one read, unless rows have to be counted.
    pub(crate) async fn version_row(
        &self,
        version: WantedVersion<'_>,
        made_by: Option<(&MadeBy, &EffectIdentity)>,
    ) -> Result<Result<CatalogRow, Refusal>, TableError> {
        let WantedVersion {
            table_key,
            location,
            version,
            branch,
            spelling,
        } = version;
        let branch = other_branch(branch);
        let place = self.place(&TableLocation::on(location, branch))?;
        let Some(file) = self.version_file(&place, version).await? else {
            return Ok(Err(Refusal::VersionMissing {
                table_key: table_key.to_owned(),
                version,
            }));
        };
        if let Some((made_by, identity)) = made_by
            && !is_made_by(&file, made_by, identity)
        {
            return Ok(Err(Refusal::AnotherCommit {
                table_key: table_key.to_owned(),
                version,
            }));
        }
        let record = ManifestRecord::of(&file.location, spelling);
        // No engine opens a graph whose catalog has a row without its row count.
        let rows = self.rows_of_version(&place, &file).await?;
        CatalogRow::version(table_key, version, branch, rows, &record)
            .map(Ok)
            .map_err(|source| TableError::lance(&place.name, "describing a version", source))
    }
}

fn is_made_by(file: &VersionFile, made_by: &MadeBy, identity: &EffectIdentity) -> bool {
    let Some(transaction) = &file.transaction else {
        // The transaction file is gone, but its name in the manifest still holds the uuid.
        return match (made_by, &file.manifest.transaction_file) {
            (MadeBy::Transaction(uuid), Some(name)) => name.contains(uuid),
            (MadeBy::Transaction(_) | MadeBy::ThisPlan, _) => false,
        };
    };
    let property = |name: &str| {
        transaction
            .transaction_properties
            .get(name)
            .map(String::as_str)
    };
    match made_by {
        MadeBy::Transaction(uuid) => transaction.uuid == *uuid,
        MadeBy::ThisPlan => {
            property(PROPERTY_RECOVERY_OPERATION_ID) == Some(identity.operation_id.as_str())
                && property(PROPERTY_RECOVERY_PLAN_DIGEST) == Some(identity.plan_digest.as_str())
        }
    }
}
