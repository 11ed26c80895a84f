//! `SchemaApply`: tables overwritten, added, renamed and removed, and three schema files.

use super::super::evidence::Evidence;
use super::super::payload::Payload;
use super::super::proof::Ownership;
use super::authority::is_the_same_branch;
use super::commits::{forward_or_back, interleaved, recreated};
use super::found::{Found, abort};
use super::table::Standing;
use crate::code::{Code, Reason};
use crate::disposition::Disposition;

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
        return Found::because(Disposition::Abort, reason);
    }
    let found = if payload.rollback_audit_outcomes.is_some() {
        Disposition::RollBack.into()
    } else {
        forward_or_back(payload, evidence, standings)
    };
    match found.disposition {
        Disposition::RollForward => match unproven_target(payload, evidence) {
            Some(why) => abort(
                Code::SchemaContradictory,
                format!("the schema files do not hold the schema that the write brings: {why}"),
            ),
            None => found,
        },
        Disposition::RollBack => match not_discardable(payload, evidence) {
            Some(why) => abort(Code::SchemaContradictory, why),
            None => found,
        },
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::Abort
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted => found,
    }
}

/// Why the change cannot be taken back: the engine first removes the tables that it added, and then refuses.
fn not_discardable(payload: &Payload, evidence: &Evidence) -> Option<String> {
    let (before, target) = (
        &payload.authority.schema_ir_hash,
        payload.target_schema_ir_hash.as_ref()?,
    );
    let is_in_force = evidence
        .schema
        .live
        .as_ref()
        .is_ok_and(|live| live.ir_hash == *before);
    if !is_in_force {
        return Some(
            "the schema in force is not the one from before the change, which is not published: put the schema files from before back first".to_owned(),
        );
    }
    let next = &evidence.schema.next;
    let is_known = |hash: &Option<String>| {
        hash.as_ref()
            .is_none_or(|hash| hash == before || hash == target)
    };
    (evidence.schema.is_staged && !(is_known(&next.ir_hash) && is_known(&next.state_hash))).then(
        || {
            "a staged schema file belongs to another change than this one: move it away first"
                .to_owned()
        },
    )
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

/// The work left on the schema files of a published change; `None` if the schema that it brings is in force.
pub(super) fn promotion_pending(payload: &Payload, evidence: &Evidence) -> Option<Reason> {
    let target = payload.target_schema_ir_hash.as_ref()?;
    let live = evidence.schema.live.as_ref();
    if live.is_ok_and(|live| live.ir_hash == *target) && !evidence.schema.is_staged {
        return None;
    }
    Some(match unproven_target(payload, evidence) {
        None => Reason::new(
            Code::SchemaNotInForce,
            "the schema files that belong to it are staged and not in force yet: engines refuse to open the graph for reading until they are",
        ),
        Some(why) => Reason::new(
            Code::SchemaContradictory,
            format!(
                "readers see its tables, and neither the schema in force nor the staged files hold the schema that belongs to them: {why}"
            ),
        ),
    })
}

/// The work left on the schema files of a change that was taken back.
pub(super) fn discard_pending(payload: &Payload, evidence: &Evidence) -> Option<Reason> {
    payload.target_schema_ir_hash.as_ref()?;
    if let Some(why) = not_discardable(payload, evidence) {
        return Some(Reason::new(Code::SchemaContradictory, why));
    }
    evidence.schema.is_staged.then(|| {
        Reason::new(
            Code::SchemaNotInForce,
            "schema files of the change that was taken back are still staged: the engine removes them before it opens the graph",
        )
    })
}
