//! `undo` and `release`: plans about a finished recovery, with operation ids of their own.

use clap::Args;
use sidecar::OperationId;
use sidecar::api::PlanReport;
use sidecar::follow_up::FollowUpKind;
use sidecar::short_names::OperationName;

use super::approve::write_no;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::names;
use super::plan;
use crate::service;
use crate::service::Answer;
use root_objects::clock;

/// Plan how to take a finished recovery back; approve and apply it as any other
#[derive(Debug, Args)]
pub(super) struct Undo {
    /// The root, as a path or a URI
    root: String,
    /// The operation whose recovery is taken back, or the first characters of its id
    operation: OperationName,
}

/// Plan to drop the tags of a finished recovery; it cannot be undone afterwards
#[derive(Debug, Args)]
pub(super) struct Release {
    /// The root, as a path or a URI
    root: String,
    /// The operation whose tags are dropped, or the first characters of its id
    operation: OperationName,
}

impl Undo {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let of = names::operation(context, &root, self.operation).await?;
        let operation = of.clone();
        let answer = context
            .look(&root, async move |root| {
                Box::pin(service::undo(&root, &operation, clock::now())).await
            })
            .await?;
        show(context, &self.root, &of, answer)
    }
}

impl Release {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let of = names::operation(context, &root, self.operation).await?;
        let operation = of.clone();
        let answer = context
            .look(&root, async move |root| {
                Box::pin(service::release(&root, &operation, clock::now())).await
            })
            .await?;
        show(context, &self.root, &of, answer)
    }
}

fn show(
    context: &Context,
    root: &str,
    of: &OperationId,
    answer: Answer<PlanReport>,
) -> Result<Exit, CliError> {
    match answer {
        Answer::Done(report) => {
            context.print(&report, |page| {
                if is_of_another_operation(of, &report) {
                    page.paragraph(&format!(
                        "Operation {of} was the undo of a roll back, and left the sidecar of operation {}. To take that undo back is to recover this sidecar:",
                        report.operation_id
                    ));
                    page.blank();
                }
                plan::write(page, context, &report, root);
            })?;
            Ok(plan::exit_of_follow_up(&report))
        }
        Answer::No(refusal) => write_no(context, "No plan", &refusal),
    }
}

/// Whether the plan is neither the undo nor the release of `of`, but that of the sidecar which `of` left.
fn is_of_another_operation(of: &OperationId, report: &PlanReport) -> bool {
    let kinds = [FollowUpKind::Undo, FollowUpKind::Release];
    let mut ids = kinds.into_iter().flat_map(|kind| kind.ids(of));
    !ids.any(|id| id.as_str() == report.operation_id)
}
