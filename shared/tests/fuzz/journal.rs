//! Journals, one record a line: what continues one is decided twice, by the fold and by rules written down here apart from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sidecar::executor::{self, CatalogSeen, Landed, Look, Move, Seen, SidecarSeen, StepsOutcome};
use sidecar::journal::{
    JournalEntry, JournalError, JournalRecord, JournalState, Next, record_digest, verify_chain,
};
use sidecar::{
    Approval, DifferenceField, Digest, OperationId, Plan, PlanBytes, PlannedTable, SidecarBytes,
    Tag,
};

use crate::campaign::{Reached, plain};
use crate::dice::Dice;
use crate::{mutation, plan as plan_bytes};

const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";

pub(crate) fn check(bytes: &[u8]) -> Reached {
    let lines = lines(bytes);
    let operation_id = operation_of(&lines);
    let mut state = JournalState::new(operation_id.clone());
    let mut rules = Rules::default();
    let mut last = "nothing".to_owned();
    for (index, line) in lines.iter().enumerate() {
        let record = well_formed(&state, line);
        let expected = record
            .as_ref()
            .is_some_and(|record| rules.allow(&operation_id, &record.entry));
        let before = state.next();
        match state.clone().append(line) {
            Ok(next) => {
                assert!(
                    expected,
                    "record {} must not be taken: {}",
                    index + 1,
                    String::from_utf8_lossy(line)
                );
                let entry = record.unwrap().entry;
                last = format!("{last} {}", entry.kind());
                assert!(!matches!(entry, JournalEntry::Finished { .. }) || before == Next::Record);
                rules.enter(entry);
                state = next;
                holds(&state, line, index, &rules);
            }
            Err(error) => {
                assert!(!expected, "record {} may follow, but: {error}", index + 1);
                refused_in_its_words(&error, &operation_id, index);
                let end = format!(
                    "{last}: {}",
                    plain(&error.to_string().replace(operation_id.as_str(), ""))
                );
                tampered_chains(&lines[..index], &state, &Dice::of(bytes));
                return if index > 0 {
                    Reached::taken(end)
                } else {
                    Reached::refused(&end)
                };
            }
        }
    }
    tampered_chains(&lines, &state, &Dice::of(bytes));
    Reached {
        past: !lines.is_empty(),
        what: last,
    }
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect()
}

fn operation_of(lines: &[&[u8]]) -> OperationId {
    let mut records = lines
        .iter()
        .filter_map(|line| serde_json::from_slice::<JournalRecord>(line).ok());
    records
        .next()
        .map_or_else(|| OPERATION.parse().unwrap(), |record| record.operation_id)
}

/// The record, if it has its place in the chain and no other spelling.
fn well_formed(state: &JournalState, line: &[u8]) -> Option<JournalRecord> {
    let record: JournalRecord = serde_json::from_slice(line).ok()?;
    let place = state.next_record(record.recorded_at, record.entry.clone());
    (place == record && serde_json::to_vec(&record).ok()? == line).then_some(record)
}

/// What may follow what, without the fold: only lists of what was said.
#[derive(Debug, Default)]
struct Rules {
    approvals: Vec<Approval>,
    claims: u64,
    open: Option<Open>,
    finished: bool,
}

#[derive(Debug)]
struct Open {
    digest: Digest,
    plan: Plan,
    sidecar: SidecarBytes,
    started: BTreeSet<usize>,
    done: BTreeSet<usize>,
}

impl Open {
    /// All before it are done, but for neighbours of its own kind that can go together with it.
    fn is_next(&self, step: usize) -> bool {
        let steps = &self.plan.steps;
        let Some(kind) = steps.get(step).map(sidecar::Step::kind) else {
            return false;
        };
        let together = matches!(kind, "tag" | "untag" | "restore");
        let group = if together {
            (0..step)
                .rev()
                .take_while(|before| steps[*before].kind() == kind)
                .count()
        } else {
            0
        };
        !matches!(kind, "record" | "retire")
            && !self.done.contains(&step)
            && (0..step - group).all(|before| self.done.contains(&before))
    }

    fn is_through(&self) -> bool {
        let kinds = self.plan.steps.iter().map(sidecar::Step::kind).enumerate();
        let mut left = kinds.filter(|(step, _)| !self.done.contains(step));
        left.next()
            .is_none_or(|(_, kind)| matches!(kind, "record" | "retire"))
    }
}

fn decoded(operation_id: &OperationId, text: &str, digest: Digest) -> Option<Plan> {
    let plan: Plan = serde_json::from_str(text).ok()?;
    let whole = Digest::of(Tag::Plan, text.as_bytes()) == digest
        && serde_json::to_string(&plan).ok()? == text;
    let named = |table: &PlannedTable| {
        let branch = table.branch.clone().filter(|branch| branch != "main");
        (table.table_key.clone(), branch)
    };
    let tables: BTreeSet<_> = plan.tables.iter().map(named).collect();
    let is_alone = tables.len() == plan.tables.len();
    // Which plans there can be is no rule of journals: what a plan is, its bytes say.
    let is_lawful = PlanBytes::verify(text.to_owned(), digest).is_ok_and(|it| it.decode().is_ok());
    (whole && is_alone && is_lawful && plan.operation_id == *operation_id).then_some(plan)
}

/// The recovery of a write names the tables that the write announced, and no others.
fn is_about(plan: &Plan, bytes: &SidecarBytes) -> bool {
    if plan.purpose != sidecar::Purpose::Recover {
        return true;
    }
    let Ok(Value::Object(write)) = serde_json::from_slice(bytes.as_bytes()) else {
        return false;
    };
    let text = |name: &str| write.get(name).and_then(Value::as_str);
    let pins = write.get("tables").and_then(Value::as_array);
    let mut pins: Vec<_> = pins
        .into_iter()
        .flatten()
        .map(|pin| {
            (
                pin["table_key"].as_str().map(str::to_owned),
                pin["expected_version"].as_u64(),
                pin["post_commit_pin"].as_u64(),
            )
        })
        .collect();
    pins.sort();
    let tables = plan.tables.iter().map(|table| {
        (
            Some(table.table_key.clone()),
            Some(table.expected_version),
            Some(table.post_commit_pin),
        )
    });
    text("operation_id") == Some(plan.operation_id.as_str())
        && text("writer_kind") == plan.writer_kind.map(sidecar::WriterKind::name)
        && text("branch") == plan.branch.as_deref()
        && text("actor_id") == plan.actor_id.as_deref()
        && (tables.eq(pins) || plan.disposition == sidecar::Disposition::OrphanedBranch)
}

impl Rules {
    fn allow(&self, operation_id: &OperationId, entry: &JournalEntry) -> bool {
        let reopens = matches!(entry, JournalEntry::Reopened { .. });
        if self.finished || reopens {
            return self.finished && reopens;
        }
        let held = |epoch: u64| self.open.as_ref().filter(|_| epoch == self.claims);
        match entry {
            JournalEntry::Approved { approval, plan } => {
                decoded(operation_id, plan, approval.plan_digest).is_some()
                    && approval.operation_id == *operation_id
            }
            JournalEntry::Revoked { plan_digest, .. } => {
                self.open
                    .as_ref()
                    .is_none_or(|open| open.digest != *plan_digest)
                    && self
                        .approvals
                        .iter()
                        .any(|approval| approval.plan_digest == *plan_digest)
            }
            JournalEntry::Claimed {
                epoch,
                plan_digest,
                plan,
                sidecar,
                ..
            } => decoded(operation_id, plan, *plan_digest).is_some_and(|plan| {
                let counts = |approval: &Approval| {
                    approval.plan_digest == *plan_digest && approval.missing(&plan).is_empty()
                };
                *epoch == self.claims + 1
                    && plan.has_effect()
                    && self.approvals.iter().any(counts)
                    && Digest::of(Tag::Sidecar, sidecar.as_bytes()) == plan.sidecar
                    && is_about(&plan, sidecar)
                    && self
                        .open
                        .as_ref()
                        .is_none_or(|open| open.digest == *plan_digest)
            }),
            JournalEntry::StepsStarted { epoch, steps, .. } => {
                held(*epoch).is_some_and(|open| steps.iter().all(|step| open.is_next(*step)))
            }
            JournalEntry::StepsFinished { epoch, results } => held(*epoch).is_some_and(|open| {
                let mut done = open.done.clone();
                results
                    .iter()
                    .all(|result| open.started.contains(&result.step) && done.insert(result.step))
            }),
            JournalEntry::Interrupted { epoch, .. } => held(*epoch).is_some(),
            JournalEntry::Reopened { .. } => self.finished,
            JournalEntry::Finished {
                epoch,
                outcome,
                sidecar,
                tables,
                ..
            } => held(*epoch).is_some_and(|open| {
                let said = tables.iter().map(|table| table.effect);
                let follows: Vec<_> = open
                    .plan
                    .tables
                    .iter()
                    .zip(said)
                    .map(|(table, effect)| sidecar::TableOutcome::of(&open.plan, table, effect))
                    .collect();
                open.is_through()
                    && follows == *tables
                    && tables.len() == open.plan.tables.len()
                    && open.plan.outcome() == Some(*outcome)
                    && open.sidecar == *sidecar
            }),
        }
    }

    /// Notes an entry that was allowed.
    fn enter(&mut self, entry: JournalEntry) {
        match entry {
            JournalEntry::Approved { approval, .. } => self.approvals.push(approval),
            JournalEntry::Revoked { plan_digest, .. } => {
                self.approvals
                    .retain(|approval| approval.plan_digest != plan_digest);
            }
            JournalEntry::Claimed {
                epoch,
                plan_digest: digest,
                plan,
                sidecar,
                ..
            } => {
                self.claims = epoch;
                let plan = serde_json::from_str(&plan).unwrap();
                let (started, done) = self
                    .open
                    .take()
                    .map(|open| (open.started, open.done))
                    .unwrap_or_default();
                self.open = Some(Open {
                    digest,
                    plan,
                    sidecar,
                    started,
                    done,
                });
            }
            JournalEntry::StepsStarted { steps, .. } => {
                if let Some(open) = &mut self.open {
                    open.started.extend(steps);
                }
            }
            JournalEntry::StepsFinished { results, .. } => {
                if let Some(open) = &mut self.open {
                    open.done.extend(results.iter().map(|result| result.step));
                }
            }
            JournalEntry::Interrupted { ended_by, .. } => {
                self.open = None;
                if ended_by.is_some() {
                    self.approvals.clear();
                }
            }
            JournalEntry::Reopened { .. } => {
                self.finished = false;
                self.approvals.clear();
            }
            JournalEntry::Finished { .. } => {
                self.open = None;
                self.finished = true;
            }
        }
    }
}

/// What is true of every journal that verifies.
fn holds(state: &JournalState, line: &[u8], index: usize, rules: &Rules) {
    assert_eq!(state.records(), u64::try_from(index).unwrap() + 1);
    assert_eq!(head(state), Some(record_digest(line)));
    assert_eq!(state.next_epoch(), rules.claims + 1);
    assert_eq!(state.approvals().len(), rules.approvals.len());
    assert_eq!(state.finished().is_some(), rules.finished);
    assert_eq!(state.next() == Next::Retire, rules.finished);
    let attempt = state.attempt().zip(rules.open.as_ref());
    assert_eq!(
        (state.attempt().is_some(), rules.open.is_some()),
        (attempt.is_some(), attempt.is_some())
    );
    let dice = &mut Dice::of(line);
    if let Some((attempt, open)) = attempt {
        assert!(attempt.started.keys().eq(&open.started) && attempt.done.keys().eq(&open.done));
        assert!(
            open.done.is_subset(&open.started),
            "nothing is done that was not intended"
        );
        if let Next::Steps(steps) = state.next() {
            assert!(!steps.is_empty() && steps.iter().all(|step| open.is_next(*step)));
        }
    }
    for _ in 0..4 {
        asks_or_acts_in_order(state, &seen(dice));
    }
}

fn head(state: &JournalState) -> Option<Digest> {
    let any = JournalEntry::Interrupted {
        epoch: 0,
        detail: String::new(),
        differences: Vec::new(),
        ended_by: None,
    };
    state
        .next_record(sidecar::Timestamp::from_micros(0), any)
        .previous
}

fn seen(dice: &mut Dice) -> Seen {
    let look = |dice: &mut Dice| (!dice.one_in(3)).then(Vec::new);
    Seen {
        since_approval: look(dice),
        catalog: match dice.below(4) {
            0 => None,
            1 => Some(CatalogSeen::Gone {
                what: DifferenceField::Catalog,
            }),
            _ => Some(CatalogSeen::At {
                version: *dice.pick(&[0, 40, 41, u64::MAX]),
                pins: BTreeMap::from([("node:Author".to_owned(), 4), ("edge:Wrote".to_owned(), 5)]),
            }),
        },
        landed: *dice.pick(&[
            None,
            Some(Landed::Ours),
            Some(Landed::Foreign),
            Some(Landed::Gone),
        ]),
        did: match dice.below(6) {
            0 => Some(StepsOutcome::Done(Vec::new())),
            1 => Some(StepsOutcome::CatalogMoved),
            2 => Some(StepsOutcome::Unknown {
                detail: "timed out".to_owned(),
            }),
            _ => None,
        },
        since_effects: look(dice),
        since_finished: look(dice),
        sidecar: *dice.pick(&[
            None,
            Some(SidecarSeen::Gone),
            Some(SidecarSeen::AsPlanned),
            Some(SidecarSeen::Another),
        ]),
        closed: *dice.pick(&[None, Some(false), Some(true)]),
        catalog_tries: dice.below(20),
    }
}

fn asks_or_acts_in_order(state: &JournalState, seen: &Seen) {
    match executor::next(state, seen) {
        Move::Begin { steps, .. } => assert_eq!(state.next(), Next::Steps(steps)),
        Move::Record(outcome) => {
            assert_eq!(state.next(), Next::Record);
            assert_eq!(state.attempt().unwrap().plan.outcome(), Some(outcome));
            assert_eq!(
                seen.since_effects.as_deref(),
                Some(&[][..]),
                "the last look found nothing"
            );
        }
        Move::DeleteSidecar => {
            assert!(
                state.finished().is_some(),
                "the record is there before the sidecar goes"
            );
            assert_eq!(seen.sidecar, Some(SidecarSeen::AsPlanned));
        }
        Move::Close
        | Move::Ended(_)
        | Move::Look(Look::Sidecar | Look::Closed | Look::SinceFinished) => {
            assert!(state.finished().is_some())
        }
        Move::Claim => {
            assert!(state.attempt().is_none() || state.attempt().unwrap().plan.outcome().is_none())
        }
        Move::Reopen { .. } => panic!("nothing that was looked at had moved"),
        _ => assert!(state.attempt().is_some()),
    }
}

fn refused_in_its_words(error: &JournalError, operation_id: &OperationId, index: usize) {
    let (JournalError::NotARecord {
        operation_id: named,
        sequence,
        ..
    }
    | JournalError::ChainBroken {
        operation_id: named,
        sequence,
        ..
    }
    | JournalError::IllegalTransition {
        operation_id: named,
        sequence,
        ..
    }
    | JournalError::Plan {
        operation_id: named,
        sequence,
        ..
    }) = error
    else {
        panic!("{error}")
    };
    assert_eq!(
        (named, *sequence),
        (operation_id, u64::try_from(index).unwrap() + 1)
    );
}

/// A chain with a record changed, dropped, repeated or moved is refused; if only its end is touched it may verify, but then
/// never to the same digest.
fn tampered_chains(lines: &[&[u8]], state: &JournalState, dice: &Dice) {
    let verify =
        |lines: &[Vec<u8>]| verify_chain(state.operation_id(), lines.iter().map(Vec::as_slice));
    let original: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
    assert_eq!(
        verify(&original).as_ref(),
        Ok(state),
        "the same records give the same state"
    );
    if lines.is_empty() {
        return;
    }
    let mut dice = dice.clone();
    for _ in 0..6 {
        let mut chain = original.clone();
        let (one, other) = (dice.below(chain.len()), dice.below(chain.len()));
        match dice.below(6) {
            0 => drop(chain.remove(one)),
            1 => chain.insert(other, original[one].clone()),
            2 => chain.swap(one, other),
            3 => chain[one] = mutation::raw(&original[one], &original[other], &mut dice),
            4 => chain[one] = record(&original[one], &mut dice),
            _ => {
                let index = dice.below(chain[one].len());
                chain[one][index] ^= 1 << dice.below(8);
            }
        }
        let first = chain
            .iter()
            .zip(&original)
            .take_while(|(tampered, whole)| tampered == whole)
            .count();
        if chain == original {
            continue;
        }
        match verify(&chain) {
            Err(_) => {}
            Ok(found) => {
                assert_ne!(head(&found), head(state), "two journals have one digest");
                assert!(
                    chain.len() == first
                        || (first + 1 == original.len() && chain.len() == original.len()),
                    "record {} was tampered with, and nobody noticed",
                    first + 1
                );
            }
        }
    }
}

/// One record changed in a place or two, and written as this build would.
fn record(line: &[u8], dice: &mut Dice) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(line) else {
        return line.to_vec();
    };
    let inside = value.pointer_mut("/entry/plan");
    match inside {
        Some(Value::String(plan)) if dice.one_in(2) => {
            let changed = mutation::json(plan.as_bytes(), dice).unwrap_or_default();
            *plan = String::from_utf8_lossy(&plan_bytes::canonical(changed)).into_owned();
        }
        _ => mutation::change(value.get_mut("entry").unwrap_or(&mut Value::Null), dice),
    }
    let changed = mutation::written(&value, dice);
    serde_json::from_slice::<JournalRecord>(&changed)
        .map_or(changed, |record| record.to_bytes().unwrap())
}

pub(crate) fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    if dice.one_in(12) {
        return mutation::raw(bytes, other, dice);
    }
    let (mut records, others) = (owned(bytes), owned(other));
    for _ in 0..=dice.below(2) {
        let (one, another) = (dice.below(records.len()), dice.below(records.len()));
        match dice.below(8) {
            0 if !records.is_empty() => drop(records.remove(one)),
            1 if !records.is_empty() => records.insert(another, records[one].clone()),
            2 if !records.is_empty() => records.swap(one, another),
            3 if !others.is_empty() => records.insert(one, dice.pick(&others).clone()),
            4 => records.truncate(one + 1),
            _ if !records.is_empty() => records[one] = record(&records[one], dice),
            _ => records.extend(others.iter().cloned()),
        }
    }
    // Left as they are, most would break the chain and never reach the rules behind it.
    if !dice.one_in(8) {
        chain(&mut records, dice);
    }
    records.join(&b'\n')
}

fn owned(bytes: &[u8]) -> Vec<Vec<u8>> {
    lines(bytes).into_iter().map(<[u8]>::to_vec).collect()
}

/// Numbers and links the records anew, and mostly lets digests and epochs agree with what they are of.
fn chain(records: &mut [Vec<u8>], dice: &mut Dice) {
    let operation_id = operation_of(&records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let (digests, epochs) = (!dice.one_in(4), dice.one_in(2));
    let (mut previous, mut claims) = (None, 0);
    for (sequence, line) in (1..).zip(records) {
        if let Ok(mut record) = serde_json::from_slice::<JournalRecord>(line) {
            (record.operation_id, record.sequence, record.previous) =
                (operation_id.clone(), sequence, previous);
            match &mut record.entry {
                JournalEntry::Approved { approval, plan } if digests => {
                    approval.plan_digest = Digest::of(Tag::Plan, plan.as_bytes());
                }
                JournalEntry::Claimed {
                    plan_digest, plan, ..
                } if digests => {
                    *plan_digest = Digest::of(Tag::Plan, plan.as_bytes());
                }
                _ => {}
            }
            match &mut record.entry {
                JournalEntry::Claimed { epoch, .. } if epochs => {
                    claims += 1;
                    *epoch = claims;
                }
                JournalEntry::StepsStarted { epoch, .. }
                | JournalEntry::StepsFinished { epoch, .. }
                | JournalEntry::Interrupted { epoch, .. }
                | JournalEntry::Finished { epoch, .. }
                    if epochs =>
                {
                    *epoch = claims;
                }
                _ => {}
            }
            *line = record.to_bytes().unwrap();
        }
        previous = Some(record_digest(line));
    }
}

/// Carries a plan out as an executor does. `until` is asked before every record.
pub(crate) fn run(bytes: &PlanBytes, approval: &Approval, sidecar: &str) -> Vec<JournalEntry> {
    let plan = bytes.decode().unwrap();
    let text = bytes.text().to_owned();
    let mut entries = vec![
        JournalEntry::Approved {
            approval: approval.clone(),
            plan: text.clone(),
        },
        JournalEntry::Claimed {
            epoch: 1,
            executor: "executor-1".to_owned(),
            plan_digest: bytes.digest(),
            plan: text,
            sidecar: sidecar.to_owned().into(),
        },
    ];
    loop {
        let stored = stored(&plan.operation_id, &entries);
        let state = verify_chain(&plan.operation_id, lines(&stored)).unwrap();
        match state.next() {
            Next::Steps(steps) => {
                let results = steps
                    .iter()
                    .map(|step| sidecar::journal::StepResult {
                        step: *step,
                        version: Some(9),
                        already_done: false,
                    })
                    .collect();
                entries.push(JournalEntry::StepsStarted {
                    epoch: 1,
                    steps,
                    catalog_version: Some(40),
                });
                entries.push(JournalEntry::StepsFinished { epoch: 1, results });
            }
            Next::Record => entries.push(JournalEntry::Finished {
                epoch: 1,
                outcome: plan.outcome().unwrap(),
                tables: plan
                    .tables
                    .iter()
                    .map(|table| sidecar::TableOutcome::of(&plan, table, sidecar::Effect::Changed))
                    .collect(),
                catalog: sidecar::Effect::Changed,
                sidecar: sidecar.to_owned().into(),
            }),
            Next::Claim | Next::Retire => return entries,
        }
    }
}

/// The bytes of a journal that says this.
pub(crate) fn stored(operation_id: &OperationId, entries: &[JournalEntry]) -> Vec<u8> {
    let (mut previous, mut lines) = (None, Vec::new());
    for (sequence, entry) in (1..).zip(entries) {
        let record = JournalRecord {
            operation_id: operation_id.clone(),
            sequence,
            previous,
            recorded_at: sidecar::Timestamp::from_micros(1_795_340_000_000_000),
            entry: entry.clone(),
        };
        let bytes = record.to_bytes().unwrap();
        previous = Some(record_digest(&bytes));
        lines.push(bytes);
    }
    lines.join(&b'\n')
}
