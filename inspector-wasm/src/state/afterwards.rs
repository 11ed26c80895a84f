//! The tables of a plan as its execution left them, in place of where they stood when it was planned.

use std::rc::Rc;

use sidecar::api::{PlanReport, TableReport};
use sidecar::text::version_text;
use sidecar::{Action, ApplyReport, ClassificationLabel, Effect, TableOutcome};

/// The report with its tables as they were left; `None` if the plan was not carried out, or it is not known of each table where
/// it was left.
#[must_use]
pub fn as_left(plan: &PlanReport, report: &ApplyReport) -> Option<Rc<PlanReport>> {
    if !report.outcome.is_success() {
        return None;
    }
    let tables: Option<Vec<TableReport>> = plan
        .tables
        .iter()
        .map(|table| {
            let planned = &table.table;
            let of_it = |outcome: &&TableOutcome| {
                outcome.table_key == planned.table_key && outcome.branch == planned.branch
            };
            left(table, report.tables.iter().find(of_it)?)
        })
        .collect();
    let tables = tables.filter(|tables| !tables.is_empty())?;
    Some(Rc::new(PlanReport {
        tables,
        ..plan.clone()
    }))
}

fn left(before: &TableReport, outcome: &TableOutcome) -> Option<TableReport> {
    let planned = &before.table;
    if outcome.effect == Effect::Unknown || planned.catalog_change.is_some() {
        return None;
    }
    let (pin, head) = (outcome.published_version?, planned.lance_head?);
    let has_restored = match planned.action {
        Action::Restore | Action::RestoreAndPublish => outcome.effect == Effect::Changed,
        Action::None | Action::Publish => false,
        Action::Register | Action::Tombstone | Action::Drop => return None,
    };
    let head = head.saturating_add(u64::from(has_restored)).max(pin);
    let mut table = planned.clone();
    (table.manifest_pinned, table.lance_head) = (Some(pin), Some(head));
    (table.restore_to, table.publish_as, table.action) = (None, None, Action::None);
    if head == pin {
        table.classification = Some(ClassificationLabel::NoMovement);
        table.rule = format!("HEAD {head} = pin {pin}");
    } else {
        table.rule = format!("HEAD {head}, pin {pin}");
    }
    let effect = match planned.manifest_pinned == Some(pin) {
        true => format!("Readers see version {pin}, as before."),
        false => format!(
            "Readers see version {pin}. Before, they saw version {}.",
            version_text(planned.manifest_pinned)
        ),
    };
    Some(TableReport {
        table,
        effect,
        transactions: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use sidecar::{EffectOn, OutcomeKind, SidecarFate};

    use super::*;
    use crate::state::recovery::sample;

    fn carried_out(plan: &PlanReport, effect: Effect) -> ApplyReport {
        let outcome = |table: &TableReport| TableOutcome {
            table_key: table.table.table_key.clone(),
            branch: table.table.branch.clone(),
            from_version: table.table.lance_head,
            to_version: table.table.restore_to,
            published_version: match (effect, table.table.restore_to) {
                (Effect::Changed, Some(_)) => table.table.lance_head.map(|head| head + 1),
                _ => table.table.manifest_pinned,
            },
            effect,
        };
        ApplyReport {
            operation_id: plan.operation_id.parse().unwrap(),
            digest: plan.digest.unwrap(),
            outcome: OutcomeKind::RolledBack,
            extent: None,
            tables: plan.tables.iter().map(outcome).collect(),
            catalog: EffectOn { effect },
            audit: EffectOn { effect },
            sidecar: SidecarFate::Retired,
            undone_by: Vec::new(),
            differences: Vec::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn a_table_that_was_rolled_back_stands_at_its_restored_version_and_nothing_is_left_to_do() {
        let plan = sample::report();
        let moved = |table: &&TableReport| table.table.restore_to.is_some();
        let before = plan.tables.iter().find(moved).expect("a restored table");
        let left = as_left(&plan, &carried_out(&plan, Effect::Changed)).unwrap();
        let of_it = |table: &&TableReport| table.table.table_key == before.table.table_key;
        let after = left.tables.iter().find(of_it).unwrap();
        let new = before.table.lance_head.unwrap() + 1;
        assert_eq!(
            (after.table.manifest_pinned, after.table.lance_head),
            (Some(new), Some(new))
        );
        assert_eq!(after.table.rule, format!("HEAD {new} = pin {new}"));
        assert_eq!(after.table.action, Action::None);
        assert!(
            after
                .effect
                .starts_with(&format!("Readers see version {new}."))
        );
    }

    #[test]
    fn what_is_not_known_is_not_drawn() {
        let plan = sample::report();
        assert!(as_left(&plan, &carried_out(&plan, Effect::Unknown)).is_none());
        let conflict = ApplyReport {
            outcome: OutcomeKind::Conflict,
            ..carried_out(&plan, Effect::Unchanged)
        };
        assert!(as_left(&plan, &conflict).is_none());
    }
}
