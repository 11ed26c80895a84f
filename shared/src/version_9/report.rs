//! What a sidecar of version 9 says, for people and programs.

use serde::{Deserialize, Serialize};

use super::authority::Authority;
use super::outcome::RollbackOutcome;
use super::parse::{json_of_version_9, of_json};
use super::payload::EffectPhase;
use super::planned::{PlannedRow, PlannedTable};
use super::sidecar::Sidecar9;
use super::verdict::Verdict9;
use crate::code::Reason;
use crate::limits::Limits;

/// A file of `schema_version` 9: what it says, or which rule of its shape it breaks. One of the two is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version9Report {
    /// What it says.
    pub summary: Option<Version9Summary>,
    /// The rule that it breaks, or the field that this build does not know.
    pub malformed: Option<Reason>,
    /// What was found on the tables of a root; null where none was looked at.
    #[serde(default)]
    pub verdict: Option<Verdict9>,
    /// Why there is no verdict, where a root was looked at.
    #[serde(default)]
    pub unjudged: Option<Reason>,
}

/// What a sidecar of `schema_version` 9 says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version9Summary {
    /// The field that the plan is in; null for an `Optimize`, which has none. All but `tables` is then null or empty.
    pub protocol: Option<String>,
    /// How far the writer came, as far as it wrote that down.
    pub effect_phase: Option<EffectPhase>,
    /// The same, for people.
    pub phase: String,
    /// Id of the graph commit that makes the write visible.
    pub graph_commit_id: Option<String>,
    /// Id of the graph commit that records an undo of it.
    pub rollback_graph_commit_id: Option<String>,
    /// `BranchMerge`: the merged graph commit.
    pub merged_parent_commit_id: Option<String>,
    /// `SchemaApply`: digest of the compiled schema that it brings.
    pub target_schema_ir_hash: Option<String>,
    /// What the writer saw of the graph; the plan holds while the graph is still like this.
    pub authority: Option<Authority>,
    /// The undo that a recovery prepared; null if none did, empty if it moves no table.
    pub rollback_audit_outcomes: Option<Vec<RollbackOutcome>>,
    /// The tables that it commits, and how.
    pub tables: Vec<PlannedTable>,
    /// The rows that the publish would write, those of tables that it does not commit among them.
    pub table_updates: Vec<PlannedRow>,
    /// `SchemaApply`: keys of the tables that it adds.
    pub adds: Vec<String>,
    /// `SchemaApply`: keys before and after of the tables that it renames.
    pub renames: Vec<(String, String)>,
    /// `SchemaApply`: keys of the tables that it removes.
    pub removes: Vec<String>,
}

impl Version9Report {
    /// The report on the bytes of `file`; `None` if it is of another version, or cannot be read as far as its version.
    #[must_use]
    pub fn of(file: &str, bytes: &[u8], limits: &Limits) -> Option<Self> {
        let json = json_of_version_9(file, bytes, limits).ok()?;
        Some(match of_json(file, bytes, &json, limits) {
            Ok(sidecar) => Self {
                summary: Some(Version9Summary::of(&sidecar)),
                malformed: None,
                verdict: None,
                unjudged: None,
            },
            Err(error) => Self {
                summary: None,
                malformed: Some(Reason::new(error.code(), error.to_string())),
                verdict: None,
                unjudged: None,
            },
        })
    }
}

impl Version9Summary {
    fn of(sidecar: &Sidecar9) -> Self {
        let payload = sidecar.payload();
        let delta = payload.map(|payload| &payload.intended_delta);
        Self {
            protocol: sidecar
                .protocol
                .as_ref()
                .map(|protocol| protocol.name().to_owned()),
            effect_phase: sidecar.phase(),
            phase: phase_sentence(sidecar.phase()).to_owned(),
            graph_commit_id: payload.map(|payload| payload.lineage.graph_commit_id.clone()),
            rollback_graph_commit_id: payload
                .map(|payload| payload.rollback_graph_commit_id.clone()),
            merged_parent_commit_id: payload
                .and_then(|payload| payload.lineage.merged_parent_commit_id.clone()),
            target_schema_ir_hash: payload
                .and_then(|payload| payload.target_schema_ir_hash.clone()),
            authority: payload.map(|payload| payload.authority.clone()),
            rollback_audit_outcomes: payload
                .and_then(|payload| payload.rollback_audit_outcomes.clone()),
            tables: sidecar
                .tables
                .iter()
                .map(|pin| PlannedTable::of(pin, payload))
                .collect(),
            table_updates: delta.map_or_else(Vec::new, |delta| {
                delta.table_updates.iter().map(PlannedRow::of).collect()
            }),
            adds: delta.map_or_else(Vec::new, |delta| {
                let added = delta.registrations.iter();
                added.map(|added| added.table_key.clone()).collect()
            }),
            renames: delta.map_or_else(Vec::new, |delta| {
                let renamed = delta.renames.iter();
                renamed
                    .map(|renamed| {
                        (
                            renamed.expected_table_key.clone(),
                            renamed.table_key.clone(),
                        )
                    })
                    .collect()
            }),
            removes: delta.map_or_else(Vec::new, |delta| {
                let removed = delta.tombstones.iter();
                removed.map(|removed| removed.table_key.clone()).collect()
            }),
        }
    }
}

const fn phase_sentence(phase: Option<EffectPhase>) -> &'static str {
    match phase {
        None => {
            "Its writer makes no plan: the file says which tables it was about to commit, and not by which transactions."
        }
        Some(EffectPhase::Armed) => {
            "Its writer announced the write and never wrote down that it was done: none, some or all of its transactions may be in the tables."
        }
        Some(EffectPhase::EffectsConfirmed) => {
            "Its writer saw all its transactions in the tables and wrote down the rows to publish: the publish is what may be missing."
        }
    }
}
