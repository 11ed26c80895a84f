//! Tables and catalog of a root: the only package of the product that names Lance. Its tests check its assumptions about Lance.
//!
//! Reading never writes: a head lookup, a transaction, a comparison or a catalog reading issues no mutating request. Every commit
//! is fenced to exactly one version and names the operation it belongs to, so that it buries nobody's work and is recognised when
//! seen again. Only the plain writes of `data.rs` have no fence: sample stores and tests are made with them.

mod base_paths;
mod catalog;
mod catalog_rows;
mod commit;
mod content;
mod create_catalog;
mod data;
mod dataset;
mod error;
mod fence;
mod fence_catalog;
mod graph_history;
mod handler;
mod head;
mod location;
mod memory;
mod pinned;
mod publish;
mod restorable;
mod restore;
mod root_uri;
mod row_changes;
mod row_count;
mod schema_lock;
mod session;
mod staged;
mod table_write;
mod tag_names;
mod tags;
mod transactions;
mod version;
mod version_file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use lance::session::Session;
use lance_io::object_store::ObjectStore;
use lance_io::object_store::ObjectStoreParams;
use lance_io::object_store::StorageOptionsAccessor;
use lance_table::io::commit::CommitHandler;
use lance_table::io::commit::commit_handler_from_url;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use root_objects::store::ConfinedFiles;
use root_objects::store::ConfinedStore;
use root_objects::store::Durability;
use root_objects::store::LocalSync;
use root_objects::store::Objects;
use root_objects::store::RequestLog;

pub use catalog::CATALOG_PATH;
pub use catalog::Catalog;
pub use catalog::CatalogBranch;
pub use catalog::CatalogDeclaration;
pub use catalog::CatalogReading;
pub use catalog::Catalogued;
pub use catalog::RetainedCatalog;
pub use catalog::RetainedVersions;
pub use catalog_rows::Pin;
pub use commit::CommitOutcome;
pub use commit::EffectIdentity;
pub use commit::EffectKind;
pub use commit::Refusal;
pub use create_catalog::CatalogTable;
pub use create_catalog::CreateOutcome;
pub use data::Row;
pub use error::TableError;
pub use fence_catalog::FenceRequest;
pub use graph_history::BranchHistory;
pub use graph_history::HistoryAppend;
pub use graph_history::HistoryRequest;
pub use graph_history::HistoryRow;
pub use handler::PreCommitCheck;
pub use head::{BranchOrigin, Head};
pub use location::TableLocation;
pub use pinned::PinnedVersion;
pub use publish::MadeBy;
pub use publish::NewGraphCommit;
pub use publish::PublishRequest;
pub use restorable::Restorable;
pub use restore::RestoreRequest;
pub use row_changes::RowBounds;
pub use row_changes::RowsAt;
pub use schema_lock::SchemaLock;
pub use schema_lock::UnlockOutcome;
pub use table_write::TableWrite;
pub use tags::TagOutcome;
pub use tags::Tagged;
pub use tags::UntagOutcome;
pub use transactions::TransactionEntry;
pub use transactions::TransactionList;
pub use transactions::TransactionSummary;

use base_paths::BasePaths;
use memory::Listings;
use memory::Memory;
use root_uri::RootUri;
use session::ObservingWrapper;

/// How a root is opened.
#[derive(Clone, Debug, Default)]
pub struct LanceRootOptions {
    /// Where the store was when it was written, if it has been moved since.
    pub relocated_from: Option<String>,
    /// Settings of the object store, as Lance names them; those of the environment apply as well.
    pub storage_options: BTreeMap<String, String>,
    /// Whether mutations on local disk are synced.
    pub durability: Durability,
    /// Where every request is recorded.
    pub log: RequestLog,
}

/// One root, opened: the handle everything about its tables and its catalog goes through.
///
/// Cheap to clone; the clones share the store client, the caches and the request log.
#[derive(Clone)]
pub struct LanceRoot {
    inner: Arc<Inner>,
    // The listings of the look that this handle was made for.
    listings: Option<Arc<Listings>>,
}

struct Inner {
    root: RootUri,
    lance_uri: String,
    prefix: Path,
    // Held for the life of the `LanceRoot`: the registry keeps only weak references, and a new store
    // would mean new connections and credentials for every request.
    store: Arc<ObjectStore>,
    handler: Arc<dyn CommitHandler>,
    params: ObjectStoreParams,
    session: Arc<Session>,
    base_paths: BasePaths,
    memory: Arc<Memory>,
    log: RequestLog,
    // On local disk.
    files: Option<ConfinedFiles>,
    sync: Option<LocalSync>,
}

impl Inner {
    /// Finds out which folder the root is, if it is there: links on the way to it are followed now, and never again.
    async fn resolve(&self) {
        let Some(files) = self.files.clone() else {
            return;
        };
        // A failure is ignored here: the first request meets it again and reports it.
        let _ = tokio::task::spawn_blocking(move || files.resolve()).await;
    }
}

impl fmt::Debug for LanceRoot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LanceRoot")
            .field("root", &self.root_uri())
            .finish_non_exhaustive()
    }
}

impl LanceRoot {
    /// Opens a root: a path, or a `file://`, `s3://`, `az://`, `abfss://` or `gs://` URI.
    ///
    /// Reads and writes nothing below it; a root that does not exist yet opens as an empty one.
    ///
    /// # Errors
    /// The text is no root, names a kind of storage on which commits cannot be fenced, holds credentials, or its store cannot be
    /// set up.
    pub async fn open(root: &str, options: LanceRootOptions) -> Result<Self, TableError> {
        let unusable = |source: lance_core::Error| TableError::RootUnusable {
            root: root.to_owned(),
            source: Box::new(source),
        };
        let uri = RootUri::parse(root)?;
        let relocated_from = options
            .relocated_from
            .as_deref()
            .map(RootUri::parse)
            .transpose()?;
        let lance_uri = uri.lance().ok_or_else(|| TableError::RootUnusable {
            root: root.to_owned(),
            source: "the path cannot be written as a URI".into(),
        })?;
        let session = session::shared(options.durability);
        let prefix = ObjectStore::extract_path_from_uri(session.store_registry(), &lance_uri)
            .map_err(unusable)?;
        let files = uri
            .directory()
            .map(|directory| ConfinedFiles::new(directory.to_owned(), prefix.clone()));
        let sync = files
            .clone()
            .filter(|_| options.durability == Durability::Synced)
            .map(LocalSync::of);
        let memory = Arc::new(Memory::default());
        let wrapper = ObservingWrapper {
            log: options.log.clone(),
            prefix: prefix.clone(),
            files: files
                .clone()
                .map(|files| ConfinedStore::of(files, options.durability)),
            sync: sync.clone(),
            memory: memory.clone(),
        };
        let storage_options = (!options.storage_options.is_empty()).then(|| {
            let settings = options.storage_options.into_iter().collect();
            Arc::new(StorageOptionsAccessor::with_static_options(settings))
        });
        let params = ObjectStoreParams {
            object_store_wrapper: Some(Arc::new(wrapper)),
            storage_options_accessor: storage_options,
            ..ObjectStoreParams::default()
        };
        let (store, prefix) =
            ObjectStore::from_uri_and_params(session.store_registry(), &lance_uri, &params)
                .await
                .map_err(unusable)?;
        let handler = commit_handler_from_url(&lance_uri, &Some(params.clone()))
            .await
            .map_err(unusable)?;
        let base_paths = BasePaths::new(uri.clone(), lance_uri.clone(), relocated_from);
        let inner = Inner {
            root: uri,
            lance_uri,
            prefix,
            store,
            handler,
            params,
            session,
            base_paths,
            memory,
            log: options.log,
            files,
            sync,
        };
        inner.resolve().await;
        Ok(Self {
            inner: Arc::new(inner),
            listings: None,
        })
    }

    /// A handle for one look at the root. The listing that finds HEAD also says which versions exist, and versions that were read
    /// before under the very same identity are not fetched again. Keep the handle no longer than the look.
    #[must_use]
    pub fn for_one_look(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            listings: Some(Arc::default()),
        }
    }

    /// The root: an absolute path on local disk, else its URI without a trailing slash.
    pub fn root_uri(&self) -> &str {
        self.inner.root.text()
    }

    /// The root's folder, if it is on local disk.
    pub fn directory(&self) -> Option<PathBuf> {
        self.inner.root.directory().map(PathBuf::from)
    }

    /// The root's objects, by paths relative to it.
    ///
    /// The same client, credentials, durability and request log as the tables have.
    pub fn objects(&self) -> Objects {
        let prefix = self.inner.prefix.clone();
        let store = PrefixStore::new(self.inner.store.inner.clone(), prefix.clone());
        let (sync, files) = (self.inner.sync.clone(), self.inner.files.clone());
        Objects::below(Arc::new(store), prefix, sync, files)
    }

    /// Makes objects durable that were found there, or found gone: see [`Objects::make_durable`].
    async fn make_durable(&self, place: &Place, paths: &[Path]) -> Result<(), TableError> {
        let Some(sync) = &self.inner.sync else {
            return Ok(());
        };
        let kept = sync.make_durable(paths).await;
        kept.map_err(|source| TableError::lance(&place.name, "syncing what was found", source))
    }

    /// The record of every request made through this `LanceRoot`.
    pub fn log(&self) -> &RequestLog {
        &self.inner.log
    }

    /// The path relative to the root that an absolute path or a URI names, also when it names the
    /// place the root was moved from; `None` when it is neither.
    pub fn relative(&self, location: &str) -> Option<String> {
        self.inner.base_paths.relative(location)
    }

    /// Checks a location and gives the place of its dataset or branch.
    fn place(&self, location: &TableLocation) -> Result<Place, TableError> {
        location::check(location)?;
        if let Some(directory) = self.inner.root.directory() {
            location::check_links(directory, location)?;
        }
        let dataset = self.path(&location.path)?;
        let uri = format!("{}/{}", self.inner.lance_uri, location.path);
        let (base, uri) = match location.other_branch() {
            Some(branch) => (
                self.path(&format!("{}/tree/{branch}", location.path))?,
                format!("{uri}/tree/{branch}"),
            ),
            None => (dataset.clone(), uri),
        };
        Ok(Place {
            name: location.to_string(),
            location: location.clone(),
            dataset,
            base,
            uri,
        })
    }

    /// The store's path of something below the root.
    fn path(&self, relative: &str) -> Result<Path, TableError> {
        let prefix = self.inner.prefix.as_ref();
        let whole = if prefix.is_empty() {
            relative.to_owned()
        } else {
            format!("{prefix}/{relative}")
        };
        Path::parse(whole).map_err(|source| TableError::InvalidLocation {
            location: relative.to_owned(),
            reason: source.to_string(),
        })
    }
}

/// A checked location: where Lance finds the dataset, and the branch within it.
#[derive(Clone, Debug)]
struct Place {
    // For messages.
    name: String,
    location: TableLocation,
    // The dataset, where its references are kept.
    dataset: Path,
    // The dataset or the branch, where its versions are kept.
    base: Path,
    uri: String,
}
