//! What was found of one table: its pin, its HEAD, and the transactions between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::code::Reason;
use crate::ids::OperationId;
use crate::timestamp::Timestamp;

/// One pinned table, as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableObservation {
    /// The pin's key.
    pub table_key: String,
    /// The pin's Lance branch; `None` is main.
    pub branch: Option<String>,
    /// Where the catalog says the dataset is, relative to the root; `None` if the catalog does not know the table.
    pub location: Option<String>,
    /// The visible version.
    pub pinned: Pinned,
    /// Set if that version is on another Lance branch than the pin's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_elsewhere: Option<PinnedElsewhere>,
    /// The latest version of the dataset on the pin's branch.
    pub head: HeadObservation,
    /// Set if the sidecar's path is not the catalog's location (ARCHITECTURE.md, invariant 9).
    pub location_conflict: Option<Reason>,
    /// Lance transactions of the versions after `min(expected, pinned)` up to HEAD, and HEAD's own, oldest first, as far as they were read.
    pub transactions: Vec<TransactionObservation>,
    /// Whether the table at HEAD holds exactly what it holds at the pin (PROTOCOL.md, section 4.6).
    pub head_content: ContentComparison,
    /// Whether the pin can be restored.
    pub restorable: Restorability,
    /// Another operation that every version above the pin names, if it has a pending sidecar that names this table. That sidecar's
    /// recovery resolves them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<OperationId>,
    /// Whether the visible version itself was cleaned away: the catalog names it, and the table has it no more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pin_gone: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}

/// The visible version of a table on the sidecar's branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Pinned {
    /// Published at this version.
    At {
        /// The version readers see.
        version: u64,
    },
    /// The catalog has no version of this table: there is nothing to return to.
    Absent,
    /// Removed by a tombstone.
    Tombstoned {
        /// Version of the tombstone.
        version: u64,
    },
}

/// The visible version is on a Lance branch that is not the pin's: the first write to a table on a branch of the graph forks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedElsewhere {
    /// The Lance branch of the visible version; `None` is main.
    pub branch: Option<String>,
    /// Whether the pin's branch was made from exactly that version of exactly that branch, so that both hold the same under the
    /// same number. True as well while the pin's branch does not exist.
    pub is_origin: bool,
}

/// The latest Lance version of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum HeadObservation {
    /// The dataset's latest version on the pin's branch.
    At {
        /// The version.
        version: u64,
        /// UUID of the Lance transaction that made it; `None` where it was not read or Lance keeps none.
        transaction: Option<String>,
    },
    /// The dataset has no such Lance branch yet: the writer never reached it.
    BranchMissing,
    /// There is no dataset at the catalog's location.
    DatasetMissing,
    /// Storage or Lance failed.
    Unreadable {
        /// What failed.
        reason: String,
    },
}

/// One version's Lance transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionObservation {
    /// The version it made.
    pub version: u64,
    /// What it was; `None` if the version or its transaction is gone (cleaned up).
    pub transaction: Option<Transaction>,
}

/// What a Lance transaction says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its UUID.
    pub uuid: String,
    /// Lance's name of the operation: `Append`, `Delete`, `Restore`…
    pub operation: String,
    /// For a `Restore`: the version it returned to.
    pub restored_version: Option<u64>,
    /// When the version was made.
    pub timestamp: Option<Timestamp>,
    /// Rows it added (or removed, below zero), where that is known without reading data.
    #[serde(default)]
    pub row_delta: Option<i64>,
    /// The transaction's properties; our own effects name themselves here (ARCHITECTURE.md, invariant 5).
    pub properties: BTreeMap<String, String>,
}

/// Whether two versions of one table hold the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentComparison {
    /// Not asked: HEAD is the pin, or the look was a shallow one.
    NotCompared,
    /// Every input of a read is the same.
    Equal,
    /// Something differs, or it could not be ruled out.
    Different,
}

/// Whether Lance would restore a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Restorability {
    /// Not asked: nothing to restore, or the look was a shallow one.
    NotChecked,
    /// Lance accepts it, and every file it refers to is there.
    Restorable,
    /// Lance would refuse it, or files are gone.
    NotRestorable {
        /// Why.
        reason: String,
    },
}

impl Pinned {
    /// The visible version, if there is one.
    #[must_use]
    pub const fn version(self) -> Option<u64> {
        match self {
            Self::At { version } => Some(version),
            Self::Absent | Self::Tombstoned { .. } => None,
        }
    }
}

impl HeadObservation {
    /// Of a pinned table whose place the catalog does not say, or says otherwise than the sidecar.
    #[must_use]
    pub fn of_no_place() -> Self {
        let reason = "it was not looked at: the catalog does not say where it is, or not where the sidecar says";
        Self::Unreadable {
            reason: reason.to_owned(),
        }
    }

    /// Of a table to be added, where the catalog has it already, or has another table.
    #[must_use]
    pub fn of_a_taken_place() -> Self {
        let reason =
            "it was not looked at: it is in the catalog already, or what is there is another table";
        Self::Unreadable {
            reason: reason.to_owned(),
        }
    }

    /// The latest version, if it is known.
    #[must_use]
    pub const fn version(&self) -> Option<u64> {
        match self {
            Self::At { version, .. } => Some(*version),
            Self::BranchMissing | Self::DatasetMissing | Self::Unreadable { .. } => None,
        }
    }

    /// UUID of the transaction that made HEAD, if it was read.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        match self {
            Self::At { transaction, .. } => transaction.as_deref(),
            Self::BranchMissing | Self::DatasetMissing | Self::Unreadable { .. } => None,
        }
    }
}

impl TableObservation {
    /// The one operation of a two-phase writer that made every version above the pin, if they all name the same.
    ///
    /// Two writers that began from the same pins and both died can leave one table each: by versions alone their halves would
    /// add up to one whole write. Writers that name their operation are told apart; of others nothing is assumed.
    #[must_use]
    pub fn written_by(&self) -> Option<&str> {
        let (pinned, head) = (self.pinned.version()?, self.head.version()?);
        let named = |version: u64| self.transaction_at(version)?.writer();
        let last = named(head)?;
        (pinned.checked_add(1)?..head)
            .all(|version| named(version) == Some(last))
            .then_some(last)
            .filter(|_| head > pinned)
    }

    /// The transaction that made `version`, if it was read and still exists.
    #[must_use]
    pub fn transaction_at(&self, version: u64) -> Option<&Transaction> {
        self.transactions
            .iter()
            .find(|entry| entry.version == version)?
            .transaction
            .as_ref()
    }
}
