//! The two contents whose rows are compared, and how much is read of them.

use std::sync::Arc;

use lance::Dataset;

use super::super::Place;
use super::super::location::TableLocation;
use super::super::version::VersionFile;

/// A version of a table on one of its Lance branches.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RowsAt {
    /// The table and the branch.
    pub location: TableLocation,
    /// The version.
    pub version: u64,
}

/// How much is read to compare two versions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RowBounds {
    /// Rows of both versions together. Each is held as five numbers until all are read.
    pub rows_max: u64,
    /// Bytes of these rows.
    pub bytes_max: u64,
    /// Bytes of one column of vectors. Where it has more, it is not compared.
    pub vector_bytes_max: u64,
    /// Rows of each kind in the sample; none is made for 0.
    pub sample_rows: usize,
}

impl RowBounds {
    /// The bounds of one look.
    pub const DEFAULT: Self = Self {
        rows_max: 1_000_000,
        bytes_max: 512 << 20,
        vector_bytes_max: 64 << 20,
        sample_rows: 0,
    };
}

/// One of two contents that are compared.
pub(super) struct Side {
    pub(super) place: Place,
    pub(super) file: Arc<VersionFile>,
    pub(super) dataset: Arc<Dataset>,
}
