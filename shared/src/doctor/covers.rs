//! Which commits and schema changes the pending files cover.

use std::collections::{BTreeMap, BTreeSet};

use crate::branch::Branch;
use crate::pending::PendingEntry;

/// A table on a Lance branch, as seen from a branch of the graph.
type Place = (Option<String>, String, Option<String>);

/// Which commits and schema changes the pending files cover.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covers {
    /// Tables that a sidecar pins which can be planned.
    resolved: BTreeSet<Place>,
    /// The same of files that are refused, with the first file. They resolve nothing as long as they are.
    refused: BTreeMap<Place, String>,
    /// Files that may pin any table and change the schema, since their content is not known.
    unread: Vec<String>,
    changes_schema: bool,
}

/// Who covers a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover<'a> {
    /// A sidecar that can be planned pins it.
    Resolved,
    /// A refused file names it.
    Refused(&'a str),
    /// No file names it, but nobody knows what this one holds.
    PerhapsOf(&'a str),
    /// No file names it.
    Nobody,
}

impl Covers {
    /// What these entries cover.
    #[must_use]
    pub fn of(entries: &[PendingEntry]) -> Self {
        let mut covers = Self::default();
        for PendingEntry { listed, .. } in entries {
            let file = &listed.file;
            covers.changes_schema |= file.is_schema_apply();
            let reason = file.content.as_ref().err();
            if reason.is_some_and(|reason| reason.code.leaves_a_file_unread()) {
                covers.unread.push(file.file.clone());
                continue;
            }
            let branch = match &file.content {
                Ok(sidecar) => sidecar.branch(),
                Err(_) => Branch::of(file.glimpse.branch.as_deref()),
            };
            for pin in file.pins() {
                let table_branch = Branch::of(pin.table_branch.as_deref()).owned();
                let place = (branch.owned(), pin.table_key, table_branch);
                if listed.to_judge().is_some() {
                    covers.resolved.insert(place);
                } else {
                    let first = || file.file.clone();
                    covers.refused.entry(place).or_insert_with(first);
                }
            }
        }
        covers
    }

    /// Whether a sidecar that can be planned pins a table on a Lance branch, seen from a branch of the graph.
    #[must_use]
    pub fn resolves(
        &self,
        branch: Option<&str>,
        table_key: &str,
        table_branch: Option<&str>,
    ) -> bool {
        self.of_table(branch, table_key, table_branch) == Cover::Resolved
    }

    /// Who covers a table on a Lance branch, seen from a branch of the graph.
    pub(super) fn of_table(
        &self,
        branch: Option<&str>,
        table_key: &str,
        table_branch: Option<&str>,
    ) -> Cover<'_> {
        let branch = Branch::of(branch);
        // A file names the branch of the graph, whose Lance branch may have a suffix.
        for branch in [branch, branch.without_suffix()] {
            let table_branch = Branch::of(table_branch).owned();
            let place = (branch.owned(), table_key.to_owned(), table_branch);
            if self.resolved.contains(&place) {
                return Cover::Resolved;
            }
            if let Some(file) = self.refused.get(&place) {
                return Cover::Refused(file);
            }
        }
        match self.unread.first() {
            Some(file) => Cover::PerhapsOf(file),
            None => Cover::Nobody,
        }
    }

    /// Who covers what a schema change leaves beside the tables.
    pub(super) fn of_the_schema(&self) -> Cover<'_> {
        match self.unread.first() {
            _ if self.changes_schema => Cover::Resolved,
            Some(file) => Cover::PerhapsOf(file),
            None => Cover::Nobody,
        }
    }
}
