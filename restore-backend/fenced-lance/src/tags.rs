//! Tags that keep a version from being cleaned away, made once and never moved.
//!
//! A tag that is found, or found gone, is made durable before anything is built on it. No version fences a tag. Tags are set
//! under a [`root_objects::store::Hold`], so an executor that lost its operation cannot set one late.

use std::slice;

use lance::dataset::refs::TagContents;
use lance::dataset::refs::check_valid_tag;
use lance::dataset::refs::tag_path;
use lance_core::Error;
use object_store::ObjectStoreExt;
use object_store::PutMode;
use object_store::path::Path;
use serde::Serialize;

use super::LanceRoot;
use super::Place;
use super::TableError;
use super::location::TableLocation;

/// A tag is a few hundred bytes; its metadata is free text.
const TAG_BYTES_MAX: u64 = 1 << 20;

/// The outcome of setting a tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TagOutcome {
    /// It was set.
    Created,
    /// It was set before, to the same version.
    AlreadyThere,
    /// It was set before, to another version, and is left alone.
    Conflict {
        /// The version that it names.
        tagged: Tagged,
    },
}

/// The version that a tag names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tagged {
    /// The version.
    pub version: u64,
    /// The branch, unless it is the default one.
    pub branch: Option<String>,
}

/// The outcome of removing a tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UntagOutcome {
    /// It was removed.
    Removed,
    /// There was none.
    Absent,
}

// The fields that every Lance since 4 reads and writes. Lance's own struct would add the time, so
// the bytes of a repeated attempt would differ.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NewTag<'a> {
    branch: Option<&'a str>,
    version: u64,
    manifest_size: u64,
}

impl LanceRoot {
    /// Tags a version of a table, unless the name is taken.
    ///
    /// # Errors
    /// The name is not valid, the tag or the version cannot be read, or the tag cannot be written. It may be there nevertheless:
    /// call this again.
    pub async fn tag(
        &self,
        location: &TableLocation,
        name: &str,
        version: u64,
    ) -> Result<TagOutcome, TableError> {
        let tagged = self.tagged(location, name).await?;
        self.tag_unless(location, name, version, tagged).await
    }

    /// As [`Self::tag`], for a caller that has just read the tag.
    ///
    /// # Errors
    /// As [`Self::tag`].
    pub async fn tag_unless(
        &self,
        location: &TableLocation,
        name: &str,
        version: u64,
        tagged: Option<Tagged>,
    ) -> Result<TagOutcome, TableError> {
        let place = self.place(location)?;
        let path = tag_file(&place, name)?;
        if let Some(tagged) = tagged {
            return self.found(&place, &path, tagged, version).await;
        }
        let file = self.known_version(&place, version).await?;
        let tag = NewTag {
            branch: location.other_branch(),
            version,
            manifest_size: file.location.size.unwrap_or_default(),
        };
        let failed = |source| TableError::lance(&place.name, "setting a tag", source);
        let bytes = serde_json::to_vec_pretty(&tag)
            .map_err(|source| TableError::lance(&place.name, "setting a tag", source))?;
        let put = self
            .inner
            .store
            .inner
            .put_opts(&path, bytes.into(), PutMode::Create.into())
            .await;
        match put {
            Ok(_) => Ok(TagOutcome::Created),
            Err(
                taken @ (object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }),
            ) => match self.tagged_at(&place, name).await? {
                Some(tagged) => self.found(&place, &path, tagged, version).await,
                // Somebody made the tag before us and removed it before we read it.
                None => Err(failed(taken)),
            },
            Err(source) => Err(failed(source)),
        }
    }

    async fn found(
        &self,
        place: &Place,
        path: &Path,
        tagged: Tagged,
        version: u64,
    ) -> Result<TagOutcome, TableError> {
        let outcome = compare(place, tagged, version);
        if outcome == TagOutcome::AlreadyThere {
            self.make_durable(place, slice::from_ref(path)).await?;
        }
        Ok(outcome)
    }

    /// The version that a tag names, if there is such a tag.
    ///
    /// # Errors
    /// The name is not valid, or the tag is there and cannot be read or decoded.
    pub async fn tagged(
        &self,
        location: &TableLocation,
        name: &str,
    ) -> Result<Option<Tagged>, TableError> {
        let place = self.place(location)?;
        self.tagged_at(&place, name).await
    }

    async fn tagged_at(&self, place: &Place, name: &str) -> Result<Option<Tagged>, TableError> {
        let path = tag_file(place, name)?;
        let what = format!("the tag {name}");
        let object = self.read_object(place, &path, &what, TAG_BYTES_MAX).await?;
        let contents: Option<TagContents> = object
            .map(|object| serde_json::from_slice(&object.bytes))
            .transpose()
            .map_err(|source| TableError::Unreadable {
                table: place.name.clone(),
                what,
                source: Box::new(source),
            })?;
        Ok(contents.map(|contents| Tagged {
            version: contents.version,
            branch: contents.branch,
        }))
    }

    /// Removes a tag.
    ///
    /// # Errors
    /// The name is not valid, or the tag cannot be read or removed. It may be gone nevertheless: call this again.
    pub async fn untag(
        &self,
        location: &TableLocation,
        name: &str,
    ) -> Result<UntagOutcome, TableError> {
        let place = self.place(location)?;
        let path = tag_file(&place, name)?;
        // Object stores report success even if there was nothing to remove, so the tag is looked for first.
        if self.tagged_at(&place, name).await?.is_none() {
            return self.make_untagging_durable(location, name).await;
        }
        match self.inner.store.inner.delete(&path).await {
            Ok(()) => Ok(UntagOutcome::Removed),
            Err(object_store::Error::NotFound { .. }) => {
                self.make_untagging_durable(location, name).await
            }
            Err(source) => Err(TableError::lance(&place.name, "removing a tag", source)),
        }
    }

    /// As [`Self::untag`], for a caller that has just seen that the tag is not there.
    ///
    /// # Errors
    /// The name is not valid, or the folder of the tags cannot be fsynced.
    pub async fn make_untagging_durable(
        &self,
        location: &TableLocation,
        name: &str,
    ) -> Result<UntagOutcome, TableError> {
        let place = self.place(location)?;
        let path = tag_file(&place, name)?;
        self.make_durable(&place, &[path]).await?;
        Ok(UntagOutcome::Absent)
    }
}

fn compare(place: &Place, tagged: Tagged, version: u64) -> TagOutcome {
    if tagged.version == version && tagged.branch.as_deref() == place.location.other_branch() {
        TagOutcome::AlreadyThere
    } else {
        TagOutcome::Conflict { tagged }
    }
}

fn tag_file(place: &Place, name: &str) -> Result<Path, TableError> {
    check_valid_tag(name).map_err(|source: Error| TableError::InvalidName {
        name: name.to_owned(),
        source: Box::new(source),
    })?;
    Ok(tag_path(&place.dataset, name))
}
