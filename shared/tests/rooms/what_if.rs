//! The honest answer to a lone sidecar: every position, and what it would come to.

use sidecar::{Disposition, HeadPosition, PinPosition, WriterKind, what_if};

use crate::support::{pin, sidecar};

#[test]
fn every_position_of_an_ordinary_write() {
    use Disposition::{Abort, AlreadyPublished, NeverStarted, RollBack, RollForward};
    use HeadPosition::{AtPin, BelowPin, OneAbovePin, SeveralAbovePin};
    use PinPosition::{AbovePostCommit, AtExpected, AtPostCommit, BelowExpected};
    let rows = what_if(&sidecar(
        WriterKind::Mutation,
        vec![pin("node:A", 4, 5), pin("node:B", 7, 8)],
    ));
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.pin, row.head, row.numbers.unwrap(), row.disposition))
        .collect();
    let expected = [
        (AtExpected, AtPin, (4, 4), NeverStarted),
        (AtExpected, OneAbovePin, (4, 5), RollForward),
        (AtExpected, SeveralAbovePin, (4, 7), RollBack),
        (AtExpected, BelowPin, (4, 3), Abort),
        (AtPostCommit, AtPin, (5, 5), AlreadyPublished),
        (AtPostCommit, OneAbovePin, (5, 6), RollBack),
        (AtPostCommit, SeveralAbovePin, (5, 8), RollBack),
        (AtPostCommit, BelowPin, (5, 4), Abort),
        (AbovePostCommit, AtPin, (6, 6), AlreadyPublished),
        (AbovePostCommit, OneAbovePin, (6, 7), RollBack),
        (AbovePostCommit, SeveralAbovePin, (6, 9), RollBack),
        (AbovePostCommit, BelowPin, (6, 5), Abort),
        (BelowExpected, AtPin, (3, 3), Abort),
        (BelowExpected, OneAbovePin, (3, 4), Abort),
        (BelowExpected, SeveralAbovePin, (3, 6), Abort),
        (BelowExpected, BelowPin, (3, 2), Abort),
    ];
    assert_eq!(found, expected);
    assert!(rows.iter().all(|row| row.classification.is_some()));
}

#[test]
fn a_writer_of_several_commits_goes_forward_from_any_distance() {
    for kind in [
        WriterKind::SchemaApply,
        WriterKind::BranchMerge,
        WriterKind::EnsureIndices,
        WriterKind::Optimize,
    ] {
        let rows = what_if(&sidecar(kind, vec![pin("node:A", 4, 5)]));
        let forward = rows
            .iter()
            .filter(|row| row.disposition == Disposition::RollForward)
            .count();
        assert_eq!(forward, 2, "{kind:?}");
    }
}

#[test]
fn positions_that_no_number_has_are_left_out() {
    for (expected, post_commit, rows) in [(1, 2, 11), (0, 1, 10), (u64::MAX, u64::MAX, 7)] {
        assert_eq!(
            what_if(&sidecar(
                WriterKind::Load,
                vec![pin("node:A", expected, post_commit)]
            ))
            .len(),
            rows,
            "{expected}"
        );
    }
}
