//! Makes the plans that follow from something finished or stuck. Sends no mutating request.

use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::follow_up::{
    FollowUp, FollowUpKind, Undo, UndoFacts, Waits, dismissal, dismissal_id, dismissed_because,
    next_undo_sidecar_id, release_beside_undo, undo as lay_down_undo,
};
use sidecar::journal::{Finished, JournalState};
use sidecar::{
    Choice, Code, Difference, Disposition, Observation, OperationId, Plan, PlanBytes, Purpose,
    Reason, Sidecar, SidecarBytes, SidecarError, SidecarFile, Timestamp, differences,
};

use futures::FutureExt;

use super::approvable::{ApprovablePlan, CurrentPlan};
use super::as_recorded::untrue_since_finished;
use super::in_force::{in_force, is_released, last_begun};
use super::pending_plan::{self, PendingPlan, age};
use crate::error::ServiceError;
use crate::observe::{
    FailedRead, Judged, Look, ObserveError, look_closely, read_restorability, read_row_counts,
};
use crate::pending::{PendingRecovery, pending, read_pending};
use crate::root::Root;
use root_objects::journal_store::{self, Journal};
use root_objects::off_thread;
use root_objects::sidecar_dir;
use sidecar::error_text;

/// An undo, a release or a dismissal, with its inputs.
pub(crate) struct FollowUpPlan {
    pub(crate) follow_up: FollowUp,
    /// Its sidecar, or the bytes that stand for it, parsed.
    sidecar: Option<Sidecar>,
    observation: Option<Observation>,
    /// The age of the file that a dismissal is about.
    age_seconds: Option<u64>,
    /// Reads that failed while the plan was made.
    failed: Vec<FailedRead>,
    /// A pending file that could not be read; the plan waits for it.
    unread: Option<FailedRead>,
}

impl FollowUpPlan {
    /// As the plan to approve or to carry out, with the journal of its operation.
    pub(super) fn current(self, journal: Journal) -> Result<CurrentPlan, ServiceError> {
        let FollowUp {
            plan,
            sidecar,
            blockers,
        } = self.follow_up;
        Ok(CurrentPlan::Approvable {
            plan: Box::new(ApprovablePlan {
                bytes: PlanBytes::of(&plan).map_err(ServiceError::Encode)?,
                plan,
                blockers,
                failed: self.failed,
                unread: self.unread,
                sidecar,
            }),
            journal,
        })
    }

    pub(crate) fn report(
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
        let state = journal.map(|journal| &journal.state);
        let digest = bytes.digest();
        let context = PlanContext {
            sidecar: self.sidecar.as_ref(),
            sidecar_bytes: Some(sidecar),
            age_seconds: self.age_seconds,
            observation: self.observation.as_ref(),
            blockers,
            progress: Progress::of_plan(state, digest),
            approvals: state.map_or_else(Vec::new, |state| state.approvals_of(digest)),
            now,
        };
        Ok(PlanReport::new(&plan, &bytes, context))
    }
}

/// The plan of `operation`, if its id is derived from another operation or from a file.
pub(crate) async fn follow_up_named(
    root: &Root,
    operation: &OperationId,
    recoveries: &[PendingRecovery],
    now: Timestamp,
) -> Result<Option<FollowUpPlan>, ServiceError> {
    let stuck = recoveries.iter().find(|entry| {
        entry.stuck().stands_for_none() && dismissal_id(&entry.listed.file) == *operation
    });
    if let Some(entry) = stuck {
        return plan_dismissal(root, entry, now).await.map(Some);
    }
    let journals = journal_store::list_journals(root.objects()).await?;
    let claimed = journals.iter().filter(|(_, journal)| journal.claimed);
    let of = claimed.map(|(of, _)| of).find(|of| {
        let has_journal = |id: &OperationId| journals.contains_key(id);
        FollowUpKind::of_operation(of, operation, has_journal).is_some()
    });
    match of {
        Some(of) => plan_follow_up(root, of, operation, recoveries, None)
            .await
            .map(Result::ok),
        None => Ok(None),
    }
}

pub(crate) async fn plan_dismissal(
    root: &Root,
    entry: &PendingRecovery,
    now: Timestamp,
) -> Result<FollowUpPlan, ServiceError> {
    let stuck = entry.stuck();
    if stuck.stands_for_none() {
        return refused_file(root, entry, stuck.reason(), now).await;
    }
    let listed = pending_plan::whole(root, &entry.listed).await?;
    let planned =
        pending_plan::plan_pending(root, &listed, entry.own_journal(), Choice::Verdict).await?;
    let dismissal = match planned {
        Some(PendingPlan { plan, blockers, .. }) => {
            dismissal_of(root, entry, &plan, &blockers, now).await?
        }
        None => None,
    };
    match dismissal {
        Some(dismissal) => Ok(dismissal),
        None => {
            let reason = entry.listed.reason();
            refused_file(root, entry, reason, now).await
        }
    }
}

/// The dismissal of a file that stands for no operation.
async fn refused_file(
    root: &Root,
    entry: &PendingRecovery,
    reason: Reason,
    now: Timestamp,
) -> Result<FollowUpPlan, ServiceError> {
    let (file, bytes) = whole(root, entry).await?;
    let operation = dismissal_id(&file);
    let mut follow_up = off_thread::in_place(bytes.as_ref().map_or(0, Vec::len), || {
        dismissal(
            root.id(),
            operation,
            &file,
            bytes,
            Disposition::Refused,
            &[reason],
        )
    });
    follow_up.blockers.extend(age(root, &file, now));
    Ok(FollowUpPlan::of_file(follow_up, file, now))
}

async fn whole(
    root: &Root,
    entry: &PendingRecovery,
) -> Result<(SidecarFile, Option<Vec<u8>>), ServiceError> {
    let whole = sidecar_dir::whole(root.objects(), &entry.listed.file, &root.limits()).await;
    whole.map_err(ServiceError::from)
}

/// The dismissal of an entry that was planned already.
pub(super) async fn dismissal_of(
    root: &Root,
    entry: &PendingRecovery,
    planned: &Plan,
    blockers: &[Reason],
    now: Timestamp,
) -> Result<Option<FollowUpPlan>, ServiceError> {
    let Some(operation) = entry.operation_id() else {
        return Ok(None);
    };
    let (file, bytes) = match entry.listed.file.digest {
        Some(_) => whole(root, entry).await?,
        None => (entry.listed.file.clone(), None),
    };
    let (disposition, reasons) = dismissed_because(planned, blockers);
    let mut follow_up = dismissal(root.id(), operation, &file, bytes, disposition, &reasons);
    follow_up.blockers.extend(age(root, &file, now));
    Ok(Some(FollowUpPlan::of_file(follow_up, file, now)))
}

impl FollowUpPlan {
    fn of_file(follow_up: FollowUp, file: SidecarFile, now: Timestamp) -> Self {
        Self {
            follow_up,
            age_seconds: file.age_seconds(now),
            sidecar: file.content.ok(),
            observation: None,
            failed: Vec::new(),
            unread: None,
        }
    }
}

/// The undo or the release of a finished operation, or why there is none. `claimed` is the plan of it that is being carried out.
pub(crate) async fn plan_follow_up(
    root: &Root,
    of: &OperationId,
    operation: &OperationId,
    recoveries: &[PendingRecovery],
    claimed: Option<&Plan>,
) -> Result<Result<FollowUpPlan, Reason>, ServiceError> {
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
    let parsed = |plan: &Plan, bytes: &SidecarBytes| {
        Sidecar::parse(&plan.file, bytes.as_bytes(), &root.limits())
    };
    let original = parsed(&finished.plan, &finished.sidecar);
    let kind = match FollowUpKind::Release.ids(of).any(|id| id == *operation) {
        true => FollowUpKind::Release,
        false => FollowUpKind::Undo,
    };
    // An effect that is gone cannot be taken back, and the version in its place belongs to somebody else.
    if kind == FollowUpKind::Undo {
        let untrue = untrue_since_finished(root, finished, true).boxed().await?;
        if let Some(untrue) = untrue.first() {
            let key = untrue.table_key.as_deref().unwrap_or("the root");
            return Ok(Err(Reason::new(
                Code::MovedSince,
                format!(
                    "what operation {of} did is not there any more: of {key}, {} is {} and was left at {}; there is nothing to take back. Apply plan {} once more to open the operation again",
                    untrue.field, untrue.found, untrue.planned, finished.digest
                ),
            )));
        }
    }
    let current = in_force(root, kind, of, &journal.state).boxed().await?;
    if current.operation != *operation {
        return Ok(Err(Reason::new(
            Code::NothingToUndo,
            format!(
                "operation {operation} has nothing to do about operation {of} any more; that is now planned as operation {}",
                current.operation
            ),
        )));
    }
    if kind == FollowUpKind::Release {
        // The recovery may have ended by dismissing the sidecar. Earlier attempts may have parsed it, and have set tags.
        let attempts = journal.state.interrupted().iter().rev();
        let understood = original.or_else(|error| {
            let mut attempts = attempts.filter_map(|it| parsed(&it.plan, &it.sidecar).ok());
            attempts.next().ok_or(error)
        });
        return match understood {
            Ok(original) => plan_release(root, operation, of, &journal.state, &original)
                .await
                .map(Ok),
            Err(error) => Ok(Err(never_understood(of, &error))),
        };
    }
    match original {
        Ok(original) => {
            let undo = Undo::of(of, finished, &original).map(|undo| {
                let undo = undo.under(current.operation);
                let rolled_back = current.rolled_back.iter();
                rolled_back.fold(undo, Undo::after_rolling_back)
            });
            match undo {
                Ok(undo) => plan_undo(root, of, finished, undo, recoveries, claimed).await,
                Err(reason) => Ok(Err(reason)),
            }
        }
        Err(error) => Ok(Err(never_understood(of, &error))),
    }
}

fn never_understood(of: &OperationId, error: &SidecarError) -> Reason {
    Reason::new(
        Code::NothingToUndo,
        format!(
            "there is nothing to take back or to drop of operation {of}: its sidecar was never understood: {}",
            error_text(error)
        ),
    )
}

async fn plan_undo(
    root: &Root,
    of: &OperationId,
    finished: &Finished,
    undo: Undo,
    recoveries: &[PendingRecovery],
    claimed: Option<&Plan>,
) -> Result<Result<FollowUpPlan, Reason>, ServiceError> {
    let undo = announcing_anew(root, undo).await?;
    // A possible undo has begun nothing, so its tables stand where the recovery left them. It needs no journal.
    let judged = Judged {
        sidecar: &undo.sidecar,
        journal: None,
    };
    let mut look = look_closely(root, judged, Choice::Verdict, read_pending).await?;
    read_restorability(root, &mut look, |table| {
        undo.target_of(&table.table_key, table.branch.as_deref())
    })
    .await;
    // An undo that announces a sidecar publishes nothing, so no rows are counted for it.
    if undo.announced().is_none() {
        read_row_counts(root, &mut look, |table| {
            undo.target_of(&table.table_key, table.branch.as_deref())
        })
        .await;
    }
    let Look {
        observation,
        history,
        uncounted,
        failed,
    } = look;
    let is_released = is_released(root, of, &finished.plan).await?;
    let files = recoveries.iter();
    let files = files.map(|entry| (entry.operation_id(), &entry.listed.file));
    let waits = Waits::of(&undo, claimed, files);
    let waits_for = waits.first.as_ref().map(|(place, _)| &recoveries[*place]);
    let unread = waits_for.and_then(|entry| pending_plan::not_read(&entry.listed.file));
    let facts = UndoFacts {
        history,
        uncounted,
        is_released,
        waits,
    };
    let follow_up = lay_down_undo(root.id(), &undo, &observation).blocked_by(&undo, facts);
    Ok(Ok(FollowUpPlan {
        follow_up,
        sidecar: Some(undo.sidecar),
        observation: Some(observation),
        age_seconds: None,
        failed,
        unread,
    }))
}

/// The undo, with an id for the sidecar it announces whose journal is not finished yet.
async fn announcing_anew(root: &Root, mut undo: Undo) -> Result<Undo, ServiceError> {
    while let Some(announced) = undo.announced() {
        let journal = Journal::load(root.objects(), announced, &root.limits()).await?;
        if journal.state.finished().is_none() {
            break;
        }
        let next = next_undo_sidecar_id(announced);
        undo = undo.announcing(next);
    }
    Ok(undo)
}

async fn plan_release(
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

/// Differences between an approved undo or release and the one made now, after the claim.
///
/// An undo and the release of the same recovery may have been claimed by two executors at once. Each looks for the other after
/// its own claim is written, so at least one of them sees both.
///
/// A dismissal rests on no table and not on the catalog, so nothing can have moved.
pub(crate) async fn moved_since_approval(
    root: &Root,
    planned: &Plan,
) -> Result<Vec<Difference>, ServiceError> {
    let (of, recoveries) = match &planned.purpose {
        Purpose::Undo { of } => (
            of,
            pending(root, Some(planned.operation_id.as_str())).await?,
        ),
        // A release concerns tags alone, which no pending sidecar affects.
        Purpose::Release { of } => (of, Vec::new()),
        Purpose::Recover | Purpose::Dismiss { .. } => return Ok(Vec::new()),
    };
    Ok(
        match plan_follow_up(root, of, &planned.operation_id, &recoveries, Some(planned)).await? {
            // A failed read does not show that anything moved: it is an error.
            Ok(FollowUpPlan { failed, unread, .. }) if !failed.is_empty() || unread.is_some() => {
                let failed = failed
                    .into_iter()
                    .chain(unread)
                    .next()
                    .map(ObserveError::from);
                return Err(failed.unwrap_or(ObserveError::CatalogBusy).into());
            }
            Ok(anew) => {
                let mut differences = differences(planned, &anew.follow_up.plan);
                differences.extend(anew.follow_up.blockers.into_iter().map(Difference::blocked));
                differences
            }
            Err(reason) => vec![Difference::blocked(reason)],
        },
    )
}
