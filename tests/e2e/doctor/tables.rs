//! Tables that do not stand at the version that readers see.

use std::sync::Arc;

use fenced_lance::{TableLocation, TransactionEntry};
use root_objects::store::Verb;

use super::*;
use crate::support::gates::{Before, Point};
use crate::support::{place, rows};

async fn append(store: &Store, table: &str) -> u64 {
    let lance = store.lance().await;
    lance
        .append_rows(&place(table), &rows(900..903))
        .await
        .unwrap()
}

async fn uuid(store: &Store, location: &TableLocation, version: u64) -> String {
    match store
        .lance()
        .await
        .transaction(location, version)
        .await
        .unwrap()
    {
        TransactionEntry::Known(summary) => summary.uuid,
        TransactionEntry::Gone { .. } => panic!("version {version} is gone"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_append_is_named_with_pin_head_and_transaction() {
    let store = Store::with_tables(&TABLES).await;
    // A sidecar that pins other tables covers nothing here.
    store.crashed_write(&TABLES[2..], 1).await;
    assert_eq!(append(&store, "node:A").await, 2);
    assert_eq!(append(&store, "node:A").await, 3);
    let report = today(&store).await;
    assert_eq!(
        kinds(&report),
        [FindingKind::PendingSidecar, FindingKind::UncoveredCommits]
    );
    let finding = the_one(&report, FindingKind::UncoveredCommits);
    assert_eq!(finding.subject, "node:A on main");
    let (second, third) = (
        uuid(&store, &place("node:A"), 2).await,
        uuid(&store, &place("node:A"), 3).await,
    );
    let detail = &finding.detail;
    for part in [
        "Readers see version 1, and Lance HEAD is 3.".to_owned(),
        format!("Version 2 is Append {second}, version 3 is Append {third}."),
        "No pending sidecar pins the table.".to_owned(),
    ] {
        assert!(detail.contains(&part), "{part}: {detail}");
    }
    let commits = finding.commits.as_ref().unwrap();
    assert_eq!((commits.pinned, commits.lance_head), (1, 3));
    assert_eq!(commits.transactions.len(), 2);
    assert!(finding.stands_in_the_way);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_sidecar_is_gone_is_named_by_the_operation_in_its_commits() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 2).await;
    std::fs::remove_file(store.path().join("__recovery").join(operation.file_name())).unwrap();
    let report = today(&store).await;
    assert_eq!(kinds(&report), [FindingKind::UncoveredCommits; 2]);
    for finding in &report.findings {
        let named = format!(" of operation {operation}.");
        assert!(finding.detail.contains(&named), "{}", finding.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_file_covers_nothing_and_is_named_beside_the_commits() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..1], 1).await;
    let folder = store.path().join("__recovery");
    std::fs::rename(
        folder.join(operation.file_name()),
        folder.join("renamed.json"),
    )
    .unwrap();
    let report = today(&store).await;
    let misnamed = the_one(&report, FindingKind::MisnamedSidecar);
    assert_eq!(misnamed.subject, "renamed.json");
    assert!(
        misnamed.detail.contains("misnamed: "),
        "{}",
        misnamed.detail
    );
    assert!(
        misnamed.resolve.contains(" renamed.json "),
        "{}",
        misnamed.resolve
    );
    let commits = the_one(&report, FindingKind::UncoveredCommits);
    let named = "The sidecar renamed.json names the table, and is refused.";
    assert!(commits.detail.contains(named), "{}", commits.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_on_a_branch_are_told_of_that_branch_alone() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
    std::fs::remove_dir_all(store.path().join("__recovery")).unwrap();
    let report = today(&store).await;
    assert!(report.catalog.branches > Some(1));
    assert!(!report.findings.is_empty());
    for finding in &report.findings {
        assert_eq!(finding.kind, FindingKind::UncoveredCommits, "{finding:?}");
        let commits = finding.commits.as_ref().unwrap();
        assert_eq!(commits.branch.as_deref(), Some("feature"));
        assert_eq!(commits.table_branch.as_deref(), Some("feature"));
        assert!(finding.subject.ends_with(" on feature"));
        assert!(
            finding
                .detail
                .contains("Lance HEAD of Lance branch feature is")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_hides_no_other() {
    let store = Store::with_tables(&TABLES).await;
    append(&store, "edge:D").await;
    let of = |table: &str| store.path().join(place(table).path);
    // One is gone, one is a link to a folder elsewhere, one is behind its pin.
    std::fs::remove_dir_all(of("node:A")).unwrap();
    let elsewhere = store.beside().join("elsewhere");
    std::fs::rename(of("node:B"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, of("node:B")).unwrap();
    store.written(&["edge:C"], 700..703).await;
    let newest = format!("_versions/{:020}.manifest", u64::MAX - 2);
    std::fs::remove_file(of("edge:C").join(newest)).unwrap();
    let report = today(&store).await;
    let subject = |kind| the_one(&report, kind).subject.as_str();
    assert_eq!(subject(FindingKind::TableMissing), "node:A on main");
    assert_eq!(subject(FindingKind::TableUnreadable), "node:B on main");
    assert_eq!(subject(FindingKind::HeadBelowPin), "edge:C on main");
    assert_eq!(subject(FindingKind::UncoveredCommits), "edge:D on main");
    let unreadable = the_one(&report, FindingKind::TableUnreadable);
    assert!(
        unreadable.detail.contains("symbolic link"),
        "{}",
        unreadable.detail
    );
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.stands_in_the_way)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_goes_on_meanwhile_is_no_drift() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let writer = store.clone();
    let path = place("edge:D").path;
    // The catalog is read by now, and the table is not.
    let point = Point::first(Verb::List, format!("{path}/_versions"));
    let gate = Before::at(point, move || {
        let writer = writer.clone();
        async move { writer.written(&["edge:D"], 800..803).await }
    });
    let opened = store.open_behind(gate.clone()).await;
    let report = service::doctor(&opened.root, DoctorScope::Today, clock::now()).await;
    assert!(gate.is_reached(), "somebody wrote during the look");
    assert_eq!(kinds(&report.unwrap()), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_cannot_be_read_is_told_and_the_rest_beside_it() {
    let store = Store::with_tables(&TABLES).await;
    store.crashed_write(&TABLES[..2], 1).await;
    let manifest = format!("__manifest/_versions/{:020}.manifest", u64::MAX - 1);
    std::fs::write(store.path().join(manifest), b"garbage").unwrap();
    let report = before_an_upgrade(&store).await;
    the_one(&report, FindingKind::CatalogUnreadable);
    the_one(&report, FindingKind::PendingSidecar);
    assert_eq!(report.catalog.stamp, None);
    let lines = report.upgrade.unwrap();
    let line = |item| lines.iter().find(|line| line.item == item).unwrap();
    for item in [
        ChecklistItem::AllIsPublished,
        ChecklistItem::HistoryIsWhole,
        ChecklistItem::TablesAtTheirPins,
        ChecklistItem::NoUpgradeUnderWay,
    ] {
        let line = line(item);
        assert_eq!(line.status, CheckStatus::NotKnown, "{item:?}");
        assert!(
            line.detail.starts_with("It is not known: "),
            "{}",
            line.detail
        );
    }
}
