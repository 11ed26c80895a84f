//! Why a root could not be looked at.

use super::bounds::LOOKS_MAX;

/// Why a root could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The catalog moved during every look: somebody publishes all the time.
    #[error(
        "the catalog moved during each of {LOOKS_MAX} looks at it; try again when less is being published"
    )]
    CatalogBusy,
    /// The next decision depends on something that cannot be read.
    #[error("{what} cannot be read: {reason}; try again")]
    Unreadable {
        /// What was being read.
        what: String,
        /// What failed.
        reason: String,
    },
}
