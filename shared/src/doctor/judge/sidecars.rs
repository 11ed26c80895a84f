//! Findings about the sidecar folder.

use crate::api::{Progress, RecoverySummary};
use crate::code::{Code, Reason};
use crate::commands::Commands;
use crate::doctor::facts::{FolderFacts, RootFacts};
use crate::doctor::finding::{Finding, FindingKind, MOVE_AWAY, REMOVE, is_temporary};
use crate::root_layout::SIDECAR_FOLDER;
use crate::timestamp::age_text;

/// Entries besides sidecars with which engines still take a root.
pub(crate) const OTHER_ENTRIES_MAX: usize = 1_023;

pub(super) fn findings(facts: &RootFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.pending {
        Ok(pending) => {
            let recoveries = pending.recoveries.iter();
            findings.extend(recoveries.map(|recovery| pending_sidecar(recovery, &facts.commands)));
            let skipped = pending.skipped.iter();
            let is_new = |reason: &&Reason| !is_told_by_the_folder(facts, reason);
            findings.extend(skipped.filter(is_new).map(Finding::stray_object));
        }
        Err(reason) => findings.push(Finding::not_known("the pending sidecars", reason)),
    }
    match &facts.folder {
        Ok(folder) => entries(folder, &mut findings),
        Err(reason) => findings.push(Finding::not_known(format!("{SIDECAR_FOLDER}/"), reason)),
    }
    findings
}

/// The listing of the folder names the temporary files of it as well.
fn is_told_by_the_folder(facts: &RootFacts, reason: &Reason) -> bool {
    let Ok(folder) = &facts.folder else {
        return false;
    };
    let names = folder.others.names.iter().chain(&folder.nested.names);
    names
        .into_iter()
        .any(|name| reason.detail.starts_with(&format!("{name} ")))
}

fn pending_sidecar(recovery: &RecoverySummary, commands: &Commands) -> Finding {
    let is_misnamed = recovery
        .refused
        .as_ref()
        .is_some_and(|reason| matches!(reason.code, Code::Misnamed | Code::DuplicateOperationId));
    let kind = if is_misnamed {
        FindingKind::MisnamedSidecar
    } else {
        FindingKind::PendingSidecar
    };
    let writer = recovery.writer_kind.as_deref().unwrap_or("a writer");
    let mut detail = format!("{}: of {writer}", recovery.disposition.name());
    // Nobody looked at the tables of a file that is refused.
    if recovery.refused.is_none() && recovery.tables_total > 0 {
        let (moved, total) = (recovery.tables_moved, recovery.tables_total);
        detail.push_str(&format!(", {moved} of {total} tables moved"));
    }
    if let Some(age_seconds) = recovery.age_seconds {
        detail.push_str(&format!(", {} old", age_text(age_seconds)));
    }
    detail.push_str(match recovery.progress {
        Progress::Open => "",
        Progress::Approved => ", approved",
        Progress::UnderWay => ", under way",
        Progress::Finished => ", finished",
    });
    if let Some(reason) = &recovery.refused {
        detail.push_str(&format!("; {}: {}", reason.code, reason.detail));
    }
    detail.push('.');
    let relocated = seems_moved(recovery)
        .then(|| commands.relocated())
        .flatten();
    let resolve = relocated.as_ref().unwrap_or(commands).plan(&recovery.file);
    Finding::in_the_way(kind, &recovery.file, detail, resolve)
}

/// Whether a sidecar is refused because it names places outside of the root. In a root that was moved, every sidecar does.
pub(crate) fn seems_moved(recovery: &RecoverySummary) -> bool {
    let code = recovery.refused.as_ref().map(|reason| reason.code);
    code.is_some_and(Code::tells_of_another_place)
}

fn entries(folder: &FolderFacts, findings: &mut Vec<Finding>) {
    let stands_in_the_way = folder.others.count > OTHER_ENTRIES_MAX;
    findings.extend(folder.others.names.iter().map(|name| {
        let (detail, resolve) = if is_temporary(name) {
            (
                "It is a temporary file, of a write that goes on right now or that was killed. Nothing reads it.",
                REMOVE,
            )
        } else {
            (
                "It is no sidecar: its name does not end in .json.",
                MOVE_AWAY,
            )
        };
        Finding {
            stands_in_the_way,
            ..Finding::to_be_known(FindingKind::StrayEntry, name, detail, resolve)
        }
    }));
    findings.extend(folder.nested.names.iter().map(|name| {
        Finding::in_the_way(
            FindingKind::NestedEntry,
            name,
            "It lies in a folder below the sidecar folder, where no engine looks for sidecars.",
            MOVE_AWAY,
        )
    }));
    for (kind, entries) in [
        (FindingKind::StrayEntry, &folder.others),
        (FindingKind::NestedEntry, &folder.nested),
    ] {
        let more = entries.count.saturating_sub(entries.names.len());
        if more > 0 {
            findings.push(Finding {
                stands_in_the_way: kind == FindingKind::NestedEntry || stands_in_the_way,
                ..Finding::to_be_known(
                    kind,
                    format!("{SIDECAR_FOLDER}/"),
                    format!("There are {more} more such entries."),
                    MOVE_AWAY,
                )
            });
        }
    }
}
