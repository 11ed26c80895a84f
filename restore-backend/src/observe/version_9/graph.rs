//! What the catalog of stamp 6 shows on the branch of a write.

use sidecar::version_9::{BranchIdentifier, BranchSeen, CatalogTables, GraphSeen, Sidecar9};
use sidecar::{Code, GraphCommit, OperationId, Reason};

use super::unreadable::catalog_unreadable;
use crate::root::Root;
use fenced_lance::{Catalog, CatalogReading, LanceRoot};

/// The branch as it was read, to see later whether it is still so.
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
    let name = sidecar.branch().owned();
    match catalog(lance, name.as_deref()).await? {
        Ok(catalog) => of(lance, sidecar, catalog).await,
        Err(tree_left) => match suffixed(lance, name.as_deref()).await? {
            Some(lance_branch) => match catalog(lance, Some(&lance_branch)).await? {
                Ok(catalog) => of(lance, sidecar, catalog).await,
                Err(tree_left) => Ok(gone(tree_left)),
            },
            None => Ok(gone(tree_left)),
        },
    }
}

fn gone(tree_left: bool) -> GraphReading {
    GraphReading {
        branch: BranchSeen::Gone { tree_left },
        graph: GraphSeen::default(),
        read: None,
    }
}

/// The catalog on a Lance branch; the inner error says that there is none, and whether files of it are left.
async fn catalog(lance: &LanceRoot, branch: Option<&str>) -> Result<Result<Catalog, bool>, Reason> {
    let reading = lance.catalog(branch).await;
    match reading.map_err(|error| catalog_unreadable(&error))? {
        CatalogReading::Present(catalog) => Ok(Ok(catalog)),
        CatalogReading::NoBranch { tree_left } => Ok(Err(tree_left)),
        CatalogReading::NoCatalog => Err(Reason::new(
            Code::CatalogUnreadable,
            "the root has no catalog",
        )),
    }
}

/// The one Lance branch of the catalog that stands for this branch of the graph with a suffix.
async fn suffixed(lance: &LanceRoot, name: Option<&str>) -> Result<Option<String>, Reason> {
    let Some(name) = name else {
        return Ok(None);
    };
    let branches = lance.catalog_branches().await;
    let branches = branches.map_err(|error| catalog_unreadable(&error))?;
    let is_of = |branch: &str| {
        let suffix = branch
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'));
        suffix.is_some_and(|suffix| suffix.parse::<OperationId>().is_ok())
    };
    let mut found = branches
        .into_iter()
        .map(|branch| branch.name)
        .filter(|branch| is_of(branch));
    match (found.next(), found.next()) {
        (found, None) => Ok(found),
        (one, Some(other)) => Err(Reason::new(
            Code::CatalogUnreadable,
            format!(
                "the catalog has {} and {other}, and nothing says which of them is branch {name}",
                one.unwrap_or_default()
            ),
        )),
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
            return Err(Reason::new(
                Code::CatalogUnreadable,
                format!(
                    "the entry of branch {branch} of the catalog does not say what the branch is known by"
                ),
            ));
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
        branch: BranchSeen::There { identifier },
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
    tables.ok_or_else(|| {
        Reason::new(
            Code::CatalogStampUnsupported,
            format!(
                "the catalog has stamp {}, and sidecars of version 9 are judged on stamp 6",
                catalog.stamp
            ),
        )
    })
}
