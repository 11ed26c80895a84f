//! The effects of a plan's steps, and their outcomes.

mod catalog;
mod dataset;
mod graph_history;
mod outcome;
mod prepare;
mod schema;
mod table;

use std::collections::BTreeMap;

use futures::{FutureExt, StreamExt};
use sidecar::executor::StepsOutcome;
use sidecar::journal::{Attempt, StepResult};
use sidecar::{Difference, DifferenceField, Plan, PlannedTable, Precondition, Step};

use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::{TableError, TableLocation};
use root_objects::sidecar_dir::{self, Created};
use root_objects::store::Hold;

use catalog::{CatalogRows, fence_catalog, publish};
use outcome::{StepOutcome, not_in_plan};
use table::{TagSeen, look_at_tag, restore, tag, untag};

pub(super) use catalog::{landed, look_at_catalog};

/// Tables worked on at the same time.
const TABLES_AT_ONCE: usize = 16;

/// The first look of each step that can look ahead.
pub(super) type SeenAhead = BTreeMap<usize, Result<TagSeen, TableError>>;

/// Makes the first look of steps that are about to begin. A look is no effect, so the record that the steps begin may still be on
/// its way.
pub(super) async fn look_ahead(root: &Root, attempt: &Attempt, steps: &[usize]) -> SeenAhead {
    let plan = &attempt.plan;
    let looks: Vec<_> = steps
        .iter()
        .filter_map(|index| match plan.steps.get(*index)? {
            Step::Tag {
                table_key,
                branch,
                name,
                precondition,
                ..
            } => {
                let (_, location) = planned(plan, table_key, branch.as_deref())?;
                Some(async move {
                    let seen = look_at_tag(root.lance(), &location, name, precondition).await;
                    (*index, seen)
                })
            }
            Step::Untag { .. }
            | Step::Announce { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::FenceCatalog { .. }
            | Step::Restore { .. }
            | Step::Publish { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => None,
        })
        .collect();
    futures::stream::iter(looks)
        .buffer_unordered(TABLES_AT_ONCE)
        .collect()
        .await
}

/// Does independent steps concurrently. Requests that no version fences are sent only under `hold`.
pub(super) async fn do_steps(
    root: &Root,
    attempt: &Attempt,
    steps: &[usize],
    catalog_version: Option<u64>,
    mut ahead: SeenAhead,
    hold: &Hold,
) -> Result<StepsOutcome, ServiceError> {
    let effects: Vec<_> = steps
        .iter()
        .map(|index| {
            let effect = do_step(
                root,
                attempt,
                *index,
                catalog_version,
                ahead.remove(index),
                hold,
            );
            if is_fenced(&attempt.plan.steps[*index]) {
                effect.boxed()
            } else {
                hold.during(effect).boxed()
            }
        })
        .collect();
    let outcomes: Vec<Result<StepOutcome, ServiceError>> = futures::stream::iter(effects)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let (mut done, mut conflict, mut unknown, mut failed) = (Vec::new(), None, None, None);
    let mut unclear = Vec::new();
    for (step, outcome) in steps.iter().zip(outcomes) {
        if matches!(outcome, Ok(StepOutcome::Lost { .. })) {
            unclear.push(*step);
        }
        match outcome {
            Ok(StepOutcome::Done(result)) => done.push(result),
            Ok(StepOutcome::CatalogMoved) => return Ok(StepsOutcome::CatalogMoved),
            Ok(
                StepOutcome::Conflict {
                    detail,
                    differences,
                }
                | StepOutcome::Lost {
                    detail,
                    differences,
                },
            ) => {
                let (_, all): &mut (String, Vec<Difference>) =
                    conflict.get_or_insert((detail, Vec::new()));
                all.extend(differences);
            }
            Ok(StepOutcome::Unknown(detail)) => unknown = Some(detail),
            Err(error) => failed = Some(error),
        }
    }
    match (failed, unknown, conflict) {
        // Resuming the journal tries the failed step again and recognises the steps that are done.
        (Some(error), _, _) => Err(error),
        (None, Some(detail), _) => Ok(StepsOutcome::Unknown { detail }),
        (None, None, Some((detail, differences))) => Ok(StepsOutcome::Conflict {
            done,
            unclear,
            detail,
            differences,
        }),
        (None, None, None) => Ok(StepsOutcome::Done(done)),
    }
}

/// Whether the step can land only at one version of a table, however late it is sent.
const fn is_fenced(step: &Step) -> bool {
    match step {
        Step::FenceCatalog { .. }
        | Step::Restore { .. }
        | Step::Publish { .. }
        | Step::GraphHistory { .. } => true,
        Step::Tag { .. }
        | Step::Untag { .. }
        | Step::Announce { .. }
        | Step::PrepareSidecar { .. }
        | Step::DropDataset { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => false,
    }
}

async fn do_step(
    root: &Root,
    attempt: &Attempt,
    index: usize,
    catalog_version: Option<u64>,
    seen: Option<Result<TagSeen, TableError>>,
    hold: &Hold,
) -> Result<StepOutcome, ServiceError> {
    let plan = &attempt.plan;
    let step = &plan.steps[index];
    // The preparation looks by itself, at the very request.
    let is_preparation = step.written_undo().is_some();
    if step.may_rest_on_its_file() && !is_preparation {
        // No version guards the file.
        let looked = hold.during(prepare::its_file(root, attempt, step));
        if let Some(conflict) = looked.await? {
            // An executor that died may have done it before the file was changed.
            let was_begun = attempt.started.contains_key(&index);
            return Ok(if was_begun { conflict.lost() } else { conflict });
        }
    }
    match step {
        Step::Tag {
            table_key,
            branch,
            name,
            version,
            precondition,
        } => {
            let table = planned(plan, table_key, branch.as_deref());
            let (Some(seen), Some(_)) = (seen, &table) else {
                return Ok(not_in_plan());
            };
            tag(table, index, name, *version, precondition, seen).await
        }
        Step::Untag {
            table_key,
            branch,
            name,
            version,
            ..
        } => {
            untag(
                root.lance(),
                planned(plan, table_key, branch.as_deref()),
                index,
                name,
                *version,
            )
            .await
        }
        Step::Announce { file, sidecar, .. } => announce(root, index, file, sidecar).await,
        Step::PrepareSidecar {
            file,
            outcomes,
            digest,
            ..
        } => prepare::prepare(root, attempt, index, file, outcomes, *digest).await,
        Step::DropDataset {
            table_key,
            location,
            files,
            precondition,
        } => {
            let outcome =
                dataset::drop(root, index, table_key, location, files, precondition).await?;
            // An executor that died may have removed some of its files.
            let was_begun = attempt.started.contains_key(&index);
            Ok(if was_begun { outcome.lost() } else { outcome })
        }
        Step::FenceCatalog { .. } => {
            fence_catalog(root.lance(), attempt, index, catalog_version).await
        }
        Step::Restore {
            table_key,
            branch,
            version,
            ..
        } => {
            restore(
                root.lance(),
                attempt,
                planned(plan, table_key, branch.as_deref()),
                index,
                *version,
            )
            .await
        }
        Step::Publish {
            pins,
            registrations,
            tombstones,
            graph_commit,
            exact,
            ..
        } => {
            let rows = CatalogRows {
                updates: pins.clone(),
                registrations: registrations.clone(),
                tombstones: tombstones.clone(),
                graph_commit: graph_commit.clone(),
                exact: exact.as_deref().cloned(),
            };
            publish(root.lance(), attempt, index, rows, catalog_version).await
        }
        Step::PromoteSchema { files, .. } => {
            schema::promote(root, &plan.operation_id, index, files).await
        }
        Step::DiscardSchema { files, .. } => {
            schema::discard(root, &plan.operation_id, index, files).await
        }
        Step::GraphHistory { row, .. } => graph_history::append(root, attempt, index, row).await,
        Step::UnlockSchema {
            precondition: Precondition::LockedSince { at },
        } => schema::unlock(root, index, *at).await,
        Step::UnlockSchema { .. } | Step::Record { .. } | Step::Retire { .. } => {
            Ok(StepOutcome::Conflict {
                detail: "this step is not an effect on storage".to_owned(),
                differences: Vec::new(),
            })
        }
    }
}

fn planned<'a>(
    plan: &'a Plan,
    table_key: &str,
    branch: Option<&str>,
) -> Option<(&'a PlannedTable, TableLocation)> {
    let table = plan
        .tables
        .iter()
        .find(|table| table.table_key == table_key && table.branch.as_deref() == branch)?;
    Some((table, TableLocation::on(table.location.as_deref()?, branch)))
}

async fn announce(
    root: &Root,
    index: usize,
    file: &str,
    sidecar: &str,
) -> Result<StepOutcome, ServiceError> {
    Ok(
        match sidecar_dir::create_sidecar(root.objects(), file, sidecar.as_bytes()).await? {
            created @ (Created::New | Created::AlreadyThere) => StepOutcome::Done(StepResult {
                step: index,
                version: None,
                already_done: created == Created::AlreadyThere,
            }),
            Created::Taken => StepOutcome::Conflict {
                detail: format!(
                    "another file named {file} is among the sidecars; find out whose it is"
                ),
                differences: vec![Difference::new(
                    None,
                    DifferenceField::Sidecar,
                    "absent",
                    "another file",
                )],
            },
        },
    )
}
