//! The versions of the catalog that are still there, as the history of the graph is judged by them.

use futures::{FutureExt, StreamExt};
use sidecar::doctor::{
    CatalogVersionFacts, HistoryFacts, Known, StandingCommit, called_in_history,
};
use sidecar::{Branch, Digest, GraphCommit, Tag, error_text};

use super::bounds::{BRANCH_VERSIONS_MAX, VERSIONS_AT_ONCE, VERSIONS_MAX};
use crate::root::Root;
use fenced_lance::{Catalog, LanceRoot, RetainedCatalog};

/// Reads the newest versions of the catalog of each branch, one branch after the other.
pub(super) async fn read(
    root: &Root,
    branches: &Known<Vec<Option<String>>>,
) -> Known<Vec<HistoryFacts>> {
    let lance = &root.lance().for_one_look();
    let mut left = VERSIONS_MAX;
    let mut histories = Vec::new();
    for branch in branches.as_ref().map_err(Clone::clone)? {
        let max = left.min(BRANCH_VERSIONS_MAX);
        let history = of_branch(lance, branch.as_deref(), max).await;
        left -= history.versions.as_ref().map_or(0, Vec::len);
        histories.push(history);
    }
    Ok(histories)
}

async fn of_branch(lance: &LanceRoot, branch: Option<&str>, max: usize) -> HistoryFacts {
    let untold = |why: String| HistoryFacts {
        branch: branch.map(str::to_owned),
        versions: Err(why),
        has_older: false,
        commits: Vec::new(),
    };
    if max == 0 {
        return untold(format!(
            "the first {VERSIONS_MAX} versions of the catalog that were looked at are of other branches"
        ));
    }
    let retained = match lance.catalog_versions(branch, max).await {
        Ok(retained) if retained.versions.is_empty() => {
            return untold("no version of the catalog is there".to_owned());
        }
        Ok(retained) => retained,
        Err(error) => return untold(error_text(&error)),
    };
    let oldest_first = retained.versions.into_iter().rev();
    let reads = oldest_first.map(|version| of_version(lance, branch, version));
    let mut reads = futures::stream::iter(reads).buffered(VERSIONS_AT_ONCE);
    let mut versions = Vec::new();
    let mut latest = None;
    while let Some((version, read)) = reads.next().await {
        let facts = read.map(|read| {
            let facts = facts(&read, branch, version);
            // The commits of one version are held at a time.
            latest = Some(read.catalog.graph_commits);
            facts
        });
        versions.push((version, facts));
    }
    HistoryFacts {
        branch: branch.map(str::to_owned),
        versions: Ok(versions),
        has_older: retained.has_older,
        commits: latest.map(|commits| commits.to_vec()).unwrap_or_default(),
    }
}

async fn of_version(
    lance: &LanceRoot,
    branch: Option<&str>,
    version: u64,
) -> (u64, Known<RetainedCatalog>) {
    let read = match lance.retained_catalog(branch, version).boxed().await {
        Ok(Some(read)) => Ok(read),
        Ok(None) => Err("it was cleaned away meanwhile".to_owned()),
        Err(error) => Err(error_text(&error)),
    };
    (version, read)
}

fn facts(read: &RetainedCatalog, branch: Option<&str>, version: u64) -> CatalogVersionFacts {
    let commits = &read.catalog.graph_commits;
    let standing = commits
        .iter()
        .filter(|commit| commit.manifest_version == version)
        .map(|commit| StandingCommit {
            id: commit.id.clone(),
            branch: commit.manifest_branch.clone(),
        });
    let called = called_in_history(Branch::of(branch), read.catalog.stamp, commits);
    let is_own = |commit: &&GraphCommit| Branch::of(commit.manifest_branch.as_deref()) == called;
    let newest_own = commits
        .iter()
        .filter(is_own)
        .max_by_key(|commit| (commit.manifest_version, commit.created_at, &commit.id));
    let head = read.catalog.named_head(called.name());
    CatalogVersionFacts {
        stamp: read.catalog.stamp,
        commits: commits.len(),
        standing: standing.collect(),
        newest_own: newest_own.map(|commit| commit.id.clone()),
        heads: head.map(str::to_owned).into_iter().collect(),
        shows: shown(&read.catalog),
        foreign_row: read.foreign_row.clone(),
    }
}

/// A digest of everything that readers see in a catalog. Catalogs that show the same have the same digest, within one run of this
/// program.
fn shown(catalog: &Catalog) -> Digest {
    let Catalog {
        pins,
        tombstones,
        locations,
        ..
    } = catalog;
    let text = format!("{:?}", (pins, tombstones, locations));
    Digest::of(Tag::DerivedId, text.as_bytes())
}
