//! The obstacles to a write: reasons to refuse it, contradictions, and cases that this build does not carry out.

use crate::branch::Branch;
use crate::catalog_stamp::{not_undone, stamp_unsupported};
use crate::code::{Code, Reason};
use crate::decision::Decision;
use crate::observation::{
    CatalogObservation, HeadObservation, Observation, Pinned, TableObservation, obstacle,
};
use crate::root_layout::STAMPS_ACTED_ON;
use crate::sidecar::{Sidecar, TablePin};

/// Whether the branch seems to be another one of the same name, made after this writer started.
///
/// Only the clocks of two machines say so, so a person has to say whether it is. Nothing in a sidecar tells two branches of one
/// name apart. Where the tables prove it, the observation has a conflict.
pub(super) fn branch_recreated(sidecar: &Sidecar, catalog: &CatalogObservation) -> bool {
    !sidecar.branch().is_main()
        && matches!(
            catalog,
            CatalogObservation::Present {
                branch_created_at: Some(created_at),
                ..
            } if *created_at > sidecar.started_at
        )
}

/// Every way in which the catalog and the tables contradict each other, or could not be looked at.
pub(super) fn contradictions(
    catalog: &CatalogObservation,
    looked_at: &[(&TablePin, Option<&TableObservation>)],
    decision: Option<Decision>,
) -> Vec<Reason> {
    match catalog {
        CatalogObservation::Unreadable { reason } => {
            return vec![obstacle::catalog_unreadable(reason)];
        }
        CatalogObservation::BranchAbsent { tree_left: true } => {
            return vec![Reason::new(
                Code::BranchTreeLeft,
                "the branch is gone from the catalog, but files of it are left in the catalog's tree folder: it may be half-deleted",
            )];
        }
        CatalogObservation::BranchAbsent { tree_left: false } => {
            return vec![Reason::new(
                Code::CatalogUnreadable,
                "the catalog has no main branch",
            )];
        }
        CatalogObservation::Present { .. } => {}
    }
    let mut reasons = Vec::new();
    for (pin, table) in looked_at {
        let key = &pin.table_key;
        let Some(table) = table else {
            reasons.push(Reason::new(
                Code::TableUnreadable,
                format!("{key} was not looked at"),
            ));
            continue;
        };
        match (table.pinned, &table.head) {
            (Pinned::Absent | Pinned::At { version: 0 }, _) => reasons.push(Reason::new(
                Code::TableMissing,
                format!("{key} is not in the catalog: there is no version to return to"),
            )),
            (Pinned::Tombstoned { version }, _) => reasons.push(Reason::new(
                Code::TableMissing,
                format!("{key} was removed from the catalog by a tombstone at version {version}"),
            )),
            (_, HeadObservation::DatasetMissing) => reasons.push(Reason::new(
                Code::TableMissing,
                format!("{key} is in the catalog, but there is no dataset at its location"),
            )),
            (_, HeadObservation::Unreadable { reason }) => reasons.push(Reason::new(
                Code::TableUnreadable,
                format!("the Lance HEAD of {key} cannot be read: {reason}"),
            )),
            (_, HeadObservation::BranchMissing) if pin.table_branch().is_main() => {
                reasons.push(Reason::new(
                    Code::TableMissing,
                    format!("{key} is in the catalog, but its dataset has no main branch"),
                ));
            }
            (
                _,
                HeadObservation::At {
                    version: u64::MAX, ..
                },
            ) => {
                reasons.push(Reason::new(Code::TableUnreadable, format!("the Lance HEAD of {key} is the last version there can be: nothing can be committed on top of it")));
            }
            (Pinned::At { version }, head) => {
                if let Some(head) = head.version().filter(|head| *head < version) {
                    reasons.push(Reason::new(Code::HeadBelowPin, format!("{key}: Lance HEAD {head} is below the pin {version}; the catalog shows a version the table does not have")));
                }
                if let Some(elsewhere) = table
                    .pinned_elsewhere
                    .as_ref()
                    .filter(|elsewhere| !elsewhere.is_origin)
                {
                    reasons.push(Reason::new(Code::PinOnAnotherBranch, format!("{key}: the catalog shows version {version} of Lance branch {}, the writer wrote to {}, which was not made from that version: their numbers cannot be compared", Branch::of(elsewhere.branch.as_deref()), pin.table_branch())));
                }
                if version < pin.expected_version {
                    reasons.push(Reason::new(Code::PinBelowExpected, format!("{key}: the catalog shows {version}, the writer had seen {}; the catalog is behind, as after restoring a backup", pin.expected_version)));
                }
            }
        }
    }
    debug_assert!(
        decision != Some(Decision::Abort) || !reasons.is_empty(),
        "every InvariantViolation is a HEAD below its pin"
    );
    reasons
}

/// The blockers of a plan that this build cannot carry out, though the verdict over it is right. `is_undo` is whether the sidecar stands
/// for half an undo.
pub(crate) fn support(observation: &Observation, is_undo: bool) -> Vec<Reason> {
    let CatalogObservation::Present { stamp, .. } = observation.catalog else {
        return Vec::new();
    };
    let blocker = match is_undo {
        true => not_undone(stamp, false),
        false if STAMPS_ACTED_ON.contains(&stamp) => None,
        false => Some(stamp_unsupported(stamp)),
    };
    Vec::from_iter(blocker)
}
