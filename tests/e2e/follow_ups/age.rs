//! A file that was written a moment ago may be a live writer's, whether it can be understood or not.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use root_objects::store::RequestLog;

use super::*;

const MIN_AGE: Duration = Duration::from_secs(900);
const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";

async fn blockers(store: &Store, file: &str) -> Vec<Code> {
    let opened = store.open_with(RequestLog::recording(), MIN_AGE).await;
    let report = service::dismiss(&opened.root, file, clock::now())
        .await
        .unwrap();
    assert_eq!(report.executable, report.blockers.is_empty());
    let operation: OperationId = report.operation_id.parse().unwrap();
    let digest = report.digest.unwrap();
    let answer = service::approve(&opened.root, &operation, digest, approver(), clock::now());
    assert_eq!(
        matches!(answer.await.unwrap(), Answer::Done(_)),
        report.executable,
        "{report:?}"
    );
    codes(&report)
}

fn newer_sidecar(started_at: &str) -> String {
    format!(
        r#"{{"schema_version": 10, "operation_id": "{OPERATION}", "started_at": "{started_at}", "tables": []}}"#
    )
}

fn write(path: &PathBuf, text: &str, written_ago: Duration) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - written_ago).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_time_is_as_old_as_its_last_write() {
    let store = Store::with_tables(&TABLES).await;
    for file in ["notes.json", &format!("{OPERATION}.json")] {
        let path = store.path().join("__recovery").join(file);
        write(&path, "{ half of a sidecar", Duration::ZERO);
        assert_eq!(blockers(&store, file).await, [Code::TooYoung], "{file}");
        write(&path, "{ half of a sidecar", MIN_AGE * 2);
        assert_eq!(blockers(&store, file).await, [], "{file}");
    }
}

/// Its writer's clock may be wrong, and so may be that of the store: a file is as old as both say.
#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_of_another_version_is_as_old_as_both_it_and_the_store_say() {
    let store = Store::with_tables(&TABLES).await;
    let now = clock::now().micros();
    let (young, old) = (now.to_string(), (now - 3_600_000_000).to_string());
    let ahead = (now + 3_600_000_000).to_string();
    for file in ["copy.json", &format!("{OPERATION}.json")] {
        let path = store.path().join("__recovery").join(file);
        for (said, written_ago, expected) in [
            (young.as_str(), MIN_AGE * 2, vec![Code::TooYoung]),
            (&ahead, MIN_AGE * 2, vec![Code::TooYoung]),
            (&old, Duration::ZERO, vec![Code::TooYoung]),
            (&old, MIN_AGE * 2, vec![]),
            ("0", MIN_AGE * 2, vec![]),
            ("0", Duration::ZERO, vec![Code::TooYoung]),
            // A file without a time that can be read has none.
            ("yesterday", Duration::ZERO, vec![Code::TooYoung]),
            ("yesterday", MIN_AGE * 2, vec![]),
        ] {
            write(&path, &newer_sidecar(said), written_ago);
            assert_eq!(
                blockers(&store, file).await,
                expected,
                "{file} {said} {written_ago:?}"
            );
        }
        std::fs::remove_file(path).unwrap();
    }
}

fn set_modified(store: &Store, operation: &OperationId, at: SystemTime) {
    let path = store.path().join("__recovery").join(operation.file_name());
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(at).unwrap();
}

/// A writer whose clock is an hour behind wrote its sidecar this moment, and is at work.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_makes_no_sidecar_executable() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let looked = async || {
        let opened = store.open_with(RequestLog::recording(), MIN_AGE).await;
        let plan = opened.plan(&operation).await;
        let list = service::list(&opened.root, clock::now()).await.unwrap();
        let (told, listed) = (plan.age_seconds, list.recoveries[0].age_seconds);
        assert!(
            told.zip(listed)
                .is_some_and(|(told, listed)| told.abs_diff(listed) < 60)
        );
        (codes(&plan), told.unwrap() / 600)
    };
    assert_eq!(looked().await, (vec![Code::TooYoung], 0));
    set_modified(&store, &operation, SystemTime::now() + MIN_AGE * 4);
    assert_eq!(
        looked().await,
        (vec![Code::TooYoung], 0),
        "a store's clock that is ahead"
    );
    set_modified(&store, &operation, SystemTime::now() - MIN_AGE * 2);
    assert_eq!(looked().await, (vec![], 3));
    set_modified(&store, &operation, SystemTime::now() - MIN_AGE * 40);
    assert_eq!(
        looked().await,
        (vec![], 6),
        "it says itself that it is an hour old"
    );
}

/// Nobody is at work behind what an undo of ours left, so nobody waits for it to grow old.
#[tokio::test(flavor = "multi_thread")]
async fn the_sidecar_that_an_undo_leaves_is_as_old_as_the_write() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    set_modified(&store, &operation, SystemTime::now() - MIN_AGE * 2);
    let opened = store.open_with(RequestLog::recording(), MIN_AGE).await;
    opened.recover(&operation).await;
    let undo = planned(opened.undo(&operation).await);
    opened.carry_out(&undo).await;
    let left = opened.plan(&store.operation()).await;
    assert!(left.executable, "{:?}", left.blockers);
}
