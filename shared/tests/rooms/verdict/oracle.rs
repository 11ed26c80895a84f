//! Positions of a table, and what the protocol says of them, without the code that it is about.

use sidecar::observation::{
    ContentComparison, HeadObservation, MergeObservation, Pinned, TableObservation,
    TransactionObservation,
};
use sidecar::{Action, Disposition, Observation, Requirement, TablePin, WriterKind, judge};

use crate::support::{at, on_branch, pin, sidecar, transaction, world};

pub(super) const EXPECTED: u64 = 2;
pub(super) const POST_COMMIT: u64 = 3;
pub(super) const KINDS: [WriterKind; 5] = [
    WriterKind::Mutation,
    WriterKind::Load,
    WriterKind::BranchMerge,
    WriterKind::EnsureIndices,
    WriterKind::Optimize,
];

/// What may stand between the writer's start and HEAD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum History {
    Ordinary,
    /// Version 3 is a Restore.
    RestoreAt3,
    /// Version 3 was cleaned away.
    GoneAt3,
    /// HEAD is a Restore to exactly the pin.
    HeadRestoresPin,
    /// HEAD holds what the pin holds.
    SameContent,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Head {
    At(u64),
    BranchMissing,
    DatasetMissing,
    Unreadable,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pin {
    At(u64),
    Absent,
    Tombstoned,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pinned: Pin,
    head: Head,
    history: History,
}

pub(super) fn positions(histories: &[History]) -> Vec<Position> {
    let pins = [
        Pin::Absent,
        Pin::Tombstoned,
        Pin::At(0),
        Pin::At(1),
        Pin::At(2),
        Pin::At(3),
        Pin::At(4),
    ];
    let heads =
        (1..=6)
            .map(Head::At)
            .chain([Head::BranchMissing, Head::DatasetMissing, Head::Unreadable]);
    let places: Vec<(Pin, Head)> = heads
        .flat_map(|head| pins.map(|pinned| (pinned, head)))
        .collect();
    histories
        .iter()
        .flat_map(|history| {
            places.iter().map(|(pinned, head)| Position {
                pinned: *pinned,
                head: *head,
                history: *history,
            })
        })
        .collect()
}

pub(super) fn table(
    index: usize,
    position: Position,
    on_feature: bool,
) -> (TablePin, TableObservation) {
    let pin = pin(["node:A", "node:B", "node:C"][index], EXPECTED, POST_COMMIT);
    let pin = if on_feature {
        on_branch(pin, "feature")
    } else {
        pin
    };
    let pinned = match position.pinned {
        Pin::At(version) => version,
        Pin::Absent | Pin::Tombstoned => 2,
    };
    let head = match position.head {
        Head::At(version) => version,
        Head::BranchMissing | Head::DatasetMissing | Head::Unreadable => pinned,
    };
    let mut observed = at(&pin, pinned, head);
    for entry in &mut observed.transactions {
        match position.history {
            History::RestoreAt3 if entry.version == 3 => {
                *entry = transaction(3, "Restore", Some(1))
            }
            History::GoneAt3 if entry.version == 3 => {
                *entry = TransactionObservation {
                    version: 3,
                    transaction: None,
                }
            }
            History::HeadRestoresPin if entry.version == head => {
                *entry = transaction(head, "Restore", Some(pinned))
            }
            _ => {}
        }
    }
    if position.history == History::SameContent {
        observed.head_content = ContentComparison::Equal;
    }
    observed.pinned = match position.pinned {
        Pin::At(version) => Pinned::At { version },
        Pin::Absent => Pinned::Absent,
        Pin::Tombstoned => Pinned::Tombstoned { version: 9 },
    };
    observed.head = match position.head {
        Head::At(_) => observed.head,
        Head::BranchMissing => HeadObservation::BranchMissing,
        Head::DatasetMissing => HeadObservation::DatasetMissing,
        Head::Unreadable => HeadObservation::Unreadable {
            reason: "timed out".to_owned(),
        },
    };
    (pin, observed)
}

/// PROTOCOL.md, section 4, for tables that are not a schema change's, in the order of its table.
fn by_the_book(kind: WriterKind, positions: &[Position]) -> Disposition {
    let several_commits = !matches!(kind, WriterKind::Mutation | WriterKind::Load);
    let mut stands = Vec::new();
    for position in positions {
        // A table that is absent, tombstoned, or whose dataset cannot be read, aborts; an absent pin is not version 0.
        let Pin::At(pinned @ 1..) = position.pinned else {
            return Disposition::Abort;
        };
        let head = match position.head {
            Head::DatasetMissing | Head::Unreadable => return Disposition::Abort,
            Head::BranchMissing => pinned,
            Head::At(head) => head,
        };
        // A HEAD below its pin, and a catalog behind what the writer saw.
        if head < pinned || pinned < EXPECTED {
            return Disposition::Abort;
        }
        stands.push((pinned, head));
    }
    if stands.iter().all(|(pinned, head)| pinned == head) {
        let published = stands.iter().zip(positions).all(|((pinned, _), position)| {
            let since: Vec<u64> = (EXPECTED + 1..=*pinned).collect();
            let taken_back = match position.history {
                History::RestoreAt3 | History::GoneAt3 => since.contains(&3),
                History::HeadRestoresPin => since.contains(pinned),
                History::Ordinary | History::SameContent => false,
            };
            *pinned >= POST_COMMIT && !taken_back && position.head != Head::BranchMissing
        });
        return match published {
            true => Disposition::AlreadyPublished,
            false if stands.iter().any(|(pinned, _)| *pinned > EXPECTED) => Disposition::Superseded,
            false => Disposition::NeverStarted,
        };
    }
    let as_announced = |((pinned, head), position): (&(u64, u64), &Position)| {
        // Of writers that make several commits none restores: what is restored is taken back.
        let taken_back = match position.history {
            History::RestoreAt3 => *head == 3,
            History::HeadRestoresPin => true,
            History::Ordinary | History::GoneAt3 | History::SameContent => false,
        };
        *pinned == EXPECTED
            && if several_commits {
                head > pinned && !taken_back
            } else {
                *head == pinned + 1 && *head == POST_COMMIT
            }
    };
    if stands.iter().zip(positions).all(as_announced) {
        Disposition::RollForward
    } else {
        Disposition::RollBack
    }
}

/// What is done to one table: the action, where it returns to, what becomes its pin.
fn action_by_the_book(
    disposition: Disposition,
    position: Position,
) -> (Action, Option<u64>, Option<u64>) {
    let (Pin::At(pinned), Head::At(head)) = (position.pinned, position.head) else {
        return (Action::None, None, None);
    };
    if head <= pinned {
        return (Action::None, None, None);
    }
    match disposition {
        Disposition::RollForward => (Action::Publish, None, Some(head)),
        Disposition::RollBack
            if matches!(
                position.history,
                History::SameContent | History::HeadRestoresPin
            ) =>
        {
            (Action::Publish, None, Some(head))
        }
        Disposition::RollBack => (Action::RestoreAndPublish, Some(pinned), Some(head + 1)),
        _ => (Action::None, None, None),
    }
}

/// Whether something stands above the pin of a table, and goes along with what is done to it, that this kind does not make.
fn takes_unexpected_along(kind: WriterKind, disposition: Disposition, position: Position) -> bool {
    let (Pin::At(pinned), Head::At(head)) = (position.pinned, position.head) else {
        return false;
    };
    let goes_along = match action_by_the_book(disposition, position).0 {
        Action::Publish => disposition == Disposition::RollForward,
        action => action == Action::RestoreAndPublish,
    };
    let above = |version: u64| version > pinned && version <= head;
    let restored = match position.history {
        History::RestoreAt3 => above(3),
        History::HeadRestoresPin => above(head),
        _ => false,
    };
    let several_commits = !matches!(kind, WriterKind::Mutation | WriterKind::Load);
    let unreadable = several_commits && position.history == History::GoneAt3 && above(3);
    // The ordinary commits of these tests are appends.
    let foreign = matches!(kind, WriterKind::EnsureIndices | WriterKind::Optimize);
    goes_along && (restored || unreadable || foreign)
}

#[track_caller]
pub(super) fn check(kind: WriterKind, positions: &[Position]) {
    // Only a branch can be missing that is not main, and all of a write is on one.
    let on_feature = positions
        .iter()
        .any(|position| position.head == Head::BranchMissing);
    let (pins, observed): (Vec<_>, Vec<_>) = positions
        .iter()
        .enumerate()
        .map(|(index, position)| table(index, *position, on_feature))
        .unzip();
    let sidecar = sidecar(kind, pins);
    let observation = Observation {
        merge: Some(MergeObservation::default()),
        ..world(observed)
    };
    let verdict = judge(&sidecar, None, &observation);
    let expected = by_the_book(kind, positions);
    assert_eq!(
        verdict.disposition, expected,
        "{kind:?} {positions:?}\n{verdict:?}"
    );
    for (table, position) in verdict.tables.iter().zip(positions) {
        assert_eq!(
            (table.action, table.restore_to, table.publish_as),
            action_by_the_book(expected, *position),
            "{kind:?} {positions:?}"
        );
    }
    let returns_elsewhere = verdict
        .tables
        .iter()
        .any(|table| table.restore_to.is_some_and(|target| target != EXPECTED));
    let mut requires = Vec::new();
    let may_go_on = expected == Disposition::RollForward && !kind.commits_each_table_once();
    if may_go_on || matches!(expected, Disposition::RollBack | Disposition::NeverStarted) {
        requires.push(Requirement::WritersStopped);
    }
    if returns_elsewhere {
        requires.push(Requirement::TargetDiffersFromExpected);
    }
    if positions
        .iter()
        .any(|position| takes_unexpected_along(kind, expected, *position))
    {
        requires.push(Requirement::UnexpectedCommits);
    }
    let stays_as_published_since = |position: &Position| {
        matches!(position.pinned, Pin::At(pinned) if pinned > EXPECTED)
            && matches!(
                action_by_the_book(expected, *position).0,
                Action::None | Action::Publish
            )
    };
    let may_stay_in_part = match expected {
        Disposition::RollBack => true,
        Disposition::Superseded => positions
            .iter()
            .any(|position| position.pinned == Pin::At(EXPECTED)),
        _ => false,
    };
    if may_stay_in_part && positions.iter().any(stays_as_published_since) {
        requires.push(Requirement::StaysPublishedInPart);
    }
    assert_eq!(verdict.requires, requires, "{kind:?} {positions:?}");
    assert_eq!(
        verdict.blockers.is_empty(),
        expected != Disposition::Abort,
        "{kind:?} {positions:?} {:?}",
        verdict.blockers
    );
}
