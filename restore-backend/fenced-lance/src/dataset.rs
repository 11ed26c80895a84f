//! Opening a Lance dataset at a version we have already read, through the root's own store.

use std::sync::Arc;

use lance::Dataset;
use lance::dataset::WriteParams;
use lance::dataset::builder::DatasetBuilder;
use lance_table::io::commit::CommitHandler;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::handler::RootHandler;
use super::version::VersionFile;

impl LanceRoot {
    /// A dataset at the version in `file`: no request.
    pub(super) async fn dataset_at(
        &self,
        place: &Place,
        file: &VersionFile,
    ) -> Result<Dataset, TableError> {
        let mut manifest = file.manifest.clone();
        self.inner
            .base_paths
            .open_in(&mut manifest)
            .map_err(|base_path| TableError::BasePathOutsideRoot {
                table: place.name.clone(),
                version: manifest.version,
                base_path,
            })?;
        let handler = self.handler().knowing(file.location.clone());
        let dataset = DatasetBuilder::load_by_uri(
            self.inner.session.clone(),
            Some(manifest),
            None,
            place.uri.clone(),
            None,
            self.inner.store.clone(),
            place.base.clone(),
            Arc::new(handler),
            Some(self.inner.params.clone()),
            None,
        );
        Box::pin(dataset)
            .await
            .map_err(|source| TableError::lance(&place.name, "opening the table", source))
    }

    pub(super) fn handler(&self) -> RootHandler {
        RootHandler::new(self.inner.handler.clone(), self.inner.base_paths.clone())
    }

    /// Parameters of a write through the store of this `LanceRoot`, its caches and its handler.
    pub(super) fn write_params(&self) -> WriteParams {
        let handler: Arc<dyn CommitHandler> = Arc::new(self.handler());
        WriteParams {
            store_params: Some(self.inner.params.clone()),
            session: Some(self.inner.session.clone()),
            commit_handler: Some(handler),
            // A commit of ours must not remove versions that somebody may still want back.
            skip_auto_cleanup: true,
            ..WriteParams::default()
        }
    }
}
