//! `rows`: which rows a plan changes for readers, and which unpublished rows it takes back.

use clap::Args;
use sidecar::rows_report::{
    Cell, RowChanges, RowSample, RowsReport, SAMPLE_ROWS_MAX, SampleColumn, ShownVersion,
    TableRows, UpdatedRow,
};
use sidecar::{Branch, Choice};

use super::approve::write_no;
use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::Page;
use crate::service;
use crate::service::{Answer, RowsAsked};
use fenced_lance::RowBounds;
use root_objects::clock;

/// Show which rows a plan changes for readers, and which unpublished rows it takes back
#[derive(Debug, Args)]
pub(super) struct Rows {
    /// The root, as a path or a URI
    root: String,
    /// The operation of the plan, also that of an undo, or the name of its file
    operation: String,
    /// Look at this table only
    #[arg(long, value_name = "KEY")]
    table: Option<String>,
    /// Show so many of the rows that are inserted, updated and deleted, at most 50 of each
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=SAMPLE_ROWS_MAX as i64))]
    sample: Option<u8>,
    /// Of the plan that rolls a merge back, where it would be rolled forward without some of its tables
    #[arg(long)]
    roll_back: bool,
}

impl Rows {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let asked = RowsAsked {
            choice: if self.roll_back {
                Choice::RollBack
            } else {
                Choice::Verdict
            },
            table: self.table,
            bounds: RowBounds {
                sample_rows: self.sample.map_or(0, usize::from),
                ..RowBounds::DEFAULT
            },
            ..RowsAsked::default()
        };
        let operation = self.operation;
        let answer = context
            .look(&root, async move |root| {
                Box::pin(service::rows(&root, &operation, asked, clock::now())).await
            })
            .await?;
        match answer {
            Answer::Done(report) => {
                context.print(&report, |page| write(page, &report))?;
                Ok(Exit::Done)
            }
            Answer::No(refusal) => write_no(context, "No such plan", &refusal),
        }
    }
}

fn write(page: &mut Page, report: &RowsReport) {
    let title = if report.purpose.is_recovery() {
        report.disposition.name()
    } else {
        report.purpose.name()
    };
    page.line(&format!("{}  {title}", report.operation_id));
    page.paragraph(&report.explanation);
    for table in &report.tables {
        page.blank();
        write_table(page, table);
    }
    if !report.not_sampled.is_empty() {
        page.blank();
        page.paragraph(&format!(
            "Without a sample, because there are so many tables: {}. Ask for each with --table.",
            report.not_sampled.join(", ")
        ));
    }
}

fn write_table(page: &mut Page, table: &TableRows) {
    let branch = match Branch::of(table.branch.as_deref()).name() {
        Some(branch) => format!(" on branch {branch}"),
        None => String::new(),
    };
    page.line(&format!("{}{branch}", table.table_key));
    let version = |shown: &Option<ShownVersion>| match shown {
        Some(shown) => {
            let rows = shown.rows.rows();
            let rows = rows.map_or_else(|| "not counted".to_owned(), |rows| rows.to_string());
            [format!("version {}", shown.version), format!("rows {rows}")]
        }
        None => ["no table".to_owned(), String::new()],
    };
    let line = |label: &str, shown: &Option<ShownVersion>| {
        let [version, rows] = version(shown);
        [label.to_owned(), version, rows]
    };
    page.table(
        2,
        &[
            line("readers now", &table.now),
            line("readers after", &table.after),
        ],
    );
    page.hanging("  ", &table.sentence);
    write_sample(page, "For readers", &table.readers);
    if let Some(unpublished) = &table.unpublished {
        write_sample(page, "Unpublished", &unpublished.changes);
    }
}

fn write_sample(page: &mut Page, label: &str, changes: &RowChanges) {
    let Some(sample) = changes.sample() else {
        return;
    };
    let RowSample {
        columns,
        columns_left_out,
        inserted,
        updated,
        deleted,
        cut_short,
    } = sample;
    if inserted.is_empty() && updated.is_empty() && deleted.is_empty() && cut_short.is_none() {
        return;
    }
    page.line(&format!("  {label}, some of the rows"));
    for row in inserted {
        page.hanging("    + ", &row_text(columns, row));
    }
    for row in updated {
        page.hanging("    * ", &updated_text(columns, row));
    }
    for row in deleted {
        page.hanging("    - ", &row_text(columns, row));
    }
    if *columns_left_out > 0 {
        page.line(&format!("    columns left out: {columns_left_out}"));
    }
    if let Some(why) = cut_short {
        page.hanging("    ", &format!("Rows are missing here: {why}."));
    }
}

fn row_text(columns: &[SampleColumn], row: &[Cell]) -> String {
    let cells = columns.iter().zip(row);
    let cells = cells.filter(|(_, cell)| **cell != Cell::NoColumn);
    let cells: Vec<String> = cells
        .map(|(column, cell)| format!("{}={}", column.name, cell_text(column, cell)))
        .collect();
    cells.join(" ")
}

/// A cell that changed is marked by an arrow between its two values.
fn updated_text(columns: &[SampleColumn], row: &UpdatedRow) -> String {
    let cells = columns.iter().enumerate().filter_map(|(index, column)| {
        let (before, after) = (row.before.get(index)?, row.after.get(index)?);
        let before = cell_text(column, before);
        Some(match row.changed.get(index).copied().flatten() {
            Some(true) => format!("{}: {before} → {}", column.name, cell_text(column, after)),
            Some(false) => format!("{}={before}", column.name),
            None => format!("{} (not compared)", column.name),
        })
    });
    let cells: Vec<String> = cells.collect();
    cells.join(" ")
}

fn cell_text(column: &SampleColumn, cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::NoColumn => "(no such column)".to_owned(),
        Cell::Summary { text } => format!("({text})"),
        Cell::Text { text, is_cut } => {
            let rest = if *is_cut { "…" } else { "" };
            if column.data_type.contains("Utf8") {
                format!("{text:?}{rest}")
            } else {
                format!("{text}{rest}")
            }
        }
    }
}
