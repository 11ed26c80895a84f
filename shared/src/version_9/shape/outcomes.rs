//! Rules of an undo that a recovery prepared in a sidecar of version 9.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fault::{Fault, broken};
use super::super::payload::Payload;
use super::super::sidecar::Sidecar9;

/// It names pinned tables only, each once, as they were called before the write.
pub(super) fn check(sidecar: &Sidecar9, payload: &Payload) -> Result<(), Fault> {
    let Some(outcomes) = &payload.rollback_audit_outcomes else {
        return Ok(());
    };
    let renames = payload.intended_delta.renames.iter();
    let before: BTreeMap<_, _> = renames
        .map(|renamed| (renamed.identity, renamed.expected_table_key.as_str()))
        .collect();
    let mut tables: BTreeSet<&str> = sidecar
        .tables
        .iter()
        .map(|pin| before.get(&pin.identity).copied().unwrap_or(&pin.table_key))
        .collect();
    for outcome in outcomes {
        if !tables.remove(outcome.table_key.as_str()) {
            return broken(format!(
                "rollback_audit_outcomes names {} twice, or though it was not pinned under that name",
                outcome.table_key
            ));
        }
    }
    Ok(())
}
