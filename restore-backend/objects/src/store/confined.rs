//! An object store on local disk that stays below one folder, and reads and writes regular files only.
//!
//! The local store of object_store follows links wherever they lead, opens pipes and waits for their writers, and gives up on a
//! folder in which one name is no text. This store replaces it under Lance and under our own objects: the same requests, the
//! same names of unfinished uploads, the same syncs. The differences:
//! - every path is opened beneath the root's folder, at every component, in one call where the system has it (`beneath.rs`);
//! - only regular files are opened; for anything else an error names its kind;
//! - names are those of the system, one for each path (`names.rs`);
//! - a listing names what it cannot read (`listing.rs`).

mod beneath;
mod blocking;
mod error;
mod files;
mod folders;
mod found;
mod listing;
mod names;
mod place;
mod reading;
mod root;
mod syncing;
mod upload;
mod writing;

use std::fmt;
use std::ops::Range;
use std::path::Path as FilePath;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::CopyMode;
use object_store::CopyOptions;
use object_store::GetOptions;
use object_store::GetResult;
use object_store::ListResult;
use object_store::MultipartUpload;
use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::PutMode;
use object_store::PutMultipartOptions;
use object_store::PutOptions;
use object_store::PutPayload;
use object_store::PutResult;
use object_store::RenameOptions;
use object_store::RenameTargetMode;
use object_store::Result;
use object_store::path::Path;

use super::Durability;
use blocking::blocking;
use upload::Upload;
use writing::Over;

pub(crate) use error::Failure;
pub use error::NotRead;
pub use files::ConfinedFiles;
pub use names::InvalidName;
pub use names::child;
pub use names::is_odd;
pub use names::name_of;
pub use names::spelt;
pub(crate) use place::LocalPlace;

/// Deletions that are under way at the same time.
const DELETES_AT_ONCE: usize = 10;

/// See the module.
#[derive(Clone, Debug)]
pub struct ConfinedStore {
    files: ConfinedFiles,
    synced: bool,
}

impl ConfinedStore {
    /// A store of everything below an absolute folder, by paths that begin at the root of the file system.
    ///
    /// # Errors
    /// The folder's path cannot be a path of a store.
    pub fn new(directory: &FilePath, durability: Durability) -> Result<Self> {
        let prefix = Path::from_absolute_path(directory)?;
        let files = ConfinedFiles::new(directory.to_owned(), prefix);
        Ok(Self::of(files, durability))
    }

    /// A store of these files, which syncs its writes if `durability` says so.
    pub fn of(files: ConfinedFiles, durability: Durability) -> Self {
        Self {
            files,
            synced: durability == Durability::Synced,
        }
    }

    fn not_implemented(&self, operation: &str) -> object_store::Error {
        object_store::Error::NotImplemented {
            operation: operation.to_owned(),
            implementer: self.to_string(),
        }
    }
}

impl fmt::Display for ConfinedStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConfinedStore({})", self.files.prefix)
    }
}

#[async_trait]
impl ObjectStore for ConfinedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let over = match opts.mode {
            PutMode::Overwrite => Over::Anything,
            PutMode::Create => Over::Nothing,
            PutMode::Update(_) => {
                return Err(self.not_implemented("`put_opts` with mode `PutMode::Update`"));
            }
        };
        if !opts.attributes.is_empty() {
            return Err(self.not_implemented("`put_opts` with attributes"));
        }
        let (files, location, synced) = (self.files.clone(), location.clone(), self.synced);
        blocking(move || Ok(files.put(&location, &payload, over, synced)?)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if !opts.attributes.is_empty() {
            return Err(self.not_implemented("`put_multipart_opts` with attributes"));
        }
        let (files, location, synced) = (self.files.clone(), location.clone(), self.synced);
        let staged = blocking(move || Ok(files.stage(&location, synced)?)).await?;
        Ok(Box::new(Upload::of(staged, synced)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (files, location) = (self.files.clone(), location.clone());
        blocking(move || files.get(location, &options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (files, location, ranges) = (self.files.clone(), location.clone(), ranges.to_vec());
        blocking(move || files.get_ranges(&location, &ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let files = self.files.clone();
        locations
            .map(move |location| {
                let files = files.clone();
                blocking(move || {
                    let location = location?;
                    // The caller syncs the folder: see `durability.rs`.
                    files.delete(&location, false)?;
                    Ok(location)
                })
            })
            .buffered(DELETES_AT_ONCE)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.clone().list(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.clone().list(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let files = self.files.clone();
        let prefix = prefix.cloned().unwrap_or_else(|| files.prefix.clone());
        blocking(move || Ok(files.list_folder(&prefix)?)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let over = match options.mode {
            CopyMode::Overwrite => Over::Anything,
            CopyMode::Create => Over::Nothing,
        };
        let (files, synced) = (self.files.clone(), self.synced);
        let (from, to) = (from.clone(), to.clone());
        blocking(move || Ok(files.copy(&from, &to, over, synced)?)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (files, synced) = (self.files.clone(), self.synced);
        let (from, to) = (from.clone(), to.clone());
        blocking(move || {
            match options.target_mode {
                RenameTargetMode::Overwrite => files.rename(&from, &to, synced)?,
                RenameTargetMode::Create => {
                    files.copy(&from, &to, Over::Nothing, synced)?;
                    files.delete(&from, synced)?;
                }
            }
            Ok(())
        })
        .await
    }
}
