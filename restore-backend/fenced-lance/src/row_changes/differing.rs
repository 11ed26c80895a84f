//! Which fragments and which rows of two versions are not in the same place in both, from their Lance manifests and deletion files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use lance::dataset::fragment::FileFragment;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::{DeletionFile, Fragment};
use sidecar::root_layout::DATA_FOLDER;

use super::columns::Columns;
use super::side::{RowBounds, Side};
use crate::LanceRoot;
use crate::TableError;
use crate::restorable::Folders;

/// Deletion files of one comparison that are read at the same time.
const DELETIONS_AT_ONCE: usize = 8;
/// How many deleted rows are gone through for each row that may be read. They are numbers in small files.
const DELETED_PER_ROW: u64 = 8;

/// What of one content is not in the same place in the other.
#[derive(Debug, Default)]
pub(super) struct Differing {
    /// Whole fragments.
    pub(super) fragments: Vec<Fragment>,
    /// Rows of other fragments, by their Lance row addresses, in order.
    pub(super) addresses: Vec<u64>,
    /// All their rows.
    pub(super) rows: u64,
}

/// The files of a fragment: two fragments of the same files hold the same rows but for those that are deleted.
type Files = Vec<(String, Vec<i32>, Vec<i32>)>; // Path, fields, columns.

/// Two fragments of the same files.
struct Twins<'a> {
    before: &'a Fragment,
    after: &'a Fragment,
}

impl LanceRoot {
    /// The parts of both contents that are not in the same place in the other; `None` if too many deleted rows would have to be gone
    /// through.
    pub(super) async fn differing(
        &self,
        before: Option<&Side>,
        after: Option<&Side>,
        columns: &Columns,
        bounds: &RowBounds,
    ) -> Result<Option<[Differing; 2]>, TableError> {
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            (before, after) => {
                let [before, after] = [before, after];
                let mut differing = [Differing::default(), Differing::default()];
                for (side, of_side) in [before, after].into_iter().zip(&mut differing) {
                    if let Some(side) = side {
                        of_side.fragments = side.file.manifest.fragments.to_vec();
                        of_side.count(side).await?;
                    }
                }
                return Ok(Some(differing));
            }
        };
        let mut differing = [Differing::default(), Differing::default()];
        let mut twins: Vec<Twins<'_>> = Vec::new();
        {
            let of_before = self.by_files(before, columns)?;
            let of_after = self.by_files(after, columns)?;
            for (files, fragment) in &of_before.unique {
                if let Some(after) = of_after.unique.get(files) {
                    twins.push(Twins {
                        before: fragment,
                        after,
                    });
                }
            }
            differing[0].fragments = of_before.not_in(&of_after);
            differing[1].fragments = of_after.not_in(&of_before);
        }
        let bases = [
            self.base_paths_of(&before.place, &before.file)?,
            self.base_paths_of(&after.place, &after.file)?,
        ];
        let folder = |side: &Side, bases: &HashMap<u32, String>, file: &DeletionFile| {
            Folders::of(&side.place, &side.file.manifest, bases)
                .base(file.base_id)
                .ok()
        };
        twins.retain(|twins| {
            let identity = |side: &Side, bases, fragment: &Fragment| {
                fragment.deletion_file.as_ref().map(|file| {
                    (
                        folder(side, bases, file),
                        fragment.id,
                        file.id,
                        file.read_version,
                        file.file_type.clone(),
                    )
                })
            };
            identity(before, &bases[0], twins.before) != identity(after, &bases[1], twins.after)
        });
        let deleted: u64 = twins
            .iter()
            .flat_map(|twins| [twins.before, twins.after])
            .map(deleted_of)
            .sum();
        if deleted > bounds.rows_max.saturating_mul(DELETED_PER_ROW) {
            return Ok(None);
        }
        let reads: Vec<_> = twins
            .iter()
            .map(|twins| only_in_one(before, after, twins))
            .collect();
        let found: Vec<[Vec<u64>; 2]> = futures::stream::iter(reads)
            .buffered(DELETIONS_AT_ONCE)
            .try_collect()
            .await?;
        for [only_before, only_after] in found {
            differing[0].addresses.extend(only_before);
            differing[1].addresses.extend(only_after);
        }
        for (side, of_side) in [before, after].into_iter().zip(&mut differing) {
            of_side.addresses.sort_unstable();
            of_side.count(side).await?;
        }
        Ok(Some(differing))
    }

    fn by_files<'a>(&self, side: &'a Side, columns: &Columns) -> Result<ByFiles<'a>, TableError> {
        let bases = self.base_paths_of(&side.place, &side.file)?;
        let folders = Folders::of(&side.place, &side.file.manifest, &bases);
        let mut unique = HashMap::new();
        let mut all = Vec::new();
        for fragment in side.file.manifest.fragments.iter() {
            let files = files_of(fragment, &folders).filter(|_| !columns.are_read_otherwise);
            if let Some(files) = &files {
                unique.insert(files.clone(), fragment);
            }
            all.push((fragment, files));
        }
        // No writer makes two fragments of the same files. If one did, neither has a twin.
        let mut met = HashSet::new();
        for (_, files) in &all {
            if let Some(files) = files
                && !met.insert(files)
            {
                unique.remove(files);
            }
        }
        Ok(ByFiles { unique, all })
    }
}

/// The fragments of one content by their files.
struct ByFiles<'a> {
    unique: HashMap<Files, &'a Fragment>,
    all: Vec<(&'a Fragment, Option<Files>)>,
}

impl ByFiles<'_> {
    /// The fragments that have no twin in the other content, in their order.
    fn not_in(&self, other: &ByFiles<'_>) -> Vec<Fragment> {
        let has_twin = |files: &Option<Files>| {
            files.as_ref().is_some_and(|files| {
                self.unique.contains_key(files) && other.unique.contains_key(files)
            })
        };
        let alone = self.all.iter().filter(|(_, files)| !has_twin(files));
        alone.map(|(fragment, _)| (*fragment).clone()).collect()
    }
}

/// Where the files of a fragment are, and which columns each has; `None` for one that is read anew in any case.
fn files_of(fragment: &Fragment, folders: &Folders<'_>) -> Option<Files> {
    if fragment.files.is_empty() || !fragment.overlays.is_empty() {
        return None;
    }
    let files = fragment.files.iter();
    files
        .map(|file| {
            let folder = folders.within(file.base_id, DATA_FOLDER).ok()?;
            Some((
                format!("{folder}/{}", file.path),
                file.fields.to_vec(),
                file.column_indices.to_vec(),
            ))
        })
        .collect()
}

/// The rows that only one of two twins has: those that the other has deleted.
async fn only_in_one(
    before: &Side,
    after: &Side,
    twins: &Twins<'_>,
) -> Result<[Vec<u64>; 2], TableError> {
    let (deleted_before, deleted_after) = futures::try_join!(
        deletions(before, twins.before),
        deletions(after, twins.after)
    )?;
    let beyond = |deleted: &Option<Arc<DeletionVector>>,
                  other: &Option<Arc<DeletionVector>>,
                  fragment: &Fragment| {
        let offsets = deleted.iter().flat_map(|deleted| deleted.iter());
        let live =
            offsets.filter(|offset| !other.as_ref().is_some_and(|other| other.contains(*offset)));
        live.map(|offset| (fragment.id << 32) | u64::from(offset))
            .collect()
    };
    Ok([
        beyond(&deleted_after, &deleted_before, twins.before),
        beyond(&deleted_before, &deleted_after, twins.after),
    ])
}

async fn deletions(
    side: &Side,
    fragment: &Fragment,
) -> Result<Option<Arc<DeletionVector>>, TableError> {
    let fragment = FileFragment::new(side.dataset.clone(), fragment.clone());
    let read = fragment.get_deletion_vector().await;
    read.map_err(|source| TableError::lance(&side.place.name, "reading deleted rows", source))
}

fn deleted_of(fragment: &Fragment) -> u64 {
    let file = fragment.deletion_file.as_ref();
    file.and_then(|file| file.num_deleted_rows)
        .unwrap_or_default() as u64
}

/// The deleted rows of a content, as its Lance manifest counts them.
pub(super) fn deleted_rows(side: Option<&Side>) -> u64 {
    let fragments = side
        .iter()
        .flat_map(|side| side.file.manifest.fragments.iter());
    fragments.map(deleted_of).sum()
}

impl Differing {
    /// Counts the rows; where an old writer left the counts out, Lance reads the sizes of the files.
    async fn count(&mut self, side: &Side) -> Result<(), TableError> {
        self.rows = self.addresses.len() as u64;
        for fragment in &self.fragments {
            let rows = match fragment.num_rows() {
                Some(rows) => rows,
                None => FileFragment::new(side.dataset.clone(), fragment.clone())
                    .count_rows(None)
                    .await
                    .map_err(|source| {
                        TableError::lance(&side.place.name, "counting rows", source)
                    })?,
            };
            self.rows = self.rows.saturating_add(rows as u64);
        }
        Ok(())
    }
}
