//! Looking changes nothing, and costs what it must.

use std::collections::BTreeMap;

use restore_backend::service;
use restore_backend::store::Verb;
use restore_backend::{clock, sidecar_dir};
use sidecar::{Disposition, Limits, OperationId, Sidecar, TablePin, Timestamp, WriterKind};

use crate::support::{Store, place};

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

    // 100 sidecars and one listing of their folder; one listing of the journals; the rest is catalog and four tables.
    assert_eq!(of_list.sidecar_reads, 100);
    assert_eq!(of_plan.sidecar_reads, 100);
    assert_eq!((of_list.mutations, of_plan.mutations), (0, 0));
    assert!(of_list.others <= 30, "{of_list:?}");
    assert!(of_plan.others <= 34, "{of_plan:?}");
    assert_eq!(store.files(), files, "not a byte changed");
}

#[derive(Debug)]
struct Counts {
    sidecar_reads: usize,
    mutations: u64,
    others: usize,
}

impl Counts {
    fn of(log: &restore_backend::store::RequestLog) -> Self {
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
async fn a_file_whose_name_is_not_text_hides_no_other() {
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
    assert_eq!(dispositions.len(), 2);
    assert!(
        dispositions.contains(&Disposition::NeverStarted)
            && dispositions.contains(&Disposition::Refused),
        "{dispositions:?}"
    );
}
