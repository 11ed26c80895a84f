//! Where a table is: a path below the root and, perhaps, a Lance branch; and nothing that leaves the root.

use std::fmt;
use std::fs;
use std::path::Path as FilePath;

use lance::dataset::refs::check_valid_branch;
use sidecar::root_layout::{
    DATA_FOLDER, DELETIONS_FOLDER, INDICES_FOLDER, REFS_FOLDER, TRANSACTIONS_FOLDER, TREE_FOLDER,
    VERSIONS_FOLDER,
};

use super::TableError;

/// The folders of a dataset that Lance reads and writes; a link in their place would lead it away.
const DATASET_FOLDERS: [&str; 7] = [
    VERSIONS_FOLDER,
    TRANSACTIONS_FOLDER,
    REFS_FOLDER,
    DELETIONS_FOLDER,
    INDICES_FOLDER,
    DATA_FOLDER,
    TREE_FOLDER,
];

/// A table of the root, on one of its Lance branches.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TableLocation {
    /// Path of the dataset relative to the root, such as `nodes/01d32b35baa3b676`.
    pub path: String,
    /// The Lance branch; `None` and `main` are the default branch.
    pub branch: Option<String>,
}

impl TableLocation {
    /// The table at `path` on its default branch.
    pub fn main(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            branch: None,
        }
    }

    /// The table at `path` on `branch`.
    pub fn on(path: impl Into<String>, branch: Option<&str>) -> Self {
        Self {
            path: path.into(),
            branch: branch.map(str::to_owned),
        }
    }

    /// The branch unless it is the default one.
    pub fn other_branch(&self) -> Option<&str> {
        other_branch(self.branch.as_deref())
    }
}

impl fmt::Display for TableLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.other_branch() {
            Some(branch) => write!(formatter, "{} (branch {branch})", self.path),
            None => formatter.write_str(&self.path),
        }
    }
}

/// `branch` unless it names the default branch.
pub(super) fn other_branch(branch: Option<&str>) -> Option<&str> {
    sidecar::Branch::of(branch).name()
}

/// Checks that a location is a plain path below the root, with a branch name Lance allows.
pub(super) fn check(location: &TableLocation) -> Result<(), TableError> {
    check_path(&location.path).map_err(|reason| TableError::InvalidLocation {
        location: location.path.clone(),
        reason: reason.to_owned(),
    })?;
    match location.other_branch() {
        Some(branch) => check_valid_branch(branch).map_err(|source| TableError::InvalidName {
            name: branch.to_owned(),
            source: Box::new(source),
        }),
        None => Ok(()),
    }
}

/// The rule that `path` breaks, if any.
///
/// Stricter than object stores are: a character with another meaning in a URI or on some file system is refused rather than
/// escaped, so that everyone who reads the path reads the same one.
pub(super) fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("it is empty");
    }
    for segment in path.split('/') {
        match segment {
            "" => return Err("it is absolute or has an empty segment"),
            "." | ".." => return Err("it has a relative segment"),
            _ => {}
        }
        let is_forbidden = |c: char| c.is_control() || matches!(c, '\\' | '%' | '?' | '#' | ':');
        if segment.contains(is_forbidden) {
            return Err("it has a character with another meaning in a URI or a file system");
        }
    }
    Ok(())
}

/// Refuses a location that passes through a symbolic link below the root.
///
/// Object stores have no links; this is for a root on local disk, whose files are opened by path.
pub(super) fn check_links(root: &FilePath, location: &TableLocation) -> Result<(), TableError> {
    let mut walked = root.to_path_buf();
    for segment in location.path.split('/') {
        walked.push(segment);
        refuse_link(root, &walked, location)?;
    }
    let dataset = walked.clone();
    if let Some(branch) = location.other_branch() {
        walked.push(TREE_FOLDER);
        refuse_link(root, &walked, location)?;
        for segment in branch.split('/') {
            walked.push(segment);
            refuse_link(root, &walked, location)?;
        }
    }
    for folder in DATASET_FOLDERS {
        refuse_link(root, &dataset.join(folder), location)?;
        if walked != dataset {
            refuse_link(root, &walked.join(folder), location)?;
        }
    }
    Ok(())
}

fn refuse_link(
    root: &FilePath,
    path: &FilePath,
    location: &TableLocation,
) -> Result<(), TableError> {
    // A path that cannot be looked at is not a link; the read that follows reports it better.
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    if !is_link {
        return Ok(());
    }
    let link = path.strip_prefix(root).unwrap_or(path);
    Err(TableError::SymbolicLink {
        location: location.path.clone(),
        link: link.display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &str) {
        let error = check(&TableLocation::main(path)).expect_err(path);
        assert_eq!(error.code(), "invalid_location", "{path}");
    }

    #[test]
    fn only_plain_relative_paths_are_locations() {
        for path in [
            "",
            "/",
            "/etc",
            "nodes/",
            "nodes//a",
            ".",
            "..",
            "nodes/../../a",
            "nodes/./a",
            "s3://other/bucket",
            "nodes\\a",
            "nodes/%2e%2e/a",
            "nodes/a?x",
            "nodes/a#1",
            "nodes/a\0",
        ] {
            refused(path);
        }
        for path in ["nodes/01d32b35baa3b676", "a", "my tables/wörter.lance"] {
            check(&TableLocation::main(path)).expect(path);
        }
    }

    #[test]
    fn branch_names_cannot_leave_the_tree() {
        for branch in ["../x", "a/../../b", "", "/a", "a//b", "a\\b"] {
            let location = TableLocation::on("nodes/a", Some(branch));
            assert_eq!(check(&location).expect_err(branch).code(), "invalid_name");
        }
        check(&TableLocation::on("nodes/a", Some("feature/one"))).expect("a nested branch");
        check(&TableLocation::on("nodes/a", Some("main"))).expect("the default branch by name");
    }
}
