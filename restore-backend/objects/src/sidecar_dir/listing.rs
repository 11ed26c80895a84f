//! Listing the folder, and reading the files that are held.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt;
use object_store::ObjectMeta;
use object_store::ObjectStore;
use object_store::path::Path;
use sidecar::{Limits, Reason, SidecarFile};

use super::error::SidecarDirError;
use super::layout::SIDECAR_FOLDER;
use super::reading::{modified_at, parsed, stored_as};
use crate::read::read_bounded;
use crate::skipped::Skipped;
use crate::store::{NotRead, Objects, name_of};

/// Sidecars read at the same time. Enough to hide the round trips of an object store, few enough for its rate limits.
const READS_AT_ONCE: usize = 64;

/// Lists the sidecars of a root, by file name: one listing, and one bounded read per file.
///
/// Every entry directly in the folder whose name ends in `.json` counts. A missing folder is an empty one. A file that vanishes
/// between listing and reading was resolved by somebody else and is left out. An unreadable entry, or one that is no file, is
/// listed as such, so that it hides no other.
///
/// # Errors
/// [`SidecarDirError::List`] if the folder as a whole cannot be listed.
pub async fn list_sidecars(
    objects: &Objects,
    limits: &Limits,
) -> Result<Vec<SidecarFile>, SidecarDirError> {
    let names = list_names(objects, limits).await?;
    Ok(names.read(objects, limits, None).await)
}

/// The entries of the sidecar folder, before any is read.
#[derive(Debug)]
pub struct SidecarNames {
    sidecars: Vec<ObjectMeta>,
    unread: Vec<SidecarFile>,
    /// The remains of unfinished writes.
    skipped: Skipped,
}

/// Lists the sidecar folder, and reads none of its files.
///
/// # Errors
/// [`SidecarDirError::List`], and [`SidecarDirError::TooMany`] beyond the limit.
pub async fn list_names(
    objects: &Objects,
    limits: &Limits,
) -> Result<SidecarNames, SidecarDirError> {
    let folder = Path::from(SIDECAR_FOLDER);
    let mut names = SidecarNames {
        sidecars: Vec::new(),
        unread: Vec::new(),
        skipped: Skipped::of(SIDECAR_FOLDER),
    };
    // An object store can list one folder alone. A listing on local disk goes deeper, but names each file that it cannot read.
    let mut listing = if objects.are_files() {
        objects.list(Some(&folder))
    } else {
        match objects.list_with_delimiter(Some(&folder)).await {
            Ok(listed) => futures::stream::iter(listed.objects.into_iter().map(Ok)).boxed(),
            Err(object_store::Error::NotFound { .. }) => return Ok(names),
            Err(error) => return Err(SidecarDirError::List(error)),
        }
    };
    let is_sidecar = |path: &Path| {
        path.parent().as_ref() == Some(&folder)
            && path.filename().is_some_and(|name| name.ends_with(".json"))
    };
    while let Some(entry) = listing.next().await {
        match entry {
            Ok(meta) if is_sidecar(&meta.location) => names.sidecars.push(meta),
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => break,
            Err(error) => match NotRead::of(&error) {
                Some(not_read) if is_sidecar(&not_read.path) => {
                    names.unread.push(not_a_file(not_read));
                }
                Some(not_read) if not_read.is_staged() => {
                    names.skipped.note(&not_read.path, not_read);
                }
                // The entry lies deeper, or its name is not that of a sidecar.
                Some(not_read) if not_read.path != folder => {}
                _ => return Err(SidecarDirError::List(error)),
            },
        }
        if names.sidecars.len() + names.unread.len() > limits.sidecars_max {
            return Err(SidecarDirError::TooMany {
                max: limits.sidecars_max,
            });
        }
    }
    Ok(names)
}

fn not_a_file(not_read: &NotRead) -> SidecarFile {
    let file = name_of(&not_read.path);
    let reason = Reason::unreadable(format!("{file} {}", not_read.why));
    SidecarFile::unread(&file, reason)
}

impl SidecarNames {
    /// The names of all files; one of them may be gone before it is read.
    pub fn files(&self) -> BTreeSet<String> {
        let sidecars = self.sidecars.iter().map(|meta| name_of(&meta.location));
        let unread = self.unread.iter().map(|file| file.file.clone());
        sidecars.chain(unread).collect()
    }

    /// The remains of unfinished writes of sidecars; a second call returns nothing.
    pub fn take_skipped(&mut self) -> Vec<Reason> {
        self.skipped.take().into_reasons()
    }

    /// Reads the files, by name. Keeps the bytes only of the file or operation that is `wanted`. It holds the first of the others
    /// by name, which are the oldest, up to the limit together, and does not read the rest.
    pub async fn read(
        mut self,
        objects: &Arc<dyn ObjectStore>,
        limits: &Limits,
        wanted: Option<&str>,
    ) -> Vec<SidecarFile> {
        let is_wanted = |meta: &ObjectMeta| {
            let file = name_of(&meta.location);
            wanted
                .is_some_and(|wanted| file == wanted || file.strip_suffix(".json") == Some(wanted))
        };
        self.sidecars
            .sort_by(|left, right| left.location.cmp(&right.location));
        let reads: Vec<_> = self
            .sidecars
            .iter()
            .map(|meta| read_listed(objects, meta.clone(), limits, is_wanted(meta)))
            .collect();
        let mut reads = futures::stream::iter(reads)
            .buffered(READS_AT_ONCE)
            .enumerate();
        let (mut files, mut held) = (Vec::new(), 0_u64);
        let mut not_held = self.sidecars.len();
        while let Some((place, read)) = reads.next().await {
            let Some(file) = read else { continue };
            held = held.saturating_add(file.held_bytes());
            if held > limits.sidecars_held_bytes_max {
                not_held = place;
                break;
            }
            files.push(file);
        }
        drop(reads);
        for meta in self.sidecars.split_off(not_held) {
            if is_wanted(&meta) {
                files.extend(read_listed(objects, meta, limits, true).await);
            } else {
                let file = name_of(&meta.location);
                files.push(SidecarFile {
                    modified_at: modified_at(&meta),
                    ..SidecarFile::not_held(&file, limits)
                });
            }
        }
        files.extend(self.unread);
        files.sort_by(|left, right| left.file.cmp(&right.file));
        files
    }
}

async fn read_listed(
    objects: &Arc<dyn ObjectStore>,
    meta: ObjectMeta,
    limits: &Limits,
    is_whole: bool,
) -> Option<SidecarFile> {
    let file = name_of(&meta.location);
    let read = match read_bounded(objects, &meta.location, limits.sidecar_bytes_max).await {
        Ok(Some(bytes)) => parsed(file, bytes, *limits, is_whole).await,
        Ok(None) => SidecarFile::too_large(&file, stored_as(&meta), limits),
        Err(object_store::Error::NotFound { .. }) => return None,
        Err(error) => match NotRead::of(&error) {
            Some(not_read) => not_a_file(not_read),
            None => SidecarFile::unread(
                &file,
                Reason::unreadable(format!(
                    "{file} cannot be read: {}",
                    sidecar::error_text(&error)
                )),
            ),
        },
    };
    Some(SidecarFile {
        modified_at: modified_at(&meta),
        ..read
    })
}
