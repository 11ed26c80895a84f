//! One root, opened: its identity, its tables and catalog, and its own small objects.

mod folder;
mod identity;

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore as _;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::path::Path;
use sidecar::commands::Commands;
use sidecar::root_layout::JOURNAL_FOLDER;
use sidecar::{Limits, RootId};
use tokio::sync::OnceCell;

use fenced_lance::LanceRoot;
use fenced_lance::LanceRootOptions;
use fenced_lance::TableError;
use root_objects::journal_store::MarkUpkeep;
use root_objects::read::read_bounded;
use root_objects::store::Durability;
use root_objects::store::Objects;
use root_objects::store::RequestLog;

pub use folder::FolderError;
use identity::Identity;
pub use identity::IdentityError;

/// The age from which a sidecar's writer counts as dead, unless the operator says otherwise.
pub const MIN_AGE_DEFAULT: Duration = Duration::from_secs(15 * 60);

/// Creates of one object that the probe sends at once, and its rounds. A store without the guarantee lets several creates
/// through.
const PROBE_RACERS: usize = 16;
const PROBE_ROUNDS: usize = 2;
/// The probe writes a number.
const PROBE_BYTES_MAX: u64 = 64;

/// How a root is opened.
#[derive(Clone, Debug)]
pub struct RootOptions {
    /// The root's address when its sidecars were written, if it was moved since.
    pub relocated_from: Option<String>,
    /// Younger sidecars are shown but cannot be executed: their writer may still be running.
    pub min_age: Duration,
    /// Whether mutations on local disk are synced before they count as done.
    pub durability: Durability,
    /// Where every request is recorded.
    pub log: RequestLog,
    /// The bounds on what is read from it.
    pub limits: Limits,
}

impl Default for RootOptions {
    fn default() -> Self {
        Self {
            relocated_from: None,
            min_age: MIN_AGE_DEFAULT,
            durability: Durability::Synced,
            log: RequestLog::new(),
            limits: Limits::DEFAULT,
        }
    }
}

/// Why a root cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Lance or the object store does not take the URI.
    #[error("the root {root} cannot be opened")]
    Unusable {
        /// As it was given.
        root: String,
        /// What failed.
        #[source]
        source: TableError,
    },
    /// The identity of the root cannot be found out.
    #[error("the root {root} cannot be opened")]
    Unidentified {
        /// As it was given.
        root: String,
        /// Why not.
        #[source]
        source: IdentityError,
    },
}

/// One opened root. Cheap to clone; clones share the client, the caches and the request log.
#[derive(Clone, Debug)]
pub struct Root {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    identity: Identity,
    directory: Option<PathBuf>,
    lance: LanceRoot,
    objects: Objects,
    relocated_from: Option<RootId>,
    min_age: Duration,
    limits: Limits,
    create_if_absent: OnceCell<bool>,
    marks: Arc<MarkUpkeep>,
    unidentified: Option<String>,
}

fn unidentified(uri: &str, source: IdentityError) -> RootError {
    RootError::Unidentified {
        root: uri.to_owned(),
        source,
    }
}

impl Root {
    /// Opens a root: a path, or a `file://`, `s3://`, `az://` or `gs://` URI. Writes nothing; on local disk one object is read,
    /// which says what the root is called.
    ///
    /// # Errors
    /// [`RootError::Unusable`] for a URI no store takes; [`RootError::Unidentified`].
    pub async fn open(uri: &str, options: RootOptions) -> Result<Self, RootError> {
        match Self::opened(uri, options).await? {
            (root, None) => Ok(root),
            (_, Some(source)) => Err(unidentified(uri, source)),
        }
    }

    /// As [`Self::open`], for `doctor`. It also opens a root whose identity cannot be read, since that is one of the things that
    /// may be out of order. Write nothing below such a root: nobody can tell whether an attempt was begun at it or at a copy.
    ///
    /// # Errors
    /// [`RootError::Unusable`]; [`RootError::Unidentified`] for a folder that cannot be used.
    pub async fn open_to_examine(uri: &str, options: RootOptions) -> Result<Self, RootError> {
        match Self::opened(uri, options).await? {
            (root, None) => Ok(root),
            (_, Some(source @ IdentityError::Folder(_))) => Err(unidentified(uri, source)),
            (root, Some(source)) => {
                let inner = Inner {
                    unidentified: Some(sidecar::error_text(&source)),
                    ..(*root.inner).clone()
                };
                Ok(Self {
                    inner: Arc::new(inner),
                })
            }
        }
    }

    /// The root, and why it is known by nothing but its address, if so.
    async fn opened(
        uri: &str,
        options: RootOptions,
    ) -> Result<(Self, Option<IdentityError>), RootError> {
        let lance_options = LanceRootOptions {
            relocated_from: options.relocated_from.clone(),
            durability: options.durability,
            log: options.log,
            ..LanceRootOptions::default()
        };
        let lance = LanceRoot::open(uri, lance_options)
            .await
            .map_err(|source| RootError::Unusable {
                root: sidecar::text::scrubbed(uri),
                source,
            })?;
        let objects = lance.objects();
        let directory = lance.directory();
        let found = Identity::find(lance.root_uri(), directory.as_deref(), &objects).await;
        let (identity, unknown) = match found {
            Ok(identity) => (identity, None),
            Err(source) => (Identity::unnamed(lance.root_uri()), Some(source)),
        };
        let inner = Inner {
            identity,
            directory,
            objects,
            lance,
            relocated_from: options.relocated_from.as_deref().map(RootId::new),
            min_age: options.min_age,
            limits: options.limits,
            create_if_absent: OnceCell::new(),
            marks: Arc::default(),
            unidentified: None,
        };
        let root = Self {
            inner: Arc::new(inner),
        };
        Ok((root, unknown))
    }

    /// The same root for one look at it: see [`LanceRoot::for_one_look`].
    #[must_use]
    pub(crate) fn for_one_look(&self) -> Self {
        let inner = Inner {
            lance: self.inner.lance.for_one_look(),
            ..(*self.inner).clone()
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The root's identity, the same under every spelling of its address. Part of every plan made for it.
    #[must_use]
    pub fn id(&self) -> &RootId {
        &self.inner.identity.id
    }

    /// Where it is: a path without links, or a URI. A root that was renamed keeps its id, so commands name it by this.
    #[must_use]
    pub fn address(&self) -> &RootId {
        &self.inner.identity.address
    }

    /// Its address for people, with its id where that is another.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.address(), self.id()) {
            (address, id) if address == id => address.to_string(),
            (address, id) => format!("{address} (known as {id})"),
        }
    }

    /// How commands name the root, with the options that it was opened with.
    #[must_use]
    pub fn commands(&self) -> Commands {
        let min_age = Some(self.min_age()).filter(|age| *age != MIN_AGE_DEFAULT);
        Commands {
            root: self.address().to_string(),
            relocated_from: self.relocated_from().map(ToString::to_string),
            min_age: min_age
                .map(|age| humantime::format_duration(age).to_string().replace(' ', "")),
        }
    }

    /// Why it is not known which root this is, if so: see [`Self::open_to_examine`].
    #[must_use]
    pub fn unidentified(&self) -> Option<&str> {
        self.inner.unidentified.as_deref()
    }

    /// Every known spelling of its address, its id first.
    pub fn spellings(&self) -> impl Iterator<Item = &RootId> {
        let identity = &self.inner.identity;
        std::iter::once(&identity.id).chain(&identity.others)
    }

    /// Whether its folder still has its path and can be used. Says nothing of an object store.
    ///
    /// # Errors
    /// [`FolderError`].
    pub async fn is_there(&self) -> Result<(), FolderError> {
        self.inner.identity.is_there().await
    }

    /// Notes the root's name, if nobody has yet. Call it before any other write of ours below the root.
    ///
    /// # Errors
    /// [`IdentityError`]; then write nothing below the root.
    pub async fn note_identity(&self) -> Result<(), IdentityError> {
        self.inner.identity.note(self.objects()).await
    }

    /// Its tables and its catalog.
    #[must_use]
    pub fn lance(&self) -> &LanceRoot {
        &self.inner.lance
    }

    /// Its own objects, by paths relative to it: sidecars, journal, claims.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.inner.objects
    }

    /// The findings of the last look at its marks of open operations.
    #[must_use]
    pub(crate) fn marks(&self) -> &MarkUpkeep {
        &self.inner.marks
    }

    /// Its address when its sidecars were written, if it was moved since.
    #[must_use]
    pub fn relocated_from(&self) -> Option<&RootId> {
        self.inner.relocated_from.as_ref()
    }

    /// Younger sidecars are not executable.
    #[must_use]
    pub fn min_age(&self) -> Duration {
        self.inner.min_age
    }

    /// The bounds on what is read from it.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Its folder, if it is on local disk.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        self.inner.directory.clone()
    }

    /// Whether the store honours create-if-absent; tried once per opened root.
    ///
    /// A store that ignores it loses commits silently, so nothing is recorded or executed on one. Local disk is not asked:
    /// its creates are hard links, which never overwrite.
    ///
    /// # Errors
    /// The store's words, if it could not be asked.
    pub async fn honours_create_if_absent(&self) -> Result<bool, object_store::Error> {
        if self.directory().is_some() {
            return Ok(true);
        }
        self.inner
            .create_if_absent
            .get_or_try_init(|| self.probe())
            .await
            .copied()
    }

    async fn probe(&self) -> Result<bool, object_store::Error> {
        for _ in 0..PROBE_ROUNDS {
            let path = Path::from(format!("{JOURNAL_FOLDER}/.probe/{}", uuid::Uuid::new_v4()));
            let honoured = self.race(&path).await;
            match self.objects().delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return honoured.and(Err(error)),
            }
            if !honoured? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends many creates of one object at once: a store that looks first and then writes passes any test that sends them one by
    /// one.
    async fn race(&self, path: &Path) -> Result<bool, object_store::Error> {
        let objects = self.objects();
        let create = |racer: usize| async move {
            (
                racer,
                objects
                    .put_opts(path, racer.to_string().into(), PutMode::Create.into())
                    .await,
            )
        };
        let mut winners = Vec::new();
        for (racer, answer) in futures::future::join_all((0..PROBE_RACERS).map(create)).await {
            match answer {
                Ok(_) => winners.push(racer.to_string().into_bytes()),
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::Precondition { .. },
                ) => {}
                Err(
                    object_store::Error::NotImplemented { .. }
                    | object_store::Error::NotSupported { .. },
                ) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let stored = read_bounded(objects, path, PROBE_BYTES_MAX).await?;
        // No winner: the winner's success was reported as a conflict by a retry.
        Ok(winners.len() <= 1 && winners.iter().all(|winner| stored.as_ref() == Some(winner)))
    }
}

/// Whether there is a folder at a path in which this program may look names up.
///
/// # Errors
/// [`FolderError`].
pub async fn usable_folder(folder: &FilePath) -> Result<(), FolderError> {
    folder::usable(folder).await.map(drop)
}
