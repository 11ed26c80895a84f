//! What a journal's records add up to, and the next effect they leave to do.

mod held;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::approvals::Approvals;
use super::{JournalEntry, JournalError, JournalRecord, StepResult, record_digest};
use crate::apply_report::TableOutcome;
use crate::approval::{Approval, authorize};
use crate::digest::{Digest, Tag};
use crate::ids::{OperationId, RootId};
use crate::outcome::{Effect, OutcomeKind};
use crate::plan::{Plan, PlanBytes, PlannedTable, Purpose, Step, fits_its_sidecar};
use crate::sidecar::SidecarBytes;
use crate::timestamp::Timestamp;
use crate::version_9::RollbackOutcome;

/// The fold over one operation's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalState {
    operation_id: OperationId,
    records: u64,
    last: Option<Digest>,
    approvals: Approvals,
    attempt: Option<Attempt>,
    interrupted: Vec<Attempt>,
    sidecar: Option<SidecarBytes>,
    epochs: u64,
    finished: Option<Finished>,
    /// The attempt that finished.
    ended: Option<Box<Attempt>>,
    /// Whether the last attempt finished, and its end was found untrue since.
    is_reopened: bool,
}

/// An execution that was begun and has neither finished nor given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which claim holds it.
    pub epoch: u64,
    /// Who holds it.
    pub executor: String,
    /// When it was first claimed; for people.
    pub begun_at: Timestamp,
    /// The plan, with its canonical bytes.
    pub bytes: PlanBytes,
    /// The same, decoded.
    pub plan: Plan,
    /// The sidecar's bytes.
    pub sidecar: SidecarBytes,
    /// Steps that were intended, with the catalog version they were intended on.
    pub started: BTreeMap<usize, Option<u64>>,
    /// Steps that are done.
    pub done: BTreeMap<usize, StepResult>,
}

impl Attempt {
    /// Steps that the journal says were begun, and whose result it does not have.
    #[must_use]
    pub fn begun_not_done(&self) -> Vec<usize> {
        let begun = self.started.keys().copied();
        begun.filter(|step| !self.done.contains_key(step)).collect()
    }

    /// Whether it began a step of some kind, whatever came of it.
    #[must_use]
    pub fn has_begun(&self, kind: impl Fn(&Step) -> bool) -> bool {
        let begun = self.started.keys();
        begun
            .filter_map(|step| self.plan.steps.get(*step))
            .any(kind)
    }
}

/// What the terminal record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The plan that was carried out.
    pub plan: Plan,
    /// Its digest.
    pub digest: Digest,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Per table.
    pub tables: Vec<TableOutcome>,
    /// The catalog.
    pub catalog: Effect,
    /// The sidecar's bytes.
    pub sidecar: SidecarBytes,
    /// When; for people.
    pub recorded_at: Timestamp,
}

/// The next task of an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing is claimed.
    Claim,
    /// Do these steps; they do not depend on each other.
    Steps(Vec<usize>),
    /// Look at everything once more and write the terminal record.
    Record,
    /// Delete the sidecar file, or find it deleted.
    Retire,
}

impl JournalState {
    /// The journal before its first record.
    #[must_use]
    pub const fn new(operation_id: OperationId) -> Self {
        Self {
            operation_id,
            records: 0,
            last: None,
            approvals: Approvals::new(),
            attempt: None,
            interrupted: Vec::new(),
            sidecar: None,
            epochs: 0,
            finished: None,
            ended: None,
            is_reopened: false,
        }
    }

    /// The operation.
    #[must_use]
    pub const fn operation_id(&self) -> &OperationId {
        &self.operation_id
    }

    /// How many records there are.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Every approval with the canonical bytes of the plan it is for. Those of one plan share its bytes.
    #[must_use]
    pub fn approvals(&self) -> &[(Approval, Arc<str>)] {
        self.approvals.as_slice()
    }

    /// Whether a plan for this very root is approved. The journal of a copy holds the approvals of its original.
    #[must_use]
    pub fn is_approved_at(&self, root: &RootId) -> bool {
        self.approvals.are_for(root)
    }

    /// Approvals of exactly one plan, oldest first.
    #[must_use]
    pub fn approvals_of(&self, plan: Digest) -> Vec<Approval> {
        let approvals = self.approvals().iter().map(|(approval, _)| approval);
        let of_plan = approvals.filter(|approval| approval.plan_digest == plan);
        of_plan.cloned().collect()
    }

    /// The plan with this digest, as it was approved; `None` if no approval names it.
    #[must_use]
    pub fn approved_plan(&self, digest: Digest) -> Option<Plan> {
        let mut approvals = self.approvals().iter();
        let (_, text) = approvals.find(|(approval, _)| approval.plan_digest == digest)?;
        PlanBytes::verify(text.clone(), digest).ok()?.decode().ok()
    }

    /// The plan with this digest, as it was approved, else the one that was approved first: all of one operation are about one file.
    #[must_use]
    pub fn approved_plan_or_first(&self, digest: Digest) -> Option<Plan> {
        let first = || {
            let (approval, _) = self.approvals().first()?;
            self.approved_plan(approval.plan_digest)
        };
        self.approved_plan(digest).or_else(first)
    }

    /// The plan that was begun last and not ended since, whether it is under way or finished.
    #[must_use]
    pub fn begun(&self) -> Option<&Plan> {
        let under_way = self.attempt.as_ref().map(|attempt| &attempt.plan);
        under_way.or_else(|| self.finished.as_ref().map(|finished| &finished.plan))
    }

    /// The execution that is under way, or was interrupted by a crash.
    #[must_use]
    pub const fn attempt(&self) -> Option<&Attempt> {
        self.attempt.as_ref()
    }

    /// Attempts that ended without finishing, oldest first. One that did finish is among them once its end was found untrue.
    #[must_use]
    pub fn interrupted(&self) -> &[Attempt] {
        &self.interrupted
    }

    /// The sidecar bytes used when the file is missing: those of the last claim, while the operation still counts as pending.
    ///
    /// It does while somebody executes it. Once an attempt has ended without finishing, its purpose decides whether its operation
    /// still counts as pending:
    /// - a write whose recovery stopped half way is still that write;
    /// - the undo of a recovery is a write of its own from its first restore on; until then it changed no table, and it is laid
    ///   down again as an undo;
    /// - the release of tags changes nothing that a sidecar could announce;
    /// - a dismissal is no write. Only a file of the operation's own name has a write behind it. If a file that was set aside is
    ///   there again, the file itself counts.
    #[must_use]
    pub fn stand_in(&self) -> Option<&SidecarBytes> {
        if self.finished.is_some() {
            return None;
        }
        if let Some(attempt) = &self.attempt {
            return Some(&attempt.sidecar);
        }
        let last = self.interrupted.last()?;
        let is_a_write = match &last.plan.purpose {
            Purpose::Recover => true,
            Purpose::Undo { .. } => self
                .interrupted
                .iter()
                .any(|attempt| attempt.has_begun(Step::changes_a_table)),
            Purpose::Release { .. } => false,
            Purpose::Dismiss { .. } => {
                last.plan.file == self.operation_id.file_name() && !self.is_reopened
            }
        };
        is_a_write.then_some(&last.sidecar)
    }

    /// Digests of the bytes that attempts gave, or may have given, to their sidecar by writing an undo into it, and of the bytes
    /// that they found there. A file with such bytes is the sidecar of this operation, and no other.
    ///
    /// The bytes that they found count even after a later attempt was claimed with the undo in the file, since a backup may bring
    /// them back.
    pub fn prepared(&self) -> impl Iterator<Item = Digest> {
        let attempts = self.interrupted.iter().chain(&self.attempt);
        let attempts = attempts.chain(self.ended.as_deref());
        attempts
            .filter(|attempt| attempt.has_begun(|step| step.written_undo().is_some()))
            .flat_map(|attempt| {
                let given = attempt.plan.writes_into_its_sidecar();
                given.into_iter().chain([attempt.plan.sidecar])
            })
    }

    /// The undo that the attempt behind [`Self::stand_in`] wrote into the sidecar, if it did.
    #[must_use]
    pub fn prepared_undo(&self) -> Option<&[RollbackOutcome]> {
        let attempt = self.attempt.as_ref().or_else(|| self.interrupted.last())?;
        let mut done = attempt.done.keys();
        done.find_map(|step| Some(attempt.plan.steps.get(*step)?.written_undo()?.outcomes))
    }

    /// The sidecar's bytes, as the last claim kept them; `None` if nobody ever claimed the operation.
    ///
    /// They outlive an interrupted attempt: when its effects stopped half way and the file is gone, they are all there is to
    /// plan the rest from.
    #[must_use]
    pub const fn sidecar(&self) -> Option<&SidecarBytes> {
        self.sidecar.as_ref()
    }

    /// The terminal record, if there is one.
    #[must_use]
    pub const fn finished(&self) -> Option<&Finished> {
        self.finished.as_ref()
    }

    /// The attempt that came to the terminal record, if there is one.
    #[must_use]
    pub fn ended(&self) -> Option<&Attempt> {
        self.ended.as_deref()
    }

    /// The epoch the next claim has.
    #[must_use]
    pub const fn next_epoch(&self) -> u64 {
        self.epochs + 1
    }

    /// The record that would come next with this entry.
    #[must_use]
    pub fn next_record(&self, recorded_at: Timestamp, entry: JournalEntry) -> JournalRecord {
        JournalRecord {
            operation_id: self.operation_id.clone(),
            sequence: self.records + 1,
            previous: self.last,
            recorded_at,
            entry,
        }
    }

    /// What is to be done next. Pure: production, crash tests and models all ask this one function.
    #[must_use]
    pub fn next(&self) -> Next {
        if self.finished.is_some() {
            return Next::Retire;
        }
        let Some(attempt) = &self.attempt else {
            return Next::Claim;
        };
        let steps = &attempt.plan.steps;
        let Some(first) = (0..steps.len()).find(|step| !attempt.done.contains_key(step)) else {
            return Next::Record;
        };
        match &steps[first] {
            Step::Record { .. } | Step::Retire { .. } => Next::Record,
            // Neighbours of one kind touch different tables, or give different names to versions of one: they can go together.
            step @ (Step::Tag { .. } | Step::Untag { .. } | Step::Restore { .. }) => {
                let together =
                    (first..steps.len()).take_while(|other| steps[*other].kind() == step.kind());
                Next::Steps(
                    together
                        .filter(|other| !attempt.done.contains_key(other))
                        .collect(),
                )
            }
            Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::Publish { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. } => Next::Steps(vec![first]),
        }
    }

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

/// Verifies the records of one operation, in order of sequence, and folds them.
///
/// # Errors The first record that breaks a rule: see [`JournalError`].
pub fn verify_chain<'a>(
    operation_id: &OperationId,
    records: impl IntoIterator<Item = &'a [u8]>,
) -> Result<JournalState, JournalError> {
    let mut state = JournalState::new(operation_id.clone());
    for bytes in records {
        state = state.append(bytes)?;
    }
    Ok(state)
}
