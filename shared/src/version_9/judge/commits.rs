//! `Mutation` and `Load`: one commit per table.

use super::super::evidence::Evidence;
use super::super::payload::{EffectPhase, Payload};
use super::super::proof::Ownership;
use super::authority::{is_the_same_branch, moved_on, unreadable};
use super::found::{Found, abort};
use super::table::Standing;
use crate::code::{Code, Reason};
use crate::disposition::Disposition;

pub(super) fn disposition(
    payload: &Payload,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Found {
    if !standings.iter().any(Standing::is_own) {
        return Disposition::NeverStarted.into();
    }
    if !is_the_same_branch(&payload.authority, evidence) {
        return recreated();
    }
    if let Some(reason) = standings.iter().find_map(interleaved) {
        return Found::because(Disposition::Abort, reason);
    }
    forward_or_back(payload, evidence, standings)
}

pub(super) fn recreated() -> Found {
    abort(
        Code::BranchRecreated,
        "the branch of the graph was deleted and made again since: it is another branch of the same name, and tables carry commits or Lance branches of the write all the same",
    )
}

/// Roll forward if every effect is there as it was confirmed and the graph has not moved on, else roll back.
pub(super) fn forward_or_back(
    payload: &Payload,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Found {
    if let Some(reason) = unreadable(evidence) {
        return Found::because(Disposition::Abort, reason);
    }
    let moved = moved_on(&payload.authority, evidence);
    if !moved.is_empty() {
        let reasons = moved.into_iter();
        return Found {
            disposition: Disposition::RollBack,
            reasons: reasons
                .map(|moved| Reason::new(Code::AuthorityMoved, moved))
                .collect(),
        };
    }
    let is_confirmed = payload.effect_phase == EffectPhase::EffectsConfirmed
        && standings.iter().all(Standing::is_confirmed_at_head)
        && standings
            .iter()
            .all(|standing| standing.visible_version() == standing.pin.expected_version);
    if is_confirmed {
        Disposition::RollForward.into()
    } else {
        Disposition::RollBack.into()
    }
}

/// A commit of somebody else on or beside the effects, which a restore would take away or a publish would show.
pub(super) fn interleaved(standing: &Standing<'_>) -> Option<Reason> {
    let key = &standing.pin.table_key;
    let (visible, expected) = (standing.visible_version(), standing.pin.expected_version);
    let head = standing.head().unwrap_or_default();
    let detail = match standing.ownership {
        Ownership::BeforeHead => format!(
            "somebody else committed to {key} after the write: its commit is below version {head}"
        ),
        Ownership::AtHead | Ownership::CompensatedAtHead => {
            let is_between = expected < visible && visible < head;
            if visible == expected || is_between {
                return None;
            }
            format!(
                "readers see version {visible} of {key}, and the write was planned on version {expected}"
            )
        }
        Ownership::None | Ownership::Unverifiable => {
            if !standing.has_moved() {
                return None;
            }
            format!(
                "{key} stands at version {head}, and no commit of the write is among those above version {visible}"
            )
        }
    };
    Some(Reason::new(Code::Interleaved, detail))
}
