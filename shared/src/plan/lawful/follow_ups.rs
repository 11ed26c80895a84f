//! Plans that follow from something: an undo, a release, a dismissal.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use super::graph_history;
use super::left::{Left, fence, own_file, record, requires, retire};
use crate::code::{Code, Requirement};
use crate::follow_up::{release_ids, undo_ids, undo_restores, undo_sidecar_ids, undo_tags};
use crate::ids::OperationId;
use crate::plan::{Plan, PlannedTable, Precondition, Step, recovery_tag, table_of};
use crate::root_layout::RECOVERY_TAG_PREFIX;
use crate::sidecar::Sidecar;
use crate::verdict::{Action, Disposition};

/// The operation has an id that is derived from its subject, and its own file.
fn derived(
    plan: &Plan,
    subject: &OperationId,
    mut expected: impl Iterator<Item = OperationId>,
    disposition: Disposition,
) -> Result<(), String> {
    if plan.disposition != disposition || !expected.any(|id| id == plan.operation_id) {
        let purpose = plan.purpose.name();
        return Err(format!(
            "the plan is to {purpose} {subject}: it must have disposition {} and an operation id derived from {subject}; it has {} and {}",
            disposition.name(),
            plan.disposition.name(),
            plan.operation_id
        ));
    }
    own_file(plan)
}

pub(super) fn undo(plan: &Plan, of: &OperationId) -> Result<(), String> {
    derived(plan, of, undo_ids(of), Disposition::RollBack)?;
    requires(plan, Requirement::WritersStopped)?;
    let is_announced = plan
        .tables
        .iter()
        .any(|table| table.action == Action::Restore);
    plan.tables
        .iter()
        .try_for_each(|table| undone_table(table, is_announced))?;
    let touched: Vec<(&PlannedTable, u64, u64)> = plan
        .tables
        .iter()
        .filter_map(|table| Some((table, table.lance_head?, table.restore_to?)))
        .collect();
    if touched.is_empty() {
        return Err("it takes no table back".to_owned());
    }
    let mut left = Left(&plan.steps);
    left.take_all(undo_tags(&plan.operation_id, &touched))?;
    if is_announced {
        let step = left.take_if(|step| matches!(step, Step::Announce { .. }));
        announced(plan, of, step)?;
    }
    left.take(&fence())?;
    let commit = graph_history::commit_of_an_undo(plan, &left)?;
    left.take_all(undo_restores(&touched, commit))?;
    let kind = plan
        .writer_kind
        .ok_or("the recovery that it undoes has no kind of writer")?;
    graph_history::of_an_undo(plan, kind, &mut left)?;
    left.take(&record())?;
    left.end()
}

/// Every table stands where the recovery left it: HEAD and pin at one version.
fn undone_table(table: &PlannedTable, is_announced: bool) -> Result<(), String> {
    let holds = match table.action {
        Action::None => table.restore_to.is_none() && table.publish_as.is_none(),
        Action::Restore | Action::RestoreAndPublish => {
            let head = table.lance_head;
            let publish_as = head
                .and_then(|head| head.checked_add(1))
                .filter(|_| !is_announced);
            is_announced == (table.action == Action::Restore)
                && head == Some(table.expected_version)
                && head == table.manifest_pinned
                && table.restore_to.is_some()
                && table.restore_to < head
                && table.publish_as == publish_as
        }
        Action::Publish | Action::Register | Action::Tombstone | Action::Drop => false,
    };
    if holds && table.catalog_change.is_none() {
        return Ok(());
    }
    Err(format!(
        "{} of {} is not how a recovery is taken back",
        table.action.name(),
        table.table_key
    ))
}

/// The sidecar that covers the versions that come back unpublished: it names the plan's tables and nothing else.
fn announced(plan: &Plan, of: &OperationId, step: Option<&Step>) -> Result<(), String> {
    let Some(Step::Announce {
        file,
        sidecar: text,
        precondition: Precondition::FileAbsent,
    }) = step
    else {
        return Err("it announces no sidecar for the write that comes back unpublished".to_owned());
    };
    let sidecar: Sidecar = serde_json::from_str(text)
        .map_err(|error| format!("the sidecar it announces is none: {error}"))?;
    let is_its_own = undo_sidecar_ids(of).any(|id| id == sidecar.operation_id);
    if !is_its_own || *file != sidecar.operation_id.file_name() {
        return Err(format!(
            "it would write {file:?}, which is not the name of its sidecar"
        ));
    }
    if crate::follow_up::text_of(&sidecar) != *text
        || sidecar.refusal(file).is_some()
        || !sidecar.additional_registrations.is_empty()
        || !sidecar.tombstones.is_empty()
        || sidecar.branch().name() != plan.branch.as_deref()
        || sidecar.actor_id != plan.actor_id
        || !super::claim::pins_are_the_tables(plan, &sidecar)
    {
        return Err("the sidecar it announces is not about its tables".to_owned());
    }
    Ok(())
}

pub(super) fn release(plan: &Plan, of: &OperationId) -> Result<(), String> {
    derived(plan, of, release_ids(of), Disposition::AlreadyPublished)?;
    if plan
        .tables
        .iter()
        .any(|table| table.action != Action::None || table.publish_as.is_some())
    {
        return Err("it does more than drop tags".to_owned());
    }
    let mut left = Left(&plan.steps);
    // An undo that came to nothing leaves its tags to the release of the recovery that it was about.
    let sets = |operation: &OperationId, branch: Option<&str>, name: &str, version: u64| {
        name == recovery_tag(operation, branch, version)
    };
    // A plan has very many such steps, and most of them are of the recovery itself. The ids of the others are all made once.
    let undos = LazyCell::new(|| undo_ids(of).map(String::from).collect::<BTreeSet<_>>());
    let is_set_by_one = |branch: Option<&str>, name: &str, version: u64| {
        sets(of, branch, name, version)
            || operation_of(name).is_some_and(|operation| {
                undos.contains(operation.as_str()) && sets(&operation, branch, name, version)
            })
    };
    let mut before = None;
    while let Some(Step::Untag {
        table_key,
        branch,
        name,
        version,
        precondition,
    }) = left.take_if(|step| matches!(step, Step::Untag { .. }))
    {
        let is_in_plan = table_of(&plan.tables, table_key, branch.as_deref()).is_some();
        let here = (table_key, branch, name, version);
        if !is_in_plan
            || !is_set_by_one(branch.as_deref(), name, *version)
            || *precondition != (Precondition::TagNames { version: *version })
            || before.is_some_and(|before| before >= here)
        {
            return Err(format!(
                "the tag {name:?} of {table_key} is not one that the recovery of {of} set"
            ));
        }
        before = Some(here);
    }
    if before.is_none() {
        return Err("it drops no tag".to_owned());
    }
    left.take(&record())?;
    left.end()
}

/// The operation in the name of a tag that [`recovery_tag`] made.
fn operation_of(tag: &str) -> Option<OperationId> {
    tag.strip_prefix(RECOVERY_TAG_PREFIX)?
        .split('-')
        .next()?
        .parse()
        .ok()
}

pub(super) fn dismissal(plan: &Plan, because: &[Code]) -> Result<(), String> {
    if !plan.disposition.may_be_set_aside() || !plan.tables.is_empty() {
        return Err("a dismissal is of a refused or aborted file, and touches no table".to_owned());
    }
    if because.is_empty() || because.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err("a dismissal has reasons, each of them once and in order".to_owned());
    }
    requires(plan, Requirement::Reason)?;
    if because.contains(&Code::DataInQuestion) {
        requires(plan, Requirement::DataInQuestion)?;
    }
    if because.contains(&Code::DataInQuestion) || because.contains(&Code::HoldsNoData) {
        requires(plan, Requirement::WritersStopped)?;
    }
    // As a listing does, which shows every name with this ending: `.json` is one of them.
    if !plan.file.ends_with(".json") || plan.file.contains(['/', '\0']) {
        return Err(format!("{:?} is no file of a sidecar", plan.file));
    }
    if own_file(plan).is_err() && !plan.operation_id.is_of_nobody() {
        return Err(format!(
            "{:?} is set aside under an operation of its own, and {} is another's",
            plan.file, plan.operation_id
        ));
    }
    let mut left = Left(&plan.steps);
    left.take(&record())?;
    left.take(&retire(&plan.file))?;
    left.end()
}
