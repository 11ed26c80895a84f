//! The verdict in sentences.

use super::super::evidence::{Beside, BranchSeen, Evidence, HeadSeen};
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
    let is_gone = matches!(evidence.branch, BranchSeen::Gone { .. });
    Verdict9 {
        headline: headline(sidecar, standings, disposition, &reasons),
        engine: at_its_place(
            engine(sidecar, disposition, &reasons),
            evidence.beside.moved_from.as_deref(),
        ),
        advice: advice(sidecar, standings, disposition, &reasons, &evidence.beside),
        disposition,
        reasons,
        tables: standings
            .iter()
            .map(|standing| table(standing, disposition, is_gone))
            .collect(),
    }
}

/// No engine opens a graph at another place than the one that such a file names.
fn at_its_place(engine: &str, moved_from: Option<&str>) -> String {
    match moved_from {
        None => engine.to_owned(),
        Some(place) => format!(
            "Here no engine opens the graph for writing as long as the file is there: the file names the tables at {place}. At that place: {engine}"
        ),
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
            "The compacted tables were published. Only the file is left.".to_owned()
        }
        Disposition9::AlreadyPublished => {
            "The write was published exactly as the file says. Only the file is left.".to_owned()
        }
        Disposition9::StaleArmed => {
            "The write is published: its graph commit is in the catalog, and the versions that this commit published are the transactions that the file planned. The file is older than that, and still says that the write had only begun.".to_owned()
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
        Disposition9::NeverStarted if reasons.is_empty() => {
            "No table carries a commit of this write. No data is in question.".to_owned()
        }
        Disposition9::NeverStarted => {
            "No table carries a commit of this write.".to_owned()
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
                "{} of {count} tables stand above what readers see. They go back, since such a run is all or nothing.",
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
            "All the data was written, but its writer never confirmed that: by the rules of the engine it can only be taken back.".to_owned()
        }
        (Some(_), own) => format!(
            "{own} of {count} tables carry the write. It cannot be finished, so that it is taken back."
        ),
    }
}

/// What omnigraph v0.9.0 does, as its source says and its results on crashed graphs show.
fn engine(sidecar: &Sidecar9, disposition: Disposition9, reasons: &[Reason]) -> &'static str {
    match disposition {
        Disposition9::Waiting => {
            "omnigraph 0.9 and 0.10 take the files in the order of their names at the next read-write open."
        }
        Disposition9::OrphanedBranch => {
            "omnigraph 0.9 and 0.10 record on main that it was discarded, and remove the file, at the next read-write open."
        }
        Disposition9::Abort => match reasons.first().map(|reason| reason.code) {
            Some(Code::BranchTreeLeft) => {
                "omnigraph 0.9 and 0.10 take the branch for deleted: they record that on main and remove the file at the next read-write open."
            }
            Some(Code::BranchPathOverlap) => {
                "omnigraph 0.9 and 0.10 leave the file, or refuse to open the graph for writing if a table carries a commit of the write."
            }
            Some(Code::HeadBelowPin) => {
                "omnigraph 0.9 and 0.10 refuse to open the graph for writing, or remove the file without a record if no table carries a commit of the write."
            }
            _ => {
                "omnigraph 0.9 and 0.10 refuse to open the graph for writing as long as the file is there."
            }
        },
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

fn advice(
    sidecar: &Sidecar9,
    standings: &[Standing<'_>],
    disposition: Disposition9,
    reasons: &[Reason],
    beside: &Beside,
) -> String {
    let has = |code| reasons.iter().any(|reason| reason.code == code);
    let mut advice = match disposition {
        Disposition9::Waiting => format!(
            "Resolve {} first, and look again. An engine takes both in one open, and takes this write back if the older one changes the head of the branch. Do not set the file aside before that.",
            beside.waiting_for.as_deref().unwrap_or("the older file")
        ),
        Disposition9::RollForward if sidecar.payload().is_none() => {
            format!("{OPEN_ONCE}: the tables would stay ahead of what readers see, and engines refuse to write to such tables.")
        }
        Disposition9::RollForward => format!("{OPEN_ONCE}: its data would never become visible."),
        Disposition9::RollBack if !standings.iter().any(Standing::has_moved) => {
            format!("{OPEN_ONCE}: its undo would have no record.")
        }
        Disposition9::RollBack => format!(
            "{OPEN_ONCE}: the tables would stay ahead of what readers see, and engines refuse to write to such tables."
        ),
        Disposition9::AlreadyPublished if has(Code::SchemaNotInForce) => {
            format!("{OPEN_ONCE}: without it no engine puts the staged schema files in force, and none opens the graph.")
        }
        Disposition9::StaleArmed if has(Code::SchemaNotInForce) => {
            "Stop all writers, keep a backup of the root, and put the three staged schema files in force by hand: rename each of them to its name without .staging. Then look again, and set the file aside.".to_owned()
        }
        Disposition9::AlreadyRolledBack if has(Code::SchemaNotInForce) || has(Code::SchemaContradictory) => {
            format!("{OPEN_ONCE}: without it no engine removes the staged schema files.")
        }
        Disposition9::AlreadyPublished
        | Disposition9::AlreadyRolledBack
        | Disposition9::Superseded
        | Disposition9::OrphanedBranch => {
            "Open the graph once for writing with omnigraph 0.9 or 0.10, or set the file aside here: nothing in the tables depends on it, and the record of the recovery is then in the journal alone.".to_owned()
        }
        Disposition9::StaleArmed => {
            "Stop all writers and set the file aside here: its bytes are kept in the journal, and nothing in the tables depends on it.".to_owned()
        }
        Disposition9::NeverStarted => {
            "Stop its writer: a live one may still begin. Then set the file aside here, or open the graph once for writing with omnigraph 0.9 or 0.10.".to_owned()
        }
        Disposition9::Abort => {
            "Keep a backup of the root. Look at the tables, and at who wrote them. Setting the file aside leaves every table as it is: what the write left in them then counts as drift.".to_owned()
        }
    };
    let mut add = |sentence: &str| {
        advice.push(' ');
        advice.push_str(sentence);
    };
    if has(Code::Interleaved) && disposition == Disposition9::RollBack {
        add("Copy what the commits of others hold before that: they go with it.");
    }
    if has(Code::Interleaved) && disposition == Disposition9::RollForward {
        add("The commits of others that are named above become visible with it.");
    }
    if let [first, ..] = beside.followed_by.as_slice() {
        let resolves = matches!(
            disposition,
            Disposition9::RollForward | Disposition9::RollBack
        );
        if resolves {
            add(&format!(
                "The same open resolves {} younger file{} of the branch, {first} first. It takes those writes back, also confirmed ones, since the head of the branch is another one by then.",
                beside.followed_by.len(),
                if beside.followed_by.len() == 1 {
                    ""
                } else {
                    "s"
                }
            ));
        }
    }
    if beside.is_locked {
        add(
            "The lock of the schema change (branch __schema_apply_lock__ of the catalog) stays and blocks every later write: `doctor` says how it is removed.",
        );
    }
    if let Some(place) = &beside.moved_from {
        add(&format!(
            "An engine opens the graph only at {place}: move it back first."
        ));
    }
    advice
}

fn table(standing: &Standing<'_>, disposition: Disposition9, is_gone: bool) -> TableVerdict9 {
    let is_told = matches!(disposition, Disposition9::RollBack | Disposition9::Abort);
    TableVerdict9 {
        table_key: standing.pin.table_key.clone(),
        visible_version: standing.visible.map(|table| table.row.version),
        head: standing.head(),
        sentence: if is_gone {
            without_branch(standing)
        } else {
            stands(standing)
        },
        foreign_versions: if is_told && !is_gone {
            standing.foreign.clone()
        } else {
            Vec::new()
        },
    }
}

/// `version 3`, `versions 3 to 1028`, or the first and last of several ranges and their count.
pub(crate) fn versions(versions: &[u64]) -> String {
    let is_row = versions
        .windows(2)
        .all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    match versions {
        [] => "no version".to_owned(),
        [one] => format!("version {one}"),
        [first, .., last] if is_row => format!("versions {first} to {last}"),
        [first, .., last] => format!("{} versions from {first} to {last}", versions.len()),
    }
}

fn without_branch(standing: &Standing<'_>) -> String {
    let own = if standing.is_own() {
        ", with a commit of the write"
    } else {
        ""
    };
    match standing.head() {
        Some(head) => {
            format!("HEAD is version {head}{own}; the branch that readers would see it on is gone")
        }
        None => "it has no such Lance branch any more".to_owned(),
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
