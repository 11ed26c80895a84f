//! Which tables beside a merge are resolved by another pending sidecar.

use crate::code::{Code, Reason};
use crate::observation::UncoveredTable;
use crate::pending::PendingEntry;
use crate::sidecar::Sidecar;

/// Drops the tables that a pending sidecar other than `sidecar` names: that one resolves them.
///
/// Returns the files that could not be read, with the reason. Each may name a table that is left.
pub fn drop_covered<'a>(
    sidecar: &Sidecar,
    uncovered: &mut Vec<UncoveredTable>,
    pending: &'a [PendingEntry],
) -> Vec<(&'a str, &'a Reason)> {
    let mut unread = Vec::new();
    let others = pending
        .iter()
        .filter(|other| other.operation_id().as_ref() != Some(&sidecar.operation_id));
    for PendingEntry { listed, .. } in others {
        match &listed.file.content {
            Ok(other) if listed.refusal.is_none() && other.branch() == sidecar.branch() => {
                uncovered.retain(|table| {
                    !other.tables.iter().any(|pin| {
                        pin.table_key == table.table_key
                            && pin.table_branch().name() == table.branch.as_deref()
                    })
                });
            }
            Err(reason) if reason.code == Code::Unreadable => {
                unread.push((listed.file.file.as_str(), reason));
            }
            // A refused sidecar resolves nothing.
            Ok(_) | Err(_) => {}
        }
    }
    unread
}
