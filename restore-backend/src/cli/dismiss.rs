//! `dismiss`: a plan that sets a refused or aborted sidecar aside.

use clap::Args;
use sidecar::api::PlanReport;
use sidecar::{Code, Reason};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::names;
use super::page::Page;
use super::plan;
use crate::service;
use root_objects::clock;

/// Plan to set a refused or aborted sidecar aside, its bytes kept in the journal
#[derive(Debug, Args)]
pub(super) struct Dismiss {
    /// The root, as a path or a URI
    root: String,
    /// The file's name, its operation, or the first characters of that
    file: String,
}

impl Dismiss {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let file = names::file_or_operation(context, &root, self.file).await?;
        let report = context
            .look(&root, async move |root| {
                Box::pin(service::dismiss(&root, &file, clock::now())).await
            })
            .await?;
        context.print(&report, |page| match not_dismissible(&report) {
            Some(reason) => write_not_dismissible(page, context, &report, reason, &self.root),
            None => plan::write(page, context, &report, &self.root),
        })?;
        Ok(plan::exit_of_follow_up(&report))
    }
}

/// Why the file is no case for a dismissal at all.
fn not_dismissible(report: &PlanReport) -> Option<&Reason> {
    let mut reasons = report.blockers.iter();
    reasons.find(|reason| reason.code == Code::NotDismissible)
}

fn write_not_dismissible(
    page: &mut Page,
    context: &Context,
    report: &PlanReport,
    reason: &Reason,
    root: &str,
) {
    page.paragraph(&format!(
        "Not set aside: {}.",
        reason.detail.trim_end_matches('.')
    ));
    page.blank();
    let resolves = reason.about.as_deref().unwrap_or(&report.operation_id);
    context.write_plan_command(page, root, resolves, "");
}
