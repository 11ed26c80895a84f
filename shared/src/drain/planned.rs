//! The plans of everything that is pending, in the order in which they can be carried out.

use serde::{Deserialize, Serialize};

use crate::api::{PlanReport, Progress};
use crate::code::{Code, Reason, Requirement};
use crate::commands::Commands;
use crate::digest::Digest;
use crate::verdict::{Choice, Disposition};
use crate::version_9::Verdict9;

/// `drain`: the plan of every pending recovery of one root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainReport {
    /// The root's URI.
    pub root: String,
    /// Oldest first. Only half an undo waits for one that stands behind it.
    pub plans: Vec<DrainPlan>,
    /// Pending recoveries behind these, which were not planned because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_planned: usize,
    /// Objects beside the sidecars and journals that should not be there and were skipped.
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
    /// The disposition.
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
    /// The statements that an approval has to make.
    pub requires: Vec<Requirement>,
    /// What can be chosen instead; each is a plan of its own, which `plan` shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_choices: Vec<Choice>,
    /// Digest of the plan; null for a refused file that names no operation.
    pub digest: Option<Digest>,
    /// The next command: approve, apply, dismiss, plan, or drain with `--relocated-from`. `None` if there is none.
    pub next: Option<String>,
    /// The canonical bytes of the plan, to tell what moved once it is made anew. Too long for a page of many.
    #[serde(skip)]
    pub plan: Option<String>,
    #[serde(skip)]
    is_carried_out: bool,
    #[serde(skip)]
    needs_approval: bool,
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
            plan: report.plan.clone(),
            is_carried_out: match &report.attempt {
                Some(attempt) => report.digest.is_some() && attempt.not_of_root.is_none(),
                None => report.executable,
            },
            needs_approval: report.attempt.is_none() && report.executable && !report.is_approved(),
        }
    }

    /// Whether a list can carry it out now: it can be approved, or was begun here.
    #[must_use]
    pub fn is_carried_out_by_its_digest(&self) -> bool {
        self.is_carried_out
    }

    /// Whether [`Self::next`] is to approve it.
    #[must_use]
    pub fn needs_approval(&self) -> bool {
        self.needs_approval
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
    if report.disposition.may_be_set_aside() {
        let mut codes = report.blockers.iter().map(|reason| reason.code);
        // With the address that the root had, the write may well be recovered.
        if codes.any(Code::tells_of_another_place)
            && let Some(commands) = commands.relocated()
        {
            return Some(commands.drain());
        }
        return Some(if may_be_set_aside(report) {
            commands.dismiss(&report.file)
        } else {
            commands.plan(&report.file)
        });
    }
    let digest = report.digest.filter(|_| report.executable)?;
    Some(if report.is_approved() {
        commands.apply(operation, digest)
    } else {
        commands.approve(operation, digest, &report.requires)
    })
}

/// Whether there is nothing else to do about a file than to set it aside, so that nobody has to look into it first.
fn may_be_set_aside(report: &PlanReport) -> bool {
    if let Some(version_9) = &report.version_9 {
        return version_9
            .verdict
            .as_ref()
            .is_some_and(Verdict9::holds_no_data);
    }
    // A file that is cut short may be all that tells of the commits of its write; of a duplicate, the other file tells.
    let mut codes = report.blockers.iter().map(|reason| reason.code);
    report.disposition.was_judged() || codes.any(|code| code == Code::DuplicateOperationId)
}
