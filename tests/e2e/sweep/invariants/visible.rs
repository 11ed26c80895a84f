//! What readers see, on the way and in the end.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::journal::JournalEntry;
use sidecar::{Code, Disposition, OutcomeKind, Plan, Step, TableOutcome};

use super::super::evidence::{Evidence, is_finished};
use super::super::faults::Fault;
use super::super::snapshot::Snapshot;
use super::super::wants::tag_file;
use super::super::world::World;
use super::effects::effects;
use super::{finished, last_plan, unless};

/// At every moment somebody could have looked, readers see all of the write's tables before it or all after.
pub(super) fn i3_all_or_nothing(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    for plan in evidence.plans().values() {
        for snapshot in evidence.snapshots() {
            let moving = plan
                .tables
                .iter()
                .filter(|table| table.publish_as.is_some());
            let moved: Vec<bool> = moving
                .map(|table| snapshot.pins.get(&table.table_key).copied() >= table.publish_as)
                .collect();
            let is_whole = moved.iter().all(|moved| *moved) || !moved.iter().any(|moved| *moved);
            wrong.extend(unless(is_whole, || {
                format!("half of a write is visible: {:?}", snapshot.pins)
            }));
        }
    }
    // Where nobody else is at work there are two states to be seen, and no third, however many tables move; unless an undo is
    // taken back, which is one more.
    let pins = |snapshot: &Snapshot| -> Vec<Option<u64>> {
        let tables = world.tables.iter();
        tables
            .map(|table| snapshot.pins.get(table).copied())
            .collect()
    };
    if let (Some(clean), true) = (world.clean(), evidence.acknowledged.is_empty()) {
        let mut states = vec![pins(&world.before), pins(&clean.after)];
        if evidence.was_undo_taken_back(world) {
            states.extend(last_plan(evidence).map(|plan| pins_after(world, &plan)));
        }
        for snapshot in evidence.snapshots() {
            let found = pins(snapshot);
            wrong.extend(unless(states.contains(&found), || {
                format!("{found:?} is visible, which is neither of {states:?}")
            }));
        }
    }
    wrong
}

/// The pins of the operation's tables when every step of a plan is done.
fn pins_after(world: &World, plan: &Plan) -> Vec<Option<u64>> {
    let tables = world.tables.iter();
    tables
        .map(|table| {
            let mut planned = plan.tables.iter();
            planned
                .find(|planned| planned.table_key == *table)
                .map_or(world.before.pins.get(table).copied(), |table| {
                    table.pin_after()
                })
        })
        .collect()
}

/// The terminal record says what is so.
pub(super) fn i4_terminal_truth(world: &World, evidence: &Evidence) -> Vec<String> {
    let Some(JournalEntry::Finished {
        outcome,
        tables,
        catalog,
        ..
    }) = finished(evidence).first().copied()
    else {
        return Vec::new();
    };
    let Some(plan) = &last_plan(evidence) else {
        return Vec::new();
    };
    let after = &evidence.after;
    let mut wrong = Vec::new();
    // Where only tags go, no table was looked at.
    let seen = plan
        .tables
        .iter()
        .filter(|table| table.lance_head.is_some());
    for table in seen {
        let key = &table.table_key;
        let (pin, head) = (after.pins.get(key).copied(), Some(after.head(key)));
        let holds = if !evidence.is_alone(key) {
            *outcome != OutcomeKind::RolledForward || pin >= table.pin_after()
        } else {
            pin == table.pin_after() && head == table.head_after()
        };
        wrong.extend(unless(holds, || {
            format!(
                "{key} stands at pin {pin:?} and HEAD {head:?}, not at {:?} and {:?}",
                table.pin_after(),
                table.head_after()
            )
        }));
        let is_back = plan.purpose.is_recovery() && plan.disposition == Disposition::RollBack;
        let was = world.before.visible_rows(key);
        let holds = !is_back || !evidence.is_alone(key) || after.visible_rows(key) == was;
        wrong.extend(unless(holds, || format!("{key} does not read as before")));
    }
    let ours: Vec<_> = effects(world, evidence)
        .into_iter()
        .filter(|effect| effect.digest == digest_of(evidence, plan))
        .collect();
    if *outcome == OutcomeKind::CleanedUp {
        let touched = ours.iter();
        wrong.extend(touched.map(|effect| format!("a clean-up made {effect:?}")));
    }
    let has_committed = ours.iter().any(|effect| effect.table.is_none());
    wrong.extend(says(*catalog, has_committed, "the catalog"));
    wrong.extend(table_outcomes(evidence, plan, tables));
    if evidence.acknowledged.is_empty() && !evidence.was_undo_taken_back(world) {
        wrong.extend(wanted(world, evidence));
    }
    wrong
}

fn says(effect: sidecar::Effect, is_changed: bool, what: &str) -> Option<String> {
    let said = match effect {
        sidecar::Effect::Changed => true,
        sidecar::Effect::Unchanged => false,
        sidecar::Effect::Unknown => return Some(format!("{what} is on record as unknown")),
    };
    unless(said == is_changed, || {
        format!("{what} is on record as {effect:?}, and is not")
    })
}

/// What the record says of every table of the plan.
fn table_outcomes(evidence: &Evidence, plan: &Plan, tables: &[TableOutcome]) -> Vec<String> {
    let after = &evidence.after;
    let told: Vec<&String> = tables.iter().map(|table| &table.table_key).collect();
    let planned: Vec<&String> = plan.tables.iter().map(|table| &table.table_key).collect();
    let mut wrong = Vec::new();
    wrong.extend(unless(told == planned, || {
        format!("{told:?} are on record, {planned:?} are in the plan")
    }));
    let alone = tables
        .iter()
        .zip(&plan.tables)
        .filter(|(table, _)| evidence.is_alone(&table.table_key));
    for (table, planned) in alone {
        let key = &table.table_key;
        let (pin, head) = (after.pins.get(key).copied(), after.head(key));
        let is_seen = planned.lance_head.is_some();
        let is_changed =
            is_seen && (pin, Some(head)) != (planned.manifest_pinned, planned.lance_head);
        wrong.extend(says(table.effect, is_changed, key));
        // The table holds the version that is on record as returned to, or gone forward to.
        let held = after.rows_at(key, head);
        let is_held = |to: u64| held.is_some() && after.rows_at(key, to) == held;
        let holds = if is_seen {
            table.published_version == pin
                && table.from_version.is_some_and(|from| from <= head)
                && table.to_version.is_some_and(is_held)
        } else {
            (
                table.published_version,
                table.from_version,
                table.to_version,
            ) == (None, None, None)
        };
        wrong.extend(unless(holds, || {
            format!("{table:?} is on record, and the pin is {pin:?} and HEAD {head}")
        }));
    }
    wrong
}

/// What the scenario is to come to.
fn wanted(world: &World, evidence: &Evidence) -> Vec<String> {
    let after = &evidence.after;
    let mut wrong = Vec::new();
    for (table, stand) in &world.wants.tables {
        let pin = after.pins.get(table).copied();
        let holds = pin == Some(stand.visible.0)
            && after.visible_rows(table) == Some(&stand.visible.1[..])
            && after.head(table) == stand.head.0
            && after.rows_at(table, stand.head.0) == Some(&stand.head.1[..]);
        wrong.extend(unless(holds, || {
            format!(
                "{table} is not as wanted: pin {pin:?}, HEAD {}",
                after.head(table)
            )
        }));
    }
    wrong.extend(other_tags(evidence, &world.wants.tags));
    let sidecars: BTreeSet<&str> = after.sidecars().into_keys().collect();
    wrong.extend(unless(sidecars == world.wants.sidecars(), || {
        format!("among the sidecars are {sidecars:?}")
    }));
    wrong
}

/// Says which tags there are, unless they are those that are wanted; a second plan may set some of its own besides.
fn other_tags(evidence: &Evidence, wanted: &BTreeMap<String, Option<u64>>) -> Option<String> {
    let plans = evidence.plans();
    let steps = plans.values().flat_map(|plan| &plan.steps);
    let planned: BTreeSet<String> = steps
        .filter_map(|step| match step {
            Step::Tag {
                table_key, name, ..
            } => Some(tag_file(table_key, name)),
            _ => None,
        })
        .filter(|_| plans.len() > 1)
        .collect();
    let mut tags = evidence.after.tags();
    tags.retain(|path, _| wanted.contains_key(path) || !planned.contains(path));
    unless(tags == *wanted, || format!("the tags are {tags:?}"))
}

fn digest_of(evidence: &Evidence, plan: &Plan) -> String {
    let found = evidence
        .plans()
        .into_iter()
        .find(|(_, other)| other == plan);
    found.map(|(digest, _)| digest).unwrap_or_default()
}

/// One more execution finishes it, and leaves what an undisturbed one leaves.
pub(super) fn i12_convergence(world: &World, evidence: &Evidence) -> Vec<String> {
    let last = evidence.last();
    let Some(clean) = world.clean() else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    wrong.extend(unless(
        is_finished(&last.report) || is_refused_for_good(world, evidence),
        || {
            format!(
                "it does not finish: {:?}, blocked by {:?}",
                last.report, evidence.blocked
            )
        },
    ));
    // Such a writer leaves other commits, depending on the moment it came at.
    if evidence.met_raw_writer() {
        return wrong;
    }
    let is_alone = evidence.acknowledged.is_empty();
    // A create that is told its object exists finds out that the object is its own, and goes on.
    for (fault, run) in evidence.faults.iter().zip(&evidence.runs) {
        let goes_on = *fault != Fault::ConflictAfterSuccess || !evidence.is_strict;
        wrong.extend(unless(goes_on || is_finished(&run.report), || {
            format!("it takes its own object for another's: {:?}", run.report)
        }));
    }
    let visible = |snapshot: &Snapshot| -> BTreeMap<String, Option<Vec<_>>> {
        let tables = world.tables.iter();
        let untouched = tables.filter(|table| evidence.is_alone(table));
        untouched
            .map(|table| {
                let rows = snapshot.visible_rows(table);
                (table.clone(), rows.map(<[_]>::to_vec))
            })
            .collect()
    };
    wrong.extend(unless(
        visible(&evidence.after) == visible(&clean.after),
        || format!("readers see something else: {:?}", evidence.after.pins),
    ));
    let names = |snapshot: &Snapshot| -> Vec<String> {
        snapshot.sidecars().into_keys().map(str::to_owned).collect()
    };
    let left = names(&evidence.after);
    // A refusal for good has laid nothing down, or the sidecar that was to cover what comes back.
    let is_as_before = is_refused_for_good(world, evidence) && left == names(&world.before);
    wrong.extend(unless(left == names(&clean.after) || is_as_before, || {
        format!("among the sidecars are {left:?}")
    }));
    if is_alone && !evidence.was_undo_taken_back(world) {
        wrong.extend(unless(
            evidence.after.heads() == clean.after.heads(),
            || format!("versions were made: {:?}", evidence.after.heads()),
        ));
        wrong.extend(other_tags(evidence, &clean.after.tags()));
    }
    if evidence.is_strict {
        let outcome = last.report.as_ref().ok().map(|report| report.outcome);
        wrong.extend(unless(outcome == Some(world.outcome()), || {
            format!("it ends as {outcome:?}")
        }));
        let made = evidence.after.catalog.len() - world.before.catalog.len();
        let needed = clean.after.catalog.len() - world.before.catalog.len();
        wrong.extend(unless(made == needed, || {
            format!("{made} commits of the catalog instead of {needed}")
        }));
    }
    wrong
}

/// A recovery is not taken back once somebody committed to its tables: nothing was done to any of them then.
fn is_refused_for_good(world: &World, evidence: &Evidence) -> bool {
    let is_moved = world.ending.is_undo()
        && evidence
            .acknowledged
            .iter()
            .any(|told| world.tables.contains(&told.table))
        && evidence.blocked.contains(&Code::MovedSince);
    let touched = effects(world, evidence)
        .into_iter()
        .any(|effect| effect.table.is_some() || effect.kind == "publish");
    is_moved && !touched
}
