//! `approve`: one person's consent to one exact plan.

use clap::Args;
use serde::Serialize;
use sidecar::Requirement;
use sidecar::api::{ApprovalReport, RefusalReport};
use sidecar::short_names::{DigestName, OperationName};

use super::arguments::{person_name, requirement};
use super::context::Context;
use super::error::{CliError, ErrorBody};
use super::exit::Exit;
use super::names;
use super::page::Page;
use crate::service;
use crate::service::{Answer, Approver};
use root_objects::clock;

/// Approve exactly the plan with one digest
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// The root, as a path or a URI
    root: String,
    /// The operation, or the first characters of its id
    operation: OperationName,
    /// The digest of the plan, as `plan` shows it, or its first 12 digits
    #[arg(long)]
    digest: DigestName,
    /// Who approves
    #[arg(long = "as", value_name = "NAME", value_parser = person_name)]
    approver: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// State that every writer of this store is stopped
    #[arg(long)]
    writers_stopped: bool,
    /// State what else the plan requires
    #[arg(long, value_name = "CODE", value_parser = requirement)]
    acknowledge: Vec<Requirement>,
}

/// A refusal as `--json` prints it: the fields of every failure, and the reasons.
#[derive(Debug, Serialize)]
struct RefusalDocument<'a> {
    error: ErrorBody,
    #[serde(flatten)]
    report: &'a RefusalReport,
}

impl Approve {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let operation = names::operation(context, &root, self.operation).await?;
        let digest = names::digest_of_current_plan(context, &root, &operation, self.digest).await?;
        let digest = match digest {
            Answer::Done(digest) => digest,
            Answer::No(refusal) => return write_no(context, "Not approved", &refusal),
        };
        let approver = Approver {
            name: self.approver,
            reason: self.reason,
            writers_stopped: self.writers_stopped
                || self.acknowledge.contains(&Requirement::WritersStopped),
            acknowledged: self.acknowledge.into_iter().collect(),
        };
        let answer = context
            .record(&root, async move |root| {
                Box::pin(service::approve(
                    &root,
                    &operation,
                    digest,
                    approver,
                    clock::now(),
                ))
                .await
            })
            .await?;
        match answer {
            Answer::Done(report) => {
                context.print(&report, |page| {
                    write_approval(page, context, &report, &self.root)
                })?;
                Ok(Exit::Done)
            }
            Answer::No(report) => write_no(context, "Not approved", &report),
        }
    }
}

fn write_approval(page: &mut Page, context: &Context, report: &ApprovalReport, root: &str) {
    let approval = &report.approval;
    page.line(&format!(
        "{} approved this plan of operation {}:",
        approval.approved_by, approval.operation_id
    ));
    page.line(&format!("  {}", approval.plan_digest));
    if report.authorized {
        page.blank();
        context.write_command(
            page,
            "apply",
            root,
            approval.operation_id.as_str(),
            approval.plan_digest,
            "",
        );
    }
    report.missing.iter().for_each(|requirement| {
        page.hanging(
            "  ",
            &format!("still required: {requirement}: {}", requirement.statement()),
        )
    });
}

/// Prints a refusal. `what` names the thing that did not happen.
pub(super) fn write_no(
    context: &Context,
    what: &str,
    report: &RefusalReport,
) -> Result<Exit, CliError> {
    let error = ErrorBody {
        code: report.outcome.name(),
        detail: report.detail.clone(),
    };
    context.print(&RefusalDocument { error, report }, |page| {
        page.paragraph(&format!("{what}: {}.", report.detail.trim_end_matches('.')));
        page.differences(&report.differences);
    })?;
    Ok(Exit::Refused)
}
