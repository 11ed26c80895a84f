//! The plan that a write of version 9 lays down before it touches a table.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::authority::Authority;
use super::delta::IntendedDelta;
use super::effect::Effect;
use super::fault::{Fault, broken};
use super::fields::{Fields, Path, Read, Reader, items};
use super::lineage::Lineage;
use super::outcome::RollbackOutcome;
use super::table_identity::TableIdentity;
use crate::limits::Limits;
use crate::sidecar::WriterKind;

/// The plan, under the name that its kind of writer gives it. The numbers are of versions that were never released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Protocol {
    /// `Mutation`, `Load`.
    #[serde(rename = "protocol_v3")]
    V3(Payload),
    /// `BranchMerge`.
    #[serde(rename = "protocol_v4")]
    V4(Payload),
    /// `SchemaApply`.
    #[serde(rename = "protocol_v7")]
    V7(Payload),
    /// `EnsureIndices`.
    #[serde(rename = "protocol_v8")]
    V8(Payload),
}

/// The plan itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Payload {
    /// What the writer saw of the graph.
    pub authority: Authority,
    /// The graph commit that makes the write visible.
    pub lineage: Lineage,
    /// Id of the graph commit that records an undo. A commit of this id in the catalog proves that the write was taken back.
    pub rollback_graph_commit_id: String,
    /// The undo that a recovery prepared. Absent: none did. Empty: one did, and it moves no table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_audit_outcomes: Option<Vec<RollbackOutcome>>,
    /// `SchemaApply`: digest of the compiled schema that it brings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_schema_ir_hash: Option<String>,
    /// How far the writer came, as far as it wrote that down.
    pub effect_phase: EffectPhase,
    /// What is done to each table before the publish.
    pub effects: Vec<Effect>,
    /// What the publish writes.
    pub intended_delta: IntendedDelta,
}

/// How far the writer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EffectPhase {
    /// It was about to begin. Any part of its effects may be there, also all of them.
    Armed,
    /// It saw all its effects and wrote down the rows to publish.
    EffectsConfirmed,
}

impl EffectPhase {
    /// As in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "Armed",
            Self::EffectsConfirmed => "EffectsConfirmed",
        }
    }
}

impl Protocol {
    /// The names of the fields, in the order of the file.
    pub(super) const NAMES: [&'static str; 4] =
        ["protocol_v3", "protocol_v4", "protocol_v7", "protocol_v8"];

    /// The name of the field that a kind of writer has its plan in; `None` for the one that makes no plan.
    #[must_use]
    pub const fn name_for(kind: WriterKind) -> Option<&'static str> {
        match kind {
            WriterKind::Mutation | WriterKind::Load => Some("protocol_v3"),
            WriterKind::BranchMerge => Some("protocol_v4"),
            WriterKind::SchemaApply => Some("protocol_v7"),
            WriterKind::EnsureIndices => Some("protocol_v8"),
            WriterKind::Optimize => None,
        }
    }

    /// The name of the field.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::V3(_) => "protocol_v3",
            Self::V4(_) => "protocol_v4",
            Self::V7(_) => "protocol_v7",
            Self::V8(_) => "protocol_v8",
        }
    }

    /// The plan.
    #[must_use]
    pub const fn payload(&self) -> &Payload {
        match self {
            Self::V3(payload) | Self::V4(payload) | Self::V7(payload) | Self::V8(payload) => {
                payload
            }
        }
    }

    pub(super) const fn payload_mut(&mut self) -> &mut Payload {
        match self {
            Self::V3(payload) | Self::V4(payload) | Self::V7(payload) | Self::V8(payload) => {
                payload
            }
        }
    }

    /// The plan in the field of that name.
    pub(super) fn read(name: &str, file: &Fields<'_>) -> Result<Self, Fault> {
        let plan = |effect: Reader<'_, Effect>| {
            file.get_by(name, &|value, path, limits| {
                Payload::read(value, path, limits, name == "protocol_v7", effect)
            })
        };
        Ok(match name {
            "protocol_v3" => Self::V3(plan(&Effect::of_a_mutation)?),
            "protocol_v4" => Self::V4(plan(&Effect::of_a_merge)?),
            "protocol_v7" => Self::V7(plan(&Effect::of_a_schema_change)?),
            "protocol_v8" => Self::V8(plan(&Effect::of_an_index_build)?),
            _ => return broken(format!("{name} is the plan of no kind of write")),
        })
    }
}

impl Payload {
    /// What the write does to a table; `None` if it commits nothing to it.
    #[must_use]
    pub fn effect_of(&self, identity: TableIdentity) -> Option<&Effect> {
        let mut effects = self.effects.iter();
        effects.find(|effect| effect.identity == identity)
    }

    fn read(
        value: &Value,
        path: Path<'_>,
        limits: &Limits,
        brings_a_schema: bool,
        effect: Reader<'_, Effect>,
    ) -> Result<Self, Fault> {
        let names = [
            "authority",
            "lineage",
            "rollback_graph_commit_id",
            "rollback_audit_outcomes",
            "effect_phase",
            "effects",
            "intended_delta",
            "target_schema_ir_hash",
        ];
        let known = names.len() - usize::from(!brings_a_schema);
        let fields = Fields::of(value, path, &names[..known], limits)?;
        Ok(Self {
            authority: fields.get("authority")?,
            lineage: fields.get("lineage")?,
            rollback_graph_commit_id: fields.get("rollback_graph_commit_id")?,
            rollback_audit_outcomes: fields.optional("rollback_audit_outcomes")?,
            target_schema_ir_hash: if brings_a_schema {
                Some(fields.get("target_schema_ir_hash")?)
            } else {
                None
            },
            effect_phase: fields.get("effect_phase")?,
            effects: fields.get_by("effects", &|value, path, limits| {
                items(value, path, limits, effect)
            })?,
            intended_delta: fields.get("intended_delta")?,
        })
    }
}

impl Read for EffectPhase {
    fn read(value: &Value, path: Path<'_>, _: &Limits) -> Result<Self, Fault> {
        match value.as_str() {
            Some("Armed") => Ok(Self::Armed),
            Some("EffectsConfirmed") => Ok(Self::EffectsConfirmed),
            _ => broken(format!(
                "{} is neither Armed nor EffectsConfirmed",
                path.text()
            )),
        }
    }
}
