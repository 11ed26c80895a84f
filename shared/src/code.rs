//! The closed list of codes: why a file is refused, why a plan cannot be executed, what an approval has to state.

use std::fmt;

use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};

/// Why something is refused or blocked. Programs rely on the spelling; a code is never reused for another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// Storage did not give the file itself, its journal, or a fact that its write is judged by. Nobody knows what that holds, so
    /// the file is not set aside.
    Unreadable,
    /// The file is not JSON.
    NotJson,
    /// The file is JSON, but not a sidecar.
    WrongShape,
    /// The file is larger than a sidecar can be.
    TooLarge,
    /// The file nests deeper than a sidecar can.
    TooDeep,
    /// The file names more tables than one write can have.
    TooManyTables,
    /// The sidecar's `schema_version` is one whose rules this build does not implement.
    UnsupportedVersion,
    /// The file is not named after its `operation_id`.
    Misnamed,
    /// Another, well-named file carries the same `operation_id`.
    DuplicateOperationId,
    /// A non-empty field this build does not implement.
    UnimplementedField,
    /// The sidecar names a dataset that is not where the catalog says that table is.
    LocationOutsideRoot,
    /// A table is named on another Lance branch than the write's branch of the graph: released engines never write that.
    TableBranchDiffers,
    /// The branch of the graph was created after the writer started: it is another branch of the same name.
    BranchRecreated,
    /// The branch is gone from the catalog, but its files are still there.
    BranchTreeLeft,
    /// A Lance branch refers to files at another place than this root.
    BasePathOutsideRoot,
    /// The root has no `__manifest`, or it cannot be read.
    CatalogUnreadable,
    /// `__manifest` carries a stamp this build does not write.
    CatalogStampUnsupported,
    /// The sidecar is young: its writer may still be running.
    TooYoung,
    /// An older unresolved sidecar shares a table with this one.
    WaitingFor,
    /// A table is absent from the catalog, tombstoned, or its dataset is gone.
    TableMissing,
    /// A table's Lance HEAD cannot be read.
    TableUnreadable,
    /// A table's Lance HEAD is below its pin.
    HeadBelowPin,
    /// The catalog is behind what the writer saw, as after restoring a backup.
    PinBelowExpected,
    /// The visible version is on another Lance branch than the write, and the write's branch was not made from that version.
    PinOnAnotherBranch,
    /// The version to return to cannot be restored: Lance would refuse it, or its files are gone.
    TargetNotRestorable,
    /// The recovery could not be added to the history that the graph keeps: a branch or a column of it is missing, or is unknown.
    HistoryNotWritable,
    /// The store does not honour create-if-absent, or could not be probed.
    StoreNotSafe,
    /// This build shows the verdict, but does not carry it out yet.
    NotYetSupported,
    /// An execution of this operation is under way or was interrupted; it is resumed, not planned anew.
    ExecutionUnderWay,
    /// The attempt under way was begun at another root, of which this one is a copy.
    BegunElsewhere,
    /// A table that a recovery touched has moved since: the recovery cannot be taken back any more.
    MovedSince,
    /// The tags of the recovery are dropped: it cannot be taken back any more.
    Released,
    /// There is nothing to take back or to drop: the operation is not finished, or touched no table.
    NothingToUndo,
    /// The file is neither refused nor aborted, so it is recovered and not set aside.
    NotDismissible,
    /// The recovery added or removed tables, or changed schema files. No version of a table brings those back.
    SchemaChanged,
    /// The journal of the operation does not verify, so nothing in it says what was done.
    JournalBroken,
    /// Staged schema files, catalog and tables contradict each other.
    SchemaContradictory,
    /// A staged schema file is empty, cut short, or not of the schema change that the sidecar announces.
    SchemaNotPromotable,
    /// The rows of a version that would become visible cannot be counted, and a graph that lacks the count cannot be opened.
    RowsNotCounted,
    /// Nobody can prove which commits are the write's: a transaction or a version is gone, or not what was planned.
    Unverifiable,
    /// Somebody else's commit lies on, below or beside those of the write.
    Interleaved,
    /// The catalog shows an outcome of the write that is not the one its file fixed.
    OutcomeConflict,
    /// A table stands above what readers see by commits that are not the write's.
    Drift,
    /// Nothing in the tables depends on the file: it can be set aside.
    HoldsNoData,
    /// Data in the tables depends on the file, or may: once it is set aside, nothing accounts for it.
    DataInQuestion,
    /// The files of another Lance branch lie in the folder of one that the write made.
    BranchPathOverlap,
    /// The graph is not any more as it was when the write was planned.
    AuthorityMoved,
    /// The schema files that belong to a published schema change are staged and not in force.
    SchemaNotInForce,
}

impl Code {
    /// The code as it is spelled in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotJson => "not_json",
            Self::WrongShape => "wrong_shape",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::TooManyTables => "too_many_tables",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Misnamed => "misnamed",
            Self::DuplicateOperationId => "duplicate_operation_id",
            Self::UnimplementedField => "unimplemented_field",
            Self::LocationOutsideRoot => "location_outside_root",
            Self::TableBranchDiffers => "table_branch_differs",
            Self::BranchRecreated => "branch_recreated",
            Self::BranchTreeLeft => "branch_tree_left",
            Self::BasePathOutsideRoot => "base_path_outside_root",
            Self::CatalogUnreadable => "catalog_unreadable",
            Self::CatalogStampUnsupported => "catalog_stamp_unsupported",
            Self::TooYoung => "too_young",
            Self::WaitingFor => "waiting_for",
            Self::TableMissing => "table_missing",
            Self::TableUnreadable => "table_unreadable",
            Self::HeadBelowPin => "head_below_pin",
            Self::PinBelowExpected => "pin_below_expected",
            Self::PinOnAnotherBranch => "pin_on_another_branch",
            Self::TargetNotRestorable => "target_not_restorable",
            Self::HistoryNotWritable => "history_not_writable",
            Self::StoreNotSafe => "store_not_safe",
            Self::NotYetSupported => "not_yet_supported",
            Self::ExecutionUnderWay => "execution_under_way",
            Self::BegunElsewhere => "begun_elsewhere",
            Self::MovedSince => "moved_since",
            Self::Released => "released",
            Self::NothingToUndo => "nothing_to_undo",
            Self::NotDismissible => "not_dismissible",
            Self::SchemaChanged => "schema_changed",
            Self::JournalBroken => "journal_broken",
            Self::SchemaContradictory => "schema_contradictory",
            Self::SchemaNotPromotable => "schema_not_promotable",
            Self::RowsNotCounted => "rows_not_counted",
            Self::Unverifiable => "unverifiable",
            Self::Interleaved => "interleaved",
            Self::OutcomeConflict => "outcome_conflict",
            Self::Drift => "drift",
            Self::HoldsNoData => "holds_no_data",
            Self::DataInQuestion => "data_in_question",
            Self::BranchPathOverlap => "branch_path_overlap",
            Self::AuthorityMoved => "authority_moved",
            Self::SchemaNotInForce => "schema_not_in_force",
        }
    }
}

impl Code {
    /// Whether it is about files outside of the root. In a root that was moved, every sidecar names such files.
    pub(crate) const fn tells_of_another_place(self) -> bool {
        matches!(self, Self::LocationOutsideRoot | Self::BasePathOutsideRoot)
    }

    /// Whether a file with this refusal may hold anything: its bytes were not read, or not all of them.
    pub(crate) const fn leaves_a_file_unread(self) -> bool {
        matches!(self, Self::Unreadable | Self::TooLarge | Self::WaitingFor)
    }

    /// Whether time, or somebody else, may lift it, so that it is worth looking again.
    #[must_use]
    pub const fn may_be_lifted(self) -> bool {
        matches!(
            self,
            Self::ExecutionUnderWay | Self::TooYoung | Self::WaitingFor
        )
    }

    /// The code that JSON spells so, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        Self::deserialize(name).ok()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A code with the sentence that says it about this very file, table or plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which of the closed list.
    pub code: Code,
    /// What happened, to what, and what to do next; for people.
    pub detail: String,
    /// The operation, or the file, that has to be resolved first; for programs, which do not read sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl Reason {
    /// Characters of a sentence; names from a hostile file could be a megabyte long.
    const DETAIL_CHARS_MAX: usize = 2_000;

    /// Pairs a code with its sentence, made fit to be shown: sentences quote what came from outside.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: crate::text::shown(&detail.into(), Self::DETAIL_CHARS_MAX),
            about: None,
        }
    }

    /// That something could not be read. `detail` names it, and says why.
    ///
    /// It is unknown, not bad: the next look may read it.
    #[must_use]
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(Code::Unreadable, detail)
    }

    /// Whether it says that something could not be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.code == Code::Unreadable
    }

    /// The same, naming the operation or the file that has to be resolved first.
    #[must_use]
    pub fn about(mut self, operation_or_file: &str) -> Self {
        self.about = Some(operation_or_file.to_owned());
        self
    }
}

/// How an approval states a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedBy {
    /// By the statement that every writer is stopped.
    WritersStopped,
    /// By a reason in words.
    Reason,
    /// By the name of the requirement, among those that the approver acknowledges.
    ItsName,
}

/// What an approval has to state before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Requirement {
    /// Every writer of this store is stopped. The fences cannot keep a foreign live writer from publishing afterwards.
    WritersStopped,
    /// Why this is done, in words.
    Reason,
    /// A table returns to a version above the one the writer started from: others published since. (`--acknowledge`)
    TargetDiffersFromExpected,
    /// Some commits above the pin do not look like this write's: its kind makes none such, they name another operation, or they
    /// cannot be read. (`--acknowledge`)
    UnexpectedCommits,
    /// Readers keep a version of one table that was published since this writer started, and see nothing of the write in another
    /// table. The version that stays may be this write's own commit. (`--acknowledge`)
    StaysPublishedInPart,
    /// By the clocks of two machines, the branch of the graph was created after this writer started: it may be another branch of
    /// the same name. (`--acknowledge`)
    BranchRecreated,
    /// A merge is published, or recorded as published, without tables that it changed or may have changed. (`--acknowledge`)
    IncompleteMerge,
    /// A file is set aside that accounts for data in the tables, or may. (`--acknowledge`)
    DataInQuestion,
    /// A merge is taken back, and the history of the graph keeps saying that the branch was merged. (`--acknowledge`)
    MergeStaysRecorded,
    /// An older file cannot be read as a sidecar any more, so it may have named the same tables. (`--acknowledge`)
    OlderUnreadable,
    /// The file of a published write is older than the publish and does not say yet that the write was done. (`--acknowledge`)
    StaleArmed,
    /// A dataset that a schema change made, and that no reader ever saw, is removed. (`--acknowledge`)
    DropsDatasets,
}

impl Requirement {
    /// How an approval states it.
    #[must_use]
    pub const fn stated_by(self) -> StatedBy {
        match self {
            Self::WritersStopped => StatedBy::WritersStopped,
            Self::Reason => StatedBy::Reason,
            Self::TargetDiffersFromExpected
            | Self::UnexpectedCommits
            | Self::StaysPublishedInPart
            | Self::BranchRecreated
            | Self::IncompleteMerge
            | Self::DataInQuestion
            | Self::MergeStaysRecorded
            | Self::OlderUnreadable
            | Self::StaleArmed
            | Self::DropsDatasets => StatedBy::ItsName,
        }
    }

    /// The requirement as it is spelled in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WritersStopped => "writers_stopped",
            Self::Reason => "reason",
            Self::TargetDiffersFromExpected => "target_differs_from_expected",
            Self::UnexpectedCommits => "unexpected_commits",
            Self::StaysPublishedInPart => "stays_published_in_part",
            Self::BranchRecreated => "branch_recreated",
            Self::IncompleteMerge => "incomplete_merge",
            Self::DataInQuestion => "data_in_question",
            Self::MergeStaysRecorded => "merge_stays_recorded",
            Self::OlderUnreadable => "older_unreadable",
            Self::StaleArmed => "stale_armed",
            Self::DropsDatasets => "drops_datasets",
        }
    }

    /// The sentence the approver states.
    #[must_use]
    pub const fn statement(self) -> &'static str {
        match self {
            Self::WritersStopped => "I have stopped every writer of this store.",
            Self::Reason => "The reason is given.",
            Self::TargetDiffersFromExpected => {
                "A table returns to a newer version than the one this writer started from. The versions published in between stay."
            }
            Self::UnexpectedCommits => {
                "Some Lance commits that this plan takes along do not look like this write's. I know whose they are."
            }
            Self::StaysPublishedInPart => {
                "A table was published since this writer started and keeps that version, which may be a part of this write. Readers see nothing of the write in its other tables. I know whose version it is."
            }
            Self::BranchRecreated => {
                "By the clocks of two machines, the branch was created after this writer started. I know that it is the branch that was written to, and not another one of the same name."
            }
            Self::IncompleteMerge => {
                "This plan publishes only the tables of the sidecar. It leaves out the others that it lists, and any that could not be told. The branch still counts as merged, and merging it again does not bring them. I know how to handle them."
            }
            Self::DataInQuestion => {
                "Data in the tables depends on this file, or may. Once it is set aside, nothing finishes that write or takes it back, and its tables may refuse writes. I know what becomes of it."
            }
            Self::MergeStaysRecorded => {
                "The history of the graph keeps saying that the branch was merged. Merging it again does nothing, so its changes have to come back another way."
            }
            Self::StaleArmed => {
                "The file says that this write had only begun, and the catalog shows it published. By the transactions it is the same write. I know that its writer does not go on with it."
            }
            Self::DropsDatasets => {
                "The plan removes for good the datasets that this schema change made, which are in no catalog. I know that nobody uses them."
            }
            Self::OlderUnreadable => {
                "An older sidecar file is broken and may have named the same tables. I know that its write left nothing pending there."
            }
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
