//! `end`: ends an attempt that comes to no end by itself.

use clap::Args;
use sidecar::api::{EndReport, StepState};
use sidecar::short_names::{DigestName, OperationName};

use super::apply::{effect_name, row};
use super::approve::write_no;
use super::arguments::person_name;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::names;
use super::page::Page;
use crate::service;
use crate::service::{Answer, Ending};
use root_objects::clock;

/// End an attempt whose step keeps failing, or that was begun at another root; the operation is then planned anew
#[derive(Debug, Args)]
pub(super) struct End {
    /// The root, as a path or a URI
    root: String,
    /// The operation, or the first characters of its id
    operation: OperationName,
    /// The digest of the plan that is under way, or its first 12 digits
    #[arg(long)]
    digest: DigestName,
    /// Who ends it
    #[arg(long = "as", value_name = "NAME", value_parser = person_name)]
    ender: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// State that every writer of this store is stopped, and that nobody carries the plan out any more
    #[arg(long, required = true)]
    writers_stopped: bool,
}

impl End {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let operation = names::operation(context, &root, self.operation).await?;
        let digest = names::digest_on_record(context, &root, &operation, self.digest).await?;
        let digest = match digest {
            Answer::Done(digest) => digest,
            Answer::No(refusal) => return write_no(context, "Not ended", &refusal),
        };
        let ending = Ending {
            name: self.ender,
            reason: self.reason,
            writers_stopped: self.writers_stopped,
        };
        let answer = context
            .record(&root, async move |root| {
                Box::pin(service::end(
                    &root,
                    &operation,
                    digest,
                    ending,
                    clock::now(),
                ))
                .await
            })
            .await?;
        match answer {
            Answer::Done(report) => {
                context.print(&report, |page| write(page, &report))?;
                Ok(Exit::Done)
            }
            Answer::No(refusal) => write_no(context, "Not ended", &refusal),
        }
    }
}

fn write(page: &mut Page, report: &EndReport) {
    page.line(&format!("{}  ended", report.operation_id));
    page.paragraph(&format!("{}.", report.detail.trim_end_matches('.')));
    page.blank();
    let mut rows: Vec<[String; 3]> = report.tables.iter().map(row).collect();
    let catalog = effect_name(report.catalog.effect).to_owned();
    rows.push(["catalog".to_owned(), catalog, String::new()]);
    page.table(0, &rows);
    page.blank();
    for (index, step) in report.steps.iter().enumerate() {
        let state = match step.state {
            StepState::Waiting => "not done",
            StepState::Started => "not known",
            StepState::Done => "done",
        };
        let label = format!("{:>3}  {state:<9}  ", index + 1);
        page.hanging(&label, &step.sentence);
    }
}
