//! Rules of the plan of an `EnsureIndices`.

use super::super::fault::{Fault, broken};
use super::super::sidecar::Sidecar9;
use super::row::Row;
use crate::branch::Branch;

pub(super) fn check(rows: &[Row<'_>], sidecar: &Sidecar9) -> Result<(), Fault> {
    for row in rows {
        let (pin, key) = (row.pin, &row.pin.table_key);
        let next = row.first_commit_is_next()?;
        if let Some(fork) = row.effect.fork_version() {
            let branch = Branch::of(pin.table_branch.as_deref());
            if branch.is_main() || ![branch, branch.without_suffix()].contains(&sidecar.branch()) {
                return broken(format!(
                    "it would make the Lance branch {branch} of {key}, and is about branch {} of the graph",
                    sidecar.branch()
                ));
            }
            if fork != pin.expected_version {
                return broken(format!(
                    "the Lance branch of {key} would be made from version {fork}, and its pin is {}",
                    pin.expected_version
                ));
            }
        }
        row.is_confirmed_at(next)?;
        row.made_branch_is_confirmed()?;
    }
    Ok(())
}
