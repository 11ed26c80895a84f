//! The tables that publishing a merge by its sidecar would leave out.

use serde::{Deserialize, Serialize};

use crate::observation::{Observation, ShownTable};

/// One table that a merge changed, or may have changed, and that its sidecar does not name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LeftOut {
    /// The merged branch and the target show different versions of it.
    Differs {
        /// The table.
        table_key: String,
        /// What the merged branch shows, as of the commit that was merged; null if nothing.
        source: Option<ShownTable>,
        /// What the target shows; null if nothing.
        target: Option<ShownTable>,
    },
    /// It has commits above what readers of the target see, and no pending sidecar covers them.
    Uncovered {
        /// The table.
        table_key: String,
        /// The Lance branch the commits are on; null is main.
        branch: Option<String>,
        /// The version below them.
        pinned: u64,
        /// The latest version.
        head: u64,
    },
    /// The list may be incomplete, for the given reason.
    Untold {
        /// Why.
        reason: String,
    },
}

impl LeftOut {
    /// The table, where one is known.
    #[must_use]
    pub fn table_key(&self) -> Option<&str> {
        match self {
            Self::Differs { table_key, .. } | Self::Uncovered { table_key, .. } => Some(table_key),
            Self::Untold { .. } => None,
        }
    }
}

/// Lists the tables that publishing this merge would leave out. Without an observation of the merge, that is one
/// [`LeftOut::Untold`].
pub(super) fn left_out(observation: &Observation) -> Vec<LeftOut> {
    let Some(merge) = &observation.merge else {
        return vec![LeftOut::Untold {
            reason: "the branch that was merged was not looked at".to_owned(),
        }];
    };
    let differing = merge.differing.iter().map(|table| LeftOut::Differs {
        table_key: table.table_key.clone(),
        source: table.source.clone(),
        target: table.target.clone(),
    });
    let uncovered = merge.uncovered.iter().map(|table| LeftOut::Uncovered {
        table_key: table.table_key.clone(),
        branch: table.branch.clone(),
        pinned: table.pinned,
        head: table.head,
    });
    let untold = merge.untold.iter().map(|reason| LeftOut::Untold {
        reason: reason.clone(),
    });
    let mut left_out: Vec<LeftOut> = differing.chain(uncovered).chain(untold).collect();
    left_out.sort();
    left_out.dedup();
    left_out
}
