//! The journal of one operation: create-only records, each carrying the digest of the one before; the state is their fold.
//!
//! It is an intent log. A record says *started* before the effect and *finished* after it, so whoever comes after a crash
//! knows which effects to look for, and recognises them by their Lance transaction properties (ARCHITECTURE.md,
//! invariant 5). Times in it are for people; nothing depends on them.

mod approvals;
mod effects;
mod error;
mod recorded;
mod state;

use serde::{Deserialize, Serialize};

use crate::apply_report::TableOutcome;
use crate::approval::Approval;
use crate::difference::Difference;
use crate::digest::{Digest, Tag};
use crate::ids::OperationId;
use crate::outcome::{Effect, OutcomeKind};
use crate::plan::{Plan, PlanBytes};
use crate::sidecar::SidecarBytes;
use crate::timestamp::Timestamp;

pub use error::JournalError;
pub use state::{Attempt, Finished, JournalState, Next, verify_chain};

/// One record, stored as `__recovery_log/{operation_id}/{sequence:06}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// The operation whose journal this is.
    pub operation_id: OperationId,
    /// Position in the journal, from 1, without gaps.
    pub sequence: u64,
    /// Digest of the stored bytes of the record before; `None` for the first.
    pub previous: Option<Digest>,
    /// When it was written; for people.
    pub recorded_at: Timestamp,
    /// What it records.
    pub entry: JournalEntry,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JournalEntry {
    /// Somebody approved exactly this plan.
    Approved {
        /// The approval.
        approval: Approval,
        /// The plan's canonical bytes.
        plan: String,
    },
    /// Somebody took every approval of this plan back. A plan that is claimed can no longer be stopped this way.
    Revoked {
        /// The plan.
        plan_digest: Digest,
        /// Who.
        revoked_by: String,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// An executor took the operation. A later claim of the same plan takes over from it; nobody needs a clock to do so,
    /// since every effect is fenced and a paused executor finds its next record taken.
    Claimed {
        /// Counts claims of this operation, from 1.
        epoch: u64,
        /// A name the executor chose at random.
        executor: String,
        /// The plan.
        plan_digest: Digest,
        /// Its canonical bytes.
        plan: String,
        /// The sidecar's bytes, so that the operation can be finished without the file.
        sidecar: SidecarBytes,
    },
    /// The steps with these positions in the plan are about to be done.
    StepsStarted {
        /// The claim under which.
        epoch: u64,
        /// Positions in [`crate::Plan::steps`].
        steps: Vec<usize>,
        /// For steps that commit to the catalog: the version that was read, so that the effect is looked for at the one after.
        catalog_version: Option<u64>,
    },
    /// They are done.
    StepsFinished {
        /// The claim under which.
        epoch: u64,
        /// One entry per step.
        results: Vec<StepResult>,
    },
    /// The attempt ended without finishing: the world is not as planned, or a person ended it. The operation stays open and is
    /// planned anew.
    Interrupted {
        /// The claim that ends.
        epoch: u64,
        /// What happened, for people.
        detail: String,
        /// What moved.
        differences: Vec<Difference>,
        /// Who ended it, if that was a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ended_by: Option<EndedBy>,
    },
    /// The terminal record: everything but retiring the sidecar is done.
    Finished {
        /// The claim under which.
        epoch: u64,
        /// How it ended.
        outcome: OutcomeKind,
        /// Per table.
        tables: Vec<TableOutcome>,
        /// The catalog.
        catalog: Effect,
        /// The sidecar's bytes: retiring the file loses nothing.
        sidecar: SidecarBytes,
    },
    /// A look before the sidecar was retired found that the root is not as the terminal record says: it was restored from a backup,
    /// or it is a copy. The operation is open again, and is planned and approved anew.
    Reopened {
        /// What happened, for people.
        detail: String,
        /// What is not as recorded.
        differences: Vec<Difference>,
    },
}

/// A person who ended an attempt. They stated that every writer of the store is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndedBy {
    /// The name it is recorded under.
    pub name: String,
    /// Why, in their words.
    pub reason: String,
}

impl EndedBy {
    /// The entry by which this person ends the attempt of the claim `epoch`.
    #[must_use]
    pub fn ends(&self, epoch: u64) -> JournalEntry {
        JournalEntry::Interrupted {
            epoch,
            detail: format!("a person ended the attempt: {}", self.reason),
            differences: Vec::new(),
            ended_by: Some(self.clone()),
        }
    }

    /// The entry by which this person opens a finished operation again that cannot be closed.
    #[must_use]
    pub fn opens_again(&self) -> JournalEntry {
        JournalEntry::Reopened {
            detail: format!("{} opened it again: {}", self.name, self.reason),
            differences: Vec::new(),
        }
    }
}

impl JournalEntry {
    /// The plan that a claim is of; `None` for other entries, and for a claim whose plan is none.
    #[must_use]
    pub fn claimed_plan(&self) -> Option<Plan> {
        let Self::Claimed {
            plan, plan_digest, ..
        } = self
        else {
            return None;
        };
        let bytes = PlanBytes::verify(plan.clone(), *plan_digest).ok()?;
        bytes.decode().ok()
    }

    /// The name of the kind, as in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Approved { .. } => "approved",
            Self::Revoked { .. } => "revoked",
            Self::Claimed { .. } => "claimed",
            Self::StepsStarted { .. } => "steps_started",
            Self::StepsFinished { .. } => "steps_finished",
            Self::Interrupted { .. } => "interrupted",
            Self::Finished { .. } => "finished",
            Self::Reopened { .. } => "reopened",
        }
    }

    /// Whether it may follow the terminal record, which ends a journal unless its effects are found gone.
    #[must_use]
    pub const fn may_follow_the_terminal_record(&self) -> bool {
        match self {
            Self::Reopened { .. } => true,
            Self::Approved { .. }
            | Self::Revoked { .. }
            | Self::Claimed { .. }
            | Self::StepsStarted { .. }
            | Self::StepsFinished { .. }
            | Self::Interrupted { .. }
            | Self::Finished { .. } => false,
        }
    }

    /// Whether room for a whole attempt has to be left behind it. Whoever consents or begins can wait, and what is begun has to come to its
    /// end.
    #[must_use]
    pub const fn leaves_room_for_an_attempt(&self) -> bool {
        match self {
            Self::Approved { .. } | Self::Revoked { .. } | Self::Claimed { .. } => true,
            Self::StepsStarted { .. }
            | Self::StepsFinished { .. }
            | Self::Interrupted { .. }
            | Self::Finished { .. }
            | Self::Reopened { .. } => false,
        }
    }

    /// Whether it takes the operation from whoever holds it. No request that they have on its way may be sent after it.
    #[must_use]
    pub const fn takes_over(&self) -> bool {
        match self {
            Self::Claimed { .. } | Self::Interrupted { .. } | Self::Reopened { .. } => true,
            Self::Approved { .. }
            | Self::Revoked { .. }
            | Self::StepsStarted { .. }
            | Self::StepsFinished { .. }
            | Self::Finished { .. } => false,
        }
    }
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct StepResult {
    /// Position in [`crate::Plan::steps`].
    pub step: usize,
    /// The version it made or named, where there is one.
    pub version: Option<u64>,
    /// Whether an earlier attempt had already done it.
    pub already_done: bool,
}

impl JournalRecord {
    /// The bytes that are stored and hashed.
    ///
    /// # Errors
    /// The serialiser's words; no record should cause one.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }

    /// Name of the object in the operation's folder.
    #[must_use]
    pub fn object_name(sequence: u64) -> String {
        format!("{sequence:06}.json")
    }
}

/// Digest of a record's stored bytes.
#[must_use]
pub fn record_digest(bytes: &[u8]) -> Digest {
    Digest::of(Tag::JournalRecord, bytes)
}
