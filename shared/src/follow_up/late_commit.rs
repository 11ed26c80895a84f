//! The sidecar of a table commit that the recovery of its operation may not have seen.

use super::own_sidecar::{NEVER_WHOLE, sidecar_like, text_of};
use crate::ids::{DerivedOrder, OperationId};
use crate::sidecar::{Sidecar, TablePin};

/// The operation whose sidecar announces a commit of `write` to one table anew.
#[must_use]
pub fn late_commit_id(write: &OperationId, table_key: &str) -> OperationId {
    write.derived(DerivedOrder::After, &format!("late-commit {table_key}"))
}

/// The sidecar that announces a commit of `write` to one table anew, and its bytes; `None` if the write does not name the table.
///
/// Always the same for the same write and table. The rest of the write is taken back or was never made, so this table must not be
/// published. Where the recovery did see the commit after all, nothing is left to do about the sidecar but to retire it.
#[must_use]
pub fn late_commit(write: &Sidecar, table_key: &str) -> Option<(OperationId, String)> {
    let pin = write.tables.iter().find(|pin| pin.table_key == table_key)?;
    let operation_id = late_commit_id(&write.operation_id, table_key);
    let pin = TablePin {
        post_commit_pin: pin.expected_version.saturating_add(NEVER_WHOLE),
        ..pin.clone()
    };
    let sidecar = sidecar_like(write, operation_id.clone(), vec![pin]);
    Some((operation_id, text_of(&sidecar)))
}
