//! Caches what cannot change: version files and the catalog's rows, each under the identity the store gave it.
//!
//! The cache never tells which versions exist or which is HEAD: every look asks the store. An object is only spared a second
//! fetch if the store has just named it again with the same name, size and e_tag.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use bytes::Bytes;
use lance::Dataset;
use lance_table::io::commit::ManifestLocation;
use object_store::PutPayload;
use object_store::PutResult;
use object_store::path::Path;

use super::catalog_rows::CatalogRows;
use super::version::VersionFile;
use root_objects::store::PutListener;
use root_objects::store::is_same_e_tag;

/// Largest version file kept. Those of a table with some thousand fragments are read again each time.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// Encoded bytes of all version files kept; beyond, all are forgotten and the next look reads what it needs.
const FILES_BYTES_MAX: u64 = 16 << 20;
/// Most tables of a catalog whose rows are kept, and most branches of it.
const CATALOG_TABLES_MAX: usize = 20_000;
const CATALOGS_MAX: usize = 16;
/// Version files of our own making that are kept until they are read.
const WRITTEN_MAX: usize = 64;
const VERSION_FILE_ENDING: &str = ".manifest";
/// Versions whose identity is kept from one listing: the newest. A store names up to a thousand in one answer.
pub(super) const LISTED_MAX: usize = 256;

/// Kept for as long as a [`LanceRoot`](crate::LanceRoot) is open.
#[derive(Debug, Default)]
pub(super) struct Memory {
    files: Mutex<Files>,
    written: Mutex<HashMap<Path, Written>>,
    catalogs: Mutex<HashMap<Path, Arc<ReadCatalog>>>,
    readings: Mutex<HashMap<Path, Arc<ReadLock>>>,
}

/// Held while a branch of the catalog is read, so that concurrent readers fetch the same rows once.
pub(super) type ReadLock = tokio::sync::Mutex<()>;

/// A version file of our own making, as it was sent and as the store named it.
#[derive(Debug, Clone)]
struct Written {
    bytes: Bytes,
    e_tag: String,
}

#[derive(Debug, Default)]
struct Files {
    by_path: HashMap<Path, Arc<VersionFile>>,
    bytes: u64,
}

/// The catalog at one version, ready to be written to.
#[derive(Debug)]
pub(super) struct ReadCatalog {
    pub(super) file: Arc<VersionFile>,
    pub(super) dataset: Dataset,
    pub(super) rows: Arc<CatalogRows>,
}

/// The newest versions of one table, as one listing named them.
pub(super) type Listing = Vec<ManifestLocation>;

/// The listings of one look. Versions read during the look are taken to exist as listed.
#[derive(Debug, Default)]
pub(super) struct Listings {
    by_base: Mutex<HashMap<Path, Arc<Listing>>>,
}

impl Listings {
    pub(super) fn remember(&self, base: Path, listing: Listing) {
        locked(&self.by_base).insert(base, Arc::new(listing));
    }

    /// The identity of a version; `None` if it was not among those listed.
    pub(super) fn version(&self, base: &Path, version: u64) -> Option<ManifestLocation> {
        let listing = locked(&self.by_base).get(base).cloned()?;
        listing
            .iter()
            .find(|location| location.version == version)
            .cloned()
    }
}

impl Memory {
    /// The file that was read under exactly this identity.
    pub(super) fn file(&self, location: &ManifestLocation) -> Option<Arc<VersionFile>> {
        self.file_last_read(&location.path)
            .filter(|file| is_same(&file.location, location))
    }

    /// The file last read at a path. It may be gone or replaced by now; the caller has to find out.
    pub(super) fn file_last_read(&self, path: &Path) -> Option<Arc<VersionFile>> {
        locked(&self.files).by_path.get(path).cloned()
    }

    /// The bytes that were sent and then stored under exactly this identity.
    pub(super) fn written(&self, location: &ManifestLocation) -> Option<Bytes> {
        locked(&self.written)
            .get(&location.path)
            .filter(|written| {
                location.size == Some(written.bytes.len() as u64)
                    && is_same_e_tag(location.e_tag.as_deref(), Some(&written.e_tag))
            })
            .map(|written| written.bytes.clone())
    }

    pub(super) fn remember_file(&self, file: &Arc<VersionFile>) {
        let Some(bytes) = file.location.size.filter(|bytes| *bytes <= FILE_BYTES_MAX) else {
            return;
        };
        // Do not cache a version whose transaction file was not found: a stale store may show it later.
        if file.location.e_tag.is_none() || file.lacks_its_transaction() {
            return;
        }
        let mut files = locked(&self.files);
        if files.bytes + bytes > FILES_BYTES_MAX {
            *files = Files::default();
        }
        let before = files
            .by_path
            .insert(file.location.path.clone(), file.clone());
        let freed = before.and_then(|before| before.location.size);
        files.bytes = files.bytes + bytes - freed.unwrap_or_default();
    }

    /// The lock under which a branch of the catalog is read.
    pub(super) fn read_lock(&self, base: &Path) -> Arc<ReadLock> {
        let mut readings = locked(&self.readings);
        if readings.len() >= CATALOGS_MAX {
            readings.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        readings.entry(base.clone()).or_default().clone()
    }

    /// The catalog, or a branch of it, as it was read last. It may not be the latest any more.
    pub(super) fn catalog_last_read(&self, base: &Path) -> Option<Arc<ReadCatalog>> {
        locked(&self.catalogs).get(base).cloned()
    }

    pub(super) fn remember_catalog(&self, base: &Path, catalog: Arc<ReadCatalog>) {
        if catalog.rows.tables() > CATALOG_TABLES_MAX {
            return;
        }
        let mut catalogs = locked(&self.catalogs);
        if catalogs.len() >= CATALOGS_MAX && !catalogs.contains_key(base) {
            catalogs.clear();
        }
        catalogs.insert(base.clone(), catalog);
    }
}

impl PutListener for Memory {
    fn stored(&self, location: &Path, payload: &PutPayload, result: &PutResult) {
        let is_version = location
            .filename()
            .is_some_and(|name| name.ends_with(VERSION_FILE_ENDING));
        let bytes = payload.content_length() as u64;
        let Some(e_tag) = result
            .e_tag
            .clone()
            .filter(|_| is_version && bytes <= FILE_BYTES_MAX)
        else {
            return;
        };
        let mut written = locked(&self.written);
        if written.len() >= WRITTEN_MAX {
            written.clear();
        }
        let bytes = payload.clone().into();
        written.insert(location.clone(), Written { bytes, e_tag });
    }
}

/// Whether two answers of the store name the very same object. Without an e_tag nobody can tell.
pub(super) fn is_same(one: &ManifestLocation, other: &ManifestLocation) -> bool {
    one.version == other.version
        && one.path == other.path
        && one.size.is_some()
        && one.size == other.size
        && is_same_e_tag(one.e_tag.as_deref(), other.e_tag.as_deref())
}

// A panic elsewhere cannot leave a map half written, so a poisoned lock is still good.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use lance_table::io::commit::ManifestNamingScheme;
    use object_store::PutResult;

    use super::*;

    fn version(e_tag: &str) -> ManifestLocation {
        ManifestLocation {
            version: 7,
            path: Path::from("t/_versions/18446744073709551608.manifest"),
            size: Some(5),
            naming_scheme: ManifestNamingScheme::V2,
            e_tag: Some(e_tag.to_owned()),
            identity: None,
        }
    }

    // On Azure the answer to a read and to a write has the quotes, and a listing has not.
    #[test]
    fn a_version_is_the_one_that_was_read_however_the_store_writes_its_tag() {
        let (read, listed) = (version("\"0x8DC1\""), version("0x8DC1"));
        assert!(is_same(&read, &listed) && is_same(&listed, &read));
        assert!(!is_same(&read, &version("0x8DC2")));

        let memory = Memory::default();
        let result = PutResult {
            e_tag: Some("\"0x8DC1\"".to_owned()),
            version: None,
            extensions: Default::default(),
        };
        memory.stored(&read.path, &PutPayload::from("bytes"), &result);
        assert!(memory.written(&listed).is_some());
        assert!(memory.written(&version("0x8DC2")).is_none());
    }
}
