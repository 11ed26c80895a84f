//! The next move of an executor: a pure function of the journal and of the facts seen.
//!
//! [`next`] either names one effect or asks for one look. Production, crash tests and the model all perform exactly what it says:
//! look, append the record, do the steps, and ask again. It never assumes what nobody looked at.

mod sidecar_seen;

use std::collections::BTreeMap;

use crate::difference::{Difference, DifferenceField};
use crate::journal::{Attempt, JournalState, Next, StepResult};
use crate::outcome::{OutcomeKind, SidecarFate};
use crate::plan::{Plan, Step};
use crate::verdict::Action;

pub use sidecar_seen::SidecarSeen;

/// How often a step on the catalog is intended anew because others published meanwhile.
pub const CATALOG_TRIES_MAX: usize = 16;

/// What was seen since the last record. Facts only; `None` is *nobody looked*.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// What moved between the approved plan and the root after the claim.
    pub since_approval: Option<Vec<Difference>>,
    /// The catalog.
    pub catalog: Option<CatalogSeen>,
    /// Whose commit stands at the one version at which an intended catalog effect can have landed.
    pub landed: Option<Landed>,
    /// The outcome of the steps that were begun.
    pub did: Option<StepsOutcome>,
    /// Differences between the root and the recorded results of the steps.
    pub since_effects: Option<Vec<Difference>>,
    /// What is not as the terminal record says.
    pub since_finished: Option<Vec<Difference>>,
    /// The sidecar's file.
    pub sidecar: Option<SidecarSeen>,
    /// Whether the operation is noted as closed.
    pub closed: Option<bool>,
    /// Catalog steps that lost to somebody else's publish, since they came next.
    pub catalog_tries: usize,
}

/// The branch of the catalog that the plan concerns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CatalogSeen {
    /// It is there.
    At {
        /// Its version.
        version: u64,
        /// Visible versions, by table key.
        pins: BTreeMap<String, u64>,
    },
    /// It, or the branch, is gone.
    Gone {
        /// [`DifferenceField::Catalog`] or [`DifferenceField::CatalogBranch`].
        what: DifferenceField,
    },
}

/// Whose commit stands at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Landed {
    /// It names this operation, this plan and this effect in its Lance transaction properties.
    Ours,
    /// Somebody else's, or none yet.
    Foreign,
    /// The version was cleaned away, so nobody can tell.
    Gone,
}

/// The outcome of steps that go together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StepsOutcome {
    /// All are done.
    Done(Vec<StepResult>),
    /// Somebody else committed to the catalog between reading and committing; nothing happened.
    CatalogMoved,
    /// Some precondition does not hold. Those in `done` are done, those in `unclear` may have been, the others did not happen.
    Conflict {
        /// What is done nonetheless.
        done: Vec<StepResult>,
        /// Steps that can no longer happen; whether they already did is unknown.
        unclear: Vec<usize>,
        /// What happened, for people.
        detail: String,
        /// What moved.
        differences: Vec<Difference>,
    },
    /// Storage did not say whether one of them happened.
    Unknown {
        /// What is not known, for people.
        detail: String,
    },
}

/// The one thing to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Nobody holds the operation: claim it first.
    Claim,
    /// Look, and ask again.
    Look(Look),
    /// Record that these steps are begun, the catalog's on this version; then do them.
    Begin {
        /// Positions in the plan. They do not depend on each other.
        steps: Vec<usize>,
        /// The catalog version they are intended on, for steps that commit to it.
        catalog_version: Option<u64>,
    },
    /// Record that these are done.
    Note(Vec<StepResult>),
    /// Record that the attempt ends without finishing.
    Interrupt {
        /// Why, for people.
        detail: String,
        /// What moved.
        differences: Vec<Difference>,
        /// Steps that may or may not have happened.
        unclear: Vec<usize>,
    },
    /// Record nothing and stop: the attempt stays open, and applying again goes on with it.
    Pause {
        /// [`OutcomeKind::Unknown`] or [`OutcomeKind::Conflict`].
        outcome: OutcomeKind,
        /// Why, for people.
        detail: String,
        /// Steps that may or may not have happened.
        unclear: Vec<usize>,
    },
    /// Write the terminal record.
    Record(OutcomeKind),
    /// Record that the terminal record is not true here. The sidecar stays, and the operation is planned anew.
    Reopen {
        /// Why, for people.
        detail: String,
        /// What is not as recorded.
        differences: Vec<Difference>,
    },
    /// Delete the sidecar.
    DeleteSidecar,
    /// Note that the operation is finished and its sidecar gone.
    Close,
    /// Everything is done.
    Ended(SidecarFate),
}

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Everything the plan was made from, to fill [`Seen::since_approval`].
    SinceApproval,
    /// The catalog, to fill [`Seen::catalog`].
    Catalog,
    /// One version of the catalog, to fill [`Seen::landed`].
    Landed {
        /// The step whose effect may stand there.
        step: usize,
        /// The version.
        version: u64,
    },
    /// Everything the plan touched, to fill [`Seen::since_effects`].
    SinceEffects,
    /// Everything that the terminal record says, to fill [`Seen::since_finished`].
    SinceFinished,
    /// The sidecar's file, to fill [`Seen::sidecar`].
    Sidecar,
    /// Whether the operation is closed, to fill [`Seen::closed`].
    Closed,
}

impl Seen {
    /// Keeps the observations that stay true after a record is appended: the look after the claim, a conflict not yet recorded, the
    /// last look before the terminal record.
    #[must_use]
    pub fn after_a_record(self) -> Self {
        let did = match self.did {
            Some(StepsOutcome::Conflict {
                done,
                unclear,
                detail,
                differences,
            }) if !done.is_empty() => Some(StepsOutcome::Conflict {
                done: Vec::new(),
                unclear,
                detail,
                differences,
            }),
            _ => None,
        };
        Self {
            since_approval: self.since_approval,
            did,
            since_finished: self.since_effects.filter(Vec::is_empty),
            ..Self::default()
        }
    }

    /// Whether a finished operation is over, so that every later commit belongs to others: it is closed, and the sidecar that it
    /// claimed is gone, even if another file bears its name. A plan that retires no sidecar is over once it is finished.
    #[must_use]
    pub fn is_over(&self, finished: &Plan) -> bool {
        let is_gone = self.sidecar != Some(SidecarSeen::AsPlanned);
        finished.retires().is_none() || (self.closed == Some(true) && is_gone)
    }

    /// The facts once steps that were begun came to their outcome. A catalog that moved is looked at again.
    #[must_use]
    pub fn having_done(self, did: StepsOutcome) -> Self {
        match did {
            StepsOutcome::CatalogMoved => Self {
                since_approval: self.since_approval,
                catalog_tries: self.catalog_tries + 1,
                ..Self::default()
            },
            did => Self {
                did: Some(did),
                ..self
            },
        }
    }
}

/// What is to be done next.
#[must_use]
pub fn next(state: &JournalState, seen: &Seen) -> Move {
    let next = state.next();
    if next == Next::Retire {
        return retire(state, seen);
    }
    let Some(attempt) = state.attempt() else {
        return Move::Claim;
    };
    if is_untouched(attempt) {
        match &seen.since_approval {
            None => return Move::Look(Look::SinceApproval),
            Some(moved) if !moved.is_empty() => {
                return Move::Interrupt {
                    detail: "the root is not as the plan found it; no table was touched and no file deleted: look at the plan as it is now, and approve that".to_owned(),
                    differences: moved.clone(),
                    // An earlier execution may have died right after the catalog's fence, before it could record that.
                    unclear: attempt.begun_not_done(),
                };
            }
            Some(_) => {}
        }
    }
    match next {
        Next::Steps(steps) => do_steps(attempt, steps, seen),
        Next::Record => record(attempt, seen),
        Next::Claim | Next::Retire => Move::Claim,
    }
}

fn do_steps(attempt: &Attempt, steps: Vec<usize>, seen: &Seen) -> Move {
    match &seen.did {
        Some(StepsOutcome::Done(results)) => return Move::Note(results.clone()),
        Some(StepsOutcome::Conflict { done, .. }) if !done.is_empty() => {
            return Move::Note(done.clone());
        }
        Some(StepsOutcome::Conflict {
            unclear,
            detail,
            differences,
            ..
        }) => {
            return Move::Interrupt {
                detail: detail.clone(),
                differences: differences.clone(),
                unclear: unclear.clone(),
            };
        }
        Some(StepsOutcome::Unknown { detail }) => {
            return Move::Pause {
                outcome: OutcomeKind::Unknown,
                detail: detail.clone(),
                unclear: steps,
            };
        }
        Some(StepsOutcome::CatalogMoved) | None if seen.catalog_tries >= CATALOG_TRIES_MAX => {
            return Move::Pause {
                outcome: OutcomeKind::Conflict,
                detail:
                    "the catalog is published to all the time; apply again when less is going on"
                        .to_owned(),
                unclear: Vec::new(),
            };
        }
        Some(StepsOutcome::CatalogMoved) | None => {}
    }
    let Some(first) = steps.first().copied() else {
        return Move::Claim;
    };
    let on_catalog = match &attempt.plan.steps[first] {
        Step::FenceCatalog { .. } | Step::Publish { .. } => true,
        // If the pin moved, a restore would take the table away from it, and the prepared sidecar would announce such a restore.
        Step::Restore { .. } | Step::PrepareSidecar { .. } | Step::DropDataset { .. } => false,
        Step::Tag { .. }
        | Step::Untag { .. }
        | Step::Announce { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::GraphHistory { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => {
            return Move::Begin {
                steps,
                catalog_version: None,
            };
        }
    };
    // The catalog is read before the effect is looked for: an executor that was taken over may still be sending it, and a publish
    // of that executor must count as ours, not as somebody else's.
    let Some(catalog) = &seen.catalog else {
        return Move::Look(Look::Catalog);
    };
    // A step that was begun and has no recorded result may have been done by an executor that died.
    let mut unclear = attempt.begun_not_done();
    // An earlier attempt intended it on a version: if it landed, it landed at the one after, and says so itself.
    if on_catalog
        && let Some(Some(intended_on)) = attempt.started.get(&first)
        && let Some(version) = intended_on.checked_add(1)
    {
        match seen.landed {
            None => {
                return Move::Look(Look::Landed {
                    step: first,
                    version,
                });
            }
            Some(Landed::Ours) => {
                return Move::Note(vec![StepResult {
                    step: first,
                    version: Some(version),
                    already_done: true,
                }]);
            }
            Some(Landed::Foreign) => unclear.retain(|step| *step != first),
            Some(Landed::Gone) => {}
        }
    }
    let differences = match catalog {
        CatalogSeen::Gone { what } => vec![Difference::new(None, what.clone(), "present", "gone")],
        // A write to a branch that is gone plans no pin: its publish on main only records it.
        CatalogSeen::At { .. } if attempt.plan.disposition.lost_its_branch() => Vec::new(),
        CatalogSeen::At { pins, .. } => pin_differences(&attempt.plan, pins),
    };
    if !differences.is_empty() {
        return Move::Interrupt {
            detail: "the catalog is not as planned; the remaining steps were not done".to_owned(),
            differences,
            unclear,
        };
    }
    let version = match catalog {
        CatalogSeen::At { version, .. } => Some(*version),
        CatalogSeen::Gone { .. } => None,
    };
    Move::Begin {
        steps,
        catalog_version: version.filter(|_| on_catalog),
    }
}

fn record(attempt: &Attempt, seen: &Seen) -> Move {
    // A plan without table steps needs no second look: this executor's look after the claim saw everything. A look by an executor
    // that died may be old.
    let is_seen = !touches_tables(&attempt.plan) && seen.since_approval == Some(Vec::new());
    match &seen.since_effects {
        None if !is_seen => Move::Look(Look::SinceEffects),
        Some(moved) if !moved.is_empty() => Move::Interrupt {
            detail: moved_after_effects(moved).to_owned(),
            differences: moved.clone(),
            unclear: Vec::new(),
        },
        None | Some(_) => match attempt.plan.outcome() {
            Some(outcome) => Move::Record(outcome),
            None => Move::Claim,
        },
    }
}

fn touches_tables(plan: &Plan) -> bool {
    plan.tables.iter().any(|table| table.action != Action::None)
}

fn moved_after_effects(moved: &[Difference]) -> &'static str {
    if moved
        .iter()
        .any(|difference| difference.field == DifferenceField::Files)
    {
        "files of restored tables are gone, removed by a cleanup that ran meanwhile: bring them back from a backup before anybody reads these tables, and make a new plan"
    } else if moved
        .iter()
        .any(|difference| difference.field == DifferenceField::CatalogBranch)
    {
        "the branch of this write is there again, so its tables may be too; make a new plan"
    } else {
        "a live writer moved these tables while they were recovered; stop it, and make a new plan"
    }
}

fn retire(state: &JournalState, seen: &Seen) -> Move {
    let Some(finished) = state.finished() else {
        return Move::Claim;
    };
    let last = match (seen.sidecar, seen.closed) {
        (None, _) => return Move::Look(Look::Sidecar),
        (Some(SidecarSeen::AsPlanned), _) => Move::DeleteSidecar,
        // Another file under its name stays. The sidecar itself is gone then, and nothing keeps the operation open: a look reads the
        // journal of every operation whose name a file bears, closed or not, and tells that this file is another.
        (Some(SidecarSeen::Gone | SidecarSeen::Another), None) => {
            return Move::Look(Look::Closed);
        }
        (Some(SidecarSeen::Gone | SidecarSeen::Another), Some(false)) => Move::Close,
        (Some(file @ (SidecarSeen::Gone | SidecarSeen::Another)), Some(true)) => {
            Move::Ended(file.fate(&finished.plan, true))
        }
    };
    // The executor that wrote the terminal record looked right before. Whoever finds the record looks: the root may have been
    // restored from a backup since, or be a copy.
    let is_seen = seen.since_approval == Some(Vec::new()) && !touches_tables(&finished.plan);
    match &seen.since_finished {
        None if !is_seen => Move::Look(Look::SinceFinished),
        Some(untrue) if !untrue.is_empty() => Move::Reopen {
            detail: "the journal says that this operation is finished, but the root is not as it was left. Nothing was done, and the operation is open again: look at the plan as it is now, and approve that. A backup may have been restored, this may be a copy, or the file that was set aside may be back or may be judged otherwise now".to_owned(),
            differences: untrue.clone(),
        },
        None | Some(_) => last,
    }
}

/// Whether nothing was attempted that a plan made now would see: tags, a sidecar of our own and the catalog's fence change no plan.
fn is_untouched(attempt: &Attempt) -> bool {
    let harmless = |step: &usize| match attempt.plan.steps.get(*step) {
        Some(
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            // A plan made now is made from the bytes that the claim keeps.
            | Step::PrepareSidecar { .. },
        ) => true,
        Some(
            Step::DropDataset { .. }
            | Step::Restore { .. }
            | Step::Publish { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. },
        )
        | None => false,
    };
    attempt.started.keys().all(harmless)
}

/// Pins that are not as the plan found them.
fn pin_differences(plan: &Plan, pins: &BTreeMap<String, u64>) -> Vec<Difference> {
    let differing = plan.tables.iter().filter_map(|table| {
        let found = pins.get(&table.table_key).copied();
        (found != table.manifest_pinned).then(|| {
            Difference::of_versions(
                Some(&table.table_key),
                DifferenceField::ManifestPinned,
                table.manifest_pinned,
                found,
            )
        })
    });
    differing.collect()
}
