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
use sidecar::{ApplyReport, Approval, ApprovedPlan, Digest, Difference, Effect, OperationId, OutcomeKind, PlanBytes, SidecarFate, authorize, differences};

use crate::clock;
use crate::journal_store::{self, Appended, Journal};
use crate::root::Root;
use crate::service::{Fresh, PlanOf, ServiceError, fresh_plan, unsafe_store};
use crate::sidecar_dir;

use effects::{StepsOutcome, do_steps};
use report::{conflict_report, finished_report, refused_report, unfinished_report};

pub use progress::ProgressSink;
pub(crate) use progress::execution_report;

/// Carries out an approved plan, or resumes it. On a finished operation it changes nothing and reports the outcome.
///
/// # Errors
/// See [`ServiceError`]: the attempt stays open in the journal, and applying again resumes it. Refusals, conflicts and unclear
/// effects are outcomes in the report.
pub async fn apply(root: &Root, operation: &OperationId, digest: Digest, progress: &ProgressSink) -> Result<ApplyReport, ServiceError> {
    let journal = match fresh_plan(root, operation, clock::now()).await? {
        Fresh::UnderWay { journal } => journal,
        Fresh::Gone { journal } if journal.state.finished().is_some() || journal.state.attempt().is_some() => journal,
        Fresh::Gone { journal } if !journal.state.approvals().is_empty() => return Ok(sidecar_gone(operation, digest)),
        Fresh::Gone { .. } => return Err(ServiceError::UnknownOperation { root: root.id().to_string(), operation: operation.to_string() }),
        Fresh::Plan { plan, bytes, blockers, journal } => {
            let fresh = PlanOf { plan, bytes, blockers };
            return begin(root, operation, digest, fresh, journal, progress).await;
        }
    };
    resume(root, operation, digest, journal, progress).await
}

/// Starts an operation nobody is executing: everything is checked before the first byte is written.
async fn begin(root: &Root, operation: &OperationId, digest: Digest, fresh: PlanOf, journal: Journal, progress: &ProgressSink) -> Result<ApplyReport, ServiceError> {
    if let Some(refusal) = fresh.refusal(operation, digest, &journal) {
        return Ok(refused_report(operation, digest, refusal));
    }
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => return Ok(refused_report(operation, digest, refusal(operation, detail))),
    };
    if let Some(refusal) = unsafe_store(root, operation).await? {
        return Ok(refused_report(operation, digest, refusal));
    }
    let sidecar = match sidecar_dir::read_sidecar(root.objects(), &approved.plan().file, &root.limits()).await? {
        Some(bytes) if sidecar::Digest::of(sidecar::Tag::Sidecar, &bytes) == approved.plan().sidecar => String::from_utf8_lossy(&bytes).into_owned(),
        _ => return Ok(sidecar_gone(operation, digest)),
    };
    let Some(execution) = Execution::claim(root, journal, &approved, sidecar, progress).await? else {
        return Ok(refused_report(operation, digest, refusal(operation, "another executor took this operation at the same moment; look how far it came".to_owned())));
    };
    // Writers look for the claim before they commit or publish, so what is seen from here on is what they left.
    execution.proceed(Some(&approved)).await
}

/// Continues an operation that was begun, or reports what it came to.
async fn resume(root: &Root, operation: &OperationId, digest: Digest, journal: Journal, progress: &ProgressSink) -> Result<ApplyReport, ServiceError> {
    if let Some(finished) = journal.state.finished() {
        let differs = finished.digest != digest;
        if differs {
            let detail = format!("the operation was finished with plan {}: {}", finished.digest, finished.outcome.name());
            return Ok(refused_report(operation, digest, refusal(operation, detail)));
        }
        let execution = Execution { root, journal, progress, epoch: 0 };
        return execution.retire().await;
    }
    let Some(attempt) = journal.state.attempt() else {
        return Err(ServiceError::UnknownOperation { root: root.id().to_string(), operation: operation.to_string() });
    };
    if attempt.bytes.digest() != digest {
        let detail = format!("plan {} is under way; apply that one to resume it", attempt.bytes.digest());
        return Ok(refused_report(operation, digest, refusal(operation, detail)));
    }
    let untouched = attempt.started.is_empty();
    let sidecar = attempt.sidecar.clone();
    let approved = match authorized(&journal, digest) {
        Ok(approved) => approved,
        Err(detail) => return Ok(refused_report(operation, digest, refusal(operation, detail))),
    };
    let Some(execution) = Execution::claim(root, journal, &approved, sidecar, progress).await? else {
        return Ok(refused_report(operation, digest, refusal(operation, "another executor took this operation at the same moment; look how far it came".to_owned())));
    };
    execution.proceed(untouched.then_some(&approved)).await
}

fn authorized(journal: &Journal, digest: Digest) -> Result<ApprovedPlan, String> {
    let text = journal.state.approvals().iter().find(|(approval, _)| approval.plan_digest == digest).map(|(_, text)| text.clone());
    let Some(text) = text else { return Err(format!("nobody has approved plan {digest}; approve exactly this plan first")) };
    let approvals: Vec<Approval> = journal.state.approvals().iter().map(|(approval, _)| approval.clone()).collect();
    let bytes = PlanBytes::verify(text, digest).map_err(|error| crate::chain::text(&error))?;
    authorize(bytes, &approvals).map_err(|error| crate::chain::text(&error))
}

fn refusal(operation: &OperationId, detail: String) -> RefusalReport {
    RefusalReport { operation_id: operation.to_string(), outcome: OutcomeKind::Refused, detail, reasons: Vec::new(), differences: Vec::new() }
}

fn sidecar_gone(operation: &OperationId, digest: Digest) -> ApplyReport {
    let detail = "the sidecar is gone or has other bytes: somebody else resolved the operation or changed the file; nothing was done".to_owned();
    let differences = vec![Difference { table_key: None, field: "sidecar".to_owned(), planned: "as approved".to_owned(), found: "gone or changed".to_owned() }];
    let mut report = refused_report(operation, digest, RefusalReport { operation_id: operation.to_string(), outcome: OutcomeKind::Conflict, detail, reasons: Vec::new(), differences });
    report.sidecar = SidecarFate::Kept;
    report
}

/// One claimed execution.
struct Execution<'a> {
    root: &'a Root,
    journal: Journal,
    progress: &'a ProgressSink,
    epoch: u64,
}

/// How the journal took a record.
enum Recorded<'a> {
    Done(Execution<'a>),
    TakenOver,
}

impl<'a> Execution<'a> {
    /// Claims the operation, in the journal and for writers to see; `None` if another executor was first.
    async fn claim(root: &'a Root, journal: Journal, approved: &ApprovedPlan, sidecar: String, progress: &'a ProgressSink) -> Result<Option<Self>, ServiceError> {
        let epoch = journal.state.next_epoch();
        let operation = journal.state.operation_id().clone();
        let entry = JournalEntry::Claimed {
            epoch,
            executor: uuid::Uuid::new_v4().to_string(),
            plan_digest: approved.digest(),
            plan: approved.bytes().text().to_owned(),
            sidecar,
        };
        match journal.append(root.objects(), clock::now(), entry).await? {
            Appended::Taken => Ok(None),
            Appended::Done(journal) => {
                journal_store::publish_claim(root.objects(), &operation).await?;
                let execution = Self { root, journal: *journal, progress, epoch };
                execution.report_progress();
                Ok(Some(execution))
            }
        }
    }

    fn report_progress(&self) {
        self.progress.send(execution_report(&self.journal.state, true));
    }

    fn attempt(&self) -> Option<&Attempt> {
        self.journal.state.attempt()
    }

    async fn record(mut self, entry: JournalEntry) -> Result<Recorded<'a>, ServiceError> {
        match self.journal.append(self.root.objects(), clock::now(), entry).await? {
            Appended::Taken => Ok(Recorded::TakenOver),
            Appended::Done(journal) => {
                self.journal = *journal;
                self.report_progress();
                Ok(Recorded::Done(self))
            }
        }
    }

    /// Looks again if nothing was begun yet, then does what the journal leaves to do.
    async fn proceed(self, check: Option<&ApprovedPlan>) -> Result<ApplyReport, ServiceError> {
        if let Some(approved) = check {
            let moved = closing::moved_since_approval(self.root, approved, self.attempt()).await?;
            if !moved.is_empty() {
                return self.interrupt("the root is not as the plan found it; nothing was done".to_owned(), moved).await;
            }
        }
        let mut execution = self;
        loop {
            let recorded = match execution.journal.state.next() {
                Next::Steps(steps) => execution.run(steps).await?,
                Next::Record => execution.finish().await?,
                Next::Retire => return execution.retire().await,
                Next::Claim => return Err(ServiceError::JournalBusy { operation_id: execution.journal.state.operation_id().clone() }),
            };
            execution = match recorded {
                Ran::Further(execution) => execution,
                Ran::Ended(report) => return Ok(*report),
            };
        }
    }

    async fn run(self, steps: Vec<usize>) -> Result<Ran<'a>, ServiceError> {
        let Some(attempt) = self.attempt().cloned() else { return self.lost() };
        let operation = self.journal.state.operation_id().clone();
        let root = self.root;
        let epoch = self.epoch;
        let mut execution = self;
        // A step on the catalog is intended on one version of it; when somebody else published meanwhile, it is intended anew.
        for _ in 0..effects::CATALOG_TRIES_MAX {
            let intent = match effects::intent(root, &attempt, &steps).await? {
                effects::Intent::On(catalog_version) => catalog_version,
                effects::Intent::Conflict(differences) => {
                    return execution.interrupt("the catalog is not as planned; what was not done yet was not done".to_owned(), differences).await.map(Ran::ended);
                }
                effects::Intent::AlreadyDone(results) => {
                    return execution.record(JournalEntry::StepsFinished { epoch, results }).await.map(|recorded| recorded.ran(&operation, attempt.bytes.digest()));
                }
            };
            let entry = JournalEntry::StepsStarted { epoch, steps: steps.clone(), catalog_version: intent };
            execution = match execution.record(entry).await? {
                Recorded::Done(execution) => execution,
                Recorded::TakenOver => return Ok(Ran::ended(taken_over(&operation, attempt.bytes.digest()))),
            };
            match do_steps(root, &attempt, &steps, intent).await? {
                StepsOutcome::Done(results) => {
                    return execution.record(JournalEntry::StepsFinished { epoch, results }).await.map(|recorded| recorded.ran(&operation, attempt.bytes.digest()));
                }
                StepsOutcome::CatalogMoved => {}
                StepsOutcome::Conflict { done, detail, differences } => {
                    if !done.is_empty() {
                        execution = match execution.record(JournalEntry::StepsFinished { epoch, results: done }).await? {
                            Recorded::Done(execution) => execution,
                            Recorded::TakenOver => return Ok(Ran::ended(taken_over(&operation, attempt.bytes.digest()))),
                        };
                    }
                    return execution.interrupt(detail, differences).await.map(Ran::ended);
                }
                StepsOutcome::Unknown { detail } => {
                    let Some(attempt) = execution.attempt() else { return execution.lost() };
                    return Ok(Ran::ended(unfinished_report(attempt, &operation, OutcomeKind::Unknown, detail, Vec::new(), Some(&steps))));
                }
            }
        }
        execution.interrupt("the catalog is published to all the time; try again when less is going on".to_owned(), Vec::new()).await.map(Ran::ended)
    }

    /// The attempt is gone from under us, which only another executor's record can do.
    fn lost(self) -> Result<Ran<'a>, ServiceError> {
        Err(ServiceError::JournalBusy { operation_id: self.journal.state.operation_id().clone() })
    }

    async fn finish(self) -> Result<Ran<'a>, ServiceError> {
        let Some(attempt) = self.attempt().cloned() else { return self.lost() };
        let operation = self.journal.state.operation_id().clone();
        let digest = attempt.bytes.digest();
        let moved = closing::moved_since_effects(self.root, &attempt).await?;
        if !moved.is_empty() {
            let detail = "a live writer moved these tables while they were recovered; stop it, and make a new plan".to_owned();
            return self.interrupt(detail, moved).await.map(Ran::ended);
        }
        let Some(outcome) = OutcomeKind::of_finished(attempt.plan.disposition) else { return self.lost() };
        let entry = JournalEntry::Finished {
            epoch: self.epoch,
            outcome,
            tables: report::table_outcomes(&attempt, None),
            catalog: report::catalog_effect(&attempt, None),
            sidecar: attempt.sidecar,
        };
        self.record(entry).await.map(|recorded| recorded.ran(&operation, digest))
    }

    /// Ends the attempt without finishing; the operation stays open and is planned anew.
    async fn interrupt(self, detail: String, differences: Vec<Difference>) -> Result<ApplyReport, ServiceError> {
        let operation = self.journal.state.operation_id().clone();
        let Some(attempt) = self.attempt().cloned() else { return Err(ServiceError::JournalBusy { operation_id: operation }) };
        let report = conflict_report(&attempt, &operation, detail.clone(), differences.clone());
        let entry = JournalEntry::Interrupted { epoch: self.epoch, detail, differences };
        match self.record(entry).await? {
            Recorded::Done(_) => Ok(report),
            Recorded::TakenOver => Ok(taken_over(&operation, attempt.bytes.digest())),
        }
    }

    /// Sees that the sidecar of a finished operation is gone. A file with other bytes is another sidecar, and stays.
    async fn retire(self) -> Result<ApplyReport, ServiceError> {
        let operation = self.journal.state.operation_id().clone();
        let Some(finished) = self.journal.state.finished() else { return Err(ServiceError::JournalBusy { operation_id: operation }) };
        let objects = self.root.objects();
        let fate = match sidecar_dir::read_sidecar(objects, &finished.plan.file, &self.root.limits()).await? {
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
        self.progress.send(execution_report(&self.journal.state, fate == SidecarFate::Kept));
        Ok(finished_report(finished, &operation, fate))
    }
}

/// Whether an execution goes on.
enum Ran<'a> {
    Further(Execution<'a>),
    Ended(Box<ApplyReport>),
}

impl Ran<'_> {
    fn ended(report: ApplyReport) -> Self {
        Self::Ended(Box::new(report))
    }
}

impl<'a> Recorded<'a> {
    fn ran(self, operation: &OperationId, digest: Digest) -> Ran<'a> {
        match self {
            Self::Done(execution) => Ran::Further(execution),
            Self::TakenOver => Ran::ended(taken_over(operation, digest)),
        }
    }
}

fn taken_over(operation: &OperationId, digest: Digest) -> ApplyReport {
    refused_report(operation, digest, refusal(operation, "another executor took over this operation; look how far it came".to_owned()))
}

/// Field by field, what moved between an approved plan and the one made now.
fn plan_differences(approved: &ApprovedPlan, now: &sidecar::Plan) -> Vec<Difference> {
    differences(approved.plan(), now)
}

/// Whether an effect of the plan reached the catalog, from the steps that are done.
fn changed(done: bool) -> Effect {
    if done { Effect::Changed } else { Effect::Unchanged }
}
