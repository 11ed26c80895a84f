//! What can go wrong between us and Lance, as seen by the rest of the backend.

use thiserror::Error;

/// Boxed because the errors of Lance are large and are only ever reported, never matched on.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// A table, or the catalog, could not be read or written.
///
/// From an operation that returns a `CommitOutcome`, this error says that no commit was attempted: nothing changed. The outcome says
/// what an attempt came to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The root names no kind of storage that commits can be fenced on.
    #[error("the root {root} is on a kind of storage that is not supported")]
    UnsupportedScheme {
        /// The root as given.
        root: String,
    },
    /// The root cannot be opened.
    #[error("the root {root} cannot be opened")]
    RootUnusable {
        /// The root as given.
        root: String,
        /// What the store or Lance said.
        #[source]
        source: Source,
    },
    /// A table location is not a plain path below the root.
    #[error("the table location {location:?} is not a path inside the root: {reason}")]
    InvalidLocation {
        /// The location as given.
        location: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// Nothing says which of two Lance branches is the branch of the graph.
    #[error(
        "the catalog has the Lance branches {one} and {other}, and nothing says which of them is branch {branch}; find out which of them the graph uses before anything else is done"
    )]
    TwoBranches {
        /// The branch of the graph.
        branch: String,
        /// One of them.
        one: String,
        /// Another.
        other: String,
    },
    /// A table location leaves the root through a symbolic link.
    #[error("the table location {location:?} passes through the symbolic link {link}")]
    SymbolicLink {
        /// The location as given.
        location: String,
        /// The link, relative to the root.
        link: String,
    },
    /// A branch or tag name that Lance does not allow.
    #[error("{name:?} is not a valid name of a Lance branch or tag")]
    InvalidName {
        /// The name as given.
        name: String,
        /// Which rule it breaks.
        #[source]
        source: Source,
    },
    /// A Lance manifest refers to files outside the root.
    #[error("version {version} of {table} refers to files at {base_path}, outside the root")]
    BasePathOutsideRoot {
        /// The table, with its branch.
        table: String,
        /// The version whose manifest says so.
        version: u64,
        /// The base path as written.
        base_path: String,
    },
    /// A branch's folder and its entry disagree: one of them is missing.
    #[error("branch {branch} of {table} is half made: its {missing} is missing")]
    BranchHalfMade {
        /// The table.
        table: String,
        /// The branch.
        branch: String,
        /// Which half is missing: `entry` or `tree`.
        missing: &'static str,
    },
    /// A version that has to exist does not.
    #[error("version {version} of {table} does not exist")]
    VersionMissing {
        /// The table, with its branch.
        table: String,
        /// The version.
        version: u64,
    },
    /// A Lance manifest, transaction or reference file cannot be decoded.
    #[error("{what} of {table} cannot be decoded")]
    Unreadable {
        /// The table, with its branch.
        table: String,
        /// Which file.
        what: String,
        /// What the decoder said.
        #[source]
        source: Source,
    },
    /// A Lance manifest asks for abilities this build does not have.
    #[error("version {version} of {table} needs a newer Lance")]
    UnsupportedFormat {
        /// The table, with its branch.
        table: String,
        /// The version.
        version: u64,
        /// Which ability.
        #[source]
        source: Source,
    },
    /// An object is larger than we are willing to read into memory.
    #[error("{what} of {table} has {size_bytes} bytes, more than the {limit_bytes} that are read")]
    TooLarge {
        /// The table, with its branch.
        table: String,
        /// Which object.
        what: String,
        /// Its size.
        size_bytes: u64,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// The catalog does not have the columns it must have.
    #[error("the catalog at version {version} is malformed: {detail}")]
    MalformedCatalog {
        /// The version that was read.
        version: u64,
        /// What is wrong.
        detail: String,
    },
    /// The catalog has other columns than those of the stamps this code knows.
    #[error("the catalog at version {version} has stamp {stamp} and no column {column}")]
    CatalogNotUnderstood {
        /// The version that was read.
        version: u64,
        /// Its internal schema.
        stamp: u32,
        /// The first column that was looked for in vain.
        column: String,
    },
    /// Storage or Lance failed.
    #[error("{action} failed for {table}")]
    Lance {
        /// The table, with its branch.
        table: String,
        /// What was being done.
        action: &'static str,
        /// What Lance said.
        #[source]
        source: Source,
    },
}

impl TableError {
    /// A stable name of the kind of failure, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnsupportedScheme { .. } => "unsupported_scheme",
            Self::RootUnusable { .. } => "root_unusable",
            Self::InvalidLocation { .. } => "invalid_location",
            Self::TwoBranches { .. } => "two_branches",
            Self::SymbolicLink { .. } => "symbolic_link",
            Self::InvalidName { .. } => "invalid_name",
            Self::BasePathOutsideRoot { .. } => "base_path_outside_root",
            Self::BranchHalfMade { .. } => "branch_half_made",
            Self::VersionMissing { .. } => "version_missing",
            Self::Unreadable { .. } => "unreadable",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::TooLarge { .. } => "too_large",
            Self::MalformedCatalog { .. } => "malformed_catalog",
            Self::CatalogNotUnderstood { .. } => "catalog_not_understood",
            Self::Lance { .. } => "storage_failed",
        }
    }

    /// Whether the same read may well succeed later. Every other failure says something about what is there.
    pub fn may_pass(&self) -> bool {
        // Bytes that cannot be decoded may have been cut short on their way.
        matches!(self, Self::Lance { .. } | Self::Unreadable { .. })
    }

    /// Whether storage did not give something that is, or may be, there. Bytes that were given and make no sense, and a file that is
    /// not there, are facts.
    pub fn is_unread(&self) -> bool {
        let Self::Lance { source, .. } = self else {
            return false;
        };
        let source: &(dyn std::error::Error + 'static) = source.as_ref();
        let mut chain = std::iter::successors(Some(source), |error| error.source());
        chain.any(|error| match error.downcast_ref::<object_store::Error>() {
            Some(error) => !matches!(error, object_store::Error::NotFound { .. }),
            None => error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| !says_what_is_there(error.kind())),
        })
    }

    pub(super) fn lance(
        table: impl Into<String>,
        action: &'static str,
        source: impl Into<Source>,
    ) -> Self {
        Self::Lance {
            table: table.into(),
            action,
            source: source.into(),
        }
    }
}

const fn says_what_is_there(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind;
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: object_store::Error) -> TableError {
        TableError::lance(
            "node:Author",
            "finding HEAD",
            lance_core::Error::from(source),
        )
    }

    fn generic(why: &str) -> object_store::Error {
        object_store::Error::Generic {
            store: "a store",
            source: why.into(),
        }
    }

    #[test]
    fn what_storage_does_not_give_is_told_from_what_makes_no_sense() {
        assert!(of(generic("503")).is_unread());
        let forbidden = object_store::Error::PermissionDenied {
            path: "a".to_owned(),
            source: "403".into(),
        };
        assert!(of(forbidden).is_unread());
        let gone = object_store::Error::NotFound {
            path: "a".to_owned(),
            source: "404".into(),
        };
        assert!(!of(gone).is_unread());
        let senseless = lance_core::Error::corrupt_file("a".into(), "it is cut short");
        assert!(!TableError::lance("node:Author", "finding HEAD", senseless).is_unread());
        let undecodable = TableError::Unreadable {
            table: "node:Author".to_owned(),
            what: "version 3".to_owned(),
            source: "it is cut short".into(),
        };
        assert!(!undecodable.is_unread() && undecodable.may_pass());
    }
}
