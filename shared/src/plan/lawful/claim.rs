//! Whether a plan is about the sidecar whose bytes were claimed with it.

use crate::code::Code;
use crate::dialect::Dialect;
use crate::limits::Limits;
use crate::plan::version_9;
use crate::plan::{
    CatalogChangeKind, GraphHistoryRow, Plan, PlannedTable, Precondition, Purpose, Step,
};
use crate::sidecar::{Sidecar, SidecarError, TablePin};

/// Finds out whether a plan is about the bytes that were claimed with it: a recovery names the same write and the same tables,
/// and a dismissal has no reason that the bytes belie. The operation id of an undo or a release says what it is about, and
/// [`super::check`] holds it to that.
///
/// # Errors
/// What differs, in words.
pub(crate) fn fits_its_sidecar(plan: &Plan, sidecar: &[u8]) -> Result<(), String> {
    match &plan.purpose {
        Purpose::Recover => recovery_fits(plan, sidecar),
        Purpose::Dismiss { because } => dismissal_fits(plan, because, sidecar),
        Purpose::Undo { .. } | Purpose::Release { .. } => Ok(()),
    }
}

/// Whether the reasons of a dismissal can be those of these bytes. The bytes do not tell where tables stood, which other files
/// there were, or whether the journal could be read. An executor looks at these before it deletes the file.
fn dismissal_fits(plan: &Plan, because: &[Code], bytes: &[u8]) -> Result<(), String> {
    let parsed = Sidecar::parse(&plan.file, bytes, &Limits::DEFAULT);
    // An earlier build, which did not have the rules of this version yet, could only refuse it.
    let was_unsupported = |sidecar: &Sidecar| sidecar.dialect() != Dialect::Version1;
    if because.contains(&Code::UnsupportedVersion) && parsed.as_ref().is_ok_and(was_unsupported) {
        return if plan.disposition.was_judged() {
            Err(
                "a sidecar of an unsupported version is refused, and the plan says otherwise"
                    .to_owned(),
            )
        } else {
            Ok(())
        };
    }
    let told = parsed.as_ref().err().map(SidecarError::code);
    // An earlier build called every file of version 9 with a fault a file of an unsupported version.
    let was_told = |code: Code| {
        let is_no_version_9 = matches!(parsed, Err(SidecarError::NoVersion9 { .. }));
        code == Code::UnsupportedVersion && is_no_version_9
    };
    if let Some(code) = because
        .iter()
        .find(|code| is_told_by_bytes(**code) && told != Some(**code) && !was_told(**code))
    {
        let found = told.map_or("a sidecar", Code::name);
        return Err(format!(
            "{} is to be set aside as {}, and its bytes are {found}",
            plan.file,
            code.name()
        ));
    }
    let Ok(sidecar) = parsed else {
        return if plan.disposition.was_judged() {
            Err(format!(
                "{} is to be set aside as aborted, and its bytes are no sidecar that was ever judged",
                plan.file
            ))
        } else {
            Ok(())
        };
    };
    let is_well_named = sidecar.operation_id.file_name() == plan.file;
    let is_judged_as_its_own = is_well_named && sidecar.operation_id == plan.operation_id;
    if (because.contains(&Code::Misnamed) && is_well_named)
        || (plan.disposition.was_judged() && !is_judged_as_its_own)
        || !is_by_the_writer_of(plan, &sidecar)
    {
        return Err("the plan names another file than the one whose bytes are claimed".to_owned());
    }
    Ok(())
}

/// Whether nothing but the bytes of a file leads to this reason, in every build. Which fields are implemented differs from build to
/// build, so a file that one of them refused for a field may be judged by another.
const fn is_told_by_bytes(code: Code) -> bool {
    matches!(
        code,
        Code::NotJson
            | Code::WrongShape
            | Code::TooLarge
            | Code::TooDeep
            | Code::TooManyTables
            | Code::UnsupportedVersion
    )
}

fn is_by_the_writer_of(plan: &Plan, sidecar: &Sidecar) -> bool {
    Some(sidecar.writer_kind) == plan.writer_kind
        && sidecar.branch().name() == plan.branch.as_deref()
        && sidecar.actor_id == plan.actor_id
}

fn recovery_fits(plan: &Plan, sidecar: &[u8]) -> Result<(), String> {
    let sidecar = Sidecar::parse(&plan.file, sidecar, &Limits::RECORDED)
        .map_err(|error| format!("the sidecar of the claim cannot be acted on: {error}"))?;
    let is_the_write = sidecar.operation_id == plan.operation_id
        && is_by_the_writer_of(plan, &sidecar)
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
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
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
    version_9::fits(plan, sidecar.version_9.as_deref())?;
    // For a write to a branch that is gone, no table is looked at or touched.
    let is_orphaned = plan.disposition.lost_its_branch();
    if is_orphaned
        || (pins_are_the_tables(plan, &sidecar) && changes_are_the_tables(plan, &sidecar))
    {
        Ok(())
    } else {
        Err("the plan names other tables than its sidecar".to_owned())
    }
}

/// Whether the sidecar pins exactly the plan's tables of the write, each at the same versions.
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
    let tables = plan.tables.iter().filter(|table| {
        matches!(
            table.catalog_change,
            None | Some(CatalogChangeKind::Pointer)
        )
    });
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
            CatalogChangeKind::Pointer => return None,
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
