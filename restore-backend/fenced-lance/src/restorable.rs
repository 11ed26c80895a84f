//! Whether Lance would restore a version, and whether everything the version needs is still there.

mod needed;
mod unlisted;

use sidecar::root_layout::DATA_FOLDER;
use std::collections::BTreeSet;
use std::collections::HashMap;

use futures::FutureExt;
use futures::StreamExt;
use futures::TryStreamExt;
use futures::stream;
use lance_table::feature_flags::ensure_can_read_manifest;
use lance_table::feature_flags::ensure_can_write_manifest;
use lance_table::format::IndexMetadata;
use lance_table::format::Manifest;
use lance_table::system_index::frag_reuse::is_frag_reuse_index_entry;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::location::TableLocation;
use super::version::VersionFile;

pub(super) use needed::Folders;
use needed::Needed;

/// Up to this many files are looked at one by one; for more, their folders are listed. A listing
/// brings a thousand names in a request, most of them perhaps of other versions.
const FILES_LOOKED_AT_MAX: usize = 64;
/// Files looked at, or folders listed, at the same time.
const REQUESTS_AT_ONCE: usize = 16;

/// Whether a version can be brought back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Restorable {
    /// Lance would restore it and every file it refers to exists.
    Yes,
    /// It cannot be restored.
    No {
        /// Why, for a person.
        reason: String,
    },
}

impl LanceRoot {
    /// Whether `target` can be restored over `head`.
    ///
    /// That the target's manifest is there proves nothing about its files: a cleanup removes data
    /// files before manifests, and may have been interrupted in between.
    ///
    /// # Errors
    /// `head` does not exist, one of the versions cannot be read, or storage does not say whether a file is there.
    pub async fn restorable(
        &self,
        location: &TableLocation,
        head: u64,
        target: u64,
    ) -> Result<Restorable, TableError> {
        let place = self.place(location)?;
        let (head, target_file) = futures::try_join!(
            self.known_version(&place, head),
            self.version_file(&place, target)
        )?;
        let Some(target_file) = target_file else {
            return Ok(no(format!("version {target} does not exist")));
        };
        if let Some(reason) = refusal(&head, &target_file) {
            return Ok(no(reason));
        }
        Ok(
            match self.first_gone(&place, &target_file, &head.indices).await? {
                Ok(None) => Restorable::Yes,
                Ok(Some(missing)) => no(format!("version {target} needs {missing}, which is gone")),
                Err(reason) => no(reason),
            },
        )
    }

    /// The first file found missing of those that `version` needs; `None` if all are there.
    ///
    /// Made for a version that was restored: the restore itself only needed its manifest.
    ///
    /// # Errors
    /// The version does not exist or cannot be read, or storage does not say whether a file is there.
    pub async fn missing_file(
        &self,
        location: &TableLocation,
        version: u64,
    ) -> Result<Option<String>, TableError> {
        let place = self.place(location)?;
        let file = self.known_version(&place, version).await?;
        Ok(self
            .first_gone(&place, &file, &[])
            .await?
            .unwrap_or_else(Some))
    }

    /// The first missing file of a version. An inner error says why the version does not tell.
    async fn first_gone(
        &self,
        place: &Place,
        file: &VersionFile,
        elsewhere: &[IndexMetadata],
    ) -> Result<Result<Option<String>, String>, TableError> {
        let version = file.manifest.version;
        let bases = match self.inner.base_paths.of(&file.manifest) {
            Ok(bases) => bases,
            Err(outside) => {
                return Ok(Err(format!(
                    "version {version} refers to files at {outside}, outside the root"
                )));
            }
        };
        let needed = match Needed::of(place, file, &bases, elsewhere) {
            Ok(needed) => needed,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Some(missing) = self.first_missing(place, needed).await? {
            return Ok(Ok(Some(missing)));
        }
        self.first_missing_unlisted(place, file, &bases)
            .boxed()
            .await
    }

    async fn first_missing(
        &self,
        place: &Place,
        needed: Needed,
    ) -> Result<Option<String>, TableError> {
        let paths = |relative: &BTreeSet<String>| -> Result<Vec<Path>, TableError> {
            relative.iter().map(|path| self.path(path)).collect()
        };
        let missing_file = if needed.files.len() <= FILES_LOOKED_AT_MAX {
            self.missing_by_looking(place, paths(&needed.files)?)
                .await?
        } else {
            self.missing_by_listing(place, paths(&needed.files)?)
                .await?
        };
        if missing_file.is_some() {
            return Ok(missing_file);
        }
        let empty_folders = stream::iter(paths(&needed.folders)?)
            .map(|folder| async move {
                let mut listing = self.inner.store.inner.list(Some(&folder));
                let first = listing.try_next().await;
                match first {
                    Ok(Some(_)) => Ok(None),
                    Ok(None) => Ok(Some(folder.to_string())),
                    Err(source) => Err(failed(place, source)),
                }
            })
            .buffered(REQUESTS_AT_ONCE);
        first_some(empty_folders).await
    }

    async fn missing_by_looking(
        &self,
        place: &Place,
        files: Vec<Path>,
    ) -> Result<Option<String>, TableError> {
        let looks = stream::iter(files)
            .map(|file| async move {
                match self.inner.store.inner.head(&file).await {
                    Ok(_) => Ok(None),
                    Err(object_store::Error::NotFound { .. }) => Ok(Some(file.to_string())),
                    Err(source) => Err(failed(place, source)),
                }
            })
            .buffered(REQUESTS_AT_ONCE);
        first_some(looks).await
    }

    async fn missing_by_listing(
        &self,
        place: &Place,
        files: Vec<Path>,
    ) -> Result<Option<String>, TableError> {
        let mut by_folder: HashMap<Path, BTreeSet<Path>> = HashMap::new();
        for file in files {
            if let Some(folder) = file.parent() {
                by_folder.entry(folder).or_default().insert(file);
            }
        }
        let listings = stream::iter(by_folder)
            .map(|(folder, mut needed)| async move {
                let mut listing = self.inner.store.inner.list(Some(&folder));
                while !needed.is_empty() {
                    match listing.try_next().await {
                        Ok(Some(object)) => needed.remove(&object.location),
                        Ok(None) => break,
                        Err(source) => return Err(failed(place, source)),
                    };
                }
                Ok(needed.pop_first().map(|file| file.to_string()))
            })
            .buffer_unordered(REQUESTS_AT_ONCE);
        first_some(listings).await
    }
}

/// The first data file of a version, relative to the root, or why the version does not tell; `None` if it has none.
pub(super) fn first_data_file(
    place: &Place,
    manifest: &Manifest,
    bases: &HashMap<u32, String>,
) -> Option<Result<String, String>> {
    let mut files = manifest
        .fragments
        .iter()
        .flat_map(|fragment| &fragment.files);
    let file = files.next()?;
    let folder = Folders::of(place, manifest, bases).within(file.base_id, DATA_FOLDER);
    Some(folder.map(|folder| format!("{folder}/{}", file.path)))
}

fn no(reason: String) -> Restorable {
    Restorable::No { reason }
}

fn failed(place: &Place, source: object_store::Error) -> TableError {
    TableError::lance(&place.name, "looking for the files of a version", source)
}

async fn first_some(
    answers: impl futures::Stream<Item = Result<Option<String>, TableError>>,
) -> Result<Option<String>, TableError> {
    let mut found = std::pin::pin!(answers.try_filter_map(|missing| async move { Ok(missing) }));
    found.try_next().await
}

// The refusals of `Transaction::restore_old_manifest` and of the commit that follows it, so that
// they are known before anybody approves a restore.
fn refusal(head: &VersionFile, target: &VersionFile) -> Option<String> {
    let version = target.manifest.version;
    if version >= head.manifest.version {
        return Some(format!("version {version} is not older than HEAD"));
    }
    let abilities = ensure_can_read_manifest(&target.manifest)
        .and_then(|()| ensure_can_write_manifest(&target.manifest))
        .and_then(|()| ensure_can_write_manifest(&head.manifest));
    if let Err(error) = abilities {
        return Some(format!(
            "a newer Lance is needed: {}",
            sidecar::error_text(&error)
        ));
    }
    if head.manifest.uses_stable_row_ids() && !target.manifest.uses_stable_row_ids() {
        return Some(format!(
            "stable row ids were turned on after version {version}"
        ));
    }
    if head.manifest.uses_non_reusable_field_ids()
        && target.manifest.max_allocated_field_id.is_none()
    {
        return Some(format!(
            "field ids were made non-reusable after version {version}"
        ));
    }
    if target.manifest.uses_stable_row_ids() && target.indices.iter().any(is_frag_reuse_index_entry)
    {
        return Some(format!(
            "version {version} has stable row ids and a fragment reuse index, which this Lance commits in no version"
        ));
    }
    if let Err(error) = target.manifest.schema.verify_primary_key() {
        return Some(format!(
            "the schema of version {version} is no longer allowed: {}",
            sidecar::error_text(&error)
        ));
    }
    None
}
