//! The end of a write to a branch that is gone is being recorded. The process dies, and a backup brings the branch back: the write is
//! not retired, but recovered.

use std::path::PathBuf;

use restore_backend::execute::ProgressSink;
use sidecar::journal::JournalEntry;

use super::*;
use crate::support::gates::DiesAt;

/// What holds the branch in the catalog: its entry, and its versions.
const OF_THE_BRANCH: [&str; 2] = ["__manifest/_refs/branches/feature.json", "__manifest/tree"];

fn places(store: &Store) -> [(PathBuf, PathBuf); 2] {
    let [entry, versions] = OF_THE_BRANCH.map(|path| store.path().join(path));
    let away = |name: &str| store.beside().join(name);
    [(entry, away("entry")), (versions, away("versions"))]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_comes_back_while_its_end_is_recorded_keeps_the_sidecar() {
    let (mut interrupted, mut reopened) = (0, 0);
    for request in 1.. {
        let store = Store::unpacked("omnigraph-0.7.0", "forward-branch-mutation");
        let operation = store.operation();
        for (there, away) in places(&store) {
            std::fs::rename(there, away).unwrap();
        }
        let opened = store.open().await;
        let plan = opened.plan(&operation).await;
        assert_eq!(plan.disposition, Disposition::OrphanedBranch);
        let (_, digest) = opened.approve_plan(&plan).await;
        let gate = std::sync::Arc::new(DiesAt::after(request));
        let dying = store.open_behind(gate.clone()).await;
        let died = service::apply(&dying.root, &operation, digest, &ProgressSink::default()).await;
        if gate.left() > 0 {
            assert_eq!(died.unwrap().outcome, OutcomeKind::CleanedUp);
            break;
        }
        for (there, away) in places(&store) {
            std::fs::rename(away, there).unwrap();
        }
        if store.sidecars() == 0 {
            continue;
        }
        let opened = store.open().await;
        let report = opened.apply(&operation, digest).await;
        assert_eq!(
            (report.outcome, report.sidecar),
            (OutcomeKind::Conflict, SidecarFate::Kept),
            "after request {request}: {}",
            report.detail
        );
        assert_eq!(store.sidecars(), 1, "after request {request}");
        match opened.records(&operation).await.last() {
            Some(JournalEntry::Interrupted { .. }) => interrupted += 1,
            Some(JournalEntry::Reopened { .. }) => reopened += 1,
            other => assert!(matches!(other, Some(JournalEntry::Approved { .. }))),
        }
        let report = opened.recover(&operation).await;
        assert_eq!(
            report.outcome,
            OutcomeKind::RolledForward,
            "after request {request}: {}",
            report.detail
        );
        assert_eq!(store.sidecars(), 0);
    }
    // The rows of the history of the graph are begun and done one after the other, and then the end is recorded.
    assert!(interrupted > 6 && reopened > 0, "{interrupted}, {reopened}");
}
