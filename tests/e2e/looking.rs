//! Looking changes nothing, and costs what it must.

use std::collections::BTreeMap;
use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::store::{Request, Verb};
use root_objects::{clock, sidecar_dir};
use sidecar::api::Progress;
use sidecar::{
    Disposition, Limits, OperationId, OutcomeKind, Requirement, Sidecar, TablePin, Timestamp,
    WriterKind,
};

use crate::support::gates::{DiesAt, Point};
use crate::support::{Opened, Store, place};

const TABLES: [&str; 4] = ["node:A", "node:B", "edge:C", "edge:D"];

fn sidecar(store: &Store, number: u64) -> Sidecar {
    let operation_id: OperationId = format!("01M81{number:021}").parse().unwrap();
    let pin = |table_key: &&str| TablePin {
        table_key: (*table_key).to_owned(),
        table_path: format!(
            "{}/{}",
            store.path().to_str().unwrap(),
            place(table_key).path
        ),
        expected_version: 1,
        post_commit_pin: 2,
        confirmed_version: None,
        table_branch: None,
        unknown: BTreeMap::new(),
    };
    Sidecar {
        schema_version: 1,
        operation_id,
        started_at: Timestamp::from_micros(1_700_000_000_000_000 + number),
        branch: None,
        actor_id: None,
        writer_kind: WriterKind::Mutation,
        tables: TABLES.iter().map(pin).collect(),
        merge_source_commit_id: None,
        additional_registrations: Vec::new(),
        tombstones: Vec::new(),
        unknown: BTreeMap::new(),
        version_9: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sidecars_are_read_once_each_and_each_table_is_looked_at_once() {
    let store = Store::with_tables(&TABLES).await;
    let opened = store.open().await;
    for number in 0..100 {
        sidecar_dir::write_sidecar(opened.root.objects(), &sidecar(&store, number))
            .await
            .unwrap();
    }
    let files = store.files();

    opened.log.reset();
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    assert_eq!(list.recoveries.len(), 100);
    assert_eq!(list.recoveries[0].disposition, Disposition::NeverStarted);
    assert!(
        list.recoveries[1..]
            .iter()
            .all(|recovery| recovery.disposition == Disposition::Waiting)
    );
    let of_list = Counts::of(&opened.log);

    opened.log.reset();
    let plan = opened.plan(&sidecar(&store, 0).operation_id).await;
    assert_eq!(plan.disposition, Disposition::NeverStarted);
    let of_plan = Counts::of(&opened.log);

    // 100 sidecars and one listing of their folder; one listing of what is open, and, as long as nobody approved anything here,
    // one of the journals; the rest is catalog and four tables.
    assert_eq!(of_list.sidecar_reads, 100);
    assert_eq!(of_plan.sidecar_reads, 100);
    assert_eq!((of_list.mutations, of_plan.mutations), (0, 0));
    assert!(of_list.others <= 32, "{of_list:?}");
    assert!(of_plan.others <= 36, "{of_plan:?}");
    assert_eq!(store.files(), files, "not a byte changed");
}

#[derive(Debug)]
struct Counts {
    sidecar_reads: usize,
    mutations: u64,
    others: usize,
}

impl Counts {
    fn of(log: &root_objects::store::RequestLog) -> Self {
        let requests = log.requests();
        let sidecar_reads = requests
            .iter()
            .filter(|request| request.verb == Verb::Get && request.path.starts_with("__recovery/"))
            .count();
        Self {
            sidecar_reads,
            mutations: log.mutations(),
            others: requests.len() - sidecar_reads,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sidecar_folder_is_listed_flat_and_by_name() {
    let store = Store::with_tables(&TABLES).await;
    let opened = store.open().await;
    let objects = opened.root.objects();
    let list = || sidecar_dir::list_sidecars(objects, &Limits::DEFAULT);
    assert!(
        list().await.unwrap().is_empty(),
        "a missing folder is an empty one"
    );

    let first = sidecar(&store, 1);
    sidecar_dir::write_sidecar(objects, &first).await.unwrap();
    assert!(
        sidecar_dir::write_sidecar(objects, &first).await.is_err(),
        "a sidecar is never overwritten"
    );
    let folder = store.path().join("__recovery");
    std::fs::create_dir(folder.join("folder.json")).unwrap();
    std::fs::create_dir(folder.join("deeper")).unwrap();
    for (file, text) in [
        ("deeper/inner.json", "{}"),
        ("notes.txt", "{}"),
        ("empty.json", ""),
        ("half.json", "{\"schema_version\": 1"),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    std::fs::write(folder.join("large.json"), vec![b' '; (1 << 20) + 1]).unwrap();
    std::fs::create_dir(store.path().join("__recovery_log")).unwrap();
    std::fs::write(store.path().join("__recovery_log/other.json"), "{}").unwrap();

    let files = list().await.unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.file.as_str()).collect();
    let well_named = first.operation_id.file_name();
    assert_eq!(
        names,
        [
            well_named.as_str(),
            "empty.json",
            "folder.json",
            "half.json",
            "large.json"
        ]
    );
    assert_eq!(files[0].content.as_ref(), Ok(&first));
    let codes: Vec<&str> = files[1..]
        .iter()
        .map(|file| file.content.as_ref().unwrap_err().code.name())
        .collect();
    assert_eq!(codes, ["not_json", "unreadable", "not_json", "too_large"]);

    sidecar_dir::delete_sidecar(objects, &well_named)
        .await
        .unwrap();
    sidecar_dir::delete_sidecar(objects, &well_named)
        .await
        .unwrap();
    assert_eq!(list().await.unwrap().len(), 4);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_name_is_not_text_hides_no_other_and_is_told_with_it() {
    use std::os::unix::ffi::OsStrExt;
    let store = Store::with_tables(&TABLES).await;
    let opened = store.open().await;
    sidecar_dir::write_sidecar(opened.root.objects(), &sidecar(&store, 1))
        .await
        .unwrap();
    std::fs::write(
        store
            .path()
            .join("__recovery")
            .join(std::ffi::OsStr::from_bytes(b"bad\xff.json")),
        "{}",
    )
    .unwrap();
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let dispositions: Vec<Disposition> = list
        .recoveries
        .iter()
        .map(|recovery| recovery.disposition)
        .collect();
    // It was read, and is no sidecar.
    assert_eq!(
        dispositions,
        [Disposition::Refused, Disposition::NeverStarted]
    );
    let plan = opened.plan(&sidecar(&store, 1).operation_id).await;
    assert!(
        plan.requires.contains(&Requirement::OlderUnreadable),
        "{plan:?}"
    );
}

/// A write that reached no table, recovered to its end.
async fn finished(store: &Store, opened: &Opened, number: u64) -> OperationId {
    let sidecar = sidecar(store, number);
    sidecar_dir::write_sidecar(opened.root.objects(), &sidecar)
        .await
        .unwrap();
    let report = opened.recover(&sidecar.operation_id).await;
    assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{}", report.detail);
    sidecar.operation_id
}

/// The requests of a list of a root that was opened just now.
async fn listed(store: &Store) -> Vec<Request> {
    let opened = store.open().await;
    service::list(&opened.root, clock::now()).await.unwrap();
    opened.log.requests()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_finished_costs_a_look_nothing() {
    let store = Store::with_tables(&TABLES).await;
    let opened = store.open().await;
    finished(&store, &opened, 1).await;
    let with_one = listed(&store).await.len();
    let mut operations = Vec::new();
    for number in 2..6 {
        operations.push(finished(&store, &opened, number).await);
    }
    let requests = listed(&store).await;
    assert_eq!(requests.len(), with_one, "{requests:?}");
    let of_finished: Vec<&Request> = requests
        .iter()
        .filter(|request| {
            request.path == "__recovery_log"
                || operations
                    .iter()
                    .any(|operation| request.path.contains(operation.as_str()))
        })
        .collect();
    assert!(of_finished.is_empty(), "{of_finished:?}");
    let marks = std::fs::read_dir(store.path().join("__recovery_log/open")).unwrap();
    assert_eq!(marks.count(), 1, "only that they are complete");
}

/// A recovery that died with its sidecar deleted and nothing else left to tell of it but its journal.
async fn left_open_without_a_file(store: &Store) -> OperationId {
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    let dying = Arc::new(DiesAt::at(Point::first(
        Verb::PutCreate,
        format!("{}/_versions", place(TABLES[0]).path),
    )));
    let dead = store.open_behind(dying).await;
    let progress = ProgressSink::default();
    let died = service::apply(&dead.root, &operation, digest, &progress).await;
    assert!(died.is_err() || died.is_ok_and(|report| report.outcome == OutcomeKind::Unknown));
    std::fs::remove_file(store.path().join("__recovery").join(operation.file_name())).unwrap();
    operation
}

async fn pending_ids(store: &Store) -> Vec<String> {
    let opened = store.open().await;
    let list = service::list(&opened.root, clock::now()).await.unwrap();
    let ids = list.recoveries.into_iter();
    ids.filter_map(|recovery| recovery.operation_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_an_older_version_left_open_are_found_before_and_after_they_are_marked() {
    let store = Store::with_tables(&TABLES).await;
    let open = left_open_without_a_file(&store).await;
    let marks = store.path().join("__recovery_log/open");
    // As if nobody had ever written a mark.
    std::fs::remove_dir_all(&marks).unwrap();
    assert_eq!(pending_ids(&store).await, [open.to_string()]);

    let other = store.crashed_write(&TABLES[2..], 1).await;
    let opened = store.open().await;
    opened.approve(&other).await;
    assert!(marks.join(format!("{open}.000001")).exists());
    let requests = listed(&store).await;
    assert!(
        !requests
            .iter()
            .any(|request| request.path == "__recovery_log"),
        "{requests:?}"
    );
    assert_eq!(
        pending_ids(&store).await,
        [open.to_string(), other.to_string()]
    );
    for operation in [open, other] {
        let digest = match opened.plan(&operation).await {
            plan if plan.progress == Progress::Open => opened.approve(&operation).await,
            plan => plan.digest.unwrap(),
        };
        let report = opened.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    }
    assert!(pending_ids(&store).await.is_empty());
    assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_without_a_journal_is_nothing_and_one_of_a_closed_journal_is_removed_by_the_next_approval()
 {
    let store = Store::with_tables(&TABLES).await;
    let opened = store.open().await;
    let closed = finished(&store, &opened, 1).await;
    let marks = store.path().join("__recovery_log/open");
    let (stale, empty) = (
        marks.join(format!("{closed}.000001")),
        marks.join("01M81000000000000000000009.000001"),
    );
    std::fs::write(&stale, "{}").unwrap();
    std::fs::write(&empty, "{}").unwrap();
    assert!(pending_ids(&store).await.is_empty());
    assert!(stale.exists(), "looking changes nothing");
    finished(&store, &opened, 2).await;
    assert!(!stale.exists());
    assert!(
        empty.exists(),
        "whoever made it may be about to write the record"
    );
}
