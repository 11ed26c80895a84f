//! Dropping the tags of a finished recovery.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{Code, Reason};
use crate::digest::{Digest, Tag};
use crate::ids::{OperationId, RootId};
use crate::journal::JournalState;
use crate::plan::{Plan, PlannedTable, Precondition, Purpose, Step};
use crate::sidecar::Sidecar;
use crate::verdict::{Action, Choice, Disposition};

use super::FollowUp;
use super::own_sidecar::{sidecar_like, text_of};

/// A tag that some attempt at a recovery was to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetTag {
    /// The table as described by the plan that set the tag. A later plan may name another location for it, or omit it.
    pub table: PlannedTable,
    /// The tag.
    pub name: String,
    /// The version it names.
    pub version: u64,
}

/// The tags that every claimed plan of an operation sets, those of interrupted attempts included.
#[must_use]
pub fn tags_of(state: &JournalState) -> Vec<SetTag> {
    let interrupted = state.interrupted().iter().map(|attempt| &attempt.plan);
    let attempt = state.attempt().map(|attempt| &attempt.plan);
    let finished = state.finished().map(|finished| &finished.plan);
    let claimed = interrupted.chain(attempt).chain(finished);
    claimed.flat_map(tags_of_plan).collect()
}

/// The tags that a plan sets.
pub fn tags_of_plan(plan: &Plan) -> impl Iterator<Item = SetTag> {
    plan.steps.iter().filter_map(|step| {
        let Step::Tag {
            table_key,
            branch,
            name,
            version,
            ..
        } = step
        else {
            return None;
        };
        let table = plan
            .tables
            .iter()
            .find(|table| (&table.table_key, &table.branch) == (table_key, branch))?;
        Some(SetTag {
            table: table.clone(),
            name: name.clone(),
            version: *version,
        })
    })
}

/// The tags that a release drops.
#[must_use]
pub fn tags_dropped_by(plan: &Plan) -> Vec<SetTag> {
    let dropped = plan.steps.iter().filter_map(|step| {
        let Step::Untag {
            table_key,
            branch,
            name,
            version,
            ..
        } = step
        else {
            return None;
        };
        let mut tables = plan.tables.iter();
        let table =
            tables.find(|table| (&table.table_key, &table.branch) == (table_key, branch))?;
        Some(SetTag {
            table: table.clone(),
            name: name.clone(),
            version: *version,
        })
    });
    dropped.collect()
}

/// Lays down which tags are dropped: all that any attempt at the recovery set. The recovery cannot be taken back afterwards.
/// `operation_id` is [`super::release_id`], or one that follows it.
///
/// A tag whose branch or dataset is gone counts as dropped.
#[must_use]
pub fn release(
    root: &RootId,
    operation_id: OperationId,
    of: &OperationId,
    original: &Sidecar,
    tags: &[SetTag],
) -> FollowUp {
    let text = text_of(&sidecar_like(original, operation_id.clone(), Vec::new()));
    let key = |table: &PlannedTable| (table.table_key.clone(), table.branch.clone());
    let mut blockers = Vec::new();
    if tags.is_empty() {
        blockers.push(Reason::new(
            Code::NothingToUndo,
            format!("the recovery of operation {of} set no tags"),
        ));
    }
    // Of several attempts the last one knows best where a table is.
    let tables: BTreeMap<_, PlannedTable> = tags
        .iter()
        .map(|tag| (key(&tag.table), untouched(&tag.table)))
        .collect();
    let named: BTreeSet<_> = tags
        .iter()
        .map(|tag| (key(&tag.table), &tag.name, tag.version))
        .collect();
    let mut steps: Vec<Step> = named
        .into_iter()
        .map(|((table_key, branch), name, version)| Step::Untag {
            table_key,
            branch,
            name: name.clone(),
            version,
            precondition: Precondition::TagNames { version },
        })
        .collect();
    if !steps.is_empty() {
        steps.push(Step::Record {
            precondition: Precondition::StepsDone,
        });
    }
    let plan = Plan {
        purpose: Purpose::Release { of: of.clone() },
        root: root.clone(),
        file: operation_id.file_name(),
        operation_id,
        sidecar: Digest::of(Tag::Sidecar, text.as_bytes()),
        writer_kind: Some(original.writer_kind),
        branch: original.branch().owned(),
        lance_branch: None,
        actor_id: original.actor_id.clone(),
        disposition: Disposition::AlreadyPublished,
        decision: None,
        choice: Choice::Verdict,
        requires: Vec::new(),
        left_out: Vec::new(),
        tables: tables.into_values().collect(),
        steps,
    };
    FollowUp {
        plan,
        sidecar: text.into(),
        blockers,
    }
}

fn untouched(table: &PlannedTable) -> PlannedTable {
    PlannedTable {
        manifest_pinned: None,
        lance_head: None,
        head_transaction: None,
        classification: None,
        rule: "not looked at: only tags are dropped".to_owned(),
        action: Action::None,
        restore_to: None,
        publish_as: None,
        unexpected: Vec::new(),
        pin_gone: false,
        ..table.clone()
    }
}
