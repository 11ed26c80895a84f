//! The commits of a graph as its history keeps them, and which of them two branches have in common (PROTOCOL.md, section 6.2).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One row of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphCommit {
    /// Its id.
    pub id: String,
    /// Branch of the catalog that it stands for; `None` is main.
    pub manifest_branch: Option<String>,
    /// The version of the catalog on that branch.
    pub manifest_version: u64,
    /// The commit before it on its branch.
    pub parent: Option<String>,
    /// The commit that was merged into it.
    pub merged_parent: Option<String>,
    /// Who made it, where the row says so: in catalogs up to stamp 3 another table does.
    pub actor: Option<String>,
    /// When it was made, in microseconds.
    pub created_at: i64,
}

/// Commits of a graph, as far as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphHistory {
    commits: BTreeMap<String, GraphCommit>,
    /// Ids of commits that were read in the table of the very branch they stand for.
    at_home: BTreeSet<String>,
}

impl GraphHistory {
    /// Adds the rows that the history's table of one branch holds. It holds those of the branches it was made from as well.
    pub fn add(&mut self, table_of: Option<&str>, commits: impl IntoIterator<Item = GraphCommit>) {
        for commit in commits {
            if commit.manifest_branch.as_deref() == table_of {
                self.at_home.insert(commit.id.clone());
            }
            self.commits.insert(commit.id.clone(), commit);
        }
    }

    /// The commit, if it was read in the table of its own branch; only there is its catalog version the one it stood for. A branch
    /// that was made anew under the same name has a history without it.
    #[must_use]
    pub fn at_home(&self, id: &str) -> Option<&GraphCommit> {
        self.at_home.get(id).and_then(|id| self.commits.get(id))
    }

    /// Whether everything that leads to this commit was read.
    #[must_use]
    pub fn is_whole_before(&self, id: &str) -> bool {
        self.before(id)
            .iter()
            .all(|id| self.commits.contains_key(*id))
    }

    /// The common ancestors of both that are no ancestor of another common ancestor, sorted by id. A commit counts as its own ancestor.
    #[must_use]
    pub fn bases(&self, left: &str, right: &str) -> Vec<&GraphCommit> {
        let (left, right) = (self.before(left), self.before(right));
        let common: BTreeSet<&str> = left.intersection(&right).copied().collect();
        let mut below: BTreeSet<&str> = BTreeSet::new();
        for commit in common.iter().filter_map(|id| self.commits.get(*id)) {
            for parent in parents(commit) {
                // The commits before a parent were reached with the parent itself.
                if !below.contains(parent) {
                    below.append(&mut self.before(parent));
                }
            }
        }
        common
            .difference(&below)
            .filter_map(|id| self.commits.get(*id))
            .collect()
    }

    /// The commit itself and all that lead to it, those that were not read included.
    fn before<'a>(&'a self, id: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::from([id]);
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            let commit = self.commits.get(id);
            for parent in commit.into_iter().flat_map(parents) {
                if reached.insert(parent) {
                    next.push(parent);
                }
            }
        }
        reached
    }
}

fn parents(commit: &GraphCommit) -> impl Iterator<Item = &str> {
    [&commit.parent, &commit.merged_parent]
        .into_iter()
        .filter_map(Option::as_deref)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(id: &str, branch: Option<&str>, parents: [Option<&str>; 2]) -> GraphCommit {
        GraphCommit {
            id: id.to_owned(),
            manifest_branch: branch.map(str::to_owned),
            manifest_version: 1,
            parent: parents[0].map(str::to_owned),
            actor: None,
            merged_parent: parents[1].map(str::to_owned),
            created_at: 0,
        }
    }

    fn ids(commits: Vec<&GraphCommit>) -> Vec<&str> {
        commits.iter().map(|commit| commit.id.as_str()).collect()
    }

    /// `1 - 2 - 3` on main, `f1 - f2` on feature made from 2, of which f1 was merged into 3.
    fn merged_once() -> GraphHistory {
        let mut history = GraphHistory::default();
        let main = [
            commit("1", None, [None, None]),
            commit("2", None, [Some("1"), None]),
            commit("3", None, [Some("2"), Some("f1")]),
        ];
        let feature = [
            commit("2", None, [Some("1"), None]),
            commit("f1", Some("feature"), [Some("2"), None]),
            commit("f2", Some("feature"), [Some("f1"), None]),
        ];
        history.add(None, main);
        history.add(Some("feature"), feature);
        history
    }

    #[test]
    fn the_base_of_two_branches_is_what_was_merged_last() {
        let history = merged_once();
        assert_eq!(ids(history.bases("f2", "3")), ["f1"]);
        assert_eq!(ids(history.bases("f2", "2")), ["2"]);
        assert_eq!(ids(history.bases("f1", "f1")), ["f1"]);
        assert_eq!(ids(history.bases("f2", "unknown")), [""; 0]);
    }

    #[test]
    fn a_commit_is_at_home_only_in_the_table_of_its_branch() {
        let mut history = GraphHistory::default();
        history.add(
            Some("later"),
            [commit("f1", Some("feature"), [Some("2"), None])],
        );
        assert!(
            history.at_home("f1").is_none(),
            "feature may be another one by now"
        );
        assert!(!history.is_whole_before("f1"), "2 was not read");
        let whole = merged_once();
        assert!(whole.at_home("f1").is_some() && whole.is_whole_before("3"));
    }

    #[test]
    fn a_circle_in_a_broken_history_ends() {
        let mut history = GraphHistory::default();
        history.add(
            None,
            [
                commit("1", None, [Some("2"), None]),
                commit("2", None, [Some("1"), None]),
            ],
        );
        assert_eq!(ids(history.bases("1", "2")), [""; 0]);
    }
}
