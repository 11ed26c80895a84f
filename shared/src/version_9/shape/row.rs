//! One table of a plan of version 9: its pin, its effect and its row of the publish.

use std::collections::{BTreeMap, BTreeSet};

use super::super::delta::TableUpdate;
use super::super::effect::{Effect, Work};
use super::super::fault::{Fault, broken};
use super::super::payload::{EffectPhase, Payload};
use super::super::pin::Pin;
use super::super::sidecar::Sidecar9;

/// What the plan says about one pinned table, with the phase of the whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) pin: &'a Pin,
    pub(super) effect: &'a Effect,
    pub(super) update: &'a TableUpdate,
    pub(super) phase: EffectPhase,
}

/// The rows of the pins, where each has one, and nothing else has an effect.
pub(super) fn check<'a>(
    sidecar: &'a Sidecar9,
    payload: &'a Payload,
) -> Result<Vec<Row<'a>>, Fault> {
    let (mut effects, mut updates) = (BTreeMap::new(), BTreeMap::new());
    for effect in &payload.effects {
        if effects.insert(effect.identity, effect).is_some() {
            return broken(format!("{} has two effects", effect.table_key));
        }
    }
    for update in &payload.intended_delta.table_updates {
        if updates.insert(update.identity, update).is_some() {
            return broken(format!("{} has two rows to publish", update.table_key));
        }
    }
    let mut rows = Vec::with_capacity(sidecar.tables.len());
    for pin in &sidecar.tables {
        let Some(effect) = effects.remove(&pin.identity) else {
            return broken(format!("{} is pinned and has no effect", pin.table_key));
        };
        let Some(update) = updates.remove(&pin.identity) else {
            return broken(format!(
                "{} is pinned and has no row to publish",
                pin.table_key
            ));
        };
        let row = Row {
            pin,
            effect,
            update,
            phase: payload.effect_phase,
        };
        row.check()?;
        rows.push(row);
    }
    if let Some(effect) = effects.values().next() {
        return broken(format!(
            "{} has an effect and is not pinned",
            effect.table_key
        ));
    }
    if !sidecar.writer_kind.is_merge()
        && let Some(update) = updates.values().next()
    {
        return broken(format!(
            "{} has a row to publish and is not pinned; only a merge may have such rows",
            update.table_key
        ));
    }
    for update in &payload.intended_delta.table_updates {
        check_bytes(update, payload.effect_phase)?;
    }
    unique_uuids(&rows)?;
    Ok(rows)
}

fn unique_uuids(rows: &[Row<'_>]) -> Result<(), Fault> {
    let mut uuids = BTreeSet::new();
    for row in rows {
        for transaction in row.effect.planned() {
            if transaction.uuid.is_empty() {
                return broken(format!(
                    "a planned transaction of {} has no uuid",
                    row.pin.table_key
                ));
            }
            if !uuids.insert(&transaction.uuid) {
                return broken(format!(
                    "the transaction {} is planned twice; it could not tell whose commit it is",
                    transaction.uuid
                ));
            }
        }
    }
    Ok(())
}

impl Row<'_> {
    /// The rules of all kinds.
    fn check(&self) -> Result<(), Fault> {
        let Self {
            pin,
            effect,
            update,
            ..
        } = self;
        for (what, key) in [("effect", &effect.table_key), ("row", &update.table_key)] {
            if *key != pin.table_key {
                return broken(format!(
                    "the table {} is pinned as {}, and its {what} calls it {key}",
                    pin.identity, pin.table_key
                ));
            }
        }
        if update.expected_version != pin.expected_version {
            return broken(format!(
                "{} is pinned at version {}, and its row would replace version {}",
                pin.table_key, pin.expected_version, update.expected_version
            ));
        }
        if update.table_branch != pin.table_branch {
            return broken(format!(
                "{} is pinned on another Lance branch than its row is for",
                pin.table_key
            ));
        }
        // The first of a merge's chain; the others follow from it.
        if let Some(first) = effect.planned().first()
            && first.read_version != pin.expected_version
        {
            return broken(format!(
                "the first transaction of {} would be made on version {}, and its pin is {}",
                pin.table_key, first.read_version, pin.expected_version
            ));
        }
        self.is_confirmed_as_a_whole()
    }

    /// Armed, nothing is confirmed. Confirmed, everything is, as it was planned.
    fn is_confirmed_as_a_whole(&self) -> Result<(), Fault> {
        let key = &self.pin.table_key;
        match (self.phase, self.pin.confirmed_version) {
            (EffectPhase::Armed, Some(_)) => broken(format!(
                "it is Armed, and the pin of {key} is confirmed already"
            )),
            (EffectPhase::Armed, None) if self.effect.is_confirmed_in_part() => broken(format!(
                "it is Armed, and the effect on {key} is confirmed already"
            )),
            (EffectPhase::Armed, None) => Ok(()),
            (EffectPhase::EffectsConfirmed, None) => broken(format!(
                "its effects are confirmed, and the pin of {key} is not"
            )),
            (EffectPhase::EffectsConfirmed, Some(version)) => {
                let published = self.update.confirmed.as_ref();
                if let Some(published) = published.filter(|row| row.table_version != version) {
                    return broken(format!(
                        "{key} is confirmed at version {version}, and its row would publish version {}",
                        published.table_version
                    ));
                }
                self.commit_was_the_planned_one()
            }
        }
    }

    fn commit_was_the_planned_one(&self) -> Result<(), Fault> {
        let key = &self.pin.table_key;
        let [planned] = self.effect.planned() else {
            return Ok(());
        };
        match self.effect.confirmed_transaction() {
            _ if matches!(self.effect.work, Work::Merge { .. }) => Ok(()),
            None => broken(format!(
                "its effects are confirmed, and the transaction of {key} is not"
            )),
            Some(confirmed) if confirmed != planned => broken(format!(
                "{key} was committed by the transaction {}, and {} was planned",
                confirmed.uuid, planned.uuid
            )),
            Some(_) => Ok(()),
        }
    }

    /// That the first commit makes the version after the pinned one.
    pub(super) fn first_commit_is_next(&self) -> Result<u64, Fault> {
        let pin = self.pin;
        match pin.expected_version.checked_add(1) {
            Some(next) if next == pin.post_commit_pin => Ok(next),
            _ => broken(format!(
                "{} is pinned at version {}, and its post_commit_pin is {} instead of one more",
                pin.table_key, pin.expected_version, pin.post_commit_pin
            )),
        }
    }

    /// That the write makes exactly one version, where it is confirmed.
    pub(super) fn is_confirmed_at(&self, version: u64) -> Result<(), Fault> {
        match self.pin.confirmed_version {
            Some(confirmed) if confirmed != version => broken(format!(
                "{} is confirmed at version {confirmed}, and its commit makes version {version}",
                self.pin.table_key
            )),
            _ => Ok(()),
        }
    }

    /// That the branch that the write makes is confirmed with it, and no other.
    pub(super) fn made_branch_is_confirmed(&self) -> Result<(), Fault> {
        let made = self.effect.fork_version().is_some();
        let named = self.effect.confirmed_branch_identifier().is_some();
        match (self.phase, made, named) {
            (EffectPhase::EffectsConfirmed, true, false) => broken(format!(
                "its effects are confirmed, and the Lance branch that it made of {} is not",
                self.pin.table_key
            )),
            (EffectPhase::EffectsConfirmed, false, true) => broken(format!(
                "it confirms a Lance branch of {} that it did not make",
                self.pin.table_key
            )),
            _ => Ok(()),
        }
    }
}

/// That a row has its bytes when the effects are confirmed and not before, on the Lance branch that it is for.
fn check_bytes(update: &TableUpdate, phase: EffectPhase) -> Result<(), Fault> {
    let key = &update.table_key;
    match (phase, update.confirmed.as_ref()) {
        (EffectPhase::Armed, Some(_)) => broken(format!(
            "it is Armed, and the row of {key} is confirmed already"
        )),
        (EffectPhase::EffectsConfirmed, None) => broken(format!(
            "its effects are confirmed, and the row of {key} is not"
        )),
        (_, Some(row)) if row.table_branch != update.table_branch => broken(format!(
            "the row of {key} is confirmed on another Lance branch than it is for"
        )),
        _ => Ok(()),
    }
}
