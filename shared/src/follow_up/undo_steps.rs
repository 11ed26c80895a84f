//! The steps that bring old versions of tables back: whoever lays an undo down and whoever checks one asks here.

use crate::ids::OperationId;
use crate::plan::{PinMove, PlannedTable, Precondition, PublishedGraphCommit, Step, recovery_tag};

/// A table that comes back, with its HEAD and the version whose content comes back.
pub(crate) type Touched<'a> = (&'a PlannedTable, u64, u64);

fn at_head(table: &PlannedTable, version: u64) -> Precondition {
    Precondition::TableHead {
        version,
        transaction: table.head_transaction.clone(),
    }
}

pub(crate) fn undo_tags(operation_id: &OperationId, touched: &[Touched<'_>]) -> Vec<Step> {
    let versions = touched
        .iter()
        .flat_map(|(table, head, target)| [(table, *head, *head), (table, *head, *target)]);
    versions
        .map(|(table, head, version)| Step::Tag {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            name: recovery_tag(operation_id, table.branch.as_deref(), version),
            version,
            precondition: at_head(table, head),
        })
        .collect()
}

/// The restores, and the publish if the restored versions are published.
pub(crate) fn undo_restores(
    touched: &[Touched<'_>],
    graph_commit: Option<PublishedGraphCommit>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for (table, head, target) in touched {
        steps.push(Step::Restore {
            table_key: table.table_key.clone(),
            branch: table.branch.clone(),
            version: *target,
            lands_at: head.saturating_add(1),
            precondition: at_head(table, *head),
        });
    }
    let pins: Vec<PinMove> = touched
        .iter()
        .filter_map(|(table, head, _)| {
            Some(PinMove {
                table_key: table.table_key.clone(),
                branch: table.branch.clone(),
                from_version: *head,
                to_version: table.publish_as?,
            })
        })
        .collect();
    if !pins.is_empty() {
        steps.push(Step::Publish {
            pins,
            registrations: Vec::new(),
            tombstones: Vec::new(),
            graph_commit,
            exact: None,
            precondition: Precondition::PinsAsPlanned,
        });
    }
    steps
}
