//! Sidecars and journals that somebody else changes, removes or leaves.

use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::clock;
use root_objects::store::Verb;
use sidecar::{Disposition, OutcomeKind, SidecarFate};

use super::setup::{Expected, RESTORE, TABLES, is_recovered_once};
use crate::support::Store;
use crate::support::gates::Before;

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_that_vanishes_after_the_claim_does_not_stop_the_recovery() {
    let store = Arc::new(Store::with_tables(&TABLES).await);
    let operation = store.crashed_write(&TABLES, 2).await;
    let expected = Expected::of(&store, &operation).await;
    let digest = store.open().await.approve(&operation).await;
    let file = store.path().join("__recovery").join(operation.file_name());
    let gate = Before::new(Verb::PutCreate, RESTORE, move || {
        let file = file.clone();
        async move { std::fs::remove_file(file).unwrap() }
    });
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Retired)
    );
    is_recovered_once(
        &store,
        &store.open().await,
        &operation,
        &expected,
        "without its file",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_whose_bytes_changed_is_not_the_one_that_was_approved() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let file = store.path().join("__recovery").join(operation.file_name());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n")).unwrap();
    opened.log.reset();
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::Conflict);
    assert!(
        report
            .differences
            .iter()
            .any(|difference| difference.field.name() == "sidecar"),
        "{report:?}"
    );
    assert_eq!(opened.log.mutations(), 0);

    // Changed while the approved one is carried out, it is another file, and stays.
    std::fs::write(&file, &text).unwrap();
    let changing = file.clone();
    let gate = Before::new(Verb::PutCreate, RESTORE, move || {
        let (file, text) = (changing.clone(), text.clone());
        async move { std::fs::write(file, format!("{text}\n")).unwrap() }
    });
    let report = store
        .open_behind(gate)
        .await
        .apply(&operation, digest)
        .await;
    assert_eq!(
        (report.outcome, report.sidecar),
        (OutcomeKind::RolledBack, SidecarFate::Replaced)
    );
    assert!(file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_trusted_stops_its_own_operation_only() {
    let store = Store::with_tables(&TABLES).await;
    let broken = store.crashed_write(&["node:Author"], 1).await;
    let other = store.crashed_write(&["node:Book"], 1).await;
    let opened = store.open().await;
    let digest = opened.approve(&broken).await;
    let journal = store.path().join("__recovery_log").join(broken.as_str());
    std::fs::write(journal.join("000001.json"), "{}").unwrap();

    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let refused: Vec<bool> = list
        .recoveries
        .iter()
        .map(|recovery| recovery.refused.is_some())
        .collect();
    assert_eq!(refused, [true, false], "{list:?}");
    let error = service::apply(&opened.root, &broken, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), "journal_broken");
    assert_eq!(
        opened.recover(&other).await.outcome,
        OutcomeKind::RolledForward
    );
    let audit = service::audit(&opened.root, None, true).await.unwrap();
    assert_eq!(
        audit
            .operations
            .iter()
            .map(|operation| operation.verified)
            .collect::<Vec<_>>(),
        [Some(false), Some(true)]
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_and_pipes_in_the_sidecar_folder_are_listed_and_never_opened() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let folder = store.path().join("__recovery");
    let secret = store.path().parent().unwrap().join("secret.json");
    std::fs::write(&secret, "{\"password\": \"hunter2\"}").unwrap();
    std::os::unix::fs::symlink(&secret, folder.join("01000000000000000000000000.json")).unwrap();
    let pipe = folder.join("02000000000000000000000000.json");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let opened = store.open().await;
    let look = service::list(&opened.root, clock::now());
    let list = tokio::time::timeout(std::time::Duration::from_secs(20), look)
        .await
        .expect("a pipe is not waited for")
        .unwrap();
    assert_eq!(
        list.recoveries
            .iter()
            .filter(|recovery| recovery.refused.is_some())
            .count(),
        2,
        "{list:?}"
    );
    let shown = service::plan(
        &opened.root,
        "01000000000000000000000000.json",
        clock::now(),
    )
    .await
    .unwrap();
    assert_eq!(
        shown.sidecar, None,
        "what a link points at is nobody's business here"
    );
    // Nobody can tell what an older file would name that is not opened.
    let waiting = opened.plan(&operation).await;
    assert_eq!(waiting.disposition, Disposition::Waiting, "{waiting:?}");
    assert!(!waiting.executable);
    for name in [
        "01000000000000000000000000.json",
        "02000000000000000000000000.json",
    ] {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledBack
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_objects_in_the_journal_folder_are_no_records() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let journal = store.path().join("__recovery_log").join(operation.as_str());
    std::fs::create_dir(journal.join("deeper")).unwrap();
    for name in [
        "notes.json",
        "1.json",
        "0000001.json",
        "000000.json",
        "deeper/000001.json",
    ] {
        std::fs::write(journal.join(name), "{}").unwrap();
    }
    assert_eq!(
        opened.apply(&operation, digest).await.outcome,
        OutcomeKind::RolledBack
    );
    // A record that is not next to the others is a hole, and a hole is damage.
    std::fs::write(journal.join("000900.json"), "{}").unwrap();
    assert!(!opened.audit_holds(&operation).await);
}
