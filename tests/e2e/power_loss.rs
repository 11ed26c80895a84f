//! The power fails at any moment of a recovery, and what was not synced is gone: whatever is left, one more apply finishes it, and
//! a sidecar that is gone has left its record and its effects.
#![cfg(target_os = "linux")]

mod images;
mod record;

use restore_backend::store::Durability;
use sidecar::{Digest, OperationId, OutcomeKind};

use crate::process::{answer, console_that, run};
use crate::support::Store;
use images::{Disk, Files, Syncs};
use record::Shim;

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];
/// A recovery that is not synced leaves thousands of images; a bad one is found among the last of them.
const IMAGES_UNSYNCED_MAX: usize = 100;

/// A recovery on record, and what it came to.
struct Recorded {
    store: Store,
    operation: OperationId,
    digest: Digest,
    requests: u64,
    world: String,
    images: Vec<Files>,
}

impl Recorded {
    async fn of(
        committed: usize,
        outcome: OutcomeKind,
        durability: Durability,
        syncs: Syncs,
    ) -> Self {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, committed).await;
        let digest = store.open().await.approve(&operation).await;
        let disk = Disk::of(store.path());

        let shim = Shim::compiled();
        let mut command = console_that("apply", &store, &operation, digest);
        shim.preload(&mut command, store.path());
        if durability == Durability::Relaxed {
            command.env("RELAXED", "1");
        }
        let (said, sidecar, requests) = answer(&run(command).await);
        assert_eq!(
            (said.as_str(), sidecar.as_str()),
            (outcome.name(), "retired")
        );

        let (images, last) = disk.images(&shim.record(), syncs);
        let found: Files = store
            .files()
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(store.path()).unwrap().to_owned(), bytes))
            .collect();
        assert!(last == found, "the record does not tell the whole story");
        let mut recorded = Self {
            store,
            operation,
            digest,
            requests,
            world: String::new(),
            images,
        };
        let worlds = recorded.converge().await.unwrap();
        assert!(worlds[0].contains(outcome.name()), "{worlds:?}");
        recorded.world = worlds[0].clone();
        recorded
    }

    /// One more apply, in a process that knows nothing of what was here before: the worlds it finds and leaves.
    async fn converge(&self) -> Result<Vec<String>, String> {
        let mut command = console_that("converge", &self.store, &self.operation, self.digest);
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
            match self.converge().await {
                Ok(worlds) if worlds.iter().all(|world| *world == self.world) => {}
                broken => violations.push(format!("image {image}: {broken:?}")),
            }
            if violations.len() >= enough {
                break;
            }
        }
        violations
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
    let violations = recorded.violations(0..count, 5).await;
    assert!(violations.is_empty(), "of {count} images: {violations:#?}");
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
