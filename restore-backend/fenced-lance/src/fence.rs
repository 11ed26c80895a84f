//! The fence: a commit lands at exactly one version of a table or not at all.
//!
//! `Dataset::restore` re-reads HEAD and rebases over whatever it finds there, as do all retries, so
//! nothing offered by Lance keeps it from burying a concurrent commit. But a Lance commit becomes
//! visible in one place, when its manifest is created under the name of its version, and the name
//! must be free. Refusing every other version right there makes the commit a compare-and-swap:
//!
//! - The only manifest we may create is that of `target`, HEAD + 1, and creating it fails if it
//!   exists.
//! - Whoever moved HEAD past the version that we read made `target` first, since each commit is HEAD + 1.
//! - That `target` was cleaned away meanwhile does not help: the same attempt found HEAD by a
//!   listing, and with another HEAD it would ask for another version and be refused.
//! - That HEAD has the right number and is of another table, made after ours was dropped, does not
//!   help either: the listing has to name the very object that was read (see the handler).
//!
//! One case is left: two commits and a cleanup without any grace period all fall between that
//! listing and the creation.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use lance_core::Error;
use lance_table::io::commit::CommitError;

/// Lets through the commit of one version and remembers whether any commit came by.
#[derive(Debug)]
pub(super) struct Fence {
    target: u64,
    attempted: AtomicBool,
    failed: AtomicBool,
    refused: AtomicBool,
}

impl Fence {
    pub(super) fn at(target: u64) -> Self {
        Self {
            target,
            attempted: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            refused: AtomicBool::new(false),
        }
    }

    pub(super) fn target(&self) -> u64 {
        self.target
    }

    /// Allows or refuses a commit that would create `version`.
    pub(super) fn pass(&self, version: u64) -> Result<(), CommitError> {
        if version == self.target {
            self.attempted.store(true, Ordering::SeqCst);
            return Ok(());
        }
        self.refused.store(true, Ordering::SeqCst);
        Err(CommitError::OtherError(Error::prerequisite_failed(
            format!(
                "the commit would create version {version}, only {} is allowed",
                self.target
            ),
        )))
    }

    /// Whether a commit was let through. It may have landed even if a failure was reported.
    pub(super) fn was_attempted(&self) -> bool {
        self.attempted.load(Ordering::SeqCst)
    }

    /// Notes that a commit was let through and then reported as failed.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    /// Whether the store reported our commit as failed. It may have landed nevertheless, without having been synced.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Whether a commit was turned away because HEAD had moved.
    pub(super) fn has_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}
