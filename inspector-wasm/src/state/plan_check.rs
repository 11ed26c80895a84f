//! Whether a plan that the server shows is the plan its digest stands for, checked in the browser.

use std::rc::Rc;

use sidecar::api::{PlanContext, PlanReport};
use sidecar::{Digest, Limits, Plan, PlanBytes, Sidecar, Tag, Timestamp, authorize};

/// What the check of one [`PlanReport`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// They do not: nothing may be approved on the strength of what is shown.
    Differs {
        /// What does not fit.
        reason: String,
    },
}

impl PlanCheck {
    /// Checks a report: its bytes against its digest, and everything else in it against its bytes.
    #[must_use]
    pub fn of(report: &PlanReport) -> Self {
        let Some(digest) = report.digest else { return Self::NoDigest };
        match verified(report, digest) {
            Ok((plan, bytes)) => {
                let authorized = authorize(bytes, &report.approvals).is_ok();
                Self::Agrees { plan: Rc::new(plan), authorized }
            }
            Err(reason) => Self::Differs { reason },
        }
    }
}

fn verified(report: &PlanReport, digest: Digest) -> Result<(Plan, PlanBytes), String> {
    let text = report.plan.clone().ok_or("the server names a digest, but does not show the plan it is of")?;
    let bytes = PlanBytes::verify(text, digest).map_err(|error| error.to_string())?;
    let plan = bytes.decode().map_err(|error| error.to_string())?;
    if let Some(text) = &report.sidecar {
        let found = Digest::of(Tag::Sidecar, text.as_bytes());
        if found != plan.sidecar {
            return Err(format!("the sidecar shown has digest {found}, the plan is for {}", plan.sidecar));
        }
    }
    match shown_otherwise(report, &plan, &bytes) {
        Some(field) => Err(format!("{field} shown is not what follows from the plan’s bytes")),
        None => Ok((plan, bytes)),
    }
}

/// The first thing that is shown otherwise than this page would put the same plan.
fn shown_otherwise(report: &PlanReport, plan: &Plan, bytes: &PlanBytes) -> Option<&'static str> {
    let text = report.sidecar.as_deref().filter(|_| report.started_at.is_some());
    let sidecar = text.and_then(|text| Sidecar::parse(&report.file, text.as_bytes(), &Limits::DEFAULT).ok());
    let context = PlanContext {
        sidecar: sidecar.as_ref(),
        sidecar_text: None,
        observation: None,
        blockers: report.blockers.clone(),
        progress: report.progress,
        approvals: Vec::new(),
        now: Timestamp::from_micros(0),
    };
    let ours = PlanReport::new(plan, bytes, context);
    let tables = report.tables.len() == ours.tables.len()
        && report.tables.iter().zip(&ours.tables).all(|(theirs, ours)| (&theirs.table, &theirs.effect) == (&ours.table, &ours.effect));
    let same = [
        ("the operation", report.operation_id == ours.operation_id && report.file == ours.file),
        ("the root", report.root == ours.root),
        ("the writer", (&report.writer_kind, &report.branch, &report.actor_id) == (&ours.writer_kind, &ours.branch, &ours.actor_id)),
        ("the disposition", (report.disposition, report.decision, report.executable) == (ours.disposition, ours.decision, ours.executable)),
        ("what the approval has to state", report.requires == ours.requires),
        ("a table", tables),
        ("a step", report.steps == ours.steps),
        // Without the sidecar's text the start of the writer, which the words name, is not known here.
        ("the explanation", sidecar.is_none() || (&report.headline, &report.consequence) == (&ours.headline, &ours.consequence)),
    ];
    same.into_iter().find_map(|(field, same)| (!same).then_some(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::recovery::sample;

    #[test]
    fn an_honest_report_agrees() {
        let report = sample::report();
        assert!(matches!(PlanCheck::of(&report), PlanCheck::Agrees { authorized: false, .. }), "{:?}", PlanCheck::of(&report));
    }

    #[test]
    fn whatever_is_shown_otherwise_is_found() {
        let changes: [(&str, fn(&mut PlanReport)); 9] = [
            ("bytes", |report| report.plan = report.plan.take().map(|text| text.replace("node:Author", "node:Autho2"))),
            ("no bytes", |report| report.plan = None),
            ("table", |report| report.tables[0].table.lance_head = Some(7)),
            ("effect", |report| report.tables[0].effect = "Nothing changes.".to_owned()),
            ("steps", |report| drop(report.steps.pop())),
            ("sentence", |report| report.steps[0].sentence = "Look".to_owned()),
            ("headline", |report| report.headline = "All is well.".to_owned()),
            ("sidecar", |report| report.sidecar = Some("{}".to_owned())),
            ("requires", |report| report.requires.clear()),
        ];
        for (name, change) in changes {
            let mut report = sample::report();
            change(&mut report);
            assert!(matches!(PlanCheck::of(&report), PlanCheck::Differs { .. }), "{name}");
        }
    }

    #[test]
    fn an_approval_that_states_everything_authorizes_and_one_that_does_not_does_not() {
        let mut report = sample::report();
        report.approvals = vec![sample::approval(&report, false)];
        assert!(matches!(PlanCheck::of(&report), PlanCheck::Agrees { authorized: false, .. }));
        report.approvals.push(sample::approval(&report, true));
        assert!(matches!(PlanCheck::of(&report), PlanCheck::Agrees { authorized: true, .. }));
    }

    #[test]
    fn a_report_without_digest_has_nothing_to_check() {
        let report = PlanReport { digest: None, plan: None, ..sample::report() };
        assert_eq!(PlanCheck::of(&report), PlanCheck::NoDigest);
    }
}
