//! Rules of the plan of a `BranchMerge`.

use std::collections::BTreeSet;

use super::super::effect::{MergeWork, Work};
use super::super::fault::{Fault, broken};
use super::super::payload::{EffectPhase, Payload};
use super::row::Row;
use crate::branch::Branch;

/// Transactions that one table may have; v0.9.0 plans no more.
const CHAIN_MAX: usize = 1_024;

pub(super) fn check(rows: &[Row<'_>], payload: &Payload) -> Result<(), Fault> {
    let mut keys = BTreeSet::new();
    for update in &payload.intended_delta.table_updates {
        if update.identity.place(&update.table_key).is_none() {
            return broken(format!(
                "it would publish {:?}, which is the key of no node and no edge",
                update.table_key
            ));
        }
        if !keys.insert(&update.table_key) {
            return broken(format!(
                "two tables would be published as {}",
                update.table_key
            ));
        }
    }
    rows.iter().try_for_each(check_row)
}

fn check_row(row: &Row<'_>) -> Result<(), Fault> {
    let (pin, key) = (row.pin, &row.pin.table_key);
    let Work::Merge { kind } = &row.effect.work else {
        return Ok(());
    };
    if row.effect.fork_version().is_some() && Branch::of(pin.table_branch.as_deref()).is_main() {
        return broken(format!(
            "it would make the Lance branch main of {key}, which every table has"
        ));
    }
    match kind {
        MergeWork::MultiCommitHead {
            source_fork_version,
            confirmed_version,
            ..
        } => {
            if let Some(fork) = source_fork_version.filter(|fork| *fork != pin.expected_version) {
                return broken(format!(
                    "the Lance branch of {key} would be made from version {fork}, and its pin is {}",
                    pin.expected_version
                ));
            }
            let last = check_chain(row)?;
            if row.phase == EffectPhase::EffectsConfirmed {
                match confirmed_version {
                    Some(version) if pin.confirmed_version != Some(*version) => {
                        return broken(format!(
                            "the effect on {key} is confirmed at version {version}, and its pin is not"
                        ));
                    }
                    Some(version) if *version < last => {
                        return broken(format!(
                            "{key} is confirmed at version {version}, and its last transaction makes version {last}"
                        ));
                    }
                    Some(_) => {}
                    None => {
                        return broken(format!(
                            "its effects are confirmed, and the one on {key} is not"
                        ));
                    }
                }
            }
        }
        MergeWork::RefOnlyFork { source_version, .. } => row.is_confirmed_at(*source_version)?,
    }
    row.made_branch_is_confirmed()
}

/// The version that the last transaction of the chain makes.
fn check_chain(row: &Row<'_>) -> Result<u64, Fault> {
    let (key, chain) = (&row.pin.table_key, row.effect.planned());
    if chain.is_empty() {
        return broken(format!("no transaction is planned for {key}"));
    }
    if chain.len() > CHAIN_MAX {
        return broken(format!(
            "{} transactions are planned for {key}, at most {CHAIN_MAX} are",
            chain.len()
        ));
    }
    let mut version = row.pin.expected_version;
    row.first_commit_is_next()?;
    for transaction in chain {
        let next = version.checked_add(1);
        let Some(next) = next.filter(|_| transaction.read_version == version) else {
            return broken(format!(
                "the transactions of {key} do not follow each other: one would be made on version {}, and the one before it makes version {version}",
                transaction.read_version
            ));
        };
        version = next;
    }
    Ok(version)
}
