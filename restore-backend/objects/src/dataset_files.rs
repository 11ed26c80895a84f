//! The files of a Lance dataset, listed and removed one by one.
//!
//! No request removes a folder as a whole. So the version file goes first: from then on there is no dataset. If the process dies
//! in between, whoever goes on removes the rest.

use std::collections::BTreeSet;

use futures::StreamExt;
use object_store::path::{Path, PathPart};
use object_store::{ObjectStore, ObjectStoreExt};
use sidecar::root_layout::{
    BRANCHES_FOLDER, DATA_FOLDER, DELETIONS_FOLDER, INDICES_FOLDER, REFS_FOLDER, TAGS_FOLDER,
    TRANSACTIONS_FOLDER, TREE_FOLDER, VERSIONS_FOLDER,
};
use sidecar::{DATASET_FILES_MAX, DatasetFile, DatasetFiles};

use crate::store::{NotRead, Objects, spelt};

/// Folders that Lance makes in a dataset, and below it. An attempt that died may have left them empty, and a folder is all that an
/// engine looks for.
const FOLDERS: [&[&str]; 9] = [
    &[VERSIONS_FOLDER],
    &[TRANSACTIONS_FOLDER],
    &[DELETIONS_FOLDER],
    &[INDICES_FOLDER],
    &[REFS_FOLDER],
    &[REFS_FOLDER, BRANCHES_FOLDER],
    &[REFS_FOLDER, TAGS_FOLDER],
    &[DATA_FOLDER],
    &[TREE_FOLDER],
];

/// Why the files of a dataset could not be worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetFilesError {
    /// Storage failed.
    #[error("{path} cannot be {verb}")]
    Storage {
        /// The file or the folder, relative to the root.
        path: String,
        /// `listed`, `removed`, `synced`.
        verb: &'static str,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
}

fn failed(
    path: &Path,
    verb: &'static str,
) -> impl FnOnce(object_store::Error) -> DatasetFilesError {
    let path = spelt(path);
    move |source| DatasetFilesError::Storage { path, verb, source }
}

/// Every file below the folder of a dataset: none where there is no such folder. An entry that cannot be read, such as a link, is
/// no file of a dataset; then the files are [`DatasetFiles::NotListed`].
///
/// # Errors
/// [`DatasetFilesError::Storage`] if the folder as a whole cannot be listed.
pub async fn list(objects: &Objects, dataset: &str) -> Result<DatasetFiles, DatasetFilesError> {
    let folder = Path::from(dataset);
    let mut files = Vec::new();
    let mut listing = objects.list(Some(&folder));
    while let Some(entry) = listing.next().await {
        match entry {
            Ok(meta) => {
                let below = meta.location.prefix_match(&folder);
                let parts: Vec<String> = below
                    .into_iter()
                    .flatten()
                    .map(|part| part.as_ref().to_owned())
                    .collect();
                files.push(DatasetFile {
                    path: parts.join("/"),
                    bytes: meta.size,
                });
            }
            Err(object_store::Error::NotFound { .. }) => break,
            Err(error) => match NotRead::of(&error) {
                Some(not_read) => {
                    return Ok(DatasetFiles::NotListed {
                        reason: not_read.to_string(),
                    });
                }
                None => return Err(failed(&folder, "listed")(error)),
            },
        }
        if files.len() > DATASET_FILES_MAX {
            break;
        }
    }
    Ok(DatasetFiles::of(files))
}

/// Removes these files, in their order; one that is gone already is passed over. On return their absence is durable, and local
/// folders that they leave empty are gone. Returns `false` if the folder of the dataset is still there, because something else is
/// in it.
///
/// # Errors
/// [`DatasetFilesError::Storage`]; some files may be gone.
pub async fn remove(
    objects: &Objects,
    dataset: &str,
    files: &[DatasetFile],
) -> Result<bool, DatasetFilesError> {
    let folder = Path::from(dataset);
    let mut folders = BTreeSet::from([folder.clone()]);
    folders.extend(FOLDERS.map(|names| {
        let names = names.iter().map(|name| PathPart::from(*name));
        Path::from_iter(folder.parts().chain(names))
    }));
    let mut paths = Vec::new();
    for file in files {
        let path = Path::from_iter(folder.parts().chain(Path::from(file.path.as_str()).parts()));
        match objects.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => return Err(failed(&path, "removed")(source)),
        }
        let mut above = path.parent();
        while let Some(parent) = above.filter(|parent| parent.prefix_matches(&folder)) {
            above = parent.parent();
            folders.insert(parent);
        }
        paths.push(path);
    }
    let durable = objects.make_durable(&paths).await;
    durable.map_err(failed(&folder, "synced"))?;
    // The deepest first: a folder is empty once those in it are gone.
    let mut folders: Vec<Path> = folders.into_iter().collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(folder.parts().count()));
    let removed = objects.remove_empty_folders(&folders).await;
    removed.map_err(failed(&folder, "removed"))
}
