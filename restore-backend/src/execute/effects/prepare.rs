//! The undo that is written into a sidecar of version 9 before the first table returns.

use sidecar::journal::{Attempt, StepResult};
use sidecar::version_9::{RollbackOutcome, with_rollback_outcomes};
use sidecar::{Difference, DifferenceField, Digest, Limits, OwnFile, Plan, Step, Tag, error_text};

use super::outcome::StepOutcome;
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::sidecar_dir::{self, Created, Rewritten, StoredSidecar};

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
    let mut rewritten = sidecar_dir::rewrite_sidecar(root.objects(), file, before, &bytes).await?;
    // Somebody removed it, and the journal has its bytes. An engine has to find the undo, or it refuses to open the graph.
    if rewritten == Rewritten::Gone {
        rewritten = match sidecar_dir::create_sidecar(root.objects(), file, &bytes).await? {
            Created::New => Rewritten::Now,
            Created::AlreadyThere => Rewritten::Before,
            Created::Taken => Rewritten::Another,
        };
    }
    Ok(match rewritten {
        Rewritten::Now | Rewritten::Before => StepOutcome::Done(StepResult {
            step: index,
            version: None,
            already_done: rewritten == Rewritten::Before,
        }),
        Rewritten::Another | Rewritten::Gone => {
            conflict("it has other bytes than those of the plan", file)
        }
    })
}

/// Looks, right before a step, at the file that the plan rests on, and writes it anew if it is gone and has to be there. Returns
/// the conflict if another file lies there: its writer went on, an engine finished the write, or a backup was put back.
pub(super) async fn its_file(
    root: &Root,
    attempt: &Attempt,
    step: &Step,
) -> Result<Option<StepOutcome>, ServiceError> {
    let plan = &attempt.plan;
    if plan.rests_on_its_sidecar().is_none() {
        return Ok(None);
    }
    let stored = sidecar_dir::read_sidecar(root.objects(), &plan.file, &root.limits()).await?;
    let (found, why) = match &stored {
        StoredSidecar::Bytes(bytes) => (
            Some(Digest::of(Tag::Sidecar, bytes)),
            "it has other bytes by now",
        ),
        StoredSidecar::Gone => (None, "it is gone"),
        StoredSidecar::TooLarge => return Ok(Some(another(plan, "it has other bytes by now"))),
    };
    Ok(match plan.own_file_before(step, found) {
        OwnFile::Fits => None,
        OwnFile::StandsInTheWay => Some(another(plan, why)),
        OwnFile::IsWrittenAnew => {
            let bytes = attempt.sidecar.as_bytes();
            match sidecar_dir::create_sidecar(root.objects(), &plan.file, bytes).await? {
                Created::New | Created::AlreadyThere => None,
                Created::Taken => Some(another(plan, "another file came in its place")),
            }
        }
    })
}

fn another(plan: &Plan, why: &str) -> StepOutcome {
    StepOutcome::Conflict {
        detail: format!(
            "{} is not the file of the plan: {why}. Its writer, an engine or a restored backup changed it; the remaining steps were not done",
            plan.file
        ),
        differences: vec![Difference::new(
            None,
            DifferenceField::Sidecar,
            "as planned",
            why,
        )],
    }
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
