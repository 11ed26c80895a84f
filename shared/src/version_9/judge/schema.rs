//! `SchemaApply`: tables overwritten, added, renamed and removed, and three schema files.

use super::super::evidence::Evidence;
use super::super::payload::Payload;
use super::super::proof::Ownership;
use super::super::verdict::Disposition9;
use super::authority::is_the_same_branch;
use super::commits::{forward_or_back, interleaved, recreated};
use super::found::{Found, abort};
use super::table::Standing;
use crate::code::{Code, Reason};

pub(super) fn disposition(
    payload: &Payload,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Found {
    if !is_the_same_branch(&payload.authority, evidence) {
        return recreated();
    }
    // A dataset that somebody else made where the write was about to make one is left alone.
    if let Some(reason) = standings.iter().find_map(|standing| {
        let is_foreign = standing.makes_the_dataset() && standing.ownership == Ownership::None;
        if is_foreign {
            None
        } else {
            interleaved(standing)
        }
    }) {
        return Found::because(Disposition9::Abort, reason);
    }
    if payload.rollback_audit_outcomes.is_some() {
        return Disposition9::RollBack.into();
    }
    let found = forward_or_back(payload, evidence, standings);
    match (found.disposition, unproven_target(payload, evidence)) {
        (Disposition9::RollForward, Some(why)) => abort(
            Code::SchemaContradictory,
            format!("the schema files do not hold the schema that the write brings: {why}"),
        ),
        _ => found,
    }
}

/// Why the files do not hold the schema that the write brings, staged or in force; `None` if they do.
fn unproven_target(payload: &Payload, evidence: &Evidence) -> Option<String> {
    let next = &evidence.schema.next;
    if let Some(unfit) = next.unfit.first() {
        return Some(format!("{}: {}", unfit.name, unfit.why));
    }
    let target = payload.target_schema_ir_hash.as_ref()?;
    let holds = |hash: &Option<String>| hash.as_ref() == Some(target);
    match (holds(&next.ir_hash), holds(&next.state_hash)) {
        (true, true) => None,
        (false, _) => Some(format!("the compiled schema does not hash to {target}")),
        (true, false) => Some(format!("the state file does not name {target}")),
    }
}

/// The reason that is shown with an outcome that is visible, if the schema files are not there yet.
pub(super) fn promotion_pending(payload: &Payload, evidence: &Evidence) -> Option<Reason> {
    let target = payload.target_schema_ir_hash.as_ref()?;
    let is_live = evidence
        .schema
        .live
        .as_ref()
        .is_ok_and(|live| live.ir_hash == *target);
    (!is_live && evidence.schema.is_staged).then(|| {
        Reason::new(
            Code::SchemaNotInForce,
            "the schema files that belong to it are staged and not in force yet: engines refuse to open the graph for reading until they are",
        )
    })
}
