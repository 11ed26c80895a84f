//! The report on a plan that was begun, and on a file that has none.

use crate::api::{AttemptReport, FactLine, PlanContext, PlanReport, Progress, Since};
use crate::code::{Code, Reason, Requirement};
use crate::elsewhere::begun_elsewhere;
use crate::ids::RootId;
use crate::journal::JournalState;
use crate::limits::Limits;
use crate::listing::ListedSidecar;
use crate::plan::{PlanBytes, PlanError, Purpose};
use crate::sidecar::{Glimpse, Sidecar, SidecarBytes};
use crate::timestamp::Timestamp;
use crate::verdict::{Choice, Disposition};
use crate::version_9::Version9Report;

impl PlanReport {
    /// The report over the plan that is under way or finished; `None` if there is none. `since` has the facts that were looked up
    /// besides the journal, at the root `here`. One that is under way at another root cannot be executed here.
    ///
    /// # Errors
    /// [`PlanError`] if the plan cannot be encoded. A plan that was decoded can.
    pub fn begun(
        state: &JournalState,
        since: Since,
        here: &RootId,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Option<Self>, PlanError> {
        let (plan, sidecar_bytes) = match (state.attempt(), state.finished()) {
            (Some(attempt), _) => (&attempt.plan, &attempt.sidecar),
            (None, Some(finished)) => (&finished.plan, &finished.sidecar),
            (None, None) => return Ok(None),
        };
        let planned_anew_as = since.planned_anew_as.clone();
        let bytes = PlanBytes::of(plan)?;
        let attempt = state.attempt();
        let elsewhere = attempt.filter(|attempt| attempt.plan.root != *here);
        let blockers: Vec<Reason> = elsewhere
            .map(|attempt| begun_elsewhere(&attempt.plan.root, here))
            .into_iter()
            .collect();
        let sidecar = Sidecar::parse(&plan.file, sidecar_bytes.as_bytes(), limits).ok();
        let context = PlanContext {
            sidecar: sidecar.as_ref(),
            sidecar_bytes: Some(sidecar_bytes.clone()),
            age_seconds: None,
            observation: None,
            blockers,
            progress: Progress::of(Some(state), here),
            attempt: AttemptReport::of(state, since, here),
            planned_anew_as,
            approvals: state.approvals_of(bytes.digest()),
            now,
        };
        Ok(Some(
            Self::new(plan, &bytes, context).with_version_9(limits),
        ))
    }

    /// Whether an approval is on record that states all that the plan requires.
    #[must_use]
    pub fn is_approved(&self) -> bool {
        let mut approvals = self.approvals.iter();
        approvals.any(|approval| approval.missing_of(&self.requires).is_empty())
    }

    /// Whether a person may set the sidecar aside instead of approving the recovery, because they know that its branch is another one
    /// of the same name ([`crate::follow_up::dismissed_because`]).
    #[must_use]
    pub fn may_be_set_aside_instead(&self) -> bool {
        self.purpose.is_recovery() && self.requires.contains(&Requirement::BranchRecreated)
    }

    /// Whether the file can be set aside instead: nothing else can be done about it, and everything about it could be read.
    #[must_use]
    pub fn may_be_set_aside(&self) -> bool {
        self.purpose.is_recovery()
            && self.disposition.may_be_set_aside()
            && self
                .blockers
                .iter()
                .all(|reason| reason.code != Code::Unreadable)
    }

    /// The report on a file that names no operation. It has no plan; the report carries the refusal alone.
    #[must_use]
    pub fn refused(
        root: &RootId,
        listed: &ListedSidecar,
        sidecar_bytes: Option<SidecarBytes>,
        now: Timestamp,
    ) -> Self {
        let file = &listed.file;
        let reason = listed.reason();
        let headline = format!("{} is refused: {}.", file.file, reason.detail);
        let consequence = "Nothing about it is decided, and nothing will be done to it.".to_owned();
        Self {
            operation_id: file
                .operation_id()
                .map_or_else(|| file.file.clone(), String::from),
            root: root.to_string(),
            file: file.file.clone(),
            writer_kind: file.glimpse.writer_kind.clone(),
            branch: file.glimpse.branch.clone(),
            actor_id: file.glimpse.actor_id.clone(),
            age_seconds: file.age_seconds(now),
            started_at: file.glimpse.started_at.clone(),
            purpose: Purpose::Recover,
            disposition: Disposition::Refused,
            decision: None,
            digest: None,
            executable: false,
            blockers: vec![reason],
            requires: Vec::new(),
            choice: Choice::Verdict,
            other_choices: Vec::new(),
            left_out: Vec::new(),
            tables: Vec::new(),
            steps: Vec::new(),
            explanation: format!("{headline} {consequence}"),
            headline,
            consequence,
            progress: Progress::Open,
            attempt: None,
            approvals: Vec::new(),
            approvals_left_out: 0,
            planned_anew_as: None,
            plan: None,
            sidecar: sidecar_bytes,
            version_9: None,
            facts: Vec::new(),
        }
    }

    /// The same with what its sidecar says, if that is of version 9.
    #[must_use]
    pub fn with_version_9(mut self, limits: &Limits) -> Self {
        let bytes = self.sidecar.as_ref().map(SidecarBytes::as_bytes);
        self.version_9 = bytes.and_then(|bytes| Version9Report::of(&self.file, bytes, limits));
        if let Some(glimpse) = self
            .version_9
            .as_ref()
            .and(bytes)
            .map(|bytes| Glimpse::of(bytes, limits))
        {
            self.writer_kind = self.writer_kind.or(glimpse.writer_kind);
            self.branch = self.branch.or(glimpse.branch);
            self.actor_id = self.actor_id.or(glimpse.actor_id);
            self.started_at = self.started_at.or(glimpse.started_at);
        }
        self.with_facts()
    }

    /// The same with the lines for people put together anew.
    #[must_use]
    pub fn with_facts(mut self) -> Self {
        let lines = self.version_9.iter().flat_map(|report| {
            let mut lines = report.found();
            lines.extend(report.facts());
            lines
        });
        self.facts = lines
            .map(|(label, text)| FactLine {
                label: label.to_owned(),
                text,
            })
            .collect();
        self
    }
}
