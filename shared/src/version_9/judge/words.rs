//! The verdict in sentences.

use super::super::evidence::{Evidence, HeadSeen};
use super::super::payload::EffectPhase;
use super::super::proof::Ownership;
use super::super::sidecar::Sidecar9;
use super::super::verdict::{Disposition9, TableVerdict9, Verdict9};
use super::found::Found;
use super::table::Standing;
use crate::code::{Code, Reason};
use crate::writer_kind::WriterKind;

pub(super) fn verdict(
    sidecar: &Sidecar9,
    evidence: &Evidence,
    standings: &[Standing<'_>],
    found: Found,
) -> Verdict9 {
    let Found {
        disposition,
        reasons,
    } = found;
    Verdict9 {
        headline: headline(sidecar, standings, disposition, &reasons),
        engine: engine(sidecar, disposition).to_owned(),
        advice: advice(standings, disposition, evidence),
        disposition,
        reasons,
        tables: standings.iter().map(table).collect(),
    }
}

fn headline(
    sidecar: &Sidecar9,
    standings: &[Standing<'_>],
    disposition: Disposition9,
    reasons: &[Reason],
) -> String {
    match disposition {
        Disposition9::Waiting => {
            "An older sidecar decides about this one: the graph that this write was planned for changes with it.".to_owned()
        }
        Disposition9::OrphanedBranch => format!(
            "Branch {} is gone, and the write with it.",
            sidecar.branch()
        ),
        Disposition9::Abort => {
            "What is there contradicts the file, or cannot be proven. No program can decide what becomes of this write.".to_owned()
        }
        Disposition9::AlreadyPublished if sidecar.writer_kind == WriterKind::Optimize => {
            "Readers see the compacted tables. Only the file is left.".to_owned()
        }
        Disposition9::AlreadyPublished => {
            "Readers see the write exactly as the file says. Only the file is left.".to_owned()
        }
        Disposition9::StaleArmed => {
            "Readers see the write: its graph commit is in the catalog, and the versions that this commit published are the transactions that the file planned. The file is older than that, and still says that the write had only begun.".to_owned()
        }
        Disposition9::AlreadyRolledBack => {
            "The write was taken back, and the catalog says so. Only the file is left.".to_owned()
        }
        Disposition9::Superseded => {
            "Nothing of this run is pending. Others published the same tables since, so that nobody can say whether its work is among what readers see.".to_owned()
        }
        Disposition9::NeverStarted if sidecar.phase() == Some(EffectPhase::EffectsConfirmed) => {
            "No table carries a commit of this write any more, although its writer confirmed all of them. They went with a branch that was deleted, or with a backup that was restored.".to_owned()
        }
        Disposition9::NeverStarted => {
            "No table carries a commit of this write. No data is in question.".to_owned()
        }
        Disposition9::RollForward if standings.is_empty() => {
            "The write commits to no table. Its writer confirmed it, and the graph is as it was when the write was planned. Only the publish is missing.".to_owned()
        }
        Disposition9::RollForward if sidecar.payload().is_none() => {
            "Every table was compacted. Only the publish is missing.".to_owned()
        }
        Disposition9::RollForward => {
            "Every table carries the write, its writer confirmed that, and the graph is as it was when the write was planned. Only the publish is missing.".to_owned()
        }
        Disposition9::RollBack => roll_back(sidecar, standings, reasons),
    }
}

fn roll_back(sidecar: &Sidecar9, standings: &[Standing<'_>], reasons: &[Reason]) -> String {
    let count = standings.len();
    let own = standings
        .iter()
        .filter(|standing| standing.is_own())
        .count();
    let payload = sidecar.payload();
    if payload.is_some_and(|payload| payload.rollback_audit_outcomes.is_some()) {
        return "A recovery began to take this write back, and did not finish.".to_owned();
    }
    if reasons
        .iter()
        .any(|reason| reason.code == Code::AuthorityMoved)
    {
        return format!(
            "{own} of {count} tables carry the write. The graph has moved on since it was planned, so that it can only be taken back."
        );
    }
    let is_armed = sidecar.phase() == Some(EffectPhase::Armed);
    match (payload, own) {
        (None, _) => {
            let moved = standings.iter().filter(|standing| standing.has_moved());
            format!(
                "{} of {count} tables were compacted, and readers see none of it. The moved ones go back.",
                moved.count()
            )
        }
        (Some(_), 0) if count == 0 => {
            "The write commits to no table, and its writer never confirmed it. It is taken back, with a graph commit that says so.".to_owned()
        }
        (Some(_), 0) => {
            "No table carries a commit of this write. It is taken back all the same, with a graph commit that says so.".to_owned()
        }
        (Some(_), own) if own == count && is_armed => {
            "All the data was written, but its writer never confirmed that, so that it can only be taken back.".to_owned()
        }
        (Some(_), own) => format!(
            "{own} of {count} tables carry the write. It cannot be finished, so that it is taken back."
        ),
    }
}

/// What omnigraph v0.9.0 does, as its source says and its results on crashed graphs show.
fn engine(sidecar: &Sidecar9, disposition: Disposition9) -> &'static str {
    match disposition {
        Disposition9::Waiting => {
            "omnigraph 0.9 and 0.10 take the files in the order of their names at the next read-write open."
        }
        Disposition9::OrphanedBranch => {
            "omnigraph 0.9 and 0.10 record on main that it was discarded, and remove the file, at the next read-write open."
        }
        Disposition9::Abort => {
            "omnigraph 0.9 and 0.10 refuse to open the graph for writing as long as the file is there."
        }
        Disposition9::AlreadyPublished | Disposition9::AlreadyRolledBack => {
            "omnigraph 0.9 and 0.10 add the record of the recovery and remove the file at the next read-write open. No table changes."
        }
        Disposition9::StaleArmed => {
            "omnigraph 0.9, 0.10 and 0.11 refuse to open the graph for writing as long as the file is there (\"manifest delta differs\"). No release mends it."
        }
        Disposition9::Superseded => {
            "omnigraph 0.9 and 0.10 record it as rolled forward and remove the file at the next read-write open. No table changes."
        }
        Disposition9::NeverStarted if sidecar.phase() == Some(EffectPhase::EffectsConfirmed) => {
            "omnigraph 0.9 and 0.10 remove the file without a record at the next read-write open, or refuse that open where the Lance branch of a table is gone."
        }
        Disposition9::NeverStarted => match sidecar.writer_kind {
            WriterKind::Mutation | WriterKind::Load | WriterKind::BranchMerge => {
                "omnigraph 0.9 and 0.10 remove the file without a record at the next read-write open. A running server refuses writes on the branch until then."
            }
            WriterKind::SchemaApply | WriterKind::EnsureIndices | WriterKind::Optimize => {
                "omnigraph 0.9 and 0.10 record a roll back that moves no table, and remove the file, at the next read-write open."
            }
        },
        Disposition9::RollForward => {
            "omnigraph 0.9 and 0.10 publish it at the next read-write open, and a running server at its next write on the branch."
        }
        Disposition9::RollBack => {
            "omnigraph 0.9 and 0.10 take it back at the next read-write open. A running server leaves it, and refuses writes on the branch until then."
        }
    }
}

const OPEN_ONCE: &str = "This build shows the verdict and does not carry it out. Stop all writers, keep a backup of the root, and open the graph once for writing with omnigraph 0.9 or 0.10. Do not set the file aside";

fn advice(standings: &[Standing<'_>], disposition: Disposition9, evidence: &Evidence) -> String {
    match disposition {
        Disposition9::Waiting => format!(
            "Resolve {} first, and look again.",
            evidence.waiting_for.as_deref().unwrap_or("the older file")
        ),
        Disposition9::RollForward => format!("{OPEN_ONCE}: its data would never become visible."),
        Disposition9::RollBack if !standings.iter().any(Standing::has_moved) => format!("{OPEN_ONCE}: its undo would have no record."),
        Disposition9::RollBack => format!(
            "{OPEN_ONCE}: the tables would stay ahead of what readers see, and engines refuse to write to such tables."
        ),
        Disposition9::AlreadyPublished => {
            "Open the graph once for writing with omnigraph 0.9 or 0.10, or set the file aside here. No data depends on it; the record of the recovery is then in the journal alone. Where schema files are staged, only the engine puts them in force.".to_owned()
        }
        Disposition9::AlreadyRolledBack | Disposition9::Superseded | Disposition9::OrphanedBranch => {
            "Open the graph once for writing with omnigraph 0.9 or 0.10, or set the file aside here. No data depends on it; the record of the recovery is then in the journal alone.".to_owned()
        }
        Disposition9::StaleArmed => {
            let ahead = ahead(standings);
            let drift = if ahead.is_empty() {
                String::new()
            } else {
                format!(
                    " {ahead} stands above what readers see, which no file accounts for once this one is gone: engines refuse to write there until it is repaired."
                )
            };
            format!(
                "Stop all writers and set the file aside here: its bytes are kept in the journal, and no data depends on it.{drift}"
            )
        }
        Disposition9::NeverStarted => {
            "Make sure that its writer is dead: a live one may still begin. Then set the file aside here, or open the graph once for writing with omnigraph 0.9 or 0.10.".to_owned()
        }
        Disposition9::Abort => {
            "Look at the tables, and at who wrote them. Setting the file aside leaves every table as it is: what the write left in them then counts as drift.".to_owned()
        }
    }
}

fn ahead(standings: &[Standing<'_>]) -> String {
    let ahead = standings
        .iter()
        .filter(|standing| standing.head() > Some(standing.visible_version()));
    let keys: Vec<&str> = ahead
        .map(|standing| standing.pin.table_key.as_str())
        .collect();
    keys.join(", ")
}

fn table(standing: &Standing<'_>) -> TableVerdict9 {
    TableVerdict9 {
        table_key: standing.pin.table_key.clone(),
        visible_version: standing.visible.map(|table| table.row.version),
        head: standing.head(),
        sentence: stands(standing),
        foreign_versions: standing.foreign.clone(),
    }
}

fn stands(standing: &Standing<'_>) -> String {
    let visible = match standing.visible {
        Some(table) => format!("readers see version {}", table.row.version),
        None => "readers do not see it".to_owned(),
    };
    let head = match &standing.seen.head {
        HeadSeen::At(versions) => versions.head,
        HeadSeen::DatasetMissing => return format!("{visible}; there is no dataset"),
        HeadSeen::BranchMissing => return format!("{visible}; its Lance branch is not there"),
        HeadSeen::Unreadable(reason) => return format!("{visible}; it cannot be read: {reason}"),
    };
    if standing.is_own() && Some(head) == standing.visible.map(|table| table.row.version) {
        return format!("HEAD is version {head}, as readers see it");
    }
    let whose = match standing.ownership {
        Ownership::AtHead if standing.planned().len() > 1 && !standing.is_whole => {
            "HEAD is a part of the write's commits"
        }
        Ownership::AtHead => "HEAD is the write's own commit",
        Ownership::BeforeHead => "the write's commit is below HEAD, and others lie on it",
        Ownership::CompensatedAtHead => "HEAD returned the table to what readers see",
        Ownership::Unverifiable => "whose HEAD is cannot be proven",
        Ownership::None if standing.effect.is_none() => {
            return match standing.has_moved() {
                true => format!("HEAD is version {head}, {visible}"),
                false => format!("HEAD is version {head}, as readers see it"),
            };
        }
        Ownership::None if standing.has_moved() => "HEAD is somebody else's",
        Ownership::None => "no commit of the write is in it",
    };
    format!("HEAD is version {head}, {visible}; {whose}")
}
