//! A file that was written a moment ago may be a live writer's, whether it can be understood or not.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use restore_backend::store::RequestLog;

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
        r#"{{"schema_version": 9, "operation_id": "{OPERATION}", "started_at": "{started_at}", "tables": []}}"#
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

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_of_another_version_is_as_old_as_it_says() {
    let store = Store::with_tables(&TABLES).await;
    let now = clock::now().micros();
    let (young, old) = (now.to_string(), (now - 3_600_000_000).to_string());
    for file in ["copy.json", &format!("{OPERATION}.json")] {
        let path = store.path().join("__recovery").join(file);
        write(&path, &newer_sidecar(&young), MIN_AGE * 2);
        assert_eq!(blockers(&store, file).await, [Code::TooYoung], "{file}");
        write(&path, &newer_sidecar(&old), Duration::ZERO);
        assert_eq!(blockers(&store, file).await, [], "{file}");
        // What says no time that can be read says none.
        write(&path, &newer_sidecar("yesterday"), Duration::ZERO);
        assert_eq!(blockers(&store, file).await, [Code::TooYoung], "{file}");
        std::fs::remove_file(path).unwrap();
    }
}
