//! The sequel of a begun plan: whether its file is gone, who took it back, and whether it can be taken back.

use sidecar::api::{FollowedBy, Since};
use sidecar::follow_up::{FollowUpKind, Undo, has_undone, never_undone, refusal};
use sidecar::journal::{Finished, JournalState};
use sidecar::{OperationId, Reason, Sidecar, error_text};

use super::in_force::{InForce, in_force, is_released, last_begun, planned_anew_as};
use super::sidecar_file::sidecar_fate;
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::journal_store::Journal;

/// The facts about a begun plan that its journal does not have. A failed read does not hide the recorded plan: the report says
/// that it failed.
pub(super) async fn since(root: &Root, journal: &Journal) -> Since {
    let state = &journal.state;
    let Some(plan) = state.begun() else {
        return Since::of_file(sidecar::SidecarFate::NoFile);
    };
    let finished = state.finished();
    let sidecar = sidecar_fate(root, plan, finished.is_some()).await;
    let since = Since::of_file(sidecar);
    let Some(finished) = finished else {
        return since;
    };
    match followed(root, journal, finished, since.clone()).await {
        Ok(followed) => followed,
        Err(error) => Since {
            unread: Some(error_text(&error)),
            ..since
        },
    }
}

async fn followed(
    root: &Root,
    journal: &Journal,
    finished: &Finished,
    since: Since,
) -> Result<Since, ServiceError> {
    let of = journal.state.operation_id();
    let planned_anew_as = planned_anew_as(root, journal).await?;
    if planned_anew_as.is_some() {
        return Ok(Since {
            planned_anew_as,
            ..since
        });
    }
    let released_by = released_by(root, of, finished).await?;
    let TakenBack { undone_by, last } = taken_back(root, &journal.state).await?;
    let undo = match undone_by.last() {
        Some(FollowedBy {
            operation_id,
            finished_at: None,
        }) => Err(refusal::being_taken_back(operation_id)),
        _ => can_be_undone(root, last.as_ref().unwrap_or(&journal.state)).await?,
    };
    Ok(Since {
        released_by,
        undone_by,
        undo: Some(undo),
        ..since
    })
}

/// The [chain of undos](sidecar::api::AttemptReport::undone_by) of a finished operation.
pub(crate) struct TakenBack {
    pub(crate) undone_by: Vec<FollowedBy>,
    /// The journal of the last that is finished.
    last: Option<JournalState>,
}

/// The chain of undos of a finished operation, as far as these undos still hold.
pub(crate) async fn taken_back(
    root: &Root,
    state: &JournalState,
) -> Result<TakenBack, ServiceError> {
    let mut taken_back = TakenBack {
        undone_by: Vec::new(),
        last: None,
    };
    loop {
        let last = taken_back.last.as_ref().unwrap_or(state);
        if !may_be_undone(last) {
            return Ok(taken_back);
        }
        let of = last.operation_id();
        let InForce {
            operation, journal, ..
        } = in_force(root, FollowUpKind::Undo, of, last).await?;
        let undo = journal.state;
        let finished_at = match undo.finished() {
            Some(finished) if has_undone(&finished.plan) => Some(finished.recorded_at),
            None if undo.stand_in().is_some() => None,
            Some(_) | None => return Ok(taken_back),
        };
        taken_back.undone_by.push(FollowedBy {
            operation_id: operation,
            finished_at,
        });
        if finished_at.is_none() {
            return Ok(taken_back);
        }
        taken_back.last = Some(undo);
    }
}

fn may_be_undone(state: &JournalState) -> bool {
    let finished = state.finished();
    finished.is_some_and(|finished| never_undone(state.operation_id(), &finished.plan).is_none())
}

/// The operation itself, if its journal and its tags let it be taken back, else why not. Where its tables stand now, only the
/// plan of the undo looks.
async fn can_be_undone(
    root: &Root,
    state: &JournalState,
) -> Result<Result<OperationId, Reason>, ServiceError> {
    let of = state.operation_id();
    let Some(finished) = state.finished() else {
        return Ok(Err(refusal::not_finished(of)));
    };
    let plan = &finished.plan;
    if let Some(reason) = never_undone(of, plan) {
        return Ok(Err(reason));
    }
    let original = Sidecar::parse(&plan.file, finished.sidecar.as_bytes(), &root.limits());
    let undo = match original {
        Ok(original) => Undo::of(of, finished, &original),
        Err(error) => Err(refusal::never_understood(of, &error)),
    };
    if let Err(reason) = undo {
        return Ok(Err(reason));
    }
    if is_released(root, of, plan).await? {
        return Ok(Err(refusal::tags_dropped(of)));
    }
    Ok(Ok(of.clone()))
}

async fn released_by(
    root: &Root,
    of: &OperationId,
    finished: &Finished,
) -> Result<Option<FollowedBy>, ServiceError> {
    let release = last_begun(root, FollowUpKind::Release, of).await?;
    let by = |finished_at| FollowedBy {
        operation_id: release.operation_id().clone(),
        finished_at,
    };
    if release.attempt().is_some() {
        return Ok(Some(by(None)));
    }
    match release.finished() {
        Some(dropped) if is_released(root, of, &finished.plan).await? => {
            Ok(Some(by(Some(dropped.recorded_at))))
        }
        Some(_) | None => Ok(None),
    }
}
