//! Which file decides about another one of the same branch of a graph of version 9 (PROTOCOL.md, section 18.4). The plan in a file of
//! version 9 holds for one head of its branch, and any write to that branch changes the head, whatever tables it names.

use std::collections::BTreeMap;

use crate::branch::Branch;
use crate::sidecar::{Glimpse, Sidecar};
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

    /// Adds a file that is not older than those before, and may be of version 9.
    pub(super) fn add(&mut self, glimpse: &Glimpse, name: &str) {
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
