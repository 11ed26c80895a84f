//! Publishing: one commit of the catalog that makes new versions of tables visible.

mod fixed;

use sidecar::root_layout::STAMP_WITH_IDENTITIES;
use sidecar::{Branch, ExactPublish, NewTable, PinMove, RemovedTable};
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use lance_table::io::commit::ManifestNamingScheme;
use sidecar::root_layout::PROPERTY_RECOVERY_OPERATION_ID;
use sidecar::root_layout::PROPERTY_RECOVERY_PLAN_DIGEST;
use sidecar::root_layout::STAMP_WITH_HISTORY;
use sidecar::root_layout::STAMPS_ACTED_ON;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::catalog::Catalog;
use super::catalog::OpenCatalog;
use super::catalog::graph_rows::CommitMetadata;
use super::catalog::graph_rows::HeadMetadata;
use super::catalog::graph_rows::head_key;
use super::catalog::identified;
use super::catalog::rows;
use super::catalog::rows::CatalogRow;
use super::catalog::rows::ManifestRecord;
use super::commit::CommitOutcome;
use super::commit::EffectIdentity;
use super::commit::EffectKind;
use super::commit::Landed;
use super::commit::Refusal;
use super::commit::Signature;
use super::location::TableLocation;
use super::location::other_branch;
use super::version::VersionFile;
use fixed::{Asked, FixedRows};

/// Versions described at the same time.
const VERSIONS_AT_ONCE: usize = 16;

/// Everything that one publish makes visible.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishRequest {
    /// The branch of the catalog.
    pub branch: Option<String>,
    /// The catalog version that was read. The publish lands at exactly the one after it.
    pub read_version: u64,
    /// Tables whose pin moves.
    pub updates: Vec<PinMove>,
    /// Tables that are new.
    pub registrations: Vec<NewTable>,
    /// Tables that go.
    pub tombstones: Vec<RemovedTable>,
    /// The graph commit, exactly where the catalog holds the history of its graph.
    pub graph_commit: Option<NewGraphCommit>,
    /// The publish as a writer of version 9 fixed it: its rows are published as they are, and only onto the graph that they were
    /// planned for.
    pub exact: Option<ExactPublish>,
    /// What the publish belongs to.
    pub identity: EffectIdentity,
}

/// A graph commit that is written in the very commit of the catalog that it stands for. Its parent is the latest on its branch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewGraphCommit {
    /// Its id, a ULID.
    pub id: String,
    /// The commit that was merged.
    pub merged_parent: Option<String>,
    /// Who; `None` only where a writer of version 9 named nobody.
    pub actor: Option<String>,
    /// Microseconds since the Unix epoch.
    pub created_at_micros: i64,
}

/// Which commit must have made a version that is published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MadeBy {
    /// The Lance transaction with this uuid.
    Transaction(String),
    /// An effect that names the operation and the plan of the publish itself.
    ThisPlan,
}

impl LanceRoot {
    /// Publishes, if every pin is still as planned and nobody published since; done again, it does
    /// nothing.
    ///
    /// # Errors
    ///
    /// An error means that no commit was attempted.
    pub async fn publish(&self, request: &PublishRequest) -> Result<CommitOutcome, TableError> {
        self.publish_made(request, &BTreeMap::new()).await
    }

    /// As [`Self::publish`], but only if each of these tables' versions, by table key, was made by the given commit. After a
    /// backup was restored, another commit may have the same version number. The check takes no further request.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`].
    pub async fn publish_made(
        &self,
        request: &PublishRequest,
        made: &BTreeMap<String, MadeBy>,
    ) -> Result<CommitOutcome, TableError> {
        let signature = request.identity.signature(EffectKind::Publish);
        self.publish_signed(request, made, &signature).await
    }

    /// As [`Self::publish`], for the writer of an operation, who signs with the operation alone and has no plan.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`].
    pub async fn publish_as_writer(
        &self,
        request: &PublishRequest,
    ) -> Result<CommitOutcome, TableError> {
        let operation_id = &request.identity.operation_id;
        let signature = super::table_write::writer_signature(operation_id, "publish");
        self.publish_signed(request, &BTreeMap::new(), &signature)
            .await
    }

    async fn publish_signed(
        &self,
        request: &PublishRequest,
        made: &BTreeMap<String, MadeBy>,
        signature: &Signature,
    ) -> Result<CommitOutcome, TableError> {
        let place = self.catalog_place(request.branch.as_deref())?;
        // The commit itself finds out whether the version that was read is still the latest, and lands on no other.
        let opened = match self.catalog_read_at(&place, request.read_version) {
            Some(opened) => opened,
            None => match self.open_catalog(&place).await? {
                OpenCatalog::Present(opened) => *opened,
                OpenCatalog::NoCatalog => return Ok(refused(Refusal::CatalogMissing)),
                OpenCatalog::NoBranch { .. } => return Ok(refused(Refusal::BranchMissing)),
            },
        };
        if opened.catalog.version != request.read_version {
            return self
                .catalog_moved(&place, request.read_version, signature)
                .await;
        }
        if let Some(reason) = refusal(&opened.catalog, request) {
            return Ok(refused(reason));
        }
        let fixed = match &request.exact {
            Some(exact) => Some(fixed::rows(&opened.catalog, &asked(request), exact)?),
            None => None,
        };
        let fixed = match fixed.transpose() {
            Ok(fixed) => fixed,
            Err(reason) => return Ok(refused(reason)),
        };
        let keys = match new_keys(&opened.catalog, request, fixed.as_ref()) {
            Ok(keys) => keys,
            Err(reason) => return Ok(refused(reason)),
        };
        let mut replaced = replaced_keys(&opened.catalog, request);
        replaced.extend(
            fixed
                .iter()
                .flat_map(|fixed| fixed.replaced.iter().cloned()),
        );
        let dataset = opened.dataset;
        let (rows, there) = futures::try_join!(
            self.rows_of(&opened.catalog, request, made),
            self.key_there(&place, &dataset, &keys),
        )?;
        let described = match rows {
            Ok(rows) => rows,
            Err(reason) => return Ok(refused(reason)),
        };
        // Every version is there, made by the commit that the plan found. The catalog row of each was fixed beforehand.
        if let Some(wrong) = fixed
            .as_ref()
            .and_then(|fixed| fixed.miscounted(&described))
        {
            return Ok(refused(Refusal::Miscounted { table_key: wrong }));
        }
        let mut rows = fixed.map_or(described, |fixed| fixed.rows);
        if let Some(commit) = &request.graph_commit {
            let history = history_rows(&opened.catalog, request, commit).map_err(|source| {
                TableError::lance(&place.name, "describing a graph commit", source)
            })?;
            rows.extend(history);
        }
        if let Some(object_id) = there {
            return Ok(refused(Refusal::RowThere { object_id }));
        }
        let staged = if request.graph_commit.is_some() {
            self.stage_upsert(&place, &dataset, &replaced, &rows)
                .await?
        } else {
            self.stage_new_rows(&place, &dataset, &keys, &rows).await?
        };
        let mut staged = match staged {
            Ok(staged) => staged,
            Err(reason) => return Ok(refused(reason)),
        };
        signature.sign_over(&mut staged.transaction);
        match self.commit_fenced(&place, dataset, staged).await? {
            CommitOutcome::HeadMoved { .. } => {
                self.catalog_moved(&place, request.read_version, signature)
                    .await
            }
            outcome => Ok(outcome),
        }
    }

    /// Settles a catalog commit whose read version is no longer the latest.
    pub(super) async fn catalog_moved(
        &self,
        place: &Place,
        read_version: u64,
        signature: &Signature,
    ) -> Result<CommitOutcome, TableError> {
        let version = read_version + 1;
        Ok(match self.landed(place, version, signature).await? {
            Landed::Ours(_) => CommitOutcome::AlreadyDone { version },
            Landed::Foreign => self.head_moved(place, read_version).await?,
            Landed::Gone => {
                let moved = self.head_moved(place, read_version).await?;
                match &moved {
                    CommitOutcome::HeadMoved { found, .. } if *found > read_version => {
                        CommitOutcome::Unknown {
                            reason: format!(
                                "version {version} of the catalog was cleaned away, so nobody can tell whose it was"
                            ),
                        }
                    }
                    _ => moved,
                }
            }
        })
    }

    async fn rows_of(
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
        Ok(Ok(described.of(identity).with_absolute_path(is_absolute)))
    }

    /// The catalog row of a table version, with what its Lance manifest says: one read, unless rows have to be counted.
    pub(super) async fn version_row(
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

const fn asked(request: &PublishRequest) -> Asked<'_> {
    Asked {
        updates: request.updates.as_slice(),
        registrations: request.registrations.as_slice(),
        tombstones: request.tombstones.as_slice(),
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

fn refused(reason: Refusal) -> CommitOutcome {
    CommitOutcome::Refused { reason }
}

/// The keys of the rows that a publish inserts.
fn new_keys(
    catalog: &Catalog,
    request: &PublishRequest,
    fixed: Option<&FixedRows>,
) -> Result<BTreeSet<String>, Refusal> {
    let updated = request
        .updates
        .iter()
        .map(|update| version_key(catalog, &update.table_key, update.to_version));
    let registered = request.registrations.iter().flat_map(|registration| {
        let table_key = &registration.table_key;
        let table = (!catalog.locations.contains_key(table_key)).then(|| table_key.clone());
        let version = rows::version_key(table_key, registration.version);
        table.into_iter().chain([version])
    });
    let gone = request
        .tombstones
        .iter()
        .map(|tombstone| rows::tombstone_key(&tombstone.table_key, tombstone.version));
    let history = request.graph_commit.iter().flat_map(|commit| {
        let head = head_key(request.branch.as_deref());
        let head = (!catalog.graph_heads.contains_key(&head)).then_some(head);
        head.into_iter().chain([commit.id.clone()])
    });
    let of_tables: Vec<String> = match fixed {
        Some(fixed) => fixed.inserted().map(str::to_owned).collect(),
        None => updated.chain(registered).chain(gone).collect(),
    };
    let mut keys = BTreeSet::new();
    for object_id in of_tables.into_iter().chain(history) {
        if !keys.insert(object_id.clone()) {
            return Err(Refusal::Twice { object_id });
        }
    }
    Ok(keys)
}

/// The key of the row of a table's version, as this catalog spells it.
fn version_key(catalog: &Catalog, table_key: &str, version: u64) -> String {
    let tables = catalog.identified.as_deref();
    match tables.and_then(|tables| tables.called(table_key)) {
        Some(identity) => identified::version_key(identity, version),
        None => rows::version_key(table_key, version),
    }
}

/// The key of the row that names the head of the branch, where there is one: a graph commit replaces it.
fn replaced_keys(catalog: &Catalog, request: &PublishRequest) -> BTreeSet<String> {
    let head = head_key(graph_branch(catalog, request));
    let is_replaced = request.graph_commit.is_some() && catalog.graph_heads.contains_key(&head);
    is_replaced.then_some(head).into_iter().collect()
}

/// The name of the branch in the graph: where the catalog knows tables by their identity, the Lance branch may have a suffix.
fn graph_branch<'a>(catalog: &Catalog, request: &'a PublishRequest) -> Option<&'a str> {
    let branch = Branch::of(request.branch.as_deref());
    match catalog.stamp {
        STAMP_WITH_IDENTITIES => branch.without_suffix().name(),
        _ => branch.name(),
    }
}

/// The graph commit, and the row that names it as the head of its branch.
fn history_rows(
    catalog: &Catalog,
    request: &PublishRequest,
    commit: &NewGraphCommit,
) -> Result<[CatalogRow; 2], serde_json::Error> {
    let branch = graph_branch(catalog, request);
    let parent_commit_id = catalog.graph_head().map(|head| head.id.clone());
    let of_commit = CommitMetadata {
        parent_commit_id: parent_commit_id.clone(),
        merged_parent_commit_id: commit.merged_parent.clone(),
        actor_id: commit.actor.clone(),
        created_at: commit.created_at_micros,
    };
    let of_head = HeadMetadata {
        head_commit_id: commit.id.clone(),
        parent_commit_id,
    };
    Ok([
        // The publish lands at this version or not at all.
        CatalogRow::graph_commit(&commit.id, branch, request.read_version + 1, &of_commit)?,
        CatalogRow::graph_head(branch, &of_head)?,
    ])
}

fn refusal(catalog: &Catalog, request: &PublishRequest) -> Option<Refusal> {
    let knows_identities = catalog.identified.is_some();
    if !STAMPS_ACTED_ON.contains(&catalog.stamp) && !knows_identities {
        return Some(Refusal::StampNotSupported {
            stamp: catalog.stamp,
        });
    }
    let PublishRequest {
        branch: _,
        read_version: _,
        updates,
        registrations,
        tombstones,
        graph_commit,
        exact,
        identity: _,
    } = request;
    // Only a writer says which identity a table has.
    if knows_identities && exact.is_none() && !(registrations.is_empty() && tombstones.is_empty()) {
        return Some(Refusal::StampNotSupported {
            stamp: catalog.stamp,
        });
    }
    if let Some(moved) = exact
        .as_ref()
        .and_then(|exact| graph_moved(catalog, request, exact))
    {
        return Some(moved);
    }
    let in_catalog = catalog.stamp >= STAMP_WITH_HISTORY;
    if in_catalog != graph_commit.is_some() {
        return Some(Refusal::HistoryElsewhere { in_catalog });
    }
    if updates.is_empty() && registrations.is_empty() && tombstones.is_empty() && !in_catalog {
        return Some(Refusal::Nothing);
    }
    updates
        .iter()
        .find_map(|update| update_refusal(catalog, update))
        .or_else(|| {
            registrations
                .iter()
                .find_map(|registration| registration_refusal(catalog, registration))
        })
        .or_else(|| {
            tombstones
                .iter()
                .find_map(|tombstone| tombstone_refusal(catalog, tombstone))
        })
}

/// Why the graph is not the one that a fixed publish was planned for.
fn graph_moved(
    catalog: &Catalog,
    request: &PublishRequest,
    exact: &ExactPublish,
) -> Option<Refusal> {
    if catalog.stamp != STAMP_WITH_IDENTITIES {
        return Some(Refusal::StampNotSupported {
            stamp: catalog.stamp,
        });
    }
    let branch = other_branch(request.branch.as_deref());
    let found = catalog.named_head(graph_branch(catalog, request));
    if found != exact.graph_head.as_deref() {
        return Some(Refusal::GraphMoved {
            planned: exact.graph_head.clone(),
            found: found.map(str::to_owned),
        });
    }
    // The parent of the commit is the newest one. Where the head row names another, the commit would not be as it was fixed.
    let newest = catalog.graph_head().map(|commit| commit.id.as_str());
    if found.is_some() && newest != found {
        return Some(Refusal::GraphMoved {
            planned: exact.graph_head.clone(),
            found: newest.map(str::to_owned),
        });
    }
    let is_the_branch = match branch {
        None => exact.branch_identifier.version_mapping.is_empty(),
        Some(_) => catalog.branch_identifier.as_deref() == Some(&exact.branch_identifier),
    };
    (!is_the_branch).then_some(Refusal::AnotherBranch)
}

fn update_refusal(catalog: &Catalog, update: &PinMove) -> Option<Refusal> {
    let found = visible(catalog, &update.table_key);
    if found != Some(update.from_version) {
        return Some(Refusal::PinMoved {
            table_key: update.table_key.clone(),
            expected: Some(update.from_version),
            found,
        });
    }
    (update.to_version <= update.from_version).then(|| Refusal::PinNotRising {
        table_key: update.table_key.clone(),
        from_pin: update.from_version,
        to_version: update.to_version,
    })
}

fn registration_refusal(catalog: &Catalog, registration: &NewTable) -> Option<Refusal> {
    let table_key = registration.table_key.clone();
    let found = visible(catalog, &table_key);
    if found.is_some() {
        return Some(Refusal::PinMoved {
            table_key,
            expected: None,
            found,
        });
    }
    if let Some(tombstone) = catalog.tombstones.get(&table_key)
        && registration.version <= *tombstone
    {
        return Some(Refusal::PinNotRising {
            table_key,
            from_pin: *tombstone,
            to_version: registration.version,
        });
    }
    catalog
        .locations
        .get(&table_key)
        .is_some_and(|location| *location != registration.location)
        .then_some(Refusal::LocationUnclear { table_key })
}

fn tombstone_refusal(catalog: &Catalog, tombstone: &RemovedTable) -> Option<Refusal> {
    let expected = tombstone.version.checked_sub(1);
    let found = visible(catalog, &tombstone.table_key);
    (found.is_none() || found != expected).then(|| Refusal::PinMoved {
        table_key: tombstone.table_key.clone(),
        expected,
        found,
    })
}

fn visible(catalog: &Catalog, table_key: &str) -> Option<u64> {
    catalog.pins.get(table_key).map(|pin| pin.version)
}
