//! The commit handler of a `LanceRoot`: keeps base paths inside the root, and fences commits to one version.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::TryFutureExt;
use futures::TryStreamExt;
use futures::stream;
use futures::stream::BoxStream;
use lance_core::Error;
use lance_core::Result;
use lance_io::object_store::ObjectStore;
use lance_table::format::IndexMetadata;
use lance_table::format::Manifest;
use lance_table::format::Transaction;
use lance_table::io::commit::CommitError;
use lance_table::io::commit::CommitHandler;
use lance_table::io::commit::ManifestLocation;
use lance_table::io::commit::ManifestNamingScheme;
use lance_table::io::commit::ManifestWriter;
use object_store::ObjectStore as RawObjectStore;
use object_store::path::Path;

use super::base_paths::BasePaths;
use super::fence::Fence;
use super::memory::is_same;

/// Asked once everything of a commit is written and only its manifest is left to send: the last moment at which it can be given up.
#[async_trait]
pub trait PreCommitCheck: Debug + Send + Sync {
    /// Whether the commit may be sent.
    async fn may_commit(&self) -> bool;
}

/// Wraps the commit handler that belongs to the root's kind of storage.
///
/// All writers of a table must use the same one, so this adds to it and never replaces it.
#[derive(Clone, Debug)]
pub(super) struct RootHandler {
    inner: Arc<dyn CommitHandler>,
    base_paths: BasePaths,
    known: Option<ManifestLocation>,
    fence: Option<Arc<Fence>>,
    check: Option<Arc<dyn PreCommitCheck>>,
}

impl RootHandler {
    pub(super) fn new(inner: Arc<dyn CommitHandler>, base_paths: BasePaths) -> Self {
        Self {
            inner,
            base_paths,
            known: None,
            fence: None,
            check: None,
        }
    }

    /// Answers where the manifest at `location` is without asking again.
    pub(super) fn knowing(self, location: ManifestLocation) -> Self {
        Self {
            known: Some(location),
            ..self
        }
    }

    /// Asks before a commit is sent.
    pub(super) fn asking(self, check: Arc<dyn PreCommitCheck>) -> Self {
        Self {
            check: Some(check),
            ..self
        }
    }

    /// Lets through only the commit that the fence allows.
    pub(super) fn fenced(self, fence: Arc<Fence>) -> Self {
        Self {
            fence: Some(fence),
            ..self
        }
    }
}

#[async_trait]
impl CommitHandler for RootHandler {
    // Both are forwarded so that a refused commit comes back as refused. With the defaults Lance
    // would report it as a commit of unknown outcome.
    fn is_version_not_found_definitive(&self) -> bool {
        self.inner.is_version_not_found_definitive()
    }

    fn propagate_commit_error_after_success(&self) -> bool {
        self.inner.propagate_commit_error_after_success()
    }

    async fn resolve_latest_location(
        &self,
        base_path: &Path,
        object_store: &ObjectStore,
    ) -> Result<ManifestLocation> {
        self.inner
            .resolve_latest_location(base_path, object_store)
            .await
    }

    async fn resolve_version_location(
        &self,
        base_path: &Path,
        version: u64,
        object_store: &dyn RawObjectStore,
    ) -> Result<ManifestLocation> {
        if let Some(known) = &self.known
            && known.version == version
            && known.path == known.naming_scheme.manifest_path(base_path, version)
        {
            return Ok(known.clone());
        }
        self.inner
            .resolve_version_location(base_path, version, object_store)
            .await
    }

    async fn version_exists(
        &self,
        base_path: &Path,
        version: u64,
        object_store: &dyn RawObjectStore,
        naming_scheme: ManifestNamingScheme,
    ) -> Result<bool> {
        self.inner
            .version_exists(base_path, version, object_store, naming_scheme)
            .await
    }

    fn list_detached_manifest_locations<'a>(
        &self,
        base_path: &Path,
        object_store: &'a ObjectStore,
    ) -> BoxStream<'a, Result<ManifestLocation>> {
        self.inner
            .list_detached_manifest_locations(base_path, object_store)
    }

    fn list_manifest_locations<'a>(
        &self,
        base_path: &Path,
        object_store: &'a ObjectStore,
        sorted_descending: bool,
    ) -> BoxStream<'a, Result<ManifestLocation>> {
        self.inner
            .list_manifest_locations(base_path, object_store, sorted_descending)
    }

    fn list_manifest_locations_since<'a>(
        &self,
        base_path: &Path,
        object_store: &'a ObjectStore,
        since_version: u64,
    ) -> BoxStream<'a, Result<ManifestLocation>> {
        let Some(known) = self
            .known
            .clone()
            .filter(|known| known.version == since_version && known.e_tag.is_some())
        else {
            return self.inner.list_manifest_locations_since(
                base_path,
                object_store,
                since_version,
            );
        };
        // Lance asks for this before a commit, to catch up with versions later than the one the commit is made on. That version
        // may have been read a while ago. If there were a later one, the fence would refuse the commit. So the listing has to
        // begin with the very object that was read, which a table that was dropped and made again does not have.
        let mut versions = self
            .inner
            .list_manifest_locations(base_path, object_store, true);
        let check = async move {
            match versions.try_next().await? {
                Some(latest) if is_same(&latest, &known) => Ok(stream::empty()),
                latest => Err(Error::prerequisite_failed(format!(
                    "version {} was read, and now {} is the latest",
                    known.version,
                    latest.map_or_else(|| "none".to_owned(), |latest| latest.path.to_string()),
                ))),
            }
        };
        check.try_flatten_stream().boxed()
    }

    async fn commit(
        &self,
        manifest: &mut Manifest,
        indices: Option<Vec<IndexMetadata>>,
        base_path: &Path,
        object_store: &ObjectStore,
        manifest_writer: ManifestWriter,
        naming_scheme: ManifestNamingScheme,
        transaction: Option<Transaction>,
    ) -> std::result::Result<ManifestLocation, CommitError> {
        self.base_paths.settle_in(manifest).map_err(|outside| {
            CommitError::OtherError(Error::invalid_input(format!(
                "the base path {outside} is outside the root"
            )))
        })?;
        if let Some(check) = &self.check
            && !check.may_commit().await
        {
            return Err(CommitError::OtherError(Error::prerequisite_failed(
                "the commit was given up before it was sent",
            )));
        }
        if let Some(fence) = &self.fence {
            fence.pass(manifest.version)?;
        }
        let sent = self
            .inner
            .commit(
                manifest,
                indices,
                base_path,
                object_store,
                manifest_writer,
                naming_scheme,
                transaction,
            )
            .await;
        if let (Some(fence), Err(_)) = (&self.fence, &sent) {
            fence.fail();
        }
        sent
    }

    async fn delete(&self, base_path: &Path) -> Result<()> {
        self.inner.delete(base_path).await
    }
}
