//! Plans that follow from something finished or stuck: undo, release, dismiss. Making one issues no mutating request.

use sidecar::api::{PlanContext, PlanReport, Progress, RefusalReport};
use sidecar::follow_up::{
    FollowUp, SetTag, Undo, dismissal, dismissal_id, release as lay_down_release, release_id,
    undo as lay_down_undo, undo_id, undo_sidecar_id,
};
use sidecar::journal::{Finished, JournalEntry, JournalRecord};
use sidecar::{
    Code, Difference, Disposition, Observation, OperationId, OutcomeKind, Plan, PlanBytes, Purpose,
    Reason, Sidecar, Step, Timestamp, WriterKind, differences,
};

use super::planning::{self, Fresh, Planned, age};
use super::{Answer, PlanOf, ServiceError};
use crate::chain;
use crate::journal_store::{self, Journal};
use crate::observe::{FailedRead, Look, ObserveError, look_closely, read_restorability};
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;
use crate::sidecar_dir::{self, StoredSidecar};

/// A plan that follows from something, with what it was made from.
pub(crate) struct Made {
    pub(super) follow_up: FollowUp,
    /// What stands for its sidecar, parsed.
    sidecar: Option<Sidecar>,
    observation: Option<Observation>,
    /// Reads that failed while it was made.
    failed: Vec<FailedRead>,
}

impl Made {
    /// As the plan to approve or to carry out, with the journal of its operation.
    pub(super) fn fresh(self, journal: Journal) -> Result<Fresh, ServiceError> {
        let FollowUp {
            plan,
            sidecar,
            blockers,
        } = self.follow_up;
        Ok(Fresh::Plan {
            made: Box::new(PlanOf {
                bytes: PlanBytes::of(&plan).map_err(ServiceError::Encode)?,
                plan,
                blockers,
                sidecar,
            }),
            journal,
        })
    }

    pub(super) fn report(
        self,
        journal: Option<&Journal>,
        now: Timestamp,
    ) -> Result<PlanReport, ServiceError> {
        let FollowUp {
            plan,
            sidecar,
            blockers,
        } = self.follow_up;
        let bytes = PlanBytes::of(&plan).map_err(ServiceError::Encode)?;
        let approvals = journal
            .map(|journal| super::approvals_of(journal, bytes.digest()))
            .unwrap_or_default();
        let context = PlanContext {
            sidecar: self.sidecar.as_ref(),
            sidecar_bytes: Some(sidecar),
            observation: self.observation.as_ref(),
            blockers,
            progress: if approvals.is_empty() {
                Progress::Open
            } else {
                Progress::Approved
            },
            approvals,
            now,
        };
        Ok(super::report(&plan, &bytes, context))
    }
}

/// The plan that takes the finished recovery of an operation back. It has an operation id of its own.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if nothing finished goes by that name. What cannot be taken back at all is an [`Answer::No`].
pub async fn undo(
    root: &Root,
    operation: &OperationId,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    of_finished(root, operation, undo_id(operation), now).await
}

/// The plan that drops the tags of the finished recovery of an operation. It has an operation id of its own.
///
/// # Errors
/// As [`undo`].
pub async fn release(
    root: &Root,
    operation: &OperationId,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    of_finished(root, operation, release_id(operation), now).await
}

async fn of_finished(
    root: &Root,
    of: &OperationId,
    operation: OperationId,
    now: Timestamp,
) -> Result<Answer<PlanReport>, ServiceError> {
    let recoveries = pending(root).await?;
    // One that was interrupted is pending like any other write.
    if let Some(entry) = recoveries
        .iter()
        .find(|recovery| recovery.operation_id().as_ref() == Some(&operation))
    {
        return planning::plan_entry(root, entry, now)
            .await
            .map(Answer::Done);
    }
    let journal = Journal::load(root.objects(), &operation, &root.limits()).await?;
    if let Some(report) = planning::frozen_report(root, &journal, now)? {
        return Ok(Answer::Done(report));
    }
    // What an undone roll back left is taken back by recovering it.
    let left = Journal::load(root.objects(), of, &root.limits())
        .await?
        .state
        .finished()
        .and_then(|finished| match &finished.plan.purpose {
            Purpose::Undo { of } if operation == undo_id(&finished.plan.operation_id) => {
                Some(undo_sidecar_id(of))
            }
            _ => None,
        });
    if let Some(entry) = recoveries
        .iter()
        .find(|recovery| left.is_some() && recovery.operation_id() == left)
    {
        return planning::plan_entry(root, entry, now)
            .await
            .map(Answer::Done);
    }
    match made(root, of, &operation, &recoveries).await? {
        Ok(made) => made.report(Some(&journal), now).map(Answer::Done),
        Err(reason) => Ok(Answer::No(RefusalReport {
            operation_id: of.to_string(),
            outcome: OutcomeKind::Refused,
            detail: reason.detail.clone(),
            reasons: vec![reason],
            differences: Vec::new(),
        })),
    }
}

/// The plan that sets a refused or aborted sidecar aside, given as a file or as an operation.
///
/// # Errors
/// [`ServiceError::UnknownOperation`] if nothing pending goes by that name.
pub async fn dismiss(
    root: &Root,
    file_or_operation: &str,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    let recoveries = pending(root).await?;
    let unknown = || ServiceError::UnknownOperation {
        root: root.id().to_string(),
        operation: file_or_operation.chars().take(64).collect(),
    };
    let by_file = recoveries
        .iter()
        .find(|recovery| recovery.listed.file.file == file_or_operation);
    let entry = by_file
        .or_else(|| {
            recoveries.iter().find(|recovery| {
                recovery
                    .operation_id()
                    .is_some_and(|operation| operation.as_str() == file_or_operation)
            })
        })
        .ok_or_else(unknown)?;
    if let Some(report) = entry
        .journal
        .as_ref()
        .filter(|journal| journal.state.attempt().is_some())
        .map(|journal| planning::frozen_report(root, journal, now))
        .transpose()?
        .flatten()
    {
        return Ok(report);
    }
    let made = made_dismissal(root, entry, now).await?;
    let operation = &made.follow_up.plan.operation_id;
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    made.report(Some(&journal), now)
}

/// The plan of an operation whose id is derived from something else, if this one's is.
pub(super) async fn of_operation(
    root: &Root,
    operation: &OperationId,
    recoveries: &[PendingRecovery],
    now: Timestamp,
) -> Result<Option<Made>, ServiceError> {
    let stuck = recoveries
        .iter()
        .find(|entry| stands_for_none(entry) && dismissal_id(&entry.listed.file) == *operation);
    if let Some(entry) = stuck {
        return made_dismissal(root, entry, now).await.map(Some);
    }
    let journals = journal_store::list_journals(root.objects()).await?;
    let of = journals
        .into_iter()
        .filter(|(_, journal)| journal.claimed)
        .map(|(of, _)| of)
        .find(|of| undo_id(of) == *operation || release_id(of) == *operation);
    match of {
        Some(of) => made(root, &of, operation, recoveries).await.map(Result::ok),
        None => Ok(None),
    }
}

/// A file under whose operation nothing can be recorded: it is not that operation's file, or was not read, that operation is
/// finished, or its journal cannot be trusted.
fn stands_for_none(entry: &PendingRecovery) -> bool {
    entry.operation_id().is_none()
        || entry.listed.file.digest.is_none()
        || entry.broken.is_some()
        || is_after_the_end(entry)
}

/// The operation is finished, and this file is not what was recovered.
fn is_after_the_end(entry: &PendingRecovery) -> bool {
    entry
        .journal
        .as_ref()
        .and_then(|journal| journal.state.finished())
        .is_some_and(|finished| Some(finished.plan.sidecar) != entry.listed.file.digest)
}

async fn made_dismissal(
    root: &Root,
    entry: &PendingRecovery,
    now: Timestamp,
) -> Result<Made, ServiceError> {
    let file = &entry.listed.file;
    if stands_for_none(entry) {
        let reason = if is_after_the_end(entry) {
            Reason::new(
                Code::DuplicateOperationId,
                format!(
                    "the operation of {} is finished, and this is not the sidecar that was recovered",
                    file.file
                ),
            )
        } else {
            planning::refusal_of(entry, entry.listed.refusal.clone())
        };
        return refused_file(root, entry, reason).await;
    }
    let planned = planning::made_plan(root, entry).await?;
    let made = planned.and_then(|Planned { plan, blockers, .. }| {
        dismissal_of(root, entry, plan.disposition, &blockers, now)
    });
    match made {
        Some(made) => Ok(made),
        None => {
            let reason = planning::refusal_of(entry, entry.listed.refusal.clone());
            refused_file(root, entry, reason).await
        }
    }
}

/// The dismissal of a file that stands for no operation.
async fn refused_file(
    root: &Root,
    entry: &PendingRecovery,
    reason: Reason,
) -> Result<Made, ServiceError> {
    let file = &entry.listed.file;
    let bytes = match (file.digest, &file.stored_as) {
        (Some(_), _) => Some(file.bytes.clone()),
        // Only now, and only this one: a list does not read what is too large for a sidecar.
        (None, Some(_)) => {
            match sidecar_dir::read_sidecar(root.objects(), &file.file, &root.limits()).await? {
                StoredSidecar::Bytes(bytes) => Some(bytes),
                StoredSidecar::Gone | StoredSidecar::TooLarge => None,
            }
        }
        (None, None) => None,
    };
    let follow_up = dismissal(
        root.id(),
        dismissal_id(file),
        file,
        bytes,
        Disposition::Refused,
        &[reason],
    );
    Ok(Made::of_file(follow_up, entry))
}

/// The dismissal of an entry that was planned already.
pub(super) fn dismissal_of(
    root: &Root,
    entry: &PendingRecovery,
    disposition: Disposition,
    blockers: &[Reason],
    now: Timestamp,
) -> Option<Made> {
    let file = &entry.listed.file;
    let operation = entry.operation_id()?;
    let bytes = file.digest.map(|_| file.bytes.clone());
    let mut follow_up = dismissal(root.id(), operation, file, bytes, disposition, blockers);
    follow_up
        .blockers
        .extend(age(root, file.content.as_ref().ok(), now));
    Some(Made::of_file(follow_up, entry))
}

impl Made {
    fn of_file(follow_up: FollowUp, entry: &PendingRecovery) -> Self {
        Self {
            follow_up,
            sidecar: entry.listed.file.content.as_ref().ok().cloned(),
            observation: None,
            failed: Vec::new(),
        }
    }
}

/// The undo or the release of a finished operation, or why there is none.
async fn made(
    root: &Root,
    of: &OperationId,
    operation: &OperationId,
    recoveries: &[PendingRecovery],
) -> Result<Result<Made, Reason>, ServiceError> {
    let journal = Journal::load(root.objects(), of, &root.limits()).await?;
    if journal.stored.is_empty()
        && !recoveries
            .iter()
            .any(|entry| entry.operation_id().as_ref() == Some(of))
    {
        return Err(ServiceError::UnknownOperation {
            root: root.id().to_string(),
            operation: of.to_string(),
        });
    }
    let Some(finished) = journal.state.finished() else {
        return Ok(Err(Reason::new(
            Code::NothingToUndo,
            format!("operation {of} is not finished; there is nothing to take back or to drop"),
        )));
    };
    let original = match Sidecar::parse(
        &finished.plan.file,
        finished.sidecar.as_bytes(),
        &root.limits(),
    ) {
        Ok(original) => original,
        Err(error) => {
            return Ok(Err(Reason::new(
                Code::NothingToUndo,
                format!(
                    "operation {of} cannot be taken back: its sidecar was never understood: {}",
                    chain::text(&error)
                ),
            )));
        }
    };
    if *operation == release_id(of) {
        return made_release(root, of, &journal, finished, &original)
            .await
            .map(Ok);
    }
    made_undo(root, of, finished, &original, recoveries).await
}

async fn made_undo(
    root: &Root,
    of: &OperationId,
    finished: &Finished,
    original: &Sidecar,
    recoveries: &[PendingRecovery],
) -> Result<Result<Made, Reason>, ServiceError> {
    let undo = match Undo::of(of, finished, original) {
        Ok(undo) => undo,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut look = look_closely(root, &undo.sidecar).await?;
    read_restorability(root, &mut look, &undo.targets).await;
    let Look {
        observation,
        history,
        failed,
    } = look;
    let mut follow_up = lay_down_undo(root.id(), &undo, &observation);
    let history = planning::history_blocker(&follow_up.plan, history);
    follow_up.blockers.extend(history);
    let released = Journal::load(root.objects(), &release_id(of), &root.limits()).await?;
    if released.state.attempt().is_some() || released.state.finished().is_some() {
        follow_up.blockers.push(Reason::new(
            Code::Released,
            format!("the tags of operation {of} are dropped: what they kept may be cleaned away at any time"),
        ));
    }
    let own = [undo_id(of), undo_sidecar_id(of)];
    let overlapping = recoveries
        .iter()
        .filter(|entry| !entry.operation_id().is_some_and(|id| own.contains(&id)))
        .find(|entry| overlaps(entry, &undo.sidecar));
    if let Some(entry) = overlapping {
        follow_up.blockers.push(Reason::new(
            Code::WaitingFor,
            format!(
                "{} is pending and shares a table with operation {of}; resolve it first",
                entry.listed.file.file
            ),
        ));
    }
    if !follow_up.blockers.is_empty() {
        follow_up.plan.steps.clear();
    }
    Ok(Ok(Made {
        follow_up,
        sidecar: Some(undo.sidecar),
        observation: Some(observation),
        failed,
    }))
}

fn overlaps(entry: &PendingRecovery, sidecar: &Sidecar) -> bool {
    let file = &entry.listed.file;
    let shares = |key: &str| sidecar.tables.iter().any(|pin| pin.table_key == key);
    match &file.content {
        Ok(other) => {
            other.writer_kind == WriterKind::SchemaApply
                || other.tables.iter().any(|pin| shares(&pin.table_key))
        }
        Err(_) => file.glimpse.tables.iter().any(|pin| shares(&pin.table_key)),
    }
}

async fn made_release(
    root: &Root,
    of: &OperationId,
    journal: &Journal,
    finished: &Finished,
    original: &Sidecar,
) -> Result<Made, ServiceError> {
    let mut follow_up = lay_down_release(root.id(), of, finished, original, &tags_of(journal));
    let undoing = Journal::load(root.objects(), &undo_id(of), &root.limits()).await?;
    if undoing.state.attempt().is_some() {
        follow_up.blockers.push(Reason::new(
            Code::ExecutionUnderWay,
            format!("operation {of} is being taken back and needs its tags; finish that first"),
        ));
        follow_up.plan.steps.clear();
    }
    Ok(Made {
        sidecar: Sidecar::parse(
            &follow_up.plan.file,
            follow_up.sidecar.as_bytes(),
            &root.limits(),
        )
        .ok(),
        follow_up,
        observation: None,
        failed: Vec::new(),
    })
}

/// The tags that every claimed plan of an operation sets, those of interrupted attempts included.
fn tags_of(journal: &Journal) -> Vec<SetTag> {
    let claimed = journal.stored.iter().filter_map(|bytes| {
        let record: JournalRecord = serde_json::from_slice(bytes).ok()?;
        match record.entry {
            JournalEntry::Claimed {
                plan_digest, plan, ..
            } => PlanBytes::verify(plan, plan_digest).ok()?.decode().ok(),
            _ => None,
        }
    });
    claimed
        .flat_map(|plan: Plan| plan.steps)
        .filter_map(|step| match step {
            Step::Tag {
                table_key,
                branch,
                name,
                version,
                ..
            } => Some(SetTag {
                table_key,
                branch,
                name,
                version,
            }),
            _ => None,
        })
        .collect()
}

/// What moved between an approved plan that follows from something and the one made now.
///
/// A dismissal and a release touch no table and not the catalog: nothing they rest on can move.
pub(crate) async fn moved_since_approval(
    root: &Root,
    planned: &Plan,
) -> Result<Vec<Difference>, ServiceError> {
    let Purpose::Undo { of } = &planned.purpose else {
        return Ok(Vec::new());
    };
    let recoveries = pending(root).await?;
    Ok(
        match made(root, of, &planned.operation_id, &recoveries).await? {
            // What cannot be read has not moved for that.
            Ok(Made { failed, .. }) if !failed.is_empty() => {
                let failed = failed.into_iter().next().map(ObserveError::from);
                return Err(failed.unwrap_or(ObserveError::CatalogBusy).into());
            }
            Ok(made) => {
                let mut differences = differences(planned, &made.follow_up.plan);
                differences.extend(made.follow_up.blockers.into_iter().map(blocked));
                differences
            }
            Err(reason) => vec![blocked(reason)],
        },
    )
}

/// A blocker that was not there when the plan was approved.
pub(crate) fn blocked(reason: Reason) -> Difference {
    Difference {
        table_key: None,
        field: reason.code.name().to_owned(),
        planned: "not blocked".to_owned(),
        found: reason.detail,
    }
}
