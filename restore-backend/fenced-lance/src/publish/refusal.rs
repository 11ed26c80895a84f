//! Why a catalog as it was read refuses a publish.

use sidecar::root_layout::{STAMP_WITH_HISTORY, STAMP_WITH_IDENTITIES, STAMPS_ACTED_ON};
use sidecar::{ExactPublish, NewTable, PinMove, RemovedTable};

use super::keys::graph_branch;
use super::request::PublishRequest;
use crate::catalog::Catalog;
use crate::commit::Refusal;
use crate::location::other_branch;

/// Why this catalog does not take the publish; `None` if every pin is as planned.
pub(super) fn refusal(catalog: &Catalog, request: &PublishRequest) -> Option<Refusal> {
    let knows_identities = catalog.publishes_by_identity();
    if !STAMPS_ACTED_ON.contains(&catalog.stamp) && !knows_identities {
        return Some(Refusal::StampNotSupported {
            stamp: catalog.stamp,
        });
    }
    let PublishRequest {
        branch: _,
        read_version: _,
        updates,
        registrations,
        tombstones,
        graph_commit,
        exact,
        identity: _,
    } = request;
    // Only a writer says which identity a table has.
    if knows_identities && exact.is_none() && !(registrations.is_empty() && tombstones.is_empty()) {
        return Some(Refusal::StampNotSupported {
            stamp: catalog.stamp,
        });
    }
    if let Some(moved) = exact
        .as_ref()
        .and_then(|exact| graph_moved(catalog, request, exact))
    {
        return Some(moved);
    }
    let in_catalog = catalog.stamp >= STAMP_WITH_HISTORY;
    if in_catalog != graph_commit.is_some() {
        return Some(Refusal::HistoryElsewhere { in_catalog });
    }
    if updates.is_empty() && registrations.is_empty() && tombstones.is_empty() && !in_catalog {
        return Some(Refusal::Nothing);
    }
    updates
        .iter()
        .find_map(|update| update_refusal(catalog, update))
        .or_else(|| {
            registrations
                .iter()
                .find_map(|registration| registration_refusal(catalog, registration))
        })
        .or_else(|| {
            tombstones
                .iter()
                .find_map(|tombstone| tombstone_refusal(catalog, tombstone))
        })
}

/// Why the graph is not the one that a fixed publish was planned for.
fn graph_moved(
    catalog: &Catalog,
    request: &PublishRequest,
    exact: &ExactPublish,
) -> Option<Refusal> {
    if catalog.stamp != STAMP_WITH_IDENTITIES {
        return Some(Refusal::StampNotSupported {
            stamp: catalog.stamp,
        });
    }
    let branch = other_branch(request.branch.as_deref());
    let found = catalog.named_head(graph_branch(request));
    if found != exact.graph_head.as_deref() {
        return Some(Refusal::GraphMoved {
            planned: exact.graph_head.clone(),
            found: found.map(str::to_owned),
        });
    }
    // The parent of the commit is the newest one. Where the head row names another, the commit would not be as it was fixed.
    let newest = catalog.graph_head().map(|commit| commit.id.as_str());
    if found.is_some() && newest != found {
        return Some(Refusal::GraphMoved {
            planned: exact.graph_head.clone(),
            found: newest.map(str::to_owned),
        });
    }
    let is_the_branch = match branch {
        None => exact.branch_identifier.version_mapping.is_empty(),
        Some(_) => catalog.branch_identifier.as_deref() == Some(&exact.branch_identifier),
    };
    (!is_the_branch).then_some(Refusal::AnotherBranch)
}

fn update_refusal(catalog: &Catalog, update: &PinMove) -> Option<Refusal> {
    let found = visible(catalog, &update.table_key);
    if found != Some(update.from_version) {
        return Some(Refusal::PinMoved {
            table_key: update.table_key.clone(),
            expected: Some(update.from_version),
            found,
        });
    }
    (update.to_version <= update.from_version).then(|| Refusal::PinNotRising {
        table_key: update.table_key.clone(),
        from_pin: update.from_version,
        to_version: update.to_version,
    })
}

fn registration_refusal(catalog: &Catalog, registration: &NewTable) -> Option<Refusal> {
    let table_key = registration.table_key.clone();
    let found = visible(catalog, &table_key);
    if found.is_some() {
        return Some(Refusal::PinMoved {
            table_key,
            expected: None,
            found,
        });
    }
    if let Some(tombstone) = catalog.tombstones.get(&table_key)
        && registration.version <= *tombstone
    {
        return Some(Refusal::PinNotRising {
            table_key,
            from_pin: *tombstone,
            to_version: registration.version,
        });
    }
    catalog
        .locations
        .get(&table_key)
        .is_some_and(|location| *location != registration.location)
        .then_some(Refusal::LocationUnclear { table_key })
}

fn tombstone_refusal(catalog: &Catalog, tombstone: &RemovedTable) -> Option<Refusal> {
    let expected = tombstone.version.checked_sub(1);
    let found = visible(catalog, &tombstone.table_key);
    (found.is_none() || found != expected).then(|| Refusal::PinMoved {
        table_key: tombstone.table_key.clone(),
        expected,
        found,
    })
}

fn visible(catalog: &Catalog, table_key: &str) -> Option<u64> {
    catalog.pins.get(table_key).map(|pin| pin.version)
}
