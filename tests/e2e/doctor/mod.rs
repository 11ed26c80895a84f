//! `doctor` says what is not in order in a root, names it, and changes nothing.

mod bounds;
mod history;
mod left_behind;
mod tables;
mod upgrade;
mod visible_versions;

use restore_backend::service;
use root_objects::clock;
use sidecar::doctor::{
    CheckStatus, ChecklistItem, DoctorReport, DoctorScope, Finding, FindingKind,
};

use crate::support::{Opened, Store};

const TABLES: [&str; 4] = ["node:A", "node:B", "edge:C", "edge:D"];

/// The report, which sends no request that writes and changes no byte of the root.
async fn doctor(store: &Store, scope: DoctorScope) -> DoctorReport {
    doctor_of(store, &store.open().await, scope).await
}

async fn doctor_of(store: &Store, opened: &Opened, scope: DoctorScope) -> DoctorReport {
    let files = store.files();
    opened.log.reset();
    let report = service::doctor(&opened.root, scope, clock::now()).await;
    let report = report.unwrap();
    assert!(opened.log.reads() > 0, "it looked");
    assert_eq!(opened.log.mutations(), 0, "it writes nothing");
    assert_eq!(store.files(), files, "not a byte changed");
    report
}

async fn today(store: &Store) -> DoctorReport {
    doctor(store, DoctorScope::Today).await
}

async fn before_an_upgrade(store: &Store) -> DoctorReport {
    doctor(store, DoctorScope::Upgrade).await
}

fn kinds(report: &DoctorReport) -> Vec<FindingKind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

#[track_caller]
fn the_one(report: &DoctorReport, kind: FindingKind) -> &Finding {
    let mut found = report
        .findings
        .iter()
        .filter(|finding| finding.kind == kind);
    let first = found.next();
    assert!(
        found.next().is_none(),
        "one of {}: {report:#?}",
        kind.name()
    );
    first.unwrap_or_else(|| panic!("no {}: {report:#?}", kind.name()))
}

/// The lines that are not `yes`, as `item: status`.
fn not_yes(report: &DoctorReport) -> Vec<(ChecklistItem, CheckStatus)> {
    let lines = report.upgrade.as_ref().expect("the list").iter();
    lines
        .filter(|line| line.status != CheckStatus::Yes)
        .map(|line| (line.item, line.status))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_at_rest_has_no_finding_and_nothing_in_the_way() {
    let store = Store::with_tables(&TABLES).await;
    let report = today(&store).await;
    assert_eq!(kinds(&report), []);
    assert!(!report.stands_in_the_way);
    let catalog = &report.catalog;
    assert_eq!((catalog.stamp, catalog.is_acted_on), (Some(3), true));
    assert_eq!((catalog.tables, catalog.branches), (Some(4), Some(1)));
    assert_eq!(report.upgrade, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_sidecar_is_told_with_its_disposition_and_its_command_and_its_tables_are_no_drift()
 {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let report = today(&store).await;
    assert_eq!(kinds(&report), [FindingKind::PendingSidecar], "{report:#?}");
    let finding = &report.findings[0];
    let file = operation.file_name();
    assert_eq!(finding.subject, file);
    assert!(
        finding
            .detail
            .starts_with("roll_back: of Mutation, 1 of 2 tables moved"),
        "{}",
        finding.detail
    );
    let path = store.path().to_str().unwrap();
    assert_eq!(
        finding.resolve,
        format!("sidecar-inspector plan {path} {file} --min-age 0s")
    );
    assert!(finding.stands_in_the_way && report.stands_in_the_way);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_of_0_9_0_is_told_with_the_releases_that_read_it_and_no_line_about_an_export() {
    let store = Store::unpacked("omnigraph-0.9.0", "forward-mutation");
    let report = before_an_upgrade(&store).await;
    let catalog = &report.catalog;
    assert_eq!((catalog.stamp, catalog.is_acted_on), (Some(6), true));
    assert_eq!(
        catalog.read_by.as_deref(),
        Some("omnigraph v0.9.0 and v0.10.0")
    );
    assert_eq!(catalog.branches, Some(1));
    the_one(&report, FindingKind::PendingSidecar);
    let lines = report.upgrade.as_ref().unwrap();
    let status = |item| lines.iter().find(|line| line.item == item).unwrap().status;
    assert_eq!(status(ChecklistItem::NoSidecarFiles), CheckStatus::No);
    assert_eq!(status(ChecklistItem::NoSchemaLock), CheckStatus::Yes);
    assert!(
        lines
            .iter()
            .all(|line| line.item != ChecklistItem::AllIsPublished),
        "its engine converts it"
    );
    assert_ne!(
        status(ChecklistItem::TablesAtTheirPins),
        CheckStatus::NotKnown,
        "its tables are read"
    );
}
