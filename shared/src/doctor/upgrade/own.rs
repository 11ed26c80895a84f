//! Lines about what this program itself left in the root.

use crate::doctor::checklist::{ChecklistItem, ChecklistLine};
use crate::doctor::facts::RootFacts;
use crate::doctor::judge::{holds_up, release, tags_by_operation};

pub(super) fn no_open_operation(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::NoOpenOperation;
    let operations = match &facts.operations {
        Err(reason) => return ChecklistLine::not_known(item, reason),
        Ok(operations) => operations,
    };
    let open = operations.open.iter().find(|operation| holds_up(operation));
    match open {
        Some(operation) => ChecklistLine::no(
            item,
            format!("{} is open.", operation.operation_id),
            facts.commands.plan(operation.operation_id.as_str()),
        ),
        None if operations.not_read > 0 => ChecklistLine::not_known(
            item,
            format!("{} open journals were not read", operations.not_read),
        ),
        None => ChecklistLine::yes(item),
    }
}

pub(super) fn no_recovery_tags(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::NoRecoveryTags;
    let operations = tags_by_operation(&facts.tags);
    if let Some(operation) = operations.keys().next() {
        let more = match operations.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        return ChecklistLine::no(
            item,
            format!(
                "Tags of {operation}{more} are there. A recovery can no longer be undone once its tags are dropped, nor after the upgrade."
            ),
            release(facts, operation),
        );
    }
    match facts.tags.unread.first() {
        Some((place, reason)) => {
            ChecklistLine::not_known(item, format!("the tags of {place}: {reason}"))
        }
        None if !facts.tags.are_all => {
            ChecklistLine::not_known(item, "the tags of some tables were not listed")
        }
        None => ChecklistLine::yes(item),
    }
}
