//! The fate of the sidecar file that a plan is about.

use sidecar::executor::SidecarSeen;
use sidecar::journal::JournalState;
use sidecar::{Digest, Plan, SidecarFate, Tag, error_text};

use crate::root::Root;
use root_objects::off_thread;
use root_objects::sidecar_dir::{self, SidecarDirError, StoredSidecar};

/// The file that the plan is about, as it is now; [`SidecarSeen::Gone`] for a plan that has none. `state` is the journal of its operation.
///
/// # Errors
/// [`SidecarDirError::Read`].
pub(crate) async fn sidecar_seen(
    root: &Root,
    plan: &Plan,
    state: Option<&JournalState>,
) -> Result<SidecarSeen, SidecarDirError> {
    let Some(file) = plan.sidecar_file() else {
        return Ok(SidecarSeen::Gone);
    };
    let stored = sidecar_dir::read_sidecar(root.objects(), file, &root.limits()).await?;
    Ok(match stored {
        StoredSidecar::Gone => SidecarSeen::Gone,
        StoredSidecar::TooLarge => SidecarSeen::Another,
        StoredSidecar::Bytes(bytes) => {
            let digest = off_thread::in_place(bytes.len(), || Digest::of(Tag::Sidecar, &bytes));
            let also: Vec<Digest> = state.iter().flat_map(|state| state.prepared()).collect();
            SidecarSeen::of(plan, Some(digest), &also)
        }
    })
}

/// What a report says of that file. A failed read is [`SidecarFate::Unknown`]: it must not hide what was done.
pub(crate) async fn sidecar_fate(root: &Root, plan: &Plan, is_recorded: bool) -> SidecarFate {
    match sidecar_seen(root, plan, None).await {
        Ok(seen) => seen.fate(plan, is_recorded),
        Err(error) => {
            tracing::warn!(
                operation_id = plan.operation_id.as_str(),
                error = error_text(&error),
                "the sidecar file cannot be looked at"
            );
            SidecarFate::Unknown
        }
    }
}
