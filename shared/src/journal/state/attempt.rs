//! One execution of a plan: while it is under way, and once it is finished.

use std::collections::BTreeMap;

use crate::apply_report::TableOutcome;
use crate::digest::Digest;
use crate::journal::StepResult;
use crate::outcome::{Effect, OutcomeKind};
use crate::plan::{Plan, PlanBytes, Step};
use crate::sidecar::SidecarBytes;
use crate::timestamp::Timestamp;

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
    /// The version of the catalog at which its publish landed, if it did.
    #[must_use]
    pub fn published_at(&self) -> Option<u64> {
        let mut steps = self.plan.steps.iter();
        let publish = steps.position(Step::makes_visible)?;
        self.done.get(&publish)?.version
    }

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
