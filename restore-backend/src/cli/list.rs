//! `list`: every pending recovery of a root, one a line.

use clap::Args;
use sidecar::age_text;
use sidecar::api::{Progress, RecoveryList, RecoverySummary};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::Page;
use crate::service;
use root_objects::clock;

/// List every pending recovery of a root
#[derive(Debug, Args)]
pub(super) struct List {
    /// The root, as a path or a URI
    root: String,
    /// Exit with 4 if anything is pending
    #[arg(long)]
    fail_if_pending: bool,
}

impl List {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let list = context
            .look(&root, async |root| {
                Box::pin(service::list(&root, clock::now())).await
            })
            .await?;
        context.print(&list, |page| write(page, &list, &root.shown()))?;
        let is_pending = !list.recoveries.is_empty();
        Ok(if self.fail_if_pending && is_pending {
            Exit::InTheWay
        } else {
            Exit::Done
        })
    }
}

fn write(page: &mut Page, list: &RecoveryList, root: &str) {
    let RecoveryList {
        root: _,
        recoveries,
        skipped,
        catalog,
    } = list;
    page.line(&match recoveries.len() {
        0 => format!("Nothing is pending in {root}."),
        1 => format!("One recovery is pending in {root}."),
        count => format!("{count} recoveries are pending in {root}."),
    });
    for reason in skipped {
        page.blank();
        page.paragraph(&format!("Skipped: {}.", reason.detail));
    }
    if recoveries.is_empty() {
        return;
    }
    if let Some(reason) = catalog {
        page.blank();
        page.paragraph(&format!("{}: {}.", reason.code, reason.detail));
    }
    page.blank();
    let mut rows = vec![["OPERATION", "DISPOSITION", "MOVED", "AGE", "WRITER"].map(str::to_owned)];
    rows.extend(recoveries.iter().map(row));
    page.table(0, &rows);
    for recovery in recoveries {
        if let Some(reason) = &recovery.refused {
            page.blank();
            page.paragraph(&format!("{}: {}.", reason.code, reason.detail));
        }
    }
}

fn row(recovery: &RecoverySummary) -> [String; 5] {
    let unknown = || "-".to_owned();
    let writer = recovery.writer_kind.clone().unwrap_or_else(unknown);
    [
        recovery
            .operation_id
            .clone()
            .unwrap_or_else(|| recovery.file.clone()),
        recovery.disposition.name().to_owned(),
        if recovery.refused.is_some() {
            unknown()
        } else {
            format!("{}/{}", recovery.tables_moved, recovery.tables_total)
        },
        recovery.age_seconds.map_or_else(unknown, age_text),
        match recovery.progress {
            Progress::Open => writer,
            Progress::Approved => format!("{writer}, approved"),
            Progress::UnderWay => format!("{writer}, under way"),
            Progress::Finished => format!("{writer}, finished"),
        },
    ]
}
