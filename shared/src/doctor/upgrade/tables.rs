//! Lines about the versions that readers see, and what lies above them.

use crate::branch::Branch;
use crate::doctor::catalog::{CatalogReport, tables_are_read};
use crate::doctor::checklist::{ChecklistItem, ChecklistLine};
use crate::doctor::facts::{RootFacts, Stand};
use crate::doctor::finding::{Finding, FindingKind};

use super::subjects::{of_kinds, subjects};
use crate::doctor::catalog::STAMP_EXPORTED_MAX;

const EXPORT: &str = "No release converts this catalog. Export it with the release that reads it, and load it with the new one. An export has the published rows alone.";
const LOOKED_AT: &str = "Of each visible version the Lance manifest was decoded, and one data file was looked for. Other data files were not.";
const TWO_PHASE: &str = "No engine upgrades a catalog of the two-phase writer.";

pub(super) fn all_is_published(
    catalog: &CatalogReport,
    facts: &RootFacts,
    findings: &[Finding],
) -> ChecklistLine {
    let item = ChecklistItem::AllIsPublished;
    let Some(stamp) = catalog.stamp else {
        return ChecklistLine::not_known(item, "the stamp of the catalog is not known");
    };
    let way = if catalog.two_phase { TWO_PHASE } else { EXPORT };
    if let Err(reason) = &facts.pending {
        return ChecklistLine::not_known(item, reason);
    }
    let left = [
        FindingKind::PendingSidecar,
        FindingKind::MisnamedSidecar,
        FindingKind::UncoveredCommits,
    ];
    if let Some(left) = subjects(of_kinds(findings, &left)) {
        return ChecklistLine::no(
            item,
            format!("{way} Something is not published yet, and would be left behind: {left}."),
            "Resolve the pending sidecars and the commits that no sidecar covers before the export",
        );
    }
    match not_looked_at(facts, stamp) {
        Some(why) => ChecklistLine::not_known(item, why),
        None => ChecklistLine {
            detail: way.to_owned(),
            ..ChecklistLine::yes(item)
        },
    }
}

pub(super) fn tables_at_their_pins(facts: &RootFacts, findings: &[Finding]) -> ChecklistLine {
    let item = ChecklistItem::TablesAtTheirPins;
    let astray = [
        FindingKind::UncoveredCommits,
        FindingKind::HeadBelowPin,
        FindingKind::TableMissing,
        FindingKind::TableUnreadable,
        FindingKind::VisibleVersionGone,
        FindingKind::VisibleVersionDamaged,
    ];
    let declared = facts.catalog.as_ref();
    let stamp = declared
        .ok()
        .and_then(|declared| declared.stamp.as_ref().ok());
    if let Some(tables) = subjects(of_kinds(findings, &astray)) {
        let of_commits = of_kinds(findings, &[FindingKind::UncoveredCommits]).next();
        let is_converted = stamp.is_some_and(|stamp| *stamp > STAMP_EXPORTED_MAX);
        let after = if of_commits.is_some() && is_converted {
            " Commits above a pin do no harm after the upgrade, but the space that they take is never reclaimed."
        } else {
            ""
        };
        return ChecklistLine::no(
            item,
            format!("Not so: {tables}.{after}"),
            "See the finding of each table",
        );
    }
    // Commits that a pending sidecar covers are no finding of their own.
    let above = facts.branches.iter().flatten().any(|branch| {
        let catalog = branch
            .catalog
            .as_ref()
            .and_then(|catalog| catalog.as_ref().ok());
        catalog.is_some_and(|catalog| {
            !catalog.is_moving
                && catalog
                    .stands
                    .iter()
                    .any(|table| matches!(table.stand, Stand::Above { .. }))
        })
    });
    if above {
        return ChecklistLine::no(
            item,
            "Tables have commits that a pending sidecar covers.",
            "Resolve the pending sidecars",
        );
    }
    match stamp.map(|stamp| not_looked_at(facts, *stamp)) {
        None => ChecklistLine::not_known(item, "the stamp of the catalog is not known"),
        Some(Some(why)) => ChecklistLine::not_known(item, why),
        Some(None) => ChecklistLine {
            detail: LOOKED_AT.to_owned(),
            ..ChecklistLine::yes(item)
        },
    }
}

/// Why it is not known of every table where it stands.
fn not_looked_at(facts: &RootFacts, stamp: u32) -> Option<String> {
    if !tables_are_read(stamp) {
        return Some(format!(
            "this build does not read the tables of a catalog with stamp {stamp}"
        ));
    }
    let branches = match &facts.branches {
        Ok(branches) => branches,
        Err(reason) => return Some(reason.clone()),
    };
    branches.iter().find_map(|branch| {
        let name = Branch::of(branch.branch.as_deref());
        match &branch.catalog {
            None => Some(format!("the tables on {name} are not read")),
            Some(Err(unread)) => Some(unread.reason.clone()),
            Some(Ok(catalog)) if catalog.is_moving => {
                Some(format!("somebody published on {name} during every look"))
            }
            Some(Ok(catalog)) if catalog.not_looked_at > 0 => {
                Some(format!("not every table on {name} was looked at"))
            }
            Some(Ok(_)) => None,
        }
    })
}
