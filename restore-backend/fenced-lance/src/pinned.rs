//! Whether the version of a table that readers are shown is there, and is the one that its publisher saw.

use lance_table::format::Manifest;
use lance_table::io::commit::ManifestNamingScheme;
use object_store::GetOptions;
use object_store::GetRange;
use object_store::ObjectStore as _;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::TableLocation;
use super::restorable::first_data_file;
use super::version_file::MAGIC;
use super::version_file::manifest_of;

/// Largest Lance manifest that is decoded for this. Many tables are looked at together, so of a larger one only the end is read.
const DECODED_BYTES_MAX: u64 = 4 << 20;

/// The state of a version that readers are shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PinnedVersion {
    /// Nothing is wrong with it, as far as this looks.
    There,
    /// Its Lance manifest is not there.
    Gone,
    /// It is damaged, or is not the version that was published.
    Damaged {
        /// What is wrong with it.
        fault: String,
    },
}

impl LanceRoot {
    /// Looks at a version: its Lance manifest is read and decoded, and its first data file looked for. `recorded_bytes` is the size
    /// of the manifest as the catalog has it.
    ///
    /// # Errors
    /// [`TableError`] if storage does not give it, or if it refers to files outside of the root.
    pub async fn pinned_version(
        &self,
        location: &TableLocation,
        version: u64,
        recorded_bytes: Option<u64>,
    ) -> Result<PinnedVersion, TableError> {
        let place = self.place(location)?;
        for path in self.manifest_paths(&place, version) {
            let found = match self.inner.store.inner.get(&path).await {
                Ok(found) => found,
                Err(object_store::Error::NotFound { .. }) => continue,
                Err(source) => return Err(failed(&place, source)),
            };
            let size_bytes = found.meta.size;
            if size_bytes > DECODED_BYTES_MAX {
                drop(found);
                return self.large(&place, &path, size_bytes, recorded_bytes).await;
            }
            let bytes = found
                .bytes()
                .await
                .map_err(|source| failed(&place, source))?;
            let manifest = match manifest_of(&bytes) {
                Ok(manifest) => manifest,
                Err(error) => {
                    let why = sidecar::error_text(&error);
                    return Ok(damaged(format!(
                        "its Lance manifest cannot be decoded: {why}"
                    )));
                }
            };
            let branch = place.location.other_branch();
            if manifest.version != version || manifest.branch.as_deref() != branch {
                return Ok(damaged(format!(
                    "its Lance manifest is of version {} on branch {}",
                    manifest.version,
                    sidecar::Branch::of(manifest.branch.as_deref())
                )));
            }
            if let Some(fault) = another_size(size_bytes, recorded_bytes) {
                return Ok(damaged(fault));
            }
            return self.data_of(&place, &manifest).await;
        }
        Ok(PinnedVersion::Gone)
    }

    /// Where the Lance manifest of a version may be: as the listing of this look has it, or under the names of both schemes.
    fn manifest_paths(&self, place: &Place, version: u64) -> Vec<Path> {
        let listings = self.listings.as_ref();
        let listed = listings.and_then(|listings| listings.version(&place.base, version));
        match listed {
            Some(location) => vec![location.path],
            None => [ManifestNamingScheme::V2, ManifestNamingScheme::V1]
                .map(|scheme| scheme.manifest_path(&place.base, version))
                .into(),
        }
    }

    async fn large(
        &self,
        place: &Place,
        path: &Path,
        size_bytes: u64,
        recorded_bytes: Option<u64>,
    ) -> Result<PinnedVersion, TableError> {
        if let Some(fault) = another_size(size_bytes, recorded_bytes) {
            return Ok(damaged(fault));
        }
        let end = GetOptions {
            range: Some(GetRange::Suffix(MAGIC.len() as u64)),
            ..GetOptions::default()
        };
        let found = self.inner.store.inner.get_opts(path, end).await;
        let found = found.map_err(|source| failed(place, source))?;
        let bytes = found.bytes().await;
        let bytes = bytes.map_err(|source| failed(place, source))?;
        Ok(if bytes.as_ref() == MAGIC {
            PinnedVersion::There
        } else {
            damaged("its file does not end like a Lance manifest".to_owned())
        })
    }

    /// Looks for one file of the data. If the folder of the data is gone, the file is gone too.
    async fn data_of(
        &self,
        place: &Place,
        manifest: &Manifest,
    ) -> Result<PinnedVersion, TableError> {
        let outside = |base_path| TableError::BasePathOutsideRoot {
            table: place.name.clone(),
            version: manifest.version,
            base_path,
        };
        let bases = self.inner.base_paths.of(manifest).map_err(outside)?;
        let file = match first_data_file(place, manifest, &bases) {
            None => return Ok(PinnedVersion::There),
            Some(Ok(file)) => file,
            Some(Err(fault)) => return Ok(damaged(fault)),
        };
        match self.inner.store.inner.head(&self.path(&file)?).await {
            Ok(_) => Ok(PinnedVersion::There),
            Err(object_store::Error::NotFound { .. }) => {
                Ok(damaged(format!("its data file {file} is gone")))
            }
            Err(source) => Err(failed(place, source)),
        }
    }
}

const fn damaged(fault: String) -> PinnedVersion {
    PinnedVersion::Damaged { fault }
}

fn another_size(size_bytes: u64, recorded_bytes: Option<u64>) -> Option<String> {
    let recorded = recorded_bytes.filter(|recorded| *recorded != size_bytes)?;
    Some(format!(
        "its Lance manifest has {size_bytes} bytes, and the one that was published has {recorded}"
    ))
}

fn failed(place: &Place, source: object_store::Error) -> TableError {
    TableError::lance(&place.name, "looking at the visible version", source)
}
