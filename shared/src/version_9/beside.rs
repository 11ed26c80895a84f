//! The files of a root that decide about a sidecar of version 9, and those that it decides about.

use std::cmp::Ordering;

use super::evidence::Beside;
use super::parse::SCHEMA_VERSION;
use super::sidecar::Sidecar9;
use crate::branch::Branch;
use crate::listing::SidecarFile;
use crate::writer_kind::WriterKind;

impl Beside {
    /// The files beside `file` that matter: those of the same branch of the graph, of a schema change, or unreadable, so that
    /// they may be either.
    #[must_use]
    pub fn among<'a>(
        sidecar: &Sidecar9,
        file: &str,
        others: impl Iterator<Item = &'a SidecarFile>,
    ) -> Self {
        let mut beside = Self::default();
        for other in others.filter(|other| matters(sidecar, other)) {
            match other.file.as_str().cmp(file) {
                Ordering::Less if beside.waiting_for.is_none() => {
                    beside.waiting_for = Some(other.file.clone());
                }
                Ordering::Less | Ordering::Equal => {}
                Ordering::Greater => beside.followed_by.push(other.file.clone()),
            }
        }
        beside.followed_by.sort();
        beside
    }
}

fn matters(sidecar: &Sidecar9, other: &SidecarFile) -> bool {
    if other.is_surely_not_of_version_9() {
        return false;
    }
    let glimpse = &other.glimpse;
    let is_there = other.digest.is_some() || other.stored_as.is_some();
    let other_kind = glimpse.writer_kind.as_deref().and_then(WriterKind::named);
    let is_a_change = sidecar.writer_kind.changes_the_schema()
        || other_kind.is_some_and(WriterKind::changes_the_schema);
    let is_of_the_branch = Branch::of(glimpse.branch.as_deref()) == sidecar.branch();
    is_there && (glimpse.writer_kind.is_none() || is_a_change || is_of_the_branch)
}

impl SidecarFile {
    /// Whether it is a sidecar of another version. In a graph of version 9 that is half an undo of ours. With it, only a table that both
    /// name decides who goes first.
    pub(crate) fn is_surely_not_of_version_9(&self) -> bool {
        let content = self.content.as_ref();
        content.is_ok_and(|sidecar| sidecar.version_9.is_none())
    }

    /// Whether it is a file of version 9 of this branch of the graph, or of a schema change, or unreadable, so that it may be either. Its
    /// write is published only onto the graph that it was written for.
    pub(crate) fn rests_on_the_graph_of(&self, branch: Branch<'_>) -> bool {
        let glimpse = &self.glimpse;
        if glimpse.schema_version != Some(u64::from(SCHEMA_VERSION)) {
            return false;
        }
        let kind = glimpse.writer_kind.as_deref().and_then(WriterKind::named);
        kind.is_none_or(WriterKind::changes_the_schema)
            || Branch::of(glimpse.branch.as_deref()) == branch
    }
}
