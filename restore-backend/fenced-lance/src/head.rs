//! Where a table stands: its latest version, found without opening a dataset.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use lance::dataset::refs::branch_contents_path;
use lance_io::object_store::ObjectStore;
use lance_table::format::is_detached_version;
use lance_table::io::commit::CommitHandler;
use lance_table::io::commit::ManifestLocation;
use lance_table::io::commit::ManifestNamingScheme;
use object_store::path::Path;
use serde::Deserialize;
use sidecar::root_layout::{BRANCHES_FOLDER, REFS_FOLDER, RETIRED_BRANCH_KEY, TREE_FOLDER};
use sidecar::version_9::BranchIdentifier;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::location::TableLocation;
use super::memory::LISTED_MAX;
use super::memory::Listing;

/// A branch entry is a few hundred bytes; its metadata is free text.
const BRANCH_ENTRY_BYTES_MAX: u64 = 1 << 20;

/// The latest version of a table on its branch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Head {
    /// The table is there.
    At {
        /// Its latest version.
        version: u64,
    },
    /// No dataset is there at all.
    DatasetMissing,
    /// The dataset is there, the branch is not.
    BranchMissing,
}

/// The entry that makes a folder of versions a branch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BranchEntry {
    /// When the branch was made, in seconds since the Unix epoch.
    pub(super) create_at: u64,
    /// The branch it was made from; absent is main.
    #[serde(default)]
    pub(super) parent_branch: Option<String>,
    /// The version it was made from.
    #[serde(default)]
    pub(super) parent_version: Option<u64>,
    /// The identifier of the branch.
    #[serde(default)]
    pub(super) identifier: Option<BranchIdentifier>,
    /// What its writer noted about the branch.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl BranchEntry {
    /// Whether the branch of the graph was deleted. Its Lance branch stays for those who still read it.
    pub(super) fn is_retired(&self) -> bool {
        self.metadata.contains_key(RETIRED_BRANCH_KEY)
    }
}

/// The branch and version that a branch was made from. At that version both hold the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BranchOrigin {
    /// The branch, unless it is the default one.
    pub branch: Option<String>,
    /// The version; `None` if the entry does not say.
    pub version: Option<u64>,
    /// The identifier of the branch itself; `None` if the entry does not have it.
    pub identifier: Option<BranchIdentifier>,
}

/// The latest version of a table, with the branch entry if it is on a branch.
#[derive(Debug)]
pub(super) enum HeadSearch {
    At {
        location: ManifestLocation,
        entry: Option<BranchEntry>,
    },
    DatasetMissing,
    BranchMissing,
}

/// The newest versions of a table, newest first, from one listing of its versions.
async fn newest(
    handler: &dyn CommitHandler,
    base: &Path,
    store: &ObjectStore,
) -> lance_core::Result<Listing> {
    let mut versions = handler.list_manifest_locations(base, store, true);
    let mut listing = Listing::new();
    while let Some(location) = versions.try_next().await? {
        let first = listing.first().unwrap_or(&location);
        if first.naming_scheme != location.naming_scheme {
            return Err(lance_core::Error::internal(format!(
                "{base} holds versions of two naming schemes; migrate the older one"
            )));
        }
        let is_sorted =
            store.list_is_lexically_ordered && location.naming_scheme == ManifestNamingScheme::V2;
        if listing.len() < LISTED_MAX {
            listing.push(location);
        } else if is_sorted {
            break;
        }
    }
    Ok(listing)
}

impl LanceRoot {
    /// The latest version of a table: one listing, and for a branch also one read of its entry.
    ///
    /// Found by listing the versions that are there, never from a hint, because a stale hint can
    /// name a version below HEAD.
    ///
    /// # Errors
    /// The versions cannot be listed, the entry of the branch cannot be read, or the branch is half made
    /// ([`TableError::BranchHalfMade`]).
    pub async fn head(&self, location: &TableLocation) -> Result<Head, TableError> {
        let place = self.place(location)?;
        Ok(match self.find_head(&place).await? {
            HeadSearch::At { location, .. } => Head::At {
                version: location.version,
            },
            HeadSearch::DatasetMissing => Head::DatasetMissing,
            HeadSearch::BranchMissing => Head::BranchMissing,
        })
    }

    /// The version that the branch of a table was made from: one read; `None` if there is no such branch, or none is named.
    ///
    /// # Errors
    /// The entry of the branch is there and cannot be read or decoded.
    pub async fn branch_origin(
        &self,
        location: &TableLocation,
    ) -> Result<Option<BranchOrigin>, TableError> {
        let place = self.place(location)?;
        let Some(branch) = place.location.other_branch() else {
            return Ok(None);
        };
        let entry = self.branch_entry(&place, branch).await?;
        Ok(entry.map(|entry| BranchOrigin {
            branch: sidecar::Branch::of(entry.parent_branch.as_deref()).owned(),
            version: entry.parent_version,
            identifier: entry.identifier,
        }))
    }

    /// The first Lance branch of the table whose name continues that of the named branch behind a slash, so that its files lie in
    /// the folder of that branch: one listing. `None` if there is none, or no branch is named.
    ///
    /// # Errors
    /// The branches cannot be listed.
    pub async fn branch_below(
        &self,
        location: &TableLocation,
    ) -> Result<Option<String>, TableError> {
        let place = self.place(location)?;
        let Some(branch) = place.location.other_branch() else {
            return Ok(None);
        };
        let mut names = self.branch_names(&place).await?;
        names.retain(|name| {
            let rest = name.strip_prefix(branch);
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        Ok(names.into_iter().min())
    }

    /// The names of the branches of a dataset that have an entry, in the order of the store.
    pub(super) async fn branch_names(&self, place: &Place) -> Result<Vec<String>, TableError> {
        let folder = place
            .dataset
            .clone()
            .join(REFS_FOLDER)
            .join(BRANCHES_FOLDER);
        let entries: Vec<Path> = self
            .inner
            .store
            .inner
            .list(Some(&folder))
            .map_ok(|object| object.location)
            .try_collect()
            .await
            .map_err(|source| TableError::lance(&place.name, "listing branches", source))?;
        let names = entries.iter().filter_map(|entry| {
            let name = entry.filename()?.strip_suffix(".json")?;
            // The slash of a nested branch is kept encoded, as it must not make a folder.
            Some(name.replace("%2F", "/"))
        });
        Ok(names.collect())
    }

    pub(super) async fn find_head(&self, place: &Place) -> Result<HeadSearch, TableError> {
        let Some(branch) = place.location.other_branch() else {
            return Ok(match self.latest(place, &place.base).await? {
                Some(location) => HeadSearch::At {
                    location,
                    entry: None,
                },
                None => HeadSearch::DatasetMissing,
            });
        };
        let half_made = |missing| TableError::BranchHalfMade {
            table: place.location.path.clone(),
            branch: branch.to_owned(),
            missing,
        };
        let (latest, entry) = futures::try_join!(
            self.latest(place, &place.base),
            self.branch_entry(place, branch)
        )?;
        match (latest, entry) {
            (Some(location), Some(entry)) => Ok(HeadSearch::At {
                location,
                entry: Some(entry),
            }),
            (Some(_), None) => Err(half_made("entry")),
            (None, Some(_)) => Err(half_made(TREE_FOLDER)),
            (None, None) => Ok(match self.latest(place, &place.dataset).await? {
                Some(_) => HeadSearch::BranchMissing,
                None => HeadSearch::DatasetMissing,
            }),
        }
    }

    pub(super) async fn latest(
        &self,
        place: &Place,
        base: &Path,
    ) -> Result<Option<ManifestLocation>, TableError> {
        let listing = match newest(self.inner.handler.as_ref(), base, &self.inner.store).await {
            Ok(listing) => listing,
            Err(source) if source.is_not_found() => return Ok(None),
            Err(source) => return Err(TableError::lance(&place.name, "finding HEAD", source)),
        };
        let Some(latest) = listing.first().cloned() else {
            return Ok(None);
        };
        if is_detached_version(latest.version) {
            return Err(TableError::Unreadable {
                table: place.name.clone(),
                what: format!("the file {}", latest.path),
                source: "its name is not that of a version".into(),
            });
        }
        if let Some(listings) = &self.listings {
            listings.remember(base.clone(), listing);
        }
        Ok(Some(latest))
    }

    pub(super) async fn branch_entry(
        &self,
        place: &Place,
        branch: &str,
    ) -> Result<Option<BranchEntry>, TableError> {
        let path = branch_contents_path(&place.dataset, branch);
        let what = format!("the entry of branch {branch}");
        let object = self
            .read_object(place, &path, &what, BRANCH_ENTRY_BYTES_MAX)
            .await?;
        object
            .map(|object| serde_json::from_slice(&object.bytes))
            .transpose()
            .map_err(|source| TableError::Unreadable {
                table: place.name.clone(),
                what,
                source: Box::new(source),
            })
    }
}
