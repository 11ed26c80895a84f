//! The things a plan does, and what must hold right before each.

use serde::{Deserialize, Serialize};

use super::graph_history_row::GraphHistoryRow;
use super::published_graph_commit::PublishedGraphCommit;
use crate::dataset_files::DatasetFile;
use crate::digest::Digest;
use crate::timestamp::Timestamp;
use crate::version_9::{BranchIdentifier, ConfirmedUpdate, RollbackOutcome, TableIdentity};

/// One thing that is done. A step is intended in the journal, done, and its outcome recorded, before the next depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Name a version with a Lance tag, so that cleanup cannot take it.
    Tag {
        /// The table.
        table_key: String,
        /// Its Lance branch.
        branch: Option<String>,
        /// The tag.
        name: String,
        /// The version it names.
        version: u64,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Drop a tag that a finished recovery set.
    Untag {
        /// The table.
        table_key: String,
        /// Its Lance branch.
        branch: Option<String>,
        /// The tag.
        name: String,
        /// The version it names.
        version: u64,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Write a sidecar that covers what the restores after it bring back, so that nothing of it is ever unannounced.
    Announce {
        /// Its file.
        file: String,
        /// Its bytes.
        sidecar: String,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// One empty commit of the catalog, so that no publish that was prepared before can land after.
    FenceCatalog {
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Writes into a sidecar of version 9 which tables return, before any does. An engine that finds the note continues the undo; one
    /// that finds returned tables and no note refuses to open the graph (PROTOCOL.md, section 18.5).
    PrepareSidecar {
        /// The file.
        file: String,
        /// The tables that return, with HEAD and the version that they return to.
        outcomes: Vec<RollbackOutcome>,
        /// Digest of its bytes afterwards.
        digest: Digest,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Remove the dataset that a schema change made and no reader ever saw. While it is there, an engine refuses to make the
    /// change again.
    DropDataset {
        /// The table that it was made for.
        table_key: String,
        /// The dataset, relative to the root.
        location: String,
        /// Its files, in the order in which they go.
        files: Vec<DatasetFile>,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Return a table to a version, as the next version and no other.
    Restore {
        /// The table.
        table_key: String,
        /// Its Lance branch.
        branch: Option<String>,
        /// The version whose content comes back.
        version: u64,
        /// The version the Restore makes: the approved HEAD + 1.
        lands_at: u64,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Make versions visible, all in one commit of the catalog.
    Publish {
        /// The pins that move.
        pins: Vec<PinMove>,
        /// Tables that are added to the catalog.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        registrations: Vec<NewTable>,
        /// Tables that are removed from it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tombstones: Vec<RemovedTable>,
        /// Where the catalog holds the history of its graph: the graph commit. The publish may consist of it alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        graph_commit: Option<PublishedGraphCommit>,
        /// Version 9, rolled forward: the very rows, and the graph that they were planned for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exact: Option<Box<ExactPublish>>,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Put the staged schema files in place of the live ones, in this order (PROTOCOL.md, section 6.1).
    PromoteSchema {
        /// The files that are still staged.
        files: Vec<StagedFile>,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Keep the staged schema files of a change that is taken back beside the journal, and remove them from where an engine would
    /// put them in place.
    DiscardSchema {
        /// The files that are still staged.
        files: Vec<StagedFile>,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Write one row of the history that released engines keep (PROTOCOL.md, section 6.2), once per recovery.
    #[serde(rename = "lineage")]
    GraphHistory {
        /// The row.
        row: GraphHistoryRow,
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Remove the branch `__schema_apply_lock__` of the catalog, which a killed schema change leaves and which blocks every write.
    UnlockSchema {
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Write the terminal record of the journal.
    Record {
        /// What must hold right before.
        precondition: Precondition,
    },
    /// Delete the sidecar; the record keeps its bytes.
    Retire {
        /// The file.
        file: String,
        /// What must hold right before.
        precondition: Precondition,
    },
}

/// The publish as the writer of a sidecar of version 9 fixed it. An engine that finds other bytes under its graph commit refuses
/// to open the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactPublish {
    /// The graph commit that the branch's own head row names right before; `None` where it has no such row.
    pub graph_head: Option<String>,
    /// The identifier of the branch of the graph.
    pub branch_identifier: BranchIdentifier,
    /// The rows, one for each pin that moves and each table that is added.
    pub rows: Vec<ExactRow>,
    /// Which tables are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<NamedTable>,
    /// Which tables are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<NamedTable>,
    /// Which tables are called otherwise from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<ExactRename>,
}

/// A table that a publish adds or removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedTable {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key.
    pub table_key: String,
}

/// A table that a publish renames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactRename {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key before.
    pub from_key: String,
    /// Its key.
    pub to_key: String,
}

impl ExactPublish {
    /// The key after the publish of the table that has this key before it.
    #[must_use]
    pub fn key_after<'a>(&'a self, key: &'a str) -> &'a str {
        let mut renamed = self.renamed.iter();
        renamed
            .find(|renamed| renamed.from_key == key)
            .map_or(key, |renamed| renamed.to_key.as_str())
    }
}

/// One row of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactRow {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key.
    pub table_key: String,
    /// The row, as the writer confirmed it.
    pub row: ConfirmedUpdate,
}

/// One pin that moves in a publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinMove {
    /// The table.
    pub table_key: String,
    /// Its Lance branch.
    pub branch: Option<String>,
    /// The pin before.
    pub from_version: u64,
    /// The pin after.
    pub to_version: u64,
}

/// A table that is added to the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTable {
    /// The table.
    pub table_key: String,
    /// Its Lance branch.
    pub branch: Option<String>,
    /// Its dataset, relative to the root.
    pub location: String,
    /// The version that becomes visible.
    pub version: u64,
}

/// A table that is removed from the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovedTable {
    /// The table.
    pub table_key: String,
    /// Version of the tombstone, one more than the version visible before.
    pub version: u64,
}

/// A schema file and the copy staged beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedFile {
    /// Name of the live file.
    pub live: String,
    /// Name of the staged one.
    pub staged: String,
    /// Digest of the staged one.
    pub digest: Digest,
    /// Digest of the live one, if there is one.
    pub replaces: Option<Digest>,
}

/// What must hold right before a step; if it does not, there is a conflict and no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Precondition {
    /// The table's Lance HEAD is this version, made by this transaction.
    TableHead {
        /// The version.
        version: u64,
        /// UUID of the Lance transaction.
        transaction: Option<String>,
    },
    /// The dataset has the files of the step and no others, or some of them are gone already. Its one version was made by this transaction.
    DatasetAsPlanned {
        /// UUID of the Lance transaction.
        transaction: String,
    },
    /// The tag names this version, or is gone already.
    TagNames {
        /// The version.
        version: u64,
    },
    /// No file of that name is there, or it has these very bytes.
    FileAbsent,
    /// Every pin of the plan is as the plan found it, on the catalog version that was read last.
    PinsAsPlanned,
    /// Every file has its digest of the plan, or the step has dealt with it already.
    FilesAsPlanned,
    /// The table has no such row of this operation; if it has one, nothing is added.
    RowAbsent,
    /// The file has the bytes of the plan's sidecar, or those that the step writes.
    FileAsPlanned,
    /// The lock is the one that was made at this time, or is gone already.
    LockedSince {
        /// When.
        at: Timestamp,
    },
    /// Every step before this one has its outcome recorded, and a last look at the root agrees with it.
    StepsDone,
    /// The terminal record is durable, and the sidecar still has the bytes of the plan.
    Recorded,
}

impl Step {
    /// The name of the kind, as in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tag { .. } => "tag",
            Self::Untag { .. } => "untag",
            Self::Announce { .. } => "announce",
            Self::FenceCatalog { .. } => "fence_catalog",
            Self::PrepareSidecar { .. } => "prepare_sidecar",
            Self::DropDataset { .. } => "drop_dataset",
            Self::Restore { .. } => "restore",
            Self::Publish { .. } => "publish",
            Self::PromoteSchema { .. } => "promote_schema",
            Self::DiscardSchema { .. } => "discard_schema",
            Self::GraphHistory { .. } => "lineage",
            Self::UnlockSchema { .. } => "unlock_schema",
            Self::Record { .. } => "record",
            Self::Retire { .. } => "retire",
        }
    }

    /// What must hold right before it.
    #[must_use]
    pub const fn precondition(&self) -> &Precondition {
        let (Self::Tag { precondition, .. }
        | Self::Untag { precondition, .. }
        | Self::Announce { precondition, .. }
        | Self::FenceCatalog { precondition }
        | Self::PrepareSidecar { precondition, .. }
        | Self::DropDataset { precondition, .. }
        | Self::Restore { precondition, .. }
        | Self::Publish { precondition, .. }
        | Self::PromoteSchema { precondition, .. }
        | Self::DiscardSchema { precondition, .. }
        | Self::GraphHistory { precondition, .. }
        | Self::UnlockSchema { precondition }
        | Self::Record { precondition }
        | Self::Retire { precondition, .. }) = self;
        precondition
    }
}
