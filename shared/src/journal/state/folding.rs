//! Folding one record after the other: which may follow, and what each adds.

use std::collections::BTreeMap;

use super::attempt::{Attempt, Finished};
use super::{JournalState, Next};
use crate::apply_report::TableOutcome;
use crate::approval::{Approval, authorize};
use crate::digest::{Digest, Tag};
use crate::journal::{JournalEntry, JournalError, JournalRecord, record_digest};
use crate::plan::{Plan, PlanBytes, PlannedTable, fits_its_sidecar};

impl JournalState {
    /// Takes the next record's stored bytes.
    ///
    /// # Errors
    /// See [`JournalError`]; the state is then lost, so clone it first where that matters.
    pub fn append(mut self, bytes: &[u8]) -> Result<Self, JournalError> {
        let sequence = self.records + 1;
        let operation_id = || self.operation_id.clone();
        let record: JournalRecord =
            serde_json::from_slice(bytes).map_err(|error| JournalError::NotARecord {
                operation_id: operation_id(),
                sequence,
                reason: error.to_string(),
            })?;
        if record.to_bytes().as_deref() != Ok(bytes) {
            let reason = "its bytes are not how this build writes a record".to_owned();
            return Err(JournalError::NotARecord {
                operation_id: operation_id(),
                sequence,
                reason,
            });
        }
        let broken = |reason: &str| JournalError::ChainBroken {
            operation_id: operation_id(),
            sequence,
            reason: reason.to_owned(),
        };
        if record.operation_id != self.operation_id {
            return Err(broken("it names another operation"));
        }
        if record.sequence != sequence {
            return Err(broken(&format!("it says it is record {}", record.sequence)));
        }
        if record.previous != self.last {
            return Err(broken(
                "it does not carry the digest of the record before it",
            ));
        }
        if self.finished.is_some() && !record.entry.may_follow_the_terminal_record() {
            return Err(JournalError::IllegalTransition {
                operation_id: operation_id(),
                sequence,
                reason: "the journal has its terminal record".to_owned(),
            });
        }
        self.enter(sequence, record)?;
        self.records = sequence;
        self.last = Some(record_digest(bytes));
        Ok(self)
    }

    fn enter(&mut self, sequence: u64, record: JournalRecord) -> Result<(), JournalError> {
        let operation_id = self.operation_id.clone();
        let illegal = |reason: String| {
            Err(JournalError::IllegalTransition {
                operation_id: operation_id.clone(),
                sequence,
                reason,
            })
        };
        match record.entry {
            JournalEntry::Approved { approval, plan } => {
                let (bytes, plan) = self.plan(sequence, plan, approval.plan_digest)?;
                if approval.operation_id != self.operation_id {
                    return illegal(format!(
                        "the approval is for operation {}",
                        approval.operation_id
                    ));
                }
                self.approvals
                    .add(approval, bytes.shared_text(), plan.root.clone());
            }
            JournalEntry::Revoked { plan_digest, .. } => {
                if let Some(attempt) = &self.attempt
                    && attempt.bytes.digest() == plan_digest
                {
                    return illegal(format!("plan {plan_digest} is under way"));
                }
                if !self.approvals.revoke(plan_digest) {
                    return illegal(format!("nobody has approved plan {plan_digest}"));
                }
            }
            JournalEntry::Claimed {
                epoch,
                executor,
                plan_digest,
                plan,
                sidecar,
            } => {
                if epoch != self.next_epoch() {
                    return illegal(format!("claim {epoch} cannot follow claim {}", self.epochs));
                }
                let (bytes, plan) = self.plan(sequence, plan, plan_digest)?;
                let approvals: Vec<Approval> = self
                    .approvals()
                    .iter()
                    .map(|(approval, _)| approval.clone())
                    .collect();
                if let Err(error) = authorize(bytes.clone(), &approvals) {
                    return illegal(error.to_string());
                }
                if Digest::of(Tag::Sidecar, sidecar.as_bytes()) != plan.sidecar {
                    return illegal(
                        "the sidecar in the claim is not the one of the plan".to_owned(),
                    );
                }
                if let Err(reason) = fits_its_sidecar(&plan, sidecar.as_bytes()) {
                    return illegal(reason);
                }
                let (begun_at, started, done) = match self.attempt.take() {
                    Some(attempt) if attempt.bytes.digest() == plan_digest => {
                        (attempt.begun_at, attempt.started, attempt.done)
                    }
                    Some(attempt) => {
                        return illegal(format!("plan {} is under way", attempt.bytes.digest()));
                    }
                    None => (record.recorded_at, BTreeMap::new(), BTreeMap::new()),
                };
                self.is_reopened = false;
                self.sidecar = Some(sidecar.clone());
                self.attempt = Some(Attempt {
                    epoch,
                    executor,
                    begun_at,
                    bytes,
                    plan,
                    sidecar,
                    started,
                    done,
                });
                self.epochs = epoch;
            }
            JournalEntry::StepsStarted {
                epoch,
                steps,
                catalog_version,
            } => {
                let next = match self.next() {
                    Next::Steps(steps) => steps,
                    Next::Claim | Next::Record | Next::Retire => Vec::new(),
                };
                let attempt = self.held(sequence, epoch)?;
                if let Some(step) = steps.iter().find(|step| !next.contains(step)) {
                    return illegal(format!("step {step} is not what comes next"));
                }
                attempt
                    .started
                    .extend(steps.into_iter().map(|step| (step, catalog_version)));
            }
            JournalEntry::StepsFinished { epoch, results } => {
                let attempt = self.held(sequence, epoch)?;
                for result in results {
                    let step = result.step;
                    if !attempt.started.contains_key(&step) {
                        return illegal(format!("step {step} was never started"));
                    }
                    if attempt.done.insert(step, result).is_some() {
                        return illegal(format!("step {step} is done already"));
                    }
                }
            }
            JournalEntry::Interrupted {
                epoch, ended_by, ..
            } => {
                self.held(sequence, epoch)?;
                self.interrupted.extend(self.attempt.take());
                // A person stopped this attempt. Even where the plan comes out the same, somebody has to consent to it anew.
                if ended_by.is_some() {
                    self.approvals.clear();
                }
            }
            JournalEntry::Finished {
                epoch,
                outcome,
                tables,
                catalog,
                sidecar,
            } => {
                self.held(sequence, epoch)?;
                if self.next() != Next::Record {
                    return illegal("steps of the plan are not done".to_owned());
                }
                if let Some(attempt) = self.attempt.take() {
                    if attempt.plan.outcome() != Some(outcome) {
                        return illegal(format!(
                            "a plan of disposition {} does not end as {}",
                            attempt.plan.disposition.name(),
                            outcome.name()
                        ));
                    }
                    let is_of_plan = |(table, outcome): (&PlannedTable, &TableOutcome)| {
                        TableOutcome::of(&attempt.plan, table, outcome.effect) == *outcome
                    };
                    if tables.len() != attempt.plan.tables.len()
                        || !attempt.plan.tables.iter().zip(&tables).all(is_of_plan)
                    {
                        return illegal(
                            "its report of the tables does not follow from the plan".to_owned(),
                        );
                    }
                    if sidecar != attempt.sidecar {
                        return illegal(
                            "the sidecar in the terminal record is not the one of the claim"
                                .to_owned(),
                        );
                    }
                    let digest = attempt.bytes.digest();
                    self.finished = Some(Finished {
                        plan: attempt.plan.clone(),
                        digest,
                        outcome,
                        tables,
                        catalog,
                        sidecar,
                        recorded_at: record.recorded_at,
                    });
                    self.ended = Some(Box::new(attempt));
                }
            }
            JournalEntry::Reopened { .. } => {
                if self.finished.take().is_none() {
                    return illegal("the journal has no terminal record".to_owned());
                }
                self.interrupted
                    .extend(self.ended.take().map(|ended| *ended));
                self.is_reopened = true;
                // They were for the effects that are gone. A person has to look at the root as it is now, even if the plan comes
                // out the same.
                self.approvals.clear();
            }
        }
        Ok(())
    }

    fn held(&mut self, sequence: u64, epoch: u64) -> Result<&mut Attempt, JournalError> {
        let operation_id = self.operation_id.clone();
        match &mut self.attempt {
            Some(attempt) if attempt.epoch == epoch => Ok(attempt),
            _ => Err(JournalError::IllegalTransition {
                operation_id,
                sequence,
                reason: format!("claim {epoch} does not hold the operation"),
            }),
        }
    }

    fn plan(
        &self,
        sequence: u64,
        text: String,
        digest: Digest,
    ) -> Result<(PlanBytes, Plan), JournalError> {
        let untrusted = |source| JournalError::Plan {
            operation_id: self.operation_id.clone(),
            sequence,
            source,
        };
        let text = self.approvals.shared(digest, text);
        let bytes = PlanBytes::verify(text, digest).map_err(untrusted)?;
        let plan = bytes.decode().map_err(untrusted)?;
        if plan.operation_id == self.operation_id {
            Ok((bytes, plan))
        } else {
            Err(JournalError::IllegalTransition {
                operation_id: self.operation_id.clone(),
                sequence,
                reason: format!("the plan is for operation {}", plan.operation_id),
            })
        }
    }
}
