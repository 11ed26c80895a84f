//! Files where folders have to be, and folders where files have to be: whoever is not concerned goes on, and whoever is learns which
//! name stands in the way and what to do.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::store::{Durability, RequestLog};
use sidecar::api::RecoveryList;
use sidecar::{Code, Disposition, OperationId, OutcomeKind};

use crate::support::{Opened, Store, approver};

const TABLES: [&str; 2] = ["node:Author", "edge:Wrote"];
const A_FILE: &str = "is a file where a folder is expected; move it away by hand";
const A_FOLDER: &str = "is a folder where a file is expected; move it away by hand";

async fn listed(opened: &Opened) -> RecoveryList {
    service::list(&opened.root, clock::now()).await.unwrap()
}

fn skipped(list: &RecoveryList) -> Vec<&str> {
    list.skipped.iter().map(|it| it.detail.as_str()).collect()
}

/// The words with which an approval fails or is refused.
async fn not_approved(opened: &Opened, operation: &OperationId) -> String {
    let plan = opened.plan(operation).await;
    let digest = plan.digest.unwrap();
    let answer = service::approve(&opened.root, operation, digest, approver(), clock::now());
    match answer.await {
        Err(error) => sidecar::error_text(&error),
        Ok(Answer::No(refusal)) => refusal.detail,
        Ok(Answer::Done(report)) => panic!("{report:?}"),
    }
}

fn put(at: &Path) -> PathBuf {
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::write(at, "").unwrap();
    at.to_owned()
}

/// Puts a file in place of a folder, and returns what puts the folder back.
fn replace_folder(at: &Path) -> impl FnOnce() + use<> {
    let (at, aside) = (at.to_owned(), at.with_extension("aside"));
    let was_there = at.exists();
    if was_there {
        std::fs::rename(&at, &aside).unwrap();
    }
    put(&at);
    move || {
        std::fs::remove_file(&at).unwrap();
        if was_there {
            std::fs::rename(&aside, &at).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_place_of_a_journal_holds_up_that_operation_alone() {
    let store = Store::with_tables(&TABLES).await;
    let blocked = store.crashed_write(&TABLES[..1], 1).await;
    let free = store.crashed_write(&TABLES[1..], 1).await;
    let nobody: OperationId = "01M8125ENACWR9X1EZNRMDV5V2".parse().unwrap();
    let log = store.path().join("__recovery_log");
    let in_the_way = put(&log.join(blocked.as_str()));
    put(&log.join(nobody.as_str()));

    // Before any approval a look lists everything beside the journals, and afterwards the marks of open operations alone.
    for are_marked in [false, true] {
        let opened = store.open().await;
        let list = listed(&opened).await;
        if !are_marked {
            let skipped = skipped(&list);
            assert_eq!(skipped.len(), 2, "{skipped:?}");
            for operation in [&blocked, &nobody] {
                let told = format!("__recovery_log/{operation} is not part of any journal");
                assert!(
                    skipped.iter().any(|it| it.starts_with(&told)),
                    "{skipped:?}"
                );
            }
        }
        let of = |operation: &OperationId| {
            let found = list
                .recoveries
                .iter()
                .find(|it| it.operation_id.as_deref() == Some(operation.as_str()));
            found.unwrap_or_else(|| panic!("{operation}: {list:?}"))
        };
        let refused = of(&blocked).refused.as_ref().unwrap();
        assert_eq!(refused.code, Code::Unreadable, "{refused:?}");
        let told = format!("__recovery_log/{blocked} {A_FILE}");
        assert!(refused.detail.contains(&told), "{refused:?}");
        let words = sidecar::error_text(
            &service::approve(
                &opened.root,
                &blocked,
                sidecar::Digest::of(sidecar::Tag::Plan, b""),
                approver(),
                clock::now(),
            )
            .await
            .unwrap_err(),
        );
        assert!(words.contains(&told), "{words}");
        assert_eq!(list.recoveries.len(), if are_marked { 1 } else { 2 });
        if !are_marked {
            assert_eq!(of(&free).disposition, Disposition::RollForward);
            assert_eq!(
                opened.recover(&free).await.outcome,
                OutcomeKind::RolledForward
            );
        }
    }
    let opened = store.open().await;
    let audit = service::audit(&opened.root, None, true).await.unwrap();
    assert_eq!(audit.operations.len(), 1);
    assert_eq!(audit.skipped.len(), 2, "{:?}", audit.skipped);

    std::fs::remove_file(in_the_way).unwrap();
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&blocked).await.outcome,
        OutcomeKind::RolledForward
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_place_of_the_marks_is_told_and_nothing_is_approved_until_it_is_gone() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let in_the_way = put(&store.path().join("__recovery_log/open"));
    let opened = store.open().await;
    let list = listed(&opened).await;
    assert_eq!(list.recoveries.len(), 1);
    assert_eq!(list.recoveries[0].disposition, Disposition::RollForward);
    let told = format!("__recovery_log/open {A_FILE}");
    assert_eq!(skipped(&list), [told.as_str()]);
    let words = not_approved(&opened, &operation).await;
    assert!(words.contains(&told), "{words}");

    std::fs::remove_file(in_the_way).unwrap();
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_place_of_a_record_or_a_mark_is_named() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let log = store.path().join("__recovery_log");
    let mark = log.join(format!("open/{operation}.000001"));
    std::fs::create_dir_all(&mark).unwrap();
    let opened = store.open().await;
    let told = format!("__recovery_log/open/{operation}.000001 {A_FOLDER}");
    assert_eq!(skipped(&listed(&opened).await), [told.as_str()]);
    let words = not_approved(&opened, &operation).await;
    assert!(words.contains(&told), "{words}");
    std::fs::remove_dir(&mark).unwrap();

    let record = log.join(format!("{operation}/000001.json"));
    std::fs::create_dir_all(&record).unwrap();
    let list = listed(&store.open().await).await;
    let refused = list.recoveries[0].refused.as_ref().unwrap();
    assert_eq!(refused.code, Code::Unreadable);
    let told = format!("__recovery_log/{operation}/000001.json {A_FOLDER}");
    assert!(refused.detail.contains(&told), "{refused:?}");
    std::fs::remove_dir(&record).unwrap();
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_place_of_the_folders_of_the_root_is_named() {
    let store = Store::with_tables(&TABLES).await;
    store.crashed_write(&TABLES, 1).await;
    let put_back = replace_folder(&store.path().join("__recovery"));
    let error = service::list(&store.open().await.root, clock::now()).await;
    let words = sidecar::error_text(&error.unwrap_err());
    assert!(words.contains(&format!("__recovery {A_FILE}")), "{words}");
    put_back();

    // It also holds the name of the root.
    let put_back = replace_folder(&store.path().join("__recovery_log"));
    let opened = store
        .try_open_as(RequestLog::recording(), Duration::ZERO, Durability::Relaxed)
        .await;
    let Err(error) = opened else {
        panic!("it was opened")
    };
    let words = sidecar::error_text(&error);
    assert!(
        words.contains(&format!("__recovery_log {A_FILE}")),
        "{words}"
    );
    put_back();

    for folder in ["__manifest", "__manifest/_versions"] {
        let put_back = replace_folder(&store.path().join(folder));
        let list = listed(&store.open().await).await;
        let words = list.catalog.unwrap().detail;
        assert!(words.contains(&format!("{folder} {A_FILE}")), "{words}");
        put_back();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_place_of_the_folders_of_a_table_is_named_and_the_next_apply_goes_on() {
    for folder in ["_refs", "_refs/tags"] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, 1).await;
        let digest = store.open().await.approve(&operation).await;
        let relative = format!("tables/node_Author/{folder}");
        let put_back = replace_folder(&store.path().join(&relative));
        let opened = store.open().await;
        let sink = restore_backend::execute::ProgressSink::default();
        let applied = service::apply(&opened.root, &operation, digest, &sink).await;
        let words = sidecar::error_text(&applied.unwrap_err());
        assert!(words.contains(&format!("{relative} {A_FILE}")), "{words}");
        put_back();
        let report = store.open().await.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
        assert!(store.drift().await.is_empty());
    }
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 1).await;
    for folder in ["", "/_versions"] {
        let relative = format!("tables/node_Author{folder}");
        let put_back = replace_folder(&store.path().join(&relative));
        let plan = store.open().await.plan(&operation).await;
        assert_eq!(plan.disposition, Disposition::Abort);
        let words = format!("{:?}", plan.blockers);
        assert!(words.contains(&format!("{relative} {A_FILE}")), "{words}");
        assert!(!plan.may_be_set_aside());
        put_back();
    }
}
