//! Why there is no evidence to judge a sidecar of version 9 by, in the words that people read.

use crate::code::{Code, Reason};

/// The root has no catalog.
#[must_use]
pub fn no_catalog() -> Reason {
    Reason::new(Code::CatalogUnreadable, "the root has no catalog")
}

/// The catalog has the branch, and does not say what it is known by.
#[must_use]
pub fn unidentified_branch(branch: &str) -> Reason {
    Reason::new(
        Code::CatalogUnreadable,
        format!(
            "the entry of branch {branch} of the catalog does not say what the branch is known by"
        ),
    )
}

/// The catalog has an older stamp than the one with which tables have identities.
#[must_use]
pub fn tables_without_identities(stamp: u32) -> Reason {
    Reason::new(
        Code::CatalogStampUnsupported,
        format!("the catalog has stamp {stamp}, and sidecars of version 9 are judged on stamp 6"),
    )
}

/// The catalog or a table moved during each of so many looks.
#[must_use]
pub fn never_at_rest(looks: usize) -> Reason {
    Reason::unreadable(format!(
        "the catalog or a table moved during each of {looks} looks at it; try again when less is being written"
    ))
}
