//! What the commits of a run may be.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::journal::JournalEntry;
use sidecar::{Plan, Step};

use super::super::evidence::Evidence;
use super::super::snapshot::Effect;
use super::super::wants::tag_file;
use super::super::world::{WRITTEN, World};
use super::{finished, last_plan, unless};
use crate::support::rows;

pub(super) fn effects(world: &World, evidence: &Evidence) -> Vec<Effect> {
    evidence.after.effects(world.operation.as_str())
}

fn planned<'a>(plan: &'a Plan, table: &str) -> Option<&'a sidecar::PlannedTable> {
    plan.tables
        .iter()
        .find(|planned| planned.table_key == table)
}

/// The files of the tags that a claimed plan drops.
fn dropped(evidence: &Evidence) -> BTreeSet<String> {
    let plans = evidence.plans();
    let steps = plans.values().flat_map(|plan| &plan.steps);
    steps
        .filter_map(|step| match step {
            Step::Untag {
                table_key, name, ..
            } => Some(tag_file(table_key, name)),
            _ => None,
        })
        .collect()
}

/// Every file of a table or the catalog stays as it was once it is there, so every version can be checked out; and those that can
/// be, read the same. Only the tags that a plan drops go.
pub(super) fn i1_no_loss(world: &World, evidence: &Evidence) -> Vec<String> {
    let dropped = dropped(evidence);
    let is_kept = |path: &str| {
        let is_data = path.starts_with("tables/") || path.starts_with("__manifest/");
        is_data && !path.ends_with("latest_version_hint.json") && !dropped.contains(path)
    };
    let mut wrong = Vec::new();
    let earlier = std::iter::once(&world.before).chain(evidence.snapshots());
    for (earlier, later) in earlier.zip(evidence.snapshots()) {
        for (path, bytes) in &earlier.files {
            let holds = !is_kept(path) || later.files.get(path) == Some(bytes);
            wrong.extend(unless(holds, || format!("{path} is gone or changed")));
        }
    }
    for (version, rows) in &world.before.rows {
        let holds = evidence.after.rows.get(version) == Some(rows);
        wrong.extend(unless(holds, || {
            format!("{version:?} does not read the same")
        }));
    }
    let unread = evidence
        .after
        .rows
        .iter()
        .filter(|(_, rows)| rows.is_none());
    wrong.extend(unread.map(|(version, _)| format!("{version:?} cannot be read")));
    wrong
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
                // Whether anybody claimed a plan of that digest is asked elsewhere.
                let is_asked_for = plans.get(&effect.digest).is_none_or(|plan| {
                    let target = planned(plan, table).and_then(|planned| planned.restore_to);
                    target.is_some() && summary.restored_version == target
                });
                effect.kind == "restore" && summary.restored_version.is_some() && is_asked_for
            });
            wrong.extend(unless(is_told || is_planned, || {
                format!("version {version} of {table} is a {}", summary.operation)
            }));
        }
    }
    wrong
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
            None => intended_on(evidence, &effect.kind, plan).contains(&Some(effect.version - 1)),
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

/// A write that its writer was told is done stays visible; and what it committed unseen is never buried by a plan that did not know it.
pub(super) fn i13_foreign_safety(world: &World, evidence: &Evidence) -> Vec<String> {
    let plans = evidence.plans();
    let mut wrong = Vec::new();
    for told in &evidence.acknowledged {
        let visible = evidence.after.visible_rows(&told.table).unwrap_or_default();
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

/// However many executors there were, each effect of a plan is there once; a finished plan's tags are there and name what they
/// are to name, and those it drops are not.
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
    let tags = evidence.after.tags();
    let finishing = last_plan(evidence).filter(|_| !finished(evidence).is_empty());
    for step in finishing.iter().flat_map(|plan| &plan.steps) {
        match step {
            Step::Tag {
                table_key,
                name,
                version,
                ..
            } => {
                let found = tags.get(&tag_file(table_key, name));
                wrong.extend(unless(found == Some(&Some(*version)), || {
                    format!("the tag {name} of {table_key} names {found:?}, not {version}")
                }));
            }
            Step::Untag {
                table_key, name, ..
            } => {
                let is_gone = !tags.contains_key(&tag_file(table_key, name));
                wrong.extend(unless(is_gone, || {
                    format!("the tag {name} of {table_key} is still there")
                }));
            }
            _ => {}
        }
    }
    wrong
}
