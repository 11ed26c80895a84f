//! `apply`: carries out an approved plan, or resumes it.

use clap::Args;
use sidecar::short_names::{DigestName, OperationName};
use sidecar::text::version_text;
use sidecar::{ApplyReport, Effect, OutcomeKind, SidecarFate, TableOutcome};

use super::approve::write_no;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::names;
use super::page::{Page, Piece};
use super::tone;
use crate::service::{self, Answer};

/// Carry out an approved plan, or resume it
#[derive(Debug, Args)]
pub(super) struct Apply {
    /// The root, as a path or a URI
    root: String,
    /// The operation, or the first characters of its id
    operation: OperationName,
    /// The digest of the approved plan, or its first 12 digits; may be left out where one plan alone is approved or under way
    #[arg(long)]
    digest: Option<DigestName>,
}

impl Apply {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let operation = names::operation(context, &root, self.operation).await?;
        let is_chosen_here = self.digest.is_none();
        let digest = match self.digest {
            Some(digest) => names::digest_on_record(context, &root, &operation, digest).await?,
            None => {
                let of = operation.clone();
                let only = context.look(&root, async move |root| {
                    Box::pin(service::digest_to_apply(&root, &of)).await
                });
                only.await?
            }
        };
        let digest = match digest {
            Answer::Done(digest) => digest,
            Answer::No(refusal) => return write_no(context, "Not applied", &refusal),
        };
        if is_chosen_here && !context.json() {
            context.note(&format!("Applying plan {digest} of operation {operation}."));
        }
        let report = context.execute(&root, operation, digest).await?;
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
    page.pieces(&[
        Piece::plain(format!("{}  ", report.operation_id)),
        Piece::new(
            tone::of_outcome(Some(report.outcome)),
            report.outcome.name(),
        ),
    ]);
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
