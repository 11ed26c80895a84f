//! Graphs that released engines left behind.

use std::collections::BTreeMap;

use fenced_lance::{CatalogReading, TableLocation};
use restore_backend::service::{self, RowsAsked};
use root_objects::clock;
use sidecar::rows_report::{RowChanges, RowsReport};

use super::{by_id, matched, numbers_of, sampling, table, totals};
use crate::support::{Opened, Store, fixtures};

/// Rows that readers of a branch see, by table.
async fn visible(store: &Store, branch: Option<&str>) -> BTreeMap<String, u64> {
    let lance = store.lance().await;
    let CatalogReading::Present(catalog) = lance.catalog(branch).await.unwrap() else {
        return BTreeMap::new();
    };
    let mut visible = BTreeMap::new();
    for (table_key, pin) in &catalog.pins {
        let path = &catalog.locations[table_key];
        let place = TableLocation::on(path, pin.table_branch.as_deref());
        if let Ok(rows) = lance.count_rows(&place, pin.version).await {
            visible.insert(table_key.clone(), rows);
        }
    }
    visible
}

/// The one sidecar of a graph, if its plan can be executed.
async fn executable(opened: &Opened) -> Option<sidecar::api::PlanReport> {
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let [recovery] = list.recoveries.as_slice() else {
        return None;
    };
    let operation = recovery.operation_id.as_ref()?.parse().ok()?;
    let plan = opened.plan(&operation).await;
    plan.executable.then_some(plan)
}

fn archives(engine: &str) -> Vec<String> {
    let folder = std::fs::read_dir(fixtures().join(engine)).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".tar.gz").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// Everything about the report that its own numbers tell: what is inserted and deleted adds up.
#[track_caller]
fn adds_up(name: &str, report: &RowsReport) {
    for table in &report.tables {
        let contents = [(&table.readers, &table.now, &table.after)];
        for (changes, before, after) in contents {
            if matches!(changes, RowChanges::NotKnown { .. }) {
                continue;
            }
            let rows = |shown: &Option<sidecar::rows_report::ShownVersion>| {
                shown.as_ref().map_or(Some(0), |shown| shown.rows.rows())
            };
            let (Some(before), Some(after)) = (rows(before), rows(after)) else {
                continue;
            };
            let (inserted, updated, deleted) = numbers_of(changes);
            assert_eq!(before + inserted, after + deleted, "{name}: {table:?}");
            assert!(updated <= before, "{name}: {table:?}");
        }
    }
}

async fn all_of(engine: &str, recovered_min: usize) {
    let (mut recovered, mut compared) = (0, 0);
    for name in archives(engine) {
        let store = Store::unpacked(engine, &name);
        let opened = store.open().await;
        let Some(plan) = executable(&opened).await else {
            continue;
        };
        let files = store.files();
        opened.log.reset();
        let report = opened.rows(&plan.operation_id, sampling()).await;
        assert_eq!(opened.log.mutations(), 0, "{name}");
        assert_eq!(store.files(), files, "{name}");
        adds_up(&name, &report);
        let before = visible(&store, plan.branch.as_deref()).await;
        for table in &report.tables {
            // A table that was renamed by the write has another key in one of both.
            if let ([now @ Some(_), _], Some(seen)) = (totals(table), before.get(&table.table_key))
            {
                assert_eq!(now, Some(*seen), "{name}: {table:?}");
                compared += 1;
            }
            let unpublished = table.unpublished.iter();
            let unpublished = unpublished.map(|unpublished| &unpublished.changes);
            for changes in unpublished.chain([&table.readers]) {
                let is_known = !matches!(changes, RowChanges::NotKnown { .. });
                assert!(is_known, "{name}: {table:?}");
            }
        }
        opened.approve_plan(&plan).await;
        let operation = plan.operation_id.parse().unwrap();
        opened.apply(&operation, plan.digest.unwrap()).await;
        let after = visible(&store, plan.branch.as_deref()).await;
        for table in &report.tables {
            let [_, planned] = totals(table);
            // A renamed table has another key now.
            if planned.is_some() && after.contains_key(&table.table_key) {
                let seen = after.get(&table.table_key).copied();
                assert_eq!(planned, seen, "{name}: {table:?}");
            }
            if planned.is_none() && table.now.is_some() {
                assert_eq!(after.get(&table.table_key), None, "{name}: {table:?}");
            }
        }
        recovered += 1;
    }
    assert!(recovered >= recovered_min, "{engine}: {recovered}");
    assert!(compared >= recovered, "{engine}: {compared} of {recovered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_on_every_graph_of_0_7_is_what_readers_see_before_and_after() {
    all_of("omnigraph-0.7.0", 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_on_every_graph_of_0_9_is_what_readers_see_before_and_after() {
    all_of("omnigraph-0.9.0", 60).await;
}

async fn report_on(name: &str) -> RowsReport {
    let store = Store::unpacked("omnigraph-0.7.0", name);
    let operation = store.operation();
    store.open().await.rows(&operation, sampling()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_an_engine_is_one_updated_row_with_its_cells_marked() {
    let report = report_on("forward-update").await;
    let changed: Vec<_> = report
        .tables
        .iter()
        .filter(|table| table.changes_for_readers())
        .collect();
    let [table] = changed.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(numbers_of(&table.readers), (0, 1, 0));
    let rows = matched(&table.readers);
    assert_eq!(rows.matched_by, by_id());
    let sample = rows.sample.as_ref().unwrap();
    let [updated] = sample.updated.as_slice() else {
        panic!("{sample:?}")
    };
    let marked = updated
        .changed
        .iter()
        .filter(|changed| **changed == Some(true));
    assert_eq!(marked.count(), 1, "{sample:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_merges_is_one_updated_and_one_inserted_row() {
    let report = report_on("forward-load-merge").await;
    let numbers: Vec<_> = report
        .tables
        .iter()
        .filter(|table| table.changes_for_readers())
        .map(|table| numbers_of(&table.readers))
        .collect();
    assert_eq!(numbers, [(1, 1, 0)], "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compaction_changes_no_row() {
    let report = report_on("optimize").await;
    assert_eq!(report.explanation, "Readers see no change.", "{report:?}");
    for table in &report.tables {
        assert_eq!(numbers_of(&table.readers), (0, 0, 0), "{table:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_says_how_many_rows_come_and_go_with_its_tables() {
    let report = report_on("schema-mixed-staged").await;
    let seen: Vec<(&str, [Option<u64>; 2])> = report
        .tables
        .iter()
        .map(|table| (table.table_key.as_str(), totals(table)))
        .collect();
    let added: Vec<_> = seen.iter().filter(|(_, rows)| rows[0].is_none()).collect();
    let removed: Vec<_> = seen.iter().filter(|(_, rows)| rows[1].is_none()).collect();
    assert_eq!((added.len(), removed.len()), (1, 1), "{seen:?}");
    let (added, _) = added[0];
    assert!(
        table(&report, added)
            .sentence
            .starts_with("Readers see a new table of "),
        "{report:?}"
    );
    let (removed, rows) = removed[0];
    let rows = rows[0].expect("counted");
    assert!(rows > 0);
    let removed = table(&report, removed);
    assert_eq!(numbers_of(&removed.readers), (0, 0, rows));
    let sample = matched(&removed.readers).sample.as_ref().unwrap();
    assert_eq!(sample.deleted.len() as u64, rows);
    assert_eq!(
        removed.sentence,
        format!("Readers lose the table and its {rows} rows.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_write_to_a_branch_is_compared_with_the_version_on_main_that_readers_see() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
    let operation = store.operation();
    let report = store
        .open()
        .await
        .rows(&operation, RowsAsked::default())
        .await;
    let mut compared = 0;
    for table in &report.tables {
        let (Some(now), Some(after)) = (&table.now, &table.after) else {
            panic!("{table:?}")
        };
        if (&now.branch, after.branch.as_deref()) == (&None, Some("feature")) {
            let (inserted, _, deleted) = numbers_of(&table.readers);
            assert!(inserted + deleted > 0, "{table:?}");
            compared += 1;
        }
    }
    assert!(compared > 0, "{report:?}");
}
