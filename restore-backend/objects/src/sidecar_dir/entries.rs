//! Everything that lies in the sidecar folder, by name alone.

use futures::StreamExt;
use object_store::ObjectStore as _;
use object_store::path::Path;

use super::error::SidecarDirError;
use super::layout::SIDECAR_FOLDER;
use crate::store::{NotRead, Objects, spelt};

/// Entries that are told by name; the others are counted.
const NAMED_MAX: usize = 32;
/// Entries that are counted at most. Engines refuse a root with far fewer.
const COUNTED_MAX: usize = 100_000;

/// The entries of the sidecar folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SidecarFolder {
    /// How many lie directly in it and have a name that ends in `.json`, whatever they hold.
    pub sidecars: usize,
    /// Others that lie directly in it.
    pub others: Entries,
    /// Those that lie in folders below it.
    pub nested: Entries,
    /// Whether there are more than were counted.
    pub is_cut_short: bool,
}

/// Some entries, the first of them by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// How many there are.
    pub count: usize,
    /// The first of them, from the folder on.
    pub names: Vec<String>,
}

impl Entries {
    fn add(&mut self, path: &Path) {
        self.count += 1;
        if self.names.len() < NAMED_MAX {
            self.names.push(spelt(path));
        }
    }
}

/// Lists the sidecar folder and all below it: one listing, and no read. A link is an entry, and is not followed. A missing folder
/// is an empty one.
///
/// # Errors
/// [`SidecarDirError::List`] if the folder as a whole cannot be listed.
pub async fn list_folder(objects: &Objects) -> Result<SidecarFolder, SidecarDirError> {
    let folder = Path::from(SIDECAR_FOLDER);
    let mut found = SidecarFolder::default();
    let mut listing = objects.list(Some(&folder));
    let mut counted = 0_usize;
    while let Some(entry) = listing.next().await {
        match entry {
            Ok(meta) => found.add(&folder, &meta.location),
            Err(object_store::Error::NotFound { .. }) => break,
            Err(error) => match NotRead::of(&error) {
                Some(not_read) if !not_read.is_at(&folder) => found.add(&folder, not_read.path()),
                _ => return Err(SidecarDirError::List(error)),
            },
        }
        counted += 1;
        if counted == COUNTED_MAX {
            found.is_cut_short = true;
            break;
        }
    }
    found.others.names.sort_unstable();
    found.nested.names.sort_unstable();
    Ok(found)
}

impl SidecarFolder {
    fn add(&mut self, folder: &Path, entry: &Path) {
        if entry.parent().as_ref() != Some(folder) {
            self.nested.add(entry);
        } else if entry.filename().is_some_and(|name| name.ends_with(".json")) {
            self.sidecars += 1;
        } else {
            self.others.add(entry);
        }
    }
}
