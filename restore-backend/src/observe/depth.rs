//! How much a look reads.

use futures::future::BoxFuture;
use sidecar::PendingEntry;

use crate::root::Root;

/// Reads the pending sidecars of a root; the error is the reason why they are unknown. The caller passes it in, because a module
/// above this one reads them.
pub(crate) type ReadPending =
    for<'a> fn(&'a Root) -> BoxFuture<'a, Result<Vec<PendingEntry>, String>>;

/// How much a look reads beyond the positions of catalog and tables.
#[derive(Debug, Clone, Copy)]
pub(super) enum Depth {
    /// Everything a plan needs. Only a merge with commits beside its tables needs to know the other pending sidecars.
    ForAPlan(ReadPending),
    /// Nothing.
    WhereTablesStand,
}

impl Depth {
    pub(super) fn is_for_a_plan(self) -> bool {
        matches!(self, Self::ForAPlan(_))
    }
}
