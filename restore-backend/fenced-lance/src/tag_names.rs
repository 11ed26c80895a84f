//! The names of a table's tags.

use futures::TryStreamExt;
use sidecar::root_layout::{REFS_FOLDER, TAGS_FOLDER};

use super::LanceRoot;
use super::TableError;
use super::location::TableLocation;

/// Tags of one table that are listed at most. A table has a few.
const TAGS_MAX: usize = 10_000;

impl LanceRoot {
    /// The names of all tags of a table, on whichever branch the tagged versions are: one listing, which reads no tag.
    ///
    /// # Errors
    /// [`TableError`] if they cannot be listed.
    pub async fn tag_names(&self, location: &TableLocation) -> Result<Vec<String>, TableError> {
        let place = self.place(location)?;
        let folder = place.dataset.clone().join(REFS_FOLDER).join(TAGS_FOLDER);
        let mut names = Vec::new();
        let mut listing = self.inner.store.inner.list(Some(&folder));
        loop {
            let object = match listing.try_next().await {
                Ok(Some(object)) => object,
                Ok(None) | Err(object_store::Error::NotFound { .. }) => break,
                Err(source) => {
                    return Err(TableError::lance(&place.name, "listing tags", source));
                }
            };
            let name = object.location.filename();
            let name = name.and_then(|name| name.strip_suffix(".json"));
            names.extend(name.map(str::to_owned));
            if names.len() == TAGS_MAX {
                break;
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}
