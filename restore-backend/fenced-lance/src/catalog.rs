//! The catalog of a root, `__manifest`: which version of every table is visible.

mod batches;
pub(super) mod columns;
mod declared;
pub(super) mod graph_rows;
pub(super) mod identified;
mod insert;
mod recorded_bytes;
mod retained;
pub(super) mod rows;
mod upsert;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use futures::StreamExt;
use futures::TryStreamExt;
use lance::Dataset;
use lance_core::datatypes::Schema as LanceSchema;
use lance_table::format::Fragment;
use object_store::path::Path;
use sidecar::root_layout::{
    DATA_FOLDER, DELETIONS_FOLDER, INDICES_FOLDER, STAMP_WITH_HISTORY, STAMP_WITH_IDENTITIES,
    STAMPS_READ_ONLY, TRANSACTIONS_FOLDER, VERSIONS_FOLDER, knows_identities,
};
use sidecar::version_9::{BranchIdentifier, CatalogTable, CatalogTables};
use sidecar::{Branch, GraphCommit};

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::catalog_rows::CatalogRows;
use super::catalog_rows::Pin;
use super::head::BranchEntry;
use super::head::Head;
use super::head::HeadSearch;
use super::location::TableLocation;
use super::location::other_branch;
use super::memory::ReadCatalog;
use super::memory::is_same;
use super::version::VersionFile;
use super::version_file::understood;
use identified::{IDENTITY_COLUMNS, Numbering};

pub use declared::CatalogDeclaration;
pub use retained::RetainedCatalog;
pub use retained::RetainedVersions;
pub use sidecar::root_layout::CATALOG_FOLDER as CATALOG_PATH;

/// Schema metadata that says which rows and columns to expect.
pub(super) const STAMP_KEY: &str = "omnigraph:internal_schema_version";
/// Schema metadata of catalogs whose publishers honour claims and the catalog fence.
pub(super) const TWO_PHASE_KEY: &str = "sidecar:two_phase";

/// The columns that pins are read from; the others are left on storage.
const COLUMNS_READ: [&str; 6] = [
    "object_type",
    "location",
    "table_key",
    "table_version",
    "table_branch",
    "row_count",
];

/// The columns that the history of the graph is read from as well, in catalogs that hold it.
const HISTORY_COLUMNS: [&str; 2] = ["object_id", "metadata"];

/// The stamps of catalogs whose rows of the history are read, besides those that are read only. Rows of other stamps are not known
/// here.
const HISTORY_STAMPS: RangeInclusive<u32> = STAMP_WITH_HISTORY..=STAMP_WITH_IDENTITIES;

/// Folders that are a branch's own, not those of a branch nested below its name.
const TREE_FOLDERS: [&str; 5] = [
    VERSIONS_FOLDER,
    TRANSACTIONS_FOLDER,
    DELETIONS_FOLDER,
    INDICES_FOLDER,
    DATA_FOLDER,
];

/// The result of reading the catalog.
#[allow(
    clippy::large_enum_variant,
    reason = "a look holds one for each branch, and nearly all of them are present"
)]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CatalogReading {
    /// The catalog, on the branch that was asked for.
    Present(Catalog),
    /// The root has no catalog.
    NoCatalog,
    /// The catalog has no such branch.
    NoBranch {
        /// Whether files of such a branch are there all the same, as after a branch was half made
        /// or half removed.
        tree_left: bool,
    },
}

/// A table that the catalog has at some place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalogued {
    /// Its key.
    pub table_key: String,
    /// The branch of the catalog that has it; `None` is main.
    pub branch: Option<String>,
}

/// The catalog at one version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalog {
    /// The version that was read.
    pub version: u64,
    /// The uuid of the transaction that made it.
    pub transaction: Option<String>,
    /// The internal schema; 1 if the catalog does not say.
    pub stamp: u32,
    /// Whether publishers promise to honour claims and the catalog fence.
    pub two_phase: bool,
    /// The branch, unless it is the default one.
    pub branch: Option<String>,
    /// When the branch was made, in seconds since the Unix epoch.
    pub branch_created_at: Option<u64>,
    /// The visible version of every table.
    pub pins: BTreeMap<String, Pin>,
    /// The highest tombstone of every table that has one; none where the catalog knows tables by their identity.
    pub tombstones: BTreeMap<String, u64>,
    /// Where every table is, relative to the root.
    pub locations: BTreeMap<String, String>,
    /// The commits of the graph on this branch, those of the branches it was made from included; none unless the catalog holds
    /// them (stamp 4 and later).
    pub graph_commits: Arc<Vec<GraphCommit>>,
    /// Keys of the rows that name the head of a branch, with the graph commit that each names.
    pub(crate) graph_heads: BTreeMap<String, String>,
    /// The tables by their identity; `None` unless the catalog knows them by it (stamps 6, 8 and 9).
    pub identified: Option<Arc<CatalogTables>>,
    /// Whether the branch was deleted, and stays for those who still read it.
    pub is_retired: bool,
    /// The identifier of the branch; `None` on main, and where the entry of the branch does not have it.
    pub branch_identifier: Option<Arc<BranchIdentifier>>,
    /// Keys of tables for which rows name different places. Nobody can tell which of them readers see.
    pub in_two_places: Vec<String>,
}

impl Catalog {
    /// Whether it knows tables by their identity, and is one to which rows by identity are published here.
    #[must_use]
    pub(crate) const fn publishes_by_identity(&self) -> bool {
        self.identified.is_some() && self.stamp == STAMP_WITH_IDENTITIES
    }

    /// The latest graph commit, if the catalog holds the history of its graph.
    #[must_use]
    pub fn graph_head(&self) -> Option<&GraphCommit> {
        graph_rows::latest(&self.graph_commits)
    }

    /// The graph commit that the head row of a branch names; `None` if there is no such row, as on a branch that nobody committed
    /// to yet. `branch` is its name in the graph: the Lance branch may have a suffix.
    #[must_use]
    pub fn named_head(&self, branch: Option<&str>) -> Option<&str> {
        let key = graph_rows::head_key(branch);
        self.graph_heads.get(&key).map(String::as_str)
    }
}

/// A branch of the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogBranch {
    /// Its name.
    pub name: String,
    /// When it was made, in seconds since the Unix epoch.
    pub created_at: u64,
    /// Whether it was deleted, and stays for those who still read it.
    pub is_retired: bool,
}

/// The catalog with what is needed to write to it.
pub(super) enum OpenCatalog {
    Present(Box<OpenedCatalog>),
    NoCatalog,
    NoBranch { tree_left: bool },
}

pub(super) struct OpenedCatalog {
    pub(super) catalog: Catalog,
    pub(super) dataset: Dataset,
    pub(super) file: Arc<VersionFile>,
}

impl LanceRoot {
    /// Reads the catalog on a branch.
    ///
    /// # Errors
    /// The catalog or the entry of its branch cannot be read or decoded, is too large, or breaks a rule of its columns or rows; or
    /// the branch has an entry and no versions.
    pub async fn catalog(&self, branch: Option<&str>) -> Result<CatalogReading, TableError> {
        let place = self.catalog_place(branch)?;
        Ok(match self.open_catalog(&place).await? {
            OpenCatalog::Present(opened) => CatalogReading::Present(opened.catalog),
            OpenCatalog::NoCatalog => CatalogReading::NoCatalog,
            OpenCatalog::NoBranch { tree_left } => CatalogReading::NoBranch { tree_left },
        })
    }

    /// Reads the catalog on a branch of the graph, which from omnigraph v0.10.0 on is a Lance branch with a suffix: a dot and a ULID.
    ///
    /// The suffix is looked for only where there is no Lance branch of the very name, or only one of a branch that was deleted since
    /// (v0.11.0 keeps those).
    ///
    /// # Errors
    /// Besides those of [`Self::catalog`]: two Lance branches stand for the branch of the graph.
    pub async fn catalog_of_graph_branch(
        &self,
        branch: Option<&str>,
    ) -> Result<CatalogReading, TableError> {
        let reading = self.catalog(branch).await?;
        let Some(name) = branch else {
            return Ok(reading);
        };
        let reading = match reading {
            CatalogReading::Present(found) if found.is_retired => {
                CatalogReading::NoBranch { tree_left: false }
            }
            CatalogReading::NoBranch { tree_left: false } => reading,
            CatalogReading::Present(_)
            | CatalogReading::NoCatalog
            | CatalogReading::NoBranch { tree_left: true } => return Ok(reading),
        };
        let place = self.catalog_place(None)?;
        let names = self.branch_names(&place).await?;
        let suffixed = names.into_iter().filter(|found| {
            found != name && Branch::of(Some(found)).without_suffix().name() == Some(name)
        });
        let mut live: Option<String> = None;
        for found in suffixed {
            let entry = self.branch_entry(&place, &found).await?;
            if entry.as_ref().is_some_and(BranchEntry::is_retired) {
                continue;
            }
            if let Some(one) = live {
                return Err(TableError::TwoBranches {
                    branch: name.to_owned(),
                    one,
                    other: found,
                });
            }
            live = Some(found);
        }
        let Some(live) = live else {
            return Ok(reading);
        };
        Ok(match self.catalog(Some(&live)).await? {
            // Engines before v0.10.0 have no suffixes: a branch of theirs with such a name is another branch.
            CatalogReading::Present(found) if !knows_identities(found.stamp) => reading,
            found => found,
        })
    }

    /// The table that the catalog has at a place, on any of its branches; `None` if it has none there.
    ///
    /// # Errors
    /// A catalog that cannot be read: then nobody knows.
    pub async fn catalogued_at(&self, location: &str) -> Result<Option<Catalogued>, TableError> {
        let others = self.catalog_branches().await?;
        let others = others.into_iter().map(|branch| Some(branch.name));
        for branch in std::iter::once(None).chain(others) {
            let CatalogReading::Present(catalog) = self.catalog(branch.as_deref()).await? else {
                continue;
            };
            let mut places = catalog.locations.iter();
            if let Some((key, _)) = places.find(|(_, place)| place.trim_matches('/') == location) {
                return Ok(Some(Catalogued {
                    table_key: key.clone(),
                    branch: branch.clone(),
                }));
            }
        }
        Ok(None)
    }

    /// The catalog at this version, if that is the one this `LanceRoot` read last. No request; it may not be the latest any more.
    pub fn catalog_last_read(&self, branch: Option<&str>, version: u64) -> Option<Catalog> {
        let place = self.catalog_place(branch).ok()?;
        self.catalog_read_at(&place, version)
            .map(|opened| opened.catalog)
    }

    /// The catalog as it was at one version of a branch; `None` if that version is not there, or was cleaned away.
    ///
    /// Its rows do not replace those of the catalog that was read last.
    ///
    /// # Errors
    /// The version is there and cannot be read, or is no catalog that this build understands.
    pub async fn catalog_at(
        &self,
        branch: Option<&str>,
        version: u64,
    ) -> Result<Option<Catalog>, TableError> {
        let place = self.catalog_place(branch)?;
        let Some(file) = self.version_file(&place, version).await? else {
            return Ok(None);
        };
        understood(&place, &file)?;
        stamped(&file)?;
        let last = self.inner.memory.catalog_last_read(&place.base);
        let known = last.filter(|read| is_same(&read.file.location, &file.location));
        let rows = match known {
            Some(read) => read.rows.clone(),
            None => {
                let dataset = self.dataset_at(&place, &file).await?;
                let fragments = file.manifest.fragments.to_vec();
                let none = CatalogRows::default();
                Arc::new(self.rows_in(&place, &dataset, fragments, none).await?)
            }
        };
        catalog_of(&place, &file, &rows, None).map(Some)
    }

    /// The latest version of the catalog on a branch: one listing, for closing a reading.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub async fn catalog_version(&self, branch: Option<&str>) -> Result<Head, TableError> {
        self.head(&TableLocation::on(CATALOG_PATH, branch)).await
    }

    /// The branches of the catalog besides the default one, by name.
    ///
    /// # Errors
    /// The branches cannot be listed, or the entry of one cannot be read or decoded.
    pub async fn catalog_branches(&self) -> Result<Vec<CatalogBranch>, TableError> {
        let place = self.catalog_place(None)?;
        let names = self.branch_names(&place).await?;
        let mut branches = Vec::with_capacity(names.len());
        for name in names {
            let found = self.branch_entry(&place, &name).await?;
            branches.extend(found.map(|entry| CatalogBranch {
                name,
                created_at: entry.create_at,
                is_retired: entry.is_retired(),
            }));
        }
        branches.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(branches)
    }

    pub(super) fn catalog_place(&self, branch: Option<&str>) -> Result<Place, TableError> {
        self.place(&TableLocation::on(CATALOG_PATH, other_branch(branch)))
    }

    pub(super) async fn open_catalog(&self, place: &Place) -> Result<OpenCatalog, TableError> {
        let found = match self.find_head(place).await {
            Err(TableError::BranchHalfMade {
                missing: "entry", ..
            }) => return Ok(OpenCatalog::NoBranch { tree_left: true }),
            found => found?,
        };
        match found {
            HeadSearch::At { location, entry } => {
                // Concurrent readers take turns, so that the rows are fetched once.
                let lock = self.inner.memory.read_lock(&place.base);
                let _guard = lock.lock().await;
                let file = self.listed_version(place, &location).await?;
                let opened = self.read_catalog(place, file, entry).await?;
                Ok(OpenCatalog::Present(Box::new(opened)))
            }
            HeadSearch::DatasetMissing => Ok(OpenCatalog::NoCatalog),
            HeadSearch::BranchMissing => Ok(OpenCatalog::NoBranch {
                tree_left: self.has_tree(place).await?,
            }),
        }
    }

    /// The catalog as it was read at exactly this version, for a commit that finds out by itself whether it is the latest.
    pub(super) fn catalog_read_at(&self, place: &Place, version: u64) -> Option<OpenedCatalog> {
        // For a branch, the listing of its versions is not enough: the branch entry may have been deleted. So no shortcut.
        if place.location.other_branch().is_some() {
            return None;
        }
        let read = self.inner.memory.catalog_last_read(&place.base)?;
        let is_asked = read.file.manifest.version == version && read.file.location.e_tag.is_some();
        let read = is_asked.then_some(read)?;
        let catalog = catalog_of(place, &read.file, &read.rows, None).ok()?;
        Some(OpenedCatalog {
            catalog,
            dataset: read.dataset.clone(),
            file: read.file.clone(),
        })
    }

    async fn has_tree(&self, place: &Place) -> Result<bool, TableError> {
        let listing = self
            .inner
            .store
            .inner
            .list_with_delimiter(Some(&place.base))
            .await
            .map_err(|source| TableError::lance(&place.name, "looking for a branch", source))?;
        let is_own = |folder: &Path| {
            folder
                .filename()
                .is_some_and(|name| TREE_FOLDERS.contains(&name))
        };
        Ok(!listing.objects.is_empty() || listing.common_prefixes.iter().any(is_own))
    }

    async fn read_catalog(
        &self,
        place: &Place,
        file: Arc<VersionFile>,
        entry: Option<BranchEntry>,
    ) -> Result<OpenedCatalog, TableError> {
        stamped(&file)?;
        let (dataset, rows) = self.rows_of_catalog(place, &file).await?;
        Ok(OpenedCatalog {
            catalog: catalog_of(place, &file, &rows, entry)?,
            dataset,
            file,
        })
    }

    /// The rows of a version of the catalog. Only fragments that the catalog read last does not have are read.
    async fn rows_of_catalog(
        &self,
        place: &Place,
        file: &Arc<VersionFile>,
    ) -> Result<(Dataset, Arc<CatalogRows>), TableError> {
        let read = self.inner.memory.catalog_last_read(&place.base);
        if let Some(read) = &read
            && is_same(&read.file.location, &file.location)
        {
            return Ok((read.dataset.clone(), read.rows.clone()));
        }
        let dataset = self.dataset_at(place, file).await?;
        let known = read.and_then(|read| Some((added_since(&read.file, file)?, read)));
        let rows = match known {
            Some((added, read)) if added.is_empty() => read.rows.clone(),
            Some((added, read)) => {
                let known = CatalogRows::clone(&read.rows);
                Arc::new(self.rows_in(place, &dataset, added, known).await?)
            }
            None => {
                let (all, none) = (file.manifest.fragments.to_vec(), CatalogRows::default());
                Arc::new(self.rows_in(place, &dataset, all, none).await?)
            }
        };
        let read = ReadCatalog {
            file: file.clone(),
            dataset: dataset.clone(),
            rows: rows.clone(),
        };
        self.inner
            .memory
            .remember_catalog(&place.base, Arc::new(read));
        Ok((dataset, rows))
    }

    /// Adds the rows of these fragments to `rows`.
    async fn rows_in(
        &self,
        place: &Place,
        dataset: &Dataset,
        fragments: Vec<Fragment>,
        mut rows: CatalogRows,
    ) -> Result<CatalogRows, TableError> {
        let failed = |source| TableError::lance(&place.name, "reading the catalog", source);
        let has_history = holds_history(dataset.schema());
        let has_identities = has_history && holds_identities(dataset.schema());
        let numbering = match stamp_of(dataset.schema()) {
            Some(stamp) if STAMPS_READ_ONLY.contains(&stamp) => Numbering::ByCatalogVersion,
            _ => Numbering::ByTableVersion,
        };
        let mut columns = COLUMNS_READ.to_vec();
        if has_history {
            columns.extend(HISTORY_COLUMNS);
        }
        if has_identities {
            columns.extend(IDENTITY_COLUMNS);
        }
        let batches = batches::batches(dataset, fragments, &columns)
            .await
            .map_err(failed)?;
        let mut batches = batches.boxed();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            let mut added = rows.add(&batch);
            if has_history {
                added = added.and_then(|()| rows.add_history(&batch));
            }
            if has_identities {
                added = added.and_then(|()| rows.add_identified(&batch, numbering));
            }
            added.map_err(|detail| TableError::MalformedCatalog {
                version: dataset.version_id(),
                detail,
            })?;
        }
        Ok(rows)
    }
}

/// Whether the rows of a catalog with this schema hold the history of its graph, in a way that is known here.
fn holds_history(schema: &LanceSchema) -> bool {
    stamp_of(schema)
        .is_some_and(|stamp| HISTORY_STAMPS.contains(&stamp) || STAMPS_READ_ONLY.contains(&stamp))
        && HISTORY_COLUMNS
            .iter()
            .all(|column| schema.field(column).is_some())
}

/// Whether the rows of a catalog with this schema know tables by their identity, in a way that is known here.
fn holds_identities(schema: &LanceSchema) -> bool {
    stamp_of(schema).is_some_and(knows_identities)
        && IDENTITY_COLUMNS
            .iter()
            .all(|column| schema.field(column).is_some())
}

fn stamp_of(schema: &LanceSchema) -> Option<u32> {
    schema.metadata.get(STAMP_KEY)?.parse().ok()
}

/// The internal schema stamp of a version whose columns are known.
fn stamped(file: &VersionFile) -> Result<u32, TableError> {
    let version = file.manifest.version;
    let schema = &file.manifest.schema;
    let stamp = match schema.metadata.get(STAMP_KEY) {
        Some(stamp) => stamp.parse().map_err(|_| TableError::MalformedCatalog {
            version,
            detail: format!("its stamp {stamp:?} is not a number"),
        })?,
        None => 1,
    };
    match COLUMNS_READ
        .iter()
        .find(|column| schema.field(column).is_none())
    {
        Some(column) => Err(TableError::CatalogNotUnderstood {
            version,
            stamp,
            column: (*column).to_owned(),
        }),
        None => Ok(stamp),
    }
}

fn catalog_of(
    place: &Place,
    file: &VersionFile,
    rows: &CatalogRows,
    entry: Option<BranchEntry>,
) -> Result<Catalog, TableError> {
    let two_phase = file.manifest.schema.metadata.get(TWO_PHASE_KEY);
    let version = file.manifest.version;
    // Such a commit would count as the newest until the catalog reaches that version.
    let ahead = |commit: &&GraphCommit| commit.manifest_version > version;
    if let Some(commit) = rows.graph_commits.iter().find(ahead) {
        return Err(TableError::MalformedCatalog {
            version,
            detail: format!(
                "graph commit {} stands for version {}, which is not there yet",
                commit.id, commit.manifest_version
            ),
        });
    }
    let identified = rows.identified.as_ref().map(|rows| {
        rows.visible(version)
            .map_err(|detail| TableError::MalformedCatalog { version, detail })
    });
    let identified = identified.transpose()?;
    // Where tables are known by identity, the rows of one that was renamed carry both of its keys.
    let (pins, locations) = match &identified {
        Some(tables) => by_key(tables),
        None => (rows.visible(), rows.locations.clone()),
    };
    // A tombstone hides the table of its identity, and no later table of the same name.
    let tombstones = match &identified {
        Some(_) => BTreeMap::new(),
        None => rows.tombstones.clone(),
    };
    Ok(Catalog {
        version,
        transaction: file.transaction_uuid().map(str::to_owned),
        stamp: stamped(file)?,
        two_phase: two_phase.is_some_and(|value| value == "1"),
        branch: place.location.other_branch().map(str::to_owned),
        branch_created_at: entry.as_ref().map(|entry| entry.create_at),
        pins,
        tombstones,
        locations,
        graph_commits: rows.graph_commits.clone(),
        graph_heads: rows.graph_heads.clone(),
        in_two_places: match identified {
            // A table that was removed and added again has another identity, and another place.
            Some(_) => Vec::new(),
            None => rows.in_two_places.iter().cloned().collect(),
        },
        identified: identified.map(Arc::new),
        is_retired: entry.as_ref().is_some_and(BranchEntry::is_retired),
        branch_identifier: entry.and_then(|entry| entry.identifier).map(Arc::new),
    })
}

/// The visible version and the place of every table, by the key that it has now.
fn by_key(tables: &CatalogTables) -> (BTreeMap<String, Pin>, BTreeMap<String, String>) {
    let pin = |table: &CatalogTable| Pin {
        version: table.row.version,
        table_branch: table.row.table_branch.clone(),
        row_count: table.row.row_count,
    };
    let tables = tables.0.values();
    tables
        .map(|table| {
            let key = || table.table_key.clone();
            ((key(), pin(table)), (key(), table.location.clone()))
        })
        .unzip()
}

/// Fragments that `later` adds to `earlier`; `None` if anything else differs, so that all rows must be read. Files are never
/// changed, and no name is used twice.
fn added_since(earlier: &VersionFile, later: &VersionFile) -> Option<Vec<Fragment>> {
    let (earlier, later) = (&earlier.manifest, &later.manifest);
    let is_read_alike = earlier.schema == later.schema
        && earlier.base_paths == later.base_paths
        && earlier.data_storage_format == later.data_storage_format;
    if !is_read_alike {
        return None;
    }
    let fragments = earlier.fragments.iter();
    let mut known: BTreeMap<u64, &Fragment> = fragments.map(|known| (known.id, known)).collect();
    let mut added = Vec::new();
    for fragment in later.fragments.iter() {
        match known.remove(&fragment.id) {
            Some(known) if known == fragment => {}
            Some(_) => return None,
            None => added.push(fragment.clone()),
        }
    }
    known.is_empty().then_some(added)
}
