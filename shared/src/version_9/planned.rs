//! One table of a report on a sidecar of version 9: what is done to it, and what is published of it.

use serde::{Deserialize, Serialize};

use super::branch_identifier::BranchIdentifier;
use super::delta::TableUpdate;
use super::effect::Effect;
use super::payload::Payload;
use super::pin::Pin;
use super::table_identity::TableIdentity;
use super::transaction_identity::TransactionIdentity;
use crate::branch::Branch;

/// A table that the write commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTable {
    /// Its key once the write is visible.
    pub table_key: String,
    /// Which table it is.
    pub identity: TableIdentity,
    /// Lance branch of it; null is main.
    pub table_branch: Option<String>,
    /// The visible version when the writer started.
    pub expected_version: u64,
    /// The Lance HEAD after the first commit.
    pub post_commit_pin: u64,
    /// The Lance HEAD that the writer saw after its last commit; null while it is armed.
    pub confirmed_version: Option<u64>,
    /// What is done to it; null for an `Optimize`.
    pub effect: Option<String>,
    /// The version that its Lance branch is made from; null where there is one already.
    pub fork_version: Option<u64>,
    /// The transactions that its commits will be, in their order.
    pub planned_transactions: Vec<TransactionIdentity>,
    /// The transaction that its one commit was; null while it is armed, and for a merge, which confirms the version alone.
    pub confirmed_transaction: Option<TransactionIdentity>,
    /// The Lance branch that was made; null while it is armed, and where none is made.
    pub confirmed_branch_identifier: Option<BranchIdentifier>,
}

/// A row that the publish would write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// The key of the table once the write is visible.
    pub table_key: String,
    /// Which table it is.
    pub identity: TableIdentity,
    /// Lance branch that readers will be sent to; null is main.
    pub table_branch: Option<String>,
    /// The visible version that it replaces; 0 for a table that is added.
    pub expected_version: u64,
    /// The version that readers will see; null while the write is armed.
    pub table_version: Option<u64>,
    /// Rows in it; null while the write is armed.
    pub row_count: Option<u64>,
}

impl PlannedTable {
    pub(super) fn of(pin: &Pin, payload: Option<&Payload>) -> Self {
        let mut effects = payload.into_iter().flat_map(|payload| &payload.effects);
        let effect = effects.find(|effect| effect.identity == pin.identity);
        Self {
            table_key: pin.table_key.clone(),
            identity: pin.identity,
            table_branch: Branch::of(pin.table_branch.as_deref()).owned(),
            expected_version: pin.expected_version,
            post_commit_pin: pin.post_commit_pin,
            confirmed_version: pin.confirmed_version,
            effect: effect.map(|effect| effect.name().to_owned()),
            fork_version: effect.and_then(Effect::fork_version),
            planned_transactions: effect.map_or_else(Vec::new, |effect| effect.planned().to_vec()),
            confirmed_transaction: effect.and_then(Effect::confirmed_transaction).cloned(),
            confirmed_branch_identifier: effect
                .and_then(Effect::confirmed_branch_identifier)
                .cloned(),
        }
    }
}

impl PlannedRow {
    pub(super) fn of(update: &TableUpdate) -> Self {
        let confirmed = update.confirmed.as_ref();
        Self {
            table_key: update.table_key.clone(),
            identity: update.identity,
            table_branch: Branch::of(update.table_branch.as_deref()).owned(),
            expected_version: update.expected_version,
            table_version: confirmed.map(|confirmed| confirmed.table_version),
            row_count: confirmed.map(|confirmed| confirmed.row_count),
        }
    }
}
