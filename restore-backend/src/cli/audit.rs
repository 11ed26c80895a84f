//! `audit`: the journals of a root, and whether their chains of digests hold.

mod telling;

use clap::Args;
use serde::Serialize;
use sidecar::api::AuditedOperation;
use sidecar::journal::JournalRecord;
use sidecar::short_names::OperationName;
use sidecar::{OperationId, Plan, Purpose, Reason};

use super::context::Context;
use super::error::{CliError, ErrorDocument};
use super::exit::Exit;
use super::names;
use super::output::print_text;
use super::page::{Page, Piece, printable_json};
use super::tone::{self, Tone};
use crate::root::Root;
use crate::service::{self, OnRecord};
use telling::{Telling, plan_of, write_of};

/// Show the journals: who approved and what was done, and files beside them that should not be there
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// The root, as a path or a URI
    root: String,
    /// The operation, or the first characters of its id; all of them without it
    operation: Option<OperationName>,
    /// Verify that every record is the one its successor names
    #[arg(long)]
    verify: bool,
}

impl Audit {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        if let Some(operation) = &self.operation {
            let operation = names::operation(context, &root, operation.clone()).await?;
            let verify = self.verify;
            let report = context
                .look(&root, async move |root| {
                    Box::pin(service::audit(&root, Some(&operation), verify)).await
                })
                .await?;
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

    /// Prints one journal after the other, so that the journals of a root need not fit in memory all at once.
    async fn run_for_all(&self, context: &Context, root: &Root) -> Result<Exit, CliError> {
        let OnRecord {
            operations,
            skipped,
        } = context
            .look(root, async |root| Box::pin(service::on_record(&root)).await)
            .await?;
        let uri = root.address().to_string();
        if !context.json() {
            context.print_page(|page| write_begin(page, &uri, &operations, &skipped))?;
        }
        let mut list = context.json().then(DocumentList::default);
        if context.json() {
            print_text(&DocumentList::begin(&uri)?)?;
        }
        let mut any_is_broken = false;
        let verify = self.verify;
        for (index, operation) in operations.into_iter().enumerate() {
            let audited = context
                .look(root, async move |root| {
                    Ok(Box::pin(service::audit_listed(&root, &operation, verify)).await)
                })
                .await;
            let audited = match audited {
                Ok(audited) => audited,
                Err(error) => {
                    let Some(list) = list else {
                        return Err(error);
                    };
                    // The document is begun already, so the failure becomes a field of it.
                    print_text(&list.end(&skipped, Some(&error))?)?;
                    return Ok(error.exit());
                }
            };
            any_is_broken |= is_broken(&audited);
            match &mut list {
                Some(list) => print_text(&list.add(&audited)?)?,
                None => context.print_page(|page| {
                    if index > 0 {
                        page.blank();
                    }
                    write_operation(page, &audited);
                })?,
            }
        }
        if let Some(list) = list {
            print_text(&list.end(&skipped, None)?)?;
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

fn write_begin(page: &mut Page, uri: &str, operations: &[OperationId], skipped: &[Reason]) {
    if operations.is_empty() {
        page.line(&format!("Nothing is on record in {uri}."));
    }
    for reason in skipped {
        page.paragraph(&format!("Skipped: {}.", reason.detail));
    }
    if !operations.is_empty() && !skipped.is_empty() {
        page.blank();
    }
}

/// The document of all journals, printed one operation after the other: a `sidecar::api::AuditReport`. Where not all of them could
/// be read, the `error` that every failure prints is in it too.
#[derive(Debug, Default)]
struct DocumentList {
    has_any: bool,
}

impl DocumentList {
    fn begin(root: &str) -> Result<String, CliError> {
        let root = serde_json::to_string(root).map_err(CliError::Encode)?;
        Ok(format!(
            "{{\n  \"root\": {},\n  \"operations\": [",
            printable_json(&root)
        ))
    }

    fn add(&mut self, operation: &AuditedOperation) -> Result<String, CliError> {
        let text = serde_json::to_string_pretty(operation).map_err(CliError::Encode)?;
        let comma = if self.has_any { "," } else { "" };
        self.has_any = true;
        let text = printable_json(&text).replace('\n', "\n    ");
        Ok(format!("{comma}\n    {text}"))
    }

    fn end(self, skipped: &[Reason], error: Option<&CliError>) -> Result<String, CliError> {
        let before = if self.has_any { "\n  " } else { "" };
        let mut text = format!("{before}]");
        if !skipped.is_empty() {
            text.push_str(&field("skipped", &skipped)?);
        }
        if let Some(error) = error {
            text.push_str(&field("error", &ErrorDocument::of(error).error)?);
        }
        Ok(format!("{text}\n}}\n"))
    }
}

/// One more field of the document.
fn field(name: &str, value: &impl Serialize) -> Result<String, CliError> {
    let text = serde_json::to_string_pretty(value).map_err(CliError::Encode)?;
    let text = printable_json(&text).replace('\n', "\n  ");
    Ok(format!(",\n  \"{name}\": {text}"))
}

fn write_operation(page: &mut Page, operation: &AuditedOperation) {
    let outcome = operation.outcome.map_or("open", |outcome| outcome.name());
    let chain = match operation.verified {
        Some(true) => Piece::new(Tone::Well, "  the chain holds"),
        Some(false) => Piece::new(Tone::Stop, "  THE CHAIN IS BROKEN"),
        None => Piece::plain(""),
    };
    page.pieces(&[
        Piece::plain(format!("{}  ", operation.operation_id)),
        Piece::new(tone::of_outcome(operation.outcome), outcome),
        chain,
    ]);
    let entries = operation
        .records
        .iter()
        .map(|audited| &audited.record.entry);
    // The plans of one operation are about one write.
    let plans: Vec<Plan> = entries.filter_map(plan_of).collect();
    if let Some(plan) = plans.first() {
        page.hanging("  ", &write_of(plan));
    }
    if let Some(line) = follows(operation) {
        page.line(&format!("  {line}"));
    }
    let mut told = Telling::default();
    for audited in &operation.records {
        let JournalRecord {
            sequence,
            recorded_at,
            entry,
            ..
        } = &audited.record;
        let label = format!("{sequence:4}  {recorded_at}  ");
        page.hanging(&label, &told.words(entry));
        let below = " ".repeat(label.chars().count());
        for (number, sentence) in told.steps_started(entry) {
            page.hanging(&format!("{below}{number:2}  "), &sentence);
        }
    }
    if let Some(problem) = &operation.problem {
        page.hanging("  ", &format!("{}.", problem));
    }
}

/// Of which operation this is the undo or the release, and whether an undo stopped half-way and was recovered like a write.
fn follows(operation: &AuditedOperation) -> Option<String> {
    let records = operation.records.iter();
    let claimed = records.filter_map(|audited| audited.record.entry.claimed_plan());
    let purposes: Vec<Purpose> = claimed.map(|plan| plan.purpose).collect();
    let is_recovered = purposes.last() == Some(&Purpose::Recover);
    purposes.iter().find_map(|purpose| match purpose {
        Purpose::Undo { of } if is_recovered => Some(format!(
            "the undo of operation {of}, which stopped half-way and was recovered like a write"
        )),
        Purpose::Undo { of } => Some(format!("the undo of operation {of}")),
        Purpose::Release { of } => Some(format!("the release of the tags of operation {of}")),
        Purpose::Recover | Purpose::Dismiss { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use sidecar::api::AuditReport;
    use sidecar::{Code, OutcomeKind};

    use super::*;

    fn operation(operation_id: &str) -> AuditedOperation {
        AuditedOperation {
            operation_id: operation_id.to_owned(),
            outcome: Some(OutcomeKind::RolledBack),
            verified: None,
            problem: None,
            records: Vec::new(),
            next_record: None,
        }
    }

    #[test]
    fn all_journals_are_one_document_also_where_reading_them_ends_early() {
        let operations = [operation("a"), operation("b")];
        let skipped = [Reason::new(Code::Unreadable, "x is a link\u{202e}")];
        let error = CliError::Overdue {
            root: "/srv/a".to_owned(),
            seconds: 45,
        };
        for told in 0..=operations.len() {
            for (skipped, error) in [(&[][..], None), (&skipped[..], Some(&error))] {
                let mut list = DocumentList::default();
                let mut text = DocumentList::begin("/srv/a").unwrap();
                for operation in &operations[..told] {
                    text += &list.add(operation).unwrap();
                }
                text += &list.end(skipped, error).unwrap();
                let report: AuditReport = serde_json::from_str(&text).unwrap();
                assert_eq!(report.operations, operations[..told]);
                assert_eq!(report.skipped, skipped);
                let document: serde_json::Value = serde_json::from_str(&text).unwrap();
                let code = error.map_or(serde_json::Value::Null, |_| "timed_out".into());
                assert_eq!(document["error"]["code"], code);
            }
        }
    }
}
