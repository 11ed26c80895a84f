//! How far a drain came.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::api::RefusalReport;
use crate::apply_report::ApplyReport;
use crate::difference::Difference;
use crate::digest::Digest;
use crate::ids::OperationId;
use crate::journal::JournalState;
use crate::outcome::OutcomeKind;

/// `drain --apply`: what was done and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainedReport {
    /// The root's URI.
    pub root: String,
    /// The plans that were carried out, in this order.
    pub done: Vec<ApplyReport>,
    /// Plans of the list that were carried out before this drain, and were passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done_before: Vec<DoneBefore>,
    /// Why it went no further; null if all of the list is done.
    pub stopped: Option<DrainStop>,
    /// The digests of the list that are not known to be done, that of the stop first.
    pub not_done: Vec<Digest>,
}

/// A plan of the list that was carried out before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneBefore {
    /// Its digest.
    pub digest: Digest,
    /// Its operation.
    pub operation_id: OperationId,
    /// What it came to.
    pub outcome: OutcomeKind,
}

impl DoneBefore {
    /// The plan that the operation of this journal was carried out by, to its end, if that is one of `digests`.
    #[must_use]
    pub fn of(journal: &JournalState, digests: &BTreeSet<Digest>) -> Option<Self> {
        let finished = journal.finished()?;
        let is_asked = finished.outcome.is_success() && digests.contains(&finished.digest);
        is_asked.then(|| Self {
            digest: finished.digest,
            operation_id: journal.operation_id().clone(),
            outcome: finished.outcome,
        })
    }
}

/// The facts about a plan of the list that no pending recovery has now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotCurrent {
    /// The operation of the plan, if it is known.
    pub operation_id: Option<String>,
    /// The differences from the plan, if they are known.
    pub differences: Vec<Difference>,
    /// Pending operations that were planned anew, and have other plans than this.
    pub others: Vec<String>,
    /// Pending recoveries that were not planned because there are too many.
    pub not_planned: usize,
    /// Journals of ended operations in which the plan was not looked for because there are too many.
    pub not_searched: usize,
}

/// Why a drain went no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainStop {
    /// The digest whose turn it was.
    pub digest: Digest,
    /// Its operation; null if no pending recovery has such a plan.
    pub operation_id: Option<String>,
    /// `refused`, `conflict`, `unknown`, or the code of a failure.
    pub code: String,
    /// What happened, for people.
    pub detail: String,
    /// What moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// What became of the tables, if the plan was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ApplyReport>,
}

/// What came of one digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrainStep {
    /// The plan was begun, and this is its outcome.
    Applied(Box<ApplyReport>),
    /// No pending recovery has this plan now. Nothing was done.
    NotCurrent(NotCurrent),
    /// The plan was carried out before. Nothing was done.
    DoneBefore(DoneBefore),
    /// The plan was not approved, or may not be begun. Nothing was done.
    No(RefusalReport),
    /// The step failed; the plan may have been begun.
    Failed {
        /// Its operation, if it was found.
        operation_id: Option<String>,
        /// The code of the failure.
        code: String,
        /// What failed.
        detail: String,
    },
}

/// A drain that goes on: the digests that are left, and what was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draining {
    root: String,
    left: VecDeque<Digest>,
    done: Vec<ApplyReport>,
    done_before: Vec<DoneBefore>,
    stopped: Option<DrainStop>,
}

impl Draining {
    /// Before the first step.
    #[must_use]
    pub fn of(root: String, digests: Vec<Digest>) -> Self {
        Self {
            root,
            left: digests.into(),
            done: Vec::new(),
            done_before: Vec::new(),
            stopped: None,
        }
    }

    /// The digest whose turn it is; `None` once all are done, or one is not.
    #[must_use]
    pub fn next(&self) -> Option<Digest> {
        match self.stopped {
            Some(_) => None,
            None => self.left.front().copied(),
        }
    }

    /// Notes the result for the digest whose turn it is. Anything but a finished plan stops the drain.
    pub fn note(&mut self, step: DrainStep) {
        let Some(digest) = self.next() else {
            return;
        };
        let stop = |operation_id: Option<String>, code: &str, detail: String| DrainStop {
            digest,
            operation_id,
            code: code.to_owned(),
            detail,
            differences: Vec::new(),
            report: None,
        };
        self.stopped = Some(match step {
            DrainStep::Applied(report) if report.outcome.is_success() => {
                self.left.pop_front();
                self.done.push(*report);
                return;
            }
            DrainStep::Applied(report) => DrainStop {
                differences: report.differences.clone(),
                report: Some(*report.clone()),
                ..stop(
                    Some(report.operation_id.to_string()),
                    report.outcome.name(),
                    report.detail.clone(),
                )
            },
            DrainStep::DoneBefore(done) => {
                self.left.pop_front();
                self.done_before.push(done);
                return;
            }
            DrainStep::NotCurrent(not_current) => DrainStop {
                differences: not_current.differences.clone(),
                ..stop(
                    not_current.operation_id.clone(),
                    OutcomeKind::Conflict.name(),
                    not_current.sentence(),
                )
            },
            DrainStep::No(refusal) => DrainStop {
                differences: refusal.differences,
                ..stop(
                    Some(refusal.operation_id),
                    refusal.outcome.name(),
                    refusal.detail,
                )
            },
            DrainStep::Failed {
                operation_id,
                code,
                detail,
            } => stop(operation_id, &code, detail),
        });
    }

    /// What was done and what was not.
    #[must_use]
    pub fn report(self) -> DrainedReport {
        DrainedReport {
            root: self.root,
            done: self.done,
            done_before: self.done_before,
            stopped: self.stopped,
            not_done: self.left.into(),
        }
    }
}

impl NotCurrent {
    /// Operations that are named in the sentence.
    const NAMED_MAX: usize = 3;

    fn sentence(&self) -> String {
        let mut sentence = match &self.operation_id {
            Some(operation) => format!(
                "operation {operation} has another plan now: the facts that the plan was made from have changed"
            ),
            None => {
                "no pending recovery that was looked at has this plan now: the facts that it was made from have changed, or it is of another root".to_owned()
            }
        };
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        let named = others.get(..Self::NAMED_MAX).unwrap_or(&others);
        if self.operation_id.is_none() && !named.is_empty() {
            let more = match others.len() - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            sentence.push_str(&format!(
                "; pending with other plans: {}{more}",
                named.join(", ")
            ));
        }
        if self.not_planned > 0 {
            sentence.push_str(&format!(
                "; {} more recoveries are pending and were not looked at, so the plan may be of one of them: resolve those before them first",
                self.not_planned
            ));
        }
        if self.not_searched > 0 {
            sentence.push_str(&format!(
                "; it may have been carried out before: {} journals of ended operations were not looked at",
                self.not_searched
            ));
        }
        sentence.push_str("; `drain` without --apply shows the plans as they are");
        sentence
    }
}
