//! Versions that readers are shown and that are gone, damaged, or not those that were published.

use std::path::PathBuf;

use sidecar::doctor::DoctorReport;

use super::*;
use crate::support::place;

/// Tables of a graph that the engine made, with the versions that readers see.
fn uncovered(engine: &str) -> Store {
    Store::unpacked(engine, "uncovered-delete")
}

/// The place of a table and its visible version.
async fn visible(store: &Store, table_key: &str) -> (PathBuf, u64) {
    let catalog = match store.lance().await.catalog(None).await.unwrap() {
        fenced_lance::CatalogReading::Present(catalog) => catalog,
        other => panic!("{other:?}"),
    };
    let location = &catalog.locations[table_key];
    (store.path().join(location), catalog.pins[table_key].version)
}

fn manifest(table: &std::path::Path, version: u64) -> PathBuf {
    table.join(format!("_versions/{:020}.manifest", u64::MAX - version))
}

#[track_caller]
fn damaged(report: &DoctorReport, fault: &str) {
    let finding = the_one(report, FindingKind::VisibleVersionDamaged);
    assert!(finding.detail.contains(fault), "{}", finding.detail);
    assert!(finding.resolve.contains("backup") && finding.stands_in_the_way);
    let pins = (ChecklistItem::TablesAtTheirPins, CheckStatus::No);
    assert!(not_yes(report).contains(&pins), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visible_version_that_is_damaged_is_told() {
    let key = "node:Author";
    for engine in ["omnigraph-0.7.2", "omnigraph-0.8.0"] {
        let store = uncovered(engine);
        let healthy = before_an_upgrade(&store).await;
        assert!(
            healthy
                .findings
                .iter()
                .all(|finding| finding.kind != FindingKind::VisibleVersionDamaged),
            "{healthy:#?}"
        );
        let (table, version) = visible(&store, key).await;
        let file = manifest(&table, version);
        let whole = std::fs::read(&file).unwrap();
        for cut in [0, 10, whole.len() - 1] {
            std::fs::write(&file, &whole[..cut]).unwrap();
            damaged(&before_an_upgrade(&store).await, "cannot be decoded");
        }
        // The manifest of another version decodes, and is not this one.
        std::fs::copy(manifest(&table, version - 1), &file).unwrap();
        damaged(&before_an_upgrade(&store).await, "is of version");
        std::fs::write(&file, &whole).unwrap();
        std::fs::rename(table.join("data"), store.beside().join("data")).unwrap();
        damaged(&before_an_upgrade(&store).await, "data file");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_whose_place_another_one_was_put_is_told() {
    let store = Store::unpacked("omnigraph-0.8.0", "forward-mutation");
    let operation = store.operation();
    store.open().await.recover(&operation).await;
    assert!(!today(&store).await.stands_in_the_way);
    let catalog = match store.lance().await.catalog(None).await.unwrap() {
        fenced_lance::CatalogReading::Present(catalog) => catalog,
        other => panic!("{other:?}"),
    };
    let mut keys = catalog.pins.keys();
    let (one, other) = (keys.next().unwrap(), keys.next_back().unwrap());
    let (folder, _) = visible(&store, one).await;
    let (of_other, _) = visible(&store, other).await;
    std::fs::remove_dir_all(&folder).unwrap();
    crashed_roots::store::copy_folder(&of_other, &folder);
    let report = today(&store).await;
    let subject = format!("{one} on main");
    let told = report.findings.iter().any(|finding| {
        finding.subject == subject
            && matches!(
                finding.kind,
                FindingKind::VisibleVersionDamaged
                    | FindingKind::VisibleVersionGone
                    | FindingKind::HeadBelowPin
            )
    });
    assert!(told, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visible_version_that_is_gone_is_restored_from_a_backup_and_not_repaired() {
    let store = uncovered("omnigraph-0.7.2");
    let (table, version) = visible(&store, "node:Author").await;
    std::fs::remove_file(manifest(&table, version)).unwrap();
    let report = before_an_upgrade(&store).await;
    let gone = the_one(&report, FindingKind::VisibleVersionGone);
    assert_eq!(gone.subject, "node:Author on main");
    let says = format!("shown version {version}, and it is gone");
    assert!(gone.detail.contains(&says), "{}", gone.detail);
    assert!(gone.resolve.contains("backup"), "{}", gone.resolve);
    let of_commits = the_one(&report, FindingKind::UncoveredCommits);
    assert_ne!(of_commits.subject, gone.subject);

    let store = Store::unpacked("omnigraph-0.9.0", "v9-pin-version-cleaned");
    let report = today(&store).await;
    assert!(
        kinds(&report).contains(&FindingKind::VisibleVersionGone),
        "{report:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lance_branch_of_an_older_version_that_no_pin_names_is_told() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
    let operation = store.operation();
    store.open().await.recover(&operation).await;
    let catalog = match store.lance().await.catalog(Some("feature")).await.unwrap() {
        fenced_lance::CatalogReading::Present(catalog) => catalog,
        other => panic!("{other:?}"),
    };
    let on_main = catalog
        .pins
        .iter()
        .find(|(_, pin)| pin.table_branch.is_none() && pin.version > 1);
    let (table_key, pin) = on_main.expect("a table that nobody wrote to on the branch");
    let folder = store.path().join(&catalog.locations[table_key]);
    let uri = folder.to_str().unwrap();
    let mut dataset = lance::Dataset::open(uri).await.unwrap();
    dataset
        .create_branch("feature", pin.version - 1, None)
        .await
        .unwrap();
    let report = today(&store).await;
    let fork = the_one(&report, FindingKind::ForkLeft);
    assert_eq!(fork.subject, format!("{table_key} on feature"));
    let made = format!("made from version {}", pin.version - 1);
    assert!(fork.detail.contains(&made), "{}", fork.detail);
    assert!(!fork.stands_in_the_way);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_was_moved_is_looked_at_with_the_address_that_it_had() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation").without_relocation();
    let report = before_an_upgrade(&store).await;
    let relocated = "--relocated-from OLD_ROOT";
    assert!(report.stands_in_the_way && !report.findings.is_empty());
    for finding in &report.findings {
        assert!(finding.resolve.contains(relocated), "{finding:#?}");
    }
    let lines = report.upgrade.unwrap();
    let resolve = lines[0].resolve.as_ref().unwrap();
    assert!(resolve.contains(" drain ") && resolve.contains(relocated));
    let opened = store.open().await;
    let plans = service::drain(&opened.root, clock::now()).await.unwrap();
    let next = plans.plans[0].next.as_ref().unwrap();
    assert!(
        next.contains(" drain ") && next.contains(relocated),
        "{next}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_the_catalog_registers_twice_is_told() {
    let store = Store::with_tables(&TABLES).await;
    let elsewhere = place("node:B").path;
    super::history::register(&store, "node:A", &elsewhere).await;
    let report = today(&store).await;
    let contradictory = the_one(&report, FindingKind::CatalogContradictory);
    assert!(contradictory.detail.contains("node:A"), "{contradictory:?}");
    assert!(contradictory.stands_in_the_way);
}
