//! `BranchMerge`: chains of commits, and Lance branches.

use super::super::evidence::{Evidence, HeadSeen};
use super::super::payload::{EffectPhase, Payload};
use super::super::proof::Ownership;
use super::authority::is_the_same_branch;
use super::commits::{forward_or_back, recreated};
use super::found::{Found, abort};
use super::table::Standing;
use crate::code::Code;
use crate::disposition::Disposition;

pub(super) fn disposition(
    payload: &Payload,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Found {
    let has_moved = standings.iter().any(Standing::has_moved);
    if !is_the_same_branch(&payload.authority, evidence) {
        return if has_moved {
            recreated()
        } else {
            Disposition::NeverStarted.into()
        };
    }
    let is_confirmed = payload.effect_phase == EffectPhase::EffectsConfirmed;
    let interleaved = standings
        .iter()
        .find_map(|standing| interleaved(standing, is_confirmed));
    if let Some(detail) = interleaved {
        return abort(Code::Interleaved, detail);
    }
    let found = forward_or_back(payload, evidence, standings);
    if found.disposition.takes_it_back() && !has_moved {
        return Found {
            disposition: Disposition::NeverStarted,
            reasons: found.reasons,
        };
    }
    found
}

fn interleaved(standing: &Standing<'_>, is_confirmed: bool) -> Option<String> {
    let key = &standing.pin.table_key;
    let (visible, expected) = (standing.visible_version(), standing.pin.expected_version);
    if visible != expected {
        return Some(format!(
            "readers see version {visible} of {key}, and the merge was planned on version {expected}"
        ));
    }
    if standing.is_first_touch() && standing.is_another_fork() {
        return Some(format!(
            "the Lance branch of {key} is not the one that the merge was about to make"
        ));
    }
    if !is_confirmed {
        return None;
    }
    if standing.seen.head == HeadSeen::BranchMissing {
        return Some(format!(
            "the Lance branch that the merge made for {key} is gone"
        ));
    }
    let is_elsewhere = standing.head() != standing.pin.confirmed_version
        && standing.ownership != Ownership::CompensatedAtHead;
    is_elsewhere.then(|| {
        format!(
            "{key} stands at version {}, and the merge confirmed version {}",
            standing.head().unwrap_or_default(),
            standing.pin.confirmed_version.unwrap_or_default()
        )
    })
}
