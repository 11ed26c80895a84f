//! The answer to `apply`.

use serde::{Deserialize, Serialize};

use crate::attempt_report::FollowedBy;
use crate::difference::Difference;
use crate::digest::Digest;
use crate::ids::OperationId;
use crate::outcome::{Effect, Extent, OutcomeKind, SidecarFate};
use crate::plan::{Plan, PlannedTable};
use crate::verdict::{Action, Disposition};

/// The answer to `apply`: what happened to every table, the catalog, the record and the sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyReport {
    /// The operation.
    pub operation_id: OperationId,
    /// The plan.
    pub digest: Digest,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// If it was rolled forward: how much of the write readers see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<Extent>,
    /// Per table.
    pub tables: Vec<TableOutcome>,
    /// The catalog.
    pub catalog: EffectOn,
    /// The terminal record of the journal.
    pub audit: EffectOn,
    /// The sidecar.
    pub sidecar: SidecarFate,
    /// The [chain of undos](crate::api::AttemptReport::undone_by) of this operation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<FollowedBy>,
    /// For a conflict: what moved.
    pub differences: Vec<Difference>,
    /// What happened and what to do next, for people.
    pub detail: String,
}

/// What an execution did to one table.
///
/// The versions are those released engines write into their own record (PROTOCOL.md, section 6.2): rolled forward,
/// from the expected version to the HEAD that was published; rolled back, from the HEAD that was found to the pin
/// that was returned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOutcome {
    /// Key of the table.
    pub table_key: String,
    /// Its Lance branch; `None` is main.
    pub branch: Option<String>,
    /// The version it came from.
    pub from_version: Option<u64>,
    /// The version whose content readers see.
    pub to_version: Option<u64>,
    /// The version that is the pin afterwards, unless others published it; `None` if that is not known.
    pub published_version: Option<u64>,
    /// Whether it changed.
    pub effect: Effect,
}

impl ApplyReport {
    /// Whether applying the same plan once more may end it: nobody knows how it ended, or its sidecar is still there.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome == OutcomeKind::Unknown
            || (self.outcome.is_success() && self.sidecar == SidecarFate::Kept)
    }
}

impl TableOutcome {
    /// The outcome of one planned table, given what happened to it.
    #[must_use]
    pub fn of(plan: &Plan, table: &PlannedTable, effect: Effect) -> Self {
        let (from_version, to_version) = match (table.action, plan.disposition) {
            (Action::Publish, Disposition::RollForward) => {
                (Some(table.expected_version), table.publish_as)
            }
            (
                Action::Publish,
                Disposition::Refused
                | Disposition::Waiting
                | Disposition::OrphanedBranch
                | Disposition::Abort
                | Disposition::AlreadyPublished
                | Disposition::StaleArmed
                | Disposition::AlreadyRolledBack
                | Disposition::Superseded
                | Disposition::NeverStarted
                | Disposition::RollBack,
            ) => (table.lance_head, table.manifest_pinned),
            (Action::RestoreAndPublish | Action::Restore, _) => {
                (table.lance_head, table.restore_to)
            }
            (Action::Register, _) => (Some(0), table.publish_as),
            (Action::Tombstone, _) => (table.manifest_pinned, None),
            (Action::Drop, _) => (table.lance_head, None),
            (Action::None, _) => (table.lance_head, table.lance_head),
        };
        let published_version = match effect {
            Effect::Changed => table.pin_after(),
            Effect::Unchanged => table.manifest_pinned,
            Effect::Unknown => None,
        };
        Self {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            from_version,
            to_version,
            published_version,
            effect,
        }
    }
}

/// What happened to one thing, as an object of its own in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectOn {
    /// Whether it changed.
    pub effect: Effect,
}
