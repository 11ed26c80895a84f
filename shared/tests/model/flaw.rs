//! What can be left out, each of which some property must notice.

/// One omission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Flaw {
    None,
    /// A console does not commit to the catalog before it restores.
    NoFence,
    /// It restores onto whatever the HEAD is.
    UnfencedRestore,
    /// It publishes on whatever version the catalog has by then, and not on the one it read the pins of.
    PublishesOnWhatIsLast,
    /// It publishes the tables one by one, and not in one commit.
    PublishesOneByOne,
    /// It takes its publish for done without looking.
    NotesWithoutDoing,
    /// It deletes the sidecar, and then records.
    DeletesBeforeItRecords,
    /// It goes on with what another has claimed, as if a lease had run out, without a claim of its own.
    TakesOverByTime,
    /// It does not make its claim visible to writers.
    HidesItsClaim,
    /// It takes the approval of one plan of an operation for that of any.
    ApprovesTheOperation,
    /// The slow writer does not look for a claim.
    WriterDoesNotLook,
    /// It does not look once more after a table's commit landed.
    WriterDoesNotLookAgain,
    /// A commit that stands where an undo would take a table is taken for the undo's.
    BelievesNumbersOfAnUndo,
    /// A commit that stands where a write would take a table is taken for that write's, whoever is named there.
    BelievesNumbersOfARace,
    /// Nobody looks at commits above what a roll forward published.
    LooksAtPinsOnly,
    /// Nobody looks again at an end that is on record.
    BelievesItsRecord,
    /// The sidecar is deleted though somebody recorded since.
    DeletesWithoutHold,
    /// A restore that is on record is published without a look at whose it is.
    BelievesItsSteps,
    /// The version that is published is to be kept, though it is gone.
    TagsWhatIsGone,
    /// An attempt that another console began is ended, as at a root of another name.
    EndsWhatOthersBegan,
    /// A commit that says it is a restore of ours is believed.
    BelievesWhatACommitSays,
    /// A dismissal that was begun is carried out without a look at whether its sidecar is still stuck.
    ResumesADismissalBlindly,
    /// A dismissal that is on record is seen to its end without such a look.
    EndsADismissalBlindly,
    /// A plan is carried out once it is approved: whether that may still be is asked neither right before the claim nor right after.
    AsksOnceOnly,
    /// Whatever file bears the name of an operation is taken for its own, also where the journal says that it is another.
    TakesAnyFileForItsOwn,
    /// A file with the undo in it that an attempt wrote there is taken for another.
    DoesNotKnowItsUndo,
    /// Nobody looks at the file before a table is restored or published.
    RestsOnNoFile,
    /// The undo is written over whatever bears the name.
    PreparesOverAnyFile,
    /// Whatever bears the name is deleted in the end.
    DeletesAnyFile,
    /// A step of which nobody knows whether it was done is reported as not done.
    TakesUnclearForUndone,
    /// A dataset is removed without a look at whose it is by now.
    DropsADatasetWithoutLooking,
}
