//! One recovery sidecar of `schema_version` 9, whose shape holds.

use serde::Serialize;
use serde_json::Value;

use super::fault::{Fault, broken};
use super::fields::{Fields, Path, Read};
use super::outcome::RollbackOutcome;
use super::payload::{EffectPhase, Payload, Protocol};
use super::pin::Pin;
use crate::branch::Branch;
use crate::ids::OperationId;
use crate::limits::Limits;
use crate::sidecar::WriterKind;
use crate::timestamp::Timestamp;

/// What a writer of v0.9.0 or v0.10.0 announced before it touched its first table.
///
/// It serialises back to the JSON it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sidecar9 {
    /// 9.
    pub schema_version: u32,
    /// The operation; the file is named after it.
    pub operation_id: OperationId,
    /// When the writer started.
    pub started_at: Timestamp,
    /// Branch of the graph; null is main.
    pub branch: Option<String>,
    /// Who wrote.
    pub actor_id: Option<String>,
    /// What kind of write it was.
    pub writer_kind: WriterKind,
    /// The tables that it was about to commit.
    pub tables: Vec<Pin>,
    /// False: only versions that were never released set it. Engines write it all the same.
    pub schema_apply_manifest_published: bool,
    /// The plan; an `Optimize` has none.
    #[serde(flatten)]
    pub protocol: Option<Protocol>,
    /// How the bytes that it was read from were laid out.
    #[serde(skip)]
    pub spelling: Spelling,
}

/// How the bytes of a file were laid out. It does not count where two sidecars are compared.
#[derive(Debug, Clone, Copy, Default, Eq)]
pub struct Spelling {
    /// Whether they are those that an engine writes.
    pub is_an_engines: bool,
}

impl PartialEq for Spelling {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Fields of versions that were never released, and of those before. Engines know them and leave them out.
const RETIRED: [&str; 5] = [
    "merge_source_commit_id",
    "additional_registrations",
    "tombstones",
    "schema_apply_target_schema_ir_hash",
    "ensure_indices_rollback_v6",
];

impl Sidecar9 {
    /// Branch of the graph.
    #[must_use]
    pub fn branch(&self) -> Branch<'_> {
        Branch::of(self.branch.as_deref())
    }

    /// The plan; an `Optimize` has none.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        self.protocol.as_ref().map(Protocol::payload)
    }

    /// How far the writer came; an `Optimize` does not say.
    #[must_use]
    pub fn phase(&self) -> Option<EffectPhase> {
        self.payload().map(|payload| payload.effect_phase)
    }

    /// The bytes that the engine writes for it.
    ///
    /// # Errors
    /// None that is known: everything in it is text, numbers and lists.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
    }

    /// The bytes of the same file with this undo in it. `None` for a write without a plan, which prepares no undo, and for a file
    /// that no engine spelled: more than the undo would change in it.
    #[must_use]
    pub fn prepared(&self, outcomes: &[RollbackOutcome]) -> Option<Vec<u8>> {
        let mut prepared = self.spelling.is_an_engines.then(|| self.clone())?;
        let payload = prepared.protocol.as_mut()?.payload_mut();
        payload.rollback_audit_outcomes = Some(outcomes.to_vec());
        prepared.to_bytes().ok()
    }
}

impl Read for Sidecar9 {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let names: Vec<&str> = [
            "schema_version",
            "operation_id",
            "started_at",
            "branch",
            "actor_id",
            "writer_kind",
            "tables",
            "schema_apply_manifest_published",
        ]
        .into_iter()
        .chain(RETIRED)
        .chain(Protocol::NAMES)
        .collect();
        let fields = Fields::of(value, path, &names, limits)?;
        if let Some(name) = RETIRED.into_iter().find(|name| fields.has(name)) {
            return broken(format!(
                "{name} belongs to other versions; a sidecar of version 9 leaves it out"
            ));
        }
        let mut protocols = Protocol::NAMES.into_iter().filter(|name| fields.has(name));
        let protocol = protocols.next();
        if let Some((one, other)) = protocol.zip(protocols.next()) {
            return broken(format!(
                "it has a plan in {one} and another in {other}; a write has one plan"
            ));
        }
        Ok(Self {
            schema_version: fields.get("schema_version")?,
            operation_id: fields.get("operation_id")?,
            started_at: fields.get("started_at")?,
            branch: fields.nullable_branch("branch")?,
            actor_id: fields.nullable("actor_id")?,
            writer_kind: fields.get("writer_kind")?,
            tables: fields.get("tables")?,
            schema_apply_manifest_published: fields.get("schema_apply_manifest_published")?,
            protocol: protocol
                .map(|name| Protocol::read(name, &fields))
                .transpose()?,
            spelling: Spelling::default(),
        })
    }
}

impl Read for OperationId {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        match String::read(value, path, limits)?.parse::<Self>() {
            Ok(operation_id) => Ok(operation_id),
            Err(error) => broken(format!("{}: {error}", path.text())),
        }
    }
}

impl Read for Timestamp {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let text = String::read(value, path, limits)?;
        match Self::try_from(text.clone()) {
            Ok(time) if String::from(time) == text => Ok(time),
            _ => broken(format!(
                "{} is not a time: engines write microseconds since the Unix epoch as a decimal text",
                path.text()
            )),
        }
    }
}

impl Read for WriterKind {
    fn read(value: &Value, path: Path<'_>, limits: &Limits) -> Result<Self, Fault> {
        let name = String::read(value, path, limits)?;
        match Self::named(&name) {
            Some(kind) => Ok(kind),
            None => broken(format!("{} is none that writes sidecars", path.text())),
        }
    }
}
