//! What a journal's records add up to, and the next effect they leave to do.

mod attempt;
mod folding;
mod held;

use std::sync::Arc;

use super::approvals::Approvals;
use super::{JournalEntry, JournalError, JournalRecord};
use crate::approval::Approval;
use crate::digest::Digest;
use crate::ids::{OperationId, RootId};
use crate::plan::{Plan, PlanBytes, Purpose, Step};
use crate::sidecar::SidecarBytes;
use crate::timestamp::Timestamp;
use crate::version_9::RollbackOutcome;

pub use attempt::{Attempt, Finished};

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
}

/// Verifies the records of one operation, in order of sequence, and folds them.
///
/// # Errors
/// The first record that breaks a rule: see [`JournalError`].
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
