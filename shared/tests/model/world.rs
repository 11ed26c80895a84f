//! What is modelled: which recovery, in which world, and what can happen next.

use sidecar::executor::CATALOG_TRIES_MAX;

use crate::console::Console;
use crate::dataset::DatasetChange;
use crate::file::FileChange;
use crate::flaw::Flaw;
use crate::others::Merge;
use crate::store::Store;
use crate::subject::Subject;
use crate::writer::Writer;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Recovery {
    /// How many tables the slow writer has committed already.
    pub(crate) committed: usize,
    pub(crate) crashes: u8,
    pub(crate) consoles: usize,
    /// Whether there is a later writer.
    pub(crate) later_writer: bool,
    /// Whether somebody who knows of no sidecars committed above the slow write, so that it is rolled back though it is whole.
    pub(crate) stranger: bool,
    /// Whether the slow writer is alive, though it looks dead.
    pub(crate) slow_writer: bool,
    /// What is carried out.
    pub(crate) subject: Subject,
    /// Whether the later writer began when the slow one did, from the same pins, on both tables.
    pub(crate) rival: bool,
    /// Whether a merge is alive, though it looks dead.
    pub(crate) live_merge: bool,
    /// How often somebody commits who names no operation.
    pub(crate) nameless: u8,
    /// How often a cleanup removes the old versions of a table.
    pub(crate) cleanups: u8,
    /// How often the tables, the catalog and the sidecars are brought back from a backup, when nobody works on them.
    pub(crate) backups: u8,
    /// How often what a sidecar is set aside for is mended, when nobody works on it.
    pub(crate) mends: u8,
    /// How often somebody removes the file, puts another in its place, or brings it back as its writer left it.
    pub(crate) file_changes: u8,
    /// How often somebody makes a dataset, commits to it or adds it to the catalog, where a schema change made its own.
    pub(crate) dataset_changes: u8,
    pub(crate) depth: Depth,
    pub(crate) flaw: Flaw,
}

/// Which worlds are told apart, and which interleavings are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Every interleaving of every request, and journals by their whole history, up to this many records: consoles may take over
    /// from each other for ever.
    Histories(u64),
    /// Every interleaving of every request, without a bound. Journals that add up to the same are the same, see [`Journal`](crate::journal::Journal).
    Requests,
    /// And only interleavings that can differ in what is stored.
    ///
    /// That so much grows only makes this sound: the catalog, HEADs, pins and the journal only grow, a claim is never taken back, and
    /// a sidecar never comes back. No property speaks of where an actor is, but of what it did.
    ///
    /// - Whoever looks for a claim does so as early as it can: had it looked later and found one, it would have done nothing
    ///   more, and that it may also do having passed. So with reading the catalog to publish on, which fails and is read again if
    ///   it moved.
    /// - An effect that comes too late does so for good, and is not waited for. Nor is a look at what can no longer change.
    /// - A console whose next record is taken can only do what it had begun. When that is done it is as good as gone.
    /// - A crash does nothing until the console comes back: before, it might as well be slow. So it crashes right when it comes back.
    /// - Nobody but a claim reads an approval. So it is given right before, and not for plans that nobody claims.
    /// - Consoles are alike, so they have no order.
    ///
    /// A test compares what can come to be stored with all interleavings.
    Reduced,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) writers: [Writer; 2],
    pub(crate) consoles: Vec<Console>,
    pub(crate) crashes_left: u8,
    pub(crate) merge: Merge,
    pub(crate) nameless_left: u8,
    pub(crate) cleanups_left: u8,
    pub(crate) backups_left: u8,
    pub(crate) mends_left: u8,
    pub(crate) file_changes_left: u8,
    pub(crate) dataset_changes_left: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Write(usize),
    Merge,
    CommitNamelessly(usize),
    CleanUp(usize),
    BringBack,
    Mend,
    ChangeFile(FileChange),
    ChangeDataset(DatasetChange),
    Approve,
    Apply(usize),
    Proceed(usize),
    Crash(usize),
    /// It crashes and begins again, knowing nothing.
    ComeBack(usize),
}

impl Recovery {
    pub(crate) fn is_reduced(&self) -> bool {
        self.depth == Depth::Reduced
    }

    pub(crate) fn has_others(&self) -> bool {
        self.subject != Subject::Write
            || self.rival
            || self.live_merge
            || self.nameless + self.cleanups + self.backups + self.mends > 0
            || self.file_changes + self.dataset_changes > 0
    }
}

impl World {
    /// See [`Depth::Reduced`].
    pub(crate) fn settle(&mut self, flaw: Flaw) {
        for writer in &mut self.writers {
            writer.settle(&mut self.store, flaw);
        }
        for console in &mut self.consoles {
            console.settle(&mut self.store, flaw);
        }
        self.consoles.sort_by_cached_key(Console::place);
        assert!(
            self.store.catalog.len() < CATALOG_TRIES_MAX,
            "how often the catalog moved is forgotten, and never comes to matter"
        );
    }
}
