//! What can be planned besides resolving a sidecar: taking a finished recovery back, dropping its tags, setting a file aside.
//!
//! All of them are plans like any other: approved, journaled, carried out step by step, resumed after a crash. Each has an
//! operation id of its own that is derived from what it is about, so that it is found again without being written down first.
//! Where no sidecar file stands for such an operation, it has one that lives in its journal only. An undo that was interrupted
//! once its first restore was begun is judged by the very rules of any other write; before that, nothing came of it, and it is
//! laid down anew. A release is never judged: there is nothing to finish or to take back about tags.

mod dismissal;
mod late_commit;
mod operation_ids;
mod release;
mod undo;
mod undo_steps;

pub use dismissal::{dismissal, dismissal_id};
pub use late_commit::{late_commit, late_commit_id};
pub(crate) use operation_ids::undo_sidecar_ids;
pub use operation_ids::{
    SUCCESSORS_MAX, next_release_id, next_undo_id, next_undo_sidecar_id, release_id, release_ids,
    undo_id, undo_ids, undo_sidecar_id,
};
pub use release::{SetTag, release, tags_of, tags_of_plan};
pub use undo::{Returning, Undo, announced_by, undo};
pub(crate) use undo_steps::{undo_restores, undo_tags};

use std::collections::BTreeMap;

use crate::code::Reason;
use crate::ids::OperationId;
use crate::plan::Plan;
use crate::sidecar::{SUPPORTED_SCHEMA_VERSION, Sidecar, SidecarBytes, TablePin, WriterKind};

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

/// `post_commit_pin` is set this far above the pin, so that no strict rule can ever classify the table as committed
/// (PROTOCOL.md, section 14.4).
const NEVER_WHOLE: u64 = 2;

/// Whether a sidecar is one of ours that covers commits which must never be taken for a whole write: what an undone roll back
/// brought back, or a table commit that came after its recovery. Whoever committed that has left it to recovery.
pub(crate) fn covers_what_is_never_whole(sidecar: &Sidecar) -> bool {
    let is_covered =
        |pin: &TablePin| pin.post_commit_pin == pin.expected_version.saturating_add(NEVER_WHOLE);
    sidecar.writer_kind.commits_each_table_once()
        && !sidecar.tables.is_empty()
        && sidecar.tables.iter().all(is_covered)
}

/// A sidecar of ours beside that of the write it is about.
///
/// Its kind says by which rule it is judged, not what the write was. What follows from a write makes one Lance commit per table
/// and touches neither the schema's files nor which tables there are, whatever the write did: by the rules of a `SchemaApply` it
/// would hold up every other write, and be judged by files that somebody else has staged since.
fn sidecar_like(original: &Sidecar, operation_id: OperationId, tables: Vec<TablePin>) -> Sidecar {
    Sidecar {
        schema_version: SUPPORTED_SCHEMA_VERSION,
        operation_id,
        started_at: original.started_at,
        branch: original.branch.clone(),
        actor_id: original.actor_id.clone(),
        writer_kind: if original.writer_kind.commits_each_table_once() {
            original.writer_kind
        } else {
            WriterKind::Mutation
        },
        tables,
        merge_source_commit_id: None,
        additional_registrations: Vec::new(),
        tombstones: Vec::new(),
        unknown: BTreeMap::new(),
    }
}

/// The bytes of a sidecar of ours, as text.
pub(crate) fn text_of(sidecar: &Sidecar) -> String {
    serde_json::to_string_pretty(sidecar).unwrap_or_default()
}
