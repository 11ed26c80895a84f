//! The plan that drops the tags of a finished recovery.

use sidecar::follow_up::{FollowUpKind, release_beside_undo};
use sidecar::journal::JournalState;
use sidecar::{OperationId, Sidecar};

use super::follow_up_plan::FollowUpPlan;
use super::in_force::last_begun;
use crate::error::ServiceError;
use crate::root::Root;

pub(super) async fn plan_release(
    root: &Root,
    operation: &OperationId,
    of: &OperationId,
    state: &JournalState,
    original: &Sidecar,
) -> Result<FollowUpPlan, ServiceError> {
    let undoing = last_begun(root, FollowUpKind::Undo, of).await?;
    let follow_up =
        release_beside_undo(root.id(), operation.clone(), of, original, state, &undoing);
    Ok(FollowUpPlan {
        sidecar: Sidecar::parse(
            &follow_up.plan.file,
            follow_up.sidecar.as_bytes(),
            &root.limits(),
        )
        .ok(),
        follow_up,
        observation: None,
        age_seconds: None,
        failed: Vec::new(),
        unread: None,
    })
}
