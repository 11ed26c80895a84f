//! Words for a schema change: its tables, its staged files, the datasets that it made.

use super::words::{capitalised, some_of, table_name};
use crate::plan::{Plan, Step};
use crate::verdict::Action;

pub(super) fn promotes(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| matches!(step, Step::PromoteSchema { .. }))
}

fn discards(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| matches!(step, Step::DiscardSchema { .. }))
}

/// The tables whose datasets the change made, if they go, and whether they are several.
fn dropped(plan: &Plan) -> Option<(bool, String)> {
    let dropped = plan
        .tables
        .iter()
        .filter(|table| table.action == Action::Drop);
    let keys: Vec<String> = dropped
        .map(|table| table_name(&table.table_key, table.branch.as_deref()))
        .collect();
    Some((keys.len() > 1, some_of(&keys)?))
}

/// The tables that have another name once the change is published.
pub(super) fn renamed(plan: &Plan) -> Vec<String> {
    let exact = plan.steps.iter().find_map(|step| match step {
        Step::Publish { exact, .. } => exact.as_deref(),
        _ => None,
    });
    let renames = exact.into_iter().flat_map(|exact| &exact.renamed);
    renames
        .map(|renamed| {
            format!(
                "{} is called {} from then on",
                table_name(&renamed.from_key, None),
                table_name(&renamed.to_key, None)
            )
        })
        .collect()
}

/// The change is published, and its files are still staged.
pub(super) fn not_in_force(write: &str) -> (String, String) {
    (
        format!(
            "{write} is published, but its schema files are not in force: engines refuse to open the graph for reading."
        ),
        "The staged schema files are put in force, and the sidecar is retired. No table is touched."
            .to_owned(),
    )
}

/// The change was taken back, and something of it is left besides its sidecar.
pub(super) fn left_behind(write: &str, plan: &Plan) -> Option<(String, String)> {
    let besides = besides_tables(plan);
    (!besides.is_empty()).then(|| {
        (
            format!("{write} was taken back, and the catalog says so, but not all of it is gone."),
            format!(
                "{}, and the sidecar is retired. Readers see no change.",
                capitalised(&besides.join(", "))
            ),
        )
    })
}

/// The change is taken back, and committed to no table that was there before.
pub(super) fn taken_back(write: &str, plan: &Plan) -> String {
    match (dropped(plan), discards(plan)) {
        (Some((_, keys)), _) => format!("{write} made a dataset for {keys} and was not finished."),
        // In version 9 the graph commit decides, however far the files came.
        (None, true) if plan.rests_on_its_sidecar().is_some() => {
            format!("{write} staged its schema files and was not finished; it committed no table.")
        }
        (None, true) => {
            format!("{write} stopped before its schema was staged whole; it committed no table.")
        }
        (None, false) => format!("{write} stopped before it changed anything."),
    }
}

/// What taking it back does, besides returning tables.
pub(super) fn besides_tables(plan: &Plan) -> Vec<String> {
    let dropped = dropped(plan).map(|(are_several, keys)| match are_several {
        true => format!("the datasets that were made for {keys} are removed"),
        false => format!("the dataset that was made for {keys} is removed"),
    });
    let discarded =
        discards(plan).then(|| "the schema files that it staged are set aside".to_owned());
    dropped.into_iter().chain(discarded).collect()
}
