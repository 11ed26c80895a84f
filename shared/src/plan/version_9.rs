//! The steps of a write of version 9 that differ from those of other versions, as its sidecar fixed them beforehand (PROTOCOL.md,
//! section 18.5).

use super::graph_history_row::{
    GraphHistoryOutcome, GraphHistoryRow, RECOVERY_ACTOR, RecoveryKind,
};
use super::published_graph_commit::{FixedGraphCommit, PublishedGraphCommit};
use super::step::{ExactPublish, ExactRename, ExactRow, NamedTable, Precondition, Step};
use super::{Plan, PlannedTable};
use crate::digest::{Digest, Tag};
use crate::disposition::Disposition;
use crate::version_9::{CatalogTables, Payload, RollbackOutcome, Sidecar9, TableUpdate};

/// The graph commit that resolves the write, and the record of it; none where an engine adds none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FixedHistory {
    /// Part of the publish.
    pub(super) commit: Option<PublishedGraphCommit>,
    /// The row that says that a recovery did it.
    pub(super) recovery: Option<GraphHistoryRow>,
}

/// The history as the file fixed it; `None` for a write without a plan, whose history is recorded as in version 2.
///
/// `then` are the tables at the version that the write's graph commit made, where it is visible.
pub(super) fn history(
    sidecar: &Sidecar9,
    disposition: Disposition,
    tables: &[PlannedTable],
    then: Option<&CatalogTables>,
) -> Option<FixedHistory> {
    let payload = sidecar.payload()?;
    let lineage = &payload.lineage;
    let rows = payload.intended_delta.table_updates.iter();
    let recovery = |kind, id: &str, outcomes| {
        Some(GraphHistoryRow::GraphCommitRecoveries {
            branch: sidecar.branch().owned(),
            recovery_kind: kind,
            recovery_for_actor: sidecar.actor_id.clone(),
            sidecar_writer_kind: sidecar.writer_kind,
            outcomes,
            graph_commit_id: Some(id.to_owned()),
        })
    };
    Some(match disposition {
        Disposition::RollForward => FixedHistory {
            commit: Some(PublishedGraphCommit {
                branch: sidecar.branch().owned(),
                merged_parent: lineage.merged_parent_commit_id.clone(),
                actor_id: lineage.actor_id.clone(),
                fixed: Some(FixedGraphCommit {
                    id: lineage.graph_commit_id.clone(),
                    created_at: lineage.created_at,
                }),
            }),
            recovery: recovery(
                RecoveryKind::RolledForward,
                &lineage.graph_commit_id,
                rows.map(|row| outcome_of_row(row, None)).collect(),
            ),
        },
        Disposition::AlreadyPublished | Disposition::StaleArmed => FixedHistory {
            commit: None,
            recovery: recovery(
                RecoveryKind::RolledForward,
                &lineage.graph_commit_id,
                rows.map(|row| outcome_of_row(row, then)).collect(),
            ),
        },
        Disposition::AlreadyRolledBack => FixedHistory {
            commit: None,
            recovery: recovery(
                RecoveryKind::RolledBack,
                &payload.rollback_graph_commit_id,
                outcomes_of(
                    payload
                        .rollback_audit_outcomes
                        .as_deref()
                        .unwrap_or_default(),
                ),
            ),
        },
        Disposition::RollBack => FixedHistory {
            commit: Some(PublishedGraphCommit {
                branch: sidecar.branch().owned(),
                merged_parent: None,
                actor_id: Some(RECOVERY_ACTOR.to_owned()),
                fixed: Some(FixedGraphCommit {
                    id: payload.rollback_graph_commit_id.clone(),
                    created_at: i64::try_from(sidecar.started_at.micros()).unwrap_or(i64::MAX),
                }),
            }),
            recovery: recovery(
                RecoveryKind::RolledBack,
                &payload.rollback_graph_commit_id,
                outcomes_of(&returned(sidecar, payload, tables)),
            ),
        },
        // An engine removes the file of such a write without a word.
        Disposition::NeverStarted => FixedHistory::default(),
        // Recorded on main, under an id of its own.
        Disposition::OrphanedBranch => return None,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::Abort
        | Disposition::Superseded => FixedHistory::default(),
    })
}

fn outcome_of_row(row: &TableUpdate, then: Option<&CatalogTables>) -> GraphHistoryOutcome {
    let confirmed = row.confirmed.as_ref().map(|row| row.table_version);
    let published = || Some(then?.get(row.identity)?.row.version);
    GraphHistoryOutcome {
        table_key: row.table_key.clone(),
        from_version: row.expected_version,
        to_version: confirmed.or_else(published).unwrap_or(row.expected_version),
    }
}

fn outcomes_of(returned: &[RollbackOutcome]) -> Vec<GraphHistoryOutcome> {
    returned
        .iter()
        .map(|returned| GraphHistoryOutcome {
            table_key: returned.table_key.clone(),
            from_version: returned.from_version,
            to_version: returned.to_version,
        })
        .collect()
}

/// The tables that return, in the order of the pins: as the file says, if a recovery prepared that already.
fn returned(
    sidecar: &Sidecar9,
    payload: &Payload,
    tables: &[PlannedTable],
) -> Vec<RollbackOutcome> {
    if let Some(prepared) = &payload.rollback_audit_outcomes {
        return prepared.clone();
    }
    let of_pin = |key: &str, branch: Option<&str>| {
        let mut tables = tables.iter();
        tables.find(|table| table.table_key == key && table.branch.as_deref() == branch)
    };
    let pins = sidecar.tables.iter();
    pins.filter_map(|pin| {
        of_pin(
            sidecar.key_before(pin.identity, &pin.table_key),
            pin.table_branch.as_deref(),
        )
    })
    .filter_map(|table| {
        Some(RollbackOutcome {
            table_key: table.table_key.clone(),
            from_version: table.lance_head?,
            to_version: table.returns_to()?,
        })
    })
    .collect()
}

/// The step that writes the undo into the file; none where a recovery did that already, or where the kind prepares none.
pub(super) fn prepare(
    sidecar: &Sidecar9,
    file: &str,
    disposition: Disposition,
    tables: &[PlannedTable],
) -> Option<Step> {
    let payload = sidecar
        .payload()
        .filter(|payload| payload.rollback_audit_outcomes.is_none())
        .filter(|_| disposition.takes_it_back())?;
    let outcomes = returned(sidecar, payload, tables);
    let bytes = sidecar.prepared(&outcomes)?;
    Some(Step::PrepareSidecar {
        file: file.to_owned(),
        outcomes,
        digest: Digest::of(Tag::Sidecar, &bytes),
        precondition: Precondition::FileAsPlanned,
    })
}

/// The publish as the writer fixed it; `None` where no row that it confirmed is published.
pub(super) fn exact(sidecar: &Sidecar9, disposition: Disposition) -> Option<ExactPublish> {
    let payload = sidecar.payload().filter(|_| disposition.publishes_it())?;
    let delta = &payload.intended_delta;
    let rows = delta.table_updates.iter();
    Some(ExactPublish {
        graph_head: payload.authority.graph_head.clone(),
        branch_identifier: payload.authority.branch_identifier.clone(),
        rows: rows
            .filter_map(|row| {
                Some(ExactRow {
                    identity: row.identity,
                    table_key: row.table_key.clone(),
                    row: row.confirmed.clone()?,
                })
            })
            .collect(),
        added: delta
            .registrations
            .iter()
            .map(|added| NamedTable {
                identity: added.identity,
                table_key: added.table_key.clone(),
            })
            .collect(),
        removed: delta
            .tombstones
            .iter()
            .map(|removed| NamedTable {
                identity: removed.identity,
                table_key: removed.table_key.clone(),
            })
            .collect(),
        renamed: delta
            .renames
            .iter()
            .map(|renamed| ExactRename {
                identity: renamed.identity,
                from_key: renamed.expected_table_key.clone(),
                to_key: renamed.table_key.clone(),
            })
            .collect(),
    })
}

/// Whether the plan has everything as the sidecar fixed it: the graph commit, its record, the rows, the undo. A file of another
/// version fixes nothing.
///
/// # Errors
/// What differs, in words.
pub(super) fn fits(plan: &Plan, sidecar: Option<&Sidecar9>) -> Result<(), String> {
    if plan.lance_branch.is_some() && sidecar.is_none() {
        return Err("only a file of version 9 can be about a branch with a suffix".to_owned());
    }
    let fixed = sidecar.and_then(|sidecar| history(sidecar, plan.disposition, &plan.tables, None));
    let expected_exact = sidecar.and_then(|sidecar| exact(sidecar, plan.disposition));
    let mut prepares = None;
    for step in &plan.steps {
        match step {
            Step::PrepareSidecar { .. } => prepares = Some(step.clone()),
            Step::DropDataset {
                table_key,
                precondition,
                ..
            } => {
                let made_by = sidecar.and_then(|sidecar| sidecar.made_by(table_key));
                let is_the_writes = made_by.is_some_and(|transaction| {
                    *precondition
                        == Precondition::DatasetAsPlanned {
                            transaction: transaction.to_owned(),
                        }
                });
                if !is_the_writes {
                    return Err(format!(
                        "it removes the dataset of {table_key}, which its sidecar does not make"
                    ));
                }
            }
            Step::Publish {
                graph_commit,
                exact,
                ..
            } => {
                let is_fixed = graph_commit
                    .as_ref()
                    .is_some_and(|commit| commit.fixed.is_some());
                let is_the_commit = match &fixed {
                    Some(fixed) => fixed.commit == *graph_commit,
                    None => !is_fixed,
                };
                if !is_the_commit {
                    return Err(
                        "the graph commit it publishes is not the one that its sidecar fixed"
                            .to_owned(),
                    );
                }
                if exact.as_deref() != expected_exact.as_ref() {
                    return Err(
                        "the rows it publishes are not those that its sidecar fixed".to_owned()
                    );
                }
            }
            Step::GraphHistory { row, .. } => fixed_row_fits(row, plan, fixed.as_ref())?,
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::Restore { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => {}
        }
    }
    let expected =
        sidecar.and_then(|sidecar| prepare(sidecar, &plan.file, plan.disposition, &plan.tables));
    if prepares != expected {
        return Err(
            "the undo that it writes into its sidecar does not follow from its tables".to_owned(),
        );
    }
    Ok(())
}

fn fixed_row_fits(
    row: &GraphHistoryRow,
    plan: &Plan,
    fixed: Option<&FixedHistory>,
) -> Result<(), String> {
    let id_of = |row: &GraphHistoryRow| match row {
        GraphHistoryRow::GraphCommitRecoveries {
            graph_commit_id, ..
        } => graph_commit_id.clone(),
        GraphHistoryRow::GraphCommits { .. } | GraphHistoryRow::GraphCommitActors { .. } => None,
    };
    let fits = match fixed {
        None => id_of(row).is_none(),
        // No sidecar has the versions that were published at that time.
        Some(fixed) if plan.disposition == Disposition::StaleArmed => fixed
            .recovery
            .as_ref()
            .is_some_and(|fixed| without_versions(fixed) == without_versions(row)),
        Some(fixed) => fixed.recovery.as_ref() == Some(row),
    };
    if fits {
        return Ok(());
    }
    Err("the recovery it records is not the one that its sidecar fixed".to_owned())
}

fn without_versions(row: &GraphHistoryRow) -> GraphHistoryRow {
    let mut row = row.clone();
    if let GraphHistoryRow::GraphCommitRecoveries { outcomes, .. } = &mut row {
        for outcome in outcomes {
            outcome.to_version = 0;
        }
    }
    row
}
