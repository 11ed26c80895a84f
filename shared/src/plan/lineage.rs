//! The history that released engines keep of a graph, and what a recovery adds to it (PROTOCOL.md, section 6.2).

use serde::{Deserialize, Serialize};

use super::{CatalogChangeKind, PlannedTable};
use crate::observation::Observation;
use crate::sidecar::{Sidecar, WriterKind};
use crate::verdict::{Action, Disposition, Verdict};

/// The actor to whom released engines ascribe the graph commit of a recovery.
pub const RECOVERY_ACTOR: &str = "omnigraph:recovery";

/// One row that a recovery adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "table", rename_all = "snake_case", deny_unknown_fields)]
pub enum LineageRow {
    /// In `_graph_commits.lance`, on the branch of the graph. Its parent is that branch's head, its version of the catalog the one
    /// that the recovery published, or else the latest.
    GraphCommits {
        /// The branch; `None` is main.
        branch: Option<String>,
        /// For a merge that is published: the head of the branch that was merged.
        merged_parent: Option<String>,
    },
    /// In `_graph_commit_actors.lance`, on main.
    GraphCommitActors {
        /// Branch of the graph commit it is about.
        branch: Option<String>,
        /// Who.
        actor_id: String,
    },
    /// In `_graph_commit_recoveries.lance`, on main.
    GraphCommitRecoveries {
        /// Branch of the graph commit it is about.
        branch: Option<String>,
        /// What was done.
        recovery_kind: RecoveryKind,
        /// Who had written.
        recovery_for_actor: Option<String>,
        /// What kind of write it was.
        sidecar_writer_kind: WriterKind,
        /// Per table, in the order of the sidecar.
        outcomes: Vec<LineageOutcome>,
    },
}

impl LineageRow {
    /// Folder of the Lance table the row goes to.
    #[must_use]
    pub const fn folder(&self) -> &'static str {
        match self {
            Self::GraphCommits { .. } => "_graph_commits.lance",
            Self::GraphCommitActors { .. } => "_graph_commit_actors.lance",
            Self::GraphCommitRecoveries { .. } => "_graph_commit_recoveries.lance",
        }
    }
}

/// What a recovery did, as released engines name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecoveryKind {
    /// The write is visible.
    RolledForward,
    /// Nothing of the write became visible by the recovery.
    RolledBack,
    /// The branch of the write is gone.
    OrphanedBranchDiscarded,
}

impl RecoveryKind {
    /// The name as engines spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RolledForward => "RolledForward",
            Self::RolledBack => "RolledBack",
            Self::OrphanedBranchDiscarded => "OrphanedBranchDiscarded",
        }
    }
}

/// What a recovery did to one table, as released engines put it: rolled forward, from the expected version to the one that is
/// visible; rolled back, from the HEAD that was found to the pin that was returned to; a table that was added, from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineageOutcome {
    /// Key of the table.
    pub table_key: String,
    /// Before.
    pub from_version: u64,
    /// After.
    pub to_version: u64,
}

/// The rows that a recovery adds, in the order in which they are written; none where no such history is kept.
pub(super) fn lineage(
    sidecar: &Sidecar,
    observation: &Observation,
    verdict: &Verdict,
) -> Vec<LineageRow> {
    if !observation.keeps_lineage {
        return Vec::new();
    }
    let Some(recovery_kind) = kind_of(verdict.disposition) else {
        return Vec::new();
    };
    let outcomes = match recovery_kind {
        RecoveryKind::RolledForward => forward_outcomes(sidecar, observation, verdict),
        RecoveryKind::RolledBack => back_outcomes(sidecar, observation, verdict),
        RecoveryKind::OrphanedBranchDiscarded => Vec::new(),
    };
    let is_merged = recovery_kind == RecoveryKind::RolledForward
        && sidecar.writer_kind == WriterKind::BranchMerge;
    let merged_parent = sidecar.merge_source_commit_id.clone().filter(|_| is_merged);
    let branch = match recovery_kind {
        RecoveryKind::OrphanedBranchDiscarded => None,
        _ => sidecar.branch().map(str::to_owned),
    };
    rows(branch, merged_parent, recovery_kind, sidecar, outcomes)
}

/// What a recovery of this disposition is, as released engines name it; `None` if it has no effect.
pub(super) const fn kind_of(disposition: Disposition) -> Option<RecoveryKind> {
    Some(match disposition {
        Disposition::RollForward | Disposition::AlreadyPublished => RecoveryKind::RolledForward,
        // That the write is in there is not known of one that was superseded, and an engine's word for it would claim it.
        Disposition::RollBack | Disposition::NeverStarted | Disposition::Superseded => {
            RecoveryKind::RolledBack
        }
        Disposition::OrphanedBranch => RecoveryKind::OrphanedBranchDiscarded,
        Disposition::Refused | Disposition::Waiting | Disposition::Abort => return None,
    })
}

fn rows(
    branch: Option<String>,
    merged_parent: Option<String>,
    recovery_kind: RecoveryKind,
    sidecar: &Sidecar,
    outcomes: Vec<LineageOutcome>,
) -> Vec<LineageRow> {
    rows_of(
        branch,
        merged_parent,
        recovery_kind,
        sidecar.actor_id.clone(),
        sidecar.writer_kind,
        outcomes,
    )
}

pub(super) fn rows_of(
    branch: Option<String>,
    merged_parent: Option<String>,
    recovery_kind: RecoveryKind,
    recovery_for_actor: Option<String>,
    sidecar_writer_kind: WriterKind,
    outcomes: Vec<LineageOutcome>,
) -> Vec<LineageRow> {
    vec![
        LineageRow::GraphCommits {
            branch: branch.clone(),
            merged_parent,
        },
        LineageRow::GraphCommitActors {
            branch: branch.clone(),
            actor_id: RECOVERY_ACTOR.to_owned(),
        },
        LineageRow::GraphCommitRecoveries {
            branch,
            recovery_kind,
            recovery_for_actor,
            sidecar_writer_kind,
            outcomes,
        },
    ]
}

fn forward_outcomes(
    sidecar: &Sidecar,
    observation: &Observation,
    verdict: &Verdict,
) -> Vec<LineageOutcome> {
    let judged = sidecar.tables.iter().zip(&verdict.tables).enumerate();
    let pins = judged.filter_map(|(index, (pin, table))| {
        let visible = observation
            .of_pin(index, pin)
            .and_then(|found| found.pinned.version());
        Some(LineageOutcome {
            table_key: pin.table_key.clone(),
            from_version: pin.expected_version,
            to_version: table.publish_as.or(visible)?,
        })
    });
    // Engines leave out what was added where they find the pins published, and name it again where there are none.
    let names_additions = sidecar.tables.is_empty()
        || verdict
            .tables
            .iter()
            .any(|table| table.publish_as.is_some());
    let added = verdict.catalog_changes.iter().filter_map(|change| {
        (change.tombstone_version.is_none() && names_additions).then_some(())?;
        Some(LineageOutcome {
            table_key: change.table_key.clone(),
            from_version: 0,
            to_version: change.publish_as.or(change.manifest_pinned)?,
        })
    });
    pins.chain(added).collect()
}

fn back_outcomes(
    sidecar: &Sidecar,
    observation: &Observation,
    verdict: &Verdict,
) -> Vec<LineageOutcome> {
    let judged = sidecar.tables.iter().zip(&verdict.tables).enumerate();
    judged
        .filter_map(|(index, (pin, table))| {
            table.publish_as?;
            let found = observation.of_pin(index, pin)?;
            Some(LineageOutcome {
                table_key: pin.table_key.clone(),
                from_version: found.head.version()?,
                to_version: found.pinned.version()?,
            })
        })
        .collect()
}

/// As [`forward_outcomes`], from the tables of a plan, and in their order.
pub(super) fn forward_outcomes_of(tables: &[PlannedTable]) -> Vec<LineageOutcome> {
    let pins = || tables.iter().filter(|table| table.catalog_change.is_none());
    let names_additions = pins().next().is_none() || pins().any(|table| table.publish_as.is_some());
    let added = tables.iter().filter(|table| {
        table.catalog_change == Some(CatalogChangeKind::Registration) && names_additions
    });
    let outcome = |table: &PlannedTable, from_version| {
        Some(LineageOutcome {
            table_key: table.table_key.clone(),
            from_version,
            to_version: table.publish_as.or(table.manifest_pinned)?,
        })
    };
    let pins = pins().filter_map(|table| outcome(table, table.expected_version));
    pins.chain(added.filter_map(|table| outcome(table, 0)))
        .collect()
}

/// As [`back_outcomes`], of one table of a plan.
pub(super) fn back_outcome(table: &PlannedTable) -> Option<LineageOutcome> {
    table.publish_as?;
    Some(LineageOutcome {
        table_key: table.table_key.clone(),
        from_version: table.lance_head?,
        to_version: table.manifest_pinned?,
    })
}

/// What an undo that publishes did to one table.
pub(super) fn undone_outcome(table: &PlannedTable) -> Option<LineageOutcome> {
    (table.action == Action::RestoreAndPublish).then_some(())?;
    Some(LineageOutcome {
        table_key: table.table_key.clone(),
        from_version: table.lance_head?,
        to_version: table.restore_to?,
    })
}

/// The rows that taking a recovery back adds. `sidecar` stands for the undo, `tables` are those of its plan.
#[must_use]
pub(crate) fn lineage_of_an_undo(
    sidecar: &Sidecar,
    observation: &Observation,
    tables: &[PlannedTable],
) -> Vec<LineageRow> {
    let published = |table: &&PlannedTable| table.action == Action::RestoreAndPublish;
    // What comes back unpublished is nothing a reader of the graph could see.
    if !observation.keeps_lineage || !tables.iter().any(|table| published(&table)) {
        return Vec::new();
    }
    let outcomes = tables.iter().filter_map(undone_outcome).collect();
    let branch = sidecar.branch().map(str::to_owned);
    rows(branch, None, RecoveryKind::RolledBack, sidecar, outcomes)
}
