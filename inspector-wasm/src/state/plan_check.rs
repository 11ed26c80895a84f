//! Whether a plan is the one that its digest stands for, and the report that is shown of it.
//!
//! The page derives everything it shows of a plan from the plan's bytes, by the code that the server uses too. It shows the
//! server's own words only where there is no plan.

use std::rc::Rc;

use serde::Deserialize;
use sidecar::api::{AttemptReport, FactLine, PlanContext, PlanReport, Progress};
use sidecar::observation::TransactionObservation;
use sidecar::{
    Approval, Choice, Digest, Disposition, Limits, OperationId, Plan, PlanBytes, Reason, Sidecar,
    SidecarBytes, Tag, Timestamp, authorize,
};

/// The part of the server's [`PlanReport`] that the page reads. The rest follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PlanAnswer {
    /// The operation; for a refused file that names none, the file.
    pub operation_id: String,
    /// The root's URI.
    pub root: String,
    /// Name of the sidecar file.
    pub file: String,
    /// As in the file.
    pub writer_kind: Option<String>,
    /// Branch of the graph.
    pub branch: Option<String>,
    /// Who wrote.
    pub actor_id: Option<String>,
    /// When the writer started.
    pub started_at: Option<String>,
    /// Whole seconds since then.
    pub age_seconds: Option<u64>,
    /// The disposition.
    pub disposition: Disposition,
    /// Digest of the plan.
    pub digest: Option<Digest>,
    /// Why nothing can be executed.
    pub blockers: Vec<Reason>,
    /// The Lance transactions of every table; they are evidence, not part of the plan.
    pub tables: Vec<TableAnswer>,
    /// What happened.
    pub headline: String,
    /// What would be done.
    pub consequence: String,
    /// How far people and executors came.
    pub progress: Progress,
    /// The attempt at the plan, if it was begun.
    #[serde(default)]
    pub attempt: Option<AttemptReport>,
    /// Approvals of exactly this plan.
    pub approvals: Vec<Approval>,
    /// How many older ones are left out.
    #[serde(default)]
    pub approvals_left_out: usize,
    /// The operation under which the same is planned anew, if the effects of this one are gone.
    #[serde(default)]
    pub planned_anew_as: Option<OperationId>,
    /// The content of a sidecar of version 9, and the facts that were found on its tables.
    #[serde(default)]
    pub facts: Vec<FactLine>,
    /// The plan's canonical bytes.
    pub plan: Option<String>,
    /// The sidecar's bytes, unless they are too many to be shown.
    pub sidecar: Option<SidecarBytes>,
}

/// The part of one table's report that the page reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TableAnswer {
    /// The key.
    pub table_key: String,
    /// Its Lance branch.
    pub branch: Option<String>,
    /// The Lance transactions between pin and HEAD.
    pub transactions: Vec<TransactionObservation>,
}

/// What the check of a plan found.
#[derive(Debug, Clone)]
pub enum PlanCheck {
    /// There is no digest to check: a refused file that names no operation.
    NoDigest,
    /// The bytes have the digest, and every word and number shown follows from them.
    Agrees {
        /// The plan, read from the bytes.
        plan: Rc<Plan>,
        /// Whether the approvals on record allow to carry it out.
        authorized: bool,
    },
    /// The bytes do not have the digest, or something shown does not follow from them: nothing may be approved.
    Differs {
        /// What does not fit.
        reason: String,
    },
}

impl PlanAnswer {
    /// Checks the bytes against the digest, and puts them into words.
    #[must_use]
    pub fn checked(self) -> (PlanReport, PlanCheck) {
        let Some(digest) = self.digest else {
            return (self.without_plan(), PlanCheck::NoDigest);
        };
        match self.verified(digest) {
            Ok((plan, bytes)) => {
                let report = self.of_plan(&plan, &bytes);
                let authorized = authorize(bytes, &report.approvals).is_ok();
                (
                    report,
                    PlanCheck::Agrees {
                        plan: Rc::new(plan),
                        authorized,
                    },
                )
            }
            Err(reason) => (self.without_plan(), PlanCheck::Differs { reason }),
        }
    }

    fn verified(&self, digest: Digest) -> Result<(Plan, PlanBytes), String> {
        let text = self
            .plan
            .clone()
            .ok_or("the server names a digest, but does not show the plan it is of")?;
        let bytes = PlanBytes::verify(text, digest).map_err(|error| error.to_string())?;
        let plan = bytes.decode().map_err(|error| error.to_string())?;
        if let Some(bytes) = &self.sidecar {
            let found = Digest::of(Tag::Sidecar, bytes.as_bytes());
            if found != plan.sidecar {
                return Err(format!(
                    "the sidecar shown has digest {found}, the plan is for {}",
                    plan.sidecar
                ));
            }
        }
        if self.operation_id != plan.operation_id.as_str() {
            return Err(format!("the plan is for operation {}", plan.operation_id));
        }
        Ok((plan, bytes))
    }

    /// The report that the plan's bytes give.
    fn of_plan(self, plan: &Plan, bytes: &PlanBytes) -> PlanReport {
        let shown = self.sidecar.as_ref().filter(|_| self.started_at.is_some());
        let sidecar = shown
            .and_then(|shown| Sidecar::parse(&self.file, shown.as_bytes(), &Limits::DEFAULT).ok());
        let started_at = sidecar
            .as_ref()
            .map_or(0, |sidecar| sidecar.started_at.micros());
        let age = self
            .age_seconds
            .unwrap_or_default()
            .saturating_mul(1_000_000);
        let context = PlanContext {
            sidecar: sidecar.as_ref(),
            sidecar_bytes: self.sidecar,
            observation: None,
            blockers: self.blockers,
            progress: self.progress,
            attempt: self.attempt,
            planned_anew_as: self.planned_anew_as,
            approvals: self.approvals,
            age_seconds: None,
            now: Timestamp::from_micros(started_at.saturating_add(age)),
        };
        let mut report = PlanReport::new(plan, bytes, context);
        report.approvals_left_out = self.approvals_left_out;
        report.facts = self.facts;
        for table in &mut report.tables {
            let key = (&table.table.table_key, &table.table.branch);
            if let Some(answer) = self
                .tables
                .iter()
                .find(|answer| (&answer.table_key, &answer.branch) == key)
            {
                table.transactions.clone_from(&answer.transactions);
            }
        }
        report
    }

    /// The server's words alone: no table, no step, nothing to approve.
    fn without_plan(self) -> PlanReport {
        PlanReport {
            operation_id: self.operation_id,
            root: self.root,
            file: self.file,
            writer_kind: self.writer_kind,
            branch: self.branch,
            actor_id: self.actor_id,
            started_at: self.started_at,
            age_seconds: self.age_seconds,
            purpose: sidecar::Purpose::Recover,
            disposition: self.disposition,
            decision: None,
            digest: self.digest,
            executable: false,
            blockers: self.blockers,
            requires: Vec::new(),
            choice: Choice::Verdict,
            other_choices: Vec::new(),
            left_out: Vec::new(),
            tables: Vec::new(),
            steps: Vec::new(),
            explanation: String::new(),
            headline: self.headline,
            consequence: self.consequence,
            progress: self.progress,
            attempt: None,
            approvals: Vec::new(),
            approvals_left_out: 0,
            planned_anew_as: None,
            plan: None,
            sidecar: self.sidecar,
            version_9: None,
            facts: self.facts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::recovery::sample;

    #[test]
    fn what_is_shown_is_what_the_server_would_show() {
        let report = sample::report();
        let (shown, check) = sample::answer(&report).checked();
        assert_eq!(shown, report);
        assert!(matches!(
            check,
            PlanCheck::Agrees {
                authorized: false,
                ..
            }
        ));
    }

    #[test]
    fn the_servers_own_words_about_a_plan_are_not_shown() {
        let mut report = sample::report();
        report.headline = "All is well.".to_owned();
        report.requires.clear();
        report.executable = true;
        report.tables[0].table.lance_head = Some(7);
        report.steps.clear();
        let (shown, _) = sample::answer(&report).checked();
        assert_eq!(shown, sample::report());
    }

    type Change = fn(&mut PlanReport);

    #[test]
    fn bytes_that_are_not_the_digests_are_distrusted() {
        let changes: [(&str, Change); 4] = [
            ("bytes", |report| {
                report.plan = report
                    .plan
                    .take()
                    .map(|text| text.replace("node:Author", "node:Autho2"))
            }),
            ("no bytes", |report| report.plan = None),
            ("sidecar", |report| {
                report.sidecar = Some("{}".to_owned().into())
            }),
            ("operation", |report| {
                report.operation_id = "01M8125GKP4DN25YTCN5T9RC5H".to_owned()
            }),
        ];
        for (name, change) in changes {
            let mut report = sample::report();
            change(&mut report);
            let (shown, check) = sample::answer(&report).checked();
            assert!(matches!(check, PlanCheck::Differs { .. }), "{name}");
            assert!(
                !shown.executable && shown.tables.is_empty() && shown.steps.is_empty(),
                "{name}"
            );
        }
    }

    #[test]
    fn an_approval_that_states_everything_authorizes_and_one_that_does_not_does_not() {
        let authorized = |report: &PlanReport| {
            matches!(
                sample::answer(report).checked().1,
                PlanCheck::Agrees {
                    authorized: true,
                    ..
                }
            )
        };
        let mut report = sample::report();
        report.approvals = vec![sample::approval(&report, false)];
        assert!(!authorized(&report));
        report.approvals.push(sample::approval(&report, true));
        assert!(authorized(&report));
    }

    #[test]
    fn a_report_without_digest_has_nothing_to_check() {
        let report = PlanReport {
            digest: None,
            plan: None,
            ..sample::report()
        };
        assert!(matches!(
            sample::answer(&report).checked().1,
            PlanCheck::NoDigest
        ));
    }
}
