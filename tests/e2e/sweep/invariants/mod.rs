//! What must hold after every run, whatever happened in it: one named function each. An empty answer means that it holds.

mod effects;
mod looking;
mod order;
mod records;
mod visible;

use sidecar::Plan;
use sidecar::journal::JournalEntry;

use super::evidence::Evidence;
use super::snapshot::Snapshot;
use super::world::World;

/// Says everything that is wrong.
pub type Checker = fn(&World, &Evidence) -> Vec<String>;

/// Every invariant with its checker.
pub const ALL: [(&str, Checker); 22] = [
    ("I1 no loss", effects::i1_no_loss),
    ("I2 append only", effects::i2_append_only),
    ("I3 all or nothing", visible::i3_all_or_nothing),
    ("I4 terminal truth", visible::i4_terminal_truth),
    ("I5 authorisation", records::i5_authorisation),
    ("I6 fenced", effects::i6_fenced),
    ("I7 fail closed", order::i7_fail_closed),
    ("I8 order", order::i8_order),
    ("I9 no orphan", order::i9_no_orphan),
    ("I10 audit", records::i10_audit),
    ("I11 idempotence", records::i11_idempotence),
    ("I12 convergence", visible::i12_convergence),
    ("I13 foreign safety", effects::i13_foreign_safety),
    ("I14 confinement", looking::i14_confinement),
    ("I15 bounded", looking::i15_bounded),
    ("I16 honest outcome", records::i16_honest_outcome),
    (
        "I17 looking is read-only",
        looking::i17_looking_is_read_only,
    ),
    ("I18 determinism", looking::i18_determinism),
    ("I19 isolation", looking::i19_isolation),
    ("I20 single effect", effects::i20_single_effect),
    (
        "I21 consistent observation",
        looking::i21_consistent_observation,
    ),
    ("I22 target exists", looking::i22_target_exists),
];

/// Every violation, with the invariant's number.
pub fn violations(world: &World, evidence: &Evidence) -> Vec<(usize, String)> {
    let mut violations = Vec::new();
    for (index, (name, check)) in ALL.iter().enumerate() {
        for what in check(world, evidence) {
            violations.push((index + 1, format!("{name}: {what}")));
        }
    }
    violations
}

/// The terminal records.
fn finished(evidence: &Evidence) -> Vec<&JournalEntry> {
    let entries = evidence.records.iter().map(|record| &record.entry);
    entries
        .filter(|entry| matches!(entry, JournalEntry::Finished { .. }))
        .collect()
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

fn record_path(world: &World, sequence: u64) -> String {
    format!("__recovery_log/{}/{sequence:06}.json", world.operation)
}

fn has_terminal_record(world: &World, evidence: &Evidence, snapshot: &Snapshot) -> bool {
    let terminal = evidence
        .records
        .iter()
        .filter(|record| matches!(record.entry, JournalEntry::Finished { .. }));
    terminal
        .map(|record| record_path(world, record.sequence))
        .any(|path| snapshot.files.contains_key(&path))
}

/// Says `what` unless it holds.
fn unless(holds: bool, what: impl FnOnce() -> String) -> Option<String> {
    (!holds).then(what)
}

/// The version a file below `_versions/` holds, by the naming scheme that counts down.
fn version_of(path: &str) -> Option<u64> {
    let name = path
        .rsplit_once("/_versions/")?
        .1
        .strip_suffix(".manifest")?;
    Some(u64::MAX - name.parse::<u64>().ok()?)
}

/// The file that holds a version.
pub fn version_path(dataset: &str, version: u64) -> String {
    format!("{dataset}/_versions/{:020}.manifest", u64::MAX - version)
}

fn dataset(table_key: &str) -> String {
    crate::support::place(table_key).path
}

/// The dataset of a table, or the catalog's.
fn dataset_of(table: Option<&str>) -> String {
    table.map_or_else(|| "__manifest".to_owned(), dataset)
}
