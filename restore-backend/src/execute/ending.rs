//! How an execution ends: its terminal record, the deletion of the sidecar, and the reports of its outcome.

use sidecar::api::ExecutionReport;
use sidecar::journal::JournalEntry;
use sidecar::{ApplyReport, Difference, OutcomeKind, SidecarFate};

use super::execution::{Execution, Recorded};
use crate::error::ServiceError;
use crate::planning::sidecar_fate;
use root_objects::journal_store;
use root_objects::sidecar_dir;

impl Execution<'_> {
    /// Removes the leftover marks of this operation: the executor that closed it died before it could.
    pub(super) async fn remove_left_over_marks(&self) -> Result<(), ServiceError> {
        let left_over = self.root.marks().take_left_over_of(&self.operation);
        if left_over.is_empty() {
            return Ok(());
        }
        self.root.note_identity().await?;
        journal_store::unmark(self.root.objects(), left_over).await;
        Ok(())
    }

    pub(super) async fn delete_sidecar(&self) -> Result<(), ServiceError> {
        let file = self
            .journal
            .state
            .finished()
            .and_then(|finished| finished.plan.retires())
            .ok_or_else(|| self.internal())?;
        // A resuming executor has written nothing here yet, and another folder may stand here since the root was opened.
        self.root.note_identity().await?;
        // An executor that finds the terminal record untrue adds a record and takes over the file: hence the hold.
        let hold = self.journal.hold(self.root.objects());
        let deleted = sidecar_dir::delete_sidecar(self.root.objects(), file);
        hold.during(deleted).await?;
        Ok(())
    }

    /// The terminal record.
    pub(super) fn finished(&self, outcome: OutcomeKind) -> Result<JournalEntry, ServiceError> {
        let attempt = self.attempt().ok_or_else(|| self.internal())?;
        Ok(JournalEntry::Finished {
            epoch: self.epoch,
            outcome,
            tables: attempt.table_outcomes(&[]),
            catalog: attempt.catalog_effect(&[]),
            sidecar: attempt.sidecar.clone(),
        })
    }

    pub(super) async fn pause(
        self,
        outcome: OutcomeKind,
        detail: String,
        unclear: &[usize],
    ) -> Result<ApplyReport, ServiceError> {
        let Some(attempt) = self.attempt() else {
            return Err(self.internal());
        };
        Ok(ApplyReport::unfinished(
            &self.operation,
            attempt,
            outcome,
            detail,
            Vec::new(),
            unclear,
            sidecar_fate(self.root, &attempt.plan, false).await,
        ))
    }

    pub(super) fn end(self, fate: SidecarFate) -> Result<ApplyReport, ServiceError> {
        let Some(finished) = self.journal.state.finished() else {
            return Err(self.internal());
        };
        self.progress
            .send(ExecutionReport::of(&self.journal.state, fate));
        Ok(ApplyReport::finished(&self.journal.state, finished, fate))
    }

    /// Records that the terminal record is untrue here. First notes that the journal must be read again.
    pub(super) async fn reopen(
        self,
        detail: String,
        differences: Vec<Difference>,
    ) -> Result<ApplyReport, ServiceError> {
        let Some(finished) = self.journal.state.finished() else {
            return Err(self.internal());
        };
        let report = ApplyReport::untrue(
            &self.operation,
            finished,
            detail.clone(),
            differences.clone(),
            sidecar_fate(self.root, &finished.plan, true).await,
        );
        self.root.note_identity().await?;
        self.journal.note_reopened(self.root.objects()).await?;
        let entry = JournalEntry::Reopened {
            detail,
            differences,
        };
        Ok(match self.record(entry).await? {
            Recorded::Further(_) => report,
            Recorded::Ended(taken_over) => *taken_over,
        })
    }

    /// Ends the attempt without finishing; the operation stays open and is planned anew.
    pub(super) async fn interrupt(
        self,
        detail: String,
        differences: Vec<Difference>,
        unclear: &[usize],
    ) -> Result<ApplyReport, ServiceError> {
        let Some(attempt) = self.attempt() else {
            return Err(self.internal());
        };
        let report = ApplyReport::unfinished(
            &self.operation,
            attempt,
            OutcomeKind::Conflict,
            detail.clone(),
            differences.clone(),
            unclear,
            sidecar_fate(self.root, &attempt.plan, false).await,
        );
        let entry = JournalEntry::Interrupted {
            epoch: self.epoch,
            detail,
            differences,
            ended_by: None,
        };
        Ok(match self.record(entry).await? {
            Recorded::Further(_) => report,
            Recorded::Ended(taken_over) => *taken_over,
        })
    }
}
