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

pub mod api;
mod apply_report;
mod approval;
mod classification;
mod code;
mod decision;
mod difference;
mod digest;
pub mod explanation;
pub mod follow_up;
mod graph_history;
mod ids;
pub mod journal;
mod limits;
mod lineage;
mod listing;
mod location;
pub mod observation;
mod outcome;
mod plan;
mod schema_file;
mod sidecar;
pub mod step;
pub mod text;
mod timestamp;
mod verdict;
mod what_if;
mod work;

pub use apply_report::{ApplyReport, EffectOn, TableOutcome};
pub use approval::{Approval, ApprovedPlan, AuthorizationError, authorize};
pub use classification::{
    Classification, ClassificationLabel, classify_table, classify_table_for, rule_text,
};
pub use code::{Code, Reason, Requirement};
pub use decision::{Decision, decide};
pub use difference::{Difference, differences};
pub use digest::{Digest, DigestError, Digesting, Tag};
pub use explanation::{Explanation, explain};
pub use graph_history::{GraphCommit, GraphHistory};
pub use ids::{DerivedOrder, OperationId, OperationIdError, RootId};
pub use limits::Limits;
pub use lineage::GraphCommitId;
pub use listing::{ListedSidecar, Overlap, SidecarFile, Standing, assemble};
pub use location::location_conflict;
pub use observation::Observation;
pub use outcome::{Effect, Extent, OutcomeKind, SidecarFate};
pub use plan::{
    CatalogChangeKind, LineageOutcome, LineageRow, NewTable, PinMove, Plan, PlanBytes, PlanError,
    PlanInput, PlannedTable, Precondition, Purpose, RECOVERY_ACTOR, RecoveryKind, RemovedTable,
    StagedFile, Step, plan, recovery_tag,
};
pub use schema_file::SchemaFile;
pub use sidecar::{
    Glimpse, GlimpsedPin, Registration, SUPPORTED_SCHEMA_VERSION, Sidecar, SidecarBytes,
    SidecarError, SidecarSchemaError, TablePin, Tombstone, WriterKind,
};
pub use timestamp::{Timestamp, age_text};
pub use verdict::{
    Action, CatalogChange, Choice, Disposition, LeftOut, TableVerdict, UnexpectedCommit, Verdict,
    age_blocker, judge, judge_choice, may_be_incomplete, refuse,
};
pub use what_if::{HeadPosition, PinPosition, WhatIf, what_if};
