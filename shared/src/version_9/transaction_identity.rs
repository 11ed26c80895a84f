//! The identity of a Lance transaction.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::Fault;
use super::fields::{Fields, Path, Read};
use crate::limits::Limits;

/// Two fields of a Lance transaction: by the second a commit is proven to be the planned one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TransactionIdentity {
    /// The version that it was made on.
    pub read_version: u64,
    /// Its name. Lance gives a UUID; the engine gives `omnigraph-` and a ULID where it stages before there is a table to stage on.
    pub uuid: String,
}

impl Read for TransactionIdentity {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let fields = Fields::of(value, path, &["read_version", "uuid"], limits)?;
        Ok(Self {
            read_version: fields.get("read_version")?,
            uuid: fields.get("uuid")?,
        })
    }
}
