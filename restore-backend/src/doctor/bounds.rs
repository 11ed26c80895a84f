//! How much of a root one report looks at.

/// Branches of the graph. Engines convert no catalog with more.
pub(super) const BRANCHES_MAX: usize = 1_024;
/// Tables, each counted once for every branch on which it is seen. Each takes three to five small requests.
pub(super) const TABLES_MAX: usize = 20_000;
/// Tables whose commits above the pin are named one by one.
pub(super) const NAMED_TABLES_MAX: usize = 256;
/// Commits that are named of one table: a person reads a few.
pub(super) const COMMITS_MAX: usize = 16;
/// Versions of the catalog of one branch, and of all branches together. Each is one read of the whole catalog.
pub(super) const BRANCH_VERSIONS_MAX: usize = 256;
pub(super) const VERSIONS_MAX: usize = 1_024;
/// Versions of the catalog that are read at the same time, which are in memory together.
pub(super) const VERSIONS_AT_ONCE: usize = 4;
/// Datasets that no catalog names whose tags are listed, and folders in which they are looked for.
pub(super) const UNNAMED_DATASETS_MAX: usize = 1_000;
pub(super) const FOLDERS_MAX: usize = 64;
/// A schema of thousands of tables is a few megabytes; a larger one is only looked for.
pub(super) const SCHEMA_BYTES_MAX: u64 = 16 << 20;
/// Journals of open operations.
pub(super) const JOURNALS_MAX: usize = 256;
/// Journals that are read at the same time, and the size up to which one is read beside others.
pub(super) const JOURNALS_AT_ONCE: usize = 16;
pub(super) const SMALL_JOURNAL_BYTES_MAX: u64 = 1 << 20;
