//! The rows that released engines expect of a recovery (PROTOCOL.md, section 6.2).

use sidecar::journal::{Attempt, StepResult};
use sidecar::{Difference, DifferenceField, GraphCommitId, GraphHistoryRow};

use super::outcome::{StepOutcome, identity, not_attempted};
use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::{Head, HistoryAppend, HistoryRequest, HistoryRow};
use root_objects::clock;

pub(super) async fn append(
    root: &Root,
    attempt: &Attempt,
    index: usize,
    row: &GraphHistoryRow,
) -> Result<StepOutcome, ServiceError> {
    let what = format!("writing to {}", row.folder());
    let now = clock::now();
    let published = published(attempt);
    let mut fixed = None;
    let (branch, row) = match row {
        GraphHistoryRow::GraphCommits {
            branch,
            merged_parent,
        } => {
            let Some(manifest_version) =
                catalog_version(root, attempt, branch.as_deref(), &what).await?
            else {
                return Ok(StepOutcome::Conflict {
                    detail: "the catalog has lost the branch whose history is to be written"
                        .to_owned(),
                    differences: vec![Difference::new(
                        None,
                        DifferenceField::CatalogBranch,
                        "present",
                        "gone",
                    )],
                });
            };
            let row = HistoryRow::Commit {
                manifest_branch: branch.clone(),
                manifest_version,
                merged_parent: merged_parent.clone(),
            };
            (branch, row)
        }
        GraphHistoryRow::GraphCommitActors { branch, actor_id } => (
            branch,
            HistoryRow::Actor {
                actor: actor_id.clone(),
            },
        ),
        GraphHistoryRow::GraphCommitRecoveries {
            branch,
            recovery_kind,
            recovery_for_actor,
            sidecar_writer_kind,
            outcomes,
            graph_commit_id,
        } => {
            fixed.clone_from(graph_commit_id);
            let outcomes_json = serde_json::to_string(outcomes)
                .map_err(|error| ServiceError::EncodeOutcomes(error.to_string()))?;
            let row = HistoryRow::Recovery {
                kind: recovery_kind.name().to_owned(),
                for_actor: recovery_for_actor.clone(),
                operation_id: attempt.plan.operation_id.to_string(),
                writer_kind: sidecar_writer_kind.name().to_owned(),
                outcomes_json,
            };
            (branch, row)
        }
    };
    let in_catalog = fixed.is_some() || publishes_its_commit(attempt);
    // The Lance branch of the catalog may have another name than the branch of the graph.
    let branch = match in_catalog {
        true => attempt.plan.catalog_branch().map(str::to_owned),
        false => branch.clone(),
    };
    let request = HistoryRequest {
        branch,
        commit: GraphCommitId::of_recovery(
            &attempt.plan.operation_id,
            attempt.bytes.digest(),
            published,
            now,
        ),
        in_catalog,
        fixed,
        published,
        created_at_micros: now.micros(),
        row,
        identity: identity(attempt),
    };
    let outcome = root
        .lance()
        .append_graph_history(&request)
        .await
        .map_err(|source| not_attempted(&what, source))?;
    let done = |version, already_done| {
        StepOutcome::Done(StepResult {
            step: index,
            version,
            already_done,
        })
    };
    Ok(match outcome {
        HistoryAppend::Appended { version } => done(Some(version), false),
        HistoryAppend::AlreadyThere => done(None, true),
        HistoryAppend::Moved => StepOutcome::Unknown(format!(
            "others commit to the history of the graph all the time, so {what} came too late at every try; apply again when less is going on"
        )),
        HistoryAppend::Missing { detail } => StepOutcome::Conflict {
            detail: format!(
                "{what} is not possible: {detail}; put the history right with the engine that owns the graph, and make a new plan"
            ),
            differences: vec![Difference::new(
                None,
                DifferenceField::GraphHistory,
                "writable",
                detail,
            )],
        },
        HistoryAppend::Unknown { reason } => StepOutcome::Unknown(format!(
            "storage did not say whether {what} happened: {reason}; apply again to settle it"
        )),
    })
}

/// Whether the graph commit is part of what this attempt published.
fn publishes_its_commit(attempt: &Attempt) -> bool {
    let mut steps = attempt.plan.steps.iter();
    steps.any(|step| step.published_graph_commit().is_some())
}

/// The version of the catalog that this attempt published, if its plan publishes.
fn published(attempt: &Attempt) -> Option<u64> {
    attempt
        .plan
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.makes_visible())
        .find_map(|(index, _)| attempt.done.get(&index)?.version)
}

/// The version of the catalog that the graph commit stands for: the one this recovery published, or the latest.
async fn catalog_version(
    root: &Root,
    attempt: &Attempt,
    branch: Option<&str>,
    what: &str,
) -> Result<Option<u64>, ServiceError> {
    if let Some(published) = published(attempt) {
        return Ok(Some(published));
    }
    let head = root
        .lance()
        .catalog_version(branch)
        .await
        .map_err(|source| not_attempted(what, source))?;
    Ok(match head {
        Head::At { version } => Some(version),
        Head::DatasetMissing | Head::BranchMissing => None,
    })
}
