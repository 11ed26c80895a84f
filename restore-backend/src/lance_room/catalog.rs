//! The catalog of a root, `__manifest`: which version of every table is visible.

pub(super) mod rows;

use std::collections::BTreeMap;

use arrow_array::Array;
use arrow_array::RecordBatch;
use arrow_array::StringArray;
use arrow_array::UInt64Array;
use futures::TryStreamExt;
use lance::Dataset;
use object_store::path::Path;

use super::LanceRoom;
use super::Place;
use super::TableError;
use super::head::BranchEntry;
use super::head::Found;
use super::head::Head;
use super::location::TableLocation;
use super::location::other_branch;
use super::version_file::VersionFile;

/// The catalog's path below the root.
pub const CATALOG_PATH: &str = "__manifest";

/// Schema metadata that says which rows and columns to expect.
pub(super) const STAMP_KEY: &str = "omnigraph:internal_schema_version";
/// Schema metadata of catalogs whose publishers honour claims and the catalog fence.
pub(super) const TWO_PHASE_KEY: &str = "sidecar:two_phase";

pub(super) const TYPE_TABLE: &str = "table";
pub(super) const TYPE_TABLE_VERSION: &str = "table_version";
pub(super) const TYPE_TOMBSTONE: &str = "table_tombstone";

/// The columns that pins are read from; the others are left on storage.
const COLUMNS_READ: [&str; 6] = [
    "object_type",
    "location",
    "table_key",
    "table_version",
    "table_branch",
    "row_count",
];
/// Most table keys a catalog may have. It bounds the memory of a reading to some hundred MiB.
const TABLE_KEYS_MAX: usize = 1_000_000;

/// Folders that are a branch's own, not those of a branch nested below its name.
const TREE_FOLDERS: [&str; 5] = [
    "_versions",
    "_transactions",
    "_deletions",
    "_indices",
    "data",
];

/// What a look at the catalog found.
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
    /// The highest tombstone of every table that has one.
    pub tombstones: BTreeMap<String, u64>,
    /// Where every table is, relative to the root.
    pub locations: BTreeMap<String, String>,
}

/// The visible version of one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// The version.
    pub version: u64,
    /// The Lance branch of the table it is on, unless it is the default one.
    pub table_branch: Option<String>,
    /// Rows in it, as its publisher counted them.
    pub row_count: Option<u64>,
}

/// A branch of the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogBranch {
    /// Its name.
    pub name: String,
    /// When it was made, in seconds since the Unix epoch.
    pub created_at: u64,
}

/// The catalog with what is needed to write to it.
pub(super) enum OpenCatalog {
    Present(Box<Opened>),
    NoCatalog,
    NoBranch { tree_left: bool },
}

pub(super) struct Opened {
    pub(super) catalog: Catalog,
    pub(super) dataset: Dataset,
    pub(super) file: VersionFile,
}

impl LanceRoom {
    /// Reads the catalog on a branch.
    pub async fn catalog(&self, branch: Option<&str>) -> Result<CatalogReading, TableError> {
        let place = self.catalog_place(branch)?;
        Ok(match self.open_catalog(&place).await? {
            OpenCatalog::Present(opened) => CatalogReading::Present(opened.catalog),
            OpenCatalog::NoCatalog => CatalogReading::NoCatalog,
            OpenCatalog::NoBranch { tree_left } => CatalogReading::NoBranch { tree_left },
        })
    }

    /// The latest version of the catalog on a branch: one listing, for closing a reading.
    pub async fn catalog_version(&self, branch: Option<&str>) -> Result<Head, TableError> {
        self.head(&TableLocation::on(CATALOG_PATH, branch)).await
    }

    /// The branches of the catalog besides the default one, by name.
    pub async fn catalog_branches(&self) -> Result<Vec<CatalogBranch>, TableError> {
        let place = self.catalog_place(None)?;
        let folder = place.dataset.clone().join("_refs").join("branches");
        let entries: Vec<Path> = self
            .inner
            .store
            .inner
            .list(Some(&folder))
            .map_ok(|object| object.location)
            .try_collect()
            .await
            .map_err(|source| TableError::lance(&place.name, "listing branches", source))?;
        let mut branches = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(name) = entry.filename().and_then(|name| name.strip_suffix(".json")) else {
                continue;
            };
            // A nested branch's slash is kept encoded, as it must not make a folder.
            let name = name.replace("%2F", "/");
            let found = self.branch_entry(&place, &name).await?;
            branches.extend(found.map(|entry| CatalogBranch {
                name,
                created_at: entry.create_at,
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
            Found::At { location, entry } => {
                let file = self.known_version(place, location.version).await?;
                let opened = self.read_catalog(place, file, entry).await?;
                Ok(OpenCatalog::Present(Box::new(opened)))
            }
            Found::DatasetMissing => Ok(OpenCatalog::NoCatalog),
            Found::BranchMissing => Ok(OpenCatalog::NoBranch {
                tree_left: self.has_tree(place).await?,
            }),
        }
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
        file: VersionFile,
        entry: Option<BranchEntry>,
    ) -> Result<Opened, TableError> {
        let metadata = &file.manifest.schema.metadata;
        let malformed = |detail: String| TableError::MalformedCatalog {
            version: file.manifest.version,
            detail,
        };
        let stamp = match metadata.get(STAMP_KEY) {
            Some(stamp) => stamp
                .parse()
                .map_err(|_| malformed(format!("its stamp {stamp:?} is not a number")))?,
            None => 1,
        };
        for column in COLUMNS_READ {
            if file.manifest.schema.field(column).is_none() {
                return Err(TableError::CatalogNotUnderstood {
                    version: file.manifest.version,
                    stamp,
                    column: column.to_owned(),
                });
            }
        }
        let two_phase = metadata
            .get(TWO_PHASE_KEY)
            .is_some_and(|value| value == "1");
        let dataset = self.dataset_at(place, &file).await?;
        let rows = self.read_rows_of_catalog(place, &dataset).await?;
        let catalog = Catalog {
            version: file.manifest.version,
            transaction: file.transaction_uuid().map(str::to_owned),
            stamp,
            two_phase,
            branch: place.location.other_branch().map(str::to_owned),
            branch_created_at: entry.map(|entry| entry.create_at),
            pins: rows.visible(),
            tombstones: rows.tombstones,
            locations: rows.locations,
        };
        Ok(Opened {
            catalog,
            dataset,
            file,
        })
    }

    async fn read_rows_of_catalog(
        &self,
        place: &Place,
        dataset: &Dataset,
    ) -> Result<CatalogRows, TableError> {
        let failed = |source| TableError::lance(&place.name, "reading the catalog", source);
        let mut scanner = dataset.scan();
        scanner.project(&COLUMNS_READ).map_err(failed)?;
        let mut batches = Box::pin(scanner.try_into_stream()).await.map_err(failed)?;
        let mut rows = CatalogRows::default();
        while let Some(batch) = batches.try_next().await.map_err(failed)? {
            rows.add(&batch)
                .map_err(|detail| TableError::MalformedCatalog {
                    version: dataset.version_id(),
                    detail,
                })?;
        }
        Ok(rows)
    }
}

/// The catalog's rows, folded while they are read.
#[derive(Debug, Default)]
struct CatalogRows {
    highest: BTreeMap<String, Pin>,
    tombstones: BTreeMap<String, u64>,
    locations: BTreeMap<String, String>,
}

impl CatalogRows {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let object_type = text(batch, "object_type")?;
        let location = text(batch, "location")?;
        let table_key = text(batch, "table_key")?;
        let table_version = number(batch, "table_version")?;
        let table_branch = text(batch, "table_branch")?;
        let row_count = number(batch, "row_count")?;
        for row in 0..batch.num_rows() {
            let kind = text_at(object_type, row).unwrap_or_default();
            // Later stamps keep rows of other kinds here, some without a table key.
            if !matches!(kind, TYPE_TABLE | TYPE_TABLE_VERSION | TYPE_TOMBSTONE) {
                continue;
            }
            let key = text_at(table_key, row)
                .filter(|key| !key.is_empty())
                .ok_or_else(|| format!("a row of kind {kind} has no table_key"))?;
            let version = number_at(table_version, row);
            match kind {
                TYPE_TABLE => {
                    let location = text_at(location, row)
                        .ok_or_else(|| format!("the table {key} has no location"))?;
                    self.locations.insert(key.to_owned(), location.to_owned());
                }
                TYPE_TABLE_VERSION => {
                    let pin = Pin {
                        version: version
                            .ok_or_else(|| format!("a version row of {key} has no version"))?,
                        table_branch: other_branch(text_at(table_branch, row)).map(str::to_owned),
                        row_count: number_at(row_count, row),
                    };
                    let highest = self.highest.entry(key.to_owned()).or_insert(pin.clone());
                    if highest.version < pin.version {
                        *highest = pin;
                    }
                }
                _ => {
                    let version =
                        version.ok_or_else(|| format!("a tombstone of {key} has no version"))?;
                    let highest = self.tombstones.entry(key.to_owned()).or_insert(version);
                    *highest = version.max(*highest);
                }
            }
        }
        let keys = self.highest.len() + self.tombstones.len() + self.locations.len();
        if keys > 3 * TABLE_KEYS_MAX {
            return Err(format!("it has more than {TABLE_KEYS_MAX} tables"));
        }
        Ok(())
    }

    fn visible(&self) -> BTreeMap<String, Pin> {
        self.highest
            .iter()
            .filter(|(key, pin)| {
                self.tombstones
                    .get(*key)
                    .is_none_or(|tombstone| *tombstone < pin.version)
            })
            .map(|(key, pin)| (key.clone(), pin.clone()))
            .collect()
    }
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    column(batch, name)
}

fn number<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a UInt64Array, String> {
    column(batch, name)
}

fn column<'a, T: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T, String> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref())
        .ok_or_else(|| format!("its column {name} is missing or of another type"))
}

fn text_at(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

fn number_at(column: &UInt64Array, row: usize) -> Option<u64> {
    column.is_valid(row).then(|| column.value(row))
}
