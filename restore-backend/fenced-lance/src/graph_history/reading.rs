//! The graph commits that the history of a graph holds, for finding out what a merge was about.

use futures::TryStreamExt;
use sidecar::GraphCommit;
use sidecar::root_layout::{BRANCHES_FOLDER, REFS_FOLDER};

use super::{COMMITS, Table, rows};
use crate::{CATALOG_PATH, CatalogReading, LanceRoot, TableError, TableLocation};

/// The graph commits that one branch of the history holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchHistory {
    /// Its rows, those of the branches it was made from included.
    Known(Vec<GraphCommit>),
    /// It is not there, or is not as released engines write it.
    Untold {
        /// Why.
        reason: String,
    },
}

impl LanceRoot {
    /// The branches of the history besides the default one, by name: one listing, and for a history in the catalog one read for each.
    ///
    /// # Errors
    /// The branches cannot be listed, or, in the catalog, the entry of one cannot be read.
    pub async fn history_branches(&self, in_catalog: bool) -> Result<Vec<String>, TableError> {
        if in_catalog {
            let branches = self.catalog_branches().await?;
            return Ok(branches.into_iter().map(|branch| branch.name).collect());
        }
        let place = self.place(&TableLocation::main(COMMITS))?;
        let folder = place
            .dataset
            .clone()
            .join(REFS_FOLDER)
            .join(BRANCHES_FOLDER);
        let entries: Vec<_> = self
            .inner
            .store
            .inner
            .list(Some(&folder))
            .try_collect()
            .await
            .map_err(|source| TableError::lance(&place.name, "listing branches", source))?;
        let mut branches: Vec<String> = entries
            .iter()
            .filter_map(|entry| entry.location.filename()?.strip_suffix(".json"))
            // A nested branch's slash is kept encoded, as it must not make a folder.
            .map(|name| name.replace("%2F", "/"))
            .collect();
        branches.sort_unstable();
        Ok(branches)
    }

    /// The graph commits on one branch: one listing, and the reads of a small table, or of the catalog where that holds them.
    ///
    /// # Errors
    /// The table, or the catalog, cannot be read. A history that was read and cannot be understood is [`BranchHistory::Untold`].
    pub async fn graph_commits(
        &self,
        branch: Option<&str>,
        in_catalog: bool,
    ) -> Result<BranchHistory, TableError> {
        let untold = |reason: String| Ok(BranchHistory::Untold { reason });
        if in_catalog {
            return match self.catalog(branch).await? {
                CatalogReading::Present(catalog) => {
                    Ok(BranchHistory::Known(catalog.graph_commits.to_vec()))
                }
                CatalogReading::NoCatalog | CatalogReading::NoBranch { .. } => {
                    untold(format!("the branch is missing in {CATALOG_PATH}"))
                }
            };
        }
        let place = self.place(&TableLocation::on(COMMITS, branch))?;
        let read = match self.read(&place, &rows::GRAPH_COMMIT_COLUMNS).await? {
            Table::Present(read) => read,
            Table::Missing(what) => return untold(format!("{what} is missing in {COMMITS}")),
            Table::Lacks(column) => {
                return untold(format!("there is no column {column} in {COMMITS}"));
            }
        };
        match rows::graph_commits(&read.batches) {
            Ok(commits) => Ok(BranchHistory::Known(commits)),
            Err(why) => untold(format!("{COMMITS}: {why}")),
        }
    }
}
