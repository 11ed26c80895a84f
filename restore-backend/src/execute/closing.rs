//! The looks at the root around the effects: right after the claim, and after the last effect.

use futures::{FutureExt, StreamExt};
use sidecar::journal::{Attempt, JournalState};
use sidecar::observation::{Pinned, TableObservation};
use sidecar::{
    Action, ApprovedPlan, Difference, DifferenceField, Disposition, Observation, Plan, PlanInput,
    PlannedTable, Purpose, Requirement, Sidecar, Standing, WriterKind, judge_choice, plan,
};

use crate::error::ServiceError;
use crate::observe::{Judged, Look, ObserveError, look_again, look_closely_for};
use crate::planning::as_recorded::{TABLES_AT_ONCE, changed_in_catalog, unreadable};
use crate::planning::{self, history_blocker};
use crate::root::Root;
use fenced_lance::TableLocation;

/// Differences between the approved plan and now. Looks after the claim, when writers that honour it have stopped.
///
/// A failed read does not show that anything moved: it is an error, and the attempt stays open.
pub(super) async fn moved_since_approval(
    root: &Root,
    approved: &ApprovedPlan,
    state: &JournalState,
) -> Result<Vec<Difference>, ServiceError> {
    if !approved.plan().purpose.is_recovery() {
        return planning::moved_since_approval(root, approved.plan()).await;
    }
    let Some(sidecar) = state.attempt().and_then(|attempt| parse(root, attempt)) else {
        return Ok(vec![Difference::new(
            None,
            DifferenceField::Sidecar,
            "as approved",
            "unreadable",
        )]);
    };
    let Look {
        observation,
        history,
        uncounted,
        ..
    } = look_closely_for(
        root,
        Judged {
            sidecar: &sidecar,
            journal: Some(state),
        },
        approved.plan().choice,
    )
    .await?
    .complete()?;
    let planned = approved.plan();
    // Older sidecars were looked at before the claim. The plan acknowledges any, or there was none.
    let standing = Standing {
        waiting_for: None,
        older_unreadable: planned.requires.contains(&Requirement::OlderUnreadable),
    };
    // The approved plan names its choice, which must still exist.
    let verdict = judge_choice(&sidecar, standing, &observation, planned.choice);
    let input = PlanInput {
        root: root.id(),
        operation_id: &planned.operation_id,
        file: &planned.file,
        sidecar_digest: planned.sidecar,
        sidecar: Some(&sidecar),
        observation: Some(&observation),
        verdict: &verdict,
    };
    let now = plan(&input);
    let mut differences = sidecar::differences(approved.plan(), &now);
    if differences.is_empty() {
        let blockers = verdict.blockers.iter().cloned();
        differences.extend(
            blockers
                .chain(history_blocker(&now, history))
                .chain(uncounted)
                .map(planning::blocked),
        );
    }
    Ok(differences)
}

fn parse(root: &Root, attempt: &Attempt) -> Option<Sidecar> {
    Sidecar::parse(
        &attempt.plan.file,
        attempt.sidecar.as_bytes(),
        &root.limits(),
    )
    .ok()
}

/// Whether later changes to tables can make the plan's effects untrue.
///
/// A dismissal and a release rest on no table, and nobody can write to a branch that is gone.
fn rests_on_tables(plan: &Plan) -> bool {
    match plan.purpose {
        Purpose::Recover => plan.disposition != Disposition::OrphanedBranch,
        Purpose::Undo { .. } => true,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => false,
    }
}

/// Whether commits above the visible versions can no longer belong to this write.
///
/// Most writers commit once to each table. A writer whose commits are not counted may have made one more while the others were
/// published. Readers then see half of its write, and the other half stands above.
fn is_visible_for_good(plan: &Plan) -> bool {
    let is_counted = plan
        .writer_kind
        .is_some_and(WriterKind::commits_each_table_once);
    match plan.disposition {
        Disposition::RollForward => is_counted,
        Disposition::AlreadyPublished => true,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::Superseded
        | Disposition::NeverStarted
        | Disposition::RollBack => false,
    }
}

/// What differs from the state that the effects left.
///
/// A write that is published already, or is rolled forward with every commit counted, is visible for good: later changes belong
/// to others. Otherwise a further change, also of a table that no effect reached, means that the writer is still at work. A
/// failed read does not show that anything moved: it is an error, and the attempt stays open.
pub(super) async fn moved_since_effects(
    root: &Root,
    attempt: &Attempt,
) -> Result<Vec<Difference>, ServiceError> {
    let Some(sidecar) = parse(root, attempt).filter(|_| rests_on_tables(&attempt.plan)) else {
        return Ok(Vec::new());
    };
    // The two looks do not depend on each other.
    let (look, gone) = futures::join!(
        look_again(root, &sidecar).boxed(),
        gone_files(root, &attempt.plan).boxed()
    );
    let Look {
        observation,
        failed,
        ..
    } = look?;
    let is_visible = is_visible_for_good(&attempt.plan);
    // Once the write is visible, a HEAD that cannot be read does not matter.
    let matters = failed
        .into_iter()
        .find(|failed| !is_visible || failed.table_key.is_none());
    if let Some(failed) = matters {
        return Err(ObserveError::from(failed).into());
    }
    let mut differences = Vec::new();
    for planned in &attempt.plan.tables {
        differences.extend(moved_table(&attempt.plan, planned, &observation));
    }
    if differences.is_empty() {
        differences = gone?;
    }
    Ok(differences)
}

/// What differs in one table from the state that the effects left.
fn moved_table(plan: &Plan, planned: &PlannedTable, observation: &Observation) -> Vec<Difference> {
    let observed = observation
        .tables
        .iter()
        .find(|table| (&table.table_key, &table.branch) == (&planned.table_key, &planned.branch));
    let (pinned, head) = match observed {
        Some(table) => (table.pinned.version(), table.head.version()),
        None => (
            changed_in_catalog(observation, planned).and_then(|pinned| pinned.version()),
            planned.head_after(),
        ),
    };
    let was_removed = matches!(
        observed,
        Some(TableObservation {
            pinned: Pinned::Tombstoned { .. },
            ..
        })
    );
    let (expected_pin, expected_head) = (planned.pin_after(), planned.head_after());
    let compare =
        |field: DifferenceField, expected: Option<u64>, found: Option<u64>, holds: bool| {
            let key = Some(planned.table_key.as_str());
            (!holds).then(|| Difference::of_versions(key, field, expected, found))
        };
    let pin = |holds| compare(DifferenceField::ManifestPinned, expected_pin, pinned, holds);
    let lance_head = |expected, holds| compare(DifferenceField::LanceHead, expected, head, holds);
    let moved = match plan.disposition {
        _ if is_visible_for_good(plan) => {
            // A table that this plan removed may have been added again by others.
            let holds =
                planned.action == Action::Tombstone || was_removed || pinned >= expected_pin;
            [pin(holds), None]
        }
        // Others may publish further. An unpublished commit above a pin may be by this writer.
        Disposition::Superseded => [
            pin(was_removed || pinned >= expected_pin),
            lance_head(
                pinned,
                was_removed || head == pinned || head == expected_head,
            ),
        ],
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::NeverStarted
        | Disposition::RollForward
        | Disposition::RollBack => [
            pin(pinned == expected_pin),
            lance_head(expected_head, head == expected_head),
        ],
    };
    moved.into_iter().flatten().collect()
}

/// Missing files of restored versions. They were there at the plan and at the claim, but a cleanup that read the tags before ours
/// were set may have removed them since, and a restore does not need the files.
async fn gone_files(root: &Root, plan: &Plan) -> Result<Vec<Difference>, ServiceError> {
    let looks: Vec<_> = plan
        .tables
        .iter()
        .filter(|table| table.restore_to.is_some())
        .filter_map(|table| {
            let place = TableLocation::on(table.location.as_deref()?, table.branch.as_deref());
            let version = table.head_after()?;
            Some(async move {
                let missing = root.room().missing_file(&place, version).await;
                (table, missing)
            })
        })
        .collect();
    let answers: Vec<_> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    let mut differences = Vec::new();
    for (table, missing) in answers {
        let key = &table.table_key;
        let missing = missing.map_err(|error| {
            unreadable(
                &format!("the restored version of {key}"),
                &sidecar::error_text(&error),
            )
        })?;
        differences.extend(missing.map(|file| {
            Difference::new(
                Some(key),
                DifferenceField::Files,
                "every file the restored version needs",
                format!("{file} is gone"),
            )
        }));
    }
    Ok(differences)
}
