//! One recovery on screen: its plan, what the approver states, and how far its execution came.

use std::rc::Rc;

use sidecar::api::{ApprovalRequest, EndReport, ExecutionReport, PlanReport, Progress};
use sidecar::{Reason, Requirement};
use yew::Reducible;

use super::failure::Failure;
use super::load::Load;
use super::plan_check::{PlanAnswer, PlanCheck};

#[cfg(test)]
#[path = "recovery/sample.rs"]
pub(crate) mod sample;

/// What is being done for a person right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// The approval is on its way.
    Approving,
    /// The request to carry the plan out is on its way.
    Starting,
    /// The revocation is on its way.
    Revoking,
    /// The request to end an attempt is on its way.
    Ending,
}

/// What the panel beside the tables offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing can be done, and why.
    Blocked,
    /// The digest does not stand for what is shown.
    Distrusted,
    /// Approve the plan.
    Approve,
    /// Carry it out.
    Execute,
    /// It is being carried out.
    Running,
    /// It was begun and has not finished.
    Resume,
    /// It ended.
    Ended,
}

/// One recovery on screen.
#[derive(Debug, Clone)]
pub struct RecoveryState {
    /// The plan.
    pub plan: Load<PlanReport>,
    /// Whether it is what its digest stands for.
    pub check: PlanCheck,
    /// What the approver states.
    pub stated: Vec<Requirement>,
    /// Why, in the approver's words.
    pub reason: String,
    /// What is being done.
    pub doing: Option<Doing>,
    /// Why the last thing a person asked for was not done.
    pub refusal: Option<Rc<Failure>>,
    /// Whether another plan took the place of the one that this page showed.
    pub replaced: bool,
    /// Whether a person just took the approvals of this plan back.
    pub revoked: bool,
    /// How far the attempt came that a person just ended.
    pub ended: Option<Rc<EndReport>>,
    /// The execution, if one was begun.
    pub execution: Option<Rc<ExecutionReport>>,
    /// Why the execution cannot be followed, while it cannot.
    pub out_of_touch: Option<Failure>,
}

/// What happens to a [`RecoveryState`].
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made per answer, and none is kept"
)]
pub enum Action {
    /// The plan was asked for.
    Asked,
    /// It came, or did not.
    Planned(Result<PlanAnswer, Failure>),
    /// A statement was made, or taken back.
    Stated(Requirement, bool),
    /// The reason was edited.
    Reasoned(String),
    /// A person asked for something.
    Began(Doing),
    /// It was not done.
    Refused(Failure),
    /// It was approved; the plan is asked for again.
    Approved,
    /// Its approvals were taken back; the plan is asked for again.
    Revoked,
    /// An attempt was ended; the plan is asked for again.
    EndedBy(Rc<EndReport>),
    /// The execution was heard of, or not.
    Followed(Result<Rc<ExecutionReport>, Failure>),
    /// A new plan is wanted; statements and refusals about the old one go.
    StartedOver,
}

impl Default for RecoveryState {
    fn default() -> Self {
        Self {
            plan: Load::default(),
            check: PlanCheck::NoDigest,
            stated: Vec::new(),
            reason: String::new(),
            doing: None,
            refusal: None,
            replaced: false,
            revoked: false,
            ended: None,
            execution: None,
            out_of_touch: None,
        }
    }
}

impl Reducible for RecoveryState {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut next = (*self).clone();
        match action {
            Action::Asked => next.plan.asked(),
            Action::Planned(answer) => next.planned(answer),
            Action::Stated(requirement, stated) => {
                next.stated.retain(|other| *other != requirement);
                next.stated.extend(stated.then_some(requirement));
            }
            Action::Reasoned(reason) => next.reason = reason,
            Action::Began(doing) => {
                (next.doing, next.refusal, next.revoked) = (Some(doing), None, false);
                (next.ended, next.replaced) = (None, false);
            }
            Action::Refused(failure) => (next.doing, next.refusal) = (None, Some(Rc::new(failure))),
            Action::Approved => next.doing = None,
            Action::Revoked => (next.doing, next.revoked) = (None, true),
            Action::EndedBy(report) => {
                next = Self {
                    plan: next.plan,
                    check: next.check,
                    ended: Some(report),
                    ..Self::default()
                }
            }
            Action::Followed(Ok(execution)) => {
                (next.doing, next.out_of_touch, next.execution) = (None, None, Some(execution));
            }
            Action::Followed(Err(failure)) => next.out_of_touch = Some(failure),
            Action::StartedOver => {
                next = Self {
                    plan: next.plan,
                    check: next.check,
                    ..Self::default()
                }
            }
        }
        Rc::new(next)
    }
}

impl RecoveryState {
    fn planned(&mut self, answer: Result<PlanAnswer, Failure>) {
        let answer = answer.map(|answer| {
            let before = self.plan.value.as_ref().and_then(|plan| plan.digest);
            if before.is_some() && before != answer.digest {
                // The statements so far were about another plan.
                self.stated.clear();
                self.replaced = true;
            }
            // The server answers again, and tells what is on record.
            let silent = |failure: &Rc<Failure>| failure.is_silence() || failure.asks_for_login();
            self.refusal = self.refusal.take().filter(|failure| !silent(failure));
            let is_under_way = matches!(answer.progress, Progress::UnderWay | Progress::Finished);
            let stopped = self.execution.as_ref();
            if !is_under_way && stopped.is_some_and(|it| !it.running && it.report.is_none()) {
                // Somebody ended the attempt that this page saw stop.
                self.execution = None;
            }
            let (report, check) = answer.checked();
            self.check = check;
            Rc::new(report)
        });
        self.plan.answered(answer);
    }

    /// What the panel offers.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if let Some(execution) = &self.execution {
            if execution.running {
                return Stage::Running;
            }
            if execution.report.is_some() {
                return Stage::Ended;
            }
            if execution.failure.is_some() {
                return Stage::Resume;
            }
        }
        let Some(plan) = &self.plan.value else {
            return Stage::Blocked;
        };
        match (&self.check, plan.progress) {
            (PlanCheck::Differs { .. }, _) => Stage::Distrusted,
            (_, Progress::UnderWay | Progress::Finished) => Stage::Resume,
            (PlanCheck::NoDigest, _) => Stage::Blocked,
            _ if !plan.executable => Stage::Blocked,
            (
                PlanCheck::Agrees {
                    authorized: true, ..
                },
                _,
            ) => Stage::Execute,
            (
                PlanCheck::Agrees {
                    authorized: false, ..
                },
                _,
            ) => Stage::Approve,
        }
    }

    /// Whether there is an attempt that a person can end: one that was begun, and has not come to its terminal record.
    #[must_use]
    pub fn can_be_ended(&self) -> bool {
        let plan = self.plan.value.as_ref();
        self.stage() == Stage::Resume
            && plan.is_some_and(|plan| plan.progress == Progress::UnderWay)
    }

    /// Whether it was carried out, and did all the plan says.
    #[must_use]
    pub fn has_succeeded(&self) -> bool {
        let report = self
            .execution
            .as_ref()
            .and_then(|execution| execution.report.as_ref());
        report.is_some_and(|report| report.outcome.is_success())
    }

    /// The request that approves the plan.
    #[must_use]
    pub fn request(&self) -> ApprovalRequest {
        let reason = self.reason.trim();
        let acknowledged = self.stated.iter().copied();
        ApprovalRequest {
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            writers_stopped: self.stated.contains(&Requirement::WritersStopped),
            acknowledge: acknowledged
                .filter(|requirement| *requirement != Requirement::WritersStopped)
                .collect(),
        }
    }

    /// Whether the panel may change with time, without anybody on this page doing anything.
    #[must_use]
    pub fn may_pass_by_itself(&self) -> bool {
        self.stage() == Stage::Blocked
            && self
                .plan
                .value
                .as_ref()
                .is_some_and(|plan| passes_by_itself(&plan.blockers))
    }
}

/// Whether time, or somebody else, may lift what blocks a plan.
#[must_use]
pub fn passes_by_itself(blockers: &[Reason]) -> bool {
    blockers.iter().any(|reason| reason.code.may_be_lifted())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(actions: Vec<Action>) -> Rc<RecoveryState> {
        actions
            .into_iter()
            .fold(Rc::new(RecoveryState::default()), RecoveryState::reduce)
    }

    fn planned() -> Action {
        Action::Planned(Ok(sample::answer(&sample::report())))
    }

    fn followed(running: bool, failure: Option<&str>) -> Action {
        Action::Followed(Ok(Rc::new(ExecutionReport {
            operation_id: String::new(),
            running,
            steps: Vec::new(),
            report: None,
            failure: failure.map(str::to_owned),
        })))
    }

    #[test]
    fn the_panel_goes_from_approval_to_execution() {
        assert_eq!(state(vec![]).stage(), Stage::Blocked);
        assert_eq!(state(vec![planned()]).stage(), Stage::Approve);
        let mut approved = sample::report();
        approved.approvals = vec![sample::approval(&approved, true)];
        assert_eq!(
            state(vec![Action::Planned(Ok(sample::answer(&approved)))]).stage(),
            Stage::Execute
        );
        assert_eq!(
            state(vec![planned(), followed(true, None)]).stage(),
            Stage::Running
        );
        assert_eq!(
            state(vec![planned(), followed(false, Some("storage"))]).stage(),
            Stage::Resume
        );
    }

    #[test]
    fn nothing_is_offered_for_a_blocked_or_falsified_plan() {
        let mut blocked = sample::report();
        blocked.blockers = vec![sidecar::Reason::new(sidecar::Code::TooYoung, "young")];
        let blocked = state(vec![Action::Planned(Ok(sample::answer(&blocked)))]);
        assert_eq!(blocked.stage(), Stage::Blocked);
        assert!(blocked.may_pass_by_itself());

        let mut falsified = sample::report();
        falsified.plan = None;
        assert_eq!(
            state(vec![Action::Planned(Ok(sample::answer(&falsified)))]).stage(),
            Stage::Distrusted
        );
    }

    #[test]
    fn statements_are_kept_for_the_same_plan_and_dropped_for_another() {
        let stated = || vec![planned(), Action::Stated(Requirement::WritersStopped, true)];
        let mut same = stated();
        same.push(planned());
        assert_eq!(state(same).stated, [Requirement::WritersStopped]);

        let mut other = stated();
        let report = PlanReport {
            digest: Some(sidecar::Digest::of(sidecar::Tag::Plan, b"other")),
            ..sample::report()
        };
        other.push(Action::Planned(Ok(sample::answer(&report))));
        let other = state(other);
        assert!(other.stated.is_empty() && other.replaced);
        let again = RecoveryState::reduce(other, Action::Began(Doing::Approving));
        assert!(!again.replaced);
    }

    #[test]
    fn a_failed_look_keeps_the_plan_and_a_new_start_drops_the_refusal() {
        let failed = state(vec![
            planned(),
            Action::Planned(Err(Failure::Unreachable)),
            Action::Refused(Failure::Unreachable),
        ]);
        assert!(
            failed.plan.value.is_some()
                && failed.plan.failure.is_some()
                && failed.refusal.is_some()
        );
        let again = RecoveryState::reduce(failed, Action::StartedOver);
        assert!(again.refusal.is_none() && again.plan.value.is_some());
    }

    #[test]
    fn what_was_typed_outlives_a_lost_server_and_the_words_about_it_do_not() {
        let lost = state(vec![
            planned(),
            Action::Stated(Requirement::WritersStopped, true),
            Action::Reasoned("half a load".to_owned()),
            Action::Refused(Failure::Unreachable),
        ]);
        assert!(lost.refusal.is_some());
        let back = RecoveryState::reduce(lost, planned());
        assert!(back.refusal.is_none());
        assert_eq!(back.request().reason.as_deref(), Some("half a load"));
        assert!(back.request().writers_stopped);
    }

    #[test]
    fn a_revocation_leads_back_to_approval_and_is_told_until_the_next_wish() {
        let mut approved = sample::report();
        approved.approvals = vec![sample::approval(&approved, true)];
        let revoked = state(vec![
            Action::Planned(Ok(sample::answer(&approved))),
            Action::Began(Doing::Revoking),
            Action::Revoked,
            planned(),
        ]);
        assert_eq!(
            (revoked.stage(), revoked.doing, revoked.revoked),
            (Stage::Approve, None, true)
        );
        assert!(!RecoveryState::reduce(revoked, Action::Began(Doing::Approving)).revoked);
    }

    #[test]
    fn an_attempt_under_way_can_be_ended_and_what_it_had_done_is_told_until_the_next_wish() {
        let under_way = PlanReport {
            progress: Progress::UnderWay,
            ..sample::report()
        };
        let finished = PlanReport {
            progress: Progress::Finished,
            ..sample::report()
        };
        let of = |report: &PlanReport| Action::Planned(Ok(sample::answer(report)));
        assert!(state(vec![of(&under_way)]).can_be_ended());
        assert!(!state(vec![of(&under_way), followed(true, None)]).can_be_ended());
        assert!(!state(vec![of(&finished)]).can_be_ended());
        assert!(!state(vec![planned()]).can_be_ended());

        let report = EndReport {
            operation_id: "01M8125ENACWR9X1EZNRMDV5V2".parse().unwrap(),
            plan_digest: sidecar::Digest::of(sidecar::Tag::Plan, b"plan"),
            ended_by: sidecar::journal::EndedBy {
                name: "grace".to_owned(),
                reason: "a step keeps failing".to_owned(),
            },
            tables: Vec::new(),
            catalog: sidecar::EffectOn {
                effect: sidecar::Effect::Unchanged,
            },
            steps: Vec::new(),
            detail: String::new(),
        };
        let ended = state(vec![
            of(&under_way),
            followed(false, Some("storage")),
            Action::Began(Doing::Ending),
            Action::EndedBy(Rc::new(report)),
            planned(),
        ]);
        assert_eq!((ended.stage(), ended.doing), (Stage::Approve, None));
        assert!(ended.ended.is_some());
        let next = RecoveryState::reduce(ended, Action::Began(Doing::Approving));
        assert!(next.ended.is_none());
    }

    #[test]
    fn an_attempt_that_somebody_else_ended_leads_back_to_the_plan() {
        let stopped = || vec![planned(), followed(false, Some("storage"))];
        assert_eq!(state(stopped()).stage(), Stage::Resume);
        let mut ended = stopped();
        ended.push(planned());
        assert_eq!(state(ended).stage(), Stage::Approve);
        let running = state(vec![followed(true, None), planned()]);
        assert_eq!(running.stage(), Stage::Running, "an older answer");
    }

    #[test]
    fn a_request_carries_statements_and_a_trimmed_reason() {
        let state = state(vec![
            planned(),
            Action::Stated(Requirement::WritersStopped, true),
            Action::Stated(Requirement::TargetDiffersFromExpected, true),
            Action::Reasoned("  half a load \n".to_owned()),
        ]);
        let request = state.request();
        assert!(request.writers_stopped);
        assert_eq!(request.reason.as_deref(), Some("half a load"));
        assert_eq!(
            request.acknowledge,
            [Requirement::TargetDiffersFromExpected]
        );
    }
}
