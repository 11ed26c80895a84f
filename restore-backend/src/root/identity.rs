//! Identity of a root, whatever its folder is called. A link to it, a mount of it and a new name of it are the same root; a copy
//! is another.
//!
//! On local disk, the first object that we write below a root records the root's name, and its folder by inode number and
//! creation time. Every later open of that very folder uses that name. The object's own name is derived from the folder, so a
//! copy, which holds the object too, does not find it. In an object store the address is the identity, and nothing is written.
//!
//! A clone of a whole file system has the same folders under the same numbers. It is told from its original only while the
//! original is there under its old name.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use object_store::path::Path;
use object_store::{ObjectStore as _, PutMode};
use serde::{Deserialize, Serialize};
use sidecar::{Digest, RootId, Tag};

use root_objects::journal_store::JOURNAL_FOLDER;
use root_objects::read::read_bounded;
use root_objects::store::Objects;

/// The object holds a path and some numbers.
const BYTES_MAX: u64 = 64 << 10;
/// Hexadecimal digits of the folder's digest in the name of its object.
const DIGEST_CHARS: usize = 16;
const FORMAT: u32 = 1;

/// Why the identity of a root cannot be found out or noted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The object that records the identity could not be read or written.
    #[error("{path}, which says which root this is, cannot be {verb}")]
    Storage {
        /// The object, relative to the root.
        path: String,
        /// `read` or `written`.
        verb: &'static str,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// The object is not what this build writes.
    #[error(
        "{path}, which says which root this is, is not to be understood: {reason}; if nobody needs it, remove it by hand"
    )]
    Malformed {
        /// The object, relative to the root.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder is not the one that was opened.
    #[error(
        "the folder {folder} was replaced by another since it was opened; nothing was done: open the root anew"
    )]
    Replaced {
        /// The folder.
        folder: String,
    },
    /// Somebody else named the root at the same time.
    #[error(
        "the root that is open as {here} was named {named} by another program meanwhile; nothing was done: open it anew, and look at the plan again"
    )]
    NamedMeanwhile {
        /// The name under which it is open.
        here: String,
        /// The name that was recorded.
        named: String,
    },
}

/// The folder, as the file system identifies it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Place {
    text: String,
}

/// The stored object.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    format: u32,
    /// The root's name: the address it had when this was written.
    root: String,
    /// For people: the folder that was meant.
    place: String,
}

/// The names of a root.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// Its name.
    pub(super) id: RootId,
    /// Other names under which the same folder is known, each once.
    pub(super) others: Vec<RootId>,
    folder: Option<(PathBuf, Place)>,
    /// Whether the object is known to be there; clones share this.
    is_noted: Arc<AtomicBool>,
}

impl Identity {
    /// Finds the identity of the root that is open as `opened`; `folder` is its folder on local disk. Writes nothing.
    pub(super) async fn find(
        opened: &str,
        folder: Option<&FilePath>,
        objects: &Objects,
    ) -> Result<Self, IdentityError> {
        let unnamed = Self {
            id: RootId::new(opened),
            others: Vec::new(),
            folder: None,
            is_noted: Arc::default(),
        };
        let Some(folder) = folder else {
            return Ok(unnamed);
        };
        // A folder that is missing or cannot be looked at has only the name it was given.
        let (Ok(canonical), Ok(found)) =
            futures::join!(tokio::fs::canonicalize(folder), tokio::fs::metadata(folder))
        else {
            return Ok(unnamed);
        };
        // The root of the file system has no other name either.
        let Some(canonical) = canonical.to_str().filter(|path| *path != "/") else {
            return Ok(unnamed);
        };
        let place = Place::of(&found);
        let named = match read(objects, &place).await? {
            Some(stored) if !is_another(&stored.root, &found).await => Some(stored.root),
            _ => None,
        };
        let id = named.as_deref().unwrap_or(canonical);
        let mut others: Vec<RootId> = Vec::new();
        for other in [canonical, opened] {
            let other = RootId::new(other);
            if other.as_str() != id && !others.contains(&other) {
                others.push(other);
            }
        }
        Ok(Self {
            id: RootId::new(id),
            others,
            is_noted: Arc::new(AtomicBool::new(named.is_some())),
            folder: Some((folder.to_path_buf(), place)),
        })
    }

    /// Notes the root's name, if nobody has yet. Call it before any other write of ours below the root.
    pub(super) async fn note(&self, objects: &Objects) -> Result<(), IdentityError> {
        let Some((folder, place)) = &self.folder else {
            return Ok(());
        };
        let is_here = tokio::fs::metadata(folder)
            .await
            .is_ok_and(|found| Place::of(&found) == *place);
        if !is_here {
            return Err(IdentityError::Replaced {
                folder: folder.display().to_string(),
            });
        }
        if self.is_noted.load(Ordering::Acquire) {
            return Ok(());
        }
        let path = place.object();
        let stored = Stored {
            format: FORMAT,
            root: self.id.to_string(),
            place: place.text.clone(),
        };
        let malformed = |reason: String| IdentityError::Malformed {
            path: path.to_string(),
            reason,
        };
        let bytes = serde_json::to_vec(&stored).map_err(|error| malformed(error.to_string()))?;
        let put = objects
            .put_opts(&path, bytes.into(), PutMode::Create.into())
            .await;
        let Err(source) = put else {
            self.is_noted.store(true, Ordering::Release);
            return Ok(());
        };
        // A conflict, or a lost answer, may be our own success. So the object is read back.
        match read(objects, place).await? {
            Some(found) if found.root == stored.root => {
                let kept = objects.make_durable(std::slice::from_ref(&path)).await;
                kept.map_err(|source| failed(&path, "written", source))?;
                self.is_noted.store(true, Ordering::Release);
                Ok(())
            }
            Some(found) => Err(IdentityError::NamedMeanwhile {
                here: stored.root,
                named: found.root,
            }),
            None => Err(failed(&path, "written", source)),
        }
    }
}

impl Place {
    fn of(found: &Metadata) -> Self {
        let born = found
            .created()
            .ok()
            .and_then(|born| born.duration_since(UNIX_EPOCH).ok())
            .map_or_else(
                || "unknown".to_owned(),
                |born| format!("{}.{:09}", born.as_secs(), born.subsec_nanos()),
            );
        Self {
            text: format!("inode {} made at {born}", found.ino()),
        }
    }

    fn object(&self) -> Path {
        let hex = Digest::of(Tag::DerivedId, self.text.as_bytes()).hex();
        Path::from(JOURNAL_FOLDER).join(format!("root-{}.json", &hex[..DIGEST_CHARS]))
    }
}

/// Whether another folder stands at the root's recorded address: then this one is a copy, or was moved away from there.
async fn is_another(name: &str, ours: &Metadata) -> bool {
    match tokio::fs::metadata(name).await {
        Ok(found) => (found.dev(), found.ino()) != (ours.dev(), ours.ino()),
        Err(error) => !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

fn failed(path: &Path, verb: &'static str, source: object_store::Error) -> IdentityError {
    IdentityError::Storage {
        path: path.to_string(),
        verb,
        source,
    }
}

async fn read(objects: &Objects, place: &Place) -> Result<Option<Stored>, IdentityError> {
    let path = place.object();
    let malformed = |reason: String| IdentityError::Malformed {
        path: path.to_string(),
        reason,
    };
    let bytes = match read_bounded(objects, &path, BYTES_MAX).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(malformed("it is too large".to_owned())),
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(source) => return Err(failed(&path, "read", source)),
    };
    let stored: Stored =
        serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    if stored.format != FORMAT || !stored.root.starts_with('/') {
        return Err(malformed(format!(
            "it has format {} and names {:?}",
            stored.format, stored.root
        )));
    }
    Ok(Some(stored))
}
