//! The power fails at any moment of a recovery, and what was not synced is gone: whatever is left, one more apply finishes it, and
//! a sidecar that is gone has left its record and its effects.
//!
//! The recovery may have been begun by a process that died in the middle of a request, with what it did not sync still not synced;
//! or a sync of its own may fail. The same goes for an undo, which lays a sidecar down, and for an approval.
#![cfg(target_os = "linux")]

mod images;
mod record;

use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::store::Durability;
use sidecar::journal::JournalEntry;
use sidecar::{Digest, OperationId, OutcomeKind};

use crate::process::{answer, console_that, run};
use crate::support::{Store, approver};
use images::{Disk, Files, Images, Syncs};
use record::{Call, Shim, Strike};

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];
/// A recovery that is not synced leaves thousands of images; a bad one is found among the last of them.
const IMAGES_UNSYNCED_MAX: usize = 100;
const SIGKILL: i32 = 9;

/// An approved recovery, and the disk it is to be carried out on.
struct Approved {
    store: Store,
    operation: OperationId,
    digest: Digest,
    disk: Disk,
    shim: Shim,
}

/// A recovery on record, and what it came to.
struct Recorded {
    store: Store,
    operation: OperationId,
    digest: Digest,
    requests: u64,
    world: String,
    images: Vec<Files>,
}

impl Approved {
    async fn of(tables: &[&str], committed: usize) -> Self {
        let store = Store::with_tables(tables).await;
        let operation = store.crashed_write(tables, committed).await;
        let digest = store.open().await.approve(&operation).await;
        let disk = Disk::of(store.path());
        Self {
            store,
            operation,
            digest,
            disk,
            shim: Shim::compiled(),
        }
    }

    /// A console that does something, on record.
    async fn console(&self, does: &str, durability: Durability, strike: Option<Strike>) -> Output {
        let mut command = console_that(does, &self.store, &self.operation, self.digest);
        self.shim.preload(&mut command, self.store.path());
        if durability == Durability::Relaxed {
            command.env("RELAXED", "1");
        }
        if let Some(strike) = strike {
            strike.arm(&mut command);
        }
        run(command).await
    }

    async fn finishes(&self, durability: Durability, outcome: OutcomeKind) -> u64 {
        let (said, sidecar, requests) = answer(&self.console("apply", durability, None).await);
        assert_eq!(
            (said.as_str(), sidecar.as_str()),
            (outcome.name(), "retired")
        );
        requests
    }

    /// What can be left of everything on record, from the `from`-th call on; it must come to the very files that are there.
    fn images(disk: Disk, store: &Store, calls: &[Call], from: usize, syncs: Syncs) -> Images {
        let images = disk.images(calls, from, syncs);
        let found: Files = store
            .files()
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(store.path()).unwrap().to_owned(), bytes))
            .collect();
        assert!(
            images.without_failure == found,
            "the record does not tell the whole story"
        );
        images
    }
}

impl Recorded {
    async fn of(
        committed: usize,
        outcome: OutcomeKind,
        durability: Durability,
        syncs: Syncs,
    ) -> Self {
        let approved = Approved::of(&TABLES, committed).await;
        let requests = approved.finishes(durability, outcome).await;
        Self::from(approved, 0, outcome, syncs, requests).await
    }

    /// Struck in the middle, and finished by a process that knows nothing of it. The power fails from the strike on.
    async fn struck(
        tables: &[&str],
        committed: usize,
        outcome: OutcomeKind,
        strike: Strike,
    ) -> Self {
        let approved = Approved::of(tables, committed).await;
        let first = approved
            .console("apply", Durability::Synced, Some(strike))
            .await;
        match strike.what {
            "die" => assert_eq!(
                first.status.signal(),
                Some(SIGKILL),
                "{strike:?}: {first:?}"
            ),
            _ => assert_eq!(first.status.signal(), None, "{strike:?}: {first:?}"),
        }
        let from = approved
            .shim
            .record()
            .iter()
            .position(|call| matches!(call, Call::Struck))
            .unwrap_or_else(|| panic!("{strike:?} was never met"));
        let requests = approved.finishes(Durability::Synced, outcome).await;
        Self::from(approved, from, outcome, Syncs::All, requests).await
    }

    async fn from(
        approved: Approved,
        from: usize,
        outcome: OutcomeKind,
        syncs: Syncs,
        requests: u64,
    ) -> Self {
        let Approved {
            store,
            operation,
            digest,
            disk,
            shim,
        } = approved;
        let calls = shim.record();
        let images = Approved::images(disk, &store, &calls, from, syncs);
        let mut recorded = Self {
            store,
            operation,
            digest,
            requests,
            world: String::new(),
            images: images.all,
        };
        let worlds = recorded.converge("converge").await.unwrap();
        assert!(worlds[0].contains(outcome.name()), "{worlds:?}");
        recorded.world = worlds[0].clone();
        recorded
    }

    /// One more apply, in a process that knows nothing of what was here before: the worlds it finds and leaves.
    async fn converge(&self, does: &str) -> Result<Vec<String>, String> {
        let mut command = console_that(does, &self.store, &self.operation, self.digest);
        command.env("RELAXED", "1");
        let output = run(command).await;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8(output.stdout).unwrap();
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// What these images break: every world in them, and every one that an apply leaves, is the one of the undisturbed recovery.
    async fn violations(&self, images: impl Iterator<Item = usize>, enough: usize) -> Vec<String> {
        let mut violations = Vec::new();
        for image in images {
            self.store.hold(&self.images[image]);
            match self.converge("converge").await {
                Ok(worlds) if worlds.iter().all(|world| *world == self.world) => {}
                broken => violations.push(format!("image {image}: {broken:?}")),
            }
            if violations.len() >= enough {
                break;
            }
        }
        violations
    }

    async fn survives(&self, of: &str) {
        let count = self.images.len();
        let violations = self.violations(0..count, 5).await;
        assert!(
            violations.is_empty(),
            "{of}: of {count} images: {violations:#?}"
        );
    }
}

async fn every_image_converges(committed: usize, outcome: OutcomeKind) {
    let recorded = Recorded::of(committed, outcome, Durability::Synced, Syncs::All).await;
    let count = recorded.images.len();
    assert!(
        count as u64 >= recorded.requests,
        "{count} images of {} requests: some request left nothing",
        recorded.requests
    );
    recorded.survives("undisturbed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_survives_a_power_failure_at_any_moment() {
    every_image_converges(2, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_survives_a_power_failure_at_any_moment() {
    every_image_converges(3, OutcomeKind::RolledForward).await;
}

/// The images would show it: the same recovery without its syncs does lose something, whether the store leaves them all out, or
/// the disk those of files, or those of folders. The last images come first, since there the sidecar is about to go.
#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_that_is_not_synced_does_not_survive() {
    for (durability, syncs) in [
        (Durability::Relaxed, Syncs::All),
        (Durability::Synced, Syncs::OnlyOfFiles),
        (Durability::Synced, Syncs::OnlyOfFolders),
    ] {
        let recorded = Recorded::of(2, OutcomeKind::RolledBack, durability, syncs).await;
        let images = (0..recorded.images.len()).rev().take(IMAGES_UNSYNCED_MAX);
        let violations = recorded.violations(images, 1).await;
        assert!(!violations.is_empty(), "{durability:?}, syncs: {syncs:?}");
    }
}

/// The table that is restored, and the terminal record of a roll back of one table: where a strike can be aimed at.
const RESTORED: &str = "tables/node_Author/_versions";
const RECORDS: &str = "__recovery_log";

/// Which of the calls on objects of the journal names the terminal record, in a recovery that is not disturbed.
fn terminal_record(calls: &[Call]) -> usize {
    let names = calls.iter().filter_map(|call| match call.aim() {
        Some(("link", path)) if path.to_string_lossy().contains(RECORDS) => path.file_name(),
        _ => None,
    });
    let closed = names.into_iter().position(|name| name == "closed.json");
    closed.expect("it is closed")
}

/// A process dies between the name of something and the sync of its folder, or between a new folder and its sync; the next one
/// finds it, takes it for done, and retires the sidecar.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_found_that_another_did_not_sync_survives() {
    let (tables, outcome) = (&TABLES[..2], OutcomeKind::RolledBack);
    let clean = Approved::of(tables, 1).await;
    clean.finishes(Durability::Synced, outcome).await;
    let calls = clean.shim.record();
    if std::env::var_os("SIDECAR_LONG").is_some() {
        for call in ["link", "mkdir", "unlink", "rename"] {
            let is_it = |aimed: &&Call| aimed.aim().is_some_and(|(name, _)| name == call);
            for nth in 1..=calls.iter().filter(is_it).count() {
                let strike = Strike::dies_after(call, "", nth);
                let recorded = Recorded::struck(tables, 1, outcome, strike).await;
                recorded.survives(&format!("{strike:?}")).await;
            }
        }
        return;
    }
    for strike in [
        Strike::dies_after("mkdir", "_refs", 1),
        Strike::dies_after("link", "_refs/tags", 1),
        Strike::dies_after("link", "__manifest/_versions", 1),
        Strike::dies_after("link", RESTORED, 1),
        Strike::dies_after("link", "__manifest/_versions", 2),
        // The record of the first steps, after that of the claim and the note for writers: another claim comes next.
        Strike::dies_after("link", RECORDS, 3),
        Strike::dies_after("link", RECORDS, terminal_record(&calls)),
    ] {
        let recorded = Recorded::struck(tables, 1, outcome, strike).await;
        recorded.survives(&format!("{strike:?}")).await;
    }
}

/// A sync fails after the name is there: the request failed, and what it was to write is found nonetheless.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_after_its_sync_had_failed_survives() {
    let (tables, outcome) = (&TABLES[..2], OutcomeKind::RolledBack);
    let clean = Approved::of(tables, 1).await;
    clean.finishes(Durability::Synced, outcome).await;
    let terminal = terminal_record(&clean.shim.record());
    for strike in [
        Strike::sync_fails_after("link", RESTORED, 1),
        Strike::sync_fails_after("link", RECORDS, terminal),
    ] {
        let recorded = Recorded::struck(tables, 1, outcome, strike).await;
        recorded.survives(&format!("{strike:?}")).await;
    }
}

/// The undo of a roll back brings HEADs back above their pins, under a sidecar that it lays down first: no image has the one
/// without the other.
async fn an_undo_survives(strike: Option<Strike>) {
    let mut approved = Approved::of(&TABLES[..2], 1).await;
    let opened = approved.store.open().await;
    let report = opened.apply(&approved.operation, approved.digest).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack);
    let undo = service::undo(&opened.root, &approved.operation, clock::now()).await;
    let Answer::Done(undo) = undo.unwrap() else {
        panic!("no undo")
    };
    approved.operation = undo.operation_id.parse().unwrap();
    approved.digest = undo.digest.unwrap();
    let done = service::approve(
        &opened.root,
        &approved.operation,
        approved.digest,
        approver(),
        clock::now(),
    );
    assert!(matches!(done.await.unwrap(), Answer::Done(report) if report.authorized));
    approved.disk = Disk::of(approved.store.path());

    if strike.is_some() {
        let first = approved.console("apply", Durability::Synced, strike).await;
        assert_eq!(first.status.signal(), Some(SIGKILL), "{first:?}");
    }
    approved
        .finishes(Durability::Synced, OutcomeKind::RolledBack)
        .await;
    let calls = approved.shim.record();
    let from = calls.iter().position(|call| matches!(call, Call::Struck));
    let Approved {
        store,
        operation,
        digest,
        disk,
        ..
    } = approved;
    let images = Approved::images(disk, &store, &calls, from.unwrap_or(0), Syncs::All);
    let mut recorded = Recorded {
        store,
        operation,
        digest,
        requests: 0,
        world: String::new(),
        images: Vec::new(),
    };
    recorded.world = recorded.converge("settle").await.unwrap()[1].clone();
    let is_sidecar = |path: &std::path::PathBuf| {
        path.parent() == Some("__recovery".as_ref()) && path.extension() == Some("json".as_ref())
    };
    for (number, image) in images.all.iter().enumerate() {
        recorded.store.hold(image);
        let worlds = recorded.converge("settle").await.unwrap();
        let before: serde_json::Value = serde_json::from_str(&worlds[0]).unwrap();
        let drifts = before["tables"]
            .as_object()
            .unwrap()
            .values()
            .any(|table| table[0] != table[1]);
        assert!(
            !drifts || image.keys().any(is_sidecar),
            "image {number}: HEADs are back and nothing covers them: {before}"
        );
        assert_eq!(worlds[1], recorded.world, "image {number}");
        let below =
            |path: std::path::PathBuf| path.strip_prefix(recorded.store.path()).unwrap().to_owned();
        let left = recorded.store.files().into_keys().map(below);
        assert_eq!(left.filter(is_sidecar).count(), 1, "image {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_roll_back_survives_a_power_failure_at_any_moment() {
    an_undo_survives(None).await;
    an_undo_survives(Some(Strike::dies_after("link", "/__recovery/", 1))).await;
}

/// Once somebody was told that a plan is approved, the approval is there, whoever made the folders it is in.
async fn an_approval_survives(strike: Option<Strike>) {
    let store = Store::with_tables(&TABLES[..2]).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.plan(&operation).await.digest.unwrap();
    let approved = Approved {
        disk: Disk::of(store.path()),
        shim: Shim::compiled(),
        store,
        operation,
        digest,
    };
    if strike.is_some() {
        approved
            .console("approve", Durability::Synced, strike)
            .await;
        let calls = approved.shim.record();
        let is_struck = calls.iter().any(|call| matches!(call, Call::Struck));
        assert!(is_struck, "{strike:?} was never met");
    }
    let told = approved.console("approve", Durability::Synced, None).await;
    assert_eq!(told.stdout, b"approved\n", "{strike:?}: {told:?}");
    let calls = approved.shim.record();
    let Approved {
        store,
        operation,
        disk,
        ..
    } = approved;
    let images = Approved::images(disk, &store, &calls, 0, Syncs::All);
    for image in &images.at_the_end {
        store.hold(image);
        let records = store.open().await.records(&operation).await;
        assert!(
            records
                .iter()
                .any(|entry| matches!(entry, JournalEntry::Approved { .. })),
            "{strike:?}: the approval is lost"
        );
    }
    for image in &images.all {
        store.hold(image);
        store.open().await.approve(&operation).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_survives_a_power_failure_at_any_moment() {
    for strike in [
        None,
        Some(Strike::dies_after("mkdir", RECORDS, 1)),
        Some(Strike::dies_after("mkdir", RECORDS, 2)),
        Some(Strike::dies_after("link", RECORDS, 1)),
        Some(Strike::sync_fails_after("link", RECORDS, 1)),
    ] {
        an_approval_survives(strike).await;
    }
}
