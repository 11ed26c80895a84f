//! Words for plans that do not resolve a sidecar: undo, dismissal, release.

use super::words::{
    Explanation, NAME_CHARS_MAX, capitalised, count_word, inside_a_sentence, tables_with,
    write_name,
};
use crate::code::{Reason, Requirement};
use crate::plan::{Plan, Purpose};
use crate::text::shown;
use crate::timestamp::Timestamp;
use crate::verdict::{Action, Disposition};

/// `None` for a plan that resolves a sidecar.
pub(super) fn explain(
    plan: &Plan,
    started_at: Option<Timestamp>,
    blockers: &[Reason],
) -> Option<Explanation> {
    let write = write_name(plan, started_at);
    let (headline, consequence) = match &plan.purpose {
        Purpose::Recover => return None,
        Purpose::Undo { of } => (
            format!(
                "The recovery of operation {of} would be taken back: {}.",
                inside_a_sentence(&write)
            ),
            format!("{}{}", undo_consequence(plan), stays_recorded(plan)),
        ),
        Purpose::Release { of } => {
            let tags = plan.steps.iter().filter(|step| step.drops_a_tag()).count();
            (
                format!(
                    "The recovery of operation {of} is finished, and its tags keep old versions from being cleaned up."
                ),
                format!(
                    "{} will be dropped. No table and no reader sees any change, but the recovery cannot be taken back afterwards.",
                    if tags == 1 {
                        "One tag".to_owned()
                    } else {
                        capitalised(&format!("{} tags", count_word(tags)))
                    }
                ),
            )
        }
        Purpose::Dismiss { because } => {
            let codes: Vec<&str> = because.iter().map(|code| code.name()).collect();
            let stands = match plan.disposition {
                Disposition::Abort => "aborted",
                other => other.name(),
            };
            let file = shown(&plan.file, NAME_CHARS_MAX);
            (
                if codes.is_empty() {
                    format!("{file} would be set aside.")
                } else {
                    format!("{file} is {stands} ({}) and would be set aside.", codes.join(", "))
                },
                "Its bytes are kept in the journal, and the file is deleted. Neither tables nor the catalog are touched: everything that the write left there stays as it is.".to_owned(),
            )
        }
    };
    let consequence = match blockers.first() {
        Some(reason) => format!(
            "That is not possible: {}.",
            reason.detail.trim_end_matches('.')
        ),
        None => consequence,
    };
    Some(Explanation {
        headline,
        consequence,
    })
}

fn undo_consequence(plan: &Plan) -> String {
    let (published, unpublished) = (
        tables_with(plan, Action::RestoreAndPublish),
        tables_with(plan, Action::Restore),
    );
    let tables = |count: usize| {
        if count == 1 {
            "one table".to_owned()
        } else {
            format!("{} tables", count_word(count))
        }
    };
    if unpublished > 0 {
        format!(
            "The versions that were found come back as the HEAD of {}, unpublished: readers see no change. A new pending sidecar covers them, and can be recovered again.",
            tables(unpublished)
        )
    } else {
        format!(
            "Readers of {} return to what they saw before it, in one commit of the catalog. The versions they see now stay as old versions.",
            tables(published)
        )
    }
}

/// A history only grows, so a merge that is taken back stays in it.
fn stays_recorded(plan: &Plan) -> &'static str {
    if plan.requires.contains(&Requirement::MergeStaysRecorded) {
        " The history of the graph keeps saying that the branch was merged. Merging it again does nothing, so its changes have to come back another way, for example by undoing this undo."
    } else {
        ""
    }
}
