//! Lines about the sidecar folder.

use crate::doctor::checklist::{ChecklistItem, ChecklistLine};
use crate::doctor::facts::RootFacts;
use crate::doctor::finding::{Finding, FindingKind};
use crate::doctor::judge::OTHER_ENTRIES_MAX;
use crate::root_layout::SIDECAR_FOLDER;

use super::subjects::{of_kinds, subjects};

const SIDECARS: [FindingKind; 2] = [FindingKind::PendingSidecar, FindingKind::MisnamedSidecar];

pub(super) fn sidecars_resolved(facts: &RootFacts, findings: &[Finding]) -> ChecklistLine {
    let item = ChecklistItem::SidecarsResolved;
    if let Err(reason) = &facts.pending {
        return ChecklistLine::not_known(item, reason);
    }
    match subjects(of_kinds(findings, &SIDECARS)) {
        None => ChecklistLine::yes(item),
        Some(files) => ChecklistLine::no(
            item,
            format!("Pending: {files}."),
            "Plan each, and approve and apply what it says; dismiss what is refused",
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
