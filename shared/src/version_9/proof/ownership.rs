//! Whether the one commit that a write planned for a table is there, and whether others lie on it.

use super::super::transaction_identity::TransactionIdentity;
use super::seen::{SCANNED_MAX, SeenVersions};

/// Where the planned effect of a write stands in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ownership {
    /// It is not there.
    None,
    /// It is HEAD.
    AtHead,
    /// It is there, and something lies on it.
    BeforeHead,
    /// It is there, and HEAD returned the table to the visible version.
    CompensatedAtHead,
    /// Nobody can tell: a transaction cannot be read, or there are too many.
    Unverifiable,
}

/// The ownership of one planned commit, by its uuid alone: Lance may have rebased it, and it is then still the writer's.
///
/// `first_possible` is the pin's `post_commit_pin`, `visible` the version that readers see now.
#[must_use]
pub fn ownership_of_commit(
    planned: &TransactionIdentity,
    first_possible: u64,
    visible: u64,
    seen: &SeenVersions,
) -> Ownership {
    let Some(above) = seen.head.checked_sub(first_possible) else {
        return Ownership::None;
    };
    if above >= SCANNED_MAX {
        return Ownership::Unverifiable;
    }
    let mut all_read = true;
    for version in first_possible..=seen.head {
        match seen.at(version) {
            Some(transaction) if transaction.identity.uuid == planned.uuid => {
                return match version {
                    _ if version == seen.head => Ownership::AtHead,
                    _ if seen.head_restores(visible) => Ownership::CompensatedAtHead,
                    _ => Ownership::BeforeHead,
                };
            }
            Some(_) => {}
            None => all_read = false,
        }
    }
    match all_read {
        true => Ownership::None,
        false => Ownership::Unverifiable,
    }
}

/// The versions above the visible one that are none of the planned transactions. A restore would take away what they did.
///
/// The engine does not look at those below its own effect: where Lance rebased the effect over somebody's unpublished commit, its
/// restore takes both. A Restore to the visible version at HEAD is not among them: it takes nothing that is not gone already.
/// Versions that cannot be read are among them. At most [`SCANNED_MAX`] are looked at, the oldest first.
#[must_use]
pub fn foreign_versions(
    planned: &[TransactionIdentity],
    visible: u64,
    seen: &SeenVersions,
) -> Vec<u64> {
    let first = visible.saturating_add(1);
    let last = seen.head.min(visible.saturating_add(SCANNED_MAX));
    let is_foreign = |version: &u64| match seen.at(*version) {
        None => true,
        Some(_) if *version == seen.head && seen.head_restores(visible) => false,
        Some(transaction) => !planned
            .iter()
            .any(|planned| planned.uuid == transaction.identity.uuid),
    };
    (first..=last).filter(is_foreign).collect()
}
