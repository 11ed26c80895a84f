//! What the catalog of stamp 6 shows on the branch of a write.

use sidecar::version_9::{
    BranchIdentifier, BranchSeen, CatalogTables, GraphSeen, Sidecar9, no_evidence,
};
use sidecar::{GraphCommit, Reason};

use super::unreadable::catalog_unreadable;
use crate::root::Root;
use fenced_lance::{Catalog, CatalogReading, LanceRoot};

/// The branch as it was read, so that a later look can compare.
pub(super) struct Graph {
    /// The Lance branch of the catalog.
    pub(super) lance_branch: Option<String>,
    /// Its latest version.
    pub(super) version: u64,
}

/// What was read.
pub(super) struct GraphReading {
    pub(super) branch: BranchSeen,
    pub(super) graph: GraphSeen,
    /// `None` if there is no such branch.
    pub(super) read: Option<Graph>,
}

/// Reads the branch of the write. One that v0.10.0 made has a dot and a ULID behind its name.
pub(super) async fn read(root: &Root, sidecar: &Sidecar9) -> Result<GraphReading, Reason> {
    let lance = root.lance();
    let reading = lance.catalog_of_graph_branch(sidecar.branch().name()).await;
    match reading.map_err(|error| catalog_unreadable(&error))? {
        CatalogReading::Present(catalog) => of(lance, sidecar, catalog).await,
        CatalogReading::NoBranch { tree_left } => Ok(GraphReading {
            branch: BranchSeen::Gone { tree_left },
            graph: GraphSeen::default(),
            read: None,
        }),
        CatalogReading::NoCatalog => Err(no_evidence::no_catalog()),
    }
}

async fn of(
    lance: &LanceRoot,
    sidecar: &Sidecar9,
    catalog: Catalog,
) -> Result<GraphReading, Reason> {
    let lance_branch = catalog.branch.clone();
    let tables = identified(&catalog)?;
    let identifier = match (&lance_branch, &catalog.branch_identifier) {
        (None, _) => BranchIdentifier {
            version_mapping: Vec::new(),
        },
        (Some(_), Some(identifier)) => BranchIdentifier::clone(identifier),
        (Some(branch), None) => {
            return Err(no_evidence::unidentified_branch(branch));
        }
    };
    let commit = |id: &str| -> Option<GraphCommit> {
        let mut commits = catalog.graph_commits.iter();
        commits.find(|commit| commit.id == id).cloned()
    };
    let payload = sidecar.payload();
    let original = payload.and_then(|payload| commit(&payload.lineage.graph_commit_id));
    let tables_then = match &original {
        None => None,
        Some(original) => {
            let then = lance
                .catalog_at(lance_branch.as_deref(), original.manifest_version)
                .await;
            match then.map_err(|error| catalog_unreadable(&error))? {
                Some(then) => Some(identified(&then)?),
                None => None,
            }
        }
    };
    let branch = sidecar.branch();
    Ok(GraphReading {
        branch: BranchSeen::There {
            identifier,
            lance_branch: lance_branch
                .clone()
                .filter(|lance_branch| Some(lance_branch.as_str()) != branch.name()),
        },
        graph: GraphSeen {
            head: catalog.named_head(branch.name()).map(str::to_owned),
            original,
            rollback: payload.and_then(|payload| commit(&payload.rollback_graph_commit_id)),
            tables,
            tables_then,
        },
        read: Some(Graph {
            lance_branch,
            version: catalog.version,
        }),
    })
}

fn identified(catalog: &Catalog) -> Result<CatalogTables, Reason> {
    let tables = catalog.identified.as_deref().cloned();
    tables.ok_or_else(|| no_evidence::tables_without_identities(catalog.stamp))
}
