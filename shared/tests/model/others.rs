//! Who else is at work without knowing of the protocol: a writer that names no operation, a merge of a released engine, a cleanup of
//! old versions, and whoever brings a backup back.

use crate::store::{By, Commit, SLOW, Store};

/// What the writer that names no operation adds to a table.
pub(crate) const NAMELESS: usize = 2;
/// What a merge adds to its first table with a second commit. The first one adds what a write adds.
pub(crate) const SECOND: usize = 3;
/// The commits of a merge, one after the other: the table, and what is in it from then on.
pub(crate) const MERGES: [(usize, usize); 3] = [(0, SLOW), (1, SLOW), (0, SECOND)];

/// It commits on top of whatever a table's HEAD is, and is gone.
pub(crate) fn commit_namelessly(store: &mut Store, table: usize) {
    let content = store.content(table, store.head(table)) | 1 << NAMELESS;
    store.tables[table].push(Commit {
        content,
        by: By::Nameless,
    });
}

/// Lance removes every version but the last that no tag keeps. It knows of no pins.
pub(crate) fn clean_up(store: &mut Store, table: usize) {
    for version in 1..store.head(table) {
        if !store.tags.contains(&(table, version)) {
            store.cleaned.insert((table, version));
        }
    }
}

/// A merge that was taken for dead and is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Merge {
    /// This commit comes next.
    Commits(usize),
    ReadsCatalog,
    /// It read this version of the catalog.
    Publishes(u64),
    /// It published, and deletes its sidecar.
    Retires,
    Ended {
        published: bool,
    },
}

/// How many commits a merge that made so many made to a table.
fn heads_after(commits: usize) -> [u64; 2] {
    let made = |table: usize| {
        let of_table = MERGES[..commits].iter().filter(|(of, _)| *of == table);
        of_table.count() as u64
    };
    [1 + made(0), 1 + made(1)]
}

impl Merge {
    pub(crate) fn after(commits: usize) -> Self {
        if commits < MERGES.len() {
            Self::Commits(commits)
        } else {
            Self::ReadsCatalog
        }
    }

    pub(crate) const fn is_ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }

    /// One request. It builds on its own last commit, or fails.
    pub(crate) fn act(&mut self, store: &mut Store) {
        const FAILED: Merge = Merge::Ended { published: false };
        *self = match *self {
            Self::Commits(nth) => {
                let (table, adds) = MERGES[nth];
                if store.head(table) == heads_after(nth)[table] {
                    merge(store, table, adds);
                    Self::after(nth + 1)
                } else {
                    FAILED
                }
            }
            Self::ReadsCatalog if store.pins == [1, 1] => Self::Publishes(store.catalog_version()),
            Self::ReadsCatalog => FAILED,
            Self::Publishes(read) if store.catalog_version() != read => Self::ReadsCatalog,
            Self::Publishes(_) => {
                store.pins = heads_after(MERGES.len());
                store.catalog.push(By::Merge);
                Self::Retires
            }
            Self::Retires => {
                store.file = None;
                Self::Ended { published: true }
            }
            Self::Ended { published } => Self::Ended { published },
        };
    }
}

pub(crate) fn merge(store: &mut Store, table: usize, adds: usize) {
    let content = store.content(table, store.head(table)) | 1 << adds;
    store.tables[table].push(Commit {
        content,
        by: By::Merge,
    });
}
