//! `apply`: carries out an approved plan, or resumes it.

use clap::Args;
use sidecar::text::version_text;
use sidecar::{ApplyReport, Digest, Effect, OperationId, OutcomeKind, SidecarFate, TableOutcome};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::Page;

/// Carry out an approved plan, or resume it
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The root, as a path or a URI
    root: String,
    /// The operation
    operation: OperationId,
    /// The digest of the approved plan
    #[arg(long)]
    digest: Digest,
}

impl Apply {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let report = context.execute(&root, self.operation, self.digest).await?;
        context.print(&report, |page| write(page, &report))?;
        Ok(match report.outcome {
            OutcomeKind::RolledForward | OutcomeKind::RolledBack | OutcomeKind::CleanedUp => {
                Exit::Done
            }
            OutcomeKind::Conflict | OutcomeKind::Refused => Exit::Refused,
            OutcomeKind::Unknown => Exit::Failed,
        })
    }
}

fn write(page: &mut Page, report: &ApplyReport) {
    page.line(&format!(
        "{}  {}",
        report.operation_id,
        report.outcome.name()
    ));
    page.paragraph(&report.detail);
    page.differences(&report.differences);
    page.blank();
    let mut rows: Vec<[String; 3]> = report.tables.iter().map(row).collect();
    let rest = [
        ("catalog", effect_name(report.catalog.effect)),
        ("audit", effect_name(report.audit.effect)),
        ("sidecar", fate_text(report.sidecar)),
    ];
    rows.extend(rest.map(|(thing, effect)| [thing.to_owned(), effect.to_owned(), String::new()]));
    page.table(0, &rows);
}

pub(super) fn row(table: &TableOutcome) -> [String; 3] {
    let published = table
        .published_version
        .map_or_else(String::new, |version| format!(", published as {version}"));
    [
        table.table_key.clone(),
        effect_name(table.effect).to_owned(),
        format!(
            "version {} to {}{published}",
            version_text(table.from_version),
            version_text(table.to_version)
        ),
    ]
}

pub(super) fn effect_name(effect: Effect) -> &'static str {
    match effect {
        Effect::Unchanged => "unchanged",
        Effect::Changed => "changed",
        Effect::Unknown => "unknown",
    }
}

fn fate_text(fate: SidecarFate) -> &'static str {
    match fate {
        SidecarFate::Replaced => "gone, and another file bears its name",
        SidecarFate::NoFile => "none",
        other => other.name(),
    }
}
