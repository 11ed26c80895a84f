//! What is known to be wrong. It is counted apart, and does not fail a sweep.

use sidecar::journal::JournalEntry;

use super::evidence::Evidence;
use super::faults::Fault;
use super::invariants::violations;
use super::world::World;

/// What a script's evidence is held against: what is wrong, and how much of it is known.
pub fn unknown_violations(world: &World, evidence: &Evidence) -> (Vec<String>, usize) {
    let violations = violations(world, evidence);
    let all = violations.len();
    let wrong: Vec<String> = violations
        .into_iter()
        .filter(|(number, what)| {
            !is_a_read_called_a_conflict(evidence, *number, what)
                && !is_an_undo_that_ends_at_its_claim(world, evidence, *number)
        })
        .map(|(_, what)| what)
        .collect();
    let known = all - wrong.len();
    (wrong, known)
}

fn met_a_failed_read(evidence: &Evidence) -> bool {
    let mut faults = evidence.faults.iter();
    faults.any(|fault| matches!(fault, Fault::ReadError | Fault::ReadTruncated))
}

/// A read that fails for once, before the claim or after it, is taken for a root that is not as planned, or for a sidecar that is
/// gone.
fn is_a_read_called_a_conflict(evidence: &Evidence, number: usize, what: &str) -> bool {
    number == 16 && what.contains("and nothing moved") && met_a_failed_read(evidence)
}

/// An undo whose attempt ends right after its claim is judged like a write that never started, and cannot be undone any more.
fn is_an_undo_that_ends_at_its_claim(world: &World, evidence: &Evidence, number: usize) -> bool {
    let mut entries = evidence.records.iter().map(|record| &record.entry);
    let is_interrupted = entries.any(|entry| matches!(entry, JournalEntry::Interrupted { .. }));
    let has_effects = !evidence.after.effects(world.operation.as_str()).is_empty();
    world.ending.is_undo()
        && is_interrupted
        && !has_effects
        && met_a_failed_read(evidence)
        && number == 12
}
