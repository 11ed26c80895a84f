//! `audit`: the journals of a root, and whether their chains of digests hold.

use clap::Args;
use sidecar::OperationId;
use sidecar::api::{AuditReport, AuditedOperation};
use sidecar::journal::{JournalEntry, JournalRecord};

use super::Exit;
use super::context::Context;
use super::error::CliError;
use super::page::Page;
use crate::service;

/// Show what was approved and done, from the journals
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// The root, as a path or a URI
    root: String,
    /// The operation; all of them without it
    operation: Option<OperationId>,
    /// Verify that every record is the one its successor names
    #[arg(long)]
    verify: bool,
}

impl Audit {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let report = Box::pin(service::audit(&root, self.operation.as_ref(), self.verify)).await?;
        context.print(&report, |page| write(page, &report))?;
        let is_broken = report
            .operations
            .iter()
            .any(|operation| operation.verified == Some(false));
        Ok(if is_broken { Exit::Failed } else { Exit::Done })
    }
}

fn write(page: &mut Page, report: &AuditReport) {
    if report.operations.is_empty() {
        page.line(&format!("Nothing is on record in {}.", report.root));
    }
    for (index, operation) in report.operations.iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        write_operation(page, operation);
    }
}

fn write_operation(page: &mut Page, operation: &AuditedOperation) {
    let outcome = operation.outcome.map_or("open", |outcome| outcome.name());
    let chain = match operation.verified {
        Some(true) => "  the chain holds",
        Some(false) => "  THE CHAIN IS BROKEN",
        None => "",
    };
    page.line(&format!("{}  {outcome}{chain}", operation.operation_id));
    for audited in &operation.records {
        let JournalRecord {
            sequence,
            recorded_at,
            entry,
            ..
        } = &audited.record;
        page.hanging(&format!("{sequence:4}  {recorded_at}  "), &words(entry));
    }
    if let Some(problem) = &operation.problem {
        page.hanging("  ", &format!("{}.", problem));
    }
}

fn words(entry: &JournalEntry) -> String {
    let numbers = |steps: &mut dyn Iterator<Item = usize>| {
        steps
            .map(|step| (step + 1).to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match entry {
        JournalEntry::Approved { approval, .. } => {
            let reason = approval
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            let stopped = if approval.writers_stopped {
                ", who states that every writer is stopped"
            } else {
                ""
            };
            format!("approved by {}{stopped}{reason}", approval.approved_by)
        }
        JournalEntry::Revoked {
            revoked_by, reason, ..
        } => {
            let reason = reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(": {reason}"));
            format!("approvals revoked by {revoked_by}{reason}")
        }
        JournalEntry::Claimed {
            epoch, executor, ..
        } => format!("claim {epoch}, by executor {executor}"),
        JournalEntry::StepsStarted { steps, .. } => {
            format!("started: {}", numbers(&mut steps.iter().copied()))
        }
        JournalEntry::StepsFinished { results, .. } => format!(
            "done: {}",
            numbers(&mut results.iter().map(|result| result.step))
        ),
        JournalEntry::Interrupted {
            detail, ended_by, ..
        } => match ended_by {
            Some(ended_by) => format!("ended by {}: {}", ended_by.name, ended_by.reason),
            None => format!("interrupted: {detail}"),
        },
        JournalEntry::Finished { outcome, .. } => format!("finished: {}", outcome.name()),
        JournalEntry::Reopened { detail, .. } => format!("reopened: {detail}"),
    }
}
