//! Making the plan of one pending operation, as it is right now.

use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::journal::JournalState;
use sidecar::{
    Choice, Code, Digest, Disposition, ListedSidecar, Observation, OperationId, Plan, PlanBytes,
    PlanInput, Reason, Sidecar, SidecarBytes, SidecarFile, Step, Timestamp, age_blocker,
    judge_choice, plan, refuse,
};

use super::{PlanOf, follow_up};
use crate::error::ServiceError;
use crate::journal_store::Journal;
use crate::observe::{FailedRead, Judged, Look, ObserveError, look_closely_for};
use crate::pending::{PendingRecovery, pending};
use crate::root::Root;
use crate::sidecar_dir;

/// How far people and executors came with an operation.
pub(super) fn progress(journal: Option<&Journal>) -> Progress {
    match journal.map(|journal| &journal.state) {
        Some(state) if state.finished().is_some() => Progress::Finished,
        Some(state) if state.attempt().is_some() => Progress::UnderWay,
        Some(state) if !state.approvals().is_empty() => Progress::Approved,
        _ => Progress::Open,
    }
}

/// The plan of one operation as it is now, for approving and executing it.
pub(crate) enum Fresh {
    /// It can be planned.
    Plan {
        /// The plan, with what it rests on.
        made: Box<PlanOf>,
        /// The operation's journal.
        journal: Journal,
    },
    /// A plan of it is under way or finished; it is not planned anew.
    UnderWay {
        /// The operation's journal.
        journal: Journal,
    },
    /// There is no sidecar of it.
    Gone {
        /// The operation's journal.
        journal: Journal,
    },
}

pub(crate) async fn fresh_plan(
    root: &Root,
    operation: &OperationId,
    wanted: Option<Digest>,
    now: Timestamp,
) -> Result<Fresh, ServiceError> {
    let mut recoveries = pending(root, Some(operation.as_str())).await?;
    let place = recoveries
        .iter()
        .position(|recovery| recovery.operation_id().as_ref() == Some(operation));
    let Some(PendingRecovery {
        listed,
        journal,
        broken,
        ..
    }) = place.map(|place| recoveries.swap_remove(place))
    else {
        let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
        if journal.state.attempt().is_some() || journal.state.finished().is_some() {
            return Ok(Fresh::UnderWay { journal });
        }
        if let Some(made) = follow_up::of_operation(root, operation, &recoveries, now).await? {
            return made.fresh(journal);
        }
        return match unread_file(&journal, &recoveries) {
            Some(unread) => Err(unread.into()),
            None => Ok(Fresh::Gone { journal }),
        };
    };
    if let Some(error) = broken {
        return Err(error.into());
    }
    let unread = recoveries.iter().find_map(not_read);
    // A file that is being set aside under an operation of its own comes with that one's journal.
    let journal = match journal.filter(|journal| journal.state.operation_id() == operation) {
        Some(journal) => journal,
        None => Journal::load(root.objects(), operation, &root.limits()).await?,
    };
    if journal.state.attempt().is_some() || journal.state.finished().is_some() {
        return Ok(Fresh::UnderWay { journal });
    }
    let entry = PendingRecovery {
        listed: whole(root, &listed).await?,
        journal: None,
        broken: None,
        stands_in_for: None,
    };
    let own = journal.state.clone();
    let as_judged = made_plan(root, &entry.listed, Some(&own), Choice::Verdict);
    let (planned, journal) = match wanted {
        // If it is wanted still, it is recorded upon next. What does not last is made to last then, or the record fails.
        Some(_) => {
            let lasting = journal.clone().lasting(root.objects());
            let (planned, lasting) = futures::join!(as_judged, lasting);
            (planned?, lasting.unwrap_or(journal))
        }
        None => (as_judged.await?, journal),
    };
    let planned = match (planned, wanted) {
        (Some(planned), Some(wanted)) => {
            Some(chosen(root, &entry.listed, &journal, planned, wanted).await?)
        }
        (planned, _) => planned,
    };
    let Some(Planned {
        plan,
        bytes,
        mut blockers,
        failed,
        ..
    }) = planned
    else {
        return match &entry.listed.file.content {
            // It is there. What is in it, and so what it comes to, is not known.
            Err(reason) if reason.code == Code::Unreadable => {
                Err(unreadable(&entry.listed.file, reason).into())
            }
            _ => Ok(Fresh::Gone { journal }),
        };
    };
    if wanted.is_some_and(|wanted| wanted != bytes.digest())
        && let Some(made) = follow_up::dismissal_of(root, &entry, &plan, &blockers, now).await?
        && PlanBytes::of(&made.follow_up.plan).is_ok_and(|bytes| Some(bytes.digest()) == wanted)
    {
        return made.fresh(journal);
    }
    blockers.extend(age(root, &entry.listed.file, now));
    Ok(Fresh::Plan {
        made: Box::new(PlanOf {
            plan,
            bytes,
            blockers,
            failed,
            unread,
            sidecar: SidecarBytes::new(entry.listed.file.bytes),
        }),
        journal,
    })
}

/// The plan that is wanted, if it is what somebody chose instead of the verdict's; else the verdict's.
async fn chosen(
    root: &Root,
    listed: &ListedSidecar,
    journal: &Journal,
    planned: Planned,
    wanted: Digest,
) -> Result<Planned, ServiceError> {
    if planned.bytes.digest() == wanted {
        return Ok(planned);
    }
    // What was approved is compared with the same choice as it would be now.
    let approved = journal
        .state
        .approvals()
        .iter()
        .find_map(|(approval, text)| {
            let bytes = PlanBytes::verify(text.clone(), approval.plan_digest).ok()?;
            (approval.plan_digest == wanted).then(|| bytes.decode().ok())?
        });
    let was_chosen = |choice| {
        approved
            .as_ref()
            .is_some_and(|approved| approved.choice == choice)
    };
    for choice in planned.plan.other_choices() {
        if let Some(other) = made_plan(root, listed, Some(&journal.state), choice).await?
            && (other.bytes.digest() == wanted || was_chosen(choice))
        {
            return Ok(other);
        }
    }
    Ok(planned)
}

/// The read that failed of a pending file, if what it names is not known for that.
pub(super) fn not_read(entry: &PendingRecovery) -> Option<FailedRead> {
    let file = &entry.listed.file;
    let reason = file.content.as_ref().err()?;
    (reason.code == Code::Unreadable).then(|| FailedRead {
        what: format!("the sidecar {}", file.file),
        table_key: None,
        reason: reason.detail.clone(),
    })
}

fn unreadable(file: &SidecarFile, reason: &Reason) -> ObserveError {
    ObserveError::Unreadable {
        what: format!("the sidecar {}", file.file),
        reason: reason.detail.clone(),
    }
}

/// A file that some approved plan of this operation is about and that could not be read. The operations under which files are set
/// aside are found by what is in them, so this one may be there for all that.
fn unread_file(journal: &Journal, recoveries: &[PendingRecovery]) -> Option<ObserveError> {
    let mut approved = journal
        .state
        .approvals()
        .iter()
        .filter_map(|(approval, text)| {
            let bytes = PlanBytes::verify(text.clone(), approval.plan_digest).ok()?;
            Some(bytes.decode().ok()?.file)
        });
    approved.find_map(|name| {
        let mut files = recoveries.iter().map(|recovery| &recovery.listed.file);
        let file = files.find(|file| file.file == name)?;
        let reason = file.content.as_ref().err()?;
        (reason.code == Code::Unreadable).then(|| unreadable(file, reason))
    })
}

/// What a look at one pending entry came to.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) bytes: PlanBytes,
    pub(super) blockers: Vec<Reason>,
    pub(super) observation: Option<Observation>,
    /// Reads that failed meanwhile.
    pub(super) failed: Vec<FailedRead>,
}

/// Looks, judges and plans; `None` for a file that stands for no operation or whose bytes could not be read. `journal` is the
/// one of its operation.
///
/// The file is whole: see [`whole`].
pub(super) async fn made_plan(
    root: &Root,
    listed: &ListedSidecar,
    journal: Option<&JournalState>,
    choice: Choice,
) -> Result<Option<Planned>, ServiceError> {
    let file = &listed.file;
    let sidecar = file.content.as_ref().ok();
    let (verdict, observation, history, uncounted, failed) = match (sidecar, &listed.refusal) {
        (Some(sidecar), None) => {
            let Look {
                observation,
                history,
                uncounted,
                failed,
            } = look_closely_for(root, Judged { sidecar, journal }, choice).await?;
            (
                judge_choice(sidecar, listed.standing(), &observation, choice),
                Some(observation),
                history,
                uncounted,
                failed,
            )
        }
        (_, refusal) => (
            refuse(refusal_of(listed, refusal.clone()), sidecar),
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
    blockers.extend(history_blocker(&plan, history));
    blockers.extend(uncounted);
    Ok(Some(Planned {
        plan,
        bytes,
        blockers,
        observation,
        failed,
    }))
}

/// Why the rows that a plan adds to the history of the graph cannot be added, if it adds any.
pub(crate) fn history_blocker(plan: &Plan, obstacle: Option<Reason>) -> Option<Reason> {
    let adds_rows = plan
        .steps
        .iter()
        .any(|step| matches!(step, Step::Lineage { .. }));
    obstacle.filter(|_| adds_rows)
}

pub(super) fn refusal_of(listed: &ListedSidecar, refusal: Option<Reason>) -> Reason {
    refusal
        .or_else(|| listed.file.content.clone().err())
        .unwrap_or_else(|| {
            Reason::new(
                Code::Unreadable,
                format!("{} cannot be read", listed.file.file),
            )
        })
}

/// A listed file with its bytes and all that is in it; a list of many keeps neither.
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

/// Why a file is too young for anything to be done about it: whoever wrote it may still be running.
pub(super) fn age(root: &Root, file: &SidecarFile, now: Timestamp) -> Option<Reason> {
    age_blocker(file.age_seconds(now)?, root.min_age().as_secs())
}

/// The report over one pending entry: of its frozen plan if it is under way or finished, else of the plan it has now.
pub(crate) async fn plan_entry(
    root: &Root,
    entry: &PendingRecovery,
    choice: Choice,
    now: Timestamp,
) -> Result<PlanReport, ServiceError> {
    if let Some(report) = entry
        .journal
        .as_ref()
        .map(|journal| frozen_report(root, journal, now))
        .transpose()?
        .flatten()
    {
        return Ok(report);
    }
    let listed = whole(root, &entry.listed).await?;
    let file = &listed.file;
    let sidecar = file.content.as_ref().ok();
    let sidecar_bytes = file.digest.map(|_| SidecarBytes::new(file.bytes.clone()));
    let Some(Planned {
        plan,
        bytes,
        mut blockers,
        observation,
        ..
    }) = made_plan(root, &listed, entry.own_journal(), choice).await?
    else {
        return Ok(refused_report(root, &listed, sidecar_bytes, now));
    };
    if plan.has_effect() {
        blockers.extend(age(root, file, now));
    }
    let approvals = entry
        .journal
        .as_ref()
        .map(|journal| super::approvals_of(journal, bytes.digest()))
        .unwrap_or_default();
    let context = PlanContext {
        sidecar,
        sidecar_bytes,
        age_seconds: file.age_seconds(now),
        observation: observation.as_ref(),
        blockers,
        progress: if approvals.is_empty() {
            Progress::Open
        } else {
            progress(entry.journal.as_ref())
        },
        approvals,
        now,
    };
    Ok(super::report(&plan, &bytes, context))
}

/// A file that names no operation has no plan; what it is refused for is all there is to say.
fn refused_report(
    root: &Root,
    listed: &ListedSidecar,
    sidecar_bytes: Option<SidecarBytes>,
    now: Timestamp,
) -> PlanReport {
    let file = &listed.file;
    let reason = refusal_of(listed, listed.refusal.clone());
    let headline = format!("{} is refused: {}.", file.file, reason.detail);
    let consequence = "Nothing about it is decided, and nothing will be done to it.".to_owned();
    let started_at = file.glimpse.started_at.clone();
    PlanReport {
        operation_id: file
            .operation_id()
            .map_or_else(|| file.file.clone(), String::from),
        root: root.id().to_string(),
        file: file.file.clone(),
        writer_kind: file.glimpse.writer_kind.clone(),
        branch: file.glimpse.branch.clone(),
        actor_id: file.glimpse.actor_id.clone(),
        age_seconds: file.age_seconds(now),
        started_at,
        purpose: sidecar::Purpose::Recover,
        disposition: Disposition::Refused,
        decision: None,
        digest: None,
        executable: false,
        blockers: vec![reason],
        requires: Vec::new(),
        choice: Choice::Verdict,
        other_choices: Vec::new(),
        left_out: Vec::new(),
        tables: Vec::new(),
        steps: Vec::new(),
        explanation: format!("{headline} {consequence}"),
        headline,
        consequence,
        progress: Progress::Open,
        approvals: Vec::new(),
        approvals_left_out: 0,
        planned_anew_as: None,
        plan: None,
        sidecar: sidecar_bytes,
    }
}

/// The report over a plan that is under way or finished, from the journal alone; `None` if there is none.
pub(super) fn frozen_report(
    root: &Root,
    journal: &Journal,
    now: Timestamp,
) -> Result<Option<PlanReport>, ServiceError> {
    let (plan, sidecar_bytes) = match (journal.state.attempt(), journal.state.finished()) {
        (Some(attempt), _) => (&attempt.plan, &attempt.sidecar),
        (None, Some(finished)) => (&finished.plan, &finished.sidecar),
        (None, None) => return Ok(None),
    };
    let bytes = PlanBytes::of(plan).map_err(ServiceError::Encode)?;
    let sidecar = Sidecar::parse(&plan.file, sidecar_bytes.as_bytes(), &root.limits()).ok();
    let context = PlanContext {
        sidecar: sidecar.as_ref(),
        sidecar_bytes: Some(sidecar_bytes.clone()),
        age_seconds: None,
        observation: None,
        blockers: Vec::new(),
        progress: super::progress_of(journal),
        approvals: super::approvals_of(journal, bytes.digest()),
        now,
    };
    Ok(Some(super::report(plan, &bytes, context)))
}
