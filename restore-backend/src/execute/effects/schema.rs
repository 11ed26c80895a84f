//! Schema files: put in place, or set aside; and the lock of a schema change.

use sidecar::journal::StepResult;
use sidecar::{Difference, Digest, OperationId, StagedFile, Timestamp};

use super::{StepOutcome, difference, not_attempted};
use crate::lance_room::UnlockOutcome;
use crate::root::Root;
use crate::schema_files;
use crate::service::ServiceError;

/// Puts every staged file in place of the live one, one after the other: a crash in between leaves what the engine's own crash
/// would, and doing it again goes on from there.
pub(super) async fn promote(
    root: &Root,
    index: usize,
    files: &[StagedFile],
) -> Result<StepOutcome, ServiceError> {
    let mut already_done = true;
    for file in files {
        let live = digest_of(root, &file.live).await?;
        let Some(bytes) = schema_files::read(root.objects(), &file.staged).await? else {
            if live == Some(file.digest) {
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
        if live != Some(file.digest) {
            if live != file.replaces {
                return Ok(not_as_planned(&file.live, file.replaces, live));
            }
            schema_files::replace(root.objects(), &file.live, bytes).await?;
        }
        schema_files::remove(root.objects(), &file.staged).await?;
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

async fn digest_of(root: &Root, name: &str) -> Result<Option<Digest>, ServiceError> {
    let bytes = schema_files::read(root.objects(), name).await?;
    Ok(bytes.map(|bytes| schema_files::digest(&bytes)))
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
    let lock = root
        .room()
        .schema_lock()
        .await
        .map_err(|source| not_attempted(what, source))?;
    let since = lock.map(|lock| crate::clock::from_seconds(lock.created_at));
    if let Some(since) = since.filter(|since| *since != locked_since) {
        return Ok(StepOutcome::Conflict {
            detail: "another schema change holds the lock now; it was left as it is".to_owned(),
            differences: vec![difference(None, "locked_since", locked_since, since)],
        });
    }
    let outcome = root
        .room()
        .remove_schema_lock()
        .await
        .map_err(|source| not_attempted(what, source))?;
    Ok(match outcome {
        UnlockOutcome::Removed => done(index, false),
        UnlockOutcome::Absent => done(index, true),
        UnlockOutcome::Used { detail } => StepOutcome::Conflict {
            detail: format!(
                "the lock of the schema change is more than a lock, and stays: {detail}"
            ),
            differences: vec![difference(None, "lock", "a lock", "a branch with commits")],
        },
    })
}
