//! What the journal, the reports and the sidecar say, and in which order they came to say it.

use restore_backend::store::{Request, Verb};
use sidecar::journal::JournalEntry;
use sidecar::{Digest, Effect, OutcomeKind, Tag};

use super::super::evidence::{Evidence, is_finished};
use super::super::snapshot::Snapshot;
use super::super::world::World;
use super::{dataset, finished, sidecar_path, unless, version_of};

/// Every effect and every claim names a plan that somebody had approved before the claim.
pub(super) fn i5_authorisation(world: &World, evidence: &Evidence) -> Vec<String> {
    let (mut approved, mut claimed) = (Vec::new(), Vec::new());
    let mut wrong = Vec::new();
    for record in &evidence.records {
        match &record.entry {
            JournalEntry::Approved { approval, .. } => approved.push(approval.plan_digest),
            JournalEntry::Claimed { plan_digest, .. } => {
                wrong.extend(unless(approved.contains(plan_digest), || {
                    format!("{plan_digest} is claimed and not approved")
                }));
                claimed.push(plan_digest.to_string());
            }
            _ => {}
        }
    }
    for effect in evidence.after.effects(world.operation.as_str()) {
        wrong.extend(unless(claimed.contains(&effect.digest), || {
            format!("{effect:?} is of no approved and claimed plan")
        }));
    }
    wrong
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
        wrong.extend(unless(
            run.left.files.contains_key(&sidecar_path(world)),
            || format!("the sidecar is gone after: {}", report.detail),
        ));
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

/// Approval, claim, tags, fence, restores, publish, terminal record, the sidecar, the note that it is closed.
pub(super) fn i8_order(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut stages: Vec<(usize, String)> = Vec::new();
    let effects = evidence.after.effects(world.operation.as_str());
    let digests: Vec<String> = evidence.plans().into_keys().collect();
    let requests = evidence.runs.iter().flat_map(|run| &run.done);
    let mut claims = 0;
    for request in requests {
        let record = evidence
            .records
            .iter()
            .find(|record| record_path(world, record.sequence) == request.path);
        let effect = effects.iter().find(|effect| {
            let place = effect
                .table
                .as_deref()
                .map_or_else(|| "__manifest".to_owned(), dataset);
            request.path.starts_with(&format!("{place}/_versions/"))
                && version_of(&request.path) == Some(effect.version)
        });
        let stage = match (record.map(|record| &record.entry), effect) {
            (Some(JournalEntry::Claimed { .. }), _) => {
                claims += 1;
                1
            }
            (Some(JournalEntry::Finished { .. }), _) => 6,
            (_, Some(effect)) => match effect.kind.as_str() {
                "fence_catalog" => 3,
                "restore" => 4,
                _ => 5,
            },
            _ if request.path.contains("/_refs/tags/") => 2,
            _ if request.path == sidecar_path(world) && request.verb == Verb::Delete => 7,
            _ if request.path.ends_with("/closed.json") => 8,
            _ => continue,
        };
        stages.push((stage, request.to_string()));
    }
    let mut wrong = Vec::new();
    // Where storage lied, or a writer was at work, a second plan may start over; the order is that of each plan then.
    let is_one_plan = digests.len() <= 1;
    let (mut reached, mut seen) = (0, [false; 9]);
    for (stage, request) in stages {
        // A later claim takes over where the earlier stopped; what storage acknowledged twice was done once.
        if stage == 1 && claims > 0 {
            seen[1] = true;
            reached = reached.max(1);
            continue;
        }
        wrong.extend(unless(seen[1], || format!("{request} before any claim")));
        wrong.extend(unless(!is_one_plan || stage >= reached, || {
            format!("{request} after stage {reached}")
        }));
        if stage == 4 {
            wrong.extend(unless(seen[3], || format!("{request} without a fence")));
        }
        if stage >= 7 {
            wrong.extend(unless(seen[6], || {
                format!("{request} before the terminal record")
            }));
        }
        seen[stage] = true;
        reached = reached.max(stage);
    }
    wrong
}

/// At every moment: where the sidecar is gone there is one terminal record, and it keeps the sidecar's bytes.
pub(super) fn i9_no_orphan(world: &World, evidence: &Evidence) -> Vec<String> {
    let path = sidecar_path(world);
    let was = &world.before.files[&path];
    let mut wrong = Vec::new();
    for snapshot in evidence.snapshots() {
        let is_told = has_terminal_record(world, evidence, snapshot);
        wrong.extend(unless(
            snapshot.files.contains_key(&path) || is_told,
            || "the sidecar is gone and no terminal record is there".to_owned(),
        ));
    }
    for entry in finished(evidence) {
        if let JournalEntry::Finished { sidecar, .. } = entry {
            wrong.extend(unless(sidecar.as_bytes() == was, || {
                "the terminal record does not keep the sidecar".to_owned()
            }));
        }
    }
    wrong
}

/// The chain holds, there is one terminal record at most, and one where an execution said that it finished.
pub(super) fn i10_audit(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong: Vec<String> = evidence.chain.clone().err().into_iter().collect();
    let terminal = finished(evidence).len();
    let has_finished = is_finished(&evidence.last().report);
    wrong.extend(unless(
        terminal == usize::from(has_finished) || (terminal == 1 && !has_finished),
        || format!("{terminal} terminal records"),
    ));
    let gone: Vec<String> = evidence
        .snapshots()
        .zip(evidence.snapshots().skip(1))
        .flat_map(|(earlier, later)| {
            let folder = format!("__recovery_log/{}/", world.operation);
            let changed = earlier
                .files
                .iter()
                .filter(|(path, bytes)| {
                    path.starts_with(&folder) && later.files.get(*path) != Some(*bytes)
                })
                .map(|(path, _)| format!("{path} was changed"));
            changed.collect::<Vec<_>>()
        })
        .collect();
    wrong.extend(gone);
    wrong
}

/// A finished plan that is applied again does nothing, and says the same.
pub(super) fn i11_idempotence(_: &World, evidence: &Evidence) -> Vec<String> {
    let Some(idle) = &evidence.idle else {
        return Vec::new();
    };
    let sent = idle.sent.iter().find(|request| request.verb.is_mutation());
    let outcome = |report: &Result<sidecar::ApplyReport, String>| {
        report.as_ref().ok().map(|report| report.outcome)
    };
    let said = outcome(&idle.report) == outcome(&evidence.last().report);
    sent.map(|request| format!("{request} on a finished plan"))
        .into_iter()
        .chain(unless(said, || format!("it says {:?}", idle.report)))
        .collect()
}

/// What is called done is durable, what is called unchanged is, and what is called changed is.
pub(super) fn i16_honest_outcome(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let operation = world.operation.as_str();
    let mut before = &world.before;
    for run in &evidence.runs {
        let earlier = before.effects(operation);
        before = &run.left;
        let Ok(report) = &run.report else { continue };
        if is_finished(&run.report) {
            wrong.extend(unless(
                has_terminal_record(world, evidence, &run.left),
                || format!("{:?} without a terminal record", report.outcome),
            ));
            let is_gone = !run.left.files.contains_key(&sidecar_path(world));
            let says_gone = report.sidecar == sidecar::SidecarFate::Retired;
            wrong.extend(unless(is_gone || !says_gone, || {
                "the sidecar is called retired and is there".to_owned()
            }));
        }
        let digest = report.digest.to_string();
        let ours: Vec<_> = run
            .left
            .effects(operation)
            .into_iter()
            .filter(|effect| effect.digest == digest)
            // A call that was turned away speaks of itself alone; an execution, of all that was done under its plan.
            .filter(|effect| !report.tables.is_empty() || !earlier.contains(effect))
            .collect();
        for table in &report.tables {
            let key = &table.table_key;
            let is_restored = ours.iter().any(|effect| effect.table.as_ref() == Some(key));
            let is_published = ours.iter().any(|effect| effect.kind == "publish")
                && run.left.pins[key] > world.before.pins[key];
            let holds = match table.effect {
                Effect::Unknown => true,
                Effect::Changed => is_restored || is_published,
                Effect::Unchanged => !is_restored && !is_published,
            };
            wrong.extend(unless(holds, || {
                format!("{key} is called {:?} by {}", table.effect, report.detail)
            }));
        }
        let has_published = ours.iter().any(|effect| effect.table.is_none());
        let holds = match report.catalog.effect {
            Effect::Unknown => true,
            Effect::Changed => has_published,
            Effect::Unchanged => !has_published,
        };
        wrong.extend(unless(holds, || {
            format!(
                "the catalog is called {:?} by {}",
                report.catalog.effect, report.detail
            )
        }));
    }
    let was = &world.before.files[&sidecar_path(world)];
    let digest = Digest::of(Tag::Sidecar, was);
    for plan in evidence.plans().values() {
        wrong.extend(unless(plan.sidecar == digest, || {
            "a plan is for other bytes than the sidecar's".to_owned()
        }));
    }
    wrong
}
