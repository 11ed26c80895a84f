//! The plans of everything that is pending, in the order in which they can be carried out.

use serde::{Deserialize, Serialize};

use crate::api::{PlanReport, Progress};
use crate::approval::Approval;
use crate::code::{Code, Reason, Requirement};
use crate::commands::Commands;
use crate::digest::Digest;
use crate::verdict::{Choice, Disposition};

/// `drain`: the plan of every pending recovery of one root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// The root's URI.
    pub root: String,
    /// Oldest first: no plan waits for one that stands behind it.
    pub plans: Vec<DrainPlan>,
    /// Pending recoveries behind these, which were not planned because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_planned: usize,
    /// What lies beside the sidecars and journals, should not be there, and was skipped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Reason>,
}

const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One plan of a [`DrainReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainPlan {
    /// The operation; for a refused file that names none, the file.
    pub operation_id: String,
    /// Name of the sidecar file.
    pub file: String,
    /// What a person is shown.
    pub disposition: Disposition,
    /// What happened, in one sentence.
    pub headline: String,
    /// What would be done about it.
    pub consequence: String,
    /// How far people and executors came with it.
    pub progress: Progress,
    /// Whether an approval can lead to execution.
    pub executable: bool,
    /// Why not, whatever is approved.
    pub blockers: Vec<Reason>,
    /// What the approval has to state.
    pub requires: Vec<Requirement>,
    /// What can be chosen instead; each is a plan of its own, which `plan` shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_choices: Vec<Choice>,
    /// Digest of the plan; null for a refused file that names no operation.
    pub digest: Option<Digest>,
    /// The command that comes next: to approve the plan, to carry out or to resume one that is approved, to set a stuck file aside.
    /// Null where the plan waits for something else.
    pub next: Option<String>,
}

impl DrainPlan {
    /// The line of one plan.
    #[must_use]
    pub fn of(report: &PlanReport, commands: &Commands) -> Self {
        Self {
            operation_id: report.operation_id.clone(),
            file: report.file.clone(),
            disposition: report.disposition,
            headline: report.headline.clone(),
            consequence: report.consequence.clone(),
            progress: report.progress,
            executable: report.executable,
            blockers: report.blockers.clone(),
            requires: report.requires.clone(),
            other_choices: report.other_choices.clone(),
            digest: report.digest,
            next: next(report, commands),
        }
    }

    /// Whether it is planned anew once another recovery is carried out.
    #[must_use]
    pub fn waits_for_another(&self) -> bool {
        let mut codes = self.blockers.iter().map(|reason| reason.code);
        codes.any(|code| code == Code::WaitingFor)
    }
}

fn next(report: &PlanReport, commands: &Commands) -> Option<String> {
    let operation = report.operation_id.as_str();
    let begun = report.attempt.as_ref();
    if let Some(attempt) = begun {
        // One that was begun at another root can only be ended, which `plan` explains.
        return match (report.digest, &attempt.not_of_root) {
            (Some(digest), None) => Some(commands.apply(operation, digest)),
            _ => Some(commands.plan(operation)),
        };
    }
    if matches!(
        report.disposition,
        Disposition::Refused | Disposition::Abort
    ) {
        return Some(commands.dismiss(&report.file));
    }
    let digest = report.digest.filter(|_| report.executable)?;
    let counts = |approval: &Approval| approval.missing_of(&report.requires).is_empty();
    Some(if report.approvals.iter().any(counts) {
        commands.apply(operation, digest)
    } else {
        commands.approve(operation, digest, &report.requires)
    })
}
