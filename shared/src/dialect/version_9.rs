//! `schema_version` 9: [`crate::version_9`] has its shape, and proves commits by their transactions. The rules here serve callers
//! that ask for positions alone. Source: omnigraph v0.9.0, `db/manifest/recovery.rs`.

use super::rule::ClassificationRule;
use crate::writer_kind::WriterKind;

pub(super) const SCHEMA_VERSION: u32 = 9;

pub(super) const fn rule(kind: WriterKind) -> ClassificationRule {
    match kind {
        WriterKind::Mutation | WriterKind::Load => ClassificationRule::Strict,
        WriterKind::SchemaApply
        | WriterKind::EnsureIndices
        | WriterKind::Optimize
        | WriterKind::BranchMerge => ClassificationRule::Loose,
    }
}
