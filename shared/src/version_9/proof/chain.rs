//! Whether the commits that a merge planned for a table are there, one after the other and nothing between them.

use super::super::transaction_identity::TransactionIdentity;
use super::ownership::Ownership;
use super::seen::{SCANNED_MAX, SeenOperation, SeenVersions};

/// How far the chain of a merge got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainProof {
    /// Whose HEAD is.
    pub ownership: Ownership,
    /// Whether all of the chain is there, and HEAD is its end or the index behind it.
    pub is_complete: bool,
    /// Why nothing is proven, for people.
    pub unverifiable: Option<String>,
}

/// The planned transactions at exactly their versions. Then at most one index commit. A Restore to the visible version may follow
/// any of them, but must be HEAD. Anything else proves nothing: only the whole chain tells which of the many commits are the write's.
///
/// `base` is the pin's `expected_version`, `visible` the version that readers see now.
#[must_use]
pub fn prove_chain(
    planned: &[TransactionIdentity],
    base: u64,
    visible: u64,
    seen: &SeenVersions,
) -> ChainProof {
    let unverifiable = |reason: String| ChainProof {
        ownership: Ownership::Unverifiable,
        is_complete: false,
        unverifiable: Some(reason),
    };
    let Some(above) = seen.head.checked_sub(base) else {
        return unverifiable(format!(
            "HEAD is version {}, below version {base} that the merge began from",
            seen.head
        ));
    };
    if above > SCANNED_MAX {
        return unverifiable(format!(
            "{above} versions lie above version {base}, more than a merge makes"
        ));
    }
    let (mut left, mut found, mut index_seen) = (planned, 0_usize, false);
    for version in base.saturating_add(1)..=seen.head {
        let Some(transaction) = seen.at(version) else {
            return unverifiable(format!(
                "the transaction of version {version} cannot be read"
            ));
        };
        if version == seen.head && found > 0 && seen.head_restores(visible) {
            return ChainProof {
                ownership: Ownership::CompensatedAtHead,
                is_complete: false,
                unverifiable: None,
            };
        }
        if let [next, rest @ ..] = left {
            if transaction.identity != *next || next.read_version.checked_add(1) != Some(version) {
                return unverifiable(format!(
                    "version {version} is transaction {}, and {} was planned there",
                    transaction.identity.uuid, next.uuid
                ));
            }
            (left, found) = (rest, found + 1);
        } else if transaction.operation == SeenOperation::CreateIndex && !index_seen {
            index_seen = true;
        } else {
            return unverifiable(format!(
                "version {version} is transaction {}, behind the last that was planned",
                transaction.identity.uuid
            ));
        }
    }
    ChainProof {
        ownership: match found {
            0 => Ownership::None,
            _ => Ownership::AtHead,
        },
        is_complete: left.is_empty() && found > 0,
        unverifiable: None,
    }
}
