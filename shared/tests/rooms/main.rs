//! Tests of the rooms of `sidecar`, in the order in which data moves through them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod after_claim;
mod after_effects;
mod approvable;
mod approval;
mod as_recorded;
mod begun;
mod blocked_by;
mod catalog_stamp;
mod classification;
mod covered_elsewhere;
mod doctor;
mod drain;
mod engine_kinds;
mod executor;
mod explanation;
mod follow_up;
mod follow_up_kind;
mod journal;
mod lawful;
mod listing;
mod merge;
mod obstacle;
mod own_file;
mod pending;
mod pin_gone;
mod plan;
mod properties;
mod reports;
mod rows_report;
mod schema_apply;
mod sidecar_file;
mod stuck_file;
mod support;
mod verdict;
mod version_2;
mod version_9;
mod what_if;
mod whose;
