//! The history that released engines keep of a graph, and what a recovery adds to it (PROTOCOL.md, section 6.2).

use super::graph_history_row::{
    GraphHistoryOutcome, GraphHistoryRow, RECOVERY_ACTOR, RecoveryKind,
};
use super::published_graph_commit::PublishedGraphCommit;
use super::{CatalogChangeKind, PlannedTable, Precondition, Step};
use crate::observation::{KeptHistory, Observation};
use crate::sidecar::{Sidecar, WriterKind};
use crate::verdict::{Action, Disposition, Verdict};

/// The rows that a recovery adds to the history of its graph: none where no such history is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PlannedHistory {
    /// The graph commit, where the catalog holds the history: it is part of the publish.
    pub(crate) commit: Option<PublishedGraphCommit>,
    /// Rows of tables of their own, in the order in which they are written.
    pub(crate) rows: Vec<GraphHistoryRow>,
}

impl PlannedHistory {
    /// A step for each row.
    pub(crate) fn row_steps(&self) -> impl Iterator<Item = Step> {
        self.rows.iter().map(|row| Step::GraphHistory {
            row: row.clone(),
            precondition: Precondition::RowAbsent,
        })
    }
}

/// What a recovery adds.
pub(super) fn graph_history(
    sidecar: &Sidecar,
    observation: &Observation,
    verdict: &Verdict,
) -> PlannedHistory {
    if observation.kept_history == KeptHistory::Nowhere {
        return PlannedHistory::default();
    }
    let Some(recovery_kind) = kind_of(verdict.disposition) else {
        return PlannedHistory::default();
    };
    let outcomes = match recovery_kind {
        RecoveryKind::RolledForward => forward_outcomes(sidecar, observation, verdict),
        RecoveryKind::RolledBack => back_outcomes(sidecar, observation, verdict),
        RecoveryKind::OrphanedBranchDiscarded => Vec::new(),
    };
    let is_merged = recovery_kind == RecoveryKind::RolledForward && sidecar.writer_kind.is_merge();
    let merged_parent = sidecar.merge_source_commit_id.clone().filter(|_| is_merged);
    let branch = match recovery_kind {
        RecoveryKind::OrphanedBranchDiscarded => None,
        RecoveryKind::RolledForward | RecoveryKind::RolledBack => sidecar.branch().owned(),
    };
    history_of(
        observation.kept_history == KeptHistory::InCatalog,
        Told {
            branch,
            merged_parent,
            recovery_kind,
            recovery_for_actor: sidecar.actor_id.clone(),
            sidecar_writer_kind: sidecar.writer_kind,
            outcomes,
        },
    )
}

/// What a recovery of this disposition is, as released engines name it; `None` if it has no effect.
pub(super) const fn kind_of(disposition: Disposition) -> Option<RecoveryKind> {
    Some(match disposition {
        Disposition::RollForward | Disposition::AlreadyPublished | Disposition::StaleArmed => {
            RecoveryKind::RolledForward
        }
        // Recorded as rolled back: it is not known that a superseded write is visible, and "rolled forward" would claim so.
        Disposition::RollBack
        | Disposition::AlreadyRolledBack
        | Disposition::NeverStarted
        | Disposition::Superseded => RecoveryKind::RolledBack,
        Disposition::OrphanedBranch => RecoveryKind::OrphanedBranchDiscarded,
        Disposition::Refused | Disposition::Waiting | Disposition::Abort => return None,
    })
}

/// The facts about one recovery that the history records.
pub(super) struct Told {
    pub(super) branch: Option<String>,
    pub(super) merged_parent: Option<String>,
    pub(super) recovery_kind: RecoveryKind,
    pub(super) recovery_for_actor: Option<String>,
    pub(super) sidecar_writer_kind: WriterKind,
    pub(super) outcomes: Vec<GraphHistoryOutcome>,
}

/// The same as rows of the three tables, or as a graph commit in the catalog and the one row that stays outside of it.
pub(super) fn history_of(in_catalog: bool, told: Told) -> PlannedHistory {
    let Told {
        branch,
        merged_parent,
        recovery_kind,
        recovery_for_actor,
        sidecar_writer_kind,
        outcomes,
    } = told;
    let actor_id = RECOVERY_ACTOR.to_owned();
    let recovery = GraphHistoryRow::GraphCommitRecoveries {
        branch: branch.clone(),
        recovery_kind,
        recovery_for_actor,
        sidecar_writer_kind,
        outcomes,
        graph_commit_id: None,
    };
    if in_catalog {
        return PlannedHistory {
            commit: Some(PublishedGraphCommit {
                branch,
                merged_parent,
                actor_id: Some(actor_id),
                fixed: None,
            }),
            rows: vec![recovery],
        };
    }
    let commit = GraphHistoryRow::GraphCommits {
        branch: branch.clone(),
        merged_parent,
    };
    let actor = GraphHistoryRow::GraphCommitActors { branch, actor_id };
    PlannedHistory {
        commit: None,
        rows: vec![commit, actor, recovery],
    }
}

fn forward_outcomes(
    sidecar: &Sidecar,
    observation: &Observation,
    verdict: &Verdict,
) -> Vec<GraphHistoryOutcome> {
    let judged = sidecar.tables.iter().zip(&verdict.tables).enumerate();
    let pins = judged.filter_map(|(index, (pin, table))| {
        let visible = observation
            .of_pin(index, pin)
            .and_then(|found| found.pinned.version());
        Some(GraphHistoryOutcome {
            table_key: pin.table_key.clone(),
            from_version: pin.expected_version,
            to_version: table.publish_as.or(visible)?,
        })
    });
    // Engines omit added tables if the pins were already published, and list them if the sidecar pins none.
    let names_additions = sidecar.tables.is_empty()
        || verdict
            .tables
            .iter()
            .any(|table| table.publish_as.is_some());
    let added = verdict.catalog_changes.iter().filter_map(|change| {
        (change.tombstone_version.is_none() && names_additions).then_some(())?;
        Some(GraphHistoryOutcome {
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
) -> Vec<GraphHistoryOutcome> {
    let judged = sidecar.tables.iter().zip(&verdict.tables).enumerate();
    judged
        .filter_map(|(index, (pin, table))| {
            table.publish_as?;
            let found = observation.of_pin(index, pin)?;
            Some(GraphHistoryOutcome {
                table_key: pin.table_key.clone(),
                from_version: found.head.version()?,
                to_version: found.pinned.version()?,
            })
        })
        .collect()
}

/// As [`forward_outcomes`], from the tables of a plan, and in their order.
pub(super) fn forward_outcomes_of(tables: &[PlannedTable]) -> Vec<GraphHistoryOutcome> {
    let pins = || tables.iter().filter(|table| table.catalog_change.is_none());
    let names_additions = pins().next().is_none() || pins().any(|table| table.publish_as.is_some());
    let added = tables.iter().filter(|table| {
        table.catalog_change == Some(CatalogChangeKind::Registration) && names_additions
    });
    let outcome = |table: &PlannedTable, from_version| {
        Some(GraphHistoryOutcome {
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
pub(super) fn back_outcome(table: &PlannedTable) -> Option<GraphHistoryOutcome> {
    table.publish_as?;
    Some(GraphHistoryOutcome {
        table_key: table.table_key.clone(),
        from_version: table.lance_head?,
        to_version: table.manifest_pinned?,
    })
}

/// What an undo that publishes did to one table.
pub(super) fn undone_outcome(table: &PlannedTable) -> Option<GraphHistoryOutcome> {
    (table.action == Action::RestoreAndPublish).then_some(())?;
    Some(GraphHistoryOutcome {
        table_key: table.table_key.clone(),
        from_version: table.lance_head?,
        to_version: table.restore_to?,
    })
}

/// What taking a recovery back adds. `sidecar` stands for the undo, `tables` are those of its plan.
#[must_use]
pub(crate) fn graph_history_of_an_undo(
    sidecar: &Sidecar,
    observation: &Observation,
    tables: &[PlannedTable],
) -> PlannedHistory {
    let published = |table: &&PlannedTable| table.action == Action::RestoreAndPublish;
    // An undo that publishes nothing adds nothing to the history.
    if observation.kept_history == KeptHistory::Nowhere
        || !tables.iter().any(|table| published(&table))
    {
        return PlannedHistory::default();
    }
    history_of(
        observation.kept_history == KeptHistory::InCatalog,
        Told {
            branch: sidecar.branch().owned(),
            merged_parent: None,
            recovery_kind: RecoveryKind::RolledBack,
            recovery_for_actor: sidecar.actor_id.clone(),
            sidecar_writer_kind: sidecar.writer_kind,
            outcomes: tables.iter().filter_map(undone_outcome).collect(),
        },
    )
}
