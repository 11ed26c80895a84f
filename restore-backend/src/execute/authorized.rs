//! Whether people have approved exactly the plan that is to be carried out.

use sidecar::{Approval, ApprovedPlan, Digest, PlanBytes, authorize};

use root_objects::journal_store::Journal;

pub(super) fn authorized(journal: &Journal, digest: Digest) -> Result<ApprovedPlan, String> {
    let text = journal
        .state
        .approvals()
        .iter()
        .find(|(approval, _)| approval.plan_digest == digest)
        .map(|(_, text)| text.clone());
    let Some(text) = text else {
        return Err(format!(
            "nobody has approved plan {digest}; approve exactly this plan first"
        ));
    };
    let approvals: Vec<Approval> = journal
        .state
        .approvals()
        .iter()
        .map(|(approval, _)| approval.clone())
        .collect();
    let bytes = PlanBytes::verify(text, digest).map_err(|error| sidecar::error_text(&error))?;
    authorize(bytes, &approvals).map_err(|error| sidecar::error_text(&error))
}
