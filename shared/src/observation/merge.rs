//! The tables of a `BranchMerge` beyond those that its sidecar pins.
//!
//! The sidecar pins only the tables that the merge rewrites. A table that it adopts, by pointer or commit by commit, is in no
//! sidecar, and is published with the others in one commit of the catalog. Publish the pinned ones alone, and the rest of the merge is
//! lost: the history says that the branch was merged, and merging again does nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sidecar::Sidecar;

/// The tables outside the sidecar of a merge that it would have changed, or may have, as found in one look at the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeObservation {
    /// Tables of which the merged branch and the target show different versions; see [`differing_tables`].
    pub differing: Vec<DifferingTable>,
    /// Tables of the target with commits above what readers see, which no pending sidecar covers.
    pub uncovered: Vec<UncoveredTable>,
    /// Reasons why the comparison is incomplete. Looking again does not change them.
    pub untold: Vec<String>,
}

/// The visible version of one table on one branch of the graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownTable {
    /// The version.
    pub version: u64,
    /// The Lance branch it is on; `None` is main.
    pub branch: Option<String>,
    /// Its dataset, relative to the root.
    pub location: Option<String>,
}

/// What one branch of the graph shows: the visible version of every table, by key.
pub type Shown = BTreeMap<String, ShownTable>;

/// A table of which the merged branch and the target show different versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferingTable {
    /// Its key.
    pub table_key: String,
    /// What the merged branch shows of it, as of the commit that was merged; `None` if nothing.
    pub source: Option<ShownTable>,
    /// What the target shows of it now; `None` if nothing.
    pub target: Option<ShownTable>,
}

/// A table of the target with commits above what readers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncoveredTable {
    /// Its key.
    pub table_key: String,
    /// The Lance branch the commits are on; `None` is main.
    pub branch: Option<String>,
    /// The version below them: the visible one, or the one from which the Lance branch was made.
    pub pinned: u64,
    /// The latest version.
    pub head: u64,
}

/// Tables outside the sidecar of which source and target show different versions, by key.
///
/// `bases` are snapshots of commits that both branches descend from. A table that the source has not changed since one of them differs
/// only because the target moved on, and no merge of that source would change it: it is left out. Versions of a table never go down
/// on a branch, so the same version at both ends means no change in between.
#[must_use]
pub fn differing_tables(
    sidecar: &Sidecar,
    source: &Shown,
    target: &Shown,
    bases: &[Shown],
) -> Vec<DifferingTable> {
    let mut keys: Vec<&String> = source.keys().chain(target.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter(|key| !is_pinned(sidecar, key))
        .filter(|key| source.get(*key) != target.get(*key))
        .filter(|key| bases.iter().all(|base| base.get(*key) != source.get(*key)))
        .map(|key| DifferingTable {
            table_key: key.clone(),
            source: source.get(key).cloned(),
            target: target.get(key).cloned(),
        })
        .collect()
}

/// Whether a merge's sidecar pins this table. It pins tables of the target, which has one Lance branch for each.
#[must_use]
pub fn is_pinned(sidecar: &Sidecar, table_key: &str) -> bool {
    sidecar.tables.iter().any(|pin| pin.table_key == table_key)
}
