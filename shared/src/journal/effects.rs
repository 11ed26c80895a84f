//! What an attempt did to tables and catalog, as far as its journal tells.

use super::Attempt;
use crate::apply_report::TableOutcome;
use crate::outcome::Effect;
use crate::plan::{PlannedTable, Step};
use crate::verdict::Action;

impl Attempt {
    /// The known outcome for every table of the plan. A step in `unclear` that is not done may have happened or not.
    #[must_use]
    pub fn table_outcomes(&self, unclear: &[usize]) -> Vec<TableOutcome> {
        let tables = self.plan.tables.iter();
        tables
            .map(|table| {
                let effect = self.effect(unclear, |step| concerns(step, table));
                TableOutcome {
                    published_version: self.pin_of(table, effect, unclear),
                    ..TableOutcome::of(&self.plan, table, effect)
                }
            })
            .collect()
    }

    /// The pin of a table on which the attempt had this effect. Readers see a table that was restored only once it is published.
    fn pin_of(&self, table: &PlannedTable, effect: Effect, unclear: &[usize]) -> Option<u64> {
        let mut steps = self.plan.steps.iter();
        let decides = match steps.any(|step| publishes(step, table)) {
            true => self.effect(unclear, |step| publishes(step, table)),
            false => effect,
        };
        TableOutcome::of(&self.plan, table, decides).published_version
    }

    /// The known effect on the catalog; `unclear` as in [`Self::table_outcomes`].
    #[must_use]
    pub fn catalog_effect(&self, unclear: &[usize]) -> Effect {
        self.effect(unclear, commits_to_the_catalog)
    }

    fn effect(&self, unclear: &[usize], concerns: impl Fn(&Step) -> bool) -> Effect {
        let steps = self.plan.steps.iter().enumerate();
        let mut effect = Effect::Unchanged;
        for (index, _) in steps.filter(|(_, step)| concerns(step)) {
            if self.done.contains_key(&index) {
                effect = Effect::Changed;
            } else if unclear.contains(&index) {
                return Effect::Unknown;
            }
        }
        effect
    }
}

/// Whether a step changes the report on a table.
fn concerns(step: &Step, table: &PlannedTable) -> bool {
    let of_table = (&table.table_key, &table.branch);
    match step {
        Step::Restore {
            table_key, branch, ..
        } => (table_key, branch) == of_table,
        Step::DropDataset { table_key, .. } => (table_key, &None) == of_table,
        Step::Publish { .. } => publishes(step, table),
        Step::Tag { .. }
        | Step::Untag { .. }
        | Step::Announce { .. }
        | Step::FenceCatalog { .. }
        | Step::PrepareSidecar { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::GraphHistory { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => false,
    }
}

/// Whether a step changes what readers see of a table.
fn publishes(step: &Step, table: &PlannedTable) -> bool {
    let Step::Publish {
        pins,
        registrations,
        tombstones,
        ..
    } = step
    else {
        return false;
    };
    let of_table = (&table.table_key, &table.branch);
    let moved = pins.iter().map(|pin| (&pin.table_key, &pin.branch));
    let added = registrations
        .iter()
        .map(|new| (&new.table_key, &new.branch));
    let removes = |key: &String| tombstones.iter().any(|gone| gone.table_key == *key);
    moved.chain(added).any(|named| named == of_table)
        || (table.action == Action::Tombstone && removes(&table.table_key))
}

fn commits_to_the_catalog(step: &Step) -> bool {
    match step {
        Step::FenceCatalog { .. } | Step::Publish { .. } => true,
        Step::Restore { .. }
        | Step::Tag { .. }
        | Step::Untag { .. }
        | Step::Announce { .. }
        | Step::PrepareSidecar { .. }
        | Step::DropDataset { .. }
        | Step::PromoteSchema { .. }
        | Step::DiscardSchema { .. }
        | Step::GraphHistory { .. }
        | Step::UnlockSchema { .. }
        | Step::Record { .. }
        | Step::Retire { .. } => false,
    }
}
