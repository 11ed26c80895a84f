//! A word in a coloured outline. The colour repeats what the word says.

use sidecar::api::PlanReport;
use sidecar::{
    Action, ClassificationLabel, Disposition, OutcomeKind, PlannedTable, Purpose, explanation,
};
use yew::{AttrValue, Html, html};

use super::parts::toned;
use super::tone::Tone;
use crate::state::entry::Standing;
use crate::words::{self, visible};

/// Colour of a disposition.
#[must_use]
pub const fn standing_tone(standing: Standing) -> Tone {
    match standing {
        Standing::Judged(Disposition::RollForward) => Tone::Forward,
        Standing::Judged(Disposition::RollBack) => Tone::Back,
        // No engine opens a graph with a stale armed sidecar.
        Standing::Judged(Disposition::Refused | Disposition::Abort | Disposition::StaleArmed) => {
            Tone::Stop
        }
        Standing::Judged(
            Disposition::Waiting
            | Disposition::OrphanedBranch
            | Disposition::AlreadyPublished
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded
            | Disposition::NeverStarted,
        )
        | Standing::MayBeRunning
        | Standing::Undecided => Tone::Calm,
    }
}

/// Colour of where a table stands.
#[must_use]
pub fn table_tone(table: &PlannedTable) -> Tone {
    match table.classification {
        _ if table.catalog_change.is_some() => match table.action {
            Action::Register | Action::Tombstone => Tone::Forward,
            Action::Drop => Tone::Back,
            Action::None | Action::Publish | Action::RestoreAndPublish | Action::Restore => {
                Tone::Calm
            }
        },
        Some(ClassificationLabel::RolledPastExpected) => Tone::Forward,
        Some(
            ClassificationLabel::UnexpectedAtP1
            | ClassificationLabel::UnexpectedMultistep
            | ClassificationLabel::IncompletePhaseB,
        ) => Tone::Back,
        Some(ClassificationLabel::NoMovement) => Tone::Calm,
        Some(ClassificationLabel::InvariantViolation) | None => Tone::Stop,
    }
}

/// Where a table stands, with its colour.
pub fn table_badge(table: &PlannedTable) -> Html {
    badge(explanation::table_stands(table), table_tone(table))
}

/// What is known of a disposition, with its colour.
pub fn standing_badge(standing: Standing) -> Html {
    badge(standing.label(), standing_tone(standing))
}

/// How a plan for this ended, with its colour.
pub fn outcome_badge(outcome: Option<OutcomeKind>, purpose: Option<&Purpose>) -> Html {
    badge(
        words::outcome(outcome, purpose),
        outcome_tone(outcome, purpose),
    )
}

/// The purpose of a plan, with its colour; for a recovery, its disposition. Of one that has ended, how it ended.
pub fn purpose_badge(plan: &PlanReport) -> Html {
    if let Some(attempt) = &plan.attempt
        && attempt.outcome.is_some()
    {
        return match attempt.is_undone() {
            true => badge("undone", Tone::Calm),
            false => outcome_badge(attempt.outcome, Some(&plan.purpose)),
        };
    }
    if plan.purpose.is_recovery() && words::may_be_running(plan) {
        return standing_badge(Standing::MayBeRunning);
    }
    let tone = match plan.purpose {
        Purpose::Recover => standing_tone(Standing::Judged(plan.disposition)),
        Purpose::Undo { .. } => Tone::Back,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => Tone::Calm,
    };
    badge(words::purpose(plan), tone)
}

/// Colour of the button that has a plan carried out: a warning where something is taken back, left or dropped.
#[must_use]
pub const fn deed_tone(plan: &PlanReport) -> Tone {
    match plan.purpose {
        Purpose::Recover => match plan.disposition.takes_it_back() {
            true => Tone::Back,
            false => Tone::Forward,
        },
        Purpose::Undo { .. } => Tone::Back,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => Tone::Stop,
    }
}

/// Colour of how a plan for this ended. Green is for a write that was brought to its end, and not for what was put aside.
#[must_use]
pub const fn outcome_tone(outcome: Option<OutcomeKind>, purpose: Option<&Purpose>) -> Tone {
    match outcome {
        None => Tone::Calm,
        Some(outcome)
            if outcome.is_success() && !matches!(purpose, None | Some(Purpose::Recover)) =>
        {
            Tone::Calm
        }
        Some(OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp) => {
            Tone::Well
        }
        Some(OutcomeKind::Unknown) => Tone::Back,
        Some(OutcomeKind::Conflict | OutcomeKind::Refused) => Tone::Stop,
    }
}

/// A word in a coloured outline.
pub fn badge(text: impl Into<AttrValue>, tone: Tone) -> Html {
    html! { <span class={toned("badge", tone)}>{ visible(&text.into()) }</span> }
}
