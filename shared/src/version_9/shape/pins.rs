//! Rules of the tables that a sidecar of version 9 pins.

use std::collections::BTreeSet;

use super::super::fault::{Fault, broken};
use super::super::sidecar::Sidecar9;
use crate::branch::Branch;
use crate::sidecar::WriterKind;

/// The rules of all kinds.
pub(super) fn check(sidecar: &Sidecar9) -> Result<(), Fault> {
    let kind = sidecar.writer_kind;
    let may_be_empty = match kind {
        WriterKind::Mutation | WriterKind::Load | WriterKind::SchemaApply => true,
        WriterKind::BranchMerge | WriterKind::EnsureIndices | WriterKind::Optimize => false,
    };
    if sidecar.tables.is_empty() && !may_be_empty {
        return broken(format!(
            "it pins no table, and a write of kind {} has one at least",
            kind.name()
        ));
    }
    let (mut identities, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for pin in &sidecar.tables {
        let Some(place) = pin.identity.place(&pin.table_key) else {
            return broken(format!(
                "it pins {:?}, which is the key of no node and no edge",
                pin.table_key
            ));
        };
        let path = pin.table_path.strip_suffix(place.as_str());
        if !path.is_some_and(|root| root.ends_with('/')) {
            return broken(format!(
                "{} is pinned at {}, and a table of its identity lies at {place} below the root",
                pin.table_key, pin.table_path
            ));
        }
        if !identities.insert(pin.identity) {
            return broken(format!("the table {} is pinned twice", pin.identity));
        }
        if !keys.insert(&pin.table_key) {
            return broken(format!(
                "{} is pinned twice, as two tables of one name",
                pin.table_key
            ));
        }
    }
    Ok(())
}

/// The rules of the kind that makes no plan.
pub(super) fn check_without_a_plan(sidecar: &Sidecar9) -> Result<(), Fault> {
    let kind = sidecar.writer_kind.name();
    if !sidecar.branch().is_main() {
        return broken(format!(
            "it is about branch {}, and {kind} works on main only",
            sidecar.branch()
        ));
    }
    for pin in &sidecar.tables {
        let branch = Branch::of(pin.table_branch.as_deref());
        if !branch.is_main() {
            return broken(format!(
                "it pins {} on Lance branch {branch}, and {kind} works on main only",
                pin.table_key
            ));
        }
        if pin.confirmed_version.is_some() {
            return broken(format!(
                "it says that {} is confirmed, and {kind} confirms nothing",
                pin.table_key
            ));
        }
    }
    Ok(())
}
