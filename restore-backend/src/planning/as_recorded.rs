//! Whether the root still shows the effects that a terminal record names.

use futures::{FutureExt, StreamExt};
use sidecar::journal::Finished;
use sidecar::observation::{CatalogObservation, HeadObservation, Pinned};
use sidecar::{
    Action, Difference, DifferenceField, Disposition, Observation, PlannedTable, Purpose, Sidecar,
};

use super::tags::{dropped_by, tags_there};
use crate::error::ServiceError;
use crate::observe::{Look, ObserveError, look_again};
use crate::root::Root;
use fenced_lance::{PROPERTY_OPERATION_ID, PROPERTY_PLAN_DIGEST, TableLocation, TransactionEntry};

/// Tables whose files are looked at at the same time. Each takes up to sixteen requests at once.
pub(crate) const TABLES_AT_ONCE: usize = 4;

/// The effects in the terminal record that the root does not show: a backup was restored under the journal, or this root is a
/// copy.
///
/// Later publishes belong to others and count as no difference. Unpublished commits in a store of the two-phase writer count as
/// none either: its writers announce late commits. `is_over` says that the operation is closed and its sidecar gone, so every
/// later commit belongs to others. A version that was cleaned away below HEAD and pin is taken for ours, for a restored backup
/// has neither above it.
pub(crate) async fn untrue_since_finished(
    root: &Root,
    finished: &Finished,
    is_over: bool,
) -> Result<Vec<Difference>, ServiceError> {
    let plan = &finished.plan;
    let mut differences = Vec::new();
    // The approval covers one root, and it covers the deletion of the sidecar.
    if !is_over && plan.retires().is_some() && plan.root != *root.id() {
        let (there, here) = (plan.root.to_string(), root.id().to_string());
        differences.push(Difference::new(None, DifferenceField::Root, &there, &here));
    }
    let sidecar = Sidecar::parse(&plan.file, finished.sidecar.as_bytes(), &root.limits()).ok();
    // A release dropped these tags. If they are back, they keep versions that were to be cleaned away.
    let is_about_a_write = match plan.purpose {
        Purpose::Recover | Purpose::Undo { .. } => true,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => false,
    };
    if matches!(plan.purpose, Purpose::Release { .. }) {
        let there = tags_there(root, dropped_by(plan)).await?;
        differences.extend(there.into_iter().map(|tag| {
            let found = format!("there again, at version {}", tag.version);
            Difference::new(
                Some(&tag.table.table_key),
                DifferenceField::Tag,
                "dropped",
                &found,
            )
        }));
        return Ok(differences);
    }
    let Some(sidecar) = sidecar.filter(|_| is_about_a_write) else {
        return Ok(differences);
    };
    let Look { observation, .. } = look_again(root, &sidecar).boxed().await?.complete()?;
    match &observation.catalog {
        // A catalog that cannot be read does not show that effects are lost.
        CatalogObservation::Unreadable { reason } => {
            return Err(unreadable("the catalog", reason));
        }
        // People delete a branch once they have merged it or given it up.
        CatalogObservation::BranchAbsent { .. } if is_over => return Ok(differences),
        CatalogObservation::BranchAbsent { .. } | CatalogObservation::Present { .. } => {}
    }
    if plan.disposition == Disposition::OrphanedBranch {
        // Once the operation is over, a branch of that name was made later and is another one.
        if !is_over && matches!(observation.catalog, CatalogObservation::Present { .. }) {
            differences.push(Difference::new(
                None,
                DifferenceField::CatalogBranch,
                "gone",
                "present",
            ));
        }
        return Ok(differences);
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
    let key = Some(planned.table_key.as_str());
    let less = |field: DifferenceField, left: Option<u64>, found: Option<u64>| {
        (found < left).then(|| Difference::of_versions(key, field, left, found))
    };
    let observed = observation
        .tables
        .iter()
        .find(|table| (&table.table_key, &table.branch) == (&planned.table_key, &planned.branch));
    let Some(table) = observed else {
        let found = changed_in_catalog(observation, planned);
        let pinned = found.and_then(|pinned| pinned.version());
        // Others removed it since.
        if let Some(Pinned::Tombstoned { version }) = found
            && Some(version) >= planned.pin_after()
            && planned.action != Action::Tombstone
        {
            return Ok(Vec::new());
        }
        // A table that was removed and is back, above its tombstone, was added anew by others.
        let removed = planned.action == Action::Tombstone
            && pinned.is_some_and(|pinned| pinned < planned.post_commit_pin);
        let untrue = if removed {
            Some(Difference::of_versions(
                key,
                DifferenceField::ManifestPinned,
                None,
                pinned,
            ))
        } else {
            less(DifferenceField::ManifestPinned, planned.pin_after(), pinned)
        };
        return Ok(untrue.into_iter().collect());
    };
    // Others removed it since.
    if matches!(table.pinned, Pinned::Tombstoned { .. }) {
        return Ok(Vec::new());
    }
    // The catalog names another dataset by now, or one outside this root, as in a copy.
    let is_elsewhere = table.location_conflict.is_some() || table.location != planned.location;
    if is_over && is_elsewhere {
        return Ok(Vec::new());
    }
    if let HeadObservation::Unreadable { reason } = &table.head {
        let what = format!("the latest version of {}", planned.table_key);
        return Err(unreadable(&what, reason));
    }
    let (pinned, head) = (table.pinned.version(), table.head.version());
    let mut untrue: Vec<Difference> = [
        less(DifferenceField::ManifestPinned, planned.pin_after(), pinned),
        less(DifferenceField::LanceHead, planned.head_after(), head),
    ]
    .into_iter()
    .flatten()
    .collect();
    if untrue.is_empty() {
        untrue.extend(another_transaction(root, finished, planned).await?);
    }
    let is_visible = plan.disposition.leaves_it_visible();
    let announces = matches!(
        observation.catalog,
        CatalogObservation::Present {
            two_phase: true,
            ..
        }
    );
    // Unpublished commits above the planned HEAD may be by the writer of this sidecar, still alive.
    if untrue.is_empty()
        && !is_over
        && !is_visible
        && !announces
        && table.covered_by.is_none()
        && head > pinned
        && head > planned.head_after()
    {
        let left = planned.head_after();
        untrue.push(Difference::of_versions(
            key,
            DifferenceField::LanceHead,
            left,
            head,
        ));
    }
    Ok(untrue)
}

/// Whether the version that the plan made or published now carries another commit's transaction.
async fn another_transaction(
    root: &Root,
    finished: &Finished,
    planned: &PlannedTable,
) -> Result<Option<Difference>, ServiceError> {
    let (Some(location), Some(version)) = (&planned.location, planned.head_after()) else {
        return Ok(None);
    };
    if planned.action == Action::None && finished.plan.disposition != Disposition::AlreadyPublished
    {
        return Ok(None);
    }
    let place = TableLocation::on(location, planned.branch.as_deref());
    let entry = root.room().transaction(&place, version).await;
    let entry = entry.map_err(|error| {
        unreadable(
            &format!("version {version} of {}", planned.table_key),
            &sidecar::error_text(&error),
        )
    })?;
    let TransactionEntry::Known(found) = entry else {
        return Ok(None);
    };
    let property = |name: &str| found.properties.get(name).map(String::as_str);
    let operation = finished.plan.operation_id.as_str();
    let digest = finished.digest.to_string();
    let (made, is_it) = match (planned.restore_to, &planned.head_transaction) {
        (Some(_), _) => (
            format!("the Restore of operation {operation}"),
            property(PROPERTY_OPERATION_ID) == Some(operation)
                && property(PROPERTY_PLAN_DIGEST) == Some(digest.as_str()),
        ),
        (None, Some(transaction)) => (transaction.clone(), found.uuid == *transaction),
        (None, None) => return Ok(None),
    };
    let uuid = found.uuid.as_str();
    let differs = || {
        Difference::new(
            Some(&planned.table_key),
            DifferenceField::HeadTransaction,
            &made,
            uuid,
        )
    };
    Ok((!is_it).then(differs))
}

/// The visible version of a table that the plan adds, removes, or leaves as it is: none of those the sidecar pins.
pub(crate) fn changed_in_catalog(
    observation: &Observation,
    planned: &PlannedTable,
) -> Option<Pinned> {
    let schema = observation.schema.as_ref()?;
    let added = schema
        .registrations
        .iter()
        .map(|found| (&found.table_key, found.pinned));
    let removed = schema
        .tombstones
        .iter()
        .map(|found| (&found.table_key, found.pinned));
    let (_, pinned) = added
        .chain(removed)
        .find(|(table_key, _)| *table_key == &planned.table_key)?;
    Some(pinned)
}

pub(crate) fn unreadable(what: &str, reason: &str) -> ServiceError {
    ObserveError::Unreadable {
        what: what.to_owned(),
        reason: reason.to_owned(),
    }
    .into()
}
