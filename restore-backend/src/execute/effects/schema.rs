//! Schema files: put in place, or set aside; and the lock of a schema change.

use sidecar::journal::StepResult;
use sidecar::{
    Difference, DifferenceField, Digest, OperationId, SchemaFile, StagedFile, Timestamp,
};

use super::outcome::{StepOutcome, not_attempted};
use crate::error::ServiceError;
use crate::root::Root;
use fenced_lance::UnlockOutcome;
use root_objects::schema_files::{self, Kept};

/// Lance keeps in whole seconds when a branch was made.
const MICROS_PER_SECOND: u64 = 1_000_000;

/// Puts every staged file in place of the live one, one after the other. A crash in between leaves the state that a crash of the
/// engine would, and a second call continues from there. Each replaced file is first kept beside the journal.
pub(super) async fn promote(
    root: &Root,
    operation: &OperationId,
    index: usize,
    files: &[StagedFile],
) -> Result<StepOutcome, ServiceError> {
    let mut already_done = true;
    for file in files {
        let objects = root.objects();
        let Some((live_name, staged_name)) = names(file) else {
            return Ok(not_a_schema_file(file));
        };
        let Some(bytes) = schema_files::read(objects, staged_name).await? else {
            let live = schema_files::read_live(objects, live_name).await?.digest;
            if live == Some(file.digest) {
                schema_files::make_found_durable(objects, &[live_name, staged_name]).await?;
                continue;
            }
            return Ok(not_as_planned(live_name, Some(file.digest), live));
        };
        let staged = schema_files::digest(&bytes);
        if staged != file.digest {
            return Ok(not_as_planned(staged_name, Some(file.digest), Some(staged)));
        }
        already_done = false;
        let mut live = schema_files::read_live(objects, live_name).await?;
        if let Some(replaced) = live.bytes().filter(|_| live.digest == file.replaces) {
            schema_files::keep_copy(objects, operation, Kept::Replaced, live_name, replaced)
                .await?;
            // Look again right before the file is replaced.
            live = schema_files::read_live(objects, live_name).await?;
        }
        if live.digest == Some(file.digest) {
            // The staged name is removed only once the live file is durable.
            schema_files::make_found_durable(objects, &[live_name]).await?;
        } else if live.digest != file.replaces {
            return Ok(not_as_planned(live_name, file.replaces, live.digest));
        } else if !schema_files::replace(objects, live_name, live, bytes).await? {
            // A conflict may be our own success, if the store retried the request by itself.
            let live = schema_files::read_live(objects, live_name).await?.digest;
            if live != Some(file.digest) {
                return Ok(not_as_planned(live_name, file.replaces, live));
            }
        }
        schema_files::remove(objects, staged_name).await?;
    }
    Ok(done(index, already_done))
}

/// Keeps every staged file beside the journal, then removes it.
pub(super) async fn discard(
    root: &Root,
    operation: &OperationId,
    index: usize,
    files: &[StagedFile],
) -> Result<StepOutcome, ServiceError> {
    let mut already_done = true;
    for file in files {
        let Some((_, staged_name)) = names(file) else {
            return Ok(not_a_schema_file(file));
        };
        let Some(bytes) = schema_files::read(root.objects(), staged_name).await? else {
            schema_files::make_found_durable(root.objects(), &[staged_name]).await?;
            continue;
        };
        let staged = schema_files::digest(&bytes);
        if staged != file.digest {
            return Ok(not_as_planned(staged_name, Some(file.digest), Some(staged)));
        }
        already_done = false;
        schema_files::keep_copy(root.objects(), operation, Kept::Staged, staged_name, &bytes)
            .await?;
        schema_files::remove(root.objects(), staged_name).await?;
    }
    Ok(done(index, already_done))
}

/// Names of the live file and of the staged one, from this program and not from the plan.
fn names(file: &StagedFile) -> Option<(&'static str, &'static str)> {
    let file = SchemaFile::named(&file.live, &file.staged)?;
    Some((file.live(), file.staged()))
}

fn not_a_schema_file(file: &StagedFile) -> StepOutcome {
    let found = format!("{} beside {}", file.staged, file.live);
    StepOutcome::Conflict {
        detail: format!("{found} is not a staged schema file; nothing was done to either"),
        differences: vec![Difference::new(
            None,
            DifferenceField::SchemaFile,
            "a schema file",
            found,
        )],
    }
}

fn not_as_planned(name: &str, planned: Option<Digest>, found: Option<Digest>) -> StepOutcome {
    let text = |digest: Option<Digest>| {
        digest.map_or_else(|| "absent".to_owned(), |digest| digest.to_string())
    };
    StepOutcome::Conflict {
        detail: format!(
            "somebody changed the schema file {name} since the plan was made; it was left as it is"
        ),
        differences: vec![Difference::new(
            None,
            DifferenceField::Named(name.to_owned()),
            text(planned),
            text(found),
        )],
    }
}

fn done(index: usize, already_done: bool) -> StepOutcome {
    StepOutcome::Done(StepResult {
        step: index,
        version: None,
        already_done,
    })
}

/// Removes the lock that was found, and no other.
pub(super) async fn unlock(
    root: &Root,
    index: usize,
    locked_since: Timestamp,
) -> Result<StepOutcome, ServiceError> {
    let what = "removing the lock of the schema change";
    let made_at = locked_since.micros() / MICROS_PER_SECOND;
    let outcome = root
        .lance()
        .remove_schema_lock(made_at)
        .await
        .map_err(|source| not_attempted(what, source))?;
    Ok(match outcome {
        UnlockOutcome::Removed => done(index, false),
        UnlockOutcome::Absent => done(index, true),
        UnlockOutcome::Another { lock } => StepOutcome::Conflict {
            detail: "another schema change holds the lock now; it was left as it is".to_owned(),
            differences: vec![Difference::new(
                None,
                DifferenceField::LockedSince,
                locked_since,
                Timestamp::from_seconds(lock.created_at),
            )],
        },
        UnlockOutcome::Used { detail } => StepOutcome::Conflict {
            detail: format!(
                "the lock of the schema change is more than a lock, and stays: {detail}"
            ),
            differences: vec![Difference::new(
                None,
                DifferenceField::Lock,
                "a lock",
                "a branch with commits",
            )],
        },
    })
}
