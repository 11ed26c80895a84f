//! How a plan ended whose every step is done.

use super::half_undo;
use super::schema_change;
use super::words::tables_with;
use crate::ids::OperationId;
use crate::outcome::{Extent, OutcomeKind};
use crate::plan::{Plan, Purpose};
use crate::verdict::Action;

/// How a plan ended whose every step is done, in a sentence or two. It is about that time, since the root may have changed
/// afterwards. `half_undo_of` is what an undo that stopped half-way was to take back, where this plan recovered that.
#[must_use]
pub fn finished_sentence(plan: &Plan, half_undo_of: Option<&OperationId>) -> &'static str {
    let of_half_an_undo = half_undo_of.and_then(|_| half_undo::ended(plan));
    if let Some(sentence) = of_half_an_undo {
        return sentence;
    }
    match &plan.purpose {
        Purpose::Recover => recovered_sentence(plan),
        Purpose::Undo { .. } if tables_with(plan, Action::Restore) > 0 => {
            "Taken back: the versions that the recovery had found are HEAD again, unpublished. Readers saw no change."
        }
        Purpose::Undo { .. } => {
            "Taken back: readers were returned to what they saw before the operation that was undone."
        }
        Purpose::Dismiss { .. } => {
            "Set aside: the bytes of the file are kept in the journal. No table was touched."
        }
        Purpose::Release { .. } => {
            "Released: the tags of the recovery are dropped. No version and no pin changed."
        }
    }
}

fn recovered_sentence(plan: &Plan) -> &'static str {
    match OutcomeKind::of_finished(plan.disposition) {
        Some(OutcomeKind::RolledForward) => match plan.extent() {
            Some(Extent::Whole) => "Rolled forward: the whole write was published.",
            Some(Extent::LeavesOut) => {
                "Rolled forward: the tables that the sidecar names were published. The plan lists what is known to be left out."
            }
            Some(Extent::AsCommitted) | None => {
                "Rolled forward: every commit that was found was published. Whether the writer meant to commit more cannot be told."
            }
        },
        Some(OutcomeKind::RolledBack) => "Rolled back: readers saw no change.",
        Some(OutcomeKind::CleanedUp) if schema_change::promotes(plan) => {
            "Cleaned up: the schema files were put in force. No table was touched."
        }
        Some(OutcomeKind::CleanedUp) if tables_with(plan, Action::Drop) > 0 => {
            "Cleaned up: what was left of the datasets that the write made was removed. Readers saw no change."
        }
        Some(OutcomeKind::CleanedUp) => "Cleaned up: no table was touched.",
        Some(OutcomeKind::Conflict | OutcomeKind::Refused | OutcomeKind::Unknown) | None => "",
    }
}
