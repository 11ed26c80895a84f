//! The evidence for the verdict over a sidecar of version 9.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::branch_identifier::BranchIdentifier;
use super::delta::VersionMetadata;
use super::proof::SeenVersions;
use super::table_identity::TableIdentity;
use crate::graph_history::GraphCommit;
use crate::observation::NextSchema;

/// Everything that [`judge_version_9`](super::judge_version_9) reads besides the sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The other files of the root that matter.
    pub beside: Beside,
    /// The branch of the graph that the write is on.
    pub branch: BranchSeen,
    /// The visible rows of that branch; empty where there is none.
    pub graph: GraphSeen,
    /// The content of the schema files.
    pub schema: SchemaSeen,
    /// One entry per pin, in their order.
    pub tables: Vec<TableSeen>,
}

impl Evidence {
    /// The same with the files that lie beside the sidecar as `beside` has them. Where the root was, and whether it is locked, stays as it
    /// was found.
    #[must_use]
    pub fn with_files_beside(&self, beside: Beside) -> Self {
        let beside = Beside {
            moved_from: self.beside.moved_from.clone(),
            is_locked: self.beside.is_locked,
            ..beside
        };
        Self {
            beside,
            ..self.clone()
        }
    }
}

/// The other files of the root that decide about this one, and those that it decides about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The older file that has to be resolved first.
    pub waiting_for: Option<String>,
    /// Younger files that this one decides about, oldest first.
    pub followed_by: Vec<String>,
    /// Where the root was when the file was written, if it was moved since.
    pub moved_from: Option<String>,
    /// Whether the lock of a schema change is there.
    pub is_locked: bool,
}

/// The branch of the graph, in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BranchSeen {
    /// It is there.
    There {
        /// Its identifier.
        identifier: BranchIdentifier,
        /// The Lance branch of the catalog, where it has another name than the branch.
        lance_branch: Option<String>,
    },
    /// It is not there.
    Gone {
        /// Whether files of it are.
        tree_left: bool,
    },
}

/// The rows of the catalog on the write's branch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphSeen {
    /// The graph commit that the branch's own head row names; `None` where it has no such row.
    pub head: Option<String>,
    /// The graph commit that makes the write visible, if it is there.
    pub original: Option<GraphCommit>,
    /// The graph commit that records an undo, if it is there.
    pub rollback: Option<GraphCommit>,
    /// The tables now.
    pub tables: CatalogTables,
    /// The tables at the version that the original commit made; `None` if there is no such commit, or that version is gone.
    pub tables_then: Option<CatalogTables>,
}

/// The tables of a catalog of stamp 6, by their identity. In JSON they are pairs, since an identity is no name of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(TableIdentity, CatalogTable)>")]
#[serde(into = "Vec<(TableIdentity, CatalogTable)>")]
pub struct CatalogTables(pub BTreeMap<TableIdentity, CatalogTable>);

/// One table of the catalog that is not removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogTable {
    /// Its key.
    pub table_key: String,
    /// Where its dataset is, relative to the root.
    pub location: String,
    /// The row of its visible version.
    pub row: CatalogRow,
}

/// The row of a visible version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogRow {
    /// The version.
    pub version: u64,
    /// Lance branch that it is on; `None` is main.
    pub table_branch: Option<String>,
    /// Rows in it, as its publisher counted them.
    pub row_count: Option<u64>,
    /// Where its file is; `None` if the row does not say.
    pub metadata: Option<VersionMetadata>,
}

/// The content of the schema files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaSeen {
    /// The schema in force, or why the live files do not tell.
    pub live: Result<SchemaIdentity, String>,
    /// Whether staged copies are there.
    pub is_staged: bool,
    /// What the files say once every staged copy is in place.
    pub next: NextSchema,
}

/// The identity of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaIdentity {
    /// Domain of its identities.
    pub domain: String,
    /// Digest of the compiled schema.
    pub ir_hash: String,
    /// Version of its identities.
    pub identity_version: u32,
}

/// The dataset of one pin, on the pin's Lance branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSeen {
    /// Where HEAD is.
    pub head: HeadSeen,
    /// The entry of the Lance branch; `None` on main, and where there is none.
    pub fork: Option<ForkSeen>,
    /// A Lance branch whose name goes on behind that of the pin's, so that its files lie in the folder of the pin's: `feature/child`
    /// lies in `feature`. Looked for only where the write makes the Lance branch.
    pub branch_below: Option<String>,
    /// Whether the file of the visible version is gone, so that readers cannot open the table either.
    pub is_visible_version_gone: bool,
}

/// HEAD of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadSeen {
    /// It is there, with the transactions above the pin.
    At(SeenVersions),
    /// There is no dataset.
    DatasetMissing,
    /// There is no such Lance branch.
    BranchMissing,
    /// It cannot be read.
    Unreadable(String),
}

/// The version that a Lance branch was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkSeen {
    /// The version.
    pub parent_version: Option<u64>,
    /// The identifier of the branch.
    pub identifier: Option<BranchIdentifier>,
}

impl From<Vec<(TableIdentity, CatalogTable)>> for CatalogTables {
    fn from(tables: Vec<(TableIdentity, CatalogTable)>) -> Self {
        Self(tables.into_iter().collect())
    }
}

impl From<CatalogTables> for Vec<(TableIdentity, CatalogTable)> {
    fn from(tables: CatalogTables) -> Self {
        tables.0.into_iter().collect()
    }
}

impl CatalogTables {
    /// The table of that identity, if it is visible.
    #[must_use]
    pub fn get(&self, identity: TableIdentity) -> Option<&CatalogTable> {
        self.0.get(&identity)
    }

    /// The identity of the table that is called so.
    #[must_use]
    pub fn called(&self, table_key: &str) -> Option<TableIdentity> {
        let mut tables = self.0.iter();
        tables
            .find(|(_, table)| table.table_key == table_key)
            .map(|(identity, _)| *identity)
    }
}
