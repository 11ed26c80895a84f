//! One claimed execution, and the records that it adds to its journal.

use sidecar::api::ExecutionReport;
use sidecar::journal::{Attempt, JournalEntry};
use sidecar::{ApplyReport, OperationId, SidecarFate};

use super::progress::ProgressSink;
use super::taken_over::taken_over;
use crate::error::ServiceError;
use crate::root::Root;
use root_objects::clock;
use root_objects::journal_store::{Appended, Journal};

/// One claimed execution.
pub(super) struct Execution<'a> {
    pub(super) root: &'a Root,
    pub(super) journal: Journal,
    pub(super) progress: &'a ProgressSink,
    pub(super) operation: OperationId,
    pub(super) epoch: u64,
}

/// Whether an execution goes on.
#[expect(
    clippy::large_enum_variant,
    reason = "a few are made in a whole call, and none is kept"
)]
pub(super) enum Recorded<'a> {
    Further(Execution<'a>),
    Ended(Box<ApplyReport>),
}

impl Recorded<'_> {
    pub(super) fn ended(report: ApplyReport) -> Self {
        Self::Ended(Box::new(report))
    }
}

impl<'a> Execution<'a> {
    pub(super) fn report_progress(&self) {
        self.progress
            .send(ExecutionReport::of(&self.journal.state, SidecarFate::Kept));
    }

    pub(super) fn attempt(&self) -> Option<&Attempt> {
        self.journal.state.attempt()
    }

    pub(super) async fn record(
        mut self,
        entry: JournalEntry,
    ) -> Result<Recorded<'a>, ServiceError> {
        let attempt = self.attempt().cloned();
        match self
            .journal
            .append(self.root.objects(), clock::now(), entry)
            .await?
        {
            Appended::Taken => taken_over(self.root, &self.operation, attempt)
                .await
                .map(Recorded::ended),
            Appended::Done(journal) => {
                self.journal = *journal;
                self.report_progress();
                Ok(Recorded::Further(self))
            }
        }
    }

    /// The error for a state that no journal leads to. After a record by another executor, this execution reads no further.
    pub(super) fn internal(&self) -> ServiceError {
        ServiceError::Internal {
            operation_id: self.operation.clone(),
            what: "the journal lacks the attempt or the outcome that comes next",
        }
    }
}
