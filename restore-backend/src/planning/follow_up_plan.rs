//! The plan of an undo, a release or a dismissal, with its inputs.

use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::follow_up::FollowUp;
use sidecar::{Observation, PlanBytes, Sidecar, SidecarFile, Timestamp};

use super::approvable::{ApprovablePlan, CurrentPlan};
use crate::error::ServiceError;
use crate::observe::FailedRead;
use root_objects::journal_store::Journal;

/// An undo, a release or a dismissal, with its inputs.
pub(crate) struct FollowUpPlan {
    pub(crate) follow_up: FollowUp,
    /// Its sidecar, or the bytes that stand for it, parsed.
    pub(super) sidecar: Option<Sidecar>,
    pub(super) observation: Option<Observation>,
    /// The age of the file that a dismissal is about.
    pub(super) age_seconds: Option<u64>,
    /// Reads that failed while the plan was made.
    pub(super) failed: Vec<FailedRead>,
    /// A pending file that could not be read; the plan waits for it.
    pub(super) unread: Option<FailedRead>,
}

impl FollowUpPlan {
    pub(super) fn of_file(follow_up: FollowUp, file: SidecarFile, now: Timestamp) -> Self {
        Self {
            follow_up,
            age_seconds: file.age_seconds(now),
            sidecar: file.content.ok(),
            observation: None,
            failed: Vec::new(),
            unread: None,
        }
    }

    /// As the plan to approve or to carry out, with the journal of its operation.
    pub(super) fn current(self, journal: Journal) -> Result<CurrentPlan, ServiceError> {
        let FollowUp {
            plan,
            sidecar,
            blockers,
        } = self.follow_up;
        Ok(CurrentPlan::Approvable {
            plan: Box::new(ApprovablePlan {
                bytes: PlanBytes::of(&plan).map_err(ServiceError::Encode)?,
                plan,
                blockers,
                failed: self.failed,
                unread: self.unread,
                sidecar,
            }),
            journal,
        })
    }

    pub(crate) fn report(
        self,
        journal: Option<&Journal>,
        now: Timestamp,
    ) -> Result<PlanReport, ServiceError> {
        let FollowUp {
            plan,
            sidecar,
            blockers,
        } = self.follow_up;
        let bytes = PlanBytes::of(&plan).map_err(ServiceError::Encode)?;
        let state = journal.map(|journal| &journal.state);
        let digest = bytes.digest();
        let context = PlanContext {
            sidecar: self.sidecar.as_ref(),
            sidecar_bytes: Some(sidecar),
            age_seconds: self.age_seconds,
            observation: self.observation.as_ref(),
            blockers,
            progress: Progress::of_plan(state, digest),
            attempt: None,
            planned_anew_as: None,
            approvals: state.map_or_else(Vec::new, |state| state.approvals_of(digest)),
            now,
        };
        Ok(PlanReport::new(&plan, &bytes, context))
    }
}
