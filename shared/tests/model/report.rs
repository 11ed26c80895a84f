//! The answers to `apply`, made from the journal as production makes them, and held against what is stored.

use sidecar::executor::Move;
use sidecar::journal::{Attempt, JournalState};
use sidecar::{ApplyReport, Effect, OutcomeKind, Plan, SidecarFate, Step};

use crate::flaw::Flaw;
use crate::store::{By, Kind, Store, TABLES};
use crate::version_9::ADDED_KEY;

/// What an execution answers, about the plan it carried out.
pub(crate) struct Answer {
    report: ApplyReport,
    plan: Plan,
}

impl Answer {
    /// The answer of an execution that ends with this move; `None` of a move after which it goes on.
    pub(crate) fn of(state: &JournalState, last: &Move, flaw: Flaw) -> Option<Self> {
        match last {
            Move::Interrupt {
                detail,
                differences,
                unclear,
            } => {
                let attempt = state.attempt()?;
                let unclear = match flaw {
                    Flaw::TakesUnclearForUndone => &[],
                    _ => unclear.as_slice(),
                };
                let report = ApplyReport::unfinished(
                    state.operation_id(),
                    attempt,
                    OutcomeKind::Conflict,
                    detail.clone(),
                    differences.clone(),
                    unclear,
                    SidecarFate::Unknown,
                );
                Some(Self::about(&attempt.plan, report))
            }
            Move::Pause {
                outcome,
                detail,
                unclear,
            } => {
                let attempt = state.attempt()?;
                let report = ApplyReport::unfinished(
                    state.operation_id(),
                    attempt,
                    *outcome,
                    detail.clone(),
                    Vec::new(),
                    unclear,
                    SidecarFate::Unknown,
                );
                Some(Self::about(&attempt.plan, report))
            }
            Move::Reopen {
                detail,
                differences,
            } => {
                let finished = state.finished()?;
                let report = ApplyReport::untrue(
                    state.operation_id(),
                    finished,
                    detail.clone(),
                    differences.clone(),
                    SidecarFate::Unknown,
                );
                Some(Self::about(&finished.plan, report))
            }
            Move::Ended(fate) => Self::finished(state, *fate),
            Move::Claim
            | Move::Look(_)
            | Move::Begin { .. }
            | Move::Note(_)
            | Move::Record(_)
            | Move::DeleteSidecar
            | Move::Close => None,
        }
    }

    /// The answer of an execution that finds its next record taken, or its hold lost. `own` is its attempt, as it knows it.
    pub(crate) fn taken_over(now: &JournalState, own: Option<&Attempt>) -> Option<Self> {
        let attempt = now.attempt().or(own)?;
        let is_finished = |digest| digest == attempt.bytes.digest();
        if now.finished().is_some_and(|done| is_finished(done.digest)) {
            return Self::finished(now, SidecarFate::Unknown);
        }
        let operation = now.operation_id();
        let report = ApplyReport::taken_over(operation, attempt, SidecarFate::Unknown);
        Some(Self::about(&attempt.plan, report))
    }

    fn finished(state: &JournalState, fate: SidecarFate) -> Option<Self> {
        let finished = state.finished()?;
        let report = ApplyReport::finished(state, finished, fate);
        Some(Self::about(&finished.plan, report))
    }

    fn about(plan: &Plan, report: ApplyReport) -> Self {
        Self {
            report,
            plan: plan.clone(),
        }
    }

    /// Whether the report says no more than is so. `unknown` says nothing, so it is always so.
    pub(crate) fn is_so(&self, store: &Store) -> bool {
        let report = &self.report;
        let is_recorded = store
            .journal
            .state
            .finished()
            .is_some_and(|finished| finished.digest == report.digest);
        let tables = report.tables.iter().enumerate();
        told(report.audit.effect, is_recorded, is_recorded)
            && self.is_so_of_the_catalog(store)
            && tables
                .clone()
                .all(|(index, _)| self.is_so_of_a_table(store, index))
    }

    fn is_so_of_the_catalog(&self, store: &Store) -> bool {
        let is_there = store.catalog.iter().any(|by| self.made(*by));
        let effect = self.report.catalog.effect;
        told(
            effect,
            is_there,
            is_there && !may_be_of_another_attempt(store),
        )
    }

    fn is_so_of_a_table(&self, store: &Store, index: usize) -> bool {
        let outcome = &self.report.tables[index];
        if outcome.table_key == ADDED_KEY {
            let dataset = &store.dataset;
            let mut plans = dataset.removed_by().iter();
            let is_removed = plans.any(|planned| planned.digest() == self.report.digest);
            return told(outcome.effect, is_removed && !dataset.is_left(), is_removed)
                && outcome
                    .published_version
                    .is_none_or(|told| dataset.pin() == Some(told));
        }
        let table = TABLES
            .iter()
            .position(|key| *key == outcome.table_key)
            .unwrap();
        let is_restored = store.tables[table]
            .iter()
            .any(|commit| self.made(commit.by));
        let publish = |by: &By| matches!(by, By::Recovery(_, Kind::Publish)) && self.made(*by);
        let is_published = self.publishes(table) && store.catalog.iter().any(publish);
        // Of a plan that is carried out, everything is there.
        let is_whole =
            (is_restored || !self.restores(table)) && (is_published || !self.publishes(table));
        let is_changed = match self.report.outcome.is_success() {
            true => (is_restored || is_published) && is_whole,
            false => is_restored || is_published,
        };
        let pin = store.pins[table];
        let is_last = store.catalog.last().is_some_and(publish);
        let is_the_pin = outcome.published_version.is_none_or(|told| match is_last {
            true => pin == told,
            // Others may have published since.
            false => pin >= told,
        });
        let is_any = (is_restored || is_published) && !may_be_of_another_attempt(store);
        told(outcome.effect, is_changed, is_any) && is_the_pin
    }

    /// Whether the plan of this report made a commit.
    fn made(&self, by: By) -> bool {
        matches!(by, By::Recovery(planned, _) if planned.digest() == self.report.digest)
    }

    fn restores(&self, table: usize) -> bool {
        let mut steps = self.plan.steps.iter();
        steps.any(
            |step| matches!(step, Step::Restore { table_key, .. } if table_key == TABLES[table]),
        )
    }

    fn publishes(&self, table: usize) -> bool {
        let mut steps = self.plan.steps.iter();
        steps.any(|step| {
            matches!(step, Step::Publish { pins, .. } if pins.iter().any(|pin| pin.table_key == TABLES[table]))
        })
    }
}

/// Whether an effect of the plan may be one of an earlier attempt at the same plan, which stopped over its file: its fence stands, and a
/// restore that it had sent may land later. A report is about one attempt, and the report of that one said that it does not know.
fn may_be_of_another_attempt(store: &Store) -> bool {
    store.stopped_over_its_file > 0
}

/// Whether an effect may be told: as changed where all of it is there, and as unchanged where nothing of it is.
fn told(effect: Effect, all: bool, any: bool) -> bool {
    match effect {
        Effect::Changed => all,
        Effect::Unchanged => !any,
        Effect::Unknown => true,
    }
}
