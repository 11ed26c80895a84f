//! `schema_version` 2: version 1 and one field. A `BranchMerge` rewrites its sidecar after its last table commit, with the
//! `confirmed_version` of every pin. Source: omnigraph v0.7.1 to v0.8.1, `crates/omnigraph/src/db/manifest/recovery.rs`
//! (`classification_mode`, `confirm_sidecar_phase_b`).

use super::rule::ClassificationRule;
use crate::writer_kind::WriterKind;

pub(super) const SCHEMA_VERSION: u32 = 2;

pub(super) const fn rule(kind: WriterKind) -> ClassificationRule {
    match kind {
        WriterKind::Mutation | WriterKind::Load => ClassificationRule::Strict,
        WriterKind::SchemaApply | WriterKind::EnsureIndices | WriterKind::Optimize => {
            ClassificationRule::Loose
        }
        WriterKind::BranchMerge => ClassificationRule::Confirmed,
    }
}
