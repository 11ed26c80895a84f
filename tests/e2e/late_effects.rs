//! An executor that is stopped before any of its mutating requests, taken over from, and continued when the world has moved on:
//! what it sends then, without a version to fence it, would land in a newer schema change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use restore_backend::execute::ProgressSink;
use restore_backend::service;
use root_objects::store::{Durability, Gate, Request, RequestLog};
use sidecar::OutcomeKind;
use tokio::sync::Semaphore;

use crate::support::Store;

const ARCHIVE: &str = "schema-mixed-staged";
const LOCK: &str = "__schema_apply_lock__";
const SCHEMA_FILES: [&str; 3] = ["_schema.pg", "_schema.ir.json", "__schema_state.json"];

/// Stops before the k-th mutating request, until it is continued.
#[derive(Debug)]
struct StopsAt {
    at: u64,
    seen: AtomicU64,
    stopped: Semaphore,
    continued: Semaphore,
}

#[async_trait]
impl Gate for StopsAt {
    async fn before(&self, request: &Request) -> object_store::Result<()> {
        let is_it =
            request.verb.is_mutation() && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
        if is_it {
            self.stopped.add_permits(1);
            self.continued.acquire().await.unwrap().forget();
        }
        Ok(())
    }
}

/// What a newer world consists of, and an executor of the past could harm.
fn of_the_newer_world(store: &Store) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = store.files();
    files.retain(|path, _| {
        let path = path.strip_prefix(store.path()).unwrap().to_string_lossy();
        // Lance leaves its guess of the latest version behind; nobody here believes it.
        let is_staging = path.contains('#') || path.ends_with("latest_version_hint.json");
        !is_staging
            && (path.starts_with("_schema")
                || path.starts_with("__schema_state")
                || path.starts_with("__recovery/")
                || path.contains(LOCK)
                || path.contains("_refs/tags/")
                || path.contains("_versions/"))
    });
    files
}

fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// The engine changes the schema anew, is about to change it once more, and the recovery's tags are released.
fn moves_on(store: &Store, lock: &BTreeMap<PathBuf, Vec<u8>>) {
    for name in SCHEMA_FILES {
        std::fs::write(store.path().join(name), format!("newer {name}")).unwrap();
        let staged = store.path().join(format!("{name}.staging"));
        std::fs::write(staged, format!("newest {name}")).unwrap();
    }
    for (path, bytes) in lock {
        let path = store.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let entry = serde_json::from_slice::<serde_json::Value>(bytes).ok();
        let made_at = entry.as_ref().and_then(|entry| entry["createAt"].as_u64());
        let bytes = match entry.zip(made_at) {
            Some((mut entry, made_at)) => {
                entry["createAt"] = (made_at + 60).into();
                serde_json::to_vec(&entry).unwrap()
            }
            None => bytes.clone(),
        };
        std::fs::write(path, bytes).unwrap();
    }
    for path in store.files().into_keys() {
        if path.to_string_lossy().contains("_refs/tags/recovery-") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_was_taken_over_from_harms_no_newer_schema_change() {
    let template = Store::unpacked("omnigraph-0.7.0", ARCHIVE);
    let operation = template.operation();
    let lock: BTreeMap<PathBuf, Vec<u8>> = files_below(&template.path().join("__manifest"))
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains(LOCK))
        .map(|(path, bytes)| {
            (
                path.strip_prefix(template.path()).unwrap().to_owned(),
                bytes,
            )
        })
        .collect();
    assert!(lock.len() > 1, "an entry and its files: {:?}", lock.keys());
    let mut request = 0;
    loop {
        request += 1;
        let at = format!("stopped before mutating request {request}");
        let store = template.copy();
        let digest = store.open().await.approve(&operation).await;
        let gate = Arc::new(StopsAt {
            at: request,
            seen: AtomicU64::new(0),
            stopped: Semaphore::new(0),
            continued: Semaphore::new(0),
        });
        let first = store.open_behind(gate.clone()).await;
        let mut stopping = {
            let operation = operation.clone();
            tokio::spawn(async move {
                service::apply(&first.root, &operation, digest, &ProgressSink::default()).await
            })
        };
        tokio::select! {
            ended = &mut stopping => {
                let report = ended.unwrap().unwrap();
                assert_eq!(report.outcome, OutcomeKind::RolledForward);
                break;
            }
            stopped = gate.stopped.acquire() => stopped.unwrap().forget(),
        }
        // Caches of its own: the first may have stopped in the middle of filling its.
        let second = store
            .open_as(RequestLog::new(), Duration::ZERO, Durability::Synced)
            .await;
        let report = second.apply(&operation, digest).await;
        assert_eq!(
            report.outcome,
            OutcomeKind::RolledForward,
            "{at}: {}",
            report.detail
        );
        moves_on(&store, &lock);
        let newer = of_the_newer_world(&store);

        gate.continued.add_permits(1);
        let late = stopping.await.unwrap();
        let after = of_the_newer_world(&store);
        let changed: Vec<&PathBuf> = newer
            .keys()
            .chain(after.keys())
            .filter(|path| newer.get(*path) != after.get(*path))
            .collect();
        assert!(
            changed.is_empty(),
            "{at}: {changed:?} changed; it said {late:?}"
        );
        if let Ok(report) = late {
            assert!(
                [
                    OutcomeKind::RolledForward,
                    OutcomeKind::Unknown,
                    OutcomeKind::Refused
                ]
                .contains(&report.outcome),
                "{at}: {report:?}"
            );
        }
    }
    assert!(request > 30, "{request} requests are not all of them");
}
