//! What the writer saw of the graph before it planned.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::branch_identifier::BranchIdentifier;
use super::fault::{Fault, broken};
use super::fields::{Fields, Path, Read};
use crate::limits::Limits;

/// The state of the graph that the plan holds for. Where the graph has moved on, the write is not finished but taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Of the graph's branch, in the catalog.
    pub branch_identifier: BranchIdentifier,
    /// The newest graph commit that the branch itself has; null where it has none yet. That is not the same as no parent.
    pub graph_head: Option<String>,
    /// Domain of the schema's identities.
    pub schema_identity_domain: String,
    /// Digest of the compiled schema.
    pub schema_ir_hash: String,
    /// Version of its identities.
    pub schema_identity_version: u32,
}

impl Read for Authority {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names = [
            "branch_identifier",
            "graph_head",
            "schema_identity_domain",
            "schema_ir_hash",
            "schema_identity_version",
        ];
        let fields = Fields::of(value, path, &names, limits)?;
        let authority = Self {
            branch_identifier: fields.get("branch_identifier")?,
            graph_head: fields.nullable("graph_head")?,
            schema_identity_domain: fields.get("schema_identity_domain")?,
            schema_ir_hash: fields.get("schema_ir_hash")?,
            schema_identity_version: fields.get("schema_identity_version")?,
        };
        let says_nothing = authority.schema_identity_domain.is_empty()
            || authority.schema_ir_hash.is_empty()
            || authority.schema_identity_version == 0;
        if says_nothing {
            return broken(format!(
                "{} does not name the schema that the write was planned for: its domain or hash is empty, or its version is 0",
                path.text()
            ));
        }
        Ok(authority)
    }
}
