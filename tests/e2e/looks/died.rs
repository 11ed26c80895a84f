//! An executor died between an effect and its record, and others went on meanwhile.

use fenced_lance::{CatalogReading, TableLocation};
use restore_backend::service;
use root_objects::clock;
use root_objects::store::Verb;
use sidecar::{Digest, Disposition, Effect, OperationId, OutcomeKind};

use super::{AUTHOR_VERSIONS, TABLES, agree, dies_after, effect_on, recover};
use crate::races::setup::publish_as_a_stranger;
use crate::support::{Store, place, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_nobody_recorded_is_unclear_once_the_catalog_moved() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = dies_after(&store, &operation, AUTHOR_VERSIONS).await;
    assert_eq!(store.head("node:Author").await, 3, "it was restored");
    let lance = store.lance().await;
    lance
        .append_rows(&place("edge:Wrote"), &rows(200..201))
        .await
        .unwrap();
    publish_as_a_stranger(&store, &[("edge:Wrote", 1, 2)]).await;

    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(effect_on(&report, "node:Author"), Effect::Unknown);
    recover(&opened, &operation).await;
    assert!(store.drift().await.is_empty());
    assert_eq!(store.sidecars(), 0);
    assert_eq!(store.visible_counts().await["node:Author"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_nobody_recorded_is_unclear_once_the_catalog_is_gone() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 2).await;
    let digest = dies_after(&store, &operation, "__manifest/_versions/").await;
    let (catalog, away) = (store.path().join("__manifest"), store.path().join("away"));
    std::fs::rename(&catalog, &away).unwrap();

    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(report.catalog.effect, Effect::Unknown);
    for table in &TABLES[..2] {
        assert_eq!(effect_on(&report, table), Effect::Unknown);
    }
    std::fs::rename(&away, &catalog).unwrap();
    let healed = recover(&store.open().await, &operation).await;
    assert_eq!(healed.outcome, OutcomeKind::CleanedUp, "{}", healed.detail);
    assert_eq!(store.visible_counts().await["node:Author"], 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_version_was_cleaned_away_ends_the_attempt_and_a_new_plan_heals_it() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = dies_after(&store, &operation, AUTHOR_VERSIONS).await;
    let lance = store.lance().await;
    for value in [200, 201] {
        lance
            .append_rows(&place("node:Author"), &rows(value..value + 1))
            .await
            .unwrap();
    }
    let restored = format!("{AUTHOR_VERSIONS}/{:020}.manifest", u64::MAX - 3);
    std::fs::remove_file(store.path().join(restored)).unwrap();

    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(effect_on(&report, "node:Author"), Effect::Unknown);
    let healed = recover(&opened, &operation).await;
    assert_eq!(healed.outcome, OutcomeKind::RolledBack, "{}", healed.detail);
    assert!(store.drift().await.is_empty());
    assert_eq!(store.visible_counts().await["node:Author"], 10);
}

/// The first table that a sidecar pins, with its place.
async fn first_table(store: &Store, key: &str) -> TableLocation {
    let CatalogReading::Present(catalog) = store.lance().await.catalog(None).await.unwrap() else {
        panic!("no catalog")
    };
    TableLocation::main(catalog.locations[key].clone())
}

/// A recovery that died once its first row was in the history, and a commit to the first table since.
async fn committed_after_its_history(graph: &str) -> (Store, OperationId, Digest, String) {
    let store = Store::unpacked("omnigraph-0.7.0", graph);
    let operation = store.operation();
    let digest = dies_after(&store, &operation, "_graph_commits.lance/_versions/").await;
    let key = store.open().await.plan(&operation).await.tables[0]
        .table
        .table_key
        .clone();
    let table = first_table(&store, &key).await;
    let lance = store.lance().await;
    lance.delete_rows(&table, "true").await.unwrap();
    (store, operation, digest, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_wakes_up_while_nothing_but_history_was_written_is_seen() {
    let (store, operation, digest, key) = committed_after_its_history("never-started").await;

    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(
        report.differences[0].table_key.as_deref(),
        Some(key.as_str())
    );
    assert_eq!(store.sidecars(), 1, "the sidecar still covers the table");
    recover(&opened, &operation).await;
    assert!(store.drift().await.is_empty());
    assert_eq!(store.sidecars(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_died_tables_that_are_not_touched_are_looked_at_twice() {
    let store = Store::unpacked("omnigraph-0.7.0", "never-started");
    let operation = store.operation();
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::NeverStarted);
    let table = first_table(&store, &plan.tables[0].table.table_key).await;
    let digest = agree(&opened, &operation).await;
    opened.log.reset();
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::CleanedUp
    );
    let versions = format!("{}/_versions", table.path);
    let looks = opened.log.requests().into_iter().filter(|request| {
        request.verb == Verb::List && request.path.starts_with(versions.as_str())
    });
    // For the plan that is applied, and once it is claimed.
    assert_eq!(looks.count(), 2);
    service::list(&opened.root, clock::now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_publish_above_a_write_that_is_published_is_theirs() {
    let (store, operation, digest, _) = committed_after_its_history("stale-after-success").await;
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
}
