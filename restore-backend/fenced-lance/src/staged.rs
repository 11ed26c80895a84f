//! A Lance transaction that is staged.

use lance::dataset::transaction::Transaction;

/// A Lance transaction whose files are written and which is not committed.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) transaction: Transaction,
    pub(super) affected_rows: Option<lance_select::RowAddrTreeMap>,
}

impl Staged {
    pub(super) fn plain(transaction: Transaction) -> Self {
        Self {
            transaction,
            affected_rows: None,
        }
    }
}
