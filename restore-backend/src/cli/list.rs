//! `list`: every pending recovery of a root.

mod arranged;
mod columns;

use clap::Args;
use sidecar::api::{RecoveryList, RecoverySummary};

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::page::Page;
use crate::service;
use arranged::{Filter, Sort};
use root_objects::clock;

/// List every pending recovery of a root
#[derive(Debug, Args)]
pub(super) struct List {
    /// The root, as a path or a URI
    root: String,
    /// List those alone that have each of these words in their operation, file, kind, branch, actor, disposition, progress or tables
    #[arg(long, value_name = "WORDS")]
    filter: Option<Filter>,
    /// The order of the list; oldest first without it
    #[arg(long, value_enum, value_name = "ORDER")]
    sort: Option<Sort>,
    /// Exit with 4 if anything is listed
    #[arg(long)]
    fail_if_pending: bool,
}

impl List {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let root = context.open(&self.root).await?;
        let mut list = context
            .look(&root, async |root| {
                Box::pin(service::list(&root, clock::now())).await
            })
            .await?;
        let total = list.recoveries.len();
        if let Some(filter) = &self.filter {
            list.recoveries.retain(|recovery| filter.fits(recovery));
        }
        // The document stays in the order in which recoveries wait for each other, unless another one is asked for.
        if self.sort.is_some() || !context.json() {
            self.sort.unwrap_or_default().sort(&mut list.recoveries);
        }
        context.print(&list, |page| {
            write_headline(page, &list, &self.filter, total, &root.shown());
            write(page, &list);
        })?;
        let is_pending = !list.recoveries.is_empty();
        Ok(if self.fail_if_pending && is_pending {
            Exit::InTheWay
        } else {
            Exit::Done
        })
    }
}

fn write_headline(
    page: &mut Page,
    list: &RecoveryList,
    filter: &Option<Filter>,
    total: usize,
    root: &str,
) {
    page.line(&match (list.recoveries.len(), filter) {
        (_, None) if total == 0 => format!("Nothing is pending in {root}."),
        (_, None) if total == 1 => format!("One recovery is pending in {root}."),
        (_, None) => format!("{total} recoveries are pending in {root}."),
        (0, Some(filter)) => {
            format!(
                "None of {total} pending in {root} has {:?} in it.",
                filter.text()
            )
        }
        (count, Some(filter)) => format!(
            "{count} of {total} pending in {root} {} {:?} in {}.",
            if count == 1 { "has" } else { "have" },
            filter.text(),
            if count == 1 { "it" } else { "them" },
        ),
    });
}

fn write(page: &mut Page, list: &RecoveryList) {
    let RecoveryList {
        root: _,
        recoveries,
        skipped,
        catalog,
    } = list;
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
    columns::write(page, recoveries);
    for RecoverySummary { refused, .. } in recoveries {
        if let Some(reason) = refused {
            page.blank();
            page.paragraph(&format!("{}: {}.", reason.code, reason.detail));
        }
    }
}
