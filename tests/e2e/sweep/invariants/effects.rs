//! What the commits of a run may be.

use std::collections::BTreeMap;

use sidecar::journal::JournalEntry;
use sidecar::{Plan, Step};

use super::super::evidence::{Evidence, is_finished};
use super::super::faults::Fault;
use super::super::snapshot::{Effect, Snapshot};
use super::super::world::{Ending, WRITTEN, World};
use super::{dataset, finished, unless};
use crate::support::rows;

fn effects(world: &World, evidence: &Evidence) -> Vec<Effect> {
    evidence.after.effects(world.operation.as_str())
}

/// The plan that was claimed last: the one that finished, if any did.
fn last_plan(evidence: &Evidence) -> Option<Plan> {
    let mut entries = evidence.records.iter().rev().map(|record| &record.entry);
    entries.find_map(|entry| match entry {
        JournalEntry::Claimed { plan_digest, .. } => {
            evidence.plans().remove(&plan_digest.to_string())
        }
        _ => None,
    })
}

fn planned<'a>(plan: &'a Plan, table: &str) -> Option<&'a sidecar::PlannedTable> {
    plan.tables
        .iter()
        .find(|planned| planned.table_key == table)
}

/// Every file of a table or the catalog is as it was, so every version can be checked out; and those that can be, read the same.
pub(super) fn i1_no_loss(world: &World, evidence: &Evidence) -> Vec<String> {
    let kept = |(path, bytes): (&String, &Vec<u8>)| {
        let is_data = path.starts_with("tables/") || path.starts_with("__manifest/");
        let is_hint = path.ends_with("latest_version_hint.json");
        unless(
            !is_data || is_hint || evidence.after.files.get(path) == Some(bytes),
            || format!("{path} is gone or changed"),
        )
    };
    let reads_same = |(version, rows): (&(String, u64), &Vec<_>)| {
        unless(evidence.after.rows.get(version) == Some(rows), || {
            format!("{version:?} does not read the same")
        })
    };
    let files = world.before.files.iter().filter_map(kept);
    files
        .chain(world.before.rows.iter().filter_map(reads_same))
        .collect()
}

/// HEADs rise; what was added to a table is one restore of the planned version, or somebody else's acknowledged commit.
pub(super) fn i2_append_only(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut heads = world.before.heads();
    for snapshot in evidence.snapshots() {
        for (table, head) in snapshot.heads() {
            wrong.extend(unless(head >= heads[&table], || {
                format!("HEAD of {table} fell to {head}")
            }));
            heads.insert(table, head);
        }
    }
    let plans = evidence.plans();
    let ours = effects(world, evidence);
    for (table, versions) in &evidence.after.tables {
        for (version, summary) in versions.range(world.before.head(table) + 1..) {
            let is_told = evidence
                .acknowledged
                .iter()
                .any(|told| (&told.table, told.version) == (table, *version));
            let effect = ours
                .iter()
                .find(|effect| (effect.table.as_ref(), effect.version) == (Some(table), *version));
            let is_planned = effect.is_some_and(|effect| {
                let target = plans
                    .get(&effect.digest)
                    .and_then(|plan| planned(plan, table)?.restore_to);
                effect.kind == "restore"
                    && summary.restored_version.is_some()
                    && (target.is_none() || summary.restored_version == target)
            });
            wrong.extend(unless(is_told || is_planned, || {
                format!("version {version} of {table} is a {}", summary.operation)
            }));
        }
    }
    wrong
}

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
    let _ = world;
    wrong
}

/// The terminal record says what is so.
pub(super) fn i4_terminal_truth(world: &World, evidence: &Evidence) -> Vec<String> {
    let Some(JournalEntry::Finished { outcome, .. }) = finished(evidence).first().copied() else {
        return Vec::new();
    };
    let Some(plan) = &last_plan(evidence) else {
        return Vec::new();
    };
    let after = &evidence.after;
    let mut wrong = Vec::new();
    for table in &plan.tables {
        let key = &table.table_key;
        let pin = after.pins[key];
        let is_alone = !evidence.acknowledged.iter().any(|told| told.table == *key);
        match outcome {
            sidecar::OutcomeKind::RolledForward => {
                let holds =
                    Some(pin) == table.publish_as || !is_alone && Some(pin) > table.publish_as;
                wrong.extend(unless(holds, || {
                    format!("{key} is visible at {pin}, not {:?}", table.publish_as)
                }));
            }
            sidecar::OutcomeKind::RolledBack => {
                let was = world.before.rows_at(key, world.before.pins[key]);
                let now = after.rows_at(key, pin);
                let holds = !is_alone || (now == was && pin == after.head(key));
                wrong.extend(unless(holds, || {
                    format!("{key} is not back: pin {pin}, HEAD {}", after.head(key))
                }));
            }
            _ => {
                let is_ours = |effect: &Effect| effect.digest == evidence_digest(evidence, plan);
                let touched = effects(world, evidence).into_iter().find(is_ours);
                wrong.extend(touched.map(|effect| format!("a clean-up made {effect:?}")));
            }
        }
    }
    wrong
}

fn evidence_digest(evidence: &Evidence, plan: &Plan) -> String {
    let found = evidence
        .plans()
        .into_iter()
        .find(|(_, other)| other == plan);
    found.map(|(digest, _)| digest).unwrap_or_default()
}

/// A restore stands right on the HEAD that was approved; a commit of the catalog right on the version it was intended on.
pub(super) fn i6_fenced(world: &World, evidence: &Evidence) -> Vec<String> {
    let plans = evidence.plans();
    let mut wrong = Vec::new();
    for effect in effects(world, evidence) {
        let Some(plan) = plans.get(&effect.digest) else {
            continue;
        };
        let holds = match &effect.table {
            Some(table) => planned(plan, table).is_some_and(|planned| {
                let below = effect.version - 1;
                let versions = &evidence.after.tables[table];
                let transaction = versions.get(&below).map(|summary| &summary.uuid);
                planned.lance_head == Some(below)
                    && planned.head_transaction.as_ref() == transaction
            }),
            None => {
                let intended = intended_on(evidence, &effect.kind, plan);
                intended.is_empty() || intended.contains(&Some(effect.version - 1))
            }
        };
        wrong.extend(unless(holds, || {
            format!("{effect:?} is not where it was approved")
        }));
    }
    wrong
}

/// The catalog versions that a step of this kind was intended on.
fn intended_on(evidence: &Evidence, kind: &str, plan: &Plan) -> Vec<Option<u64>> {
    let entries = evidence.records.iter().map(|record| &record.entry);
    let intended = entries.filter_map(|entry| match entry {
        JournalEntry::StepsStarted {
            steps,
            catalog_version,
            ..
        } => steps
            .iter()
            .any(|step| {
                plan.steps
                    .get(*step)
                    .is_some_and(|step| step.kind() == kind)
            })
            .then_some(*catalog_version),
        _ => None,
    });
    intended.collect()
}

/// One more execution finishes it, and leaves what an undisturbed recovery leaves.
pub(super) fn i12_convergence(world: &World, evidence: &Evidence) -> Vec<String> {
    let last = evidence.last();
    let Some(clean) = world.clean() else {
        return Vec::new();
    };
    let is_disturbed = !evidence.acknowledged.is_empty();
    let is_raw = evidence.acknowledged.iter().any(|told| !told.published);
    let mut wrong = Vec::new();
    if is_raw {
        return wrong;
    }
    wrong.extend(unless(is_finished(&last.report), || {
        format!("it does not finish: {:?}", last.report)
    }));
    // A create that is told its object exists finds out that the object is its own, and goes on.
    for (fault, run) in evidence.faults.iter().zip(&evidence.runs) {
        let goes_on = *fault != Fault::ConflictAfterSuccess || !evidence.is_strict;
        wrong.extend(unless(goes_on || is_finished(&run.report), || {
            format!("it takes its own object for another's: {:?}", run.report)
        }));
    }
    let visible = |snapshot: &Snapshot| -> BTreeMap<String, Vec<_>> {
        let tables = world.tables.iter();
        let untouched = tables.filter(|table| {
            !evidence
                .acknowledged
                .iter()
                .any(|told| told.table == **table)
        });
        untouched
            .map(|table| {
                (
                    table.clone(),
                    snapshot.rows_at(table, snapshot.pins[table]).to_vec(),
                )
            })
            .collect()
    };
    wrong.extend(unless(
        visible(&evidence.after) == visible(&clean.after),
        || format!("readers see something else: {:?}", evidence.after.pins),
    ));
    if evidence.is_strict || !is_disturbed {
        wrong.extend(unless(
            evidence.after.heads() == clean.after.heads(),
            || format!("versions were made: {:?}", evidence.after.heads()),
        ));
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

/// What a writer was told is done stays visible; and what it committed unseen is never buried by a plan that did not know it.
pub(super) fn i13_foreign_safety(world: &World, evidence: &Evidence) -> Vec<String> {
    let plans = evidence.plans();
    let mut wrong = Vec::new();
    for told in &evidence.acknowledged {
        let visible = evidence
            .after
            .rows_at(&told.table, evidence.after.pins[&told.table]);
        let is_visible = rows(WRITTEN).iter().all(|row| visible.contains(row));
        wrong.extend(unless(!told.published || is_visible, || {
            format!("{told:?} is lost")
        }));
        for effect in effects(world, evidence) {
            let is_above =
                effect.table.as_ref() == Some(&told.table) && effect.version > told.version;
            let head = plans
                .get(&effect.digest)
                .and_then(|plan| planned(plan, &told.table)?.lance_head);
            wrong.extend(unless(!is_above || head >= Some(told.version), || {
                format!("{told:?} is buried by {effect:?}")
            }));
        }
    }
    wrong
}

/// However many executors there were, each effect of a plan is there once.
pub(super) fn i20_single_effect(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut counts: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
    for effect in effects(world, evidence) {
        *counts
            .entry((effect.kind, effect.digest, effect.table))
            .or_default() += 1;
    }
    let twice = counts.into_iter().filter(|(_, count)| *count > 1);
    let mut wrong: Vec<String> = twice
        .map(|(effect, count)| format!("{effect:?} is there {count} times"))
        .collect();
    // A finished plan's tags are there, and name what they are to name.
    let is_rolled = matches!(world.ending, Ending::Back | Ending::Forward);
    let finishing = last_plan(evidence).filter(|_| is_rolled && !finished(evidence).is_empty());
    for step in finishing.iter().flat_map(|plan| &plan.steps) {
        if let Step::Tag {
            table_key, name, ..
        } = step
        {
            let path = format!("{}/_refs/tags/{name}.json", dataset(table_key));
            wrong.extend(unless(evidence.after.files.contains_key(&path), || {
                format!("the tag {path} is not there")
            }));
        }
    }
    wrong
}
