//! The differences that are allowed once every effect of a plan is done, before the terminal record is written.
//!
//! The executor looks at the root once more. A difference that this module names means that the writer is still at work, and ends
//! the attempt. Production and the model ask the same functions.

use crate::difference::{Difference, DifferenceField};
use crate::observation::{CatalogObservation, Observation, Pinned, TableObservation};
use crate::plan::{CatalogChangeKind, Plan, PlannedTable, Purpose};
use crate::sidecar::WriterKind;
use crate::verdict::{Action, Disposition};

/// Whether later changes to the catalog or to tables can make the plan's effects untrue.
///
/// They cannot for a release, which touches tags alone. Nor can they for a dismissal: it has no effect before its terminal
/// record, and whoever writes that record looked, after its own claim, at everything that the plan was made from.
#[must_use]
pub fn rests_on_the_catalog(plan: &Plan) -> bool {
    match plan.purpose {
        Purpose::Recover | Purpose::Undo { .. } => true,
        Purpose::Dismiss { .. } | Purpose::Release { .. } => false,
    }
}

/// Whether a read that failed after the effects keeps the operation from its terminal record. `table_key` is the table it concerns, if it
/// is only one: once the write is visible for good, a HEAD that cannot be read does not matter.
#[must_use]
pub fn failed_read_matters(plan: &Plan, table_key: Option<&str>) -> bool {
    table_key.is_none() || !is_visible_for_good(plan)
}

/// Whether commits above the visible versions can no longer belong to this write.
///
/// Most writers commit once to each table. A writer whose commits are not counted may have made one more while the others were
/// published. Readers then see half of its write, and the other half stands above.
#[must_use]
pub fn is_visible_for_good(plan: &Plan) -> bool {
    let is_counted = plan
        .writer_kind
        .is_some_and(WriterKind::commits_each_table_once);
    match plan.disposition {
        Disposition::RollForward => is_counted,
        Disposition::AlreadyPublished | Disposition::StaleArmed => true,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted
        | Disposition::RollBack => false,
    }
}

/// What differs from the state that the effects left, table by table.
///
/// A write that is published already, or is rolled forward with every commit counted, is visible for good: later changes belong
/// to others. Otherwise a further change, also of a table that no effect reached, means that the writer is still at work.
///
/// For a write to a branch that was gone, no table is looked at, but the branch must still be gone: if it was brought back, the
/// write may be recovered.
///
/// Ask only of a plan that [`rests_on_the_catalog`].
#[must_use]
pub fn moved_since_effects(plan: &Plan, observation: &Observation) -> Vec<Difference> {
    if plan.disposition.lost_its_branch() {
        return branch_is_back(&observation.catalog).into_iter().collect();
    }
    let tables = plan.tables.iter();
    tables
        .flat_map(|planned| moved_table(plan, planned, observation))
        .collect()
}

fn moved_table(
    plan: &Plan,
    planned: &PlannedTable,
    observation: &Observation,
) -> impl Iterator<Item = Difference> {
    let observed = observed(observation, planned);
    let (pinned, head) = match observed {
        Some(table) => (table.pinned.version(), table.head.version()),
        None => (
            changed_in_catalog(observation, planned).and_then(Pinned::version),
            match planned.action {
                Action::Drop => dropped_head(observation, planned),
                Action::None
                | Action::Publish
                | Action::RestoreAndPublish
                | Action::Restore
                | Action::Register
                | Action::Tombstone => planned.head_after(),
            },
        ),
    };
    let was_removed =
        observed.is_some_and(|table| matches!(table.pinned, Pinned::Tombstoned { .. }));
    let (expected_pin, expected_head) = (planned.pin_after(), planned.head_after());
    let compare =
        |field: DifferenceField, expected: Option<u64>, found: Option<u64>, holds: bool| {
            (!holds).then(|| of_versions(planned, field, expected, found))
        };
    let pin = |holds| compare(DifferenceField::ManifestPinned, expected_pin, pinned, holds);
    let lance_head = |expected, holds| compare(DifferenceField::LanceHead, expected, head, holds);
    let is_pointer = planned.catalog_change == Some(CatalogChangeKind::Pointer);
    let moved = match plan.disposition {
        _ if is_visible_for_good(plan) || is_pointer => {
            // A table that this plan removed may have been added again by others.
            let holds =
                planned.action == Action::Tombstone || was_removed || pinned >= expected_pin;
            [pin(holds), None]
        }
        // Others may publish further. An unpublished commit above a pin may be by this writer.
        Disposition::Superseded | Disposition::AlreadyRolledBack => [
            pin(was_removed || pinned >= expected_pin),
            lance_head(
                pinned,
                was_removed || head == pinned || head == expected_head,
            ),
        ],
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::NeverStarted
        | Disposition::RollForward
        | Disposition::RollBack => [
            pin(pinned == expected_pin),
            lance_head(expected_head, head == expected_head),
        ],
    };
    moved.into_iter().flatten()
}

/// The difference, if the branch of a write that was found gone is there, or files of it.
pub(crate) fn branch_is_back(catalog: &CatalogObservation) -> Option<Difference> {
    let found = match catalog {
        CatalogObservation::Present { .. } => "present",
        CatalogObservation::BranchAbsent { tree_left: true } => "gone, and its folder is left",
        CatalogObservation::BranchAbsent { tree_left: false }
        | CatalogObservation::Unreadable { .. } => return None,
    };
    let field = DifferenceField::CatalogBranch;
    Some(Difference::new(None, field, "gone", found))
}

/// What was observed of a planned table, if the sidecar pins it.
pub(crate) fn observed<'a>(
    observation: &'a Observation,
    planned: &PlannedTable,
) -> Option<&'a TableObservation> {
    let mut tables = observation.tables.iter();
    tables.find(|table| (&table.table_key, &table.branch) == (&planned.table_key, &planned.branch))
}

/// The visible version of a table that the plan adds, removes or leaves as it is. The sidecar pins no such table.
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

/// HEAD of the dataset that was removed: there must be none.
fn dropped_head(observation: &Observation, planned: &PlannedTable) -> Option<u64> {
    let mut found = observation
        .schema
        .iter()
        .flat_map(|schema| &schema.registrations);
    found
        .find(|found| found.table_key == planned.table_key)?
        .head
        .version()
}

/// The difference between two versions of a planned table, either of which may be none.
pub(crate) fn of_versions(
    planned: &PlannedTable,
    field: DifferenceField,
    expected: Option<u64>,
    found: Option<u64>,
) -> Difference {
    Difference::of_versions(Some(&planned.table_key), field, expected, found)
}
