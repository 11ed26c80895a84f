//! The rows of a graph's history that a plan writes: none, or the three that follow from its tables.

use super::left::Left;
use crate::plan::graph_history::{
    back_outcome, forward_outcomes_of, kind_of, rows_of, undone_outcome,
};
use crate::plan::{GraphHistoryOutcome, GraphHistoryRow, Plan, Precondition, RecoveryKind, Step};
use crate::sidecar::WriterKind;

/// Takes the rows of a recovery, if there are any.
pub(super) fn of_a_recovery(
    plan: &Plan,
    kind: WriterKind,
    left: &mut Left<'_>,
) -> Result<(), String> {
    let Some(recovery_kind) = kind_of(plan.disposition) else {
        return Ok(());
    };
    let outcomes = match recovery_kind {
        RecoveryKind::RolledForward => forward_outcomes_of(&plan.tables),
        RecoveryKind::RolledBack => plan.tables.iter().filter_map(back_outcome).collect(),
        RecoveryKind::OrphanedBranchDiscarded => Vec::new(),
    };
    let may_merge = recovery_kind == RecoveryKind::RolledForward && kind.is_merge();
    rows(plan, kind, recovery_kind, outcomes, may_merge, left)
}

/// Takes the rows of an undo, if there are any. An undo that publishes nothing adds none.
pub(super) fn of_an_undo(plan: &Plan, kind: WriterKind, left: &mut Left<'_>) -> Result<(), String> {
    let outcomes: Vec<GraphHistoryOutcome> =
        plan.tables.iter().filter_map(undone_outcome).collect();
    if outcomes.is_empty() {
        return Ok(());
    }
    rows(plan, kind, RecoveryKind::RolledBack, outcomes, false, left)
}

fn rows(
    plan: &Plan,
    writer_kind: WriterKind,
    recovery_kind: RecoveryKind,
    outcomes: Vec<GraphHistoryOutcome>,
    may_merge: bool,
    left: &mut Left<'_>,
) -> Result<(), String> {
    let (branch, merged_parent) = match left.0.first() {
        Some(Step::GraphHistory {
            row:
                GraphHistoryRow::GraphCommits {
                    branch,
                    merged_parent,
                },
            ..
        }) => (branch.clone(), merged_parent.clone()),
        _ => return Ok(()),
    };
    let expected = match recovery_kind {
        RecoveryKind::OrphanedBranchDiscarded => None,
        RecoveryKind::RolledForward | RecoveryKind::RolledBack => plan.branch.clone(),
    };
    if branch != expected || (merged_parent.is_some() && !may_merge) {
        return Err("the graph commit it writes is not that of its write".to_owned());
    }
    // Rows name tables in the order of the sidecar, which a plan does not know.
    let outcomes = match left.0.get(2) {
        Some(Step::GraphHistory {
            row:
                GraphHistoryRow::GraphCommitRecoveries {
                    outcomes: found, ..
                },
            ..
        }) if sorted(found) == sorted(&outcomes) => found.clone(),
        _ => outcomes,
    };
    let rows = rows_of(
        branch,
        merged_parent,
        recovery_kind,
        plan.actor_id.clone(),
        writer_kind,
        outcomes,
    );
    left.take_all(rows.into_iter().map(|row| Step::GraphHistory {
        row,
        precondition: Precondition::RowAbsent,
    }))
}

fn sorted(outcomes: &[GraphHistoryOutcome]) -> Vec<(&str, u64, u64)> {
    let mut sorted: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            (
                outcome.table_key.as_str(),
                outcome.from_version,
                outcome.to_version,
            )
        })
        .collect();
    sorted.sort_unstable();
    sorted
}
