//! The whole verdict over recovery sidecars: parse, classify, decide, plan, digest, authorize, journal, explain.
//!
//! ```text
//! bytes ─parse→ Sidecar ─┐
//! storage ─observe→ Observation ┴judge→ Verdict ─plan→ Plan ─digest→ PlanBytes
//!  people → Approval{plan_digest} ─authorize→ ApprovedPlan ─execute→ journal ─fold→ JournalState
//! ```
//!
//! Every arrow but *observe* and *execute* is here, compiled alike for native code and for the browser, so both show the same
//! verdict, byte for byte. There is no input or output in this crate, no clock, no randomness, and nothing asynchronous: time,
//! names and limits are passed in.

mod after_claim;
mod after_effects;
pub mod api;
mod apply_report;
pub mod approvable;
mod approval;
mod as_recorded;
mod attempt_report;
mod branch;
mod catalog_stamp;
mod classification;
mod code;
pub mod commands;
mod covered_elsewhere;
mod dataset_files;
mod decision;
mod dialect;
mod difference;
mod digest;
mod disposition;
pub mod doctor;
pub mod drain;
mod elsewhere;
mod error_text;
pub mod executor;
pub mod explanation;
pub mod follow_up;
mod graph_commit_id;
mod graph_history;
mod ids;
pub mod journal;
mod limits;
mod listing;
mod location;
pub mod observation;
mod outcome;
mod pending;
mod plan;
mod reports;
pub mod root_layout;
pub mod rows_report;
mod schema_file;
pub mod short_names;
mod sidecar;
mod stays_in_part;
pub mod text;
mod timestamp;
mod verdict;
pub mod version_9;
mod what_if;
mod work;
mod writer_kind;

pub use after_claim::{SeenAfterClaim, moved_since_claim};
pub use after_effects::{
    failed_read_matters, is_visible_for_good, moved_since_effects, rests_on_the_catalog,
};
pub use apply_report::{ApplyReport, EffectOn, TableOutcome};
pub use approval::{
    Approval, ApprovedPlan, AuthorizationError, NAME_CHARS_MAX, REASON_CHARS_MAX, authorize,
    unfit_for_the_record,
};
pub use as_recorded::{
    CatalogShows, RestsOn, TableShows, another_root, another_transaction, catalog_as_recorded,
    rests_on, table_as_recorded, version_of_the_plan,
};
pub use branch::Branch;
pub use catalog_stamp::{HistoryByStamp, history_by_stamp, stamp_unsupported};
pub use classification::{
    Classification, ClassificationLabel, classify_by, classify_table, classify_table_for, rule_text,
};
pub use code::{Code, Reason, Requirement, StatedBy};
pub use covered_elsewhere::drop_covered;
pub use dataset_files::{DATASET_FILES_MAX, DatasetFile, DatasetFiles};
pub use decision::{Decision, decide};
pub use dialect::{ClassificationRule, Dialect};
pub use difference::{Difference, DifferenceField, differences};
pub use digest::{Digest, DigestError, Digesting, Tag};
pub use error_text::error_text;
pub use explanation::{Explanation, explain, explain_looked_at};
pub use graph_commit_id::GraphCommitId;
pub use graph_history::{GraphCommit, GraphHistory};
pub use ids::{DerivedOrder, OperationId, OperationIdError, RootId};
pub use limits::Limits;
pub use listing::{ListedSidecar, Overlap, SidecarFile, Standing, assemble};
pub use location::location_conflict;
pub use observation::Observation;
pub use outcome::{Effect, Extent, OutcomeKind, SidecarFate};
pub use pending::{JournalsKnown, NotKnown, PendingEntry, pending};
pub use plan::{
    CatalogChangeKind, ExactPublish, ExactRename, ExactRow, FixedGraphCommit, GraphHistoryOutcome,
    GraphHistoryRow, NamedTable, NewTable, OwnFile, PinMove, Plan, PlanBytes, PlanError, PlanInput,
    PlannedTable, Precondition, PublishedGraphCommit, Purpose, RECOVERY_ACTOR, RecoveryKind,
    RemovedTable, StagedFile, Step, WrittenUndo, plan, recovery_tag,
};
pub use reports::JudgedLine;
pub use schema_file::SchemaFile;
pub use sidecar::{
    Glimpse, GlimpsedPin, Registration, Sidecar, SidecarBytes, SidecarError, SidecarSchemaError,
    TablePin, Tombstone, WRITTEN_SCHEMA_VERSION,
};
pub use timestamp::{Timestamp, age_text};
pub use verdict::{
    Action, CatalogChange, Choice, Disposition, LeftOut, TableVerdict, UnexpectedCommit, Verdict,
    judge, judge_choice, may_be_incomplete, refuse,
};
pub use what_if::{HeadPosition, PinPosition, WhatIf, what_if};
pub use writer_kind::WriterKind;
