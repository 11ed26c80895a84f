//! Lines about the catalog itself.

use crate::branch::Branch;
use crate::doctor::checklist::{ChecklistItem, ChecklistLine};
use crate::doctor::facts::RootFacts;
use crate::doctor::history::{HistoryVerdict, judge_history};

pub(super) fn no_upgrade_under_way(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::NoUpgradeUnderWay;
    match &facts.catalog {
        Err(reason) => ChecklistLine::not_known(item, reason),
        Ok(declared) if declared.is_being_upgraded => ChecklistLine::no(
            item,
            "A conversion of the catalog was begun and has not ended.",
            "Run the `upgrade` that was begun to its end, with the release that began it",
        ),
        Ok(_) => ChecklistLine::yes(item),
    }
}

pub(super) fn history(facts: &RootFacts) -> Vec<ChecklistLine> {
    let item = ChecklistItem::HistoryIsWhole;
    let histories = match &facts.histories {
        None => {
            return vec![ChecklistLine::not_known(
                item,
                "this build does not read the history that a catalog with this stamp holds",
            )];
        }
        Some(Err(reason)) => return vec![ChecklistLine::not_known(item, reason)],
        Some(Ok(histories)) => histories,
    };
    let line = |history| match judge_history(history) {
        HistoryVerdict::Whole => ChecklistLine::yes(item),
        HistoryVerdict::NotKnown { why } => ChecklistLine::not_known(item, why),
        HistoryVerdict::Broken { version, why } => ChecklistLine {
            first_broken_version: Some(version),
            ..ChecklistLine::no(
                item,
                format!("Version {version} of the catalog is the first that breaks this: {why}."),
                "No later version mends this. Export the graph with the release that reads it, and load it with the new one",
            )
        },
    };
    histories
        .iter()
        .map(|history| ChecklistLine {
            branch: Some(Branch::of(history.branch.as_deref()).text().to_owned()),
            ..line(history)
        })
        .collect()
}
