//! One root under several names is one root; a copy of it is another, whatever it is called.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use restore_backend::root::{Root, RootOptions};
use root_objects::store::{Durability, RequestLog, Verb};
use sidecar::Digest;
use sidecar::api::Progress;

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
async fn a_mount_of_a_root_is_that_root_where_folders_can_be_mounted() {
    let store = Store::with_tables(&TABLES).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let at = elsewhere.path().join("mount");
    let Some(_mount) = Mount::of(store.path(), &at) else {
        println!("skipped: a folder cannot be mounted here, that takes more rights");
        return;
    };
    is_the_same_root(&store, &at).await;
}

/// Puts something at a path, given another path.
type Puts = fn(&Path, &Path);

/// Copies a folder as `cp -a` does: with links, times and owners.
fn copied(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

fn ending(reason: &str) -> service::Ending {
    service::Ending {
        name: "grace".to_owned(),
        reason: reason.to_owned(),
        writers_stopped: true,
    }
}

/// Everything that is recorded in a root works in the folder: approving, taking that back, carrying out and ending an attempt.
async fn can_be_worked_on(folder: &Path, operation: &OperationId) {
    let opened = open_at(folder).await;
    let digest = opened.approve(operation).await;
    let revoked = service::revoke(&opened.root, operation, digest, "grace", None, clock::now());
    assert!(matches!(revoked.await.unwrap(), Answer::Done(_)));
    let again = open_at(folder).await.approve(operation).await;
    assert_eq!(again, digest);
    let report = open_at(folder).await.apply(operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledForward, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_renamed_is_worked_on_whatever_stands_at_its_old_path() {
    let stands: [(&str, Puts); 5] = [
        ("nothing", |_, _| {}),
        ("an empty folder", |_, old| {
            std::fs::create_dir(old).unwrap()
        }),
        ("a file", |_, old| std::fs::write(old, "").unwrap()),
        ("a copy", copied),
        ("a link to it", |new, old| {
            std::os::unix::fs::symlink(new, old).unwrap()
        }),
    ];
    for (what, put) in stands {
        let store = Store::with_tables(&TABLES).await;
        let (operation, digest) = begun(&store).await;
        let new_name = store.path().with_file_name("renamed");
        std::fs::rename(store.path(), &new_name).unwrap();
        put(&new_name, store.path());
        let renamed = open_at(&new_name).await;
        assert_eq!(
            renamed.root.id().as_str(),
            store.path().to_str().unwrap(),
            "{what}"
        );
        assert_eq!(renamed.root.address().as_str(), new_name.to_str().unwrap());
        let ended = service::end(
            &renamed.root,
            &operation,
            digest,
            ending("it is to be planned anew"),
            clock::now(),
        );
        assert!(matches!(ended.await.unwrap(), Answer::Done(_)), "{what}");
        let again = renamed.approve(&operation).await;
        let report = open_at(&new_name).await.apply(&operation, again).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_renamed_in_the_midst_of_a_recovery_goes_on() {
    let store = Store::with_tables(&TABLES).await;
    let (operation, digest) = begun(&store).await;
    let new_name = store.path().with_file_name("renamed");
    std::fs::rename(store.path(), &new_name).unwrap();
    let another = Store::with_tables(&TABLES).await;
    copied(another.path(), store.path());
    let renamed = open_at(&new_name).await;
    assert_eq!(renamed.plan(&operation).await.digest, Some(digest));
    let report = renamed.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");

    // The other store at the old path is a root as any.
    assert_eq!(
        store.open().await.root.id().as_str(),
        store.path().to_str().unwrap()
    );
    let operation = store.crashed_write(&TABLES, 3).await;
    can_be_worked_on(store.path(), &operation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_of_a_renamed_root_at_its_old_path_is_that_root_where_folders_can_be_mounted() {
    let store = Store::with_tables(&TABLES).await;
    let (operation, digest) = begun(&store).await;
    let new_name = store.path().with_file_name("renamed");
    std::fs::rename(store.path(), &new_name).unwrap();
    let Some(_mount) = Mount::of(&new_name, store.path()) else {
        println!("skipped: a folder cannot be mounted here, that takes more rights");
        return;
    };
    let opened = store.open().await;
    assert_eq!(opened.root.id(), open_at(&new_name).await.root.id());
    let report = opened.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
}

/// How a copy of a root comes to stand at the path of that root.
const COPIES: [(&str, Puts); 2] = [
    ("the root is renamed, and copied back", |root, aside| {
        std::fs::rename(root, aside).unwrap();
        copied(aside, root);
    }),
    ("a backup is put back", |root, aside| {
        copied(root, aside);
        std::fs::remove_dir_all(root).unwrap();
        std::fs::rename(aside, root).unwrap();
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_not_resumed_in_a_copy_at_the_path_of_the_original() {
    for (how, put) in COPIES {
        let store = Store::with_tables(&TABLES).await;
        let (operation, digest) = begun(&store).await;
        let aside = store.path().with_file_name("aside");
        put(store.path(), &aside);

        let copy = store.open().await;
        let shown = copy.plan(&operation).await;
        assert_eq!(codes(&shown), [Code::BegunElsewhere], "{how}");
        let refused = copy.apply(&operation, digest).await;
        assert_eq!(refused.outcome, OutcomeKind::Refused, "{how}: {refused:?}");
        assert_eq!(refused.differences[0].field.name(), "root");
        assert!(
            refused.detail.contains("end the attempt here"),
            "{refused:?}"
        );
        assert_eq!(copy.log.mutations(), 0, "{how}");
        let answer = service::approve(&copy.root, &operation, digest, approver(), clock::now());
        let Answer::No(refusal) = answer.await.unwrap() else {
            panic!("{how}: approved")
        };
        assert!(
            refusal.detail.contains("end the attempt here"),
            "{refusal:?}"
        );

        // Ended, it is planned, approved and carried out as a root of its own.
        let ended = service::end(
            &copy.root,
            &operation,
            digest,
            ending("this is a copy"),
            clock::now(),
        );
        assert!(matches!(ended.await.unwrap(), Answer::Done(_)), "{how}");
        let own = store.open().await.approve(&operation).await;
        assert_ne!(own, digest, "{how}");
        let report = store.open().await.apply(&operation, own).await;
        assert_eq!(report.outcome, OutcomeKind::RolledBack, "{how}: {report:?}");

        // The original, if it is still there, goes on by itself.
        if aside.exists() {
            let report = open_at(&aside).await.apply(&operation, digest).await;
            assert_eq!(report.outcome, OutcomeKind::RolledBack, "{how}: {report:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_means_nothing_in_a_copy_at_the_path_of_the_original() {
    for (how, put) in COPIES {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, 3).await;
        let digest = store.open().await.approve(&operation).await;
        let aside = store.path().with_file_name("aside");
        put(store.path(), &aside);

        let copy = store.open().await;
        let listed = service::list(&copy.root, clock::now()).await.unwrap();
        assert_eq!(listed.recoveries[0].progress, Progress::Open, "{how}");
        assert_eq!(listed.root, store.path().to_str().unwrap(), "{how}");
        let plan = copy.plan(&operation).await;
        assert!(plan.executable && plan.approvals.is_empty(), "{how}");
        assert_ne!(plan.digest, Some(digest), "{how}");
        let refused = copy.apply(&operation, digest).await;
        assert_eq!(refused.outcome, OutcomeKind::Conflict, "{how}: {refused:?}");
        assert_eq!(refused.differences[0].field.name(), "root");
        assert!(
            refused
                .detail
                .contains("an approval means nothing at a copy"),
            "{refused:?}"
        );
        let unapproved = copy.apply(&operation, plan.digest.unwrap()).await;
        assert_eq!(unapproved.outcome, OutcomeKind::Refused, "{how}");
        assert_eq!(copy.log.mutations(), 0, "{how}");

        can_be_worked_on(store.path(), &operation).await;
        if aside.exists() {
            let original = open_at(&aside).await;
            assert_eq!(original.root.id().as_str(), store.path().to_str().unwrap());
            let report = original.apply(&operation, digest).await;
            assert_eq!(report.outcome, OutcomeKind::RolledForward, "{report:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_finished_is_looked_at_again_in_a_copy_at_the_path_of_the_original() {
    for (how, put) in COPIES {
        // Finished and closed: the copy shows the same, and takes it back by a plan of its own.
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, 3).await;
        let digest = store.open().await.approve(&operation).await;
        store.open().await.apply(&operation, digest).await;
        put(store.path(), &store.path().with_file_name("aside"));
        let report = store.open().await.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::RolledForward, "{how}");
        let undo = planned(store.open().await.undo(&operation).await);
        store.open().await.carry_out(&undo).await;
        assert!(store.drift().await.is_empty(), "{how}");

        // Finished, and the sidecar is still there: the consent to its deletion was given for another root.
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, 3).await;
        let digest = store.open().await.approve(&operation).await;
        let gate = Arc::new(DiesAt::at(Point::first(Verb::Delete, "__recovery/")));
        let dying = store.open_behind(gate.clone()).await;
        service::apply(&dying.root, &operation, digest, &ProgressSink::default())
            .await
            .unwrap_err();
        assert_eq!(gate.left(), 0, "{how}");
        put(store.path(), &store.path().with_file_name("aside"));
        let report = store.open().await.apply(&operation, digest).await;
        assert_eq!(report.outcome, OutcomeKind::Conflict, "{how}: {report:?}");
        assert_eq!(store.sidecars(), 1, "{how}");
        let own = store.open().await.approve(&operation).await;
        let report = store.open().await.apply(&operation, own).await;
        assert_eq!(report.outcome, OutcomeKind::CleanedUp, "{how}: {report:?}");
        assert_eq!(store.sidecars(), 0, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_from_before_roots_had_an_identity_is_gone_on_with_at_its_path() {
    let store = Store::with_tables(&TABLES).await;
    let (operation, digest) = begun(&store).await;
    let journals = store.path().join("__recovery_log");
    assert_eq!(identities(store.path()), 1);
    for entry in std::fs::read_dir(&journals).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_str().unwrap().starts_with("root-") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    assert_eq!(identities(store.path()), 0);
    let report = store.open().await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack, "{report:?}");
    assert_eq!(identities(store.path()), 1, "it is recorded from then on");
}

/// Objects in a root that record an identity.
fn identities(root: &Path) -> usize {
    let entries = std::fs::read_dir(root.join("__recovery_log")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().starts_with("root-"))
        .count()
}

/// A file system in a file, mounted until the test ends.
fn mounted(image: &Path, at: &Path) -> Option<Mount> {
    std::fs::create_dir(at).unwrap();
    let mut mount = Command::new("mount");
    let mount = mount.args(["-o", "loop"]).args([image, at]).output();
    let is_mounted = mount.is_ok_and(|output| output.status.success());
    is_mounted.then(|| Mount(at.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_of_the_file_system_beside_the_original_is_another_root_where_it_can_be_mounted() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (image, clone) = (
        elsewhere.path().join("image"),
        elsewhere.path().join("clone"),
    );
    std::fs::File::create(&image)
        .unwrap()
        .set_len(64 << 20)
        .unwrap();
    let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
    let at = elsewhere.path().join("one");
    let mount = made
        .ok()
        .filter(|made| made.status.success())
        .and_then(|_| mounted(&image, &at));
    let Some(_one) = mount else {
        println!("skipped: a file system cannot be mounted here, that takes more rights");
        return;
    };
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 3).await;
    let root = at.join("store");
    copied(store.path(), &root);
    let relocated = |path: PathBuf| {
        let home = store.path().to_str().unwrap().to_owned();
        async move {
            let options = RootOptions {
                min_age: std::time::Duration::ZERO,
                relocated_from: Some(home),
                ..RootOptions::default()
            };
            let log = options.log.clone();
            let root = Root::open(path.to_str().unwrap(), options).await.unwrap();
            Opened { root, log }
        }
    };
    let digest = relocated(root.clone()).await.approve(&operation).await;
    let synced = Command::new("sync").arg("-f").arg(&root).status();
    assert!(synced.unwrap().success());
    std::fs::copy(&image, &clone).unwrap();
    let at = elsewhere.path().join("two");
    let _two = mounted(&clone, &at).expect("the first was mounted");

    let cloned = at.join("store");
    let opened = relocated(cloned.clone()).await;
    assert_ne!(opened.root.id(), relocated(root.clone()).await.root.id());
    let refused = opened.apply(&operation, digest).await;
    assert_eq!(refused.outcome, OutcomeKind::Conflict, "{refused:?}");
    let own = opened.approve(&operation).await;
    assert_eq!(
        relocated(cloned.clone()).await.root.id(),
        opened.root.id(),
        "once it is recorded, too"
    );
    let report = relocated(cloned).await.apply(&operation, own).await;
    assert_eq!(report.outcome, OutcomeKind::RolledForward, "{report:?}");
    let report = relocated(root).await.apply(&operation, digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledForward, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_another_root_and_stays_one_under_its_other_names() {
    let store = Store::with_tables(&TABLES).await;
    let (operation, digest) = begun(&store).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy");
    copied(store.path(), &copy);
    let opened = open_at(&copy).await;
    let name = opened.root.id().as_str();
    let digits = name.strip_prefix(&format!("{}#copy-", copy.to_str().unwrap()));
    assert_eq!(digits.map(str::len), Some(16), "{name}");
    let refused = opened.apply(&operation, digest).await;
    assert_eq!(refused.outcome, OutcomeKind::Refused, "{}", refused.detail);
    assert_eq!(refused.differences[0].field.name(), "root");
    assert_eq!(opened.log.mutations(), 0);

    // Once something of its own is in it, the copy is known under its own name.
    let ended = service::end(
        &opened.root,
        &operation,
        digest,
        ending("this is a copy"),
        clock::now(),
    );
    assert!(matches!(ended.await.unwrap(), Answer::Done(_)));
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
