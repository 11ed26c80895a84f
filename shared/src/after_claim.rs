//! What may not have moved between the approval of a plan and the look right after its claim.

use crate::code::{Reason, Requirement};
use crate::difference::{Difference, differences};
use crate::ids::RootId;
use crate::listing::Standing;
use crate::observation::Observation;
use crate::plan::{Plan, PlanInput, plan};
use crate::sidecar::Sidecar;
use crate::verdict::judge_choice;

/// What the look right after the claim found.
#[derive(Debug, Clone)]
pub struct SeenAfterClaim<'a> {
    /// The root that was looked at.
    pub root: &'a RootId,
    /// The sidecar of the plan.
    pub sidecar: &'a Sidecar,
    /// Where its tables stand.
    pub observation: &'a Observation,
    /// Why no rows can be added to the history of the graph, if so.
    pub history: Option<Reason>,
    /// Versions that cannot be published, since their rows cannot be counted.
    pub uncounted: Vec<Reason>,
}

/// Differences between the plan of a recovery as it was approved, and as it is made now. Writers that honour the claim have stopped
/// by now.
///
/// The choice of the approved plan must still exist. Older sidecars were looked at before the claim: the plan acknowledges any, or
/// there was none.
#[must_use]
pub fn moved_since_claim(planned: &Plan, seen: SeenAfterClaim<'_>) -> Vec<Difference> {
    let SeenAfterClaim {
        root,
        sidecar,
        observation,
        history,
        uncounted,
    } = seen;
    let standing = Standing {
        waiting_for: None,
        older_unreadable: planned.requires.contains(&Requirement::OlderUnreadable),
    };
    let verdict = judge_choice(sidecar, standing, observation, planned.choice);
    let now = plan(&PlanInput {
        root,
        operation_id: &planned.operation_id,
        file: &planned.file,
        sidecar_digest: planned.sidecar,
        sidecar: Some(sidecar),
        observation: Some(observation),
        verdict: &verdict,
    });
    let differing = differences(planned, &now);
    if !differing.is_empty() {
        return differing;
    }
    let history = now.blocked_by_history(history);
    let blockers = verdict.blockers.iter().cloned();
    let blockers = blockers.chain(history).chain(uncounted);
    blockers.map(Difference::blocked).collect()
}
