//! Writers that are not dead.

use std::sync::Arc;

use restore_backend::service;
use restore_backend::service::{Answer, Approver};
use root_objects::clock;
use root_objects::store::Verb;
use sidecar::OutcomeKind;

use super::setup::{RESTORE, TABLES, publish_as_a_stranger};
use crate::support::gates::Before;
use crate::support::{Store, approver, numbers, place, rows};

#[tokio::test(flavor = "multi_thread")]
async fn another_table_published_between_fence_and_publish_is_kept() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    let gate = {
        let store = store.clone();
        Before::new(Verb::PutCreate, RESTORE, move || {
            let store = store.clone();
            async move { store.written(&["node:Book"], 50..52).await }
        })
    };
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
    let visible = store.visible_rows().await;
    assert_eq!(visible["node:Author"], numbers(0..10));
    assert_eq!(visible["node:Book"], numbers((0..10).chain(50..52)));
    assert!(store.drift().await.is_empty());
}

/// A writer that was taken for dead finishes its whole write, sidecar and all, at the worst moments of its roll back. Its write
/// was acknowledged, so it must be visible in the end, and until it is whole again the operation must stay pending.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_writer_that_finishes_during_its_roll_back_loses_nothing() {
    for moment in [
        "__manifest/_versions/",
        "tables/node_Author/_refs/tags/",
        RESTORE,
    ] {
        let store = Arc::new(Store::with_tables(&TABLES).await);
        let operation = store.crashed_write(&TABLES[..2], 1).await;
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        let gate = {
            let (store, operation) = (store.clone(), operation.clone());
            Before::new(Verb::PutCreate, moment, move || {
                let (store, operation) = (store.clone(), operation.clone());
                async move {
                    store
                        .lance()
                        .await
                        .append_rows(&place("edge:Wrote"), &rows(100..103))
                        .await
                        .unwrap();
                    publish_as_a_stranger(&store, &[("node:Author", 1, 2), ("edge:Wrote", 1, 2)])
                        .await;
                    std::fs::remove_file(
                        store.path().join("__recovery").join(operation.file_name()),
                    )
                    .unwrap();
                }
            })
        };
        let report = store
            .open_behind(gate)
            .await
            .apply(&operation, digest)
            .await;
        assert_eq!(
            report.outcome,
            OutcomeKind::Conflict,
            "{moment}: {report:?}"
        );
        assert!(
            report
                .differences
                .iter()
                .any(|difference| difference.field.name() == "manifest_pinned"),
            "{moment}: {report:?}"
        );

        let list = service::list(&opened.root, clock::now()).await.unwrap();
        assert_eq!(
            list.recoveries.len(),
            1,
            "{moment}: the operation is pending though its sidecar is gone"
        );
        let plan = opened.plan(&operation).await;
        assert!(plan.executable, "{moment}: {:?}", plan.blockers);
        let second = Approver {
            acknowledged: plan.requires.iter().copied().collect(),
            ..approver()
        };
        let digest = plan.digest.unwrap();
        let answer = service::approve(&opened.root, &operation, digest, second, clock::now())
            .await
            .unwrap();
        assert!(matches!(answer, Answer::Done(_)), "{moment}: {answer:?}");
        let report = opened.apply(&operation, digest).await;
        assert!(
            matches!(
                report.outcome,
                OutcomeKind::RolledBack | OutcomeKind::CleanedUp
            ),
            "{moment}: {report:?}"
        );
        let visible = store.visible_rows().await;
        for table in &TABLES[..2] {
            assert_eq!(
                visible[*table],
                numbers((0..10).chain(100..103)),
                "{moment}: the acknowledged write is visible in {table}"
            );
        }
        assert!(store.drift().await.is_empty(), "{moment}");
        assert!(
            service::list(&opened.root, clock::now())
                .await
                .unwrap()
                .recoveries
                .is_empty(),
            "{moment}"
        );
    }
}
