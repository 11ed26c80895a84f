//! The sidecars that this program writes itself, beside that of the write they are about.

use std::collections::BTreeMap;

use crate::ids::OperationId;
use crate::sidecar::{Sidecar, TablePin, WRITTEN_SCHEMA_VERSION, WriterKind};

/// `post_commit_pin` is set this far above the pin, so that no strict rule can ever classify the table as committed
/// (PROTOCOL.md, section 14.4).
pub(super) const NEVER_WHOLE: u64 = 2;

/// Whether this program wrote the sidecar to cover commits that must never be published as a whole write: an undone roll back, or
/// a late commit.
pub(crate) fn covers_what_is_never_whole(sidecar: &Sidecar) -> bool {
    let is_covered =
        |pin: &TablePin| pin.post_commit_pin == pin.expected_version.saturating_add(NEVER_WHOLE);
    sidecar.writer_kind.commits_each_table_once()
        && !sidecar.tables.is_empty()
        && sidecar.tables.iter().all(is_covered)
}

/// A sidecar of ours beside that of the write it is about.
///
/// The kind chooses the rule; it does not describe the original write. A follow-up makes one Lance commit per table and changes no
/// schema. As a `SchemaApply` it would hold up every other write, and be judged by schema files that others staged later.
pub(super) fn sidecar_like(
    original: &Sidecar,
    operation_id: OperationId,
    tables: Vec<TablePin>,
) -> Sidecar {
    Sidecar {
        schema_version: WRITTEN_SCHEMA_VERSION,
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
        version_9: None,
    }
}

/// The bytes of a sidecar of ours, as text.
pub(crate) fn text_of(sidecar: &Sidecar) -> String {
    serde_json::to_string_pretty(sidecar).unwrap_or_default()
}
