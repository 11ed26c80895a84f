//! What was found on storage: facts with their gaps, never guesses.

mod merge;
mod next_schema;
mod recorded;
mod schema;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::code::Reason;
use crate::ids::OperationId;
use crate::sidecar::TablePin;
use crate::timestamp::Timestamp;

pub use merge::{
    DifferingTable, MergeObservation, Shown, ShownTable, UncoveredTable, differing_tables,
    is_pinned,
};
pub use next_schema::{NextFile, NextSchema, UnfitFile, declared_tables};
pub use recorded::{
    PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST, Recorded, RecordedRestore,
    Returned,
};
pub use schema::{
    FileObservation, RegistrationObservation, SchemaObservation, TombstoneObservation,
};

/// The Lance transaction property in which a commit of our two-phase writer names the operation it belongs to.
pub const PROPERTY_WRITER_OPERATION_ID: &str = "sidecar.operation_id";

/// The catalog and the tables of one sidecar, as found in one look at the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The branch of `__manifest` the sidecar belongs to.
    pub catalog: CatalogObservation,
    /// One entry per pin of the sidecar, in the sidecar's order.
    pub tables: Vec<TableObservation>,
    /// What a `SchemaApply` staged and promoted; absent for other writers.
    pub schema: Option<SchemaObservation>,
    /// Whether the root keeps the history of its graph and of its recoveries, as released engines do (PROTOCOL.md, section 6.2).
    #[serde(default, skip_serializing_if = "is_false")]
    pub keeps_lineage: bool,
    /// What journals say about it.
    #[serde(default, skip_serializing_if = "Recorded::is_empty")]
    pub recorded: Recorded,
    /// For a `BranchMerge` that is to be published, or is: what its sidecar does not name; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeObservation>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The sidecar's branch in `__manifest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CatalogObservation {
    /// The branch is there.
    Present {
        /// Version of `__manifest` on this branch. Moves whenever anything is published; never part of a plan.
        version: u64,
        /// `omnigraph:internal_schema_version`; 1 if absent.
        stamp: u32,
        /// Whether publishers honour claims and the catalog fence (`sidecar:two_phase`).
        two_phase: bool,
        /// When the branch was created, where Lance recorded it; `None` for main.
        branch_created_at: Option<Timestamp>,
    },
    /// `__manifest` has no such branch.
    BranchAbsent {
        /// Whether files of the branch are still in the catalog's `tree/` folder.
        tree_left: bool,
    },
    /// There is no `__manifest`, or it cannot be read.
    Unreadable {
        /// What failed.
        reason: String,
    },
}

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
    /// Another operation that says of itself that it made every version above the pin, and whose own pending sidecar names this
    /// table: what stands there is for that one to resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<OperationId>,
    /// Whether the visible version itself was cleaned away: the catalog names it, and the table has it no more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pin_gone: bool,
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

impl CatalogObservation {
    /// Whether the catalog says that its writers name their operation in every commit.
    #[must_use]
    pub const fn names_its_writers(&self) -> bool {
        matches!(
            self,
            Self::Present {
                two_phase: true,
                ..
            }
        )
    }
}

impl Observation {
    /// What was found of the sidecar's pin at `index`; `None` if what stands there is of another table or branch, so that a
    /// gap in what was looked at never passes for a fact.
    #[must_use]
    pub fn of_pin(&self, index: usize, pin: &TablePin) -> Option<&TableObservation> {
        let branch =
            |table: &TableObservation| table.branch.clone().filter(|branch| branch != "main");
        self.tables.get(index).filter(|table| {
            table.table_key == pin.table_key && branch(table).as_deref() == pin.table_branch()
        })
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
