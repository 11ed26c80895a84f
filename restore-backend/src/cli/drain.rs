//! `drain`: the plans of everything that is pending, and those of them carried out that a list of digests approves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use sidecar::commands::statement;
use sidecar::drain::{
    DrainPlan, DrainReport, DrainStep, DrainedReport, Draining, LIST_BYTES_MAX, approved_list,
};
use sidecar::{ApplyReport, Digest, Effect, OutcomeKind, Requirement};

use super::arguments::{person_name, requirement};
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::{Page, Piece};
use super::tone;
use crate::root::Root;
use crate::service::{self, Approver, DrainTurn};
use root_objects::clock;

/// Show the plan of everything that is pending, and with --apply carry out those whose digests a list approves
#[derive(Debug, Args)]
pub(super) struct Drain {
    /// The root, as a path or a URI
    root: String,
    /// A file with the digests that are approved, one a line; approve and carry out each, in this order
    #[arg(long, value_name = "FILE", requires = "approver")]
    apply: Option<PathBuf>,
    /// Who approves
    #[arg(long = "as", id = "approver", value_name = "NAME", value_parser = person_name, requires = "apply")]
    approver: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", requires = "apply")]
    reason: Option<String>,
    /// State that every writer of this store is stopped
    #[arg(long, requires = "apply")]
    writers_stopped: bool,
    /// State what else the plans require
    #[arg(long, value_name = "CODE", value_parser = requirement, requires = "apply")]
    acknowledge: Vec<Requirement>,
}

impl Drain {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        // A list that is wrong is told before anything is looked at.
        let approved = match (&self.apply, &self.approver) {
            (Some(file), Some(approver)) => Some((list(file)?, self.approver(approver))),
            _ => None,
        };
        let root = context.open(&self.root).await?;
        let planned = context
            .look(&root, async |root| {
                Box::pin(service::drain(&root, clock::now())).await
            })
            .await?;
        let Some((digests, approver)) = approved else {
            context.print(&planned, |page| {
                write_plans(page, context, &planned, &self.root)
            })?;
            return Ok(Exit::Done);
        };
        let drained = drain(context, &root, &planned, digests, &approver).await;
        context.print(&drained, |page| write_drained(page, &drained))?;
        Ok(exit(&drained))
    }

    fn approver(&self, name: &str) -> Approver {
        Approver {
            name: name.to_owned(),
            reason: self.reason.clone(),
            writers_stopped: self.writers_stopped
                || self.acknowledge.contains(&Requirement::WritersStopped),
            acknowledged: self.acknowledge.iter().copied().collect(),
        }
    }
}

/// The digests of a file.
fn list(path: &Path) -> Result<Vec<Digest>, CliError> {
    let unreadable = |why: &dyn std::fmt::Display| {
        CliError::Usage(format!("{} cannot be read: {why}", path.display()))
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    file.take(LIST_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&error))?;
    if text.len() as u64 > LIST_BYTES_MAX {
        return Err(unreadable(&format!(
            "it has more than {LIST_BYTES_MAX} bytes"
        )));
    }
    let wrong = |error| CliError::Usage(format!("{}: {error}", path.display()));
    approved_list(&text).map_err(wrong)
}

/// Goes through the list. A failure stops it like a refusal, so that what was done before is told all the same.
async fn drain(
    context: &Context,
    root: &Root,
    planned: &DrainReport,
    digests: Vec<Digest>,
    approver: &Approver,
) -> DrainedReport {
    let seen: BTreeMap<Digest, &DrainPlan> = planned
        .plans
        .iter()
        .filter_map(|plan| Some((plan.digest?, plan)))
        .collect();
    let list: BTreeSet<Digest> = digests.iter().copied().collect();
    let unseen: BTreeSet<Digest> = list
        .iter()
        .filter(|digest| !seen.contains_key(digest))
        .copied()
        .collect();
    // If the journals cannot be searched now, the attempt to carry such a plan out says why.
    let done = context
        .look(root, async move |root| {
            Box::pin(service::done_before(&root, &unseen)).await
        })
        .await
        .unwrap_or_default();
    let mut draining = Draining::of(root.address().to_string(), digests);
    while let Some(digest) = draining.next() {
        if let Some(done) = done.plans.get(&digest) {
            draining.note(DrainStep::DoneBefore(done.clone()));
            continue;
        }
        let plan = seen.get(&digest);
        let turn = DrainTurn {
            seen: plan.map(|plan| (*plan).clone()),
            list: list.clone(),
        };
        let step = context
            .drain_one(root, digest, turn, approver.clone())
            .await;
        draining.note(step.unwrap_or_else(|error| DrainStep::Failed {
            operation_id: plan.map(|plan| plan.operation_id.clone()),
            code: error.code().to_owned(),
            detail: error.text(),
        }));
    }
    draining.report()
}

fn exit(drained: &DrainedReport) -> Exit {
    let is_refusal = |code: &str| {
        [OutcomeKind::Refused, OutcomeKind::Conflict]
            .iter()
            .any(|outcome| outcome.name() == code)
    };
    match &drained.stopped {
        None => Exit::Done,
        Some(stop) if is_refusal(&stop.code) => Exit::Refused,
        Some(_) => Exit::Failed,
    }
}

fn write_plans(page: &mut Page, context: &Context, report: &DrainReport, root: &str) {
    let DrainReport {
        root: address,
        plans,
        not_planned,
        skipped,
    } = report;
    page.line(&match plans.len() + not_planned {
        0 => format!("Nothing is pending in {address}."),
        1 => format!("One recovery is pending in {address}."),
        count => format!("{count} recoveries are pending in {address}, oldest first."),
    });
    for reason in skipped {
        page.blank();
        page.paragraph(&format!("Skipped: {}.", reason.detail));
    }
    plans
        .iter()
        .for_each(|plan| write_plan(page, context, plan, root));
    if plans.iter().any(DrainPlan::waits_for_another) {
        page.blank();
        page.paragraph("A plan that waits for another one is made anew once that one is carried out. Run `drain` again then.");
    }
    if *not_planned > 0 {
        page.blank();
        page.paragraph(&format!(
            "{not_planned} more are pending and not planned yet. Run `drain` again once these are resolved."
        ));
    }
}

fn write_plan(page: &mut Page, context: &Context, plan: &DrainPlan, root: &str) {
    page.blank();
    page.pieces(&[
        Piece::plain(format!("{}  ", plan.operation_id)),
        Piece::new(
            tone::of_disposition(plan.disposition),
            plan.disposition.name(),
        ),
    ]);
    page.hanging("  ", &plan.headline);
    page.hanging("  ", &plan.consequence);
    for reason in &plan.blockers {
        page.hanging("  ", &format!("{}: {}", reason.code, reason.detail));
    }
    for requirement in &plan.requires {
        let statement = requirement.statement();
        page.hanging("  requires ", &format!("{requirement}: {statement}"));
    }
    // Print no digest that cannot be carried out now: people would copy it into a list.
    let digest = plan.digest.filter(|_| plan.is_carried_out_by_its_digest());
    if let Some(digest) = digest {
        page.line(&format!("  digest {digest}"));
    }
    match (&plan.next, plan.digest) {
        (Some(_), Some(digest)) if plan.needs_approval() => {
            let statements: String = plan.requires.iter().map(|it| statement(*it)).collect();
            context.write_command(
                page,
                "approve",
                root,
                &plan.operation_id,
                digest,
                &format!(" --as NAME{statements}"),
            );
        }
        (Some(next), _) => page.line(next),
        (None, _) => {}
    }
}

/// Whether a plan that was begun changed anything, or may have.
fn did_something(report: &ApplyReport) -> bool {
    let tables = report.tables.iter().map(|table| table.effect);
    let others = [report.catalog.effect, report.audit.effect];
    tables
        .chain(others)
        .any(|effect| effect != Effect::Unchanged)
}

fn write_drained(page: &mut Page, report: &DrainedReport) {
    for done in &report.done_before {
        page.line(&format!(
            "{}  {}, carried out before and passed over",
            done.operation_id,
            done.outcome.name()
        ));
    }
    for done in &report.done {
        page.pieces(&[
            Piece::plain(format!("{}  ", done.operation_id)),
            Piece::new(tone::of_outcome(Some(done.outcome)), done.outcome.name()),
        ]);
        page.hanging("  ", &done.detail);
    }
    let Some(stop) = &report.stopped else {
        page.line("All of the list is done.");
        return;
    };
    page.blank();
    let operation = stop.operation_id.as_deref().unwrap_or("no operation");
    page.line(&format!("Stopped at {} ({operation})", stop.digest));
    page.hanging("  ", &format!("{}: {}", stop.code, stop.detail));
    page.differences(&stop.differences);
    page.blank();
    page.line(if stop.report.as_ref().is_some_and(did_something) {
        "Begun and not done, then not begun"
    } else {
        "Not done"
    });
    for digest in &report.not_done {
        page.line(&format!("  {digest}"));
    }
}
