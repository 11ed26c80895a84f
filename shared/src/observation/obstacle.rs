//! What was found on storage and stands in the way of a write, in the words that people read.
//!
//! Whoever looks passes in what it found. Which finding is an obstacle, and under which code, is said here alone.

use crate::branch::Branch;
use crate::code::{Code, Reason};
use crate::sidecar::{Registration, TablePin};

/// The catalog could not be read.
#[must_use]
pub fn catalog_unreadable(why: &str) -> Reason {
    Reason::new(
        Code::CatalogUnreadable,
        format!("the catalog cannot be read: {why}"),
    )
}

/// The catalog could not be read, or there is none. `error` says so in full.
#[must_use]
pub fn no_catalog(error: &str) -> Reason {
    Reason::new(Code::CatalogUnreadable, error)
}

/// Files of a dataset lie outside the root. `why` says of which dataset, and where they lie.
#[must_use]
pub fn base_path_outside_root(why: &str) -> Reason {
    Reason::new(Code::BasePathOutsideRoot, why)
}

/// Why a pin is of another branch than the one there is now, which was made from version `made_from` of its dataset; `None` if that
/// does not show it.
///
/// A branch holds no version from before it was made. So a branch made from a version above the writer's is another of the same
/// name, whatever any clock says.
#[must_use]
pub fn branch_made_later(pin: &TablePin, made_from: u64) -> Option<Reason> {
    (made_from > pin.expected_version).then(|| {
        Reason::new(
            Code::BranchRecreated,
            format!(
                "Lance branch {} of {} was made from version {made_from}, and this writer started from {}: it is another branch of the same name",
                pin.table_branch(),
                pin.table_key,
                pin.expected_version
            ),
        )
    })
}

/// Why a registration contradicts the catalog, whose tables are `located`: key and location. A table keeps its place, and a place
/// keeps its table.
#[must_use]
pub fn place_taken<'a>(
    registration: &Registration,
    located: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<Reason> {
    let key = &registration.table_key;
    let path = registration.table_path.trim_matches('/');
    let is_there = |location: &str| location.trim_matches('/') == path;
    let detail = if let Some((_, location)) = located
        .clone()
        .find(|(other, location)| other == key && !is_there(location))
    {
        format!("{key} is to be added at {path}, but the catalog says it is at {location}")
    } else {
        let mut others = located.filter(|(other, _)| other != key);
        let (other, _) = others.find(|(_, location)| is_there(location))?;
        format!("{key} is to be added at {path}, where {other} is")
    };
    Some(Reason::new(Code::LocationOutsideRoot, detail))
}

/// The rows of a version that is to be published cannot be counted.
#[must_use]
pub fn rows_not_counted(table_key: &str, version: u64, why: &str) -> Reason {
    Reason::new(
        Code::RowsNotCounted,
        format!(
            "the rows of version {version} of {table_key} cannot be counted, and no engine opens a graph whose catalog lacks that number: {why}; bring the missing files back first"
        ),
    )
}

/// No rows can be added to the history of the graph.
#[must_use]
pub fn history_not_writable(why: &str) -> Reason {
    Reason::new(
        Code::HistoryNotWritable,
        format!(
            "the recovery could not be recorded in the history of the graph: {why}; put the history right first, with the engine that owns the graph"
        ),
    )
}

/// Why a dataset cannot go: readers of a branch of the graph see it. `branch` is that of the catalog; `None` is main.
#[must_use]
pub fn still_catalogued(table_key: &str, branch: Option<&str>) -> String {
    let branch = Branch::of(branch);
    format!("the catalog has {table_key} there on branch {branch}")
}
