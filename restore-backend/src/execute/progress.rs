//! Progress reports of a running execution.

use std::fmt;
use std::sync::Arc;

use sidecar::api::{ExecutionReport, StepState};
use sidecar::journal::JournalState;
use sidecar::{SidecarFate, Step};

use super::report::{attempt_progress, finished_report, step_progress};

/// Takes progress reports; the default one drops them.
#[derive(Clone, Default)]
pub struct ProgressSink {
    send: Option<Arc<dyn Fn(ExecutionReport) + Send + Sync>>,
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProgressSink")
            .finish_non_exhaustive()
    }
}

impl ProgressSink {
    /// Calls `send` after every record of the journal. It must not block.
    pub fn new(send: impl Fn(ExecutionReport) + Send + Sync + 'static) -> Self {
        Self {
            send: Some(Arc::new(send)),
        }
    }

    pub(super) fn send(&self, report: ExecutionReport) {
        if let Some(send) = &self.send {
            send(report);
        }
    }
}

/// How far an operation came, from its journal and whether its sidecar is still there.
pub(crate) fn execution_report(state: &JournalState, sidecar_kept: bool) -> ExecutionReport {
    let operation_id = state.operation_id();
    let (steps, report) = match (state.finished(), state.attempt()) {
        (Some(finished), _) => {
            let fate = if sidecar_kept {
                SidecarFate::Kept
            } else {
                SidecarFate::Retired
            };
            let states = finished.plan.steps.iter().map(|step| match step {
                Step::Retire { .. } if sidecar_kept => (step, StepState::Started),
                _ => (step, StepState::Done),
            });
            let report = (!sidecar_kept).then(|| finished_report(finished, operation_id, fate));
            (states.map(step_progress).collect(), report)
        }
        (None, Some(attempt)) => (attempt_progress(attempt), None),
        (None, None) => (Vec::new(), None),
    };
    ExecutionReport {
        operation_id: operation_id.to_string(),
        running: false,
        steps,
        report,
        failure: None,
    }
}
