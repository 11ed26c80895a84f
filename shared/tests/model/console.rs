//! A console: it plans, approves, claims, and then does what the real step says, one request at a time.

use sidecar::journal::{Attempt, JournalEntry, StepResult};
use sidecar::step::{CatalogSeen, Did, Effect, Landed, Look, Seen, SidecarSeen, step};
use sidecar::{
    Approval, Difference, Digest, OutcomeKind, Plan, PlanBytes, Step, Timestamp, differences,
};

use crate::store::{By, Commit, Journal, Kind, Store, TABLES, operation, sidecar_text};

/// What a console leaves out, to show that the properties notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flaw {
    None,
    NoFence,
    DeletesBeforeItRecords,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "most of the worlds have both consoles at work"
)]
pub(crate) enum Console {
    Idle,
    /// It holds a claim, as far as it knows.
    Runs {
        epoch: u64,
        /// The journal as it last saw it.
        journal: Journal,
        seen: Seen,
        /// Steps that are intended and being done: those left, the catalog version, and what is done.
        doing: Option<(Vec<usize>, Option<u64>, Vec<StepResult>)>,
    },
}

/// Whether somebody could approve the plan that is right now.
pub(crate) fn can_approve(store: &Store) -> Option<(Plan, PlanBytes)> {
    let state = &store.journal.state;
    let is_pending = store.sidecar || state.sidecar().is_some();
    if !is_pending || state.attempt().is_some() || state.finished().is_some() {
        return None;
    }
    let (plan, bytes) = store.plan();
    let known = state
        .approvals()
        .iter()
        .any(|(approval, _)| approval.plan_digest == bytes.digest());
    (plan.has_effect() && !known).then_some((plan, bytes))
}

pub(crate) fn approve(store: &mut Store) {
    if let Some((plan, bytes)) = can_approve(store) {
        let approval = Approval {
            operation_id: operation(),
            plan_digest: bytes.digest(),
            approved_by: "bea".to_owned(),
            approved_at: Timestamp::from_micros(1),
            reason: None,
            writers_stopped: true,
            acknowledged: plan.requires.iter().copied().collect(),
        };
        store.journal = store.journal.with(JournalEntry::Approved {
            approval,
            plan: bytes.text().to_owned(),
        });
    }
}

/// What an `apply` would claim now: the attempt that is open, or the approved plan if it is still the right one.
pub(crate) fn claimable(store: &Store) -> Option<PlanBytes> {
    let state = &store.journal.state;
    if let Some(attempt) = state.attempt() {
        return Some(attempt.bytes.clone());
    }
    if state.finished().is_some() || !(store.sidecar || state.sidecar().is_some()) {
        return None;
    }
    let (_, now) = store.plan();
    let approved = state
        .approvals()
        .iter()
        .rev()
        .find(|(approval, _)| approval.plan_digest == now.digest());
    approved.and_then(|(approval, text)| PlanBytes::verify(text.clone(), approval.plan_digest).ok())
}

impl Console {
    /// Begins, or takes over; a finished operation is only seen to its end.
    pub(crate) fn apply(&mut self, store: &mut Store, name: usize) {
        let epoch = store.journal.state.next_epoch();
        if store.journal.state.finished().is_none() {
            let Some(bytes) = claimable(store) else {
                return;
            };
            store.journal = store.journal.with(JournalEntry::Claimed {
                epoch,
                executor: format!("console {name}"),
                plan_digest: bytes.digest(),
                plan: bytes.text().to_owned(),
                sidecar: sidecar_text(),
            });
        }
        *self = Self::Runs {
            epoch,
            journal: store.journal.clone(),
            seen: Seen::default(),
            doing: None,
        };
    }

    /// One request, as the step asks for it. The claim is made visible to writers before the first look.
    pub(crate) fn act(&mut self, store: &mut Store, flaw: Flaw) {
        let Self::Runs {
            epoch,
            journal,
            seen,
            doing,
        } = self
        else {
            return;
        };
        if !store.claimed {
            store.claimed = true;
            return;
        }
        if let Some((left, catalog_version, done)) = doing {
            let Some(attempt) = journal.state.attempt() else {
                *self = Self::Idle;
                return;
            };
            let index = left.remove(0);
            let did = match do_step(store, attempt, index, *catalog_version, flaw) {
                Ok(version) => {
                    done.push(StepResult {
                        step: index,
                        version,
                        already_done: false,
                    });
                    left.is_empty().then(|| Did::Done(done.clone()))
                }
                Err(Stopped::CatalogMoved) => Some(Did::CatalogMoved),
                Err(Stopped::Conflict(difference)) => Some(Did::Conflict {
                    done: done.clone(),
                    detail: "moved".to_owned(),
                    differences: vec![difference],
                }),
            };
            if let Some(did) = did {
                *doing = None;
                *seen = std::mem::take(seen).having_done(did);
            }
            return;
        }
        let mut entry = None;
        match step(&journal.state, seen) {
            Effect::Look(look) => look_at(store, &journal.state, look, seen),
            Effect::Begin {
                steps,
                catalog_version,
            } => {
                entry = Some(JournalEntry::StepsStarted {
                    epoch: *epoch,
                    steps: steps.clone(),
                    catalog_version,
                });
                *doing = Some((steps, catalog_version, Vec::new()));
            }
            Effect::Note(results) => {
                entry = Some(JournalEntry::StepsFinished {
                    epoch: *epoch,
                    results,
                });
                *seen = std::mem::take(seen).after_a_record();
            }
            Effect::Interrupt {
                detail,
                differences,
                ..
            } => {
                let entry = JournalEntry::Interrupted {
                    epoch: *epoch,
                    detail,
                    differences,
                };
                if *journal == store.journal {
                    store.journal = journal.with(entry);
                }
                *self = Self::Idle;
                return;
            }
            Effect::Record(outcome) => {
                if flaw == Flaw::DeletesBeforeItRecords && store.sidecar {
                    store.sidecar = false;
                    return;
                }
                entry = Some(JournalEntry::Finished {
                    epoch: *epoch,
                    outcome,
                    tables: Vec::new(),
                    catalog: sidecar::Effect::Changed,
                    sidecar: sidecar_text(),
                });
                *seen = std::mem::take(seen).after_a_record();
            }
            Effect::DeleteSidecar => {
                store.sidecar = false;
                seen.sidecar = Some(SidecarSeen::Gone);
            }
            Effect::Close => {
                store.closed = true;
                seen.closed = Some(true);
            }
            Effect::Ended(_) | Effect::Pause { .. } | Effect::Claim => {
                *self = Self::Idle;
                return;
            }
        }
        if let Some(entry) = entry {
            // A record is created at the next number; whoever finds it taken was taken over, and stops.
            if *journal == store.journal {
                store.journal = journal.with(entry);
                *journal = store.journal.clone();
            } else {
                *self = Self::Idle;
            }
        }
    }
}

fn look_at(store: &Store, state: &sidecar::journal::JournalState, look: Look, seen: &mut Seen) {
    let attempt = state.attempt();
    match (look, attempt) {
        (Look::SinceApproval, Some(attempt)) => {
            let moved = differences(&attempt.plan, &store.plan().0);
            seen.since_approval = Some(moved);
        }
        (Look::Catalog, _) => {
            seen.catalog = Some(CatalogSeen::At {
                version: store.catalog_version(),
                pins: TABLES
                    .iter()
                    .zip(store.pins)
                    .map(|(key, pin)| ((*key).to_owned(), pin))
                    .collect(),
            });
        }
        (Look::Landed { step, version }, Some(attempt)) => {
            let kind = match attempt.plan.steps[step] {
                Step::FenceCatalog { .. } => Kind::Fence,
                _ => Kind::Publish,
            };
            let ours = By::Recovery(attempt.bytes.digest(), kind);
            let stands = store.catalog.get(version as usize - 1) == Some(&ours);
            seen.landed = Some(if stands {
                Landed::Ours
            } else {
                Landed::Foreign
            });
        }
        (Look::SinceEffects, Some(attempt)) => {
            seen.since_effects = Some(since_effects(store, &attempt.plan));
        }
        (Look::Sidecar, _) => {
            seen.sidecar = Some(if store.sidecar {
                SidecarSeen::AsPlanned
            } else {
                SidecarSeen::Gone
            });
        }
        (Look::Closed, _) => seen.closed = Some(store.closed),
        (Look::SinceApproval | Look::Landed { .. } | Look::SinceEffects, None) => {}
    }
}

fn moved(field: &str, table: usize) -> Difference {
    Difference {
        table_key: Some(TABLES[table].to_owned()),
        field: field.to_owned(),
        planned: String::new(),
        found: String::new(),
    }
}

fn since_effects(store: &Store, plan: &Plan) -> Vec<Difference> {
    let forward = plan.outcome() == Some(OutcomeKind::RolledForward);
    if plan.outcome() == Some(OutcomeKind::CleanedUp) {
        return Vec::new();
    }
    let differing = plan.tables.iter().enumerate().filter(|(table, planned)| {
        let (pin, head) = (Some(store.pins[*table]), Some(store.head(*table)));
        if forward {
            pin < planned.pin_after()
        } else {
            pin != planned.pin_after() || head != planned.head_after()
        }
    });
    differing
        .map(|(table, _)| moved("pin or HEAD", table))
        .collect()
}

enum Stopped {
    CatalogMoved,
    Conflict(Difference),
}

/// One effect, fenced like the real one; done again, it is recognised.
fn do_step(
    store: &mut Store,
    attempt: &Attempt,
    index: usize,
    catalog_version: Option<u64>,
    flaw: Flaw,
) -> Result<Option<u64>, Stopped> {
    let digest: Digest = attempt.bytes.digest();
    let table_of = |key: &str| TABLES.iter().position(|table| *table == key).unwrap();
    match &attempt.plan.steps[index] {
        Step::FenceCatalog { .. } if flaw == Flaw::NoFence => Ok(catalog_version),
        Step::FenceCatalog { .. } => {
            if Some(store.catalog_version()) != catalog_version {
                return Err(Stopped::CatalogMoved);
            }
            store.catalog.push(By::Recovery(digest, Kind::Fence));
            Ok(Some(store.catalog_version()))
        }
        Step::Restore {
            table_key,
            version,
            lands_at,
            ..
        } => {
            let table = table_of(table_key);
            let by = By::Recovery(digest, Kind::Restore(*version));
            let stands = store.tables[table].get(*lands_at as usize - 1);
            if stands.is_some_and(|commit| commit.by == by) {
                return Ok(Some(*lands_at));
            }
            if store.head(table) + 1 != *lands_at {
                return Err(Stopped::Conflict(moved("lance_head", table)));
            }
            let content = store.content(table, *version);
            store.tables[table].push(Commit { content, by });
            Ok(Some(store.head(table)))
        }
        Step::Publish { pins, .. } => {
            if Some(store.catalog_version()) != catalog_version {
                return Err(Stopped::CatalogMoved);
            }
            for pin in pins {
                let table = table_of(&pin.table_key);
                if store.pins[table] != pin.from_version {
                    return Err(Stopped::Conflict(moved("manifest_pinned", table)));
                }
            }
            for pin in pins {
                store.pins[table_of(&pin.table_key)] = pin.to_version;
            }
            store.catalog.push(By::Recovery(digest, Kind::Publish));
            Ok(Some(store.catalog_version()))
        }
        _ => Ok(None),
    }
}
