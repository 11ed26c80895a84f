//! Whether a plan is about the sidecar whose bytes were claimed with it.

use crate::limits::Limits;
use crate::plan::{
    CatalogChangeKind, GraphHistoryRow, Plan, PlannedTable, Precondition, Purpose, Step,
};
use crate::sidecar::{Sidecar, TablePin};
use crate::verdict::Disposition;

/// No size limits: these bytes were accepted when they were claimed, and the plan names their digest.
const ANY_SIZE: Limits = Limits {
    sidecar_bytes_max: u64::MAX,
    tables_max: usize::MAX,
    text_chars_max: usize::MAX,
    ..Limits::DEFAULT
};

/// Finds out whether the plan of a recovery names what its sidecar names: the same write, the same tables. Other plans are held to
/// what they are about by their operation.
///
/// # Errors
/// What differs, in words.
pub(crate) fn fits_its_sidecar(plan: &Plan, sidecar: &[u8]) -> Result<(), String> {
    if plan.purpose != Purpose::Recover {
        return Ok(());
    }
    let sidecar = Sidecar::parse(&plan.file, sidecar, &ANY_SIZE)
        .map_err(|error| format!("the sidecar of the claim cannot be acted on: {error}"))?;
    let is_the_write = sidecar.operation_id == plan.operation_id
        && Some(sidecar.writer_kind) == plan.writer_kind
        && sidecar.branch().name() == plan.branch.as_deref()
        && sidecar.actor_id == plan.actor_id
        && sidecar.refusal(&plan.file).is_none();
    if !is_the_write {
        return Err("the plan is about another write than its sidecar".to_owned());
    }
    for step in &plan.steps {
        let is_its_own = match step {
            Step::GraphHistory {
                row:
                    GraphHistoryRow::GraphCommits {
                        merged_parent: Some(merged),
                        ..
                    },
                ..
            } => sidecar.merge_source_commit_id.as_ref() == Some(merged),
            Step::Publish {
                graph_commit: Some(commit),
                ..
            } => {
                commit.merged_parent.is_none()
                    || sidecar.merge_source_commit_id == commit.merged_parent
            }
            // A younger lock is another schema change's.
            Step::UnlockSchema {
                precondition: Precondition::LockedSince { at },
            } => *at <= sidecar.started_at,
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::Restore { .. }
            | Step::Publish { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => true,
        };
        if !is_its_own {
            return Err(format!(
                "its step of kind {} is not about what its sidecar names",
                step.kind()
            ));
        }
    }
    // Of a write to a branch that is gone nothing is looked at, and no table is touched.
    let is_orphaned = plan.disposition == Disposition::OrphanedBranch;
    if is_orphaned
        || (pins_are_the_tables(plan, &sidecar) && changes_are_the_tables(plan, &sidecar))
    {
        Ok(())
    } else {
        Err("the plan names other tables than its sidecar".to_owned())
    }
}

/// Whether the sidecar pins what the plan has as tables of the write, each at the same versions.
pub(super) fn pins_are_the_tables(plan: &Plan, sidecar: &Sidecar) -> bool {
    let pin = |pin: &TablePin| {
        (
            pin.table_key.clone(),
            pin.table_branch().owned(),
            pin.expected_version,
            pin.post_commit_pin,
        )
    };
    let table = |table: &PlannedTable| {
        (
            table.table_key.clone(),
            table.branch.clone(),
            table.expected_version,
            table.post_commit_pin,
        )
    };
    let mut pins: Vec<_> = sidecar.tables.iter().map(pin).collect();
    pins.sort();
    let tables = plan
        .tables
        .iter()
        .filter(|table| table.catalog_change.is_none());
    tables.map(table).eq(pins)
}

fn changes_are_the_tables(plan: &Plan, sidecar: &Sidecar) -> bool {
    let added = sidecar.additional_registrations.iter().map(|added| {
        let branch = added.table_branch().owned();
        let location = added.table_path.trim_matches('/').to_owned();
        (added.table_key.clone(), branch, Some(location), None)
    });
    let removed = sidecar.tombstones.iter().map(|removed| {
        let version = Some(removed.tombstone_version);
        (removed.table_key.clone(), None, None, version)
    });
    let mut changes: Vec<_> = added.chain(removed).collect();
    changes.sort();
    let planned = plan.tables.iter().filter_map(|table| {
        let version = match table.catalog_change? {
            CatalogChangeKind::Registration => None,
            CatalogChangeKind::Tombstone => Some(table.post_commit_pin),
        };
        Some((
            table.table_key.clone(),
            table.branch.clone(),
            table.location.clone(),
            version,
        ))
    });
    planned.eq(changes)
}
