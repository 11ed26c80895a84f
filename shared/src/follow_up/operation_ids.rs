//! The operations that follow from an operation. Their ids are derived from its id, so that they are found again without being
//! written down first.

use crate::ids::{DerivedOrder, OperationId};

/// The operation that takes the recovery of this one back.
#[must_use]
pub fn undo_id(of: &OperationId) -> OperationId {
    of.derived(DerivedOrder::Before, "undo")
}

/// The operation that takes a recovery back when `previous` is spent: its journal has its terminal record, and the recovery is not
/// taken back. Its effects are gone with a backup that was brought back, or it stopped half way and was rolled back.
#[must_use]
pub fn next_undo_id(previous: &OperationId) -> OperationId {
    previous.derived(DerivedOrder::Before, "undo again")
}

/// The operation whose pending sidecar covers the versions that come back when the roll back of this one is undone.
///
/// It sorts after [`undo_id`], so that it waits while the undo is under way.
#[must_use]
pub fn undo_sidecar_id(of: &OperationId) -> OperationId {
    of.derived(DerivedOrder::After, "undo-sidecar")
}

/// The operation for that sidecar when `previous` is spent: an earlier attempt at the undo announced it, restored nothing, and it
/// was resolved since. A journal that has its terminal record never covers anything again.
#[must_use]
pub fn next_undo_sidecar_id(previous: &OperationId) -> OperationId {
    previous.derived(DerivedOrder::After, "undo-sidecar again")
}

/// The operation that drops the tags of the recovery of this one.
#[must_use]
pub fn release_id(of: &OperationId) -> OperationId {
    of.derived(DerivedOrder::After, "release")
}

/// The operation that drops them when `previous` is spent: it dropped tags, and the recovery was carried out anew since.
#[must_use]
pub fn next_release_id(previous: &OperationId) -> OperationId {
    previous.derived(DerivedOrder::After, "release again")
}

/// How many operations are derived one from the other for one purpose: undos of one recovery, for instance. A terminal record
/// whose effects are gone uses one up. That takes a backup that was brought back, or half an undo.
pub const SUCCESSORS_MAX: usize = 1_024;

/// The operations that take the recovery of `of` back, one after the other: the first whose journal is not spent is the one.
pub fn undo_ids(of: &OperationId) -> impl Iterator<Item = OperationId> + use<> {
    successors(undo_id(of), next_undo_id)
}

/// The operations that drop the tags of the recovery of `of`, as [`undo_ids`].
pub fn release_ids(of: &OperationId) -> impl Iterator<Item = OperationId> + use<> {
    successors(release_id(of), next_release_id)
}

/// The operations whose sidecars cover what the undo of the recovery of `of` brings back, as [`undo_ids`].
pub(crate) fn undo_sidecar_ids(of: &OperationId) -> impl Iterator<Item = OperationId> + use<> {
    successors(undo_sidecar_id(of), next_undo_sidecar_id)
}

fn successors(
    first: OperationId,
    next: fn(&OperationId) -> OperationId,
) -> impl Iterator<Item = OperationId> {
    std::iter::successors(Some(first), move |previous| Some(next(previous))).take(SUCCESSORS_MAX)
}
