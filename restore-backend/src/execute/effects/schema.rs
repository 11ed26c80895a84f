//! Schema files: put in place, or set aside; and the lock of a schema change.

use sidecar::journal::StepResult;
use sidecar::{Difference, Digest, OperationId, StagedFile, Timestamp};

use super::{StepOutcome, difference, not_attempted};
use crate::lance_room::UnlockOutcome;
use crate::root::Root;
use crate::schema_files;
use crate::service::ServiceError;

/// Lance keeps in whole seconds when a branch was made.
const MICROS_PER_SECOND: u64 = 1_000_000;

/// Puts every staged file in place of the live one, one after the other: a crash in between leaves what the engine's own crash
/// would, and doing it again goes on from there.
pub(super) async fn promote(
    root: &Root,
    index: usize,
    files: &[StagedFile],
) -> Result<StepOutcome, ServiceError> {
    let mut already_done = true;
    for file in files {
        let objects = root.objects();
        let Some(bytes) = schema_files::read(objects, &file.staged).await? else {
            let live = schema_files::read_live(objects, &file.live).await?.digest;
            if live == Some(file.digest) {
                schema_files::keep_found(objects, &[&file.live, &file.staged]).await?;
                continue;
            }
            return Ok(not_as_planned(&file.live, Some(file.digest), live));
        };
        let staged = schema_files::digest(&bytes);
        if staged != file.digest {
            return Ok(not_as_planned(
                &file.staged,
                Some(file.digest),
                Some(staged),
            ));
        }
        already_done = false;
        // Looked at last, right before it is replaced.
        let live = schema_files::read_live(objects, &file.live).await?;
        if live.digest == Some(file.digest) {
            // Its other name goes only once this one stays.
            schema_files::keep_found(objects, &[&file.live]).await?;
        } else if live.digest != file.replaces {
            return Ok(not_as_planned(&file.live, file.replaces, live.digest));
        } else if !schema_files::replace(objects, &file.live, live, bytes).await? {
            // A conflict may be our own success, told by a store that tried again by itself.
            let live = schema_files::read_live(objects, &file.live).await?.digest;
            if live != Some(file.digest) {
                return Ok(not_as_planned(&file.live, file.replaces, live));
            }
        }
        schema_files::remove(objects, &file.staged).await?;
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
        let Some(bytes) = schema_files::read(root.objects(), &file.staged).await? else {
            schema_files::keep_found(root.objects(), &[&file.staged]).await?;
            continue;
        };
        let staged = schema_files::digest(&bytes);
        if staged != file.digest {
            return Ok(not_as_planned(
                &file.staged,
                Some(file.digest),
                Some(staged),
            ));
        }
        already_done = false;
        schema_files::keep(root.objects(), operation, &file.staged, bytes).await?;
        schema_files::remove(root.objects(), &file.staged).await?;
    }
    Ok(done(index, already_done))
}

fn not_as_planned(name: &str, planned: Option<Digest>, found: Option<Digest>) -> StepOutcome {
    let text = |digest: Option<Digest>| {
        digest.map_or_else(|| "absent".to_owned(), |digest| digest.to_string())
    };
    StepOutcome::Conflict {
        detail: format!(
            "somebody changed the schema file {name} since the plan was made; it was left as it is"
        ),
        differences: vec![Difference {
            table_key: None,
            field: name.to_owned(),
            planned: text(planned),
            found: text(found),
        }],
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
        .room()
        .remove_schema_lock(made_at)
        .await
        .map_err(|source| not_attempted(what, source))?;
    Ok(match outcome {
        UnlockOutcome::Removed => done(index, false),
        UnlockOutcome::Absent => done(index, true),
        UnlockOutcome::Another { lock } => StepOutcome::Conflict {
            detail: "another schema change holds the lock now; it was left as it is".to_owned(),
            differences: vec![difference(
                None,
                "locked_since",
                locked_since,
                crate::clock::from_seconds(lock.created_at),
            )],
        },
        UnlockOutcome::Used { detail } => StepOutcome::Conflict {
            detail: format!(
                "the lock of the schema change is more than a lock, and stays: {detail}"
            ),
            differences: vec![difference(None, "lock", "a lock", "a branch with commits")],
        },
    })
}
