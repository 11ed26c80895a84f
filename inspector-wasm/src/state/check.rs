//! The findings of a check of a root, in the order in which a person reads them.

use serde::Deserialize;
use sidecar::Timestamp;
use sidecar::doctor::{CheckStatus, FindingKind};
use sidecar::follow_up::release_id;
use sidecar::observation::TransactionObservation;

use super::load::Load;
use crate::route::Route;

/// What the page reads of a [`sidecar::doctor::DoctorReport`].
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    /// How many findings stand in the way, and how many are only to be known.
    pub headline: String,
    /// What is known of the catalog.
    pub explanation: String,
    /// What is not in order.
    pub findings: Vec<Finding>,
    /// What has to be so before an upgrade, if it was asked for.
    #[serde(default)]
    pub upgrade: Option<Vec<Line>>,
}

/// What the page reads of a [`sidecar::doctor::Finding`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: FindingKind,
    /// The kind, for people.
    pub title: String,
    /// The file, table, branch or operation.
    pub subject: String,
    /// What was found.
    pub detail: String,
    /// What resolves it.
    pub resolve: String,
    /// Whether it blocks, or may block, writers or an upgrade.
    pub stands_in_the_way: bool,
    /// The commits, where the finding is about some.
    #[serde(default)]
    pub commits: Option<Commits>,
}

/// What the page reads of [`sidecar::doctor::UncoveredCommits`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Commits {
    /// The detail without the commits.
    pub sentence: String,
    /// The newest of them; empty where they cannot be read.
    pub transactions: Vec<TransactionObservation>,
}

/// What the page reads of a [`sidecar::doctor::ChecklistLine`].
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// The branch of the graph, where the line is about one.
    #[serde(default)]
    pub branch: Option<String>,
    /// What has to be so.
    pub statement: String,
    /// Whether it is.
    pub status: CheckStatus,
    /// What breaks it, or why it is not known.
    #[serde(default)]
    pub detail: String,
    /// What to do about it.
    #[serde(default)]
    pub resolve: Option<String>,
}

/// A report, and when it was made, by the clock of this machine.
#[derive(Debug)]
pub struct Checked {
    /// The report.
    pub report: Report,
    /// When the answer came.
    pub at: Timestamp,
}

/// What is known of a root, in one line.
#[must_use]
pub fn headline(load: &Load<Checked>) -> String {
    match (&load.value, &load.failure) {
        (Some(checked), _) => checked.report.headline.clone(),
        (None, Some(_)) => "The root could not be checked.".to_owned(),
        (None, None) => "Looking at the root…".to_owned(),
    }
}

/// The findings, those that stand in the way first. Each list has those of one kind and weight, in the order of the report.
#[must_use]
pub fn by_weight(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for weight in [true, false] {
        for finding in findings {
            let is_like = |group: &&mut Vec<&Finding>| {
                group.first().is_some_and(|first| {
                    (first.stands_in_the_way, first.kind) == (weight, finding.kind)
                })
            };
            if finding.stands_in_the_way != weight {
                continue;
            }
            match groups.last_mut().filter(is_like) {
                Some(group) => group.push(finding),
                None => groups.push(vec![finding]),
            }
        }
    }
    groups
}

/// Where on the page a finding is resolved, and what the link there says. Such a finding names a file or an operation and
/// nothing else.
#[must_use]
pub fn leads_to(finding: &Finding, root: &str) -> Option<(&'static str, Route)> {
    let root = root.to_owned();
    let operation = finding.subject.clone();
    Some(match finding.kind {
        FindingKind::PendingSidecar | FindingKind::MisnamedSidecar | FindingKind::OpenOperation => {
            ("Open its plan", Route::Recovery { root, operation })
        }
        FindingKind::ApprovalLeft => ("Open its record", Route::Record { root, operation }),
        FindingKind::RecoveryTags => {
            let operation = release_id(&operation.parse().ok()?).to_string();
            (
                "Plan to release its tags",
                Route::Recovery { root, operation },
            )
        }
        _ => return None,
    })
}

/// How many lines are `yes`.
#[must_use]
pub fn summary(lines: &[Line]) -> String {
    let is_yes = |line: &&Line| line.status == CheckStatus::Yes;
    let yes = lines.iter().filter(is_yes).count();
    format!("{yes} of {} lines are yes.", lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecar::doctor::{
        ChecklistItem, ChecklistLine, DoctorReport, Finding as Sent, UncoveredCommits,
    };

    const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";

    fn finding(kind: FindingKind, subject: &str, stands_in_the_way: bool) -> Finding {
        Finding {
            kind,
            title: String::new(),
            subject: subject.to_owned(),
            detail: String::new(),
            resolve: String::new(),
            stands_in_the_way,
            commits: None,
        }
    }

    #[test]
    fn a_report_is_read_as_the_server_sends_it() {
        let line = |first_broken_version| ChecklistLine {
            item: ChecklistItem::HistoryIsWhole,
            branch: Some("main".to_owned()),
            statement: "so it has to be".to_owned(),
            status: CheckStatus::No,
            detail: "why not".to_owned(),
            first_broken_version,
            resolve: None,
        };
        let commits = UncoveredCommits {
            branch: None,
            table_key: "node:Author".to_owned(),
            table_branch: None,
            pinned: 4,
            lance_head: 5,
            transactions: Vec::new(),
            sentence: "Readers see version 4.".to_owned(),
        };
        let finding = |kind, commits| Sent {
            kind,
            title: "title".to_owned(),
            subject: "node:Author on main".to_owned(),
            detail: "detail".to_owned(),
            resolve: "resolve".to_owned(),
            stands_in_the_way: true,
            commits,
        };
        let mut findings: Vec<Sent> = FindingKind::ALL
            .into_iter()
            .map(|kind| finding(kind, None))
            .collect();
        findings.push(finding(FindingKind::UncoveredCommits, Some(commits)));
        let sent = DoctorReport {
            root: "/srv/graph".to_owned(),
            headline: "One thing stands in the way.".to_owned(),
            explanation: "The catalog has stamp 4.".to_owned(),
            catalog: serde_json::from_str(
                r#"{"stamp":4,"read_by":null,"two_phase":false,"is_acted_on":true,"tables":1,"branches":1}"#,
            )
            .unwrap(),
            findings,
            upgrade: Some(vec![line(None), line(Some(12))]),
            stands_in_the_way: true,
        };
        let text = serde_json::to_string(&sent).unwrap();
        let read: Report = serde_json::from_str(&text).unwrap();
        let headline = |report: &Report| report.headline.clone();
        assert_eq!(headline(&read), sent.headline);
        let kinds = |report: &Report| report.findings.iter().map(|it| it.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&read)[..FindingKind::ALL.len()], FindingKind::ALL);
        assert_eq!(
            read.findings[FindingKind::ALL.len()]
                .commits
                .as_ref()
                .map(|it| it.sentence.as_str()),
            Some("Readers see version 4.")
        );
        let lines = read.upgrade.unwrap();
        assert_eq!(
            (lines[0].status, lines[0].detail.as_str()),
            (CheckStatus::No, "why not")
        );
    }

    #[test]
    fn what_stands_in_the_way_comes_first_and_like_stands_with_like() {
        use FindingKind::{ForkLeft, PendingSidecar, SchemaLockLeft, StrayEntry};
        let findings = [
            finding(PendingSidecar, "a", true),
            finding(PendingSidecar, "b", true),
            finding(StrayEntry, "c", false),
            finding(ForkLeft, "d", false),
            finding(SchemaLockLeft, "e", true),
        ];
        let subjects: Vec<Vec<&str>> = by_weight(&findings)
            .iter()
            .map(|group| group.iter().map(|it| it.subject.as_str()).collect())
            .collect();
        assert_eq!(subjects, [vec!["a", "b"], vec!["e"], vec!["c"], vec!["d"]]);
        assert_eq!(by_weight(&[]), Vec::<Vec<&Finding>>::new());
    }

    #[test]
    fn a_finding_about_a_file_or_an_operation_leads_to_its_plan_or_record() {
        for kind in FindingKind::ALL {
            let link = leads_to(&finding(kind, OPERATION, true), "shop");
            let is_about_an_operation = matches!(
                kind,
                FindingKind::PendingSidecar
                    | FindingKind::MisnamedSidecar
                    | FindingKind::OpenOperation
                    | FindingKind::ApprovalLeft
                    | FindingKind::RecoveryTags
            );
            assert_eq!(link.is_some(), is_about_an_operation, "{kind:?}");
            if let Some((_, route)) = link {
                assert_eq!(route.root(), Some("shop"));
            }
        }
        let file = finding(FindingKind::PendingSidecar, "old import.json", true);
        let (_, route) = leads_to(&file, "shop").unwrap();
        assert_eq!(route.href(), "#/pending/shop/old%20import.json");
        let tags = finding(FindingKind::RecoveryTags, "no operation", false);
        assert_eq!(leads_to(&tags, "shop"), None);
    }

    #[test]
    fn a_summary_counts_what_is_yes() {
        let lines = |statuses: &[CheckStatus]| {
            let line = |status: &CheckStatus| Line {
                branch: None,
                statement: String::new(),
                status: *status,
                detail: String::new(),
                resolve: None,
            };
            summary(&statuses.iter().map(line).collect::<Vec<_>>())
        };
        use CheckStatus::{No, NotKnown, Yes};
        assert_eq!(lines(&[Yes, Yes]), "2 of 2 lines are yes.");
        assert_eq!(lines(&[No, NotKnown, Yes]), "1 of 3 lines are yes.");
    }
}
