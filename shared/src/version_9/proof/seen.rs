//! The versions of one table on one Lance branch, as far as they were looked at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::transaction_identity::TransactionIdentity;

/// Versions that v0.9.0 looks at for one effect; where there are more, it proves nothing.
pub const SCANNED_MAX: u64 = 1_026;

/// A transaction as Lance tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenTransaction {
    /// Its identity.
    pub identity: TransactionIdentity,
    /// What it did, as far as it matters.
    pub operation: SeenOperation,
}

/// What a transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeenOperation {
    /// It made an index.
    CreateIndex,
    /// It returned the table to a version.
    Restore {
        /// Which one.
        to: u64,
    },
    /// It arranged data anew, or reserved room for that, and changed no row.
    Maintenance,
    /// Anything else.
    Other,
}

/// HEAD, and the transactions of versions up to it. A version that has none here has none that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenVersions {
    /// The latest version.
    pub head: u64,
    /// By version.
    pub transactions: BTreeMap<u64, SeenTransaction>,
}

impl SeenVersions {
    /// The transaction of a version, if it can be read.
    pub(super) fn at(&self, version: u64) -> Option<&SeenTransaction> {
        self.transactions.get(&version)
    }

    /// Whether HEAD returned the table to exactly that version.
    pub(super) fn head_restores(&self, version: u64) -> bool {
        let head = self.at(self.head);
        head.is_some_and(|head| head.operation == SeenOperation::Restore { to: version })
    }
}
