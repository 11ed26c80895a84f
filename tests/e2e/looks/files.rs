//! A cleanup that had read the tags before ours were set removes files of the version that comes back.

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::store::Verb;
use sidecar::{Effect, OutcomeKind};

use super::{TABLES, agree, effect_on, recover};
use crate::races::setup::RESTORE;
use crate::support::Store;
use crate::support::gates::Before;

/// The files of version 1 of a table: there is nothing else in a store that nobody wrote to yet.
fn data_files(store: &Store) -> Vec<std::path::PathBuf> {
    let folder = store.path().join("tables/node_Author/data");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_version_whose_files_are_gone_is_not_recorded_as_rolled_back() {
    let store = Store::with_tables(&TABLES).await;
    let needed = data_files(&store);
    assert_eq!(needed.len(), 1);
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = agree(&store.open().await, &operation).await;
    let hidden = needed[0].with_extension("hidden");
    let cleanup = {
        let (needed, hidden) = (needed[0].clone(), hidden.clone());
        // Right before the restore: the tags are set by then, and everything was looked at twice.
        Before::new(Verb::PutCreate, RESTORE, move || {
            let (needed, hidden) = (needed.clone(), hidden.clone());
            async move { std::fs::rename(needed, hidden).unwrap() }
        })
    };
    let opened = store.open_behind(cleanup).await;
    let report = service::apply(&opened.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap();
    assert!(hidden.exists(), "the cleanup ran");
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let difference = &report.differences[0];
    assert_eq!(difference.table_key.as_deref(), Some("node:Author"));
    let file = needed[0].file_name().unwrap().to_str().unwrap();
    assert!(difference.found.contains(file), "{difference:?}");
    assert!(report.detail.contains("backup"), "{}", report.detail);
    assert_eq!(effect_on(&report, "node:Author"), Effect::Changed);
    assert_eq!(store.sidecars(), 1);

    std::fs::rename(&hidden, &needed[0]).unwrap();
    recover(&store.open().await, &operation).await;
    assert!(store.drift().await.is_empty());
    assert_eq!(store.sidecars(), 0);
    assert_eq!(store.visible_counts().await["node:Author"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_a_restored_version_is_looked_at_once_more_in_the_end() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store.open().await;
    let digest = agree(&opened, &operation).await;
    opened.log.reset();
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    let looks = opened.log.requests().into_iter().filter(|request| {
        request.verb == Verb::Head && request.path.starts_with("tables/node_Author/data/")
    });
    // For the plan that is applied, once it is claimed, and after everything is done.
    assert_eq!(looks.count(), 3);
}
