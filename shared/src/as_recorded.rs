//! Whether the root still shows the effects that a terminal record names.
//!
//! It does not where a backup was restored under the journal, or where this root is a copy. Later publishes belong to others and
//! count as no difference. Unpublished commits in a store of the two-phase writer count as none either: its writers announce late
//! commits. A version that was cleaned away below HEAD and pin is taken for ours, for a restored backup has neither above it.
//!
//! `is_over` says that the operation is closed and its sidecar gone, so every later commit belongs to others.

use std::collections::BTreeMap;

use crate::after_effects::{branch_is_back, changed_in_catalog, observed, of_versions};
use crate::difference::{Difference, DifferenceField};
use crate::ids::RootId;
use crate::journal::Finished;
use crate::observation::{
    CatalogObservation, HeadObservation, Observation, Pinned, TableObservation,
};
use crate::plan::{CatalogChangeKind, Plan, PlannedTable, Purpose};
use crate::root_layout::{PROPERTY_RECOVERY_OPERATION_ID, PROPERTY_RECOVERY_PLAN_DIGEST};
use crate::verdict::{Action, Disposition};

/// The things that a look has to read to find out whether a finished plan still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestsOn {
    /// The tags that it dropped. If they are back, they keep versions that were to be cleaned away.
    Tags,
    /// The catalog and the tables of its sidecar.
    Tables,
    /// The file that it sets aside. As long as the file is there and is to be deleted, it must be stuck for the very reasons of
    /// the plan. Once the file is gone, a dismissal rests on nothing, since it touched no table.
    File,
}

/// What the effects of a finished plan rest on.
#[must_use]
pub fn rests_on(plan: &Plan) -> RestsOn {
    match plan.purpose {
        Purpose::Recover | Purpose::Undo { .. } => RestsOn::Tables,
        Purpose::Release { .. } => RestsOn::Tags,
        Purpose::Dismiss { .. } => RestsOn::File,
    }
}

/// The difference, if the sidecar is still to be deleted and the plan was approved for another root than `here`.
#[must_use]
pub fn another_root(plan: &Plan, here: &RootId, is_over: bool) -> Option<Difference> {
    // The approval covers one root, and it covers the deletion of the sidecar.
    let is_another = !is_over && plan.retires().is_some() && plan.root != *here;
    is_another.then(|| Difference::new(None, DifferenceField::Root, &plan.root, here))
}

/// What the catalog shows of a finished plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogShows {
    /// Everything there is to know: these differences, perhaps none. No table needs to be looked at.
    All(Vec<Difference>),
    /// The tables have to be compared.
    Tables,
    /// A catalog that cannot be read does not show that effects are lost.
    Unreadable {
        /// Why it cannot be read.
        reason: String,
    },
}

/// What the catalog shows of a finished plan that rests on tables.
#[must_use]
pub fn catalog_as_recorded(
    plan: &Plan,
    catalog: &CatalogObservation,
    is_over: bool,
) -> CatalogShows {
    match catalog {
        CatalogObservation::Unreadable { reason } => {
            return CatalogShows::Unreadable {
                reason: reason.clone(),
            };
        }
        // People delete a branch once they have merged it or given it up.
        CatalogObservation::BranchAbsent { .. } if is_over => {
            return CatalogShows::All(Vec::new());
        }
        CatalogObservation::BranchAbsent { .. } | CatalogObservation::Present { .. } => {}
    }
    if !plan.disposition.lost_its_branch() {
        return CatalogShows::Tables;
    }
    // Once the operation is over, a branch of that name was made later and is another one.
    let is_back = branch_is_back(catalog).filter(|_| !is_over);
    CatalogShows::All(is_back.into_iter().collect())
}

/// What the versions of one table show of a finished plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableShows {
    /// Everything there is to know: these differences, perhaps none.
    All(Vec<Difference>),
    /// The versions are there. The transaction at [`version_of_the_plan`] says whether they are those of the plan.
    Versions {
        /// Commits above, which the writer of this sidecar may have made if it is still alive. They are a difference if the
        /// transaction is the plan's.
        above: Option<Difference>,
    },
    /// A HEAD that cannot be read does not show that effects are lost.
    Unreadable {
        /// Why it cannot be read.
        reason: String,
    },
}

/// What the versions of one table show of a finished plan, whose catalog says [`CatalogShows::Tables`].
#[must_use]
pub fn table_as_recorded(
    plan: &Plan,
    planned: &PlannedTable,
    observation: &Observation,
    is_over: bool,
) -> TableShows {
    let less = |field: DifferenceField, left: Option<u64>, found: Option<u64>| {
        (found < left).then(|| of_versions(planned, field, left, found))
    };
    let Some(table) = observed(observation, planned) else {
        return TableShows::All(catalog_change_lost(planned, observation));
    };
    // Others removed it since.
    if matches!(table.pinned, Pinned::Tombstoned { .. }) {
        return TableShows::All(Vec::new());
    }
    // The catalog names another dataset by now, or one outside this root, as in a copy.
    let is_elsewhere = table.location_conflict.is_some() || table.location != planned.location;
    if is_over && is_elsewhere {
        return TableShows::All(Vec::new());
    }
    if let HeadObservation::Unreadable { reason } = &table.head {
        return TableShows::Unreadable {
            reason: reason.clone(),
        };
    }
    let (pinned, head) = (table.pinned.version(), table.head.version());
    let lost: Vec<Difference> = [
        less(DifferenceField::ManifestPinned, planned.pin_after(), pinned),
        less(DifferenceField::LanceHead, planned.head_after(), head),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !lost.is_empty() {
        return TableShows::All(lost);
    }
    let may_be_the_writers = !is_over
        && !plan.disposition.leaves_it_visible()
        && !announces_late_commits(&observation.catalog);
    let above = (may_be_the_writers && is_above(planned, table)).then(|| {
        of_versions(
            planned,
            DifferenceField::LanceHead,
            planned.head_after(),
            head,
        )
    });
    TableShows::Versions { above }
}

/// Whether unpublished commits stand above the planned HEAD that no other pending sidecar covers.
fn is_above(planned: &PlannedTable, table: &TableObservation) -> bool {
    let (pinned, head) = (table.pinned.version(), table.head.version());
    table.covered_by.is_none() && head > pinned && head > planned.head_after()
}

const fn announces_late_commits(catalog: &CatalogObservation) -> bool {
    matches!(
        catalog,
        CatalogObservation::Present {
            two_phase: true,
            ..
        }
    )
}

/// What is lost of a table that the plan added, removed, or left as it is.
fn catalog_change_lost(planned: &PlannedTable, observation: &Observation) -> Vec<Difference> {
    let found = changed_in_catalog(observation, planned);
    let pinned = found.and_then(Pinned::version);
    let removes = match planned.action {
        Action::Drop => {
            return dropped_dataset_is_back(planned, observation)
                .into_iter()
                .collect();
        }
        Action::Tombstone => true,
        Action::None
        | Action::Publish
        | Action::RestoreAndPublish
        | Action::Restore
        | Action::Register => false,
    };
    // Others removed it since.
    if let Some(Pinned::Tombstoned { version }) = found
        && Some(version) >= planned.pin_after()
        && !removes
    {
        return Vec::new();
    }
    let (left, is_lost) = if removes {
        // A table that was removed and is back, above its tombstone, was added anew by others.
        let is_back = pinned.is_some_and(|pinned| pinned < planned.post_commit_pin);
        (None, is_back)
    } else {
        (planned.pin_after(), pinned < planned.pin_after())
    };
    let lost = is_lost.then(|| of_versions(planned, DifferenceField::ManifestPinned, left, pinned));
    lost.into_iter().collect()
}

/// The difference, if a dataset that the plan removed is there again, made by the same transaction.
fn dropped_dataset_is_back(
    planned: &PlannedTable,
    observation: &Observation,
) -> Option<Difference> {
    let mut found = observation
        .schema
        .iter()
        .flat_map(|schema| &schema.registrations);
    let head = &found
        .find(|found| found.table_key == planned.table_key)?
        .head;
    let is_the_same =
        head.transaction().is_some() && head.transaction() == planned.head_transaction.as_deref();
    is_the_same.then(|| of_versions(planned, DifferenceField::LanceHead, None, head.version()))
}

/// The version that the plan made or published of a table, and the location of its dataset; `None` if it did neither.
#[must_use]
pub fn version_of_the_plan<'a>(plan: &Plan, planned: &'a PlannedTable) -> Option<(&'a str, u64)> {
    if planned.catalog_change == Some(CatalogChangeKind::Pointer) {
        return None;
    }
    if planned.action == Action::None && !pins_show_the_write(plan.disposition) {
        return None;
    }
    Some((planned.location.as_deref()?, planned.head_after()?))
}

/// Whether the pins that the plan found are versions of the write, so that a table which the plan leaves alone stands for it.
const fn pins_show_the_write(disposition: Disposition) -> bool {
    match disposition {
        Disposition::AlreadyPublished => true,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted
        | Disposition::RollForward
        | Disposition::RollBack => false,
    }
}

/// The difference, if [`version_of_the_plan`] now carries another commit's transaction: one with this uuid and these properties.
#[must_use]
pub fn another_transaction(
    finished: &Finished,
    planned: &PlannedTable,
    uuid: &str,
    properties: &BTreeMap<String, String>,
) -> Option<Difference> {
    let property = |name: &str| properties.get(name).map(String::as_str);
    let operation = finished.plan.operation_id.as_str();
    let digest = finished.digest.to_string();
    let (made, is_it) = match (planned.restore_to, &planned.head_transaction) {
        (Some(_), _) => (
            format!("the Restore of operation {operation}"),
            property(PROPERTY_RECOVERY_OPERATION_ID) == Some(operation)
                && property(PROPERTY_RECOVERY_PLAN_DIGEST) == Some(digest.as_str()),
        ),
        (None, Some(transaction)) => (transaction.clone(), uuid == transaction),
        (None, None) => return None,
    };
    (!is_it).then(|| {
        Difference::new(
            Some(&planned.table_key),
            DifferenceField::HeadTransaction,
            made,
            uuid,
        )
    })
}
