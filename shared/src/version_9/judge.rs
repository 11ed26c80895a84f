//! From the evidence to the verdict over a sidecar of version 9, in the order of PROTOCOL.md, section 18.4.
//!
//! Source: omnigraph v0.9.0, `db/manifest/recovery.rs` (`process_sidecar` and its siblings), and the results that this engine reached on
//! graphs it crashed itself.

mod authority;
mod commits;
mod found;
mod indices;
mod merge;
mod optimize;
mod outcome;
mod schema;
mod slots;
mod table;
mod words;

use super::evidence::{BranchSeen, Evidence, HeadSeen};
use super::payload::Payload;
use super::proof::SeenOperation;
use super::sidecar::Sidecar9;
use super::verdict::Verdict9;
use crate::branch::Branch;
use crate::code::{Code, Reason};
use crate::disposition::Disposition;
use crate::writer_kind::WriterKind;
use found::{Found, abort};
use table::Standing;
pub(super) use words::versions;

/// Judges a sidecar of version 9 against the evidence. Pure: the same facts give the same verdict.
///
/// `evidence.tables` has one entry per pin, in order.
#[must_use]
pub fn judge_version_9(sidecar: &Sidecar9, evidence: &Evidence) -> Verdict9 {
    let standings = Standing::all(sidecar, evidence);
    let found = disposition(sidecar, evidence, &standings);
    words::verdict(sidecar, evidence, &standings, found)
}

fn disposition(sidecar: &Sidecar9, evidence: &Evidence, standings: &[Standing<'_>]) -> Found {
    if let Some(older) = &evidence.beside.waiting_for {
        let reason = Reason::new(
            Code::WaitingFor,
            format!(
                "{older} is older and unresolved, and what becomes of it decides about this one"
            ),
        );
        return Found::because(Disposition::Waiting, reason.about(older));
    }
    if let Some(found) = gone(sidecar, evidence, standings) {
        return found;
    }
    if evidence.tables.len() != sidecar.tables.len() {
        return abort(Code::TableUnreadable, "not every table was looked at");
    }
    let damage = standings.iter().find_map(damage);
    if let Some(found) = sidecar
        .payload()
        .and_then(|payload| outcome::visible(sidecar, payload, evidence))
    {
        return found
            .with(damage)
            .with_all(standings.iter().filter_map(drift));
    }
    if let Some(reason) = damage {
        return Found::because(Disposition::Abort, reason);
    }
    let Some(payload) = sidecar.payload() else {
        return optimize::disposition(standings);
    };
    if let Some(reason) = standings.iter().find_map(unproven) {
        return Found::because(Disposition::Abort, reason);
    }
    if let Some(reason) = renamed_meanwhile(sidecar, evidence, standings) {
        return Found::because(Disposition::Abort, reason);
    }
    let found = by_kind(sidecar.writer_kind, payload, evidence, standings);
    let untouched = standings
        .iter()
        .filter(|standing| standing.is_untouched_fork());
    let overlap = untouched.filter_map(Standing::overlap).next();
    match (found.disposition, overlap) {
        (Disposition::NeverStarted | Disposition::RollBack, Some(reason)) => {
            Found::because(Disposition::Abort, reason)
        }
        (Disposition::NeverStarted, None) => found
            .with_all(match recreated(sidecar, payload, evidence) {
                Some(reason) => vec![reason],
                None => standings.iter().filter_map(behind).collect(),
            })
            .with(authority::unreadable(evidence))
            .with_all(standings.iter().filter_map(drift)),
        (Disposition::RollBack, None) => found.with_all(standings.iter().filter_map(taken_along)),
        (Disposition::RollForward, _) => match slots::conflict(payload, evidence) {
            Some(reason) => Found::because(Disposition::Abort, reason),
            None => found,
        },
        (
            Disposition::Refused
            | Disposition::Waiting
            | Disposition::OrphanedBranch
            | Disposition::Abort
            | Disposition::AlreadyPublished
            | Disposition::StaleArmed
            | Disposition::AlreadyRolledBack
            | Disposition::Superseded,
            _,
        ) => found,
    }
}

/// The verdict where the branch of the graph is gone.
fn gone(sidecar: &Sidecar9, evidence: &Evidence, standings: &[Standing<'_>]) -> Option<Found> {
    let BranchSeen::Gone { tree_left } = evidence.branch else {
        return None;
    };
    let branch = sidecar.branch();
    if tree_left || branch.is_main() {
        return Some(abort(
            Code::BranchTreeLeft,
            format!("branch {branch} is not in the catalog, and files of it are still there"),
        ));
    }
    let Some(own) = standings.iter().find(|standing| standing.is_own()) else {
        return Some(Disposition::OrphanedBranch.into());
    };
    Some(abort(
        Code::BranchTreeLeft,
        format!(
            "branch {branch} is not in the catalog, and {} still carries a commit of the write on Lance branch {}",
            own.pin.table_key,
            Branch::of(own.pin.table_branch.as_deref())
        ),
    ))
}

/// A table that stands above what readers see, and not by the write.
fn drift(standing: &Standing<'_>) -> Option<Reason> {
    let (head, visible) = (standing.head()?, standing.visible?.row.version);
    let is_elsewhere = standing.is_first_touch();
    let key = &standing.pin.table_key;
    let found = standing.versions()?.transactions.get(&head);
    let why = match found.map(|found| &found.operation) {
        Some(SeenOperation::Restore { to }) if *to < visible => format!(
            "it is a Restore of version {to}. To publish it would take away what readers see: publish version {visible} anew instead"
        ),
        _ => "that is not this write's. Engines refuse to write there until another file accounts for it or the table is repaired".to_owned(),
    };
    (head > visible && !is_elsewhere).then(|| {
        Reason::new(
            Code::Drift,
            format!(
                "{key} stands at version {head}, above version {visible} that readers see; {why}"
            ),
        )
    })
}

/// The branch of the graph, if it is another one of the same name.
fn recreated(sidecar: &Sidecar9, payload: &Payload, evidence: &Evidence) -> Option<Reason> {
    let is_another = !authority::is_the_same_branch(&payload.authority, evidence);
    is_another.then(|| {
        Reason::new(
            Code::BranchRecreated,
            format!(
                "branch {} was deleted and made again after this write began: the catalog knows it by another identity",
                sidecar.branch()
            ),
        )
    })
}

/// A table whose visible version is older than the one that the write was planned on.
fn behind(standing: &Standing<'_>) -> Option<Reason> {
    let visible = standing.visible?.row.version;
    let expected = standing.pin.expected_version;
    (visible < expected).then(|| {
        Reason::new(
            Code::PinBelowExpected,
            format!(
                "readers see version {visible} of {}, and the write was planned on version {expected}: a backup of the catalog may have been restored",
                standing.pin.table_key
            ),
        )
    })
}

/// Commits of others that a return of the table takes away.
fn taken_along(standing: &Standing<'_>) -> Option<Reason> {
    let is_returned = standing.is_own() || standing.effect.is_none() && standing.has_moved();
    (is_returned && !standing.foreign.is_empty()).then(|| {
        Reason::new(
            Code::Interleaved,
            format!(
                "{} of {} are not of this write, and go with it when the table is returned to version {}",
                words::versions(&standing.foreign),
                standing.pin.table_key,
                standing.visible_version()
            ),
        )
    })
}

fn by_kind(
    kind: WriterKind,
    payload: &Payload,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Found {
    match kind {
        WriterKind::BranchMerge => merge::disposition(payload, evidence, standings),
        WriterKind::SchemaApply => schema::disposition(payload, evidence, standings),
        WriterKind::EnsureIndices => indices::disposition(payload, evidence, standings),
        WriterKind::Mutation | WriterKind::Load | WriterKind::Optimize => {
            commits::disposition(payload, evidence, standings)
        }
    }
}

/// A table that cannot be read, is gone, or is behind what readers see.
fn damage(standing: &Standing<'_>) -> Option<Reason> {
    let key = &standing.pin.table_key;
    let visible = standing.visible_version();
    let is_made = standing.makes_the_dataset();
    let is_below = standing.head().is_some_and(|head| head < standing.base());
    if standing.seen.is_visible_version_gone && !is_below {
        return Some(Reason::new(
            Code::TargetNotRestorable,
            format!(
                "version {visible} of {key}, which readers see, was cleaned away: nobody can open it, and nothing can be returned to it"
            ),
        ));
    }
    match &standing.seen.head {
        HeadSeen::Unreadable(_) if standing.seen.branch_below.is_some() => standing.overlap(),
        HeadSeen::Unreadable(reason) => Some(Reason::new(
            Code::TableUnreadable,
            format!("{key} cannot be read: {reason}"),
        )),
        HeadSeen::DatasetMissing if !is_made => Some(Reason::new(
            Code::TableMissing,
            format!("the dataset of {key} is gone"),
        )),
        HeadSeen::BranchMissing if !standing.is_first_touch() => Some(Reason::new(
            Code::TableMissing,
            format!(
                "{key} has no Lance branch {}, which readers see it on",
                Branch::of(standing.pin.table_branch.as_deref())
            ),
        )),
        HeadSeen::At(versions) if versions.head < standing.base() => Some(Reason::new(
            Code::HeadBelowPin,
            format!(
                "the Lance HEAD of {key} is version {}, below version {visible} that readers see; a backup of the table may have been restored without the catalog",
                versions.head
            ),
        )),
        _ if standing.visible.is_none() && !is_made => Some(Reason::new(
            Code::TableMissing,
            format!(
                "{key} is not in the catalog under the identity {}",
                standing.pin.identity
            ),
        )),
        HeadSeen::At(_) | HeadSeen::DatasetMissing | HeadSeen::BranchMissing => None,
    }
}

fn unproven(standing: &Standing<'_>) -> Option<Reason> {
    let why = standing.unverifiable.as_ref()?;
    Some(Reason::new(
        Code::Unverifiable,
        format!(
            "nobody can tell which commits of {} are the write's: {why}",
            standing.pin.table_key
        ),
    ))
}

/// A table that is called otherwise by now, or whose name another table has.
fn renamed_meanwhile(
    sidecar: &Sidecar9,
    evidence: &Evidence,
    standings: &[Standing<'_>],
) -> Option<Reason> {
    let delta = sidecar.payload().map(|payload| &payload.intended_delta);
    standings.iter().find_map(|standing| {
        let pin = standing.pin;
        let renames = delta.map_or(&[][..], |delta| delta.renames.as_slice());
        let renamed = renames.iter().find(|rename| rename.identity == pin.identity);
        let key = renamed.map_or(&pin.table_key, |rename| &rename.expected_table_key);
        let holder = evidence.graph.tables.called(key);
        let removes = delta.map_or(&[][..], |delta| delta.tombstones.as_slice());
        // The name becomes free by the same write.
        let is_freed = holder.is_some_and(|holder| removes.iter().any(|gone| gone.identity == holder));
        let is_called_otherwise = standing
            .visible
            .is_some_and(|table| table.table_key != *key);
        let is_taken = holder.is_some_and(|holder| holder != pin.identity) && !is_freed;
        (is_called_otherwise || is_taken).then(|| {
            Reason::new(
                Code::Interleaved,
                format!("{key} is another table than the one that the write knew by this name, or is called otherwise by now"),
            )
        })
    })
}
