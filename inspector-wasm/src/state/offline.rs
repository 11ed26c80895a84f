//! Dropped files: which of them are sidecars, and how they stand to each other.

use std::rc::Rc;

use sidecar::root_layout::SIDECAR_FOLDER;
use sidecar::{Limits, ListedSidecar, Reason, SidecarFile, assemble};
use yew::Reducible;

use super::entry::Entry;
use super::listing::{Listing, Sort, sorted};

/// Bytes of all files together that are kept; a page has to stay usable.
const BYTES_MAX: u64 = 512 << 20;

/// Where a dropped file lay, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath {
    /// The folders, joined with `/`; empty for a file dropped by itself.
    pub folder: String,
    /// The name.
    pub name: String,
}

impl FilePath {
    /// Splits a path at its last `/`.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let path = path.trim_start_matches('/');
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    fn in_sidecar_folder(&self) -> bool {
        self.folder.rsplit('/').next() == Some(SIDECAR_FOLDER)
    }
}

/// Which of the dropped files are read.
///
/// In a whole store only the files directly under `__recovery` are sidecars, as for the server. Loose files and folders of files
/// are all taken.
#[must_use]
pub fn chosen(paths: &[FilePath], limits: &Limits) -> Vec<usize> {
    let json: Vec<usize> = (0..paths.len())
        .filter(|index| paths[*index].name.ends_with(".json"))
        .collect();
    let whole_store = json.iter().any(|index| paths[*index].in_sidecar_folder());
    let taken = json
        .into_iter()
        .filter(|index| !whole_store || paths[*index].in_sidecar_folder());
    taken.take(limits.sidecars_max).collect()
}

/// A file that was read, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// Where it lay.
    pub path: FilePath,
    /// Its bytes, at most one more than a sidecar may have, or why they could not be had.
    pub content: Result<Vec<u8>, String>,
}

/// How far reading came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Files that are read.
    pub done: usize,
    /// Files that will be.
    pub total: usize,
}

/// Everything dropped so far.
#[derive(Debug, Clone, Default)]
pub struct OfflineState {
    listed: Rc<Vec<Dropped>>,
    /// The list with its filter and order.
    pub listing: Listing,
    /// Files that were dropped and are not sidecars by name or place.
    pub skipped: usize,
    /// Set while files are being read.
    pub reading: Option<Reading>,
    /// Why nothing came of the last drop.
    pub failure: Option<String>,
}

/// One dropped file among the others of its folder.
#[derive(Debug, Clone)]
pub struct Dropped {
    /// Its folder; empty for a file dropped by itself.
    pub folder: String,
    /// The file.
    pub listed: ListedSidecar,
}

/// What happens to an [`OfflineState`].
#[derive(Debug)]
pub enum Action {
    /// So many files will be read, so many were skipped.
    Began {
        /// Files that will be read.
        total: usize,
        /// Files that will not.
        skipped: usize,
    },
    /// So many are read.
    Came(usize),
    /// All are read.
    Finished(Vec<SidecarFileAt>),
    /// Nothing came of it.
    Failed(String),
    /// The filter was edited.
    Query(String),
    /// Another order was chosen.
    Sort(Sort),
    /// Everything goes.
    Cleared,
}

/// A sidecar file with where it lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarFileAt {
    /// Where it lay.
    pub path: FilePath,
    /// The file.
    pub file: SidecarFile,
}

/// Turns the bytes that were read into sidecar files, up to the size that a page can hold.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    bytes_left: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            limits: Limits::DEFAULT,
            bytes_left: BYTES_MAX,
        }
    }
}

impl Reader {
    /// Reads one file; whatever its bytes, there is something to show.
    pub fn read(&mut self, read: ReadFile) -> SidecarFileAt {
        let ReadFile { path, content } = read;
        let file = match content {
            Ok(bytes) if bytes.len() as u64 > self.bytes_left => {
                let reason = format!(
                    "{} was not read: more than {} MiB were dropped; look at fewer files at a time",
                    path.name,
                    BYTES_MAX >> 20
                );
                SidecarFile::unread(&path.name, Reason::unreadable(reason))
            }
            Ok(bytes) => {
                self.bytes_left -= bytes.len() as u64;
                SidecarFile::read(&path.name, bytes, &self.limits)
            }
            Err(reason) => SidecarFile::unread(
                &path.name,
                Reason::unreadable(format!("{} could not be read: {reason}", path.name)),
            ),
        };
        SidecarFileAt { path, file }
    }
}

impl Reducible for OfflineState {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = (*self).clone();
        match action {
            Action::Began { total, skipped } => {
                next.failure = None;
                next.skipped = skipped;
                next.reading = Some(Reading { done: 0, total });
            }
            Action::Came(done) => {
                next.reading = next.reading.map(|reading| Reading { done, ..reading })
            }
            Action::Finished(files) => {
                next.reading = None;
                next.take(files);
            }
            Action::Failed(reason) => (next.reading, next.failure) = (None, Some(reason)),
            Action::Query(query) => next.listing = next.listing.with_query(query),
            Action::Sort(sort) => next.listing = next.listing.with_sort(sort),
            Action::Cleared => next = Self::default(),
        }
        Rc::new(next)
    }
}

impl OfflineState {
    /// Every file, in the order that positions in addresses count.
    #[must_use]
    pub fn files(&self) -> &[Dropped] {
        &self.listed
    }

    /// How many folders they come from.
    #[must_use]
    pub fn folders(&self) -> usize {
        self.listed
            .chunk_by(|left, right| left.folder == right.folder)
            .count()
    }

    /// Adds files; one dropped again takes its own place. Files of one folder are one store.
    fn take(&mut self, files: Vec<SidecarFileAt>) {
        let before = self
            .listed
            .iter()
            .map(|Dropped { folder, listed }| SidecarFileAt {
                path: FilePath {
                    folder: folder.clone(),
                    name: listed.file.file.clone(),
                },
                file: listed.file.clone(),
            });
        let all: Vec<SidecarFileAt> = files.into_iter().chain(before).collect();
        let positions = (0_u32..).take(all.len()).collect();
        let mut order = sorted(positions, &|left, right| {
            all[left].path.cmp(&all[right].path)
        });
        // New ones come first, so of two with one path the new one stays.
        order.dedup_by(|later, earlier| all[*later as usize].path == all[*earlier as usize].path);
        let all: Vec<&SidecarFileAt> = order
            .into_iter()
            .map(|index| &all[index as usize])
            .collect();
        let mut listed = Vec::with_capacity(all.len());
        for store in all.chunk_by(|left, right| left.path.folder == right.path.folder) {
            let folder = &store[0].path.folder;
            let files = store.iter().map(|at| at.file.clone()).collect();
            listed.extend(assemble(files).into_iter().map(|listed| Dropped {
                folder: folder.clone(),
                listed,
            }));
        }
        let entries = listed
            .iter()
            .map(|dropped| Entry::of_listed(&dropped.listed))
            .collect();
        self.listed = Rc::new(listed);
        self.listing = self.listing.with_entries(entries);
    }
}

#[cfg(test)]
mod tests {
    use sidecar::Disposition;

    use super::*;
    use crate::state::entry::Standing;
    use crate::state::recovery::sample::SIDECAR;

    const NAME: &str = "01M8125ENACWR9X1EZNRMDV5V2.json";

    fn finished(files: &[(&str, &str)]) -> Rc<OfflineState> {
        let mut reader = Reader::default();
        let files = files.iter().map(|(path, text)| {
            reader.read(ReadFile {
                path: FilePath::of(path),
                content: Ok(text.as_bytes().to_vec()),
            })
        });
        let state = OfflineState::reduce(
            Rc::default(),
            Action::Began {
                total: 1,
                skipped: 0,
            },
        );
        OfflineState::reduce(state, Action::Finished(files.collect()))
    }

    fn standings(state: &OfflineState) -> Vec<Standing> {
        (0..state.listing.len())
            .filter_map(|position| state.listing.get(position))
            .map(|entry| entry.standing)
            .collect()
    }

    #[test]
    fn of_a_whole_store_only_sidecars_are_read() {
        let paths: Vec<FilePath> = [
            "g/__recovery/a.json",
            "g/_schema.ir.json",
            "g/__recovery_log/x/000001.json",
            "g/__recovery/b.txt",
            "g/__recovery/deep/c.json",
        ]
        .iter()
        .map(|path| FilePath::of(path))
        .collect();
        assert_eq!(chosen(&paths, &Limits::DEFAULT), [0]);
        assert_eq!(chosen(&paths[1..3], &Limits::DEFAULT), [0, 1]);
        assert_eq!(
            chosen(
                &paths[..],
                &Limits {
                    sidecars_max: 0,
                    ..Limits::DEFAULT
                }
            ),
            [0_usize; 0]
        );
    }

    #[test]
    fn a_lone_sidecar_is_undecided_and_a_broken_one_is_refused() {
        let state = finished(&[(NAME, SIDECAR), ("broken.json", "{")]);
        assert_eq!(
            standings(&state),
            [Standing::Undecided, Standing::Judged(Disposition::Refused)]
        );
        assert!(state.reading.is_none());
    }

    #[test]
    fn the_same_file_in_two_folders_is_two_stores() {
        let state = finished(&[
            ("a/x.json", "[]"),
            (&format!("a/{NAME}"), SIDECAR),
            (&format!("b/{NAME}"), SIDECAR),
        ]);
        assert_eq!(state.folders(), 2);
        assert_eq!(
            standings(&state)
                .iter()
                .filter(|standing| **standing == Standing::Undecided)
                .count(),
            2
        );
    }

    #[test]
    fn a_file_that_is_dropped_again_is_there_once() {
        let once = finished(&[(NAME, SIDECAR)]);
        let mut reader = Reader::default();
        let file = reader.read(ReadFile {
            path: FilePath::of(NAME),
            content: Err("gone".to_owned()),
        });
        let again = OfflineState::reduce(once, Action::Finished(vec![file]));
        assert_eq!(standings(&again), [Standing::Judged(Disposition::Refused)]);
        assert!(
            OfflineState::reduce(again, Action::Cleared)
                .files()
                .is_empty()
        );
    }
}
