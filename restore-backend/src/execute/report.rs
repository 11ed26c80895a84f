//! The answer to `apply`, put together from what the journal knows.

use sidecar::api::{EndReport, RefusalReport, StepProgress, StepState};
use sidecar::explanation::{finished_sentence, step_sentence};
use sidecar::journal::{Attempt, EndedBy, Finished};
use sidecar::{
    Action, ApplyReport, Difference, Digest, Effect, EffectOn, OperationId, OutcomeKind,
    SidecarFate, Step, TableOutcome,
};

/// Nothing was done.
pub(super) fn refused_report(
    operation: &OperationId,
    digest: Digest,
    refusal: RefusalReport,
) -> ApplyReport {
    let unchanged = EffectOn {
        effect: Effect::Unchanged,
    };
    ApplyReport {
        operation_id: operation.clone(),
        digest,
        outcome: refusal.outcome,
        extent: None,
        tables: Vec::new(),
        catalog: unchanged,
        audit: unchanged,
        sidecar: SidecarFate::Kept,
        differences: refusal.differences,
        detail: refusal.detail,
    }
}

/// Everything was done.
pub(super) fn finished_report(
    finished: &Finished,
    operation: &OperationId,
    sidecar: SidecarFate,
) -> ApplyReport {
    ApplyReport {
        operation_id: operation.clone(),
        digest: finished.digest,
        outcome: finished.outcome,
        extent: finished.plan.extent(),
        tables: finished.tables.clone(),
        catalog: EffectOn {
            effect: finished.catalog,
        },
        audit: EffectOn {
            effect: Effect::Changed,
        },
        sidecar,
        differences: Vec::new(),
        detail: finished_sentence(&finished.plan).to_owned(),
    }
}

/// The root does not show the effects that were recorded as done.
pub(super) fn untrue_report(
    finished: &Finished,
    operation: &OperationId,
    detail: String,
    differences: Vec<Difference>,
) -> ApplyReport {
    let is_untrue = |key: &str| {
        differences
            .iter()
            .any(|difference| difference.table_key.as_deref() == Some(key))
    };
    let tables = finished.tables.iter().map(|table| TableOutcome {
        effect: if is_untrue(&table.table_key) {
            Effect::Unknown
        } else {
            table.effect
        },
        published_version: table
            .published_version
            .filter(|_| !is_untrue(&table.table_key)),
        ..table.clone()
    });
    let is_elsewhere = differences
        .iter()
        .all(|difference| difference.table_key.is_none());
    ApplyReport {
        operation_id: operation.clone(),
        digest: finished.digest,
        outcome: OutcomeKind::Conflict,
        extent: None,
        tables: tables.collect(),
        catalog: EffectOn {
            effect: if is_elsewhere {
                finished.catalog
            } else {
                Effect::Unknown
            },
        },
        audit: EffectOn {
            effect: Effect::Unchanged,
        },
        sidecar: SidecarFate::Kept,
        differences,
        detail,
    }
}

/// The report on an attempt that a person ends.
pub(crate) fn ended_report(
    attempt: &Attempt,
    operation: &OperationId,
    ended_by: EndedBy,
) -> EndReport {
    let unclear = attempt.begun_not_done();
    let outcome = |steps: &[usize]| {
        if steps.is_empty() {
            "every step that was begun is known to be done".to_owned()
        } else {
            let named: Vec<String> = steps.iter().map(|step| (step + 1).to_string()).collect();
            format!(
                "of what was begun, nobody knows whether it was done: step {}",
                named.join(", ")
            )
        }
    };
    EndReport {
        operation_id: operation.clone(),
        plan_digest: attempt.bytes.digest(),
        tables: table_outcomes(attempt, Some(&unclear)),
        catalog: EffectOn {
            effect: catalog_effect(attempt, Some(&unclear)),
        },
        steps: attempt_progress(attempt),
        detail: format!(
            "{} ended the attempt: {}. What was done stays done; {}. The operation is open: look at the plan as it is now, and approve that",
            ended_by.name,
            ended_by.reason.trim_end_matches('.'),
            outcome(&unclear)
        ),
        ended_by,
    }
}

/// Some steps are done and some not; those in `unclear` may or may not be.
pub(super) fn unfinished_report(
    attempt: &Attempt,
    operation: &OperationId,
    outcome: OutcomeKind,
    detail: String,
    differences: Vec<Difference>,
    unclear: Option<&[usize]>,
) -> ApplyReport {
    ApplyReport {
        operation_id: operation.clone(),
        digest: attempt.bytes.digest(),
        outcome,
        extent: None,
        tables: table_outcomes(attempt, unclear),
        catalog: EffectOn {
            effect: catalog_effect(attempt, unclear),
        },
        audit: EffectOn {
            effect: Effect::Unchanged,
        },
        sidecar: SidecarFate::Kept,
        differences,
        detail,
    }
}

/// The known outcome for every table of the plan.
pub(super) fn table_outcomes(attempt: &Attempt, unclear: Option<&[usize]>) -> Vec<TableOutcome> {
    let outcome = |table: &sidecar::PlannedTable| {
        let concerns = |step: &Step| match step {
            Step::Restore {
                table_key, branch, ..
            } => (table_key, branch) == (&table.table_key, &table.branch),
            Step::Publish {
                pins,
                registrations,
                tombstones,
                ..
            } => {
                let moved = pins.iter().map(|pin| (&pin.table_key, &pin.branch));
                let added = registrations
                    .iter()
                    .map(|new| (&new.table_key, &new.branch));
                let removed = tombstones.iter().map(|gone| &gone.table_key);
                moved
                    .chain(added)
                    .any(|named| named == (&table.table_key, &table.branch))
                    || removed
                        .filter(|_| table.action == Action::Tombstone)
                        .any(|key| key == &table.table_key)
            }
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => false,
        };
        TableOutcome::of(&attempt.plan, table, effect(attempt, unclear, concerns))
    };
    attempt.plan.tables.iter().map(outcome).collect()
}

/// The known effect on the catalog.
pub(super) fn catalog_effect(attempt: &Attempt, unclear: Option<&[usize]>) -> Effect {
    effect(attempt, unclear, |step| match step {
        Step::FenceCatalog { .. } | Step::Publish { .. } => true,
        Step::Tag { .. }
        | Step::Untag { .. }
        | Step::Announce { .. }
        | Step::Restore { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::GraphHistory { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => false,
    })
}

fn effect(
    attempt: &Attempt,
    unclear: Option<&[usize]>,
    concerns: impl Fn(&Step) -> bool,
) -> Effect {
    let steps = attempt
        .plan
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| concerns(step));
    let indices: Vec<usize> = steps.map(|(index, _)| index).collect();
    let is_unclear = |index: &usize| {
        unclear.is_some_and(|unclear| unclear.contains(index)) && !attempt.done.contains_key(index)
    };
    if indices.iter().any(is_unclear) {
        return Effect::Unknown;
    }
    changed(indices.iter().any(|index| attempt.done.contains_key(index)))
}

/// Whether an effect of the plan reached the catalog, from the steps that are done.
fn changed(done: bool) -> Effect {
    if done {
        Effect::Changed
    } else {
        Effect::Unchanged
    }
}

/// How far each step of an attempt came, as far as the journal tells.
pub(super) fn attempt_progress(attempt: &Attempt) -> Vec<StepProgress> {
    let states = attempt.plan.steps.iter().enumerate().map(|(index, step)| {
        let state = match (
            attempt.done.contains_key(&index),
            attempt.started.contains_key(&index),
        ) {
            (true, _) => StepState::Done,
            (false, true) => StepState::Started,
            (false, false) => StepState::Waiting,
        };
        (step, state)
    });
    states.map(step_progress).collect()
}

pub(super) fn step_progress((step, state): (&Step, StepState)) -> StepProgress {
    StepProgress {
        sentence: step_sentence(step),
        state,
    }
}
