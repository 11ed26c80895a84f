//! `EnsureIndices`: one commit per table that makes an index.

use super::super::evidence::Evidence;
use super::super::payload::Payload;
use super::super::proof::SeenOperation;
use super::authority::is_the_same_branch;
use super::commits::{forward_or_back, interleaved, recreated};
use super::found::{Found, abort};
use super::table::Standing;
use crate::code::Code;
use crate::disposition::Disposition;

pub(super) fn disposition(
    payload: &Payload,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Found {
    if !is_the_same_branch(&payload.authority, evidence) {
        let has_ref =
            |standing: &Standing<'_>| standing.is_first_touch() && standing.head().is_some();
        let is_left = standings
            .iter()
            .any(|standing| standing.is_own() || has_ref(standing));
        return if is_left {
            recreated()
        } else {
            Disposition::NeverStarted.into()
        };
    }
    for standing in standings {
        if let Some(reason) = interleaved(standing) {
            return Found::because(Disposition::Abort, reason);
        }
        let key = &standing.pin.table_key;
        if standing.is_own() && !is_an_index(standing) {
            return abort(
                Code::Interleaved,
                format!("the planned transaction of {key} made no index"),
            );
        }
        if standing.is_first_touch() && standing.is_another_fork() {
            return abort(
                Code::Interleaved,
                format!(
                    "the Lance branch of {key} is not the one that the write was about to make"
                ),
            );
        }
    }
    if payload.rollback_audit_outcomes.is_some() {
        return Disposition::RollBack.into();
    }
    forward_or_back(payload, evidence, standings)
}

fn is_an_index(standing: &Standing<'_>) -> bool {
    let Some((versions, [planned, ..])) = standing.versions().zip(Some(standing.planned())) else {
        return false;
    };
    let mut seen = versions.transactions.values();
    seen.any(|seen| {
        seen.identity.uuid == planned.uuid && seen.operation == SeenOperation::CreateIndex
    })
}
