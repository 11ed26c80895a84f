//! The report about one root.

use serde::{Deserialize, Serialize};

use super::catalog::CatalogReport;
use super::checklist::{CheckStatus, ChecklistLine};
use super::facts::RootFacts;
use super::finding::Finding;
use super::{judge, upgrade};

/// The question that a report answers.
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
    /// How many findings stand in the way, and how many are only to be known. With none, it says no more than that.
    pub headline: String,
    /// What is known of the catalog, for people.
    pub explanation: String,
    /// Its catalog.
    pub catalog: CatalogReport,
    /// The findings, kind by kind: whatever is not as in a root at rest.
    pub findings: Vec<Finding>,
    /// What has to be so before an upgrade; null unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Vec<ChecklistLine>>,
    /// Whether a finding stands in the way, or a line of the list is not `yes`.
    pub stands_in_the_way: bool,
}

/// The text behind `Looked at:`: what every report looks at, and what none does.
pub const LOOKED_AT: &str = "the catalog of every branch, pin and Lance HEAD of every table, the sidecar folder, staged schema files and the schema lock, the open journals, and the tags of recoveries. Not looked at: whether the data files are there and whole.";

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
            headline: headline(&findings),
            explanation: format!("{} {}", catalog.sentence(), catalog.counts()),
            catalog,
            findings,
            upgrade,
            stands_in_the_way,
        }
    }
}

fn headline(findings: &[Finding]) -> String {
    let stands_in_the_way = |finding: &&Finding| finding.stands_in_the_way;
    let in_the_way = findings.iter().filter(stands_in_the_way).count();
    let stand = match in_the_way {
        1 => "One thing stands in the way of writers or an upgrade".to_owned(),
        count => format!("{count} things stand in the way of writers or an upgrade"),
    };
    match (in_the_way, findings.len() - in_the_way) {
        (0, 0) => "Nothing that was looked at is out of order.".to_owned(),
        (0, 1) => "Nothing stands in the way, and one thing is to be known.".to_owned(),
        (0, known) => format!("Nothing stands in the way, and {known} things are to be known."),
        (_, 0) => format!("{stand}."),
        (_, 1) => format!("{stand}, and one is to be known."),
        (_, known) => format!("{stand}, and {known} are to be known."),
    }
}
