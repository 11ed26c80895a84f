//! One table of an operation, as it was when the operation began.

use fenced_lance::TableLocation;

/// One table of an operation, as it was when the operation began.
#[derive(Clone, Debug)]
pub(super) struct PinnedTable {
    pub(super) location: TableLocation,
    pub(super) expected: u64,
}
