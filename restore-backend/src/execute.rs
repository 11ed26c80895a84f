//! Carrying out an approved plan: re-observe, claim, and do what the journal leaves to do, one journaled step after the other.
//!
//! The executor decides nothing. The journal's fold says what is next ([`sidecar::journal::JournalState::next`]); each effect is
//! intended in the journal before it is attempted, fenced so that it can land only where it was approved, and recognised by its
//! own transaction properties when it is met again. So a crash anywhere leaves a journal that the next `apply` continues.

mod closing;
mod effects;
mod progress;
mod report;

use sidecar::api::RefusalReport;
use sidecar::journal::{Attempt, JournalEntry, Next};
use sidecar::{
    ApplyReport, Approval, ApprovedPlan, Difference, Digest, Effect, OperationId, OutcomeKind,
    PlanBytes, SidecarFate, Step, authorize, differences,
};

use crate::clock;
use crate::journal_store::{self, Appended, Journal};
use crate::root::Root;
use crate::service::{Fresh, PlanOf, ServiceError, fresh_plan, unsafe_store};
use crate::sidecar_dir;

use effects::{StepsOutcome, do_steps};
use report::{conflict_report, finished_report, refused_report, unfinished_report};

pub use progress::ProgressSink;
pub(crate) use progress::execution_report;

/// Claims that are tried again because an approval took the number of their record.
const CLAIM_TRIES_MAX: usize = 16;

/// Carries out an approved plan, or resumes it. On a finished operation it changes nothing and reports the outcome.
///
/// # Errors
/// See [`ServiceError`]: the attempt stays open in the journal, and applying again resumes it. Refusals, conflicts and unclear
/// effects are outcomes in the report.
pub async fn apply(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    let journal = match fresh_plan(root, operation, Some(digest), clock::now()).await? {
        Fresh::UnderWay { journal } => journal,
        Fresh::Gone { journal }
            if journal.state.finished().is_some() || journal.state.attempt().is_some() =>
        {
            journal
        }
        Fresh::Gone { journal } if !journal.state.approvals().is_empty() => {
            return Ok(sidecar_gone(operation, digest));
        }
        Fresh::Gone { .. } => {
            return Err(ServiceError::UnknownOperation {
                root: root.id().to_string(),
                operation: operation.to_string(),
            });
        }
        Fresh::Plan {
            plan,
            bytes,
            blockers,
            journal,
            sidecar,
        } => {
            let fresh = PlanOf {
                plan,
                bytes,
                blockers,
                sidecar,
            };
            return begin(root, operation, digest, fresh, journal, progress).await;
        }
    };
    resume(root, operation, digest, journal, progress).await
}

/// Starts an operation nobody is executing: everything is checked before the first byte is written.
async fn begin(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    fresh: PlanOf,
    journal: Journal,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    if let Some(refusal) = fresh.refusal(operation, digest, &journal) {
        return Ok(refused_report(operation, digest, refusal));
    }
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => {
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
    };
    if let Some(refusal) = unsafe_store(root, operation).await? {
        return Ok(refused_report(operation, digest, refusal));
    }
    let stored = match fresh.sidecar {
        // The undo or release of something has no file of its own.
        Some(text) => Some(text.into_bytes()),
        None => {
            match sidecar_dir::read_sidecar(root.objects(), &approved.plan().file, &root.limits())
                .await?
            {
                Some(bytes) => Some(bytes),
                // An attempt that was interrupted left effects behind; they are recovered though somebody removed the file since.
                None => journal
                    .state
                    .sidecar()
                    .map(|sidecar| sidecar.as_bytes().to_vec()),
            }
        }
    };
    let sidecar = match stored {
        Some(bytes) if Digest::of(sidecar::Tag::Sidecar, &bytes) == approved.plan().sidecar => {
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return Ok(sidecar_gone(operation, digest)),
    };
    let Some(execution) = Execution::claim(root, journal, &approved, sidecar, progress).await?
    else {
        return Ok(refused_report(
            operation,
            digest,
            refusal(
                operation,
                "another executor took this operation at the same moment; look how far it came"
                    .to_owned(),
            ),
        ));
    };
    execution.proceed(&approved).await
}

/// Continues an operation that was begun, or reports what it came to.
async fn resume(
    root: &Root,
    operation: &OperationId,
    digest: Digest,
    journal: Journal,
    progress: &ProgressSink,
) -> Result<ApplyReport, ServiceError> {
    if let Some(finished) = journal.state.finished() {
        let differs = finished.digest != digest;
        if differs {
            let detail = format!(
                "the operation was finished with plan {}: {}",
                finished.digest,
                finished.outcome.name()
            );
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
        let execution = Execution {
            root,
            journal,
            progress,
            operation: operation.clone(),
            epoch: 0,
        };
        return execution.retire().await;
    }
    let Some(attempt) = journal.state.attempt() else {
        return Err(ServiceError::UnknownOperation {
            root: root.id().to_string(),
            operation: operation.to_string(),
        });
    };
    if attempt.bytes.digest() != digest {
        let detail = format!(
            "plan {} is under way; apply that one to resume it",
            attempt.bytes.digest()
        );
        return Ok(refused_report(
            operation,
            digest,
            refusal(operation, detail),
        ));
    }
    let sidecar = attempt.sidecar.clone();
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => {
            return Ok(refused_report(
                operation,
                digest,
                refusal(operation, detail),
            ));
        }
    };
    let Some(execution) = Execution::claim(root, journal, &approved, sidecar, progress).await?
    else {
        return Ok(refused_report(
            operation,
            digest,
            refusal(
                operation,
                "another executor took this operation at the same moment; look how far it came"
                    .to_owned(),
            ),
        ));
    };
    execution.proceed(&approved).await
}

fn authorized(journal: &Journal, digest: Digest) -> Result<ApprovedPlan, String> {
    let text = journal
        .state
        .approvals()
        .iter()
        .find(|(approval, _)| approval.plan_digest == digest)
        .map(|(_, text)| text.clone());
    let Some(text) = text else {
        return Err(format!(
            "nobody has approved plan {digest}; approve exactly this plan first"
        ));
    };
    let approvals: Vec<Approval> = journal
        .state
        .approvals()
        .iter()
        .map(|(approval, _)| approval.clone())
        .collect();
    let bytes = PlanBytes::verify(text, digest).map_err(|error| crate::chain::text(&error))?;
    authorize(bytes, &approvals).map_err(|error| crate::chain::text(&error))
}

fn refusal(operation: &OperationId, detail: String) -> RefusalReport {
    RefusalReport {
        operation_id: operation.to_string(),
        outcome: OutcomeKind::Refused,
        detail,
        reasons: Vec::new(),
        differences: Vec::new(),
    }
}

fn sidecar_gone(operation: &OperationId, digest: Digest) -> ApplyReport {
    let detail = "the sidecar is gone or has other bytes: somebody else resolved the operation or changed the file; nothing was done".to_owned();
    let differences = vec![Difference {
        table_key: None,
        field: "sidecar".to_owned(),
        planned: "as approved".to_owned(),
        found: "gone or changed".to_owned(),
    }];
    let mut report = refused_report(
        operation,
        digest,
        RefusalReport {
            operation_id: operation.to_string(),
            outcome: OutcomeKind::Conflict,
            detail,
            reasons: Vec::new(),
            differences,
        },
    );
    report.sidecar = SidecarFate::Kept;
    report
}

/// One claimed execution.
struct Execution<'a> {
    root: &'a Root,
    journal: Journal,
    progress: &'a ProgressSink,
    operation: OperationId,
    epoch: u64,
}

impl<'a> Execution<'a> {
    /// Claims the operation, in the journal and for writers to see; `None` if another executor was first.
    async fn claim(
        root: &'a Root,
        mut journal: Journal,
        approved: &ApprovedPlan,
        sidecar: String,
        progress: &'a ProgressSink,
    ) -> Result<Option<Self>, ServiceError> {
        let epoch = journal.state.next_epoch();
        let takes_over = journal.state.attempt().is_some();
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
                    return Ok(Some(execution));
                }
                Appended::Taken => {
                    journal = Journal::load(root.objects(), &operation, &root.limits()).await?
                }
            }
            // One more approval, or one more step of the executor that is taken over from, changes nothing; anything else does.
            let state = &journal.state;
            if state.next_epoch() != epoch
                || state.finished().is_some()
                || state.attempt().is_some() != takes_over
            {
                return Ok(None);
            }
        }
        Err(ServiceError::JournalBusy {
            operation_id: operation,
        })
    }

    fn report_progress(&self) {
        self.progress
            .send(execution_report(&self.journal.state, true));
    }

    fn attempt(&self) -> Option<&Attempt> {
        self.journal.state.attempt()
    }

    async fn record(mut self, entry: JournalEntry) -> Result<Ran<'a>, ServiceError> {
        let attempt = self.attempt().cloned();
        match self
            .journal
            .append(self.root.objects(), clock::now(), entry)
            .await?
        {
            Appended::Taken => taken_over(self.root, &self.operation, attempt)
                .await
                .map(Ran::ended),
            Appended::Done(journal) => {
                self.journal = *journal;
                self.report_progress();
                Ok(Ran::Further(self))
            }
        }
    }

    /// Looks again if no table was touched yet, then does what the journal leaves to do.
    ///
    /// Writers look for the claim before they commit or publish, so what is seen from here on is what they left.
    async fn proceed(self, approved: &ApprovedPlan) -> Result<ApplyReport, ServiceError> {
        if self.attempt().is_some_and(is_untouched) {
            let moved = closing::moved_since_approval(self.root, approved, self.attempt()).await?;
            if !moved.is_empty() {
                // An earlier execution may have died right after the catalog's fence, before it could record that.
                let begun = self.attempt().map(begun_not_done).unwrap_or_default();
                return self
                    .interrupt(
                        "the root is not as the plan found it; no table was touched".to_owned(),
                        moved,
                        Some(&begun),
                    )
                    .await;
            }
        }
        let mut execution = self;
        loop {
            let recorded = match execution.journal.state.next() {
                Next::Steps(steps) => execution.run(steps).await?,
                Next::Record => execution.finish().await?,
                Next::Retire => return execution.retire().await,
                Next::Claim => {
                    return Err(ServiceError::JournalBusy {
                        operation_id: execution.operation,
                    });
                }
            };
            execution = match recorded {
                Ran::Further(execution) => execution,
                Ran::Ended(report) => return Ok(*report),
            };
        }
    }

    async fn run(self, steps: Vec<usize>) -> Result<Ran<'a>, ServiceError> {
        let (root, epoch) = (self.root, self.epoch);
        let mut execution = self;
        // A step on the catalog is intended on one version of it; when somebody else published meanwhile, it is intended anew.
        for _ in 0..effects::CATALOG_TRIES_MAX {
            let Some(attempt) = execution.attempt().cloned() else {
                return execution.lost();
            };
            let catalog_version = match effects::intent(root, &attempt, &steps).await? {
                effects::Intent::On(catalog_version) => catalog_version,
                effects::Intent::AlreadyDone(results) => {
                    return execution
                        .record(JournalEntry::StepsFinished { epoch, results })
                        .await;
                }
                effects::Intent::Conflict {
                    differences,
                    unclear,
                } => {
                    let detail =
                        "the catalog is not as planned; what was not done yet was not done"
                            .to_owned();
                    return execution
                        .interrupt(detail, differences, unclear.then_some(&steps))
                        .await
                        .map(Ran::ended);
                }
            };
            execution = match execution
                .record(JournalEntry::StepsStarted {
                    epoch,
                    steps: steps.clone(),
                    catalog_version,
                })
                .await?
            {
                Ran::Further(execution) => execution,
                ended => return Ok(ended),
            };
            match do_steps(root, &attempt, &steps, catalog_version).await? {
                StepsOutcome::Done(results) => {
                    return execution
                        .record(JournalEntry::StepsFinished { epoch, results })
                        .await;
                }
                StepsOutcome::CatalogMoved => {}
                StepsOutcome::Conflict {
                    done,
                    detail,
                    differences,
                } => {
                    if !done.is_empty() {
                        execution = match execution
                            .record(JournalEntry::StepsFinished {
                                epoch,
                                results: done,
                            })
                            .await?
                        {
                            Ran::Further(execution) => execution,
                            ended => return Ok(ended),
                        };
                    }
                    return execution
                        .interrupt(detail, differences, None)
                        .await
                        .map(Ran::ended);
                }
                StepsOutcome::Unknown { detail } => {
                    let report = unfinished_report(
                        &attempt,
                        &execution.operation,
                        OutcomeKind::Unknown,
                        detail,
                        Vec::new(),
                        Some(&steps),
                    );
                    return Ok(Ran::ended(report));
                }
            }
        }
        // The world is as planned, only busy: the attempt stays open, and the same approval carries on with it.
        let Some(attempt) = execution.attempt() else {
            return execution.lost();
        };
        let detail = "the catalog is published to all the time; apply again when less is going on"
            .to_owned();
        Ok(Ran::ended(conflict_report(
            attempt,
            &execution.operation,
            detail,
            Vec::new(),
        )))
    }

    /// The attempt is gone from under us, which only another executor's record can do.
    fn lost(self) -> Result<Ran<'a>, ServiceError> {
        Err(ServiceError::JournalBusy {
            operation_id: self.operation,
        })
    }

    async fn finish(self) -> Result<Ran<'a>, ServiceError> {
        let Some(attempt) = self.attempt().cloned() else {
            return self.lost();
        };
        let moved = closing::moved_since_effects(self.root, &attempt).await?;
        if !moved.is_empty() {
            let detail = "a live writer moved these tables while they were recovered; stop it, and make a new plan".to_owned();
            return self.interrupt(detail, moved, None).await.map(Ran::ended);
        }
        let Some(outcome) = attempt.plan.outcome() else {
            return self.lost();
        };
        let entry = JournalEntry::Finished {
            epoch: self.epoch,
            outcome,
            tables: report::table_outcomes(&attempt, None),
            catalog: report::catalog_effect(&attempt, None),
            sidecar: attempt.sidecar,
        };
        self.record(entry).await
    }

    /// Ends the attempt without finishing; the operation stays open and is planned anew.
    async fn interrupt(
        self,
        detail: String,
        differences: Vec<Difference>,
        unclear: Option<&Vec<usize>>,
    ) -> Result<ApplyReport, ServiceError> {
        let Some(attempt) = self.attempt() else {
            return Err(ServiceError::JournalBusy {
                operation_id: self.operation,
            });
        };
        let unclear = unclear.map(Vec::as_slice);
        let report = unfinished_report(
            attempt,
            &self.operation,
            OutcomeKind::Conflict,
            detail.clone(),
            differences.clone(),
            unclear,
        );
        let entry = JournalEntry::Interrupted {
            epoch: self.epoch,
            detail,
            differences,
        };
        Ok(match self.record(entry).await? {
            Ran::Further(_) => report,
            Ran::Ended(taken_over) => *taken_over,
        })
    }

    /// Sees that the sidecar of a finished operation is gone. A file with other bytes is another sidecar, and stays.
    async fn retire(self) -> Result<ApplyReport, ServiceError> {
        let operation = self.operation;
        let Some(finished) = self.journal.state.finished() else {
            return Err(ServiceError::JournalBusy {
                operation_id: operation,
            });
        };
        let objects = self.root.objects();
        let stored = match finished.plan.retires() {
            Some(file) => sidecar_dir::read_sidecar(objects, file, &self.root.limits()).await?,
            None => None,
        };
        let fate = match stored {
            None => SidecarFate::Retired,
            Some(bytes) if Digest::of(sidecar::Tag::Sidecar, &bytes) == finished.plan.sidecar => {
                sidecar_dir::delete_sidecar(objects, &finished.plan.file).await?;
                SidecarFate::Retired
            }
            Some(_) => SidecarFate::Kept,
        };
        if fate == SidecarFate::Retired && !journal_store::is_closed(objects, &operation).await? {
            journal_store::close(objects, &operation).await?;
        }
        self.progress.send(execution_report(
            &self.journal.state,
            fate == SidecarFate::Kept,
        ));
        Ok(finished_report(finished, &operation, fate))
    }
}

/// Whether an execution goes on.
#[expect(
    clippy::large_enum_variant,
    reason = "a few are made in a whole call, and none is kept"
)]
enum Ran<'a> {
    Further(Execution<'a>),
    Ended(Box<ApplyReport>),
}

impl Ran<'_> {
    fn ended(report: ApplyReport) -> Self {
        Self::Ended(Box::new(report))
    }
}

/// Another executor's record stands where ours was to be. What this one did is done, and what it has not recorded may be.
async fn taken_over(
    root: &Root,
    operation: &OperationId,
    attempt: Option<Attempt>,
) -> Result<ApplyReport, ServiceError> {
    let state = Journal::load(root.objects(), operation, &root.limits())
        .await?
        .state;
    let Some(attempt) = state.attempt().cloned().or(attempt) else {
        return Err(ServiceError::JournalBusy {
            operation_id: operation.clone(),
        });
    };
    if let Some(finished) = state
        .finished()
        .filter(|finished| finished.digest == attempt.bytes.digest())
    {
        let is_kept =
            sidecar_dir::read_sidecar(root.objects(), &finished.plan.file, &root.limits())
                .await?
                .is_some();
        return Ok(finished_report(
            finished,
            operation,
            if is_kept {
                SidecarFate::Kept
            } else {
                SidecarFate::Retired
            },
        ));
    }
    let detail = "another executor took over this operation; look how far it came, and apply again if it stopped".to_owned();
    let steps: Vec<usize> = (0..attempt.plan.steps.len()).collect();
    Ok(unfinished_report(
        &attempt,
        operation,
        OutcomeKind::Unknown,
        detail,
        Vec::new(),
        Some(&steps),
    ))
}

/// Steps of which the journal knows that they were begun, and not what came of them.
fn begun_not_done(attempt: &Attempt) -> Vec<usize> {
    let begun = attempt.started.keys().copied();
    begun
        .filter(|step| !attempt.done.contains_key(step))
        .collect()
}

/// Whether nothing was attempted that a plan made now would see: tags and the catalog's fence change no plan.
fn is_untouched(attempt: &Attempt) -> bool {
    let harmless = |step: &usize| {
        matches!(
            attempt.plan.steps.get(*step),
            Some(
                Step::Tag { .. }
                    | Step::Untag { .. }
                    | Step::Announce { .. }
                    | Step::FenceCatalog { .. }
            )
        )
    };
    attempt.started.keys().all(harmless)
}

/// Field by field, what moved between an approved plan and the one made now.
fn plan_differences(approved: &ApprovedPlan, now: &sidecar::Plan) -> Vec<Difference> {
    differences(approved.plan(), now)
}

/// Whether an effect of the plan reached the catalog, from the steps that are done.
fn changed(done: bool) -> Effect {
    if done {
        Effect::Changed
    } else {
        Effect::Unchanged
    }
}
