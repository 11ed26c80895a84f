//! The records of one journal in words, which need no plan beside them.

use sidecar::explanation::step_sentence;
use sidecar::journal::{JournalEntry, StepResult};
use sidecar::{Branch, Digest, Plan, PlanBytes, Purpose};

/// Hex digits of a digest that tell the plans of one operation apart; commands take as many.
const DIGEST_DIGITS: usize = 12;
/// Tables that are named of one write; more are counted.
const TABLES_NAMED_MAX: usize = 8;

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
                let plan = approved(plan, digest);
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

/// The plan that an approval or a claim carries.
pub(super) fn plan_of(entry: &JournalEntry) -> Option<Plan> {
    match entry {
        JournalEntry::Approved { approval, plan } => approved(plan, approval.plan_digest),
        JournalEntry::Claimed { .. } => entry.claimed_plan(),
        JournalEntry::Revoked { .. }
        | JournalEntry::StepsStarted { .. }
        | JournalEntry::StepsFinished { .. }
        | JournalEntry::Interrupted { .. }
        | JournalEntry::Finished { .. }
        | JournalEntry::Reopened { .. } => None,
    }
}

fn approved(plan: &str, digest: Digest) -> Option<Plan> {
    PlanBytes::verify(plan.to_owned(), digest)
        .ok()?
        .decode()
        .ok()
}

/// `Mutation on main by ada: node:Author, edge:Wrote`: the write that a plan is about.
pub(super) fn write_of(plan: &Plan) -> String {
    let mut text = match plan.writer_kind {
        Some(kind) => format!("{} on {}", kind.name(), Branch::of(plan.branch.as_deref())),
        None => plan.file.clone(),
    };
    if let Some(actor) = &plan.actor_id {
        text.push_str(&format!(" by {actor}"));
    }
    let keys = plan.tables.iter().map(|table| table.table_key.as_str());
    let named: Vec<&str> = keys.take(TABLES_NAMED_MAX).collect();
    if !named.is_empty() {
        text.push_str(&format!(": {}", named.join(", ")));
    }
    let more = plan.tables.len() - named.len();
    if more > 0 {
        text.push_str(&format!(" +{more}"));
    }
    text
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
