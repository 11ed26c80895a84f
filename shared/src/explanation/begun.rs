//! Words for a plan that was begun: what is being done, or was done, by whom, when, and what is possible now.

use super::finished::finished_sentence;
use super::half_undo;
use super::words::{
    Explanation, NAME_CHARS_MAX, capitalised, count_word, joined, some_of, write_name,
};
use crate::approval::Approval;
use crate::attempt_report::{AttemptReport, FollowedBy, StepState, is_undone};
use crate::ids::OperationId;
use crate::outcome::{OutcomeKind, SidecarFate};
use crate::plan::{Plan, Purpose};
use crate::text::shown;
use crate::timestamp::Timestamp;

/// The facts that the words for a begun plan are made from.
#[derive(Debug, Clone, Copy)]
pub struct Begun<'a> {
    /// What became of it.
    pub attempt: &'a AttemptReport,
    /// The approvals of exactly this plan.
    pub approvals: &'a [Approval],
    /// Whether what a finished undo or release did is still there.
    pub is_in_effect: bool,
}

/// Explains a plan that is under way or finished. No sentence says what would be done where it is done already.
#[must_use]
pub fn explain_begun(plan: &Plan, started_at: Option<Timestamp>, begun: &Begun<'_>) -> Explanation {
    match begun.attempt.finished_at {
        None => under_way(plan, started_at, begun),
        Some(finished_at) => finished(plan, started_at, begun, finished_at),
    }
}

/// How a recovery by this plan ends, in two words.
fn ending(plan: &Plan) -> &'static str {
    match plan.outcome() {
        Some(OutcomeKind::RolledForward) => "rolled forward",
        Some(OutcomeKind::RolledBack) => "rolled back",
        Some(
            OutcomeKind::CleanedUp
            | OutcomeKind::Conflict
            | OutcomeKind::Refused
            | OutcomeKind::Unknown,
        )
        | None => "cleaned up",
    }
}

fn under_way(plan: &Plan, started_at: Option<Timestamp>, begun: &Begun<'_>) -> Explanation {
    let attempt = begun.attempt;
    let what = match &plan.purpose {
        Purpose::Recover => match &attempt.half_undo_of {
            Some(of) => half_undo::under_way(of, ending(plan)),
            None => format!("{} is being {}", write_name(plan, started_at), ending(plan)),
        },
        Purpose::Undo { of } => format!("The recovery of operation {of} is being taken back"),
        Purpose::Dismiss { .. } => {
            format!("{} is being set aside", shown(&plan.file, NAME_CHARS_MAX))
        }
        Purpose::Release { of } => {
            format!("The tags of the recovery of operation {of} are being dropped")
        }
    };
    let in_state = |state| attempt.steps.iter().filter(|step| **step == state).count();
    let (done, started) = (in_state(StepState::Done), in_state(StepState::Started));
    let unclear = match started {
        0 => String::new(),
        1 => ", and one more was begun and has no recorded result".to_owned(),
        _ => format!(
            ", and {} more were begun and have no recorded result",
            count_word(started)
        ),
    };
    let headline = format!(
        "{what}: {} of {} {} done{unclear}.",
        count_word(done),
        steps_text(attempt.steps.len()),
        if done == 1 { "is" } else { "are" },
    );
    let by = approved_by(begun.approvals);
    let begun_at = attempt.begun_at;
    let then = match &attempt.not_of_root {
        None => {
            "Applying the plan again resumes it: no step that is done is done again.".to_owned()
        }
        Some(here) => format!(
            "That was at {}, and this root is {}: none of its steps is carried out here. If nobody goes on with it there, end it here.",
            plan.root,
            shown(here, NAME_CHARS_MAX)
        ),
    };
    Explanation {
        headline,
        consequence: format!("{by}It was begun at {begun_at}. {then}"),
    }
}

fn finished(
    plan: &Plan,
    started_at: Option<Timestamp>,
    begun: &Begun<'_>,
    finished_at: Timestamp,
) -> Explanation {
    let attempt = begun.attempt;
    let by = approved_by(begun.approvals);
    let begun_at = attempt.begun_at;
    let sentences = [
        finished_sentence(plan, attempt.half_undo_of.as_ref()).to_owned(),
        format!("{by}It was begun at {begun_at} and finished at {finished_at}."),
        file_sentence(plan, attempt.sidecar),
        undone_sentences(&attempt.undone_by),
        released_sentence(attempt.released_by.as_ref()),
        next_sentence(plan, begun),
    ];
    Explanation {
        headline: finished_headline(plan, started_at, begun),
        consequence: joined(&sentences),
    }
}

fn finished_headline(plan: &Plan, started_at: Option<Timestamp>, begun: &Begun<'_>) -> String {
    let attempt = begun.attempt;
    let undone = attempt.undone_by.iter();
    let since = match undone.filter(|by| by.finished_at.is_some()).count() {
        0 => "",
        count if count % 2 == 1 => ", and taken back since",
        _ => ", taken back and brought back since",
    };
    let holds = since.is_empty();
    match &plan.purpose {
        Purpose::Recover => match &attempt.half_undo_of {
            Some(of) => half_undo::finished(of, ending(plan), since),
            None => format!(
                "{} was {}{since}.",
                write_name(plan, started_at),
                ending(plan)
            ),
        },
        Purpose::Undo { of } if !begun.is_in_effect => {
            format!("The undo of operation {of} is no longer in effect.")
        }
        Purpose::Undo { of } if holds => {
            format!("The recovery of operation {of} is taken back.")
        }
        Purpose::Undo { of } => {
            format!("The undo of operation {of} was carried out{since}.")
        }
        Purpose::Dismiss { .. } if attempt.sidecar == SidecarFate::Kept => {
            format!(
                "{} was set aside, and is there.",
                shown(&plan.file, NAME_CHARS_MAX)
            )
        }
        Purpose::Dismiss { .. } => {
            format!("{} is set aside.", shown(&plan.file, NAME_CHARS_MAX))
        }
        Purpose::Release { of } if !begun.is_in_effect => {
            format!("The tags of the recovery of operation {of} were dropped, and are there again.")
        }
        Purpose::Release { of } => {
            format!("The tags of the recovery of operation {of} are dropped.")
        }
    }
}

fn file_sentence(plan: &Plan, sidecar: SidecarFate) -> String {
    let file = shown(&plan.file, NAME_CHARS_MAX);
    match sidecar {
        SidecarFate::Kept => format!(
            "The file {file} is there: applying the plan again deletes it, unless it was deleted before and has come back; then the operation is opened again."
        ),
        SidecarFate::Replaced => format!(
            "Another file bears the name {file} now. It does not belong to this operation, and has a plan of its own."
        ),
        SidecarFate::Unknown => {
            format!("Nobody knows whether the file {file} is gone, because a read failed.")
        }
        SidecarFate::Retired | SidecarFate::Gone | SidecarFate::NoFile => String::new(),
    }
}

/// The [chain of undos](crate::api::AttemptReport::undone_by) of a finished operation, one sentence for each.
#[must_use]
pub fn undone_sentences(undone_by: &[FollowedBy]) -> String {
    let sentences: Vec<String> = undone_by
        .iter()
        .enumerate()
        .map(|(place, by)| {
            let what = if place == 0 { "it" } else { "that" };
            match by.finished_at {
                Some(at) => format!("Operation {} took {what} back at {at}.", by.operation_id),
                None => format!(
                    "Operation {} is taking {what} back, and has not finished.",
                    by.operation_id
                ),
            }
        })
        .collect();
    sentences.join(" ")
}

fn released_sentence(released_by: Option<&FollowedBy>) -> String {
    match released_by {
        None => String::new(),
        Some(FollowedBy {
            operation_id,
            finished_at: Some(at),
        }) => format!("Operation {operation_id} dropped its tags at {at}."),
        Some(FollowedBy { operation_id, .. }) => {
            format!("Operation {operation_id} is dropping its tags, and has not finished.")
        }
    }
}

fn next_sentence(plan: &Plan, begun: &Begun<'_>) -> String {
    let attempt = begun.attempt;
    if let Some(unread) = &attempt.unread {
        return format!(
            "Nobody knows whether something was done about it since, because a read failed: {}.",
            unread.trim_end_matches('.')
        );
    }
    let is_undone = is_undone(&attempt.undone_by);
    match (&attempt.undo, &attempt.no_undo) {
        (Some(undo), _) if *undo == plan.operation_id => {
            "It can be undone as long as its tables stand where it left them.".to_owned()
        }
        (Some(undo), _) if is_undone => format!("Undoing operation {undo} brings it back."),
        (Some(undo), _) => format!("Undoing operation {undo} takes it back again."),
        (None, Some(reason)) => format!("{}.", capitalised(reason.detail.trim_end_matches('.'))),
        (None, None) => String::new(),
    }
}

/// Why a finished operation is not carried out again: others took it back.
#[must_use]
pub fn over_and_undone(
    operation: &OperationId,
    outcome: OutcomeKind,
    finished_at: Timestamp,
    undone_by: &[FollowedBy],
) -> String {
    format!(
        "Operation {operation} is over: it was finished at {finished_at} as {}. {} Nothing was done now.",
        outcome.name(),
        undone_sentences(undone_by)
    )
}

/// When a finished operation came to its end, and what took it back since.
#[must_use]
pub fn finished_before(
    approvals: &[Approval],
    begun_at: Timestamp,
    finished_at: Timestamp,
    undone_by: &[FollowedBy],
) -> String {
    joined(&[
        format!(
            "{}It was begun at {begun_at} and finished at {finished_at}; no table is touched again.",
            approved_by(approvals)
        ),
        undone_sentences(undone_by),
    ])
}

/// `Approved by grace. `, or nothing where no approval is known.
fn approved_by(approvals: &[Approval]) -> String {
    let mut names: Vec<String> = Vec::new();
    for approval in approvals {
        let name = shown(&approval.approved_by, NAME_CHARS_MAX);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    some_of(&names).map_or_else(String::new, |names| format!("Approved by {names}. "))
}

fn steps_text(steps: usize) -> String {
    match steps {
        1 => "one step".to_owned(),
        _ => format!("{} steps", count_word(steps)),
    }
}
