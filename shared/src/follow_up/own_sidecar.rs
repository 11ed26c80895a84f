//! The sidecars that this program writes itself, beside that of the write they are about.

use std::collections::BTreeMap;

use crate::ids::OperationId;
use crate::sidecar::{SUPPORTED_SCHEMA_VERSION, Sidecar, TablePin, WriterKind};

/// `post_commit_pin` is set this far above the pin, so that no strict rule can ever classify the table as committed
/// (PROTOCOL.md, section 14.4).
pub(super) const NEVER_WHOLE: u64 = 2;

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
pub(super) fn sidecar_like(
    original: &Sidecar,
    operation_id: OperationId,
    tables: Vec<TablePin>,
) -> Sidecar {
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
