//! What was found on storage: facts with their gaps, never guesses.

mod kept_history;
mod merge;
mod next_schema;
pub mod obstacle;
mod recorded;
mod schema;
mod shared_evidence;
mod table;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::branch::Branch;
use crate::code::Reason;
use crate::sidecar::TablePin;
use crate::timestamp::Timestamp;
use crate::version_9::Evidence;

pub use kept_history::KeptHistory;
pub use merge::{
    DifferingTable, MergeObservation, Shown, ShownTable, UncoveredTable, differing_tables,
    is_pinned,
};
pub use next_schema::{NextFile, NextSchema, UnfitFile, declared_tables};
pub use recorded::{Recorded, RecordedRestore, Returned};
pub use schema::{
    FileObservation, RegistrationObservation, SchemaObservation, TombstoneObservation,
};
pub use table::{
    ContentComparison, HeadObservation, Pinned, PinnedElsewhere, Restorability, TableObservation,
    Transaction, TransactionObservation,
};

/// The catalog and the tables of one sidecar, as found in one look at the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The branch of `__manifest` the sidecar belongs to.
    pub catalog: CatalogObservation,
    /// One entry per pin of the sidecar, in the sidecar's order.
    pub tables: Vec<TableObservation>,
    /// What a `SchemaApply` staged and promoted; absent for other writers.
    pub schema: Option<SchemaObservation>,
    /// Where the root keeps the history of its graph and of its recoveries, as released engines do.
    #[serde(
        rename = "keeps_lineage",
        default,
        skip_serializing_if = "KeptHistory::is_nowhere"
    )]
    pub kept_history: KeptHistory,
    /// What journals say about it.
    #[serde(default, skip_serializing_if = "Recorded::is_empty")]
    pub recorded: Recorded,
    /// For a `BranchMerge` that is to be published, or is: the tables that its sidecar does not name; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeObservation>,
    /// The things that could not be read now. The facts above that depend on them count as unreadable, and may turn out to be
    /// well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// Version 9: the further evidence that its rules ask for, or why it was not found; absent for other versions.
    #[serde(
        default,
        with = "shared_evidence",
        skip_serializing_if = "Option::is_none"
    )]
    pub version_9: Option<Arc<Result<Evidence, Reason>>>,
}

/// Something that storage did not give. Bytes that it gave and that cannot be understood are a fact, and are not listed here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The name of a file, relative to the root, or words for what was read.
    pub what: String,
    /// What failed.
    pub reason: String,
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
    /// The observation of the sidecar's pin at `index`; `None` if the observation at that place is of another table or branch. So
    /// a gap in a look never passes for a fact.
    #[must_use]
    pub fn of_pin(&self, index: usize, pin: &TablePin) -> Option<&TableObservation> {
        self.tables.get(index).filter(|table| {
            table.table_key == pin.table_key
                && Branch::of(table.branch.as_deref()) == pin.table_branch()
        })
    }
}
