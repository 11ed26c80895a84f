//! The rows of a graph's history that a plan writes: none, or the three that follow from its tables.

use super::left::Left;
use crate::plan::graph_history::{
    Told, back_outcome, forward_outcomes_of, history_of, kind_of, undone_outcome,
};
use crate::plan::{
    GraphHistoryOutcome, GraphHistoryRow, Plan, Precondition, PublishedGraphCommit, RECOVERY_ACTOR,
    RecoveryKind, Step,
};
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

/// The graph commit that the publish of a recovery writes, if its catalog holds the history.
///
/// # Errors
/// It is not that of the write.
pub(super) fn commit_of_a_recovery(
    plan: &Plan,
    kind: WriterKind,
    left: &Left<'_>,
) -> Result<Option<PublishedGraphCommit>, String> {
    let may_merge =
        kind_of(plan.disposition) == Some(RecoveryKind::RolledForward) && kind.is_merge();
    published_commit(plan, may_merge, left)
}

/// The same of an undo, which never merges.
pub(super) fn commit_of_an_undo(
    plan: &Plan,
    left: &Left<'_>,
) -> Result<Option<PublishedGraphCommit>, String> {
    published_commit(plan, false, left)
}

fn published_commit(
    plan: &Plan,
    may_merge: bool,
    left: &Left<'_>,
) -> Result<Option<PublishedGraphCommit>, String> {
    let found = left.0.iter().find_map(Step::published_graph_commit);
    let Some(found) = found else {
        return Ok(None);
    };
    if found.fixed.is_none() && found.actor_id.as_deref() != Some(RECOVERY_ACTOR) {
        return Err(format!(
            "the graph commit it publishes is ascribed to {:?}, and not to {RECOVERY_ACTOR}",
            found.actor_id
        ));
    }
    is_of_its_write(
        plan,
        found.branch.as_deref(),
        found.merged_parent.is_some(),
        may_merge,
    )?;
    Ok(Some(found.clone()))
}

/// Whether a graph commit stands on the branch of the write, and merges nothing unless the write is a merge.
fn is_of_its_write(
    plan: &Plan,
    branch: Option<&str>,
    merges: bool,
    may_merge: bool,
) -> Result<(), String> {
    if branch != plan.graph_branch() || (merges && !may_merge) {
        return Err("the graph commit it writes is not that of its write".to_owned());
    }
    Ok(())
}

fn rows(
    plan: &Plan,
    writer_kind: WriterKind,
    recovery_kind: RecoveryKind,
    outcomes: Vec<GraphHistoryOutcome>,
    may_merge: bool,
    left: &mut Left<'_>,
) -> Result<(), String> {
    if let Some(Step::GraphHistory {
        row:
            row @ GraphHistoryRow::GraphCommitRecoveries {
                graph_commit_id: Some(_),
                ..
            },
        ..
    }) = left.0.first()
    {
        fixed_row(plan, writer_kind, recovery_kind, row)?;
        return left.take(&row_step(row.clone()));
    }
    // Where the graph commit is published with the pins, one row is left to be written.
    let (branch, merged_parent, in_catalog) = match left.0.first() {
        Some(Step::GraphHistory {
            row:
                GraphHistoryRow::GraphCommits {
                    branch,
                    merged_parent,
                },
            ..
        }) => (branch.clone(), merged_parent.clone(), false),
        Some(Step::GraphHistory {
            row: GraphHistoryRow::GraphCommitRecoveries { branch, .. },
            ..
        }) => (branch.clone(), None, true),
        _ => (None, None, publishes_its_commit(plan)),
    };
    if in_catalog != publishes_its_commit(plan) {
        return Err("its graph commit is written twice, or not at all".to_owned());
    }
    if !in_catalog
        && left
            .0
            .first()
            .is_none_or(|step| !step.adds_to_the_history())
    {
        return Ok(());
    }
    is_of_its_write(plan, branch.as_deref(), merged_parent.is_some(), may_merge)?;
    // Rows name tables in the order of the sidecar, which a plan does not know.
    let recovery = left.0.iter().take(3).find_map(|step| match step {
        Step::GraphHistory {
            row: GraphHistoryRow::GraphCommitRecoveries { outcomes, .. },
            ..
        } => Some(outcomes),
        _ => None,
    });
    let outcomes = match recovery {
        Some(found) if sorted(found) == sorted(&outcomes) => found.clone(),
        _ => outcomes,
    };
    let history = history_of(
        in_catalog,
        Told {
            branch,
            merged_parent,
            recovery_kind,
            recovery_for_actor: plan.actor_id.clone(),
            sidecar_writer_kind: writer_kind,
            outcomes,
        },
    );
    left.take_all(history.row_steps())
}

/// The record of a recovery whose graph commit was fixed beforehand. Its outcomes per table are in the sidecar.
fn fixed_row(
    plan: &Plan,
    kind: WriterKind,
    recovered: RecoveryKind,
    row: &GraphHistoryRow,
) -> Result<(), String> {
    let GraphHistoryRow::GraphCommitRecoveries {
        branch,
        recovery_kind,
        recovery_for_actor,
        sidecar_writer_kind,
        outcomes: _,
        graph_commit_id,
    } = row
    else {
        return Err("it records no recovery".to_owned());
    };
    let mut commits = plan.steps.iter().filter_map(Step::published_graph_commit);
    let published = commits.find_map(|commit| Some(commit.fixed.as_ref()?.id.clone()));
    let is_of_its_write = branch.as_deref() == plan.graph_branch()
        && *recovery_kind == recovered
        && *recovery_for_actor == plan.actor_id
        && *sidecar_writer_kind == kind
        && (published.is_none() || published == *graph_commit_id);
    if !is_of_its_write || publishes_its_commit(plan) != published.is_some() {
        return Err("the recovery it records is not that of its write".to_owned());
    }
    Ok(())
}

fn row_step(row: GraphHistoryRow) -> Step {
    Step::GraphHistory {
        row,
        precondition: Precondition::RowAbsent,
    }
}

fn publishes_its_commit(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| step.published_graph_commit().is_some())
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
