//! The looks at the root around the effects: right after the claim, and after the last effect.

use futures::{FutureExt, StreamExt};
use sidecar::journal::{Attempt, JournalState};
use sidecar::{
    ApprovedPlan, Difference, DifferenceField, Plan, SeenAfterClaim, failed_read_matters,
    moved_since_claim, rests_on_the_catalog,
};

use crate::error::ServiceError;
use crate::observe::{Judged, Look, ObserveError, look_again, look_closely};
use crate::pending::read_pending;
use crate::planning;
use crate::planning::as_recorded::{TABLES_AT_ONCE, recorded_sidecar, unreadable};
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
    let planned = approved.plan();
    let Some(attempt) = state.attempt() else {
        return Err(ServiceError::Internal {
            operation_id: planned.operation_id.clone(),
            what: "a look after the claim, and nobody holds it",
        });
    };
    let sidecar = recorded_sidecar(&planned.file, attempt.sidecar.as_bytes())?;
    let Look {
        observation,
        history,
        uncounted,
        ..
    } = look_closely(
        root,
        Judged::of(&sidecar, Some(state)),
        planned.choice,
        read_pending,
    )
    .await?
    .complete()?;
    let seen = SeenAfterClaim {
        root: root.id(),
        sidecar: &sidecar,
        observation: &observation,
        history,
        uncounted,
    };
    Ok(moved_since_claim(planned, seen))
}

/// The differences from the state that the effects left (see [`sidecar::moved_since_effects`]), and files that a cleanup removed.
///
/// A failed read does not show that anything moved: it is an error, and the attempt stays open.
pub(super) async fn moved_since_effects(
    root: &Root,
    attempt: &Attempt,
) -> Result<Vec<Difference>, ServiceError> {
    if !rests_on_the_catalog(&attempt.plan) {
        return Ok(Vec::new());
    }
    let sidecar = recorded_sidecar(&attempt.plan.file, attempt.sidecar.as_bytes())?;
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
    let matters = failed
        .into_iter()
        .find(|failed| failed_read_matters(&attempt.plan, failed.table_key.as_deref()));
    if let Some(failed) = matters {
        return Err(ObserveError::from(failed).into());
    }
    let mut differences = sidecar::moved_since_effects(&attempt.plan, &observation);
    if differences.is_empty() {
        differences = gone?;
    }
    Ok(differences)
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
                let missing = root.lance().missing_file(&place, version).await;
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
