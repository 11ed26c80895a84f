//! The list that is gone through before a root is upgraded.

mod catalog;
mod own;
mod schema;
mod sidecars;
mod subjects;
mod tables;

use crate::doctor::catalog::STAMP_EXPORTED_MAX;
use crate::root_layout::STAMP_WITH_HISTORY;

use super::catalog::CatalogReport;
use super::checklist::ChecklistLine;
use super::facts::RootFacts;
use super::finding::Finding;

/// All lines, in the order in which a person goes through them.
pub(super) fn checklist(
    facts: &RootFacts,
    report: &CatalogReport,
    findings: &[Finding],
) -> Vec<ChecklistLine> {
    let mut lines = vec![sidecars::sidecars_resolved(facts, findings)];
    if report.stamp.is_none_or(|stamp| stamp <= STAMP_EXPORTED_MAX) {
        lines.push(tables::all_is_published(report, facts, findings));
    }
    lines.extend([
        sidecars::no_sidecar_files(facts),
        sidecars::folder_is_clean(facts),
        schema::no_staged_schema_files(facts),
        schema::no_schema_lock(facts),
        own::no_open_operation(facts),
        catalog::no_upgrade_under_way(facts),
    ]);
    if report.stamp.is_none_or(|stamp| stamp >= STAMP_WITH_HISTORY) {
        lines.extend(catalog::history(facts));
    }
    lines.push(tables::tables_at_their_pins(facts, findings));
    lines.push(own::no_recovery_tags(facts));
    lines
}
