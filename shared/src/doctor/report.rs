//! The report about one root.

use serde::{Deserialize, Serialize};

use super::catalog::CatalogReport;
use super::checklist::{CheckStatus, ChecklistLine};
use super::facts::RootFacts;
use super::finding::Finding;
use super::{judge, upgrade};

/// What a report is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DoctorScope {
    /// Whether the root is in order.
    #[default]
    Today,
    /// Whether it is ready for an upgrade as well.
    Upgrade,
}

/// `doctor`: whether a root is in order, and whether it is ready for an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReport {
    /// The root's URI.
    pub root: String,
    /// Its catalog.
    pub catalog: CatalogReport,
    /// What is not as it is in a root at rest, kind by kind.
    pub findings: Vec<Finding>,
    /// What has to be so before an upgrade; null unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Vec<ChecklistLine>>,
    /// Whether a finding stands in the way, or a line of the list is not `yes`.
    pub stands_in_the_way: bool,
}

impl DoctorReport {
    /// The report that follows from what was read.
    #[must_use]
    pub fn of(facts: &RootFacts, scope: DoctorScope) -> Self {
        let catalog = CatalogReport::of(facts);
        let mut findings = judge::findings(facts, &catalog);
        // The order within a kind is that in which things were found, which is by name.
        findings.sort_by_key(|finding| finding.kind);
        let upgrade =
            (scope == DoctorScope::Upgrade).then(|| upgrade::checklist(facts, &catalog, &findings));
        let lines = upgrade.iter().flatten();
        let stands_in_the_way = findings.iter().any(|finding| finding.stands_in_the_way)
            || lines
                .into_iter()
                .any(|line| line.status != CheckStatus::Yes);
        Self {
            root: facts.commands.root.clone(),
            catalog,
            findings,
            upgrade,
            stands_in_the_way,
        }
    }
}
