//! One version of a table, read from its Lance manifest in one request and without opening a dataset.

use sidecar::root_layout::TRANSACTIONS_FOLDER;
use std::sync::Arc;

use bytes::Bytes;
use lance_core::Error;
use lance_table::feature_flags::ensure_can_read_manifest;
use lance_table::format::IndexMetadata;
use lance_table::format::Manifest;
use lance_table::format::pb;
use lance_table::io::commit::ManifestLocation;
use lance_table::io::commit::ManifestNamingScheme;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use prost::Message;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::TableLocation;
use super::version::VersionFile;

/// Largest Lance manifest read into memory. One of half a million fragments has some 100 MiB.
const MANIFEST_BYTES_MAX: u64 = 128 << 20;
/// Largest transaction file read into memory; Lance itself keeps up to 20 MiB inside manifests.
const TRANSACTION_BYTES_MAX: u64 = 64 << 20;

const FOOTER_BYTES: usize = 16;
pub(super) const MAGIC: &[u8] = b"LANC";

impl LanceRoot {
    /// Reads a version; `None` when it does not exist or was cleaned away.
    pub(super) async fn version_file(
        &self,
        place: &Place,
        version: u64,
    ) -> Result<Option<Arc<VersionFile>>, TableError> {
        let listed = self
            .listings
            .as_ref()
            .and_then(|listings| listings.version(&place.base, version));
        if let Some(location) = listed
            && let Some(file) = self.remembered(place, &location).await
        {
            return Ok(Some(file));
        }
        // Tables made by any Lance since 0.20 use the second scheme; the first is one more
        // request for a version that is gone.
        for scheme in [ManifestNamingScheme::V2, ManifestNamingScheme::V1] {
            let path = scheme.manifest_path(&place.base, version);
            let what = format!("version {version}");
            let Some(object) = self
                .read_object(place, &path, &what, MANIFEST_BYTES_MAX)
                .await?
            else {
                continue;
            };
            let location = ManifestLocation {
                version,
                path,
                size: Some(object.bytes.len() as u64),
                naming_scheme: scheme,
                e_tag: object.e_tag,
                identity: None,
            };
            let file = Arc::new(self.decode(place, location, &object.bytes).await?);
            self.inner.memory.remember_file(&file);
            return Ok(Some(file));
        }
        Ok(None)
    }

    /// Whether a table still has a version, whatever is in it. One request at the most for a table that any Lance since 0.20 made,
    /// and none where the listing of this look named it.
    ///
    /// # Errors
    /// Storage does not say whether the file of the version is there.
    pub async fn has_version(
        &self,
        location: &TableLocation,
        version: u64,
    ) -> Result<bool, TableError> {
        let place = self.place(location)?;
        let listed = self
            .listings
            .as_ref()
            .and_then(|listings| listings.version(&place.base, version));
        if listed.is_some() {
            return Ok(true);
        }
        for scheme in [ManifestNamingScheme::V2, ManifestNamingScheme::V1] {
            let path = scheme.manifest_path(&place.base, version);
            match self.inner.store.inner.head(&path).await {
                Ok(_) => return Ok(true),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => {
                    return Err(TableError::lance(
                        &place.name,
                        "looking for a version",
                        source,
                    ));
                }
            }
        }
        Ok(false)
    }

    /// The version that the store has just named, if it was read before or is of our own making.
    async fn remembered(
        &self,
        place: &Place,
        location: &ManifestLocation,
    ) -> Option<Arc<VersionFile>> {
        if let Some(file) = self.inner.memory.file(location) {
            return Some(file);
        }
        let bytes = self.inner.memory.written(location)?;
        let file = self.decode(place, location.clone(), &bytes).await.ok()?;
        let file = Arc::new(file);
        self.inner.memory.remember_file(&file);
        Some(file)
    }

    /// Reads a version that has to exist and that this build has to understand.
    pub(super) async fn known_version(
        &self,
        place: &Place,
        version: u64,
    ) -> Result<Arc<VersionFile>, TableError> {
        let file =
            self.version_file(place, version)
                .await?
                .ok_or_else(|| TableError::VersionMissing {
                    table: place.name.clone(),
                    version,
                })?;
        understood(place, &file)?;
        Ok(file)
    }

    /// Reads the version that a listing has just named.
    pub(super) async fn listed_version(
        &self,
        place: &Place,
        location: &ManifestLocation,
    ) -> Result<Arc<VersionFile>, TableError> {
        let Some(file) = self.remembered(place, location).await else {
            return self.known_version(place, location.version).await;
        };
        understood(place, &file)?;
        Ok(file)
    }

    /// The file last read of a version. It may be gone or replaced by now; the caller has to find out.
    pub(super) fn version_last_read(
        &self,
        place: &Place,
        version: u64,
    ) -> Option<Arc<VersionFile>> {
        [ManifestNamingScheme::V2, ManifestNamingScheme::V1]
            .into_iter()
            .find_map(|scheme| {
                self.inner
                    .memory
                    .file_last_read(&scheme.manifest_path(&place.base, version))
            })
    }

    async fn decode(
        &self,
        place: &Place,
        location: ManifestLocation,
        bytes: &Bytes,
    ) -> Result<VersionFile, TableError> {
        let unreadable = |source: Error| TableError::Unreadable {
            table: place.name.clone(),
            what: format!("version {}", location.version),
            source: Box::new(source),
        };
        let mut manifest = manifest_of(bytes).map_err(unreadable)?;
        manifest.detach_sparse_inline_row_ids(bytes.len());
        let asked_branch = place.location.other_branch();
        if manifest.version != location.version || manifest.branch.as_deref() != asked_branch {
            return Err(unreadable(Error::corrupt_file(
                location.path.clone(),
                format!(
                    "it is of version {} on branch {}",
                    manifest.version,
                    sidecar::Branch::of(manifest.branch.as_deref())
                ),
            )));
        }
        let indices = indices_of(&manifest, bytes).map_err(unreadable)?;
        let transaction = match inline_transaction_of(&manifest, bytes) {
            Some(transaction) => Some(transaction),
            None => self.transaction_file(place, &manifest).await?,
        };
        Ok(VersionFile {
            manifest,
            indices,
            transaction,
            location,
        })
    }

    async fn transaction_file(
        &self,
        place: &Place,
        manifest: &Manifest,
    ) -> Result<Option<pb::Transaction>, TableError> {
        let Some(name) = &manifest.transaction_file else {
            return Ok(None);
        };
        let path = place
            .base
            .clone()
            .join(TRANSACTIONS_FOLDER)
            .join(name.as_str());
        let what = format!("the transaction of version {}", manifest.version);
        let object = self
            .read_object(place, &path, &what, TRANSACTION_BYTES_MAX)
            .await?;
        object
            .map(|object| pb::Transaction::decode(object.bytes))
            .transpose()
            .map_err(|source| TableError::Unreadable {
                table: place.name.clone(),
                what,
                source: Box::new(source),
            })
    }

    /// Reads a whole object of bounded size; `None` when there is none.
    pub(super) async fn read_object(
        &self,
        place: &Place,
        path: &Path,
        what: &str,
        limit_bytes: u64,
    ) -> Result<Option<Object>, TableError> {
        let answer = match self.inner.store.inner.get(path).await {
            Ok(answer) => answer,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(TableError::lance(&place.name, "reading an object", source)),
        };
        if answer.meta.size > limit_bytes {
            return Err(TableError::TooLarge {
                table: place.name.clone(),
                what: what.to_owned(),
                size_bytes: answer.meta.size,
                limit_bytes,
            });
        }
        let e_tag = answer.meta.e_tag.clone();
        let bytes = answer
            .bytes()
            .await
            .map_err(|source| TableError::lance(&place.name, "reading an object", source))?;
        Ok(Some(Object { bytes, e_tag }))
    }
}

pub(super) fn understood(place: &Place, file: &VersionFile) -> Result<(), TableError> {
    ensure_can_read_manifest(&file.manifest).map_err(|source| TableError::UnsupportedFormat {
        table: place.name.clone(),
        version: file.manifest.version,
        source: Box::new(source),
    })
}

/// An object's content and the tag the store gives it.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    pub(super) e_tag: Option<String>,
}

// A manifest file is protobuf messages, each after its length as a u32, and a footer of 16 bytes:
// the offset of the manifest message, the format's version, and a magic word.
pub(super) fn manifest_of(bytes: &Bytes) -> Result<Manifest, Error> {
    let footer_at = bytes
        .len()
        .checked_sub(FOOTER_BYTES)
        .filter(|_| bytes.ends_with(MAGIC))
        .ok_or_else(|| Error::invalid_input("the file does not end like a Lance manifest"))?;
    let mut offset = [0; 8];
    offset.copy_from_slice(&bytes[footer_at..footer_at + 8]);
    let offset = usize::try_from(u64::from_le_bytes(offset))
        .map_err(|_| Error::invalid_input("the manifest's offset is out of range"))?;
    Manifest::try_from(pb::Manifest::decode(message_at(bytes, offset)?)?)
}

fn indices_of(manifest: &Manifest, bytes: &Bytes) -> Result<Vec<IndexMetadata>, Error> {
    let Some(offset) = manifest.index_section else {
        return Ok(Vec::new());
    };
    pb::IndexSection::decode(message_at(bytes, offset)?)?
        .indices
        .into_iter()
        .map(IndexMetadata::try_from)
        .collect()
}

// Manifests carried over by a restore or a clone of an old Lance may hold an offset that belongs
// to another file. If no transaction decodes there, the transaction file is read instead.
fn inline_transaction_of(manifest: &Manifest, bytes: &Bytes) -> Option<pb::Transaction> {
    let message = message_at(bytes, manifest.transaction_section?).ok()?;
    let transaction = pb::Transaction::decode(message).ok()?;
    let is_named = manifest
        .transaction_file
        .as_ref()
        .is_none_or(|file| file.contains(&transaction.uuid));
    (is_named && !transaction.uuid.is_empty()).then_some(transaction)
}

fn message_at(bytes: &Bytes, offset: usize) -> Result<Bytes, Error> {
    let beyond = || Error::invalid_input("a message reaches beyond the end of the file");
    let start = offset.checked_add(4).ok_or_else(beyond)?;
    let mut length = [0; 4];
    length.copy_from_slice(bytes.get(offset..start).ok_or_else(beyond)?);
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| beyond())?;
    let end = start.checked_add(length).ok_or_else(beyond)?;
    if end > bytes.len() {
        return Err(beyond());
    }
    Ok(bytes.slice(start..end))
}
