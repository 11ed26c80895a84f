//! `schema_version` 1. Source: omnigraph v0.4.2 to v0.7.0, `crates/omnigraph/src/db/manifest/recovery.rs`.

use super::rule::ClassificationRule;
use crate::writer_kind::WriterKind;

pub(super) const SCHEMA_VERSION: u32 = 1;

pub(super) const fn rule(kind: WriterKind) -> ClassificationRule {
    if kind.commits_each_table_once() {
        ClassificationRule::Strict
    } else {
        ClassificationRule::Loose
    }
}
