//! Dropping the tags of a finished recovery.

use crate::code::{Code, Reason};
use crate::digest::{Digest, Tag};
use crate::ids::{DerivedOrder, OperationId, RootId};
use crate::journal::Finished;
use crate::plan::{Plan, PlannedTable, Precondition, Purpose, Step};
use crate::sidecar::Sidecar;
use crate::verdict::{Action, Disposition};

use super::{FollowUp, sidecar_like, text_of};

/// The operation that drops the tags of the recovery of this one.
#[must_use]
pub fn release_id(of: &OperationId) -> OperationId {
    of.derived(DerivedOrder::After, "release")
}

/// A tag that some attempt of a recovery set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetTag {
    /// The table.
    pub table_key: String,
    /// Its Lance branch.
    pub branch: Option<String>,
    /// The tag.
    pub name: String,
    /// The version it names.
    pub version: u64,
}

/// Lays down which tags are dropped: all that any attempt at the recovery set. The recovery cannot be taken back afterwards.
#[must_use]
pub fn release(
    root: &RootId,
    of: &OperationId,
    finished: &Finished,
    original: &Sidecar,
    tags: &[SetTag],
) -> FollowUp {
    let operation_id = release_id(of);
    let text = text_of(&sidecar_like(original, operation_id.clone(), Vec::new()));
    let mut tags = tags.to_vec();
    tags.sort();
    tags.dedup();
    let located = |tag: &SetTag| {
        finished
            .plan
            .tables
            .iter()
            .find(|table| (&table.table_key, &table.branch) == (&tag.table_key, &tag.branch))
    };
    let mut blockers = Vec::new();
    if tags.is_empty() {
        blockers.push(Reason::new(
            Code::NothingToUndo,
            format!("the recovery of operation {of} set no tags"),
        ));
    }
    let tables: Vec<PlannedTable> = finished
        .plan
        .tables
        .iter()
        .filter(|table| {
            tags.iter()
                .any(|tag| (&tag.table_key, &tag.branch) == (&table.table_key, &table.branch))
        })
        .map(|table| PlannedTable {
            manifest_pinned: None,
            lance_head: None,
            head_transaction: None,
            classification: None,
            rule: "not looked at: only tags are dropped".to_owned(),
            action: Action::None,
            restore_to: None,
            publish_as: None,
            unexpected: Vec::new(),
            ..table.clone()
        })
        .collect();
    let mut steps: Vec<Step> = tags
        .iter()
        .filter(|tag| located(tag).is_some())
        .map(|tag| Step::Untag {
            table_key: tag.table_key.clone(),
            branch: tag.branch.clone(),
            name: tag.name.clone(),
            version: tag.version,
            precondition: Precondition::TagNames {
                version: tag.version,
            },
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
        branch: original.branch().map(str::to_owned),
        actor_id: original.actor_id.clone(),
        disposition: Disposition::AlreadyPublished,
        decision: None,
        requires: Vec::new(),
        tables,
        steps,
    };
    FollowUp {
        plan,
        sidecar: text.into(),
        blockers,
    }
}
