//! Whether a plan is one that the rules of this program lay down, whatever was found.
//!
//! Approvals and claims come from the journal, and whoever can write the journal can put any plan there. So bytes are taken for a
//! plan only if its steps are those that its tables, its purpose and its operation lead to: the own file, own tags, the three schema
//! files, tables at places where tables are. Most steps are laid down anew and compared. Some steps depend on facts a plan does
//! not carry (staged files, whether a history is kept); only their form is checked.

mod claim;
mod follow_ups;
mod graph_history;
mod left;

use super::steps::{Moved, moved, publish, restores, tags};
use super::{
    CatalogChangeKind, ExactPublish, Plan, PlannedTable, Precondition, Purpose, StagedFile, Step,
    table_of,
};
use crate::branch::Branch;
use crate::branch::is_branch_name;
use crate::code::Requirement;
use crate::dataset_files::{DATASET_FILES_MAX, DatasetFile, are_by, is_in_order};
use crate::location::is_a_table_place;
use crate::schema_file::SchemaFile;
use crate::sidecar::WriterKind;
use crate::verdict::{Action, Choice, Disposition};

pub(crate) use claim::fits_its_sidecar;

use left::{Left, fence, own_file, record, requires, retire};

/// Finds out whether this program could have laid the plan down. A plan without steps is carried out by nobody, and may be about
/// the oddest file.
///
/// # Errors
/// What no rule lays down, in words.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    if plan.steps.is_empty() {
        return Ok(());
    }
    places(plan)?;
    match &plan.purpose {
        Purpose::Recover => recovery(plan),
        Purpose::Undo { of } => follow_ups::undo(plan, of),
        Purpose::Dismiss { because } => follow_ups::dismissal(plan, because),
        Purpose::Release { of } => follow_ups::release(plan, of),
    }
}

/// Where the plan acts: on branches that can be, at places where tables are, on each table once and in order.
fn places(plan: &Plan) -> Result<(), String> {
    let branches = plan.tables.iter().map(|table| &table.branch);
    for branch in branches.chain([&plan.branch]).flatten() {
        if Branch::of(Some(branch)).is_main() || !is_branch_name(branch) {
            return Err(format!("{branch:?} is not the name of a branch"));
        }
    }
    if let Some(lance_branch) = &plan.lance_branch {
        let stands_for = Branch::of(Some(lance_branch)).without_suffix();
        let is_of_it = stands_for == Branch::of(plan.branch.as_deref());
        if !is_of_it || plan.branch.as_ref() == Some(lance_branch) || !is_branch_name(lance_branch)
        {
            return Err(format!(
                "{lance_branch:?} is no Lance branch of the branch that it is about"
            ));
        }
    }
    for table in &plan.tables {
        if let Some(location) = table
            .location
            .as_deref()
            .filter(|location| !is_a_table_place(location.trim_matches('/')))
        {
            return Err(format!(
                "{} is at {location:?}, which is no place for a table inside the root",
                table.table_key
            ));
        }
    }
    let key = |table: &PlannedTable| (table.table_key.clone(), table.branch.clone());
    if plan
        .tables
        .windows(2)
        .any(|pair| key(&pair[0]) >= key(&pair[1]))
    {
        return Err("its tables are not in order".to_owned());
    }
    Ok(())
}

fn recovery(plan: &Plan) -> Result<(), String> {
    if !plan.disposition.has_effect() {
        return Err(format!(
            "it has steps, though its disposition is {}",
            plan.disposition.name()
        ));
    }
    own_file(plan)?;
    let kind = plan
        .writer_kind
        .ok_or("it has steps, though its sidecar is not understood")?;
    plan.tables
        .iter()
        .try_for_each(|table| recovered_table(plan.disposition, kind, table))?;
    let mut left = Left(&plan.steps);
    let touched: Vec<Moved<'_>> = plan.tables.iter().filter_map(moved).collect();
    for tag in tags(&plan.operation_id, &touched) {
        if left.take_if(|step| *step == tag).is_none() && !may_be_missing(&tag, &plan.tables) {
            left.take(&tag)?;
        }
    }
    let drops = plan.tables.iter().any(|table| table.action == Action::Drop);
    if plan.disposition.takes_it_back() && (drops || !touched.is_empty()) {
        left.take(&fence())?;
    }
    if let Some(step) = left.take_if(|step| matches!(step, Step::PrepareSidecar { .. })) {
        prepared(plan, step)?;
    }
    for table in plan
        .tables
        .iter()
        .filter(|table| table.action == Action::Drop)
    {
        let step = left.take_if(|step| matches!(step, Step::DropDataset { .. }));
        dropped(table, step)?;
    }
    left.take_all(restores(&touched))?;
    let commit = graph_history::commit_of_a_recovery(plan, kind, &left)?;
    let exact = exact(plan, &left)?;
    left.take_all(publish(&touched, &plan.tables, commit, exact))?;
    let schema = left.take_if(|step| {
        matches!(
            step,
            Step::PromoteSchema { .. } | Step::DiscardSchema { .. }
        )
    });
    schema.map_or(Ok(()), |step| schema_files(plan, kind, step))?;
    graph_history::of_a_recovery(plan, kind, &mut left)?;
    let unlock = left.take_if(|step| {
        matches!(
            step,
            Step::UnlockSchema {
                precondition: Precondition::LockedSince { .. }
            }
        )
    });
    if unlock.is_some() && !kind.changes_the_schema() {
        return Err(
            "it removes the lock of a schema change, and its write changes no schema".to_owned(),
        );
    }
    left.take(&record())?;
    left.take(&retire(&plan.file))?;
    left.end()?;
    let may_still_write = match plan.disposition {
        Disposition::NeverStarted | Disposition::RollBack | Disposition::StaleArmed => true,
        Disposition::RollForward => unlock.is_some() || !kind.commits_each_table_once(),
        // Nobody writes to a branch that is gone.
        Disposition::OrphanedBranch => false,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded => unlock.is_some(),
    };
    if schema.is_some() || may_still_write {
        requires(plan, Requirement::WritersStopped)?;
    }
    if !plan.left_out.is_empty() && plan.choice == Choice::Verdict {
        requires(plan, Requirement::IncompleteMerge)?;
    }
    if plan.tables.iter().any(|table| !table.unexpected.is_empty()) {
        requires(plan, Requirement::UnexpectedCommits)?;
    }
    if drops {
        requires(plan, Requirement::DropsDatasets)?;
    }
    if plan.may_stay_in_part() {
        requires(plan, Requirement::StaysPublishedInPart)?;
    }
    if plan.disposition == Disposition::StaleArmed {
        requires(plan, Requirement::StaleArmed)?;
    }
    let is_another_target = |table: &PlannedTable| {
        table
            .restore_to
            .is_some_and(|to| to != table.expected_version)
    };
    if plan.tables.iter().any(is_another_target) {
        requires(plan, Requirement::TargetDiffersFromExpected)?;
    }
    Ok(())
}

/// The undo that is written into a sidecar of version 9: of the tables that the plan returns, and no others.
fn prepared(plan: &Plan, step: &Step) -> Result<(), String> {
    let Step::PrepareSidecar {
        file,
        outcomes,
        precondition: Precondition::FileAsPlanned,
        ..
    } = step
    else {
        return Err("its sidecar is written on another condition".to_owned());
    };
    // Of a dataset that was removed in part there is no version, and the undo names none.
    let returned = plan
        .tables
        .iter()
        .filter(|table| table.action != Action::None && table.lance_head.is_some())
        .map(|table| {
            (
                table.table_key.as_str(),
                table.lance_head,
                table.returns_to(),
            )
        });
    let mut noted: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            (
                outcome.table_key.as_str(),
                Some(outcome.from_version),
                Some(outcome.to_version),
            )
        })
        .collect();
    noted.sort_unstable();
    if !plan.disposition.takes_it_back() || *file != plan.file || !returned.eq(noted) {
        return Err(
            "the undo that it writes into its sidecar does not name the tables that return"
                .to_owned(),
        );
    }
    Ok(())
}

/// The removal of a dataset that the write made: of its files, and nothing else below its place.
fn dropped(table: &PlannedTable, step: Option<&Step>) -> Result<(), String> {
    let key = &table.table_key;
    let Some(Step::DropDataset {
        table_key,
        location,
        files,
        precondition: Precondition::DatasetAsPlanned { transaction },
    }) = step
    else {
        return Err(format!("it has no step that removes the dataset of {key}"));
    };
    let head_transaction = table.head_transaction.as_ref();
    let is_its_own = table_key == key
        && Some(location) == table.location.as_ref()
        && head_transaction.is_none_or(|found| found == transaction)
        && head_transaction.is_some() == table.lance_head.is_some();
    // A dataset that was removed in part has no version any more. The file of its transaction says whose it is.
    let is_told = match table.lance_head {
        Some(_) => files.iter().any(DatasetFile::is_a_version_file),
        None => files.iter().any(|file| file.transaction().is_some()),
    };
    let are_files = files.iter().all(DatasetFile::is_of_a_new_dataset)
        && is_told
        && are_by(files, transaction)
        && is_in_order(files)
        && files.len() <= DATASET_FILES_MAX;
    if is_its_own && are_files {
        return Ok(());
    }
    Err(format!(
        "it removes another dataset for {key} than the one that the write made"
    ))
}

/// The rows of a publish that the writer fixed: of the pins that move, and no others.
fn exact(plan: &Plan, left: &Left<'_>) -> Result<Option<ExactPublish>, String> {
    let published = left.0.iter().find_map(|step| match step {
        Step::Publish {
            pins,
            registrations,
            exact,
            ..
        } => Some((pins, registrations, exact.as_deref()?)),
        _ => None,
    });
    let Some((pins, registrations, exact)) = published else {
        return Ok(None);
    };
    let row = |table_key: &str, branch: Option<&str>, version| {
        let mut rows = exact.rows.iter();
        rows.any(|row| {
            row.table_key == table_key
                && Branch::of(row.row.table_branch.as_deref()) == Branch::of(branch)
                && row.row.table_version == version
        })
    };
    let moved = pins.iter().all(|pin| {
        let key = exact.key_after(&pin.table_key);
        row(key, pin.branch.as_deref(), pin.to_version)
    });
    let added = registrations
        .iter()
        .all(|added| row(&added.table_key, added.branch.as_deref(), added.version));
    let is_whole = pins.len() + registrations.len() == exact.rows.len() && moved && added;
    if !plan.disposition.publishes_it() || !is_whole {
        return Err("the rows it publishes are not those of its pins".to_owned());
    }
    Ok(Some(exact.clone()))
}

/// A pin whose version was cleaned away cannot be tagged. A roll forward needs HEAD only, and a roll back to such a version is
/// aborted.
fn may_be_missing(tag: &Step, tables: &[PlannedTable]) -> bool {
    let Step::Tag {
        table_key,
        branch,
        version,
        ..
    } = tag
    else {
        return false;
    };
    table_of(tables, table_key, branch.as_deref()).is_some_and(|table| {
        table.action == Action::Publish && table.manifest_pinned == Some(*version)
    })
}

/// The action on a table follows from where it stands and from what becomes of the write.
fn recovered_table(
    disposition: Disposition,
    kind: WriterKind,
    table: &PlannedTable,
) -> Result<(), String> {
    let (pinned, head) = (table.manifest_pinned, table.lance_head);
    let (restore_to, publish_as) = (table.restore_to, table.publish_as);
    let (is_forward, is_back) = (disposition.publishes_it(), disposition.takes_it_back());
    let moved = pinned.is_some() && pinned < head;
    let holds = match (table.action, table.catalog_change) {
        (Action::None, _) => restore_to.is_none() && publish_as.is_none(),
        (Action::Publish, Some(CatalogChangeKind::Pointer)) => {
            is_forward && restore_to.is_none() && publish_as == Some(table.post_commit_pin)
        }
        (Action::Publish, None) => {
            (is_forward || is_back) && moved && restore_to.is_none() && publish_as == head
        }
        (Action::RestoreAndPublish, None) => {
            is_back
                && moved
                && restore_to == pinned
                && publish_as == head.and_then(|head| head.checked_add(1))
        }
        (Action::Register, Some(CatalogChangeKind::Registration)) => {
            is_forward
                && pinned.is_none()
                && restore_to.is_none()
                && publish_as.is_some()
                && publish_as == head
                && table.location.is_some()
        }
        (Action::Tombstone, Some(CatalogChangeKind::Tombstone)) => {
            is_forward
                && pinned == Some(table.expected_version)
                && table.expected_version.checked_add(1) == Some(table.post_commit_pin)
                && restore_to.is_none()
                && publish_as.is_none()
        }
        (Action::Drop, Some(CatalogChangeKind::Registration)) => {
            disposition.clears_what_it_made()
                && pinned.is_none()
                && head.is_none_or(|head| head == 1)
                && restore_to.is_none()
                && publish_as.is_none()
                && table.location.is_some()
                && table.branch.is_none()
        }
        (Action::Publish, Some(CatalogChangeKind::Registration | CatalogChangeKind::Tombstone))
        | (Action::RestoreAndPublish, Some(_))
        | (
            Action::Register,
            None | Some(CatalogChangeKind::Tombstone | CatalogChangeKind::Pointer),
        )
        | (
            Action::Tombstone,
            None | Some(CatalogChangeKind::Registration | CatalogChangeKind::Pointer),
        )
        | (Action::Drop, None | Some(CatalogChangeKind::Tombstone | CatalogChangeKind::Pointer))
        | (Action::Restore, _) => false,
    };
    if !holds {
        return Err(format!(
            "{} of {} does not follow from where the table stands, for a write that is {}",
            table.action.name(),
            table.table_key,
            disposition.name()
        ));
    }
    let is_changed = matches!(
        table.catalog_change,
        Some(CatalogChangeKind::Registration | CatalogChangeKind::Tombstone)
    );
    if table.catalog_change == Some(CatalogChangeKind::Pointer) && !kind.is_merge() {
        return Err(format!(
            "{} is pointed to, which only a merge does",
            table.table_key
        ));
    }
    if is_changed && !kind.changes_the_schema() {
        return Err(format!(
            "{} is added or removed, which only a schema change does",
            table.table_key
        ));
    }
    Ok(())
}

/// Exactly the files that some crash of a schema change leaves staged, under exactly their names.
fn schema_files(plan: &Plan, kind: WriterKind, step: &Step) -> Result<(), String> {
    use SchemaFile::{Ir, Source, State};
    let (is_its_disposition, forms, files, precondition): (_, Option<[&[SchemaFile]; 3]>, _, _) =
        match step {
            Step::PromoteSchema {
                files,
                precondition,
            } => (
                plan.disposition.leaves_it_visible(),
                Some([&[Source, Ir, State], &[Ir, State], &[State]]),
                files,
                precondition,
            ),
            // Others may have removed some of them, an earlier attempt for one: any of them may be left.
            Step::DiscardSchema {
                files,
                precondition,
            } => (
                plan.disposition.clears_what_it_made(),
                None,
                files,
                precondition,
            ),
            Step::Tag { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::FenceCatalog { .. }
            | Step::PrepareSidecar { .. }
            | Step::DropDataset { .. }
            | Step::Restore { .. }
            | Step::Publish { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. }
            | Step::Retire { .. } => return Ok(()),
        };
    if !kind.changes_the_schema() || !is_its_disposition {
        return Err(format!(
            "a {} that is {} has no step of kind {}",
            kind.name(),
            plan.disposition.name(),
            step.kind()
        ));
    }
    let named = |file: &StagedFile| {
        SchemaFile::named(&file.live, &file.staged).ok_or_else(|| {
            format!(
                "{:?} beside {:?} is not a staged schema file",
                file.staged, file.live
            )
        })
    };
    let files = files.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let is_a_form = match forms {
        Some(forms) => forms.contains(&files.as_slice()),
        None => !files.is_empty() && files.is_sorted_by(|one, next| one < next),
    };
    if !is_a_form || *precondition != Precondition::FilesAsPlanned {
        return Err(format!(
            "no crash of a schema change leads to its step of kind {}",
            step.kind()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod cost;
