//! How far a drain came.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::api::RefusalReport;
use crate::apply_report::ApplyReport;
use crate::difference::Difference;
use crate::digest::Digest;
use crate::outcome::OutcomeKind;

/// `drain --apply`: what was done and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainedReport {
    /// The root's URI.
    pub root: String,
    /// The plans that were carried out, in this order.
    pub done: Vec<ApplyReport>,
    /// Why it went no further; null if all of the list is done.
    pub stopped: Option<DrainStop>,
    /// The digests of the list that are not known to be done, that of the stop first.
    pub not_done: Vec<Digest>,
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
    NotCurrent,
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

    /// Notes what came of the digest whose turn it is. Whatever is not done stops the drain.
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
            DrainStep::Applied(report) if is_done(report.outcome) => {
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
            DrainStep::NotCurrent => stop(
                None,
                OutcomeKind::Conflict.name(),
                "no pending recovery has this plan now: it was carried out already, or what it was made from has changed; `drain` without --apply shows the plans as they are".to_owned(),
            ),
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
            stopped: self.stopped,
            not_done: self.left.into(),
        }
    }
}

const fn is_done(outcome: OutcomeKind) -> bool {
    match outcome {
        OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp => true,
        OutcomeKind::Conflict | OutcomeKind::Refused | OutcomeKind::Unknown => false,
    }
}
