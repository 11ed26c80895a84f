//! Tags that an interrupted attempt set are dropped, whatever became of its operation.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::support::gates::DiesAt;

/// Tag files of every table below a folder of the root.
fn tag_files(root: &Path) -> usize {
    fn count(folder: &Path, is_tags: bool) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return 0;
        };
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| match path.is_dir() {
                true => count(&path, path.ends_with("_refs/tags")),
                false => usize::from(is_tags),
            })
            .sum()
    }
    count(root, false)
}

/// Executes as far as the tags, then dies.
async fn tagged(store: &Store, operation: &OperationId) -> sidecar::Digest {
    let digest = store.open().await.approve(operation).await;
    for request in 4.. {
        let dying = store.open_behind(Arc::new(DiesAt::after(request))).await;
        service::apply(&dying.root, operation, digest, &ProgressSink::default())
            .await
            .ok();
        if tag_files(store.path()) == 4 {
            break;
        }
    }
    digest
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_an_attempt_that_ended_in_a_dismissal_are_dropped_even_where_the_dataset_is_gone() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let digest = tagged(&store, &operation).await;
    std::fs::remove_dir_all(store.path().join(place(TABLES[0]).path)).unwrap();
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    assert_eq!(
        opened.plan(&operation).await.disposition,
        Disposition::Abort
    );
    let dismissal = service::dismiss(&opened.root, operation.as_str(), clock::now())
        .await
        .unwrap();
    assert_eq!(opened.carry_out(&dismissal).await, operation);
    assert_eq!(tag_files(store.path()), 2);

    let release = planned(opened.release(&operation).await);
    assert_eq!(release.steps.len(), 5, "four tags, one record");
    opened.carry_out(&release).await;
    assert_eq!(tag_files(store.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_on_a_branch_that_is_gone_are_dropped() {
    let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
    let operation = store.operation();
    let digest = tagged(&store, &operation).await;
    let catalog = store.path().join("__manifest");
    std::fs::remove_file(catalog.join("_refs/branches/feature.json")).unwrap();
    std::fs::remove_dir_all(catalog.join("tree")).unwrap();
    // Of one table the branch is removed with its tags, as the branch of a dataset is.
    let opened = store.open().await;
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict, "{}", report.detail);
    let plan = opened.plan(&operation).await;
    assert_eq!(plan.disposition, Disposition::OrphanedBranch);
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::CleanedUp
    );
    let author = store.path().join("nodes/01d32b35baa3b676");
    std::fs::remove_dir_all(author.join("tree")).unwrap();
    std::fs::remove_dir_all(author.join("_refs/tags")).unwrap();
    assert_eq!(tag_files(store.path()), 2);

    let release = planned(opened.release(&operation).await);
    opened.carry_out(&release).await;
    assert_eq!(tag_files(store.path()), 0);
}
