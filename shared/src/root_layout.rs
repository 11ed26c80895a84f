//! The names below a root, and those inside Lance's metadata, that more than one package must agree on.
//!
//! [`crate::SchemaFile`] has the names of the schema files, [`crate::OperationId::file_name`] those of the sidecars,
//! [`crate::journal::JournalRecord::object_name`] those of the records.

use crate::digest::Digest;
use crate::ids::OperationId;

/// Folder of the recovery sidecars.
pub const SIDECAR_FOLDER: &str = "__recovery";

/// Folder of all journals. The journal of an operation lies in the folder below it that is named after the operation.
pub const JOURNAL_FOLDER: &str = "__recovery_log";
/// Folder of the marks of open operations, below that of the journals.
pub const OPEN_FOLDER: &str = "open";
/// Object of a journal that says that some executor claimed the operation. Writers look for it.
pub const CLAIM_OBJECT: &str = "claim.json";
/// Object of a journal that says that the operation is finished and its sidecar gone.
pub const CLOSED_OBJECT: &str = "closed.json";
/// Prefix and suffix of the name of an object of the journal folder that says which folder on local disk a root is: `root-{hex}.json`.
pub const ROOT_OBJECT: (&str, &str) = ("root-", ".json");
/// Folder of a journal that keeps the staged schema files of a change that is taken back.
pub const STAGED_FOLDER: &str = "staged";
/// Folder of a journal that keeps the live schema files that those of a change replace.
pub const REPLACED_FOLDER: &str = "replaced";

/// The catalog: the Lance table that says which version of each table readers see.
pub const CATALOG_FOLDER: &str = "__manifest";
/// The stamps of catalogs that this program acts on. Catalogs with later stamps keep more than pins and graph commits, which a
/// publish would have to keep right as well.
pub const STAMPS_ACTED_ON: [u32; 3] = [2, 3, 4];
/// The stamp of catalogs that this program makes.
pub const STAMP_WRITTEN: u32 = 3;
/// From this stamp on, the catalog itself holds the history of its graph: a row for each graph commit, written in the commit of the
/// catalog that it stands for, and one that names the head of each branch. Source: omnigraph v0.8.0,
/// `crates/omnigraph/src/db/manifest/graph.rs`.
pub const STAMP_WITH_HISTORY: u32 = 4;
/// The stamp of catalogs that know a table by its identity (PROTOCOL.md, section 18). Sidecars of
/// version 9 alone are acted on there.
pub const STAMP_WITH_IDENTITIES: u32 = 6;
/// The stamps of catalogs that know a table by its identity, and number its rows by the version of the catalog that each landed in
/// (omnigraph v0.11.0). They are read, and nothing is written there.
pub const STAMPS_READ_ONLY: [u32; 2] = [8, 9];
/// Metadata of a branch of such a catalog: it was deleted, and its Lance branch stays for those who still read it.
pub const RETIRED_BRANCH_KEY: &str = "omnigraph.retired_manifest_branch";

/// Whether catalogs with this stamp know a table by its identity.
#[must_use]
pub fn knows_identities(stamp: u32) -> bool {
    stamp == STAMP_WITH_IDENTITIES || STAMPS_READ_ONLY.contains(&stamp)
}

/// The branch of the catalog by which released engines keep others from writing while a schema changes.
pub const SCHEMA_LOCK_BRANCH: &str = "__schema_apply_lock__";

/// Lance table of the graph's commits, on every branch of the graph.
pub const GRAPH_COMMITS_FOLDER: &str = "_graph_commits.lance";
/// Lance table that says who made which graph commit.
pub const GRAPH_COMMIT_ACTORS_FOLDER: &str = "_graph_commit_actors.lance";
/// Lance table that says which graph commit is a recovery's.
pub const GRAPH_COMMIT_RECOVERIES_FOLDER: &str = "_graph_commit_recoveries.lance";

/// The Lance transaction property in which an effect of ours names its operation.
pub const PROPERTY_RECOVERY_OPERATION_ID: &str = "recovery.operation_id";
/// The Lance transaction property in which an effect of ours names the plan it belongs to.
pub const PROPERTY_RECOVERY_PLAN_DIGEST: &str = "recovery.plan_digest";
/// The Lance transaction property in which an effect of ours says which effect of the plan it is.
pub const PROPERTY_RECOVERY_EFFECT: &str = "recovery.effect";
/// The Lance transaction property in which a commit of our two-phase writer names the operation it belongs to.
pub const PROPERTY_WRITER_OPERATION_ID: &str = "sidecar.operation_id";

/// Where a schema file is kept beside the journal of the operation that takes it away, relative to the root. Its digest is in its
/// name, so that files of several attempts do not meet.
#[must_use]
pub fn kept_schema_file(
    operation: &OperationId,
    folder: &str,
    file: &str,
    digest: Digest,
) -> String {
    format!(
        "{JOURNAL_FOLDER}/{operation}/{folder}/{file}.{}",
        digest.hex()
    )
}

/// Prefix of the name of every tag that a recovery sets.
pub const RECOVERY_TAG_PREFIX: &str = "recovery-";

/// Folder of a Lance dataset that holds the files of its versions.
pub const VERSIONS_FOLDER: &str = "_versions";
/// Folder of a Lance dataset that holds the transactions that made its versions.
pub const TRANSACTIONS_FOLDER: &str = "_transactions";
/// Folder of a Lance dataset that holds the entries of its tags and branches.
pub const REFS_FOLDER: &str = "_refs";
/// Folder of the entries of tags, in [`REFS_FOLDER`].
pub const TAGS_FOLDER: &str = "tags";
/// Folder of the entries of branches, in [`REFS_FOLDER`].
pub const BRANCHES_FOLDER: &str = "branches";
/// Folder of a Lance dataset that holds which rows of its files are deleted.
pub const DELETIONS_FOLDER: &str = "_deletions";
/// Folder of a Lance dataset that holds its indices.
pub const INDICES_FOLDER: &str = "_indices";
/// Folder of a Lance dataset that holds its rows.
pub const DATA_FOLDER: &str = "data";
/// Folder of a Lance dataset that holds its branches, each a dataset of its own.
pub const TREE_FOLDER: &str = "tree";
