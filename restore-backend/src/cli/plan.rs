//! `plan`: the verdict over one recovery, its evidence, its steps and its digest.

use clap::Args;
use sidecar::api::{AttemptReport, PlanReport, Progress, StepState, TableReport};
use sidecar::commands::statement;
use sidecar::observation::TransactionObservation;
use sidecar::{Branch, Choice, Code, Digest, Purpose, Timestamp, age_text, explanation};

use super::approve::write_no;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::inspect::{write_facts, write_version_9};
use super::names;
use super::page::{Page, Piece};
use super::tone::{self, Tone};
use crate::service;
use crate::service::Answer;
use root_objects::clock;

/// Show what happened to one write, and what would be done about it
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The root, as a path or a URI
    root: String,
    /// The operation, the first characters of its id, or the name of its file
    operation: String,
    /// Show the plan that rolls a merge back, where it would be rolled forward without some of its tables
    #[arg(long)]
    roll_back: bool,
}

impl Plan {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let choice = if self.roll_back {
            Choice::RollBack
        } else {
            Choice::Verdict
        };
        let operation = names::file_or_operation(context, &root, self.operation).await?;
        let answer = context
            .look(&root, async move |root| {
                Box::pin(service::plan_choosing(
                    &root,
                    &operation,
                    choice,
                    clock::now(),
                ))
                .await
            })
            .await?;
        match answer {
            Answer::Done(report) => {
                context.print(&report, |page| write(page, context, &report, &self.root))?;
                Ok(Exit::Done)
            }
            Answer::No(report) => write_no(context, "No such plan", &report),
        }
    }
}

/// The exit code of a command that asks for a plan of its own: a plan that nobody can approve now is a refusal.
pub(super) fn exit_of_follow_up(report: &PlanReport) -> Exit {
    if report.executable || report.progress == Progress::Finished {
        Exit::Done
    } else {
        Exit::Refused
    }
}

pub(super) fn write(page: &mut Page, context: &Context, report: &PlanReport, root: &str) {
    let title = match &report.purpose {
        Purpose::Recover => report.disposition.name().to_owned(),
        Purpose::Undo { of } | Purpose::Release { of } => {
            format!("{} of {of}", report.purpose.name())
        }
        Purpose::Dismiss { .. } => report.purpose.name().to_owned(),
    };
    page.pieces(&[
        Piece::plain(format!("{}  ", report.operation_id)),
        Piece::new(tone::of_plan(report), title),
        Piece::plain(how_far(report)),
    ]);
    page.line(&format!("{} in {}", report.file, report.root));
    page.paragraph(&origin(report));
    page.blank();
    page.paragraph(&report.headline);
    page.paragraph(&report.consequence);
    write_planned_anew(page, context, report, root);
    if let Some(report) = &report.version_9 {
        if !report.found().is_empty() {
            page.blank();
            page.heading("Found on its tables");
            write_facts(page, report.found());
        }
        page.blank();
        page.heading("The sidecar of version 9 says");
        write_version_9(page, report);
    }
    write_after(page, context, report, root);
    // The plan stays as it was approved, so its words about tables are about that time.
    let is_begun = report.attempt.is_some();
    if is_begun {
        page.blank();
        page.heading(if report.progress == Progress::Finished {
            "The plan that was carried out"
        } else {
            "The plan that is being carried out"
        });
    }
    if !report.tables.is_empty() {
        page.blank();
        page.heading(if is_begun {
            "Tables, as they stood when it was planned"
        } else {
            "Tables"
        });
        let is_possible = is_begun || report.purpose.is_recovery() || report.blockers.is_empty();
        report
            .tables
            .iter()
            .for_each(|table| write_table(page, table, is_possible));
    }
    if !report.left_out.is_empty() {
        page.blank();
        page.heading("Not in the sidecar of this merge");
        report
            .left_out
            .iter()
            .for_each(|left_out| page.hanging("  ", &left_out.sentence));
    }
    if !report.steps.is_empty() {
        page.blank();
        page.heading("Steps");
        for (index, step) in report.steps.iter().enumerate() {
            page.hanging(
                &format!("{:3}  ", index + 1),
                &format!(
                    "{}, {}{}",
                    step.sentence,
                    step.condition,
                    state_text(report, index)
                ),
            );
            for object in &step.objects {
                page.line(&format!("       {object}"));
            }
        }
    }
    if !report.blockers.is_empty() {
        page.blank();
        page.pieces(&[Piece::new(Tone::Stop, "Not executable")]);
        report
            .blockers
            .iter()
            .for_each(|reason| page.hanging("  ", &format!("{}: {}", reason.code, reason.detail)));
    }
    if !report.approvals.is_empty() {
        page.blank();
        page.heading("Approved");
        page.hanging("  ", explanation::WHO_CAN_APPROVE);
        for approval in &report.approvals {
            let reason = approval
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            page.hanging(
                "  ",
                &format!(
                    "{} by {}{reason}",
                    approval.approved_at, approval.approved_by
                ),
            );
        }
    }
    if let Some(digest) = report.digest {
        page.blank();
        page.line(&format!("Digest {digest}"));
        if report.executable && !is_begun {
            write_next(page, context, report, root, digest);
        }
        if is_begun_elsewhere(report) {
            let statements = " --as NAME --reason TEXT --writers-stopped";
            page.blank();
            context.write_command(page, "end", root, &report.operation_id, digest, statements);
        }
    }
    let choices = report.other_choices.iter().filter(|_| !is_begun);
    for choice in choices {
        let (what, option) = match choice {
            Choice::RollBack => ("To roll it back instead, look at", " --roll-back"),
            Choice::Verdict => ("To roll it forward instead, look at", ""),
        };
        page.blank();
        page.line(what);
        context.write_plan_command(page, root, &report.operation_id, option);
    }
}

fn is_begun_elsewhere(report: &PlanReport) -> bool {
    let mut codes = report.blockers.iter().map(|reason| reason.code);
    codes.any(|code| code == Code::BegunElsewhere)
}

/// The command that plans a finished undo or release anew, if it is no longer in effect.
fn write_planned_anew(page: &mut Page, context: &Context, report: &PlanReport, root: &str) {
    let (Purpose::Undo { of } | Purpose::Release { of }, Some(anew)) =
        (&report.purpose, &report.planned_anew_as)
    else {
        return;
    };
    page.blank();
    page.paragraph(&format!(
        "This {} is finished, and no longer in effect: a backup was restored, or the recovery was carried out again. It is planned anew as {anew}:",
        report.purpose.name()
    ));
    context.write_follow_up_command(page, report.purpose.name(), root, of);
}

/// `, under way` or `, finished: rolled_forward`, behind the title of a plan that was begun.
fn how_far(report: &PlanReport) -> String {
    match &report.attempt {
        None => String::new(),
        Some(AttemptReport {
            outcome: Some(outcome),
            ..
        }) => format!(", finished: {}", outcome.name()),
        Some(_) => ", under way".to_owned(),
    }
}

/// How far one step of a begun plan came.
fn state_text(report: &PlanReport, step: usize) -> &'static str {
    let attempt = report.attempt.as_ref();
    match attempt.and_then(|attempt| attempt.steps.get(step)) {
        None => "",
        Some(StepState::Done) => ": done",
        Some(StepState::Started) => ": begun, not known to be done",
        Some(StepState::Waiting) => ": not begun",
    }
}

/// What to type next about a plan that was begun.
fn write_after(page: &mut Page, context: &Context, report: &PlanReport, root: &str) {
    let (Some(attempt), Some(digest)) = (&report.attempt, report.digest) else {
        return;
    };
    let operation = report.operation_id.as_str();
    if attempt.not_of_root.is_some() {
        page.blank();
        let rest = " --as NAME --reason TEXT --writers-stopped";
        context.write_command(page, "end", root, operation, digest, rest);
    } else if attempt.is_open() {
        page.blank();
        context.write_command(page, "apply", root, operation, digest, "");
    } else if let Some(undo) = &attempt.undo {
        page.blank();
        context.write_follow_up_command(page, "undo", root, undo);
    }
}

/// `Mutation on main by etl@example.com, started 2026-11-22 07:22:40 UTC, 3 h 12 min ago`.
fn origin(report: &PlanReport) -> String {
    let mut origin = match &report.writer_kind {
        Some(kind) => format!("{kind} on {}", Branch::of(report.branch.as_deref())),
        None => "Kind of write and branch unknown".to_owned(),
    };
    if let Some(actor) = &report.actor_id {
        origin.push_str(&format!(" by {actor}"));
    }
    let started_at = report
        .started_at
        .clone()
        .and_then(|text| Timestamp::try_from(text).ok());
    if let Some(started_at) = started_at {
        origin.push_str(&format!(", started {started_at}"));
    }
    let is_ahead = started_at.as_ref().is_some_and(|time| *time > clock::now());
    if is_ahead {
        origin.push_str(", by a clock that is ahead of the one here");
    } else if let Some(age_seconds) = report.age_seconds {
        origin.push_str(&format!(", {} ago", age_text(age_seconds)));
    }
    origin
}

/// One table with its evidence, and with the effect on its readers where there can be one.
fn write_table(page: &mut Page, report: &TableReport, is_possible: bool) {
    let table = &report.table;
    let branch = table
        .branch
        .as_ref()
        .map_or_else(String::new, |branch| format!(" on Lance branch {branch}"));
    let stands = explanation::table_stands(table);
    page.line(&format!("  {}{branch}: {stands}", table.table_key));
    page.hanging("    ", &table.rule);
    if is_possible {
        page.hanging("    ", &report.effect);
    }
    if !table.unexpected.is_empty() {
        page.hanging("    ", &explanation::unexpected_sentence(table));
    }
    for TransactionObservation {
        version,
        transaction,
    } in &report.transactions
    {
        page.line(&match transaction {
            Some(transaction) => {
                let restored = transaction
                    .restored_version
                    .map_or_else(String::new, |restored| format!(" of version {restored}"));
                let made_at = transaction
                    .timestamp
                    .map_or_else(String::new, |timestamp| format!("  {timestamp}"));
                format!(
                    "    version {version}  {}{restored}{made_at}",
                    transaction.operation
                )
            }
            None => format!("    version {version}  its transaction is gone"),
        });
    }
}

/// What to type next.
fn write_next(page: &mut Page, context: &Context, report: &PlanReport, root: &str, digest: Digest) {
    page.blank();
    if report.is_approved() {
        context.write_command(page, "apply", root, &report.operation_id, digest, "");
        return;
    }
    if !report.requires.is_empty() {
        page.heading("The approver states");
        report.requires.iter().for_each(|requirement| {
            page.hanging("  ", &format!("{requirement}: {}", requirement.statement()))
        });
        page.blank();
    }
    let statements: String = report
        .requires
        .iter()
        .map(|requirement| statement(*requirement))
        .collect();
    context.write_command(
        page,
        "approve",
        root,
        &report.operation_id,
        digest,
        &format!(" --as NAME{statements}"),
    );
}
