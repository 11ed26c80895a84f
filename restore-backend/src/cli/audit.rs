//! `audit`: the journals of a root, and whether their chains of digests hold.

use clap::Args;
use sidecar::OperationId;
use sidecar::api::AuditedOperation;
use sidecar::journal::{JournalEntry, JournalRecord};

use super::Exit;
use super::context::{Context, print_text};
use super::error::CliError;
use super::page::{Page, printable_json};
use crate::root::Root;
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
        if let Some(operation) = &self.operation {
            let report = Box::pin(service::audit(&root, Some(operation), self.verify)).await?;
            context.print(&report, |page| {
                report
                    .operations
                    .iter()
                    .for_each(|operation| write_operation(page, operation));
            })?;
            return Ok(exit(report.operations.iter().any(is_broken)));
        }
        self.run_for_all(context, &root).await
    }

    /// One journal after the other, so that all that ever was done in a root need not fit in memory.
    async fn run_for_all(&self, context: &Context, root: &Root) -> Result<Exit, CliError> {
        let operations = Box::pin(service::audited(root)).await?;
        let uri = root.id().to_string();
        if operations.is_empty() && !context.json() {
            context.print_page(|page| page.line(&format!("Nothing is on record in {uri}.")))?;
        }
        let mut list = context
            .json()
            .then(|| DocumentList::begun(&uri))
            .transpose()?;
        let mut any_is_broken = false;
        for (index, operation) in operations.iter().enumerate() {
            let audited = Box::pin(service::audit_listed(root, operation, self.verify)).await;
            any_is_broken |= is_broken(&audited);
            match &mut list {
                Some(list) => list.add(&audited)?,
                None => context.print_page(|page| {
                    if index > 0 {
                        page.blank();
                    }
                    write_operation(page, &audited);
                })?,
            }
        }
        if let Some(list) = list {
            list.end()?;
        }
        Ok(exit(any_is_broken))
    }
}

fn exit(any_is_broken: bool) -> Exit {
    if any_is_broken {
        Exit::Failed
    } else {
        Exit::Done
    }
}

fn is_broken(operation: &AuditedOperation) -> bool {
    operation.verified == Some(false)
}

/// The document of all journals, printed one operation after the other: a `sidecar::api::AuditReport`.
struct DocumentList {
    is_empty: bool,
}

impl DocumentList {
    fn begun(root: &str) -> Result<Self, CliError> {
        let root = serde_json::to_string(root).map_err(CliError::Encode)?;
        print_text(&format!(
            "{{\n  \"root\": {},\n  \"operations\": [",
            printable_json(&root)
        ))?;
        Ok(Self { is_empty: true })
    }

    fn add(&mut self, operation: &AuditedOperation) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(operation).map_err(CliError::Encode)?;
        let comma = if self.is_empty { "" } else { "," };
        self.is_empty = false;
        let text = printable_json(&text).replace('\n', "\n    ");
        print_text(&format!("{comma}\n    {text}"))
    }

    fn end(self) -> Result<(), CliError> {
        let before = if self.is_empty { "" } else { "\n  " };
        print_text(&format!("{before}]\n}}\n"))
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
