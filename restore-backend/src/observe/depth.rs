//! How much a look reads.

use futures::future::BoxFuture;
use sidecar::PendingEntry;

use crate::root::Root;

/// Reads what is pending in a root; the error is the reason why that is unknown. The caller passes it in, because what is pending
/// is read by a module above this one.
pub(crate) type ReadPending =
    for<'a> fn(&'a Root) -> BoxFuture<'a, Result<Vec<PendingEntry>, String>>;

/// How much a look reads beyond the positions of catalog and tables.
#[derive(Debug, Clone, Copy)]
pub(super) enum Depth {
    /// Everything a plan needs. Only a merge with commits beside its tables needs to know what else is pending.
    ForAPlan(ReadPending),
    /// Nothing.
    WhereTablesStand,
}

impl Depth {
    pub(super) fn is_for_a_plan(self) -> bool {
        matches!(self, Self::ForAPlan(_))
    }
}
