//! Whether the root still shows the effects that a terminal record names: the reads, whose meaning [`sidecar`] decides.

use futures::{FutureExt, StreamExt};
use sidecar::follow_up::tags_dropped_by;
use sidecar::journal::Finished;
use sidecar::{
    CatalogShows, Difference, DifferenceField, Limits, Observation, PlannedTable, RestsOn, Sidecar,
    TableShows, another_root, another_transaction, catalog_as_recorded, rests_on,
    table_as_recorded, version_of_the_plan,
};

use super::dismissal::moved_since_dismissal;
use super::tags::tags_there;
use crate::error::ServiceError;
use crate::observe::{Look, ObserveError, look_again};
use crate::root::Root;
use fenced_lance::{TableLocation, TransactionEntry};

/// Tables whose files are looked at at the same time. Each takes up to sixteen requests at once.
pub(crate) const TABLES_AT_ONCE: usize = 4;

/// The effects in the terminal record that the root does not show: a backup was restored under the journal, or this root is a
/// copy.
///
/// `is_over` says that the operation is closed and its sidecar gone, so every later commit belongs to others.
///
/// # Errors
/// [`ServiceError::Observe`] if something cannot be read: that does not show that effects are lost.
pub(crate) async fn untrue_since_finished(
    root: &Root,
    finished: &Finished,
    is_over: bool,
) -> Result<Vec<Difference>, ServiceError> {
    let plan = &finished.plan;
    let mut differences: Vec<Difference> =
        another_root(plan, root.id(), is_over).into_iter().collect();
    match rests_on(plan) {
        RestsOn::File => {
            if !is_over && differences.is_empty() {
                let moved = moved_since_dismissal(root, plan).boxed().await?;
                differences.extend(moved.unwrap_or_default());
            }
            return Ok(differences);
        }
        RestsOn::Tags => {
            let there = tags_there(root, tags_dropped_by(plan)).await?;
            differences.extend(there.into_iter().map(|tag| {
                let found = format!("there again, at version {}", tag.version);
                Difference::new(
                    Some(&tag.table.table_key),
                    DifferenceField::Tag,
                    "dropped",
                    found,
                )
            }));
            return Ok(differences);
        }
        RestsOn::Tables => {}
    }
    let sidecar = recorded_sidecar(&plan.file, finished.sidecar.as_bytes())?;
    let Look { observation, .. } = look_again(root, &sidecar).boxed().await?.complete()?;
    match catalog_as_recorded(plan, &observation.catalog, is_over) {
        CatalogShows::Unreadable { reason } => return Err(unreadable("the catalog", &reason)),
        CatalogShows::All(untrue) => {
            differences.extend(untrue);
            return Ok(differences);
        }
        CatalogShows::Tables => {}
    }
    let looks: Vec<_> = plan
        .tables
        .iter()
        .map(|planned| untrue_of_table(root, finished, planned, &observation, is_over))
        .collect();
    let answers: Vec<_> = futures::stream::iter(looks)
        .buffered(TABLES_AT_ONCE)
        .collect()
        .await;
    for answer in answers {
        differences.extend(answer?);
    }
    Ok(differences)
}

async fn untrue_of_table(
    root: &Root,
    finished: &Finished,
    planned: &PlannedTable,
    observation: &Observation,
    is_over: bool,
) -> Result<Vec<Difference>, ServiceError> {
    let plan = &finished.plan;
    match table_as_recorded(plan, planned, observation, is_over) {
        TableShows::All(untrue) => Ok(untrue),
        TableShows::Unreadable { reason } => {
            let what = format!("the latest version of {}", planned.table_key);
            Err(unreadable(&what, &reason))
        }
        TableShows::Versions { above } => {
            let another = read_transaction(root, finished, planned).await?;
            Ok(another.or(above).into_iter().collect())
        }
    }
}

/// Whether the version that the plan made or published now carries another commit's transaction.
async fn read_transaction(
    root: &Root,
    finished: &Finished,
    planned: &PlannedTable,
) -> Result<Option<Difference>, ServiceError> {
    let Some((location, version)) = version_of_the_plan(&finished.plan, planned) else {
        return Ok(None);
    };
    let place = TableLocation::on(location, planned.branch.as_deref());
    let entry = root.lance().transaction(&place, version).await;
    let entry = entry.map_err(|error| {
        unreadable(
            &format!("version {version} of {}", planned.table_key),
            &sidecar::error_text(&error),
        )
    })?;
    Ok(match entry {
        TransactionEntry::Known(found) => {
            another_transaction(finished, planned, &found.uuid, &found.properties)
        }
        TransactionEntry::Gone { .. } => None,
    })
}

/// The sidecar that a journal keeps.
///
/// # Errors
/// [`ServiceError::Observe`] if the bytes are none: without them nobody knows where to look.
pub(crate) fn recorded_sidecar(file: &str, bytes: &[u8]) -> Result<Sidecar, ServiceError> {
    Sidecar::parse(file, bytes, &Limits::RECORDED).map_err(|error| {
        let what = format!("the sidecar {file} in the journal");
        unreadable(&what, &sidecar::error_text(&error))
    })
}

pub(crate) fn unreadable(what: &str, reason: &str) -> ServiceError {
    ObserveError::Unreadable {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
    .into()
}
