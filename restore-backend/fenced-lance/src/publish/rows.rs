//! The catalog rows of the versions that a publish makes visible, as their Lance manifests describe them.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use lance_table::io::commit::ManifestNamingScheme;
use sidecar::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST};
use sidecar::{NewTable, PinMove};

use super::request::{MadeBy, PublishRequest};
use crate::LanceRoot;
use crate::TableError;
use crate::catalog::Catalog;
use crate::catalog::rows::{CatalogRow, ManifestRecord};
use crate::commit::{EffectIdentity, Refusal};
use crate::location::{TableLocation, other_branch};
use crate::version::VersionFile;

/// Versions described at the same time.
const VERSIONS_AT_ONCE: usize = 16;

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
            added.push(self.version_row(
                table_key,
                location,
                *version,
                branch.as_deref(),
                made_by(table_key),
            ));
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
        let described = self.version_row(
            &update.table_key,
            location,
            update.to_version,
            update.branch.as_deref(),
            made_by,
        );
        let described = match described.await? {
            Ok(described) => described,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(tables) = catalog.identified.as_deref() else {
            return Ok(Ok(described));
        };
        let table_key = update.table_key.clone();
        let Some((identity, table)) = tables
            .called(&table_key)
            .and_then(|identity| Some((identity, tables.get(identity)?)))
        else {
            return Ok(Err(Refusal::LocationUnclear { table_key }));
        };
        // Engines of this stamp write the path with the slash before it where the store is a local disk.
        let metadata = table.row.metadata.as_ref();
        let is_absolute = metadata.is_some_and(|metadata| metadata.manifest_path.starts_with('/'));
        let e_tag = metadata.and_then(|metadata| metadata.e_tag.as_deref());
        let is_bare = e_tag.is_some_and(|e_tag| !e_tag.starts_with('"'));
        let described = described.of(identity);
        Ok(Ok(described
            .with_absolute_path(is_absolute)
            .with_bare_e_tag(is_bare)))
    }

    /// The catalog row of a table version, with what its Lance manifest says: one read, unless rows have to be counted.
    pub(crate) async fn version_row(
        &self,
        table_key: &str,
        location: &str,
        version: u64,
        table_branch: Option<&str>,
        made_by: Option<(&MadeBy, &EffectIdentity)>,
    ) -> Result<Result<CatalogRow, Refusal>, TableError> {
        let branch = other_branch(table_branch);
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
        let record = ManifestRecord {
            manifest_path: file.location.path.to_string(),
            manifest_size: file.location.size,
            e_tag: file.location.e_tag.clone(),
            naming_scheme: match file.location.naming_scheme {
                ManifestNamingScheme::V1 => "V1",
                ManifestNamingScheme::V2 => "V2",
            },
        };
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
