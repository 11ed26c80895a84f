//! In which order things came to be, and what stands for a write until it is resolved.

use std::collections::BTreeMap;

use root_objects::store::{Request, Verb};
use sidecar::journal::{JournalEntry, JournalRecord};
use sidecar::{OutcomeKind, Step};

use super::super::evidence::Evidence;
use super::super::snapshot::{Effect, Snapshot};
use super::super::world::World;
use super::{dataset_of, finished, has_terminal_record, record_path, unless, version_of};

/// After a conflict or a refusal the sidecar is there, nothing is called finished, and no table is touched any more.
pub(super) fn i7_fail_closed(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    for run in &evidence.runs {
        let Ok(report) = &run.report else { continue };
        if !matches!(report.outcome, OutcomeKind::Conflict | OutcomeKind::Refused)
            || has_terminal_record(world, evidence, &run.left)
        {
            continue;
        }
        if let Some(file) = &world.retires {
            wrong.extend(unless(run.left.files.contains_key(file), || {
                format!("the sidecar is gone after: {}", report.detail)
            }));
        }
        let interrupted = evidence
            .records
            .iter()
            .filter(|record| matches!(record.entry, JournalEntry::Interrupted { .. }))
            .map(|record| record_path(world, record.sequence));
        for path in interrupted {
            let mut after = run.done.iter().skip_while(|request| request.path != path);
            wrong.extend(
                after
                    .find(|request| is_effect(request))
                    .map(|request| format!("{request} after the conflict was recorded")),
            );
        }
        if report.outcome == OutcomeKind::Refused {
            let effect = run.done.iter().find(|request| is_effect(request));
            wrong.extend(effect.map(|request| format!("{request}, though refused")));
        }
    }
    wrong
}

fn is_effect(request: &Request) -> bool {
    request.path.starts_with("tables/") || request.path.starts_with("__manifest/")
}

/// What a request comes to, in the order in which a plan is carried out.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    Claim,
    Tags,
    Announce,
    Fence,
    Restore,
    Publish,
    Record,
    Retire,
    Closed,
}

impl Stage {
    fn of(
        world: &World,
        request: &Request,
        record: Option<&JournalEntry>,
        effect: Option<&Effect>,
    ) -> Option<Self> {
        Some(match (record, effect) {
            (Some(JournalEntry::Claimed { .. }), _) => Self::Claim,
            (Some(JournalEntry::Finished { .. }), _) => Self::Record,
            (_, Some(effect)) => match effect.kind.as_str() {
                "fence_catalog" => Self::Fence,
                "restore" => Self::Restore,
                _ => Self::Publish,
            },
            _ if request.path.contains("/_refs/tags/") => Self::Tags,
            _ if world.announces.as_ref() == Some(&request.path) => Self::Announce,
            _ if world.retires.as_ref() == Some(&request.path) && request.verb == Verb::Delete => {
                Self::Retire
            }
            _ if request.path.ends_with("/closed.json") => Self::Closed,
            _ => return None,
        })
    }
}

/// Claim, tags, announcement, fence, restores, publish, terminal record, the sidecar, the note that it is closed: each plan's in
/// this order.
pub(super) fn i8_order(world: &World, evidence: &Evidence) -> Vec<String> {
    let effects = evidence.after.effects(world.operation.as_str());
    let plans = evidence.plans();
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, Vec<Stage>> = BTreeMap::new();
    let mut claimed: Option<String> = None;
    let mut is_announced = false;
    for request in evidence.runs.iter().flat_map(|run| &run.done) {
        let record = evidence
            .records
            .iter()
            .find(|record| record_path(world, record.sequence) == request.path)
            .map(|record| &record.entry);
        let effect = effects.iter().find(|effect| {
            let versions = format!("{}/_versions/", dataset_of(effect.table.as_deref()));
            request.path.starts_with(&versions) && version_of(&request.path) == Some(effect.version)
        });
        let Some(stage) = Stage::of(world, request, record, effect) else {
            continue;
        };
        if let Some(JournalEntry::Claimed { plan_digest, .. }) = record {
            // A later claim takes over where the earlier stopped.
            claimed = Some(plan_digest.to_string());
            seen.entry(plan_digest.to_string())
                .or_default()
                .push(Stage::Claim);
            continue;
        }
        let digest = effect
            .map(|effect| effect.digest.clone())
            .or_else(|| claimed.clone());
        let Some((digest, seen)) = digest.and_then(|digest| {
            let seen = seen.get_mut(&digest)?;
            Some((digest, seen))
        }) else {
            wrong.push(format!("{request} before any claim of its plan"));
            continue;
        };
        let reached = seen.iter().max();
        wrong.extend(unless(
            reached.is_none_or(|reached| stage >= *reached),
            || format!("{request} after {reached:?}"),
        ));
        is_announced |= stage == Stage::Announce;
        if stage == Stage::Restore {
            wrong.extend(unless(seen.contains(&Stage::Fence), || {
                format!("{request} without a fence")
            }));
            let announces = plans.get(&digest).is_some_and(|plan| {
                let mut steps = plan.steps.iter();
                steps.any(|step| matches!(step, Step::Announce { .. }))
            });
            wrong.extend(unless(!announces || is_announced, || {
                format!("{request} before it is announced")
            }));
        }
        if stage >= Stage::Retire {
            wrong.extend(unless(seen.contains(&Stage::Record), || {
                format!("{request} before the terminal record")
            }));
        }
        seen.push(stage);
    }
    wrong
}

/// At every moment: where the sidecar is gone there is one terminal record, and it keeps the sidecar's bytes; and where a table's
/// HEAD is above its pin, a sidecar or an open journal names it.
pub(super) fn i9_no_orphan(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    for snapshot in evidence.snapshots() {
        let is_told = has_terminal_record(world, evidence, snapshot);
        let is_gone = world
            .retires
            .as_ref()
            .is_some_and(|file| !snapshot.files.contains_key(file));
        wrong.extend(unless(!is_gone || is_told, || {
            "the sidecar is gone and no terminal record is there".to_owned()
        }));
        for table in uncovered(snapshot) {
            let is_foreign = evidence
                .acknowledged
                .iter()
                .any(|told| told.table == table && !told.published);
            wrong.extend(unless(is_foreign, || {
                format!("{table} is above its pin, and nothing pending names it")
            }));
        }
    }
    for entry in finished(evidence) {
        if let JournalEntry::Finished { sidecar, .. } = entry {
            wrong.extend(unless(sidecar.as_bytes() == world.subject.stands, || {
                "the terminal record does not keep the sidecar".to_owned()
            }));
        }
    }
    wrong
}

/// Tables whose HEAD is above their pin, and that nothing pending names.
fn uncovered(snapshot: &Snapshot) -> Vec<String> {
    let pending = pending(snapshot);
    let is_named = |table: &str| pending.iter().any(|bytes| names(bytes, table));
    let pins = snapshot.pins.iter();
    pins.filter(|(table, pin)| snapshot.head(table) > **pin && !is_named(table))
        .map(|(table, _)| table.clone())
        .collect()
}

/// The bytes of every sidecar that is there, and of those that stand in an open journal.
fn pending(snapshot: &Snapshot) -> Vec<Vec<u8>> {
    let files = snapshot.sidecars().into_values().map(<[u8]>::to_vec);
    let journals = snapshot.journals().into_values();
    let open = journals.filter_map(|records: Vec<JournalRecord>| {
        let mut entries = records.into_iter().map(|record| record.entry).rev();
        entries.find_map(|entry| match entry {
            JournalEntry::Finished { .. } => Some(None),
            JournalEntry::Claimed { sidecar, .. } => Some(Some(sidecar.as_bytes().to_vec())),
            _ => None,
        })?
    });
    files.chain(open).collect()
}

/// Whether a sidecar pins a table.
fn names(sidecar: &[u8], table: &str) -> bool {
    let sidecar: serde_json::Value = serde_json::from_slice(sidecar).unwrap_or_default();
    let pins = sidecar["tables"].as_array();
    pins.is_some_and(|pins| pins.iter().any(|pin| pin["table_key"] == table))
}
