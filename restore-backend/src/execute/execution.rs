//! One claimed execution: looks, effects and records, one after the other, as the pure step asks for them.

use futures::FutureExt;
use sidecar::api::ExecutionReport;
use sidecar::approvable::authorized;
use sidecar::executor::{self, Look, Move, Seen, SidecarSeen};
use sidecar::journal::{Attempt, JournalEntry, JournalState};
use sidecar::{
    ApplyReport, ApprovedPlan, Difference, DifferenceField, Digest, OperationId, OutcomeKind,
    Purpose, SidecarBytes, SidecarFate, Tag,
};

use super::progress::ProgressSink;
use super::{effects, looks};
use crate::error::ServiceError;
use crate::planning::as_recorded::untrue_since_finished;
use crate::root::Root;
use root_objects::clock;
use root_objects::journal_store::{self, Appended, Journal};
use root_objects::off_thread;
use root_objects::sidecar_dir::{self, StoredSidecar};

/// Tries at a claim while approvals take the number of its record.
const CLAIM_TRIES_MAX: usize = 16;

/// One claimed execution.
pub(super) struct Execution<'a> {
    root: &'a Root,
    journal: Journal,
    progress: &'a ProgressSink,
    operation: OperationId,
    epoch: u64,
}

impl<'a> Execution<'a> {
    /// Claims the operation, in the journal and where writers look; or says why it could not.
    pub(super) async fn claim(
        root: &'a Root,
        mut journal: Journal,
        approved: &ApprovedPlan,
        sidecar: SidecarBytes,
        progress: &'a ProgressSink,
    ) -> Result<Result<Self, String>, ServiceError> {
        let epoch = journal.state.next_epoch();
        let takes_over = journal.state.attempt().is_some();
        root.note_identity().await?;
        let operation = journal.state.operation_id().clone();
        let entry = JournalEntry::Claimed {
            epoch,
            executor: uuid::Uuid::new_v4().to_string(),
            plan_digest: approved.digest(),
            plan: approved.bytes().text().to_owned(),
            sidecar,
        };
        for _ in 0..CLAIM_TRIES_MAX {
            match journal
                .append(root.objects(), clock::now(), entry.clone())
                .await?
            {
                Appended::Done(journal) => {
                    journal_store::publish_claim(root.objects(), &operation).await?;
                    let execution = Self {
                        root,
                        journal: *journal,
                        progress,
                        operation,
                        epoch,
                    };
                    execution.report_progress();
                    return Ok(Ok(execution));
                }
                Appended::Taken => {
                    journal = Journal::load(root.objects(), &operation, &root.limits()).await?
                }
            }
            // A further approval, or a further step by the earlier executor, does not prevent the claim. Any other record does.
            let state = &journal.state;
            if state.next_epoch() != epoch
                || state.finished().is_some()
                || state.attempt().is_some() != takes_over
            {
                return Ok(Err(
                    "another executor took this operation at the same moment; look how far it came"
                        .to_owned(),
                ));
            }
            if let Err(revoked) = authorized(&journal.state, approved.digest()) {
                return Ok(Err(sidecar::error_text(&revoked)));
            }
        }
        Err(ServiceError::JournalBusy {
            operation_id: operation,
        })
    }

    fn report_progress(&self) {
        self.progress
            .send(ExecutionReport::of(&self.journal.state, true));
    }

    fn attempt(&self) -> Option<&Attempt> {
        self.journal.state.attempt()
    }

    async fn record(mut self, entry: JournalEntry) -> Result<Recorded<'a>, ServiceError> {
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

    /// An operation whose terminal record is written.
    pub(super) fn of_finished(
        root: &'a Root,
        journal: Journal,
        progress: &'a ProgressSink,
    ) -> Self {
        Self {
            root,
            operation: journal.state.operation_id().clone(),
            epoch: 0,
            journal,
            progress,
        }
    }

    /// Does what the step asks for until it says that everything is done, or that nothing more can be.
    ///
    /// Writers look for the claim before they commit or publish, so from here on the looks see their final state.
    pub(super) async fn proceed(
        self,
        approved: Option<&ApprovedPlan>,
    ) -> Result<ApplyReport, ServiceError> {
        let mut execution = self;
        let mut seen = Seen::default();
        loop {
            let recorded = match executor::next(&execution.journal.state, &seen) {
                Move::Claim => return Err(execution.internal()),
                Move::Look(look) => {
                    let state = &execution.journal.state;
                    seen = execution.look(state, look, seen, approved).await?;
                    continue;
                }
                Move::Begin {
                    steps,
                    catalog_version,
                } => {
                    let (root, epoch) = (execution.root, execution.epoch);
                    let Some(attempt) = execution.attempt().cloned() else {
                        return Err(execution.internal());
                    };
                    let entry = JournalEntry::StepsStarted {
                        epoch,
                        steps: steps.clone(),
                        catalog_version,
                    };
                    let (recorded, ahead) = futures::join!(
                        execution.record(entry),
                        effects::look_ahead(root, &attempt, &steps)
                    );
                    execution = match recorded? {
                        Recorded::Further(execution) => execution,
                        Recorded::Ended(report) => return Ok(*report),
                    };
                    let hold = execution.journal.hold(root.objects());
                    let done =
                        effects::do_steps(root, &attempt, &steps, catalog_version, ahead, &hold);
                    let did = done.boxed().await;
                    if hold.is_lost() {
                        return taken_over(root, &execution.operation, Some(attempt)).await;
                    }
                    seen = seen.having_done(did?);
                    continue;
                }
                Move::Note(results) => {
                    let epoch = execution.epoch;
                    let entry = JournalEntry::StepsFinished { epoch, results };
                    execution.record_and_look(entry, seen, approved).await?
                }
                Move::Interrupt {
                    detail,
                    differences,
                    unclear,
                } => return execution.interrupt(detail, differences, &unclear).await,
                Move::Pause {
                    outcome,
                    detail,
                    unclear,
                } => return execution.pause(outcome, detail, &unclear),
                Move::Record(outcome) => {
                    let entry = execution.finished(outcome)?;
                    execution.record_and_look(entry, seen, approved).await?
                }
                Move::Reopen {
                    detail,
                    differences,
                } => return execution.reopen(detail, differences).await,
                Move::DeleteSidecar => {
                    execution.delete_sidecar().await?;
                    seen.sidecar = Some(SidecarSeen::Gone);
                    continue;
                }
                Move::Close => {
                    execution.root.note_identity().await?;
                    execution.journal.close(execution.root.objects()).await?;
                    execution.journal.unmark(execution.root.objects()).await;
                    seen.closed = Some(true);
                    continue;
                }
                Move::Ended(fate) => {
                    execution.remove_left_over_marks().await?;
                    return execution.end(fate);
                }
            };
            (execution, seen) = match recorded {
                (Recorded::Further(execution), seen) => (execution, seen),
                (Recorded::Ended(report), _) => return Ok(*report),
            };
        }
    }

    /// The error of a branch that no journal leads to. After a record by another executor, this execution reads no further.
    fn internal(&self) -> ServiceError {
        ServiceError::Internal {
            operation_id: self.operation.clone(),
        }
    }

    /// Records the last effect. The next look is already known and does not depend on the record, so both run together. If
    /// another executor took the record's number, the look is dropped.
    async fn record_and_look(
        mut self,
        entry: JournalEntry,
        seen: Seen,
        approved: Option<&ApprovedPlan>,
    ) -> Result<(Recorded<'a>, Seen), ServiceError> {
        let attempt = self.attempt().cloned();
        let noted = self.journal.clone().with(clock::now(), entry)?;
        let state = noted.state().clone();
        let seen = seen.after_a_record();
        let (appended, seen_ahead) = futures::join!(noted.write(self.root.objects()), async {
            match executor::next(&state, &seen) {
                Move::Look(look) => self.look(&state, look, seen.clone(), approved).await,
                _ => Ok(seen.clone()),
            }
        });
        match appended? {
            Appended::Taken => {
                let report = taken_over(self.root, &self.operation, attempt).await?;
                Ok((Recorded::ended(report), seen))
            }
            Appended::Done(journal) => {
                self.journal = *journal;
                self.report_progress();
                Ok((Recorded::Further(self), seen_ahead?))
            }
        }
    }

    async fn look(
        &self,
        state: &JournalState,
        look: Look,
        mut seen: Seen,
        approved: Option<&ApprovedPlan>,
    ) -> Result<Seen, ServiceError> {
        match (look, state.attempt()) {
            (Look::SinceApproval, _) => {
                let approved = approved.ok_or_else(|| self.internal())?;
                let moved = looks::moved_since_approval(self.root, approved, state)
                    .boxed()
                    .await?;
                seen.since_approval = Some(moved);
            }
            (Look::Catalog, Some(attempt)) => {
                seen.catalog = Some(
                    effects::look_at_catalog(self.root, &attempt.plan)
                        .boxed()
                        .await?,
                );
            }
            (Look::Landed { step, version }, Some(attempt)) => {
                seen.landed = Some(
                    effects::landed(self.root, attempt, step, version)
                        .boxed()
                        .await?,
                );
            }
            (Look::SinceEffects, Some(attempt)) => {
                seen.since_effects = Some(
                    looks::moved_since_effects(self.root, attempt)
                        .boxed()
                        .await?,
                );
            }
            (Look::SinceFinished, _) => {
                let finished = state.finished().ok_or_else(|| self.internal())?;
                let is_over = seen.is_over(&finished.plan);
                let mut untrue = untrue_since_finished(self.root, finished, is_over)
                    .boxed()
                    .await?;
                untrue.extend(self.back_after_it_was_set_aside(state, &mut seen).await?);
                seen.since_finished = Some(untrue);
            }
            // The pure step asks for both looks, one right after the other.
            (Look::Sidecar | Look::Closed, _) => {
                let closed = async {
                    self.journal
                        .is_closed(self.root.objects())
                        .await
                        .map_err(ServiceError::from)
                };
                let (sidecar, closed) = futures::try_join!(self.look_at_sidecar(state), closed)?;
                seen.sidecar = Some(sidecar);
                seen.closed = Some(closed);
            }
            (Look::Catalog | Look::Landed { .. } | Look::SinceEffects, None) => {
                return Err(self.internal());
            }
        }
        Ok(seen)
    }

    async fn look_at_sidecar(&self, state: &JournalState) -> Result<SidecarSeen, ServiceError> {
        let plan = match state.finished() {
            Some(finished) => &finished.plan,
            None => return Err(self.internal()),
        };
        let Some(file) = plan.retires() else {
            return Ok(SidecarSeen::Gone);
        };
        let stored =
            sidecar_dir::read_sidecar(self.root.objects(), file, &self.root.limits()).await?;
        Ok(match stored {
            StoredSidecar::Gone => {
                sidecar_dir::make_deletion_durable(self.root.objects(), file).await?;
                SidecarSeen::Gone
            }
            StoredSidecar::Bytes(bytes)
                if off_thread::in_place(bytes.len(), || Digest::of(Tag::Sidecar, &bytes))
                    == plan.sidecar =>
            {
                SidecarSeen::AsPlanned
            }
            StoredSidecar::Bytes(_) | StoredSidecar::TooLarge => SidecarSeen::Another,
        })
    }

    /// The file that a dismissal deleted, if it is there again since the dismissal was closed, for instance from a backup. The
    /// approval covered one deletion. Until the dismissal is closed, the file may be the very one to delete.
    ///
    /// If the dismissal was of the operation's own file, a file with other bytes counts too: a damaged sidecar was dismissed, and
    /// the whole one came back, which can be recovered.
    async fn back_after_it_was_set_aside(
        &self,
        state: &JournalState,
        seen: &mut Seen,
    ) -> Result<Option<Difference>, ServiceError> {
        let Some(plan) = state
            .finished()
            .map(|finished| &finished.plan)
            .filter(|plan| matches!(plan.purpose, Purpose::Dismiss { .. }))
        else {
            return Ok(None);
        };
        let is_own_file = plan.file == self.operation.file_name();
        let found = |seen: &Seen| match seen.sidecar {
            Some(SidecarSeen::AsPlanned) => Some("there again"),
            Some(SidecarSeen::Another) if is_own_file => Some("there again, with other bytes"),
            _ => None,
        };
        if found(seen).is_none() || seen.closed != Some(true) {
            return Ok(None);
        }
        // Another executor may have deleted the file and closed the operation meanwhile. A file found now came later.
        seen.sidecar = Some(self.look_at_sidecar(state).await?);
        Ok(found(seen).map(|found| Difference::new(None, DifferenceField::Sidecar, "gone", found)))
    }

    /// Removes the leftover marks of this operation: the executor that closed it died before it could.
    async fn remove_left_over_marks(&self) -> Result<(), ServiceError> {
        let left_over = self.root.marks().take_left_over_of(&self.operation);
        if left_over.is_empty() {
            return Ok(());
        }
        self.root.note_identity().await?;
        journal_store::unmark(self.root.objects(), left_over).await;
        Ok(())
    }

    async fn delete_sidecar(&self) -> Result<(), ServiceError> {
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
    fn finished(&self, outcome: OutcomeKind) -> Result<JournalEntry, ServiceError> {
        let attempt = self.attempt().ok_or_else(|| self.internal())?;
        Ok(JournalEntry::Finished {
            epoch: self.epoch,
            outcome,
            tables: attempt.table_outcomes(&[]),
            catalog: attempt.catalog_effect(&[]),
            sidecar: attempt.sidecar.clone(),
        })
    }

    fn pause(
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
        ))
    }

    fn end(self, fate: SidecarFate) -> Result<ApplyReport, ServiceError> {
        let Some(finished) = self.journal.state.finished() else {
            return Err(self.internal());
        };
        self.progress.send(ExecutionReport::of(
            &self.journal.state,
            fate == SidecarFate::Kept,
        ));
        Ok(ApplyReport::finished(&self.operation, finished, fate))
    }

    /// Records that the terminal record is untrue here. First notes that the journal must be read again.
    async fn reopen(
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
    async fn interrupt(
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

/// Whether an execution goes on.
#[expect(
    clippy::large_enum_variant,
    reason = "a few are made in a whole call, and none is kept"
)]
enum Recorded<'a> {
    Further(Execution<'a>),
    Ended(Box<ApplyReport>),
}

impl Recorded<'_> {
    fn ended(report: ApplyReport) -> Self {
        Self::Ended(Box::new(report))
    }
}

/// Another executor wrote the record we were about to write. Our effects are done, and unrecorded ones may be.
async fn taken_over(
    root: &Root,
    operation: &OperationId,
    attempt: Option<Attempt>,
) -> Result<ApplyReport, ServiceError> {
    let journal = Journal::load(root.objects(), operation, &root.limits()).await?;
    journal.make_durable(root.objects()).await?;
    let state = journal.state;
    let Some(attempt) = state.attempt().cloned().or(attempt) else {
        return Err(ServiceError::JournalBusy {
            operation_id: operation.clone(),
        });
    };
    if let Some(finished) = state
        .finished()
        .filter(|finished| finished.digest == attempt.bytes.digest())
    {
        let is_kept = match finished.plan.retires() {
            Some(file) => sidecar_dir::is_there(root.objects(), file).await?,
            None => false,
        };
        return Ok(ApplyReport::finished(
            operation,
            finished,
            if is_kept {
                SidecarFate::Kept
            } else {
                SidecarFate::Retired
            },
        ));
    }
    Ok(ApplyReport::taken_over(operation, &attempt))
}
