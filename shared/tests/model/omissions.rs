//! A protocol with something left out breaks what it should break, so that the properties are not empty words.

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::cases::ALL;
use crate::flaw::Flaw;
use crate::properties::{
    ALL_SHOWN, BURIED, CLOSED, CONSENTED, COVERED, DROPPED, ENDED, FOREIGN_DATASET, IS_THERE, KEPT,
    MERGED, NAMED, ONE_HOLDS, PLANNED, PUBLISHED_ONCE, RECORDED, REPORTED, RESTORED_ONCE, RETIRED,
    SAID, SAYS_SO, SET_ASIDE, STAYS, TOLD_APART, UNDO_FIRST, WHOLE,
};
use crate::runner::stuck;
use crate::subject::Subject;
use crate::world::{Depth, Recovery};

/// A run that could never come to an end is noticed.
#[test]
fn an_attempt_that_comes_to_no_end_is_noticed() {
    let case = Recovery {
        consoles: 1,
        crashes: 0,
        committed: 2,
        later_writer: false,
        slow_writer: false,
        cleanups: 1,
        depth: Depth::Requests,
        flaw: Flaw::TagsWhatIsGone,
        ..ALL
    };
    assert!(stuck(&case).1.is_some());
    let flaw = Flaw::None;
    assert!(stuck(&Recovery { flaw, ..case }).1.is_none());
}

/// Every omission is noticed by the property it should break, and every property by some omission, so they are not empty words.
#[test]
fn what_is_left_out_of_the_protocol_is_noticed() {
    let one = Recovery {
        consoles: 1,
        crashes: 0,
        depth: Depth::Requests,
        ..ALL
    };
    let two = Recovery {
        consoles: 2,
        committed: 2,
        ..one
    };
    let whole = Recovery {
        committed: 2,
        stranger: true,
        ..one
    };
    let alone = Recovery {
        later_writer: false,
        slow_writer: false,
        ..one
    };
    let undo = Recovery {
        subject: Subject::Undo,
        committed: 2,
        crashes: 1,
        nameless: 1,
        ..alone
    };
    let rival = Recovery {
        committed: 0,
        rival: true,
        ..alone
    };
    let merge = Recovery {
        subject: Subject::Merge,
        committed: 2,
        live_merge: true,
        ..alone
    };
    let dismissal = Recovery {
        subject: Subject::Dismissal,
        committed: 2,
        mends: 1,
        ..alone
    };
    let version_9 = Recovery {
        subject: Subject::Write9,
        file_changes: 1,
        ..alone
    };
    let schema_9 = Recovery {
        subject: Subject::Schema9,
        ..alone
    };
    let noticed = [
        (
            Flaw::DropsADatasetWithoutLooking,
            Recovery {
                dataset_changes: 1,
                ..schema_9
            },
            vec![FOREIGN_DATASET],
        ),
        (
            Flaw::TakesUnclearForUndone,
            Recovery {
                dataset_changes: 1,
                ..schema_9
            },
            vec![REPORTED],
        ),
        (Flaw::NotesWithoutDoing, schema_9, vec![DROPPED]),
        (
            Flaw::RestsOnNoFile,
            Recovery {
                file_changes: 1,
                ..schema_9
            },
            vec![UNDO_FIRST],
        ),
        (Flaw::AsksOnceOnly, dismissal, vec![SET_ASIDE]),
        (
            Flaw::AsksOnceOnly,
            Recovery {
                slow_writer: true,
                ..rival
            },
            vec![COVERED],
        ),
        (
            Flaw::TakesAnyFileForItsOwn,
            version_9,
            vec![TOLD_APART, COVERED],
        ),
        (
            Flaw::DoesNotKnowItsUndo,
            Recovery {
                file_changes: 0,
                ..version_9
            },
            vec![TOLD_APART, CLOSED],
        ),
        (Flaw::RestsOnNoFile, version_9, vec![SAYS_SO]),
        (Flaw::PreparesOverAnyFile, version_9, vec![KEPT]),
        (Flaw::DeletesAnyFile, version_9, vec![KEPT]),
        (Flaw::ResumesADismissalBlindly, dismissal, vec![SET_ASIDE]),
        (Flaw::EndsADismissalBlindly, dismissal, vec![SET_ASIDE]),
        (Flaw::NoFence, whole, vec![STAYS]),
        (
            Flaw::UnfencedRestore,
            Recovery { crashes: 1, ..one },
            vec![BURIED, RESTORED_ONCE],
        ),
        (
            Flaw::PublishesOnWhatIsLast,
            two,
            vec![STAYS, PUBLISHED_ONCE],
        ),
        (
            Flaw::PublishesOneByOne,
            Recovery {
                committed: 2,
                ..one
            },
            vec![WHOLE],
        ),
        (
            Flaw::NotesWithoutDoing,
            Recovery {
                committed: 2,
                ..one
            },
            vec![RECORDED, REPORTED],
        ),
        (
            Flaw::TakesUnclearForUndone,
            Recovery { crashes: 1, ..one },
            vec![REPORTED],
        ),
        (Flaw::DeletesBeforeItRecords, one, vec![RETIRED]),
        (Flaw::TakesOverByTime, two, vec![ONE_HOLDS]),
        (Flaw::HidesItsClaim, one, vec![STAYS]),
        (Flaw::ApprovesTheOperation, one, vec![CONSENTED, PLANNED]),
        (Flaw::WriterDoesNotLook, one, vec![STAYS]),
        (Flaw::WriterDoesNotLookAgain, one, vec![COVERED]),
        (Flaw::BelievesNumbersOfAnUndo, undo, vec![WHOLE, NAMED]),
        (Flaw::BelievesNumbersOfARace, rival, vec![RECORDED]),
        (Flaw::LooksAtPinsOnly, merge, vec![ALL_SHOWN]),
        (Flaw::PublishesOnWhatIsLast, merge, vec![MERGED]),
        (
            Flaw::BelievesWhatACommitSays,
            Recovery {
                nameless: 1,
                ..merge
            },
            vec![NAMED],
        ),
        (
            Flaw::BelievesItsRecord,
            Recovery {
                committed: 2,
                backups: 1,
                ..alone
            },
            vec![COVERED, SAID],
        ),
        (
            Flaw::DeletesWithoutHold,
            Recovery {
                committed: 2,
                consoles: 2,
                backups: 1,
                ..alone
            },
            vec![RETIRED],
        ),
        (
            Flaw::BelievesItsSteps,
            Recovery {
                backups: 1,
                crashes: 1,
                ..alone
            },
            vec![IS_THERE],
        ),
        (
            Flaw::EndsWhatOthersBegan,
            Recovery {
                consoles: 2,
                ..alone
            },
            vec![ENDED],
        ),
    ];
    for (flaw, case, properties) in &noticed {
        let wanted = HasDiscoveries::AllOf(properties.iter().copied().collect());
        let checker = Recovery {
            flaw: *flaw,
            ..*case
        }
        .checker()
        .threads(2)
        .finish_when(wanted)
        .spawn_bfs()
        .join();
        println!(
            "{flaw:?}: {properties:?} in {} states",
            checker.unique_state_count()
        );
        for property in properties {
            assert!(
                checker.discovery(property).is_some(),
                "{flaw:?} goes unnoticed, {property} should not hold"
            );
        }
    }
    for property in ALL.properties() {
        let is_noticed =
            |(_, _, properties): &(Flaw, Recovery, Vec<&str>)| properties.contains(&property.name);
        assert!(
            property.expectation != Expectation::Always || noticed.iter().any(is_noticed),
            "nothing breaks {}",
            property.name
        );
    }
}
