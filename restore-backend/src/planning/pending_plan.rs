//! Looking at one pending entry, judging it, and making its plan.

use sidecar::journal::JournalState;
use sidecar::{
    Choice, ListedSidecar, Observation, Plan, PlanBytes, PlanInput, Reason, Sidecar, SidecarFile,
    Timestamp, error_text, judge_choice, plan, refuse,
};

use crate::error::ServiceError;
use crate::observe::{FailedRead, Judged, Look, ObserveError, look_closely};
use crate::pending::read_pending;
use crate::root::Root;
use root_objects::journal_store::Journal;
use root_objects::sidecar_dir;

/// The plan of one pending entry, with its observation.
pub(super) struct PendingPlan {
    pub(super) plan: Plan,
    pub(super) bytes: PlanBytes,
    pub(super) blockers: Vec<Reason>,
    pub(super) observation: Option<Observation>,
    /// Reads that failed meanwhile.
    pub(super) failed: Vec<FailedRead>,
}

/// Looks, judges and plans; `None` for a file that stands for no operation or could not be read. `journal` is the state of the
/// operation's journal.
///
/// `listed` must carry all its bytes: see [`whole`].
pub(super) async fn plan_pending(
    root: &Root,
    listed: &ListedSidecar,
    journal: Option<&JournalState>,
    choice: Choice,
) -> Result<Option<PendingPlan>, ServiceError> {
    let file = &listed.file;
    let sidecar = file.content.as_ref().ok();
    let (verdict, observation, history, uncounted, failed) = match listed.to_judge() {
        Some(sidecar) => {
            let Look {
                observation,
                history,
                uncounted,
                failed,
            } = look_closely(root, Judged::of(sidecar, journal), choice, read_pending).await?;
            (
                judge_choice(sidecar, listed.standing(), &observation, choice),
                Some(observation),
                history,
                uncounted,
                failed,
            )
        }
        None => (
            refuse(listed.reason(), sidecar),
            None,
            None,
            Vec::new(),
            Vec::new(),
        ),
    };
    let (Some(operation_id), Some(sidecar_digest)) = (file.operation_id(), file.digest) else {
        return Ok(None);
    };
    let input = PlanInput {
        root: root.id(),
        operation_id: &operation_id,
        file: &file.file,
        sidecar_digest,
        sidecar,
        observation: observation.as_ref(),
        verdict: &verdict,
    };
    let plan = plan(&input);
    let bytes = PlanBytes::of(&plan).map_err(ServiceError::Encode)?;
    let mut blockers = verdict.blockers;
    blockers.extend(plan.blocked_by_history(history));
    blockers.extend(uncounted);
    Ok(Some(PendingPlan {
        plan,
        bytes,
        blockers,
        observation,
        failed,
    }))
}

/// Looks at everything one sidecar names, with the evidence its plan needs.
///
/// # Errors
/// [`ObserveError`]. A failed read of one table is part of the observation, not an error.
pub async fn observe(root: &Root, sidecar: &Sidecar) -> Result<Observation, ObserveError> {
    let journal = Journal::load(root.objects(), &sidecar.operation_id, &root.limits()).await;
    let journal = journal.map_err(|error| ObserveError::Unreadable {
        what: format!("the journal of operation {}", sidecar.operation_id),
        reason: error_text(&error),
    })?;
    let judged = Judged::of(sidecar, Some(&journal.state));
    let look = look_closely(root, judged, Choice::Verdict, read_pending).await?;
    Ok(look.observation)
}

/// The listed file with its bytes and full contents, which a list of many files does not keep.
pub(super) async fn whole(
    root: &Root,
    listed: &ListedSidecar,
) -> Result<ListedSidecar, ServiceError> {
    let file = match listed.file.digest {
        Some(_) => {
            let limits = root.limits();
            let whole = sidecar_dir::whole(root.objects(), &listed.file, &limits).await?;
            whole.0
        }
        None => listed.file.clone(),
    };
    Ok(ListedSidecar {
        file,
        refusal: listed.refusal.clone(),
        waiting_for: listed.waiting_for.clone(),
        older_unreadable: listed.older_unreadable,
    })
}

/// The blocker of a file that is too young: its writer may still be running.
pub(super) fn age(
    root: &Root,
    file: &SidecarFile,
    journal: Option<&Journal>,
    now: Timestamp,
) -> Option<Reason> {
    let journal = journal.map(|journal| &journal.state);
    file.too_young_beside(journal, now, root.min_age().as_secs())
}

/// The failed read of a pending file, if the tables it names are unknown because of it.
pub(super) fn not_read(file: &SidecarFile) -> Option<FailedRead> {
    let reason = file.not_read()?;
    Some(FailedRead {
        what: format!("the sidecar {}", file.file),
        table_key: None,
        reason: reason.detail.clone(),
        is_unread: true,
    })
}
