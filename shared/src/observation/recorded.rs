//! The journals' word on the Lance commits that were found.
//!
//! The properties of a commit say whose it is, and anybody can write a property. So a commit that names a recovery is believed
//! only where the journal of that recovery says that it began exactly that commit.

use serde::{Deserialize, Serialize};

use super::{TableObservation, Transaction};
use crate::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_WRITER_OPERATION_ID};

/// The journals' word on one sidecar and on the commits on its tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Set where the sidecar stands for the undo of a recovery: every version that its plans bring back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Vec<Returned>>,
    /// Restores among the transactions that were found, of which a journal says that they were begun under the plan they name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restores: Vec<RecordedRestore>,
}

/// A version that an undo brings back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// The version whose content comes back.
    pub target: u64,
}

/// A Restore that is on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRestore {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// The version it made.
    pub version: u64,
}

impl Recorded {
    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.undo.is_none() && self.restores.is_empty()
    }

    /// Whether the Restore that made `version` of a table is on record.
    #[must_use]
    pub fn knows(&self, table: &TableObservation, version: u64) -> bool {
        self.restores.iter().any(|restore| {
            (&restore.table_key, &restore.branch, restore.version)
                == (&table.table_key, &table.branch, version)
        })
    }

    /// The version of a table that the undo brings back; `None` if there is no undo, or the table stays as it is.
    #[must_use]
    pub fn target_of(&self, table: &TableObservation) -> Option<u64> {
        let returned = self.undo.as_ref()?.iter();
        let mut of_table = returned.filter(|returned| {
            (&returned.table_key, &returned.branch) == (&table.table_key, &table.branch)
        });
        Some(of_table.next()?.target)
    }
}

impl Transaction {
    /// The operation of ours that it says it belongs to.
    #[must_use]
    pub fn recovery(&self) -> Option<&str> {
        self.properties
            .get(PROPERTY_RECOVERY_OPERATION_ID)
            .map(String::as_str)
    }

    /// The operation of a two-phase writer that it says it belongs to.
    #[must_use]
    pub fn writer(&self) -> Option<&str> {
        self.properties
            .get(PROPERTY_WRITER_OPERATION_ID)
            .map(String::as_str)
    }
}
