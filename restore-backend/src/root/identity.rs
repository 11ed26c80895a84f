//! Identity of a root, whatever its folder is called. A link to it, a mount of it and a new name of it are the same root; a copy
//! is another, wherever it is put.
//!
//! On local disk, the first object that we write below a root records the root's name, and its folder by inode number and time of
//! birth. Every later open of that very folder uses that name, whatever stands at its old path by then. The object's own name is
//! derived from the folder, so a copy, which holds the object too, has none of its own. That shows that it is a copy. Its name is
//! its path with a digest of its folder. So no plan in its journals was approved for it, even if it lies at the path of the
//! original. In an object store the address is the identity, and nothing is written.
//!
//! A clone of a whole file system has the same folders under the same numbers. Only while the original is there under its
//! recorded name can the two be told apart. A root in which no build ever noted an identity is known by its path.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStore as _, PutMode};
use serde::{Deserialize, Serialize};
use sidecar::{Digest, RootId, Tag};

use root_objects::journal_store::JOURNAL_FOLDER;
use root_objects::read::read_bounded;
use root_objects::store::{NotRead, Objects};

use super::folder::{FolderError, RootFolder};

/// The object holds a path and some numbers.
const BYTES_MAX: u64 = 64 << 10;
/// Hexadecimal digits of the folder's digest in the name of its object.
const DIGEST_CHARS: usize = 16;
const FORMAT: u32 = 1;
/// Prefix and suffix of the name of an object that records an identity.
const OBJECT: (&str, &str) = ("root-", ".json");
/// Stands between the path of a copy and the digits of its folder.
const COPY: &str = "#copy-";

/// Why the identity of a root cannot be found out or noted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The object that records the identity could not be read or written.
    #[error("{path}, which says which root this is, cannot be {verb}")]
    Storage {
        /// The object, relative to the root.
        path: String,
        /// `read`, `written` or `listed`.
        verb: &'static str,
        /// What failed.
        #[source]
        source: object_store::Error,
    },
    /// The object is not what this build writes.
    #[error(
        "{path}, which says which root this is, cannot be understood: {reason}; if nobody needs it, remove it by hand"
    )]
    Malformed {
        /// The object, relative to the root.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder cannot be used, or is not the one that was opened.
    #[error(transparent)]
    Folder(#[from] FolderError),
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

/// The stored object.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    format: u32,
    /// The root's name: the path it had when this was written; of a copy, with the digits of its folder.
    root: String,
    /// For people: the folder that was meant.
    place: String,
    /// The path it had when this was written, if that is not its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Stored {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.root)
    }
}

/// The names of a root.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// Its name.
    pub(super) id: RootId,
    /// Other names under which the same folder is known, each once.
    pub(super) others: Vec<RootId>,
    /// Where it is: a path without links, or a URI.
    pub(super) address: RootId,
    folder: Option<Named>,
    /// Whether the object is known to be there; clones share this.
    is_noted: Arc<AtomicBool>,
}

/// A folder, and the object that records its name.
#[derive(Clone, Debug)]
struct Named {
    folder: RootFolder,
    path: String,
    object: Path,
}

impl Identity {
    /// The identity of a root of which only the address is known.
    pub(super) fn unnamed(opened: &str) -> Self {
        Self {
            id: RootId::new(opened),
            others: Vec::new(),
            address: RootId::new(opened),
            folder: None,
            is_noted: Arc::default(),
        }
    }

    /// Finds the identity of the root that is open as `opened`; `folder` is its folder on local disk. Writes nothing.
    pub(super) async fn find(
        opened: &str,
        folder: Option<&FilePath>,
        objects: &Objects,
    ) -> Result<Self, IdentityError> {
        let unnamed = Self::unnamed(opened);
        let Some(folder) = folder else {
            return Ok(unnamed);
        };
        let folder = match RootFolder::look(folder).await {
            Ok(folder) => folder,
            // A folder that is missing has only the name it was given.
            Err(FolderError::Missing { .. } | FolderError::NotAFolder { .. }) => {
                return Ok(unnamed);
            }
            Err(unusable) => return Err(unusable.into()),
        };
        // The root of the file system has no other name either.
        let Some(path) = folder.canonical().to_str().filter(|path| *path != "/") else {
            return Ok(unnamed);
        };
        let path = path.to_owned();
        let (named, object) = named(objects, &folder, &path).await?;
        let id = match &named {
            Name::Recorded(name) => name.clone(),
            Name::Path => path.clone(),
            Name::Copy => format!("{path}{COPY}{}", digits(&object)),
        };
        let mut others: Vec<RootId> = Vec::new();
        for other in [path.as_str(), opened] {
            let other = RootId::new(other);
            if other.as_str() != id && !others.contains(&other) {
                others.push(other);
            }
        }
        Ok(Self {
            id: RootId::new(&id),
            others,
            address: RootId::new(&path),
            is_noted: Arc::new(AtomicBool::new(matches!(named, Name::Recorded(_)))),
            folder: Some(Named {
                folder,
                path,
                object,
            }),
        })
    }

    /// Whether the folder that was opened still has its path and can be used. An object store has no folder that could go.
    pub(super) async fn is_there(&self) -> Result<(), FolderError> {
        match &self.folder {
            Some(named) => named.folder.is_there().await,
            None => Ok(()),
        }
    }

    /// Notes the root's name, if nobody has yet. Call it before any other write of ours below the root.
    pub(super) async fn note(&self, objects: &Objects) -> Result<(), IdentityError> {
        let Some(Named {
            folder,
            path: address,
            object,
        }) = &self.folder
        else {
            return Ok(());
        };
        folder.is_there().await?;
        if self.is_noted.load(Ordering::Acquire) {
            return Ok(());
        }
        let stored = Stored {
            format: FORMAT,
            root: self.id.to_string(),
            place: folder.place().text().to_owned(),
            path: (self.id.as_str() != address).then(|| address.clone()),
        };
        let bytes =
            serde_json::to_vec(&stored).map_err(|error| malformed(object, error.to_string()))?;
        let put = objects
            .put_opts(object, bytes.into(), PutMode::Create.into())
            .await;
        let Err(source) = put else {
            self.is_noted.store(true, Ordering::Release);
            return Ok(());
        };
        // A conflict, or a lost answer, may be our own success. So the object is read back.
        match read(objects, object).await? {
            Some(found) if found.root == stored.root => {
                let kept = objects.make_durable(std::slice::from_ref(object)).await;
                kept.map_err(|source| failed(object, "written", source))?;
                self.is_noted.store(true, Ordering::Release);
                Ok(())
            }
            Some(found) => Err(IdentityError::NamedMeanwhile {
                here: stored.root,
                named: found.root,
            }),
            None => Err(failed(object, "written", source)),
        }
    }
}

/// Which name a folder has.
enum Name {
    /// The one that was recorded in it, for this very folder.
    Recorded(String),
    /// Its path: nothing is recorded in it.
    Path,
    /// A name of its own: others were recorded in it, and none for this folder.
    Copy,
}

/// The name of the folder at `path`, and the object that records it.
async fn named(
    objects: &Objects,
    folder: &RootFolder,
    path: &str,
) -> Result<(Name, Path), IdentityError> {
    let place = folder.place().text();
    let own = object_of(place);
    let Some(stored) = read(objects, &own).await? else {
        let name = match holds_an_identity(objects).await? {
            true => Name::Copy,
            false => Name::Path,
        };
        return Ok((name, own));
    };
    // The folder at the recorded path does not matter, unless its numbers are those of this folder.
    if stored.path() == path || !folder.is_cloned_at(stored.path()).await {
        return Ok((Name::Recorded(stored.root), own));
    }
    let of_the_clone = object_of(&format!("{place} at {path}"));
    let name = match read(objects, &of_the_clone).await? {
        Some(stored) => Name::Recorded(stored.root),
        None => Name::Copy,
    };
    Ok((name, of_the_clone))
}

/// Whether the identity of any folder was recorded below the root.
async fn holds_an_identity(objects: &Objects) -> Result<bool, IdentityError> {
    let journals = Path::from(JOURNAL_FOLDER);
    let mut listing = objects.list(Some(&journals));
    while let Some(listed) = listing.next().await {
        match listed {
            Ok(meta) if is_an_identity(&meta.location) => return Ok(true),
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => break,
            // Odd things beside the journals stop nobody.
            Err(error) if NotRead::of(&error).is_some_and(|odd| !odd.is_at(&journals)) => {}
            Err(source) => return Err(failed(&journals, "listed", source)),
        }
    }
    Ok(false)
}

fn object_of(place: &str) -> Path {
    let hex = Digest::of(Tag::DerivedId, place.as_bytes()).hex();
    let (begins, ends) = OBJECT;
    Path::from(JOURNAL_FOLDER).join(format!("{begins}{}{ends}", &hex[..DIGEST_CHARS]))
}

fn is_an_identity(path: &Path) -> bool {
    let digits = digits(path);
    path.parts().count() == 2
        && digits.len() == DIGEST_CHARS
        && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

/// The digits in the name of an object that records an identity; empty for any other.
fn digits(object: &Path) -> &str {
    let (begins, ends) = OBJECT;
    let name = object.filename().and_then(|name| name.strip_prefix(begins));
    let digits = name.and_then(|name| name.strip_suffix(ends));
    digits.unwrap_or_default()
}

fn malformed(object: &Path, reason: String) -> IdentityError {
    IdentityError::Malformed {
        path: object.to_string(),
        reason,
    }
}

fn failed(path: &Path, verb: &'static str, source: object_store::Error) -> IdentityError {
    IdentityError::Storage {
        path: path.to_string(),
        verb,
        source,
    }
}

async fn read(objects: &Objects, path: &Path) -> Result<Option<Stored>, IdentityError> {
    let malformed = |reason| malformed(path, reason);
    let bytes = match read_bounded(objects, path, BYTES_MAX).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(malformed("it is too large".to_owned())),
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(source) => return Err(failed(path, "read", source)),
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
