//! Reads that failed while a root was looked at. A failed read shows neither a move nor a loss.

use std::sync::Mutex;

use fenced_lance::TableError;
use sidecar::error_text;
use sidecar::observation::Unread;

use super::error::ObserveError;

/// One read that failed, and may well succeed the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedRead {
    /// What was being read.
    pub(crate) what: String,
    /// The table it concerns, if it is only one.
    pub(crate) table_key: Option<String>,
    /// What failed.
    pub(crate) reason: String,
    /// Whether storage did not give it. Otherwise its bytes were given and make no sense, perhaps because they were cut short on
    /// their way.
    pub(crate) is_unread: bool,
}

impl From<FailedRead> for ObserveError {
    fn from(failed: FailedRead) -> Self {
        Self::Unreadable {
            what: failed.what,
            reason: failed.reason,
        }
    }
}

/// Collects the failed reads of one look, whose parts run at the same time.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Vec<FailedRead>>);

impl Failures {
    /// Notes a failed read of something about one table, unless the failure is a fact about the table.
    pub(super) fn of_table(&self, table_key: &str, what: &str, error: &TableError) {
        if error.may_pass() {
            self.push(FailedRead {
                what: format!("{what} of {table_key}"),
                table_key: Some(table_key.to_owned()),
                reason: error_text(error),
                is_unread: error.is_unread(),
            });
        }
    }

    /// Notes a failed read that concerns more than one table, unless the failure is a fact.
    pub(super) fn of_root(&self, what: &str, error: &TableError) {
        if error.may_pass() {
            self.push(FailedRead {
                what: what.to_owned(),
                table_key: None,
                reason: error_text(error),
                is_unread: error.is_unread(),
            });
        }
    }

    /// Notes something that concerns more than one table, and that storage did not give.
    pub(super) fn unread(&self, what: &str, reason: String) {
        self.push(FailedRead {
            what: what.to_owned(),
            table_key: None,
            reason,
            is_unread: true,
        });
    }

    /// The things that storage did not give so far, as facts of the observation.
    pub(super) fn all_unread(&self) -> Vec<Unread> {
        let list = match self.0.lock() {
            Ok(list) => list,
            Err(poisoned) => poisoned.into_inner(),
        };
        let unread = list.iter().filter(|failed| failed.is_unread);
        let unread = unread.map(|failed| Unread {
            what: failed.what.clone(),
            reason: failed.reason.clone(),
        });
        unread.collect()
    }

    pub(super) fn push(&self, failed: FailedRead) {
        // A panic elsewhere cannot leave this list half changed.
        match self.0.lock() {
            Ok(mut list) => list.push(failed),
            Err(poisoned) => poisoned.into_inner().push(failed),
        }
    }

    pub(super) fn into_list(self) -> Vec<FailedRead> {
        match self.0.into_inner() {
            Ok(list) => list,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}
