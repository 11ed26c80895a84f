//! What the journal, the reports and the sidecar say.

use sidecar::journal::JournalEntry;
use sidecar::{ApplyReport, Digest, Effect, OutcomeKind, SidecarFate, Tag};

use super::super::evidence::{Evidence, Run, is_finished};
use super::super::snapshot::Snapshot;
use super::super::world::World;
use super::{finished, has_terminal_record, unless};

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

/// An effect that is called done is durable, one that is called unchanged is unchanged, and one that is called changed is changed; and where nobody else is at work
/// and storage tells no lies, nothing is called a conflict.
pub(super) fn i16_honest_outcome(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut before = &world.before;
    for run in &evidence.runs {
        let earlier = std::mem::replace(&mut before, &run.left);
        let Ok(report) = &run.report else { continue };
        let is_no = matches!(report.outcome, OutcomeKind::Conflict | OutcomeKind::Refused);
        wrong.extend(unless(!is_no || !evidence.is_strict, || {
            format!("{:?}, and nothing moved: {}", report.outcome, report.detail)
        }));
        wrong.extend(said_of_the_end(world, evidence, run, report, earlier));
        wrong.extend(said_of_effects(world, evidence, run, report, earlier));
    }
    let digest = Digest::of(Tag::Sidecar, &world.subject.stands);
    for plan in evidence.plans().values() {
        wrong.extend(unless(plan.sidecar == digest, || {
            "a plan is for other bytes than the sidecar's".to_owned()
        }));
    }
    wrong
}

/// Whether a call was turned away: it speaks of itself alone then; an execution speaks of all that was done under its plan.
fn is_turned_away(report: &ApplyReport) -> bool {
    matches!(report.outcome, OutcomeKind::Conflict | OutcomeKind::Refused)
        && report.tables.is_empty()
}

/// What a report says of the terminal record and of the sidecar.
fn said_of_the_end(
    world: &World,
    evidence: &Evidence,
    run: &Run,
    report: &ApplyReport,
    earlier: &Snapshot,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_recorded = has_terminal_record(world, evidence, &run.left);
    let was_recorded = has_terminal_record(world, evidence, earlier);
    if is_finished(&run.report) {
        wrong.extend(unless(is_recorded, || {
            format!("{:?} without a terminal record", report.outcome)
        }));
    }
    let holds = match report.audit.effect {
        Effect::Unknown => true,
        Effect::Changed => is_recorded,
        Effect::Unchanged => !is_recorded || (is_turned_away(report) && was_recorded),
    };
    wrong.extend(unless(holds, || {
        format!(
            "the terminal record is called {:?} by {}",
            report.audit.effect, report.detail
        )
    }));
    if let Some(file) = &world.retires {
        let is_gone = !run.left.files.contains_key(file);
        let holds = match report.sidecar {
            SidecarFate::Retired => is_gone && is_recorded,
            SidecarFate::Kept => !is_gone,
            SidecarFate::Gone => is_gone,
            // Nobody replaces it in a sweep.
            SidecarFate::Replaced | SidecarFate::NoFile => false,
            SidecarFate::Unknown => true,
        };
        wrong.extend(unless(holds, || {
            format!("the sidecar is called {:?}, and is not", report.sidecar)
        }));
    }
    wrong
}

/// What a report says of every table and of the catalog.
fn said_of_effects(
    world: &World,
    evidence: &Evidence,
    run: &Run,
    report: &ApplyReport,
    earlier: &Snapshot,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let operation = world.operation.as_str();
    let earlier = earlier.effects(operation);
    let digest = report.digest.to_string();
    let ours: Vec<_> = run
        .left
        .effects(operation)
        .into_iter()
        .filter(|effect| effect.digest == digest)
        .filter(|effect| !is_turned_away(report) || !earlier.contains(effect))
        .collect();
    let plans = evidence.plans();
    // An earlier plan may have published it, and this one found it so.
    let pin_before = |key: &String| {
        let tables = plans.get(&digest).into_iter().flat_map(|plan| &plan.tables);
        let mut planned = tables.filter(|table| table.table_key == *key);
        let found = planned.find_map(|table| table.manifest_pinned);
        found.unwrap_or(world.before.pins[key])
    };
    for table in &report.tables {
        let key = &table.table_key;
        let is_restored = ours.iter().any(|effect| effect.table.as_ref() == Some(key));
        let is_published = ours.iter().any(|effect| effect.kind == "publish")
            && run.left.pins[key] > pin_before(key);
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
    wrong
}
