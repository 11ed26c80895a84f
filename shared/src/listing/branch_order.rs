//! Which file decides about another one of the same branch of a graph of version 9 (PROTOCOL.md, section 18.4). The plan in a file of
//! version 9 holds for one head of its branch, and any write to that branch changes the head, whatever tables it names.

use std::collections::BTreeMap;

use super::{ListedSidecar, SidecarFile};
use crate::branch::Branch;
use crate::sidecar::Sidecar;
use crate::writer_kind::WriterKind;

/// The oldest files so far, by what they may change.
#[derive(Debug, Default)]
pub(super) struct BranchOrder {
    /// The oldest of a branch of the graph.
    of_branch: BTreeMap<Option<String>, String>,
    /// The oldest that may change any branch: of a schema change, or of nobody knows what.
    of_all: Option<String>,
}

impl BranchOrder {
    /// The oldest file that decides about this one; `None` for one of another version.
    pub(super) fn before(&self, sidecar: &Sidecar) -> Option<&str> {
        sidecar.version_9.as_ref()?;
        let of_branch = self.of_branch.get(&sidecar.branch().owned());
        [of_branch, self.of_all.as_ref()]
            .into_iter()
            .flatten()
            .min()
            .map(String::as_str)
    }

    /// Adds a file that is not older than those before. One that is surely of another version decides about nothing by its branch.
    pub(super) fn add(&mut self, file: &SidecarFile, name: &str) {
        if file.is_surely_not_of_version_9() {
            return;
        }
        let glimpse = &file.glimpse;
        let is_of_all = glimpse
            .writer_kind
            .as_deref()
            .is_none_or(|name| WriterKind::named(name).is_some_and(WriterKind::changes_the_schema));
        if is_of_all {
            self.of_all.get_or_insert_with(|| name.to_owned());
        } else {
            let branch = Branch::of(glimpse.branch.as_deref()).owned();
            self.of_branch
                .entry(branch)
                .or_insert_with(|| name.to_owned());
        }
    }
}

/// Makes half an undo wait for the file of version 9 that was written for the graph as it is, also for a younger one.
///
/// What stands for such an undo is of version 1. To recover it adds a graph commit to its branch, and then the other write could only be
/// rolled back. The undo itself needs no particular head. A file that waits for somebody else is not waited for: it may wait for this
/// very undo, with which it shares a table.
pub(super) fn let_version_9_go_first(listed: &mut [ListedSidecar]) {
    let is_free = |entry: &ListedSidecar| entry.refusal.is_none() && entry.waiting_for.is_none();
    let yielding = |entry: &ListedSidecar| {
        let sidecar = entry.to_judge().filter(|_| is_free(entry))?;
        if sidecar.version_9.is_some() {
            return None;
        }
        let mut others = listed.iter().filter(|other| is_free(other));
        let first = others.find(|other| other.file.rests_on_the_graph_of(sidecar.branch()))?;
        first.file.operation_id().map(String::from)
    };
    let waits: Vec<Option<String>> = listed.iter().map(yielding).collect();
    for (entry, waits_for) in listed.iter_mut().zip(waits) {
        if waits_for.is_some() {
            entry.waiting_for = waits_for;
        }
    }
}
