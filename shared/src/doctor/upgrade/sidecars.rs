//! Lines about the sidecar folder.

use crate::doctor::checklist::{ChecklistItem, ChecklistLine};
use crate::doctor::facts::RootFacts;
use crate::doctor::finding::{Finding, FindingKind};
use crate::doctor::judge::{OTHER_ENTRIES_MAX, seems_moved};
use crate::root_layout::SIDECAR_FOLDER;

use super::subjects::{of_kinds, subjects};

const SIDECARS: [FindingKind; 2] = [FindingKind::PendingSidecar, FindingKind::MisnamedSidecar];

pub(super) fn sidecars_resolved(facts: &RootFacts, findings: &[Finding]) -> ChecklistLine {
    let item = ChecklistItem::SidecarsResolved;
    if let Err(reason) = &facts.pending {
        return ChecklistLine::not_known(item, reason);
    }
    let mut recoveries = facts.pending.iter().flat_map(|pending| &pending.recoveries);
    let moved = recoveries.any(seems_moved);
    let relocated = moved.then(|| facts.commands.relocated()).flatten();
    match subjects(of_kinds(findings, &SIDECARS)) {
        None => ChecklistLine::yes(item),
        Some(files) => ChecklistLine::no(
            item,
            format!("Pending: {files}."),
            match relocated {
                Some(commands) => commands.drain(),
                None => format!(
                    "Plan each, and do what its plan says: {}",
                    facts.commands.drain()
                ),
            },
        ),
    }
}

pub(super) fn no_sidecar_files(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::NoSidecarFiles;
    match &facts.folder {
        Err(reason) => ChecklistLine::not_known(item, reason),
        Ok(folder) if folder.sidecars == 0 => ChecklistLine::yes(item),
        Ok(folder) => ChecklistLine::no(
            item,
            format!(
                "{} there. Later engines refuse the upgrade for any of them, whatever it holds.",
                match folder.sidecars {
                    1 => "One is".to_owned(),
                    count => format!("{count} are"),
                }
            ),
            facts.commands.list(),
        ),
    }
}

pub(super) fn folder_is_clean(facts: &RootFacts) -> ChecklistLine {
    let item = ChecklistItem::FolderIsClean;
    match &facts.folder {
        Err(reason) => ChecklistLine::not_known(item, reason),
        Ok(folder) if folder.nested.count == 0 && folder.others.count <= OTHER_ENTRIES_MAX => {
            ChecklistLine::yes(item)
        }
        Ok(folder) => ChecklistLine::no(
            item,
            format!(
                "There are {} other entries, and {} in folders below it.",
                folder.others.count, folder.nested.count
            ),
            format!("Move them out of {SIDECAR_FOLDER}/ by hand"),
        ),
    }
}
