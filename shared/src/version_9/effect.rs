//! The effect of a write of version 9 on one table, before it is published.

use serde::Serialize;
use serde_json::Value;

use super::branch_identifier::BranchIdentifier;
use super::fault::{Fault, broken};
use super::fields::{Fields, Path, Read};
use super::table_identity::TableIdentity;
use super::transaction_identity::TransactionIdentity;
use crate::limits::Limits;

/// What the write does to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Which table it is.
    pub identity: TableIdentity,
    /// Its key once the write is visible.
    pub table_key: String,
    /// What is done to it.
    #[serde(flatten)]
    pub work: Work,
}

/// What is done, by the kind of writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Work {
    /// `Mutation`, `Load`.
    Commit(Commit),
    /// `EnsureIndices`.
    Index(IndexCommit),
    /// `BranchMerge`.
    Merge {
        /// The work itself.
        kind: MergeWork,
    },
    /// `SchemaApply`.
    Schema {
        /// The work itself.
        kind: SchemaWork,
    },
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// The transaction that the commit will be.
    pub planned_transaction: TransactionIdentity,
    /// The transaction that it was; absent while the write is armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_transaction: Option<TransactionIdentity>,
}

/// One commit that makes an index, perhaps on a Lance branch that it makes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexCommit {
    /// The transaction that the commit will be.
    pub planned_transaction: TransactionIdentity,
    /// The version that the Lance branch is made from; absent where there is one already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_fork_version: Option<u64>,
    /// The transaction that it was; absent while the write is armed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_transaction: Option<TransactionIdentity>,
    /// The branch that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_branch_identifier: Option<BranchIdentifier>,
}

/// What a merge does to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum MergeWork {
    /// Commits one after the other. One that makes an index may follow them.
    MultiCommitHead {
        /// The version that the Lance branch is made from; absent where there is one already.
        #[serde(skip_serializing_if = "Option::is_none")]
        source_fork_version: Option<u64>,
        /// The transactions that the commits will be, in their order.
        planned_transactions: Vec<TransactionIdentity>,
        /// HEAD after the last of them; absent while the write is armed.
        #[serde(skip_serializing_if = "Option::is_none")]
        confirmed_version: Option<u64>,
        /// The branch that was made.
        #[serde(skip_serializing_if = "Option::is_none")]
        confirmed_branch_identifier: Option<BranchIdentifier>,
    },
    /// A Lance branch is made, and nothing is committed.
    RefOnlyFork {
        /// The version that it is made from.
        source_version: u64,
        /// The branch that was made.
        #[serde(skip_serializing_if = "Option::is_none")]
        confirmed_branch_identifier: Option<BranchIdentifier>,
    },
}

/// What a schema change does to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind")]
pub enum SchemaWork {
    /// A table that is there is overwritten.
    ExistingOverwrite(Commit),
    /// A dataset is made.
    FirstTouchDataset(Commit),
}

impl Effect {
    /// Its name in reports: as in the file. The two kinds that have no name there are called by what they do.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match &self.work {
            Work::Commit(_) => "Commit",
            Work::Index(_) => "IndexCommit",
            Work::Merge { kind } => match kind {
                MergeWork::MultiCommitHead { .. } => "MultiCommitHead",
                MergeWork::RefOnlyFork { .. } => "RefOnlyFork",
            },
            Work::Schema { kind } => match kind {
                SchemaWork::ExistingOverwrite(_) => "ExistingOverwrite",
                SchemaWork::FirstTouchDataset(_) => "FirstTouchDataset",
            },
        }
    }

    /// HEAD of the table once every planned commit is made.
    #[must_use]
    pub fn last_version(&self) -> u64 {
        match self.planned().last() {
            Some(planned) => planned.read_version.saturating_add(1),
            None => self.fork_version().unwrap_or_default(),
        }
    }

    /// The transactions that its commits will be, in their order.
    #[must_use]
    pub const fn planned(&self) -> &[TransactionIdentity] {
        match &self.work {
            Work::Commit(commit)
            | Work::Schema {
                kind: SchemaWork::ExistingOverwrite(commit) | SchemaWork::FirstTouchDataset(commit),
            } => std::slice::from_ref(&commit.planned_transaction),
            Work::Index(commit) => std::slice::from_ref(&commit.planned_transaction),
            Work::Merge {
                kind:
                    MergeWork::MultiCommitHead {
                        planned_transactions,
                        ..
                    },
            } => planned_transactions.as_slice(),
            Work::Merge {
                kind: MergeWork::RefOnlyFork { .. },
            } => &[],
        }
    }

    /// The transaction that its one commit was, where the writer says so.
    #[must_use]
    pub const fn confirmed_transaction(&self) -> Option<&TransactionIdentity> {
        match &self.work {
            Work::Commit(commit)
            | Work::Schema {
                kind: SchemaWork::ExistingOverwrite(commit) | SchemaWork::FirstTouchDataset(commit),
            } => commit.confirmed_transaction.as_ref(),
            Work::Index(commit) => commit.confirmed_transaction.as_ref(),
            Work::Merge { .. } => None,
        }
    }

    /// The version that a Lance branch is made from for this write; `None` where it uses one that is there.
    #[must_use]
    pub const fn fork_version(&self) -> Option<u64> {
        match &self.work {
            Work::Commit(_) | Work::Schema { .. } => None,
            Work::Index(commit) => commit.source_fork_version,
            Work::Merge { kind } => match kind {
                MergeWork::MultiCommitHead {
                    source_fork_version,
                    ..
                } => *source_fork_version,
                MergeWork::RefOnlyFork { source_version, .. } => Some(*source_version),
            },
        }
    }

    /// The Lance branch that was made, where the writer says so.
    #[must_use]
    pub const fn confirmed_branch_identifier(&self) -> Option<&BranchIdentifier> {
        match &self.work {
            Work::Commit(_) | Work::Schema { .. } => None,
            Work::Index(commit) => commit.confirmed_branch_identifier.as_ref(),
            Work::Merge {
                kind:
                    MergeWork::MultiCommitHead {
                        confirmed_branch_identifier,
                        ..
                    }
                    | MergeWork::RefOnlyFork {
                        confirmed_branch_identifier,
                        ..
                    },
            } => confirmed_branch_identifier.as_ref(),
        }
    }

    /// HEAD after a merge's last commit, where the writer says so.
    #[must_use]
    pub const fn confirmed_version(&self) -> Option<u64> {
        match &self.work {
            Work::Merge {
                kind:
                    MergeWork::MultiCommitHead {
                        confirmed_version, ..
                    },
            } => *confirmed_version,
            _ => None,
        }
    }

    /// Whether the writer confirmed anything about it.
    #[must_use]
    pub const fn is_confirmed_in_part(&self) -> bool {
        self.confirmed_transaction().is_some()
            || self.confirmed_version().is_some()
            || self.confirmed_branch_identifier().is_some()
    }

    /// Whether it makes a dataset.
    #[must_use]
    pub const fn makes_the_dataset(&self) -> bool {
        matches!(
            &self.work,
            Work::Schema {
                kind: SchemaWork::FirstTouchDataset(_)
            }
        )
    }

    /// As `protocol_v3` spells it.
    pub(super) fn of_a_mutation(
        value: &Value,
        path: Path<'_>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let names = [
            "identity",
            "table_key",
            "planned_transaction",
            "confirmed_transaction",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        Self::with(&fields, Work::Commit(commit(&fields)?))
    }

    /// As `protocol_v4` spells it.
    pub(super) fn of_a_merge(
        value: &Value,
        path: Path<'_>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let fields = Fields::of(value, path, &["identity", "table_key", "kind"], limits)?;
        let kind = fields.get("kind")?;
        Self::with(&fields, Work::Merge { kind })
    }

    /// As `protocol_v7` spells it.
    pub(super) fn of_a_schema_change(
        value: &Value,
        path: Path<'_>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let fields = Fields::of(value, path, &["identity", "table_key", "kind"], limits)?;
        let kind = fields.get("kind")?;
        Self::with(&fields, Work::Schema { kind })
    }

    /// As `protocol_v8` spells it.
    pub(super) fn of_an_index_build(
        value: &Value,
        path: Path<'_>,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let names = [
            "identity",
            "table_key",
            "planned_transaction",
            "source_fork_version",
            "confirmed_transaction",
            "confirmed_branch_identifier",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        let Commit {
            planned_transaction,
            confirmed_transaction,
        } = commit(&fields)?;
        let work = Work::Index(IndexCommit {
            planned_transaction,
            source_fork_version: fields.optional("source_fork_version")?,
            confirmed_transaction,
            confirmed_branch_identifier: fields.optional("confirmed_branch_identifier")?,
        });
        Self::with(&fields, work)
    }

    fn with(fields: &Fields<'_>, work: Work) -> Result<Self, Fault> {
        Ok(Self {
            identity: fields.get("identity")?,
            table_key: fields.get("table_key")?,
            work,
        })
    }
}

fn commit(fields: &Fields<'_>) -> Result<Commit, Fault> {
    Ok(Commit {
        planned_transaction: fields.get("planned_transaction")?,
        confirmed_transaction: fields.optional("confirmed_transaction")?,
    })
}

/// The tag of a nested `kind`, read before its fields, which depend on it.
fn tag<'a>(value: &'a Value, path: Path<'_>) -> Result<&'a str, Fault> {
    match value.get("kind").and_then(Value::as_str) {
        Some(kind) => Ok(kind),
        None => broken(format!("{} does not say which kind it is", path.text())),
    }
}

fn unknown_kind<T>(kind: &str, path: Path<'_>) -> Result<T, Fault> {
    let shown: String = kind.chars().take(64).collect();
    Err(Fault::Unknown {
        at: format!("{}.kind = {shown:?}", path.text()),
    })
}

impl Read for MergeWork {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        match tag(value, path)? {
            "MultiCommitHead" => {
                let names = [
                    "kind",
                    "source_fork_version",
                    "planned_transactions",
                    "confirmed_version",
                    "confirmed_branch_identifier",
                ];
                let fields = Fields::of(value, path, &names, limits)?;
                Ok(Self::MultiCommitHead {
                    source_fork_version: fields.optional("source_fork_version")?,
                    planned_transactions: fields.get("planned_transactions")?,
                    confirmed_version: fields.optional("confirmed_version")?,
                    confirmed_branch_identifier: fields.optional("confirmed_branch_identifier")?,
                })
            }
            "RefOnlyFork" => {
                let names = ["kind", "source_version", "confirmed_branch_identifier"];
                let fields = Fields::of(value, path, &names, limits)?;
                Ok(Self::RefOnlyFork {
                    source_version: fields.get("source_version")?,
                    confirmed_branch_identifier: fields.optional("confirmed_branch_identifier")?,
                })
            }
            kind => unknown_kind(kind, path),
        }
    }
}

impl Read for SchemaWork {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let make: fn(Commit) -> Self = match tag(value, path)? {
            "ExistingOverwrite" => Self::ExistingOverwrite,
            "FirstTouchDataset" => Self::FirstTouchDataset,
            kind => return unknown_kind(kind, path),
        };
        let names = ["kind", "planned_transaction", "confirmed_transaction"];
        let fields = Fields::of(value, path, &names, limits)?;
        commit(&fields).map(make)
    }
}
