//! The flaws that are planted in an executor.

/// What the imitation does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// Nothing: it is the product's double, and breaks no invariant.
    None,
    /// Restores without the fence of the catalog.
    NoFence,
    /// Restores on whatever HEAD is by then, as Lance's own restore does.
    UnfencedRestore,
    /// Restores once more on top of its own restore.
    RestoresTwice,
    /// Restores a table that the plan only publishes.
    RestoresUnasked,
    /// Commits to a table something nobody planned.
    TidiesUp,
    /// Publishes the first table alone.
    HalfPublish,
    /// Writes the terminal record without any effect.
    RecordsWithoutEffects,
    /// Takes an approval of the operation for one of any plan.
    ApprovedById,
    /// Deletes the sidecar before the terminal record, and dies.
    DeletesFirst,
    /// Goes on after a conflict as if there was none.
    GoesOnAfterConflict,
    /// Says that the sidecar is retired, and leaves it.
    LeavesSidecar,
    /// Ends an attempt that another process began, though nothing moved.
    EndsForeignAttempt,
    /// Does not keep the sidecar's bytes.
    ForgetsSidecar,
    /// Overwrites a record of the journal.
    Overwrites,
    /// Removes an old version.
    CleansUp,
    /// Neither looks at nor keeps the version that is to come back.
    NeverLooks,
    /// Does again, after a restart, what the journal says is done.
    ForgetsJournal,
    /// Takes a record of its own that is there already for another executor's.
    GivesWayToItself,
    /// Publishes on whatever version of the catalog is last by then.
    PublishesOnLast,
    /// Publishes, and then says that it is going to.
    PublishesUnsaid,
    /// Announces what the restores of an undo bring back once they are done.
    AnnouncesLate,
    /// Does not announce it at all.
    NeverAnnounces,
    /// Publishes what the undo of a roll back brought back.
    PublishesUndone,
    /// Keeps one of the tags it was to drop.
    ForgetsTag,
    /// Drops a tag that no recovery had set.
    DropsForeignTag,
}
