//! The folder of sidecars in an object store: what is listed, held, read again and deleted.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use root_objects::sidecar_dir::{
    self, SIDECAR_FOLDER, SidecarDirError, StoredSidecar, delete_sidecar, list_names,
    list_sidecars, read_sidecar,
};
use root_objects::store::Objects;
use sidecar::{Limits, SidecarFile};

fn path(file: &str) -> Path {
    Path::from(SIDECAR_FOLDER).join(file)
}

// A key comes back from a listing as it is; an encoded one would be another object.
#[tokio::test]
async fn a_file_in_an_object_store_is_read_and_deleted_by_the_name_it_is_listed_by() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let objects = Objects::from(store);
    let names = ["50%.json", "a%2Fb.json", "~#[x]{y}^|*?\"<>`.json", "é.json"];
    for name in names {
        let key = Path::parse(format!("{SIDECAR_FOLDER}/{name}")).expect("it works");
        objects.put(&key, name.into()).await.expect("it works");
    }
    let listed = list_sidecars(&objects, &Limits::DEFAULT)
        .await
        .expect("it works");
    assert_eq!(listed.len(), names.len());
    for name in names {
        assert!(listed.iter().any(|file| file.file == name), "{name}");
        let stored = read_sidecar(&objects, name, &Limits::DEFAULT).await;
        assert_eq!(
            stored.expect("it works"),
            StoredSidecar::Bytes(name.into()),
            "{name}"
        );
        delete_sidecar(&objects, name).await.expect("it works");
    }
    let left = list_sidecars(&objects, &Limits::DEFAULT)
        .await
        .expect("it works");
    assert!(left.is_empty(), "{left:?}");
}

const IDS: [&str; 3] = [
    "01M8125ENACWR9X1EZNRMDV5V1",
    "01M8125ENACWR9X1EZNRMDV5V2",
    "01M8125ENACWR9X1EZNRMDV5V3",
];

/// Three sidecars over a hundred tables each, none of them shared.
async fn three_large() -> Objects {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    for id in IDS {
        let pins: Vec<_> = (0..100)
            .map(|table| {
                serde_json::json!({
                    "table_key": format!("{id}:{table}"), "table_path": "/t", "expected_version": 1, "post_commit_pin": 2,
                })
            })
            .collect();
        let sidecar = serde_json::json!({
            "schema_version": 1, "operation_id": id, "started_at": "1", "writer_kind": "Mutation", "tables": pins,
        });
        let file = path(&format!("{id}.json"));
        objects
            .put(&file, sidecar.to_string().into())
            .await
            .expect("it works");
    }
    objects.into()
}

#[tokio::test]
async fn only_the_oldest_are_held_and_the_others_wait_until_they_are_asked_for() {
    let objects = three_large().await;
    let one = SidecarFile::read("x.json", vec![b' '; 8], &Limits::DEFAULT).held_bytes();
    let listed = |limits: Limits, wanted: Option<&'static str>| {
        let objects = objects.clone();
        async move {
            let names = list_names(&objects, &limits).await.expect("it works");
            sidecar::assemble(names.read(&objects, &limits, wanted).await)
        }
    };
    let all = listed(Limits::DEFAULT, None).await;
    assert!(all.iter().all(|entry| entry.waiting_for.is_none()));
    assert!(
        all.iter().all(|entry| entry.file.bytes.is_empty()),
        "nobody asked for bytes"
    );
    let held = all[0].file.held_bytes();
    assert!(held > one + 10_000, "{held}");

    let few = Limits {
        sidecars_held_bytes_max: held * 3 / 2,
        ..Limits::DEFAULT
    };
    let some = listed(few, None).await;
    let waits: Vec<_> = some
        .iter()
        .map(|entry| entry.waiting_for.as_deref())
        .collect();
    assert_eq!(waits, [None, Some(IDS[0]), Some(IDS[0])]);
    assert!(some.iter().all(|entry| entry.refusal.is_none()));
    let spent: u64 = some.iter().map(|entry| entry.file.held_bytes()).sum();
    assert!(spent < few.sidecars_held_bytes_max, "{spent}");

    let wanted = listed(few, Some(IDS[2])).await;
    assert!(wanted[2].file.content.is_ok() && !wanted[2].file.bytes.is_empty());
    assert_eq!(
        wanted[2].waiting_for.as_deref(),
        Some(IDS[1]),
        "what that one names is not known"
    );
}

#[tokio::test]
async fn what_a_list_did_not_keep_is_read_again_and_must_be_the_same() {
    let objects = three_large().await;
    let limits = Limits::DEFAULT;
    let names = list_names(&objects, &limits).await.expect("it works");
    let listed = names.read(&objects, &limits, None).await.remove(0);
    let (whole, bytes) = sidecar_dir::whole(&objects, &listed, &limits)
        .await
        .expect("it works");
    assert_eq!(whole.digest, listed.digest);
    assert_eq!(bytes.as_ref(), Some(&whole.bytes));
    objects
        .put(&path(&listed.file), "{}".into())
        .await
        .expect("it works");
    let replaced = sidecar_dir::whole(&objects, &listed, &limits).await;
    assert!(
        matches!(replaced, Err(SidecarDirError::Replaced { .. })),
        "{replaced:?}"
    );
}
