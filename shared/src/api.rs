//! The shapes of the JSON contract: what the command line prints with `--json` and the HTTP API answers.

use serde::{Deserialize, Serialize};

use crate::apply_report::{ApplyReport, EffectOn, TableOutcome};
use crate::approval::Approval;
use crate::code::{Reason, Requirement};
use crate::decision::Decision;
use crate::difference::Difference;
use crate::digest::Digest;
use crate::explanation;
use crate::ids::OperationId;
use crate::journal::{EndedBy, JournalRecord};
use crate::observation::{Observation, TransactionObservation};
use crate::outcome::OutcomeKind;
use crate::plan::{Plan, PlanBytes, PlannedTable, Purpose, Step};
use crate::sidecar::{Sidecar, SidecarBytes};
use crate::timestamp::Timestamp;
use crate::verdict::{Choice, Disposition, LeftOut};
use crate::version_9::Version9Report;

pub use crate::attempt_report::{AttemptReport, FollowedBy, Since, StepState};

/// The path below which the server answers requests, without its slash.
pub const API_PATH: &str = "api/v1";
/// The header in which the page sends the key of its session.
pub const SESSION_KEY_HEADER: &str = "x-session-key";
/// Stands before the token in the address of a login link, in the part of it that browsers do not send.
pub const LOGIN_TOKEN_FRAGMENT: &str = "#token=";

/// `list`: every pending recovery of one root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryList {
    /// The root's URI.
    pub root: String,
    /// Oldest first.
    pub recoveries: Vec<RecoverySummary>,
    /// Objects beside the journals that should not be there and were skipped; nothing is pending because of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Reason>,
    /// Why the catalog could not be read, if so; the list may then be incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Reason>,
}

/// One line of a [`RecoveryList`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySummary {
    /// The operation, if the file tells.
    pub operation_id: Option<String>,
    /// Name of the sidecar file.
    pub file: String,
    /// `schema_version`, if the file tells.
    pub schema_version: Option<u64>,
    /// As in the file.
    pub writer_kind: Option<String>,
    /// Branch of the graph; null is main.
    pub branch: Option<String>,
    /// Who wrote.
    pub actor_id: Option<String>,
    /// Microseconds since the Unix epoch, as a decimal string.
    pub started_at: Option<String>,
    /// Whole seconds since then, or since the file was last written, whichever is less.
    pub age_seconds: Option<u64>,
    /// The disposition.
    pub disposition: Disposition,
    /// Tables the sidecar names.
    pub tables_total: usize,
    /// Of those, how many have a HEAD above their pin.
    pub tables_moved: usize,
    /// Why the file is refused; null if it is not.
    pub refused: Option<Reason>,
    /// How far people and executors came with it.
    pub progress: Progress,
    /// Whether it is so young that its writer may still be running. Nothing is done about it until then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub may_be_running: bool,
    /// Keys of the tables, for filtering; at most [`RecoverySummary::TABLE_KEYS_MAX`].
    pub table_keys: Vec<String>,
}

impl RecoverySummary {
    /// Table keys carried in a list line; more are counted in `tables_total`.
    pub const TABLE_KEYS_MAX: usize = 16;
}

/// How far a recovery came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nobody approved a plan for it.
    Open,
    /// A plan was approved, though perhaps not the one it has now.
    Approved,
    /// An execution was begun and has not finished; applying again resumes it.
    UnderWay,
    /// Its terminal record is written.
    Finished,
}

/// `plan`: the verdict, the evidence, the steps, the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// The operation; for a refused file that names none, the file.
    pub operation_id: String,
    /// The root's URI.
    pub root: String,
    /// Name of the sidecar file.
    pub file: String,
    /// As in the file.
    pub writer_kind: Option<String>,
    /// Branch of the graph; null is main.
    pub branch: Option<String>,
    /// Who wrote.
    pub actor_id: Option<String>,
    /// Microseconds since the Unix epoch, as a decimal string.
    pub started_at: Option<String>,
    /// Whole seconds since then, or since the file was last written, whichever is less.
    pub age_seconds: Option<u64>,
    /// The disposition.
    pub disposition: Disposition,
    /// What the classifications add up to; null where some table has none.
    pub decision: Option<Decision>,
    /// Digest of the plan; null for a refused file that names no operation.
    pub digest: Option<Digest>,
    /// Whether an approval can lead to execution. A plan that is finished, or was begun at another root, is not executed any more.
    pub executable: bool,
    /// Why not, whatever is approved.
    pub blockers: Vec<Reason>,
    /// The statements that an approval has to make.
    pub requires: Vec<Requirement>,
    /// What a person chose, if not what the verdict says.
    #[serde(default, skip_serializing_if = "Choice::is_verdict")]
    pub choice: Choice,
    /// What can be chosen instead; each is a plan of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_choices: Vec<Choice>,
    /// For a merge: the tables that its sidecar does not name and that publishing it leaves out, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutReport>,
    /// The evidence, table by table.
    pub tables: Vec<TableReport>,
    /// What is done, in order.
    pub steps: Vec<StepReport>,
    /// What happened and what would be done, for people; of a plan that was begun, what was done and what is possible now.
    pub explanation: String,
    /// What the plan is for: `{"kind": "recover"}`, or to undo, dismiss or release.
    #[serde(default)]
    pub purpose: Purpose,
    /// The first sentence of `explanation`.
    pub headline: String,
    /// The rest of it.
    pub consequence: String,
    /// How far people and executors came.
    pub progress: Progress,
    /// What became of the plan, if it was begun. Everything else in this report is then the plan as it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptReport>,
    /// Approvals of exactly this plan, the oldest first. Of more than [`PlanReport::APPROVALS_MAX`], the newest are here, and one
    /// that authorizes the plan, if there is one.
    pub approvals: Vec<Approval>,
    /// How many older ones are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub approvals_left_out: usize,
    /// For a finished undo or release whose effects are gone: the operation under which the same is planned now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_anew_as: Option<OperationId>,
    /// The plan's canonical bytes, so that a reader can check the digest; null where there is no digest.
    pub plan: Option<String>,
    /// The sidecar's bytes; null where they could not be read, or are more than a sidecar may have.
    pub sidecar: Option<SidecarBytes>,
    /// For a sidecar of `schema_version` 9: its content, or the rule that it breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_9: Option<Version9Report>,
    /// The same in lines for people, and the facts that were found on its tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactLine>,
}

/// One line of a list of facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactLine {
    /// What it is about, in a word or two.
    pub label: String,
    /// The fact.
    pub text: String,
}

impl FactLine {
    /// Whether it is of the verdict: what happened, what engines do about it, what to do now. The other lines say what was found
    /// and what the file says.
    #[must_use]
    pub fn is_of_the_verdict(&self) -> bool {
        matches!(
            self.label.as_str(),
            "verdict" | "because" | "no verdict" | "engine" | "next"
        )
    }
}

/// One table of a [`PlanReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableReport {
    /// As planned.
    #[serde(flatten)]
    pub table: PlannedTable,
    /// What readers see before and after, for people.
    pub effect: String,
    /// The Lance transactions between pin and HEAD, oldest first.
    pub transactions: Vec<TransactionObservation>,
}

/// One thing that the plan of a merge leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutReport {
    /// As planned.
    #[serde(flatten)]
    pub left_out: LeftOut,
    /// The same, for people.
    pub sentence: String,
}

/// One step of a [`PlanReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// As planned.
    #[serde(flatten)]
    pub step: Step,
    /// What it does, for people.
    pub sentence: String,
    /// When it is done at all, for people.
    pub condition: String,
    /// Every file and dataset below the root that it writes, replaces or removes, in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
}

/// What a [`PlanReport`] adds to a plan.
#[derive(Debug, Clone)]
pub struct PlanContext<'a> {
    /// The sidecar, if it could be understood.
    pub sidecar: Option<&'a Sidecar>,
    /// Its bytes.
    pub sidecar_bytes: Option<SidecarBytes>,
    /// Whole seconds since its writer is known to have been at work, where its file was listed.
    pub age_seconds: Option<u64>,
    /// What was observed.
    pub observation: Option<&'a Observation>,
    /// Everything that keeps it from being executed, age and store included.
    pub blockers: Vec<Reason>,
    /// How far people and executors came.
    pub progress: Progress,
    /// The attempt at the plan, if it was begun.
    pub attempt: Option<AttemptReport>,
    /// The operation under which the same is planned now, where the effects of this one are gone.
    pub planned_anew_as: Option<OperationId>,
    /// Approvals of exactly this plan.
    pub approvals: Vec<Approval>,
    /// Now, for the age.
    pub now: Timestamp,
}

const fn is_false(is: &bool) -> bool {
    !*is
}

const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl PlanReport {
    /// Approvals that a report carries; the journal has them all.
    pub const APPROVALS_MAX: usize = 100;

    /// Puts a plan and what surrounds it into words.
    #[must_use]
    pub fn new(plan: &Plan, bytes: &PlanBytes, mut context: PlanContext<'_>) -> Self {
        let approvals_left_out = context.approvals.len().saturating_sub(Self::APPROVALS_MAX);
        let older: Vec<Approval> = context.approvals.drain(..approvals_left_out).collect();
        // If an approval authorizes the plan, it is among them: from these the reader finds out whether the plan may be executed.
        let counts = |approval: &Approval| approval.missing(plan).is_empty();
        if !context.approvals.iter().any(counts)
            && let Some(that_counts) = older.into_iter().rev().find(counts)
            && let Some(first) = context.approvals.first_mut()
        {
            *first = that_counts;
        }
        let started_at = context.sidecar.map(|sidecar| sidecar.started_at);
        let attempt = context.attempt;
        let explanation = match &attempt {
            Some(attempt) => explanation::explain_begun(
                plan,
                started_at,
                &explanation::Begun {
                    attempt,
                    approvals: &context.approvals,
                    is_in_effect: context.planned_anew_as.is_none(),
                },
            ),
            None => explanation::explain_looked_at(
                plan,
                context.sidecar,
                context.observation,
                &context.blockers,
            ),
        };
        let is_over = attempt
            .as_ref()
            .is_some_and(|attempt| attempt.is_finished() || attempt.not_of_root.is_some());
        let transactions = |table: &PlannedTable| {
            let observed = context.observation.and_then(|observation| {
                observation.tables.iter().find(|observed| {
                    (&observed.table_key, &observed.branch) == (&table.table_key, &table.branch)
                })
            });
            observed
                .map(|observed| observed.transactions.clone())
                .unwrap_or_default()
        };
        Self {
            operation_id: plan.operation_id.to_string(),
            root: plan.root.to_string(),
            file: plan.file.clone(),
            writer_kind: plan.writer_kind.map(|kind| kind.name().to_owned()),
            branch: plan.branch.clone(),
            actor_id: plan.actor_id.clone(),
            started_at: started_at.map(String::from),
            age_seconds: context
                .age_seconds
                .or_else(|| started_at.map(|started_at| started_at.age_seconds(context.now))),
            purpose: plan.purpose.clone(),
            disposition: plan.disposition,
            decision: plan.decision,
            digest: Some(bytes.digest()),
            executable: plan.has_effect() && context.blockers.is_empty() && !is_over,
            requires: plan.requires.clone(),
            choice: plan.choice,
            other_choices: plan.other_choices(),
            left_out: plan
                .left_out
                .iter()
                .map(|left_out| LeftOutReport {
                    sentence: explanation::left_out_sentence(left_out),
                    left_out: left_out.clone(),
                })
                .collect(),
            tables: plan
                .tables
                .iter()
                .map(|table| TableReport {
                    effect: explanation::table_effect(plan, table),
                    transactions: transactions(table),
                    table: table.clone(),
                })
                .collect(),
            steps: plan
                .steps
                .iter()
                .map(|step| StepReport::of(plan, step))
                .collect(),
            explanation: explanation.text(),
            headline: explanation.headline,
            consequence: explanation.consequence,
            blockers: context.blockers,
            progress: context.progress,
            attempt,
            approvals: context.approvals,
            approvals_left_out,
            planned_anew_as: context.planned_anew_as,
            plan: Some(bytes.text().to_owned()),
            sidecar: context.sidecar_bytes.filter(SidecarBytes::may_be_shown),
            version_9: None,
            facts: Vec::new(),
        }
    }
}

impl StepReport {
    fn of(plan: &Plan, step: &Step) -> Self {
        Self {
            sentence: explanation::step_sentence(step),
            condition: explanation::precondition_sentence(step.precondition()),
            objects: explanation::step_objects(plan, step),
            step: step.clone(),
        }
    }
}

/// `approve`: what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalReport {
    /// The approval, as it is in the journal.
    pub approval: Approval,
    /// Whether the plan can now be executed.
    pub authorized: bool,
    /// What it still requires.
    pub missing: Vec<Requirement>,
}

/// `revoke`: what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationReport {
    /// The operation.
    pub operation_id: OperationId,
    /// The plan nobody approves any more.
    pub plan_digest: Digest,
    /// Who took the approvals back.
    pub revoked_by: String,
}

/// Body of a request to approve; who approves comes from the session, which plan from `If-Match`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalRequest {
    /// Why, in the approver's words.
    pub reason: Option<String>,
    /// Every writer of the store is stopped.
    pub writers_stopped: bool,
    /// Further requirements that are acknowledged.
    pub acknowledge: Vec<Requirement>,
}

/// Body of a request to end an attempt; who ends it comes from the session, which plan from `If-Match`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndRequest {
    /// Why, in their words.
    pub reason: String,
    /// Every writer of the store is stopped, and nobody carries the plan out any more.
    pub writers_stopped: bool,
}

/// `end`: the effects of the attempt that was ended, as far as its journal tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndReport {
    /// The operation.
    pub operation_id: OperationId,
    /// The plan that was being carried out.
    pub plan_digest: Digest,
    /// Who ended it, and why.
    pub ended_by: EndedBy,
    /// Per table. `unknown` where a step was begun and nobody knows whether it was done.
    pub tables: Vec<TableOutcome>,
    /// The catalog.
    pub catalog: EffectOn,
    /// The plan's steps with how far each came.
    pub steps: Vec<StepProgress>,
    /// What happened and what to do next, for people.
    pub detail: String,
}

/// An answer that says no: the plan is refused, or the world is not as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalReport {
    /// The operation.
    pub operation_id: String,
    /// `conflict` or `refused`.
    pub outcome: OutcomeKind,
    /// Why, for people.
    pub detail: String,
    /// Why, for programs.
    pub reasons: Vec<Reason>,
    /// What moved.
    pub differences: Vec<Difference>,
}

/// Live progress of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionReport {
    /// The operation.
    pub operation_id: String,
    /// Whether this server is carrying it out right now.
    pub running: bool,
    /// The plan's steps with how far each came.
    pub steps: Vec<StepProgress>,
    /// The result, once there is one.
    pub report: Option<ApplyReport>,
    /// What failed, if it neither finished nor was refused; applying again resumes.
    pub failure: Option<String>,
}

/// One step of an [`ExecutionReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepProgress {
    /// What it does, for people.
    pub sentence: String,
    /// How far it came.
    pub state: StepState,
}

/// `audit`: the journals of one root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The root's URI.
    pub root: String,
    /// One journal per operation: the oldest first where all are told, the newest first where they come page by page.
    pub operations: Vec<AuditedOperation>,
    /// Objects beside the journals that should not be there and were skipped; they come with the first page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Reason>,
    /// The operation after which the next page goes on, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One operation's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedOperation {
    /// The operation.
    pub operation_id: String,
    /// How it ended, if it did.
    pub outcome: Option<OutcomeKind>,
    /// Whether the chain of digests holds; null if that was not asked.
    pub verified: Option<bool>,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Its records, in order, as far as they can be read.
    pub records: Vec<AuditedRecord>,
    /// The number of the first record that is left out because there are too many for one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_record: Option<u64>,
}

/// One record of a journal, with the bytes a reader needs to verify the chain alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedRecord {
    /// Digest of the stored bytes.
    pub digest: Digest,
    /// The record.
    pub record: JournalRecord,
    /// The stored bytes as text.
    pub stored: String,
}

/// The roots a server has open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootList {
    /// In the order they were given.
    pub roots: Vec<RootSummary>,
}

/// One root of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootSummary {
    /// Its name in paths.
    pub name: String,
    /// Its URI.
    pub uri: String,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReport {
    /// The name approvals are recorded under.
    pub name: String,
}

/// Body of a request to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// What stands behind `#token=` in the login link.
    pub token: String,
}

/// A session that was opened. The other half of it is a cookie.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedSession {
    /// The name approvals are recorded under.
    pub name: String,
    /// The key that every request of the session has to carry in `X-Session-Key`.
    pub key: String,
}

impl std::fmt::Debug for OpenedSession {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OpenedSession")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A login link for one more browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginLinkReport {
    /// The link at the host that the server has to itself.
    pub login: String,
    /// The same at the plain address, for a browser that does not find that host.
    pub plain: String,
}

impl std::fmt::Debug for LoginLinkReport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LoginLinkReport")
            .finish_non_exhaustive()
    }
}

/// An error as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, to what, and what to do next.
    pub detail: String,
    /// The path that was asked.
    pub instance: String,
    /// A code for programs.
    pub code: String,
    /// Why, where there is more than one reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// What moved, for a conflict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
}
