//! What was read of a root, with its gaps.

use std::collections::BTreeMap;

use crate::api::{Progress, RecoverySummary};
use crate::code::Reason;
use crate::commands::Commands;
use crate::ids::OperationId;
use crate::observation::TransactionObservation;
use crate::schema_file::SchemaFile;
use crate::timestamp::Timestamp;

use super::covers::Covers;
use super::history::HistoryFacts;
use super::known::{Known, Unread};

/// What was read of one root.
#[derive(Debug, Clone)]
pub struct RootFacts {
    /// How commands name the root.
    pub commands: Commands,
    /// Whether it is known which root this is: journals tell it from a copy.
    pub identity: Known<()>,
    /// What the catalog on main declares about itself.
    pub catalog: Known<DeclaredCatalog>,
    /// The branches of the graph, main first. The lock of a schema change is none.
    pub branches: Known<Vec<BranchFacts>>,
    /// What is pending.
    pub pending: Known<PendingFacts>,
    /// What lies in the sidecar folder.
    pub folder: Known<FolderFacts>,
    /// What a schema change leaves beside the tables.
    pub schema: SchemaFacts,
    /// The journals.
    pub operations: Known<OperationFacts>,
    /// The tags that recoveries set.
    pub tags: TagFacts,
    /// How the catalog came about, branch by branch; `None` unless it was asked for and the catalog holds it.
    pub histories: Option<Known<Vec<HistoryFacts>>>,
}

/// What a catalog declares about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredCatalog {
    /// The stamp; or the words that stand in its place.
    pub stamp: Result<u32, String>,
    /// Whether its writers name their operation in every commit.
    pub two_phase: bool,
    /// Whether a conversion to a later stamp was begun and has not ended.
    pub is_being_upgraded: bool,
}

/// One branch of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchFacts {
    /// Its name; `None` is main.
    pub branch: Option<String>,
    /// What its catalog shows; `None` where the tables of a catalog with this stamp are not read.
    pub catalog: Option<Result<BranchCatalog, Unread>>,
}

/// The catalog of one branch, and where its tables stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BranchCatalog {
    /// Tables that readers see.
    pub tables: usize,
    /// Those that do not stand at their pin.
    pub stands: Vec<TableStand>,
    /// Tables that were not looked at because there are too many.
    pub not_looked_at: usize,
    /// Whether somebody published on the branch during every look, so that pins and HEADs do not belong together.
    pub is_moving: bool,
    /// Keys of tables for which it names two places.
    pub in_two_places: Vec<String>,
}

/// One table that does not stand at its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStand {
    /// Its key.
    pub table_key: String,
    /// Where it stands.
    pub stand: Stand,
}

/// Where a table stands that is not at its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stand {
    /// It has commits above the version that readers see.
    Above {
        /// The Lance branch; `None` is main.
        table_branch: Option<String>,
        /// The visible version, or the one that the Lance branch was made from.
        pinned: u64,
        /// The latest version.
        head: u64,
        /// The newest of the commits, oldest first.
        transactions: Known<Vec<TransactionObservation>>,
    },
    /// Its latest version is below the one that readers are shown.
    Below {
        /// The visible version.
        pinned: u64,
        /// The latest version.
        head: u64,
    },
    /// It has a Lance branch for this branch of the graph without an unpublished commit, and no pin names it.
    Forked {
        /// The visible version, which is on another Lance branch.
        pinned: u64,
        /// The latest version of the Lance branch.
        head: u64,
        /// The version that it was made from.
        made_from: u64,
    },
    /// Its dataset, or the Lance branch of its pin, is not there.
    Missing {
        /// The visible version.
        pinned: u64,
    },
    /// The visible version is not there any more; later ones may be.
    PinGone {
        /// The visible version.
        pinned: u64,
        /// The latest version, where it is above.
        head: Option<u64>,
    },
    /// The visible version is there, and cannot be what its publisher saw.
    PinDamaged {
        /// The visible version.
        pinned: u64,
        /// What is wrong with it.
        fault: String,
    },
    /// It cannot be read.
    Unreadable(Unread),
}

/// What is pending.
#[derive(Debug, Clone)]
pub struct PendingFacts {
    /// As `list` tells it.
    pub recoveries: Vec<RecoverySummary>,
    /// Names below the folders of sidecars and journals that should not be there.
    pub skipped: Vec<Reason>,
    /// Which commits and which schema changes the files cover.
    pub covers: Covers,
}

/// What lies in the sidecar folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderFacts {
    /// How many entries lie directly in it and have a name that ends in `.json`.
    pub sidecars: usize,
    /// Others that lie directly in it.
    pub others: FolderEntries,
    /// Those in folders below it.
    pub nested: FolderEntries,
}

/// Some entries of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderEntries {
    /// How many there are.
    pub count: usize,
    /// The first of them, relative to the root.
    pub names: Vec<String>,
}

/// What a schema change leaves beside the tables.
#[derive(Debug, Clone)]
pub struct SchemaFacts {
    /// The staged copies that are there, or of which that is not known.
    pub staged: Vec<(SchemaFile, Known<()>)>,
    /// When the lock was made, if there is one.
    pub lock: Known<Option<Timestamp>>,
    /// The files in force, or why one cannot be read; empty where they were not looked at.
    pub live: Vec<(SchemaFile, Known<SchemaFileStand>)>,
    /// Whether an engine keeps the history of the graph in tables of its own: then there is a schema.
    pub is_of_an_engine: Known<bool>,
}

/// What is found in the place of a schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaFileStand {
    /// The file.
    There,
    /// Nothing.
    Missing,
    /// A file that is no schema file.
    Malformed {
        /// What is wrong with it.
        fault: String,
    },
}

/// The journals of a root.
#[derive(Debug, Clone, Default)]
pub struct OperationFacts {
    /// Those that are not closed.
    pub open: Vec<OpenOperation>,
    /// Open ones that were not read because there are too many.
    pub not_read: usize,
    /// What lies beside the journals and should not be there.
    pub skipped: Vec<Reason>,
    /// The journals of the operations that commits and tags name. One that is not here has no journal.
    pub named: BTreeMap<OperationId, JournalStand>,
}

/// How a journal stands, as far as its listing tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalStand {
    /// Its operation is not ended.
    Open,
    /// Its operation is ended, and its sidecar gone.
    Closed,
}

/// A journal that is not closed.
#[derive(Debug, Clone)]
pub struct OpenOperation {
    /// Its operation.
    pub operation_id: OperationId,
    /// How far it came.
    pub progress: Known<Progress>,
}

/// The tags that recoveries set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagFacts {
    /// For each tag the place of its dataset, relative to the root, and its name.
    pub tags: Vec<(String, String)>,
    /// The places whose tags cannot be listed, and why.
    pub unread: Vec<(String, String)>,
    /// Whether the tags of every table were asked for.
    pub are_all: bool,
}
