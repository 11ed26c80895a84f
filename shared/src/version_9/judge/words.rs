//! The verdict in sentences.

use super::super::evidence::{Beside, BranchSeen, Evidence, HeadSeen};
use super::super::payload::EffectPhase;
use super::super::proof::Ownership;
use super::super::sidecar::Sidecar9;
use super::super::verdict::{Carries, TableVerdict9, Verdict9};
use super::found::Found;
use super::table::Standing;
use crate::code::{Code, Reason};
use crate::disposition::Disposition;
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
            engine(sidecar, standings, disposition, &reasons),
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
    disposition: Disposition,
    reasons: &[Reason],
) -> String {
    match disposition {
        // The rules of the shape refuse a file, before anything is looked at.
        Disposition::Refused => "The file is refused.".to_owned(),
        Disposition::Waiting => {
            "An older sidecar decides about this one: the graph that this write was planned for changes with it.".to_owned()
        }
        Disposition::OrphanedBranch => format!(
            "Branch {} is gone, and the write with it.",
            sidecar.branch()
        ),
        Disposition::Abort => {
            "The tables, the catalog or the schema files contradict the file, or do not prove what happened. No program can decide what becomes of this write.".to_owned()
        }
        Disposition::AlreadyPublished => match sidecar.writer_kind {
            WriterKind::Optimize => {
                "The compacted tables were published. Only the file is left.".to_owned()
            }
            WriterKind::Mutation
            | WriterKind::Load
            | WriterKind::SchemaApply
            | WriterKind::BranchMerge
            | WriterKind::EnsureIndices => {
                "The write was published exactly as the file says. Only the file is left.".to_owned()
            }
        },
        Disposition::StaleArmed => {
            "The write is published: its graph commit is in the catalog, and the versions that this commit published are the transactions that the file planned. The file is older than that, and still says that the write had only begun.".to_owned()
        }
        Disposition::AlreadyRolledBack => {
            "The write was taken back, and the catalog says so. Only the file is left.".to_owned()
        }
        Disposition::Superseded => {
            "Nothing of this run is pending. Others published the same tables since, so nobody can say whether readers see its work.".to_owned()
        }
        Disposition::NeverStarted
            if reasons.iter().any(|reason| reason.code == Code::BranchRecreated) =>
        {
            "The branch was deleted and made again, and the write went with the old one.".to_owned()
        }
        Disposition::NeverStarted if sidecar.phase() == Some(EffectPhase::EffectsConfirmed) => {
            "No table carries a commit of this write any more, although its writer confirmed all of them. A backup may have been restored.".to_owned()
        }
        Disposition::NeverStarted if reasons.is_empty() => {
            "No table carries a commit of this write. No data is in question.".to_owned()
        }
        Disposition::NeverStarted => {
            "No table carries a commit of this write.".to_owned()
        }
        Disposition::RollForward if standings.is_empty() => {
            "The write commits to no table. Its writer confirmed it, and the graph is as it was when the write was planned. Only the publish is missing.".to_owned()
        }
        Disposition::RollForward if sidecar.payload().is_none() => {
            "Every table was compacted. Only the publish is missing.".to_owned()
        }
        Disposition::RollForward => {
            "Every table carries the write, its writer confirmed that, and the graph is as it was when the write was planned. Only the publish is missing.".to_owned()
        }
        Disposition::RollBack => roll_back(sidecar, standings, reasons),
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
            "{} the write. The graph has moved on since it was planned, so it can only be taken back.",
            of_tables(own, count)
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
        (Some(_), own) if own == count && is_armed && sidecar.writer_kind.builds_indices() => {
            "All the indexes were built, but the writer never confirmed that: by the rules of the engine they can only be taken back.".to_owned()
        }
        (Some(_), own) if own == count && is_armed && standings.iter().all(|standing| standing.is_whole) => {
            "All the data was written, but its writer never confirmed that: by the rules of the engine it can only be taken back.".to_owned()
        }
        (Some(_), own) if own == count && standings.iter().any(|standing| !standing.is_whole) => {
            "Every table carries commits of the write, and at least one of them not all. It cannot be finished, so it is taken back.".to_owned()
        }
        (Some(_), own) => format!(
            "{} the write. It cannot be finished, so it is taken back.",
            of_tables(own, count)
        ),
    }
}

/// `2 of 3 tables carry`.
fn of_tables(own: usize, count: usize) -> String {
    match (own, count) {
        (1, 1) => "Its one table carries".to_owned(),
        (1, _) => format!("1 of {count} tables carries"),
        _ => format!("{own} of {count} tables carry"),
    }
}

/// The words for what omnigraph v0.9.0 does, by its source and by its results on crashed graphs.
fn engine(
    sidecar: &Sidecar9,
    standings: &[Standing<'_>],
    disposition: Disposition,
    reasons: &[Reason],
) -> &'static str {
    let is_any_own = standings.iter().any(Standing::is_own);
    match disposition {
        Disposition::Waiting => {
            "omnigraph 0.9 and 0.10 take the files in the order of their names at the next read-write open."
        }
        Disposition::OrphanedBranch => {
            "omnigraph 0.9 and 0.10 record on main that it was discarded, and remove the file, at the next read-write open."
        }
        Disposition::Refused => {
            "omnigraph 0.9 and 0.10 refuse to open the graph for writing as long as the file is there."
        }
        Disposition::Abort => match reasons.first().map(|reason| reason.code) {
            Some(Code::BranchTreeLeft) => {
                "omnigraph 0.9 and 0.10 take the branch for deleted: they record that on main and remove the file at the next read-write open."
            }
            Some(Code::BranchPathOverlap) if !is_any_own => {
                "omnigraph 0.9 and 0.10 open the graph and leave the file, which blocks writes on its branch."
            }
            Some(Code::HeadBelowPin) if !is_any_own => {
                "omnigraph 0.9 and 0.10 remove the file without a record at the next read-write open. The table stays unreadable."
            }
            _ => {
                "omnigraph 0.9 and 0.10 refuse to open the graph for writing as long as the file is there."
            }
        },
        Disposition::AlreadyPublished
            if reasons
                .iter()
                .any(|reason| reason.code == Code::SchemaNotInForce) =>
        {
            "omnigraph 0.9 and 0.10 put the staged schema files in force, add the record and remove the file at the next read-write open."
        }
        Disposition::AlreadyPublished | Disposition::AlreadyRolledBack => {
            "omnigraph 0.9 and 0.10 add the record of the recovery and remove the file at the next read-write open. No table changes."
        }
        Disposition::StaleArmed => {
            "omnigraph 0.9, 0.10 and 0.11 refuse to open the graph for writing as long as the file is there (\"manifest delta differs\"). No release mends it."
        }
        Disposition::Superseded => {
            "omnigraph 0.9 and 0.10 record it as rolled forward and remove the file at the next read-write open. No table changes."
        }
        Disposition::NeverStarted
            if sidecar.phase() == Some(EffectPhase::EffectsConfirmed)
                && standings
                    .iter()
                    .any(|standing| standing.seen.head == HeadSeen::BranchMissing) =>
        {
            "omnigraph 0.9 and 0.10 refuse to open the graph for writing as long as the file is there: the Lance branch of a table is gone."
        }
        Disposition::NeverStarted => match sidecar.writer_kind {
            WriterKind::Mutation | WriterKind::Load | WriterKind::BranchMerge => {
                "omnigraph 0.9 and 0.10 remove the file without a record at the next read-write open. A running server refuses writes on the branch until then."
            }
            WriterKind::SchemaApply | WriterKind::EnsureIndices | WriterKind::Optimize => {
                "omnigraph 0.9 and 0.10 record a roll back that moves no table, and remove the file, at the next read-write open."
            }
        },
        Disposition::RollForward => {
            "omnigraph 0.9 and 0.10 publish it at the next read-write open, and a running server at its next write on the branch."
        }
        Disposition::RollBack if sidecar.writer_kind.changes_the_schema() => {
            "omnigraph 0.9 and 0.10 take it back at the next read-write open. A running server leaves it, and refuses writes on every branch until then."
        }
        Disposition::RollBack => {
            "omnigraph 0.9 and 0.10 take it back at the next read-write open. A running server leaves it, and refuses writes on the branch until then."
        }
    }
}

fn advice(
    sidecar: &Sidecar9,
    standings: &[Standing<'_>],
    disposition: Disposition,
    reasons: &[Reason],
    beside: &Beside,
) -> String {
    let has = |code| reasons.iter().any(|reason| reason.code == code);
    let mut advice = match disposition {
        Disposition::Waiting => format!(
            "Resolve {} first, and look again. An engine takes both in one open, and takes this write back if the older one changes the head of the branch. Do not set the file aside before that.",
            beside.waiting_for.as_deref().unwrap_or("the older file")
        ),
        Disposition::RollForward if sidecar.payload().is_none() => {
            "Approve the plan. Until it or an engine publishes the tables, they stay ahead of what readers see, and engines refuse to write to them.".to_owned()
        }
        Disposition::RollForward => {
            "Approve the plan: it publishes the rows that the writer wrote down, under the graph commit that it fixed. Until this plan or an engine does that, readers see nothing of the write.".to_owned()
        }
        Disposition::RollBack if !standings.iter().any(returns) => {
            "Stop all writers and approve the plan: it records the undo. No table changes.".to_owned()
        }
        Disposition::RollBack => {
            "Stop all writers and approve the plan. Until it or an engine takes the write back, engines refuse to write to these tables.".to_owned()
        }
        Disposition::AlreadyPublished | Disposition::StaleArmed if has(Code::SchemaNotInForce) => {
            "Stop all writers and approve the plan: it puts the staged schema files in force. Until then engines refuse to open the graph for reading.".to_owned()
        }
        Disposition::AlreadyRolledBack if has(Code::SchemaNotInForce) || has(Code::SchemaContradictory) => {
            "Stop all writers and approve the plan: it takes the staged schema files away and keeps them beside the journal.".to_owned()
        }
        Disposition::AlreadyPublished
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::OrphanedBranch => {
            "Approve the plan: it records the recovery and removes the file. No table changes.".to_owned()
        }
        Disposition::StaleArmed => {
            "Stop all writers and approve the plan: it records the recovery and removes the file, which no engine does. No table changes.".to_owned()
        }
        Disposition::NeverStarted if sidecar.phase() == Some(EffectPhase::EffectsConfirmed) => {
            "Approve the plan: it removes the file. No table changes. The write has to be made again.".to_owned()
        }
        Disposition::NeverStarted => {
            "Stop its writer: a live one may still begin. Then approve the plan: it removes the file. No table changes.".to_owned()
        }
        Disposition::Abort if has(Code::HeadBelowPin) => {
            "Keep a backup of the root. Bring the version that readers see back from a backup of the table, and look again.".to_owned()
        }
        Disposition::Abort if has(Code::BranchPathOverlap) => {
            "Find out who needs the Lance branch that lies in the folder. If nobody does any more, for example because it was merged, delete its branch of the graph with an engine that still opens the graph. Its data goes with it. Then look again.".to_owned()
        }
        Disposition::Refused | Disposition::Abort => {
            "Keep a backup of the root. Look at the tables, and at who wrote them. Setting the file aside leaves every table as it is: what the write left in them then counts as drift.".to_owned()
        }
    };
    let mut add = |sentence: &str| {
        advice.push(' ');
        advice.push_str(sentence);
    };
    if has(Code::Interleaved) && disposition.takes_it_back() {
        add("Copy what the commits of others hold before that: they go with it.");
    }
    if has(Code::Interleaved) && disposition.publishes_it() {
        add("The commits of others that are named above become visible with it.");
    }
    if let [first, ..] = beside.followed_by.as_slice()
        && (disposition.publishes_it() || disposition.takes_it_back())
    {
        add(&format!(
            "Know this before: afterwards {first}{} can only be taken back, even if its writer confirmed it, since the head of the branch is another one by then.",
            match beside.followed_by.len() {
                1 => String::new(),
                count => format!(" (and {} more younger files of the branch)", count - 1),
            }
        ));
    }
    if beside.is_locked {
        add(
            "The lock of a schema change (branch __schema_apply_lock__ of the catalog) is there and blocks every write. The plan removes it if it is older than this file; no engine removes it.",
        );
    }
    if let Some(place) = &beside.moved_from {
        add(&format!(
            "As long as the file is there, an engine opens the graph only at {place}."
        ));
    }
    advice
}

/// Whether taking the write back changes the table: it carries a commit of the write, or its commits above the pin count as the
/// write's.
fn returns(standing: &Standing<'_>) -> bool {
    carries(standing) != Carries::Nothing
}

fn table(standing: &Standing<'_>, disposition: Disposition, is_gone: bool) -> TableVerdict9 {
    let is_told = match disposition {
        Disposition::Abort | Disposition::RollBack => true,
        Disposition::Refused
        | Disposition::Waiting
        | Disposition::OrphanedBranch
        | Disposition::AlreadyPublished
        | Disposition::StaleArmed
        | Disposition::AlreadyRolledBack
        | Disposition::Superseded
        | Disposition::NeverStarted
        | Disposition::RollForward => false,
    };
    let foreign = match standing.effect {
        Some(_) if is_told => standing.foreign.clone(),
        Some(_) => Vec::new(),
        None => standing.foreign_besides_maintenance(),
    };
    TableVerdict9 {
        table_key: standing.pin.table_key.clone(),
        visible_version: standing.visible.map(|table| table.row.version),
        head: standing.head(),
        sentence: if is_gone {
            without_branch(standing)
        } else {
            stands(standing)
        },
        carries: if is_gone {
            Carries::Nothing
        } else {
            carries(standing)
        },
        foreign_versions: if is_gone { Vec::new() } else { foreign },
    }
}

fn carries(standing: &Standing<'_>) -> Carries {
    let is_above = standing.head() > standing.visible.map(|table| table.row.version);
    match standing.ownership {
        _ if !is_above => Carries::Nothing,
        Ownership::AtHead | Ownership::BeforeHead => Carries::TheWrite,
        Ownership::CompensatedAtHead => Carries::ItsReturn,
        // An Optimize plans no transaction, and every commit above the visible version counts as its own.
        Ownership::None if standing.effect.is_none() => Carries::TheWrite,
        Ownership::None | Ownership::Unverifiable => Carries::Nothing,
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
        Ownership::None if standing.is_untouched_fork() => {
            return format!(
                "HEAD is version {head}, {visible}; the write made this Lance branch and committed nothing to it"
            );
        }
        Ownership::None if standing.has_moved() => "HEAD is somebody else's",
        Ownership::None => "no commit of the write is in it",
    };
    format!("HEAD is version {head}, {visible}; {whose}")
}
