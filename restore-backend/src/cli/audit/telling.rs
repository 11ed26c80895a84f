//! The records of one journal in words, which need no plan beside them.

use sidecar::explanation::step_sentence;
use sidecar::journal::{JournalEntry, StepResult};
use sidecar::{Digest, Plan, PlanBytes, Purpose};

/// Hex digits of a digest that tell the plans of one operation apart; commands take as many.
const DIGEST_DIGITS: usize = 12;

/// Tells one record after the other. It remembers the plan that was claimed last: later records number its steps.
#[derive(Debug, Default)]
pub(super) struct Telling {
    claimed: Option<Plan>,
}

impl Telling {
    /// What a record says, without the steps that it begins.
    pub(super) fn words(&mut self, entry: &JournalEntry) -> String {
        match entry {
            JournalEntry::Approved { approval, plan } => {
                let digest = approval.plan_digest;
                let bytes = PlanBytes::verify(plan.clone(), digest).ok();
                let plan = bytes.and_then(|bytes| bytes.decode().ok());
                let what = plan.map_or_else(String::new, |plan| format!(" ({})", purpose(&plan)));
                let stopped = if approval.writers_stopped {
                    ", who states that every writer is stopped"
                } else {
                    ""
                };
                let acknowledged: Vec<&str> =
                    approval.acknowledged.iter().map(|it| it.name()).collect();
                let acknowledged = match acknowledged.as_slice() {
                    [] => String::new(),
                    some => format!(", who acknowledges {}", some.join(", ")),
                };
                format!(
                    "plan {}{what} approved by {}{stopped}{acknowledged}{}",
                    short(digest),
                    approval.approved_by,
                    behind(approval.reason.as_deref())
                )
            }
            JournalEntry::Revoked {
                plan_digest,
                revoked_by,
                reason,
            } => format!(
                "approvals of plan {} revoked by {revoked_by}{}",
                short(*plan_digest),
                behind(reason.as_deref())
            ),
            JournalEntry::Claimed {
                epoch,
                executor,
                plan_digest,
                ..
            } => {
                self.claimed = entry.claimed_plan();
                format!(
                    "claim {epoch}: plan {} is carried out by executor {executor}",
                    short(*plan_digest)
                )
            }
            JournalEntry::StepsStarted { steps, .. } => {
                format!("begun: {}", numbers(steps.iter().copied()))
            }
            JournalEntry::StepsFinished { results, .. } => {
                let results: Vec<String> = results.iter().map(result_words).collect();
                format!("done: {}", results.join(", "))
            }
            JournalEntry::Interrupted {
                detail, ended_by, ..
            } => match ended_by {
                Some(ended_by) => format!("ended by {}: {}", ended_by.name, ended_by.reason),
                None => format!("interrupted: {detail}"),
            },
            JournalEntry::Finished { outcome, .. } => format!("finished: {}", outcome.name()),
            JournalEntry::Reopened { detail, .. } => format!("reopened: {detail}"),
        }
    }

    /// The steps that a record begins, each with its number in the plan and what it does.
    pub(super) fn steps_started(&self, entry: &JournalEntry) -> Vec<(usize, String)> {
        let (JournalEntry::StepsStarted { steps, .. }, Some(plan)) = (entry, &self.claimed) else {
            return Vec::new();
        };
        let told = steps.iter().filter_map(|index| {
            let step = plan.steps.get(*index)?;
            Some((index + 1, step_sentence(step)))
        });
        told.collect()
    }
}

/// What an approved plan is for, in a word.
fn purpose(plan: &Plan) -> &'static str {
    match &plan.purpose {
        Purpose::Recover => plan.disposition.name(),
        Purpose::Undo { .. } | Purpose::Release { .. } | Purpose::Dismiss { .. } => {
            plan.purpose.name()
        }
    }
}

fn short(digest: Digest) -> String {
    digest.hex().chars().take(DIGEST_DIGITS).collect()
}

fn behind(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn numbers(steps: impl Iterator<Item = usize>) -> String {
    let steps: Vec<String> = steps.map(|step| (step + 1).to_string()).collect();
    steps.join(", ")
}

/// `5`, or `5 (had been done before)`.
fn result_words(result: &StepResult) -> String {
    let number = result.step + 1;
    if result.already_done {
        format!("{number} (had been done before)")
    } else {
        number.to_string()
    }
}
