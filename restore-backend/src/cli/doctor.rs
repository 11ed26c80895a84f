//! `doctor`: whether a root is in order, and whether it is ready for an upgrade.

use clap::Args;
use sidecar::doctor::{CheckStatus, ChecklistLine, DoctorReport, DoctorScope, Finding, LOOKED_AT};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::Page;
use crate::service;
use root_objects::clock;

/// Say what is not in order in a root: pending sidecars, commits that no sidecar covers, what was left behind
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The root, as a path or a URI
    root: String,
    /// Say as well what has to be so before the engine of the graph is upgraded
    #[arg(long)]
    upgrade: bool,
}

impl Doctor {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open_to_examine(&self.root).await?;
        let scope = if self.upgrade {
            DoctorScope::Upgrade
        } else {
            DoctorScope::Today
        };
        let report = context
            .look(&root, async move |root| {
                Box::pin(service::doctor(&root, scope, clock::now())).await
            })
            .await?;
        context.print(&report, |page| write(page, &report, &root.shown()))?;
        Ok(if report.stands_in_the_way {
            Exit::InTheWay
        } else {
            Exit::Done
        })
    }
}

fn write(page: &mut Page, report: &DoctorReport, root: &str) {
    let DoctorReport {
        root: _,
        headline: _,
        explanation,
        catalog: _,
        findings,
        upgrade,
        stands_in_the_way: _,
    } = report;
    let lines = upgrade.iter().flatten();
    let not_yes = lines.filter(|line| line.status != CheckStatus::Yes).count();
    page.paragraph(&match findings.len() {
        0 if not_yes > 0 => format!(
            "No finding in {root} as it is used today. Before an upgrade, {} below {} not `yes`.",
            match not_yes {
                1 => "one line".to_owned(),
                count => format!("{count} lines"),
            },
            if not_yes == 1 { "is" } else { "are" },
        ),
        0 => format!("Nothing is out of order in {root}."),
        1 => format!("One finding in {root}."),
        count => format!("{count} findings in {root}."),
    });
    page.paragraph(explanation);
    page.paragraph(&format!("Looked at: {LOOKED_AT}"));
    findings
        .iter()
        .for_each(|finding| write_finding(page, finding));
    if let Some(lines) = upgrade {
        page.blank();
        page.line("Before an upgrade");
        lines.iter().for_each(|line| write_line(page, line));
    }
}

fn write_finding(page: &mut Page, finding: &Finding) {
    page.blank();
    let weight = if finding.stands_in_the_way {
        ""
    } else {
        ", to be known only"
    };
    page.line(&format!(
        "{}  {}{weight}",
        finding.kind.name(),
        finding.subject
    ));
    page.hanging("  ", &finding.detail);
    // One line, so that a command can be copied.
    page.line(&format!("  {}", finding.resolve));
}

fn write_line(page: &mut Page, line: &ChecklistLine) {
    let on = line
        .branch
        .as_ref()
        .map_or_else(String::new, |branch| format!(" ({branch})"));
    page.hanging(
        &format!("  {:9}  ", line.status.name()),
        &format!("{}{on}", line.statement),
    );
    let below = " ".repeat(13);
    if !line.detail.is_empty() {
        page.hanging(&below, &line.detail);
    }
    if let Some(resolve) = &line.resolve {
        page.line(&format!("{below}{resolve}"));
    }
}
