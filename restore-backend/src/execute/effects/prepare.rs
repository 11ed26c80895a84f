//! The undo that is written into a sidecar of version 9 before the first table returns.

use sidecar::journal::{Attempt, StepResult};
use sidecar::version_9::{RollbackOutcome, with_rollback_outcomes};
use sidecar::{Difference, DifferenceField, Digest, Limits, Plan, Tag, error_text};

use super::outcome::StepOutcome;
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::sidecar_dir::{self, Rewritten, StoredSidecar};

/// Writes the undo into the file, if it still has the bytes of the claim. Done again, it does nothing.
pub(super) async fn prepare(
    root: &Root,
    attempt: &Attempt,
    index: usize,
    file: &str,
    outcomes: &[RollbackOutcome],
    digest: Digest,
) -> Result<StepOutcome, ServiceError> {
    let before = attempt.sidecar.as_bytes();
    let prepared = with_rollback_outcomes(file, before, outcomes, &Limits::RECORDED);
    let bytes = match prepared {
        Ok(bytes) if Digest::of(Tag::Sidecar, &bytes) == digest => bytes,
        Ok(_) => {
            return Ok(conflict(
                "it would come out with other bytes than planned",
                file,
            ));
        }
        Err(error) => return Ok(conflict(&error_text(&error), file)),
    };
    let rewritten = sidecar_dir::rewrite_sidecar(root.objects(), file, before, &bytes).await?;
    Ok(match rewritten {
        Rewritten::Now | Rewritten::Before => StepOutcome::Done(StepResult {
            step: index,
            version: None,
            already_done: rewritten == Rewritten::Before,
        }),
        Rewritten::Another => conflict("it has other bytes than those of the plan", file),
        Rewritten::Gone => conflict("it is gone", file),
    })
}

/// The conflict, if the plan rests on its sidecar and the file is another by now: its writer may have gone on, an engine may have
/// finished the write, or a backup was put back.
pub(super) async fn another_sidecar(
    root: &Root,
    plan: &Plan,
) -> Result<Option<StepOutcome>, ServiceError> {
    let Some(digest) = plan.rests_on_its_sidecar() else {
        return Ok(None);
    };
    let stored = sidecar_dir::read_sidecar(root.objects(), &plan.file, &root.limits()).await?;
    let why = match stored {
        StoredSidecar::Bytes(bytes) if Digest::of(Tag::Sidecar, &bytes) == digest => {
            return Ok(None);
        }
        StoredSidecar::Bytes(_) | StoredSidecar::TooLarge => "it has other bytes by now",
        StoredSidecar::Gone => "it is gone",
    };
    Ok(Some(StepOutcome::Conflict {
        detail: format!(
            "{} is not the file of the plan: {why}. Its writer, an engine or a restored backup changed it; what was not done yet was not done",
            plan.file
        ),
        differences: vec![Difference::new(
            None,
            DifferenceField::Sidecar,
            "as planned",
            why,
        )],
    }))
}

fn conflict(why: &str, file: &str) -> StepOutcome {
    StepOutcome::Conflict {
        detail: format!(
            "the undo could not be written into {file}: {why}; somebody else is at work on it"
        ),
        differences: vec![Difference::new(
            None,
            DifferenceField::Sidecar,
            "as planned",
            why,
        )],
    }
}
