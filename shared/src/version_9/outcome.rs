//! From which version to which a table is taken back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::fields::{Fields, Path, Read};
use crate::limits::Limits;

/// One table of an undo, as the record of the recovery will say. A recovery writes it into the file before it restores anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackOutcome {
    /// The table, as it was called before the write.
    pub table_key: String,
    /// HEAD before the restore.
    pub from_version: u64,
    /// The version that it is restored to.
    pub to_version: u64,
}

impl Read for RollbackOutcome {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = ["table_key", "from_version", "to_version"];
        let fields = Fields::of(value, path, &names, limits)?;
        Ok(Self {
            table_key: fields.get("table_key")?,
            from_version: fields.get("from_version")?,
            to_version: fields.get("to_version")?,
        })
    }
}
