//! Finds out where a root keeps the history of its graph, if it keeps one.

use sidecar::observation::{CatalogObservation, KeptHistory};
use sidecar::{HistoryByStamp, Reason, error_text, history_by_stamp};

use super::error::ObserveError;
use super::judged::Judged;
use crate::root::Root;
use fenced_lance::{CatalogReading, LanceRoot};

/// Where the root keeps the history; and why nothing can be added to it, if that shows already.
///
/// An unreadable catalog counts as no history, for nothing is done then.
pub(super) async fn kept_history(
    root: &Root,
    judged: Judged<'_>,
    catalog: &CatalogObservation,
) -> Result<(KeptHistory, Option<Reason>), ObserveError> {
    let (stamp, two_phase) = match catalog {
        CatalogObservation::Unreadable { .. } => return Ok((KeptHistory::Nowhere, None)),
        CatalogObservation::Present {
            stamp, two_phase, ..
        } => (*stamp, *two_phase),
        // The recovery of a write to a branch that is gone is recorded on main.
        CatalogObservation::BranchAbsent { .. } => match main_of(root.lance()).await? {
            Some(of_main) => of_main,
            None => return Ok((KeptHistory::Nowhere, None)),
        },
    };
    let knows_identities = judged.sidecar.version_9.is_some() || judged.is_undo();
    match history_by_stamp(stamp, two_phase, knows_identities) {
        HistoryByStamp::Nowhere => return Ok((KeptHistory::Nowhere, None)),
        HistoryByStamp::InCatalog => return Ok((KeptHistory::InCatalog, None)),
        HistoryByStamp::NotWritten(reason) => return Ok((KeptHistory::Nowhere, Some(reason))),
        HistoryByStamp::InTables => {}
    }
    let keeps = root.lance().keeps_graph_history().await;
    let keeps = keeps.map_err(|error| unreadable(error_text(&error)))?;
    let kept = if keeps {
        KeptHistory::InTables
    } else {
        KeptHistory::Nowhere
    };
    Ok((kept, None))
}

/// Stamp of the catalog on main, and whether its writers write in two phases.
async fn main_of(lance: &LanceRoot) -> Result<Option<(u32, bool)>, ObserveError> {
    match lance.catalog(None).await {
        Ok(CatalogReading::Present(catalog)) => Ok(Some((catalog.stamp, catalog.two_phase))),
        Ok(CatalogReading::NoCatalog | CatalogReading::NoBranch { .. }) => Ok(None),
        Err(error) => Err(unreadable(error_text(&error))),
    }
}

fn unreadable(reason: String) -> ObserveError {
    ObserveError::Unreadable {
        what: "the history of the graph".to_owned(),
        reason,
    }
}
