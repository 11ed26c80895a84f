//! Staged schema files are read before they are put in place, and what they replace is kept.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const LIVE: [&str; 3] = ["_schema.pg", "_schema.ir.json", "__schema_state.json"];

fn read(store: &Store, name: &str) -> Vec<u8> {
    std::fs::read(store.path().join(name)).unwrap()
}

fn write(store: &Store, name: &str, bytes: &[u8]) {
    std::fs::write(store.path().join(name), bytes).unwrap();
}

/// The plan aborts with a reason that names the file, and looking at it changed nothing.
async fn aborts(store: &Store, named: &[&str]) {
    let files = store.files();
    let opened = store.open().await;
    let plan = opened.plan(&store.operation()).await;
    assert_eq!(plan.disposition, Disposition::Abort, "{}", plan.headline);
    assert!(!plan.executable);
    assert_eq!(plan.blockers[0].code, Code::SchemaNotPromotable);
    for name in named {
        let detail = &plan.blockers[0].detail;
        assert!(detail.contains(name), "{name} is not in {detail}");
    }
    assert!(plan.steps.is_empty());
    assert_eq!(store.files(), files, "not a byte changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_or_torn_staged_file_aborts_with_its_name() {
    for (archive, staged) in [
        ("schema-mixed-staged", &LIVE[..]),
        ("schema-mixed-published", &LIVE[..]),
        ("schema-mixed-renaming-1", &LIVE[1..]),
        ("schema-mixed-renaming-2", &LIVE[2..]),
    ] {
        for live in staged {
            let name = format!("{live}.staging");
            let store = Store::unpacked("omnigraph-0.7.0", archive);
            let whole = read(&store, &name);
            write(&store, &name, b"");
            aborts(&store, &[&name, "it is empty"]).await;
            // Of a source that was cut short nothing tells but the engine.
            if *live != "_schema.pg" {
                write(&store, &name, &whole[..whole.len() / 2]);
                aborts(&store, &[&name, "it is cut short"]).await;
                write(&store, &name, b"[]");
                aborts(&store, &[&name, "not what a schema change writes"]).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compiled_schema_that_the_state_does_not_name_aborts() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let ir = String::from_utf8(read(&store, "_schema.ir.json.staging")).unwrap();
    write(
        &store,
        "_schema.ir.json.staging",
        ir.replacen("\"born\"", "\"torn\"", 1).as_bytes(),
    );
    let both = ["_schema.ir.json.staging", "__schema_state.json.staging"];
    aborts(&store, &both).await;

    // The first of the three is in place already: the live one counts.
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-renaming-2");
    write(
        &store,
        "_schema.ir.json",
        ir.replacen("\"born\"", "\"torn\"", 1).as_bytes(),
    );
    aborts(&store, &["_schema.ir.json", "__schema_state.json.staging"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_another_schema_change_are_not_promoted() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let other = Store::unpacked("omnigraph-0.7.0", "schema-rewritten-staged");
    for live in LIVE {
        let name = format!("{live}.staging");
        write(&store, &name, &read(&other, &name));
    }
    aborts(&store, &["_schema.ir.json.staging", "node:Publisher"]).await;

    let store = Store::unpacked("omnigraph-0.7.0", "schema-removed-staged");
    for live in LIVE {
        let name = format!("{live}.staging");
        write(&store, &name, &read(&other, &name));
    }
    aborts(&store, &["_schema.ir.json.staging", "still declares"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_file_of_a_change_that_was_never_staged_whole_is_set_aside() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-staging-cut-short");
    write(&store, "_schema.pg.staging", b"");
    let opened = store.open().await;
    let report = opened.recover(&store.operation()).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
    assert!(!store.path().join("_schema.pg.staging").exists());
}

fn kept(store: &Store, operation: &OperationId, folder: &str) -> BTreeSet<Vec<u8>> {
    let folder = store
        .path()
        .join(format!("__recovery_log/{operation}/{folder}"));
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_files_that_are_replaced_are_kept_beside_the_journal() {
    for (archive, replaced) in [
        ("schema-mixed-staged", &LIVE[..]),
        ("schema-mixed-renaming-2", &LIVE[2..]),
    ] {
        let store = Store::unpacked("omnigraph-0.7.0", archive);
        let operation = store.operation();
        let before: BTreeSet<Vec<u8>> = replaced.iter().map(|name| read(&store, name)).collect();
        let report = store.open().await.recover(&operation).await;
        assert_eq!(
            report.outcome,
            OutcomeKind::RolledForward,
            "{}",
            report.detail
        );
        assert_eq!(kept(&store, &operation, "replaced"), before);
        for name in replaced {
            assert!(
                !before.contains(&read(&store, name)),
                "{name} is the new one"
            );
        }
    }
}

fn named_after(bytes: &[u8], name: &str) -> String {
    let digest = sidecar::Digest::of(sidecar::Tag::SchemaFile, bytes).to_string();
    format!("{name}.{}", digest.trim_start_matches("sha256:"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_kept_stays_as_it_is() {
    for (archive, folder, name) in [
        ("schema-mixed-staged", "replaced", "_schema.pg"),
        ("schema-staging-cut-short", "staged", "_schema.pg.staging"),
    ] {
        let store = Store::unpacked("omnigraph-0.7.0", archive);
        let operation = store.operation();
        let before = read(&store, name);
        let folder = Path::new("__recovery_log")
            .join(operation.as_str())
            .join(folder);
        std::fs::create_dir_all(store.path().join(&folder)).unwrap();
        let taken = folder.join(named_after(&before, name));
        write(&store, taken.to_str().unwrap(), b"of somebody else");
        let opened = store.open().await;
        let digest = opened.approve(&operation).await;
        let progress = service::ProgressSink::default();
        let error = service::apply(&opened.root, &operation, digest, &progress)
            .await
            .unwrap_err();
        let text = sidecar::error_text(&error);
        assert!(text.contains("holds other bytes"), "{text}");
        assert_eq!(read(&store, name), before, "{name} is as it was");

        std::fs::remove_file(store.path().join(&taken)).unwrap();
        let report = opened.apply(&operation, digest).await;
        assert_eq!(store.sidecars(), 0, "{}", report.detail);
        assert_eq!(read(&store, taken.to_str().unwrap()), before);
    }
}
