//! How far an operation came, from its journal.

use crate::api::{ExecutionReport, Progress, StepProgress, StepState};
use crate::apply_report::ApplyReport;
use crate::digest::Digest;
use crate::explanation::step_sentence;
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
    /// How far an operation came, from its journal and whether its sidecar is still there.
    #[must_use]
    pub fn of(state: &JournalState, sidecar_kept: bool) -> Self {
        let operation_id = state.operation_id();
        let (steps, report) = match (state.finished(), state.attempt()) {
            (Some(finished), _) => {
                let progress = finished.plan.steps.iter().map(|step| match step {
                    Step::Retire { .. } if sidecar_kept => {
                        StepProgress::of(step, StepState::Started)
                    }
                    _ => StepProgress::of(step, StepState::Done),
                });
                let report = (!sidecar_kept)
                    .then(|| ApplyReport::finished(operation_id, finished, SidecarFate::Retired));
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
            .map(|(index, step)| {
                let is_done = attempt.done.contains_key(&index);
                let is_begun = attempt.started.contains_key(&index);
                let state = match (is_done, is_begun) {
                    (true, _) => StepState::Done,
                    (false, true) => StepState::Started,
                    (false, false) => StepState::Waiting,
                };
                Self::of(step, state)
            })
            .collect()
    }
}
