//! How much memory a folded journal takes.

use std::collections::BTreeMap;

use super::JournalState;
use super::attempt::Attempt;
use crate::apply_report::TableOutcome;
use crate::approval::Approval;
use crate::journal::StepResult;
use crate::sidecar::SidecarBytes;

/// A plan that is read takes up to about twice as many bytes as its text.
const READ_PER_TEXT: usize = 2;
/// A table's outcome with its texts.
const OUTCOME_BYTES: usize = size_of::<TableOutcome>() + 128;

impl JournalState {
    /// Bytes that it takes in memory, about, and not fewer than the plans and sidecars in it.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        // Approvals and attempts of one plan share its text.
        let mut texts = BTreeMap::new();
        let approved = self.approvals.as_slice().iter().map(|(_, text)| &**text);
        let attempts = || {
            let ended = self.ended.as_deref();
            self.attempt.iter().chain(&self.interrupted).chain(ended)
        };
        for text in approved.chain(attempts().map(|attempt| attempt.bytes.text())) {
            texts.insert(text.as_ptr(), text.len());
        }
        let approvals = self.approvals.as_slice().iter().map(|(approval, _)| {
            size_of::<Approval>() + approval.reason.as_ref().map_or(0, String::len)
        });
        let ended = self.ended.as_deref();
        let finished = self.finished.iter().map(|finished| {
            let plan = ended.map_or(0, |attempt| attempt.bytes.text().len() * READ_PER_TEXT);
            plan + finished.tables.len() * OUTCOME_BYTES + bytes_of(&finished.sidecar)
        });
        let held = size_of::<Self>()
            + texts.into_values().sum::<usize>()
            + approvals.sum::<usize>()
            + attempts().map(held_by).sum::<usize>()
            + finished.sum::<usize>()
            + self.sidecar.as_ref().map_or(0, bytes_of);
        held as u64
    }
}

/// Without the text of its plan.
fn held_by(attempt: &Attempt) -> usize {
    let steps = attempt.started.len() * size_of::<(usize, Option<u64>)>()
        + attempt.done.len() * size_of::<(usize, StepResult)>();
    size_of::<Attempt>()
        + attempt.bytes.text().len() * READ_PER_TEXT
        + bytes_of(&attempt.sidecar)
        + steps
}

const fn bytes_of(sidecar: &SidecarBytes) -> usize {
    sidecar.as_bytes().len()
}
