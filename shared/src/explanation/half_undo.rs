//! Words for an undo that stopped half-way. Its tables are judged and recovered like those of a write, and it is none.

use super::roll_back::{self, has_moved};
use super::words::{Explanation, count_word, some_of, table_name};
use crate::ids::OperationId;
use crate::outcome::OutcomeKind;
use crate::plan::Plan;
use crate::text::version_text;
use crate::verdict::Disposition;

/// The words for the plan of half an undo, made from those for the plan of a write.
pub(super) fn planned(write: Explanation, plan: &Plan) -> Explanation {
    let moved = plan.tables.iter().filter(|table| has_moved(table)).count();
    let total = plan.tables.len();
    let headline = match plan.disposition {
        Disposition::RollBack => format!(
            "An undo stopped half-way: {} of its {} moved. {}",
            count_word(moved),
            match total {
                1 => "one table".to_owned(),
                _ => format!("{} tables", count_word(total)),
            },
            readers_see(plan)
        ),
        Disposition::RollForward => format!(
            "An undo stopped after it had restored all of its tables and before it published them. {}",
            readers_see(plan)
        ),
        Disposition::NeverStarted => {
            format!("An undo moved none of its tables. {}", readers_see(plan))
        }
        Disposition::AlreadyPublished | Disposition::StaleArmed => {
            "An undo restored all of its tables and published them.".to_owned()
        }
        Disposition::Superseded
        | Disposition::OrphanedBranch
        | Disposition::AlreadyRolledBack
        | Disposition::Refused
        | Disposition::Waiting
        | Disposition::Abort => format!("This was an undo. {}", write.headline),
    };
    let consequence = match plan.disposition {
        Disposition::RollBack => roll_back::consequence(plan, "an undo"),
        Disposition::RollForward
        | Disposition::NeverStarted
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::Superseded
        | Disposition::OrphanedBranch
        | Disposition::AlreadyRolledBack
        | Disposition::Refused
        | Disposition::Waiting
        | Disposition::Abort => write.consequence,
    };
    Explanation {
        headline,
        consequence,
    }
}

/// What readers see of its tables, which may have been published since the undo began.
fn readers_see(plan: &Plan) -> String {
    let others: Vec<String> = plan
        .tables
        .iter()
        .filter(|table| table.manifest_pinned != Some(table.expected_version))
        .map(|table| {
            format!(
                "version {} of {}, not version {}",
                version_text(table.manifest_pinned),
                table_name(&table.table_key, table.branch.as_deref()),
                table.expected_version
            )
        })
        .collect();
    match some_of(&others) {
        None => "Readers see what they saw before the undo.".to_owned(),
        Some(others) => {
            format!("Readers do not see all that they saw before the undo: they see {others}.")
        }
    }
}

/// What is being done about it. The sentence goes on with how far that came.
pub(super) fn under_way(of: &OperationId, ending: &str) -> String {
    format!("The undo of operation {of}, which had stopped half-way, is being {ending}")
}

/// What was done about it; `since` is what happened to that afterwards.
pub(super) fn finished(of: &OperationId, ending: &str, since: &str) -> String {
    format!("The undo of operation {of}, which had stopped half-way, was {ending}{since}.")
}

/// How it ended; `None` where the words for a write are true of it.
pub(super) fn ended(plan: &Plan) -> Option<&'static str> {
    match OutcomeKind::of_finished(plan.disposition)? {
        OutcomeKind::RolledForward => Some(
            "Rolled forward: readers were returned to what they saw before the operation that was undone.",
        ),
        OutcomeKind::RolledBack => Some(
            "Rolled back: readers saw no change, and the operation that was to be undone was not undone.",
        ),
        OutcomeKind::CleanedUp
        | OutcomeKind::Conflict
        | OutcomeKind::Refused
        | OutcomeKind::Unknown => None,
    }
}
