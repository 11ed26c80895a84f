//! What can be planned besides resolving a sidecar: taking a finished recovery back, dropping its tags, setting a file aside.
//!
//! All of them are plans like any other: approved, journaled, carried out step by step, resumed after a crash. Each has an
//! operation id of its own that is derived from what it is about, so that it is found again without being written down first.
//! Where no sidecar file stands for such an operation, it has one that lives in its journal only: an attempt that was
//! interrupted half-way is then judged by the very rules of any other write.

mod dismissal;
mod release;
mod undo;

pub use dismissal::{dismissal, dismissal_id};
pub use release::{SetTag, release, release_id};
pub use undo::{Undo, undo, undo_id, undo_sidecar_id};

use std::collections::BTreeMap;

use crate::code::Reason;
use crate::ids::OperationId;
use crate::plan::Plan;
use crate::sidecar::{SUPPORTED_SCHEMA_VERSION, Sidecar, SidecarBytes, TablePin};

/// A plan that follows from something, and why it cannot be carried out, if so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    /// The plan.
    pub plan: Plan,
    /// The bytes that stand for its sidecar.
    pub sidecar: SidecarBytes,
    /// Why it cannot be executed, whatever is approved.
    pub blockers: Vec<Reason>,
}

/// A sidecar of the same write under another id.
fn sidecar_like(original: &Sidecar, operation_id: OperationId, tables: Vec<TablePin>) -> Sidecar {
    Sidecar {
        schema_version: SUPPORTED_SCHEMA_VERSION,
        operation_id,
        started_at: original.started_at,
        branch: original.branch.clone(),
        actor_id: original.actor_id.clone(),
        writer_kind: original.writer_kind,
        tables,
        merge_source_commit_id: None,
        additional_registrations: Vec::new(),
        tombstones: Vec::new(),
        unknown: BTreeMap::new(),
    }
}

/// The bytes of a sidecar of ours, as text.
fn text_of(sidecar: &Sidecar) -> String {
    serde_json::to_string_pretty(sidecar).unwrap_or_default()
}
