//! How far an operation came, from its journal.

use crate::api::{AttemptReport, ExecutionReport, Progress, Since, StepProgress, StepState};
use crate::apply_report::ApplyReport;
use crate::digest::Digest;
use crate::explanation::step_sentence;
use crate::follow_up::half_undo_of;
use crate::ids::RootId;
use crate::journal::{Attempt, JournalState};
use crate::outcome::SidecarFate;
use crate::plan::Step;

impl Progress {
    /// How far approval and execution of an operation have come at the root `here`. `journal` is its folded journal, if it has
    /// one. Approvals for another root do not count.
    #[must_use]
    pub fn of(journal: Option<&JournalState>, here: &RootId) -> Self {
        let is_approved = journal.is_some_and(|state| state.is_approved_at(here));
        Self::of_consent(journal, is_approved)
    }

    /// The same for one plan of the operation: it is open until this very plan is approved.
    #[must_use]
    pub fn of_plan(journal: Option<&JournalState>, plan: Digest) -> Self {
        let is_approved = journal.is_some_and(|state| !state.approvals_of(plan).is_empty());
        if is_approved {
            Self::of_consent(journal, is_approved)
        } else {
            Self::Open
        }
    }

    fn of_consent(journal: Option<&JournalState>, is_approved: bool) -> Self {
        match journal {
            Some(state) if state.finished().is_some() => Self::Finished,
            Some(state) if state.attempt().is_some() => Self::UnderWay,
            _ if is_approved => Self::Approved,
            _ => Self::Open,
        }
    }
}

impl ExecutionReport {
    /// How far an operation came, from its journal and the fate of its sidecar file.
    #[must_use]
    pub fn of(state: &JournalState, sidecar: SidecarFate) -> Self {
        let operation_id = state.operation_id();
        let (steps, report) = match (state.finished(), state.attempt()) {
            (Some(finished), _) => {
                let steps = finished.plan.steps.iter();
                let progress =
                    steps.map(|step| StepProgress::of(step, finished_step(step, sidecar)));
                let report = (sidecar != SidecarFate::Kept)
                    .then(|| ApplyReport::finished(state, finished, sidecar));
                (progress.collect(), report)
            }
            (None, Some(attempt)) => (StepProgress::of_attempt(attempt), None),
            (None, None) => (Vec::new(), None),
        };
        Self {
            operation_id: operation_id.to_string(),
            running: false,
            steps,
            report,
            failure: None,
        }
    }
}

impl StepProgress {
    fn of(step: &Step, state: StepState) -> Self {
        Self {
            sentence: step_sentence(step),
            state,
        }
    }

    /// How far each step of an attempt came, as far as the journal tells.
    #[must_use]
    pub fn of_attempt(attempt: &Attempt) -> Vec<Self> {
        let steps = attempt.plan.steps.iter().enumerate();
        steps
            .map(|(index, step)| Self::of(step, step_of_attempt(attempt, index)))
            .collect()
    }
}

impl AttemptReport {
    /// The report on the plan that was begun, at the root `here`; `None` if none was.
    #[must_use]
    pub fn of(state: &JournalState, since: Since, here: &RootId) -> Option<Self> {
        let (begun_at, plan, steps, finished) = match (state.attempt(), state.finished()) {
            (Some(attempt), _) => {
                let steps = 0..attempt.plan.steps.len();
                let steps = steps.map(|step| step_of_attempt(attempt, step)).collect();
                (attempt.begun_at, &attempt.plan, steps, None)
            }
            (None, Some(finished)) => {
                let steps = finished.plan.steps.iter();
                let steps = steps.map(|step| finished_step(step, since.sidecar));
                let begun_at = state.ended().map(|ended| ended.begun_at);
                (
                    begun_at.unwrap_or(finished.recorded_at),
                    &finished.plan,
                    steps.collect(),
                    Some(finished),
                )
            }
            (None, None) => return None,
        };
        let (undo, no_undo) = match since.undo {
            Some(Ok(undo)) => (Some(undo), None),
            Some(Err(reason)) => (None, Some(reason)),
            None => (None, None),
        };
        Some(Self {
            begun_at,
            finished_at: finished.map(|finished| finished.recorded_at),
            outcome: finished.map(|finished| finished.outcome),
            steps,
            sidecar: since.sidecar,
            not_of_root: (finished.is_none() && plan.root != *here).then(|| here.to_string()),
            half_undo_of: half_undo_of(state).cloned(),
            undone_by: since.undone_by,
            released_by: since.released_by,
            undo,
            no_undo,
            unread: since.unread,
        })
    }
}

/// How far a step of an attempt came, as far as the journal tells.
fn step_of_attempt(attempt: &Attempt, step: usize) -> StepState {
    let is_done = attempt.done.contains_key(&step);
    let is_begun = attempt.started.contains_key(&step);
    match (is_done, is_begun) {
        (true, _) => StepState::Done,
        (false, true) => StepState::Started,
        (false, false) => StepState::Waiting,
    }
}

/// The same once the terminal record is written: the sidecar goes after it.
const fn finished_step(step: &Step, sidecar: SidecarFate) -> StepState {
    if step.deleted_sidecar().is_none() {
        return StepState::Done;
    }
    match sidecar {
        SidecarFate::Kept | SidecarFate::Unknown => StepState::Started,
        SidecarFate::Retired | SidecarFate::Gone | SidecarFate::Replaced | SidecarFate::NoFile => {
            StepState::Done
        }
    }
}
