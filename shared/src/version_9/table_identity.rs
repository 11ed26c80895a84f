//! The identity of a table, which stays when the table is renamed.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{Fault, broken};
use super::fields::{Fields, Path, Read};
use crate::limits::Limits;

/// The two numbers of a table. A table that is dropped and added again has other numbers; a renamed one keeps its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TableIdentity {
    /// The type of node or edge.
    pub stable_table_id: u64,
    /// Which table of that type.
    pub table_incarnation_id: u64,
}

impl TableIdentity {
    /// The place of the table below the root, which follows from its numbers; `None` if the key is of no node and no edge.
    #[must_use]
    pub fn place(self, table_key: &str) -> Option<String> {
        let folder = match table_key.split_once(':')? {
            ("node", name) if !name.is_empty() => "nodes",
            ("edge", name) if !name.is_empty() => "edges",
            _ => return None,
        };
        Some(format!("{folder}/{self}"))
    }
}

impl fmt::Display for TableIdentity {
    /// `0000000000000001-0000000000000009`, as its folder is called.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:016x}-{:016x}",
            self.stable_table_id, self.table_incarnation_id
        )
    }
}

impl Read for TableIdentity {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = ["stable_table_id", "table_incarnation_id"];
        let fields = Fields::of(value, path, &names, limits)?;
        let [stable_table_id, table_incarnation_id] =
            [fields.get(names[0])?, fields.get(names[1])?];
        if stable_table_id == 0 || table_incarnation_id == 0 {
            return broken(format!(
                "{} is 0 in part; no table has such an identity",
                path.text()
            ));
        }
        Ok(Self {
            stable_table_id,
            table_incarnation_id,
        })
    }
}
