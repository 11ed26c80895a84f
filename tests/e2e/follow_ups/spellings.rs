//! One root under several names is one root; a copy of it is another, whatever it is called.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use restore_backend::root::{Root, RootOptions};
use root_objects::store::{Durability, RequestLog, Verb};
use sidecar::Digest;

use super::*;
use crate::support::copy_folder;
use crate::support::gates::{DiesAt, Point};

async fn open_at(path: &Path) -> Opened {
    let log = RequestLog::recording();
    let options = RootOptions {
        min_age: std::time::Duration::ZERO,
        durability: Durability::Relaxed,
        log: log.clone(),
        ..RootOptions::default()
    };
    Opened {
        root: Root::open(path.to_str().unwrap(), options).await.unwrap(),
        log,
    }
}

/// An attempt at a roll back that died after its claim.
async fn begun(store: &Store) -> (OperationId, Digest) {
    let operation = store.crashed_write(&TABLES, 2).await;
    let digest = store.open().await.approve(&operation).await;
    let gate = Arc::new(DiesAt::after(4));
    let dying = store.open_behind(gate.clone()).await;
    service::apply(&dying.root, &operation, digest, &ProgressSink::default())
        .await
        .unwrap_err();
    assert_eq!(gate.left(), 0);
    (operation, digest)
}

/// An attempt that was begun under one name is carried on under another, and a plan that was approved under one is applied under the other.
async fn is_the_same_root(store: &Store, other: &Path) {
    let (operation, digest) = begun(store).await;
    let opened = open_at(other).await;
    assert_eq!(opened.root.id(), store.open().await.root.id());
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);

    let operation = store.crashed_write(&TABLES, 3).await;
    let digest = opened.approve(&operation).await;
    assert_eq!(
        store.open().await.plan(&operation).await.digest,
        Some(digest)
    );
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(
        report.outcome,
        OutcomeKind::RolledForward,
        "{}",
        report.detail
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_a_root_is_that_root() {
    let store = Store::with_tables(&TABLES).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(store.path(), &link).unwrap();
    assert_eq!(
        open_at(&link).await.root.id().as_str(),
        store.path().to_str().unwrap(),
        "before anything of ours is in it"
    );
    is_the_same_root(&store, &link).await;
}

/// A mount that goes when the test ends, however it ends.
struct Mount(PathBuf);

impl Mount {
    fn of(folder: &Path, at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.arg("--bind").args([folder, at]).output();
        let mount = mount.ok().filter(|output| output.status.success());
        mount.map(|_| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_of_a_root_is_that_root() {
    let store = Store::with_tables(&TABLES).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let at = elsewhere.path().join("mount");
    let Some(_mount) = Mount::of(store.path(), &at) else {
        println!("skipped: a folder cannot be mounted here, that takes more rights");
        return;
    };
    is_the_same_root(&store, &at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_renamed_is_the_same_and_one_in_its_old_place_is_not() {
    let store = Store::with_tables(&TABLES).await;
    let (operation, digest) = begun(&store).await;
    let new_name = store.path().with_file_name("renamed");
    std::fs::rename(store.path(), &new_name).unwrap();
    let renamed = open_at(&new_name).await;
    assert_eq!(renamed.root.id().as_str(), store.path().to_str().unwrap());
    assert_eq!(renamed.plan(&operation).await.digest, Some(digest));

    // A copy in the old place is what bears the old name; the folder that was renamed does not pass for it.
    copy_folder(&new_name, store.path());
    let renamed = open_at(&new_name).await;
    assert_eq!(renamed.root.id().as_str(), new_name.to_str().unwrap());
    let refused = renamed.apply(&operation, digest).await;
    assert_eq!(refused.outcome, OutcomeKind::Refused, "{}", refused.detail);
    assert_eq!(renamed.log.mutations(), 0);
    std::fs::remove_dir_all(store.path()).unwrap();

    let renamed = open_at(&new_name).await;
    let report = renamed.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{}", report.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_another_root_and_stays_one_under_its_other_names() {
    let store = Store::with_tables(&TABLES).await;
    let (operation, digest) = begun(&store).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy");
    let copied = Command::new("cp")
        .arg("-a")
        .args([store.path(), &copy])
        .status();
    assert!(copied.unwrap().success());
    let opened = open_at(&copy).await;
    assert_eq!(opened.root.id().as_str(), copy.to_str().unwrap());
    let refused = opened.apply(&operation, digest).await;
    assert_eq!(refused.outcome, OutcomeKind::Refused, "{}", refused.detail);
    assert_eq!(refused.differences[0].field.name(), "root");
    assert_eq!(opened.log.mutations(), 0);

    // Once something of its own is in it, the copy is known under its own name.
    let ending = service::Ending {
        name: "grace".to_owned(),
        reason: "this is a copy".to_owned(),
        writers_stopped: true,
    };
    let ended = service::end(&opened.root, &operation, digest, ending, clock::now()).await;
    assert!(matches!(ended.unwrap(), Answer::Done(_)));
    let new_name = elsewhere.path().join("renamed");
    std::fs::rename(&copy, &new_name).unwrap();
    let renamed = open_at(&new_name).await;
    assert_eq!(renamed.root.id(), opened.root.id());
    assert_eq!(
        store.open().await.root.id().as_str(),
        store.path().to_str().unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_put_in_place_of_the_one_that_is_open_is_not_written_to() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    let plan = opened.plan(&operation).await;
    let aside = store.path().with_file_name("aside");
    std::fs::rename(store.path(), &aside).unwrap();
    copy_folder(&aside, store.path());
    let refused = service::approve(
        &opened.root,
        &operation,
        plan.digest.unwrap(),
        approver(),
        clock::now(),
    )
    .await
    .unwrap_err();
    assert_eq!(refused.code(), "root_not_identified");
    assert!(!store.path().join("__recovery_log").exists());
}

/// Puts a copy of the root in its place.
fn replace(store: &Store) {
    let aside = store.path().with_file_name("aside");
    std::fs::rename(store.path(), &aside).unwrap();
    copy_folder(&aside, store.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_not_taken_back_in_a_folder_that_was_put_in_place_of_the_one_that_is_open() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let opened = store.open().await;
    let digest = opened.approve(&operation).await;
    replace(&store);
    let before = store.files();
    let now = clock::now();
    let refused = service::revoke(&opened.root, &operation, digest, "grace", None, now).await;
    assert_eq!(refused.unwrap_err().code(), "root_not_identified");
    assert_eq!(store.files(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_finished_operation_is_not_done_in_a_folder_that_was_put_in_place() {
    for (verb, path) in [
        (Verb::Delete, "__recovery/"),
        (Verb::PutCreate, "__recovery_log/{operation}/closed"),
        (Verb::Delete, "__recovery_log/open/{operation}"),
    ] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, 3).await;
        let digest = store.open().await.approve(&operation).await;
        let path = path.replace("{operation}", operation.as_str());
        let gate = Arc::new(DiesAt::at(Point::first(verb, path.clone())));
        let dying = store.open_behind(gate.clone()).await;
        service::apply(&dying.root, &operation, digest, &ProgressSink::default())
            .await
            .ok();
        assert_eq!(gate.left(), 0, "{path}");

        let opened = store.open().await;
        replace(&store);
        let before = store.files();
        let progress = ProgressSink::default();
        let refused = service::apply(&opened.root, &operation, digest, &progress).await;
        assert_eq!(refused.unwrap_err().code(), "root_not_identified", "{path}");
        assert_eq!(store.files(), before, "{path}");
    }
}
