//! Where one table stands, for every writer and every position (PROTOCOL.md, section 3).

use sidecar::{Classification, Dialect, WriterKind, classify_table, classify_table_for, rule_text};

use crate::support::pin;

/// PROTOCOL.md, section 3, row by row.
fn by_the_book(
    kind: WriterKind,
    expected_version: u64,
    post_commit_pin: u64,
    manifest_pinned: u64,
    lance_head: u64,
) -> &'static str {
    let loose = ["SchemaApply", "BranchMerge", "EnsureIndices", "Optimize"].contains(&kind.name());
    let one_above = lance_head == manifest_pinned + 1;
    let as_announced = loose || (one_above && post_commit_pin == lance_head);
    if lance_head < manifest_pinned {
        "InvariantViolation"
    } else if lance_head == manifest_pinned {
        "NoMovement"
    } else if expected_version == manifest_pinned && as_announced {
        "RolledPastExpected"
    } else if one_above {
        "UnexpectedAtP1"
    } else {
        "UnexpectedMultistep"
    }
}

#[test]
fn every_writer_at_every_position_is_classified_by_the_book() {
    let mut cases = 0;
    for kind in WriterKind::ALL {
        for [expected, post_commit] in pairs() {
            let pin = pin("node:Author", expected, post_commit);
            for [pinned, head] in pairs() {
                let found = classify_table_for(kind, &pin, head, pinned);
                assert_eq!(
                    found.name(),
                    by_the_book(kind, expected, post_commit, pinned, head),
                    "{kind:?} {expected} {post_commit} pin {pinned} HEAD {head}"
                );
                assert_eq!(found.label().name(), found.name());
                if let Classification::InvariantViolation { observed } = found {
                    assert_eq!(observed, head);
                }
                if kind.commits_each_table_once() {
                    assert_eq!(
                        classify_table(&pin, head, pinned),
                        found,
                        "the original rule is the strict one"
                    );
                }
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 6 * 8 * 8 * 8 * 8);
}

fn pairs() -> impl Iterator<Item = [u64; 2]> {
    (0..8).flat_map(|first| (0..8).map(move |second| [first, second]))
}

#[test]
fn the_ends_of_the_numbers_are_ordinary_positions() {
    let last = u64::MAX;
    for (expected, post_commit, pinned, head, name) in [
        (0, 1, 0, 0, "NoMovement"),
        (last, last, last, last, "NoMovement"),
        (last - 1, last, last - 1, last, "RolledPastExpected"),
        (0, 1, 0, last, "UnexpectedMultistep"),
        (0, 1, last, 0, "InvariantViolation"),
        (
            9_007_199_254_740_993,
            9_007_199_254_740_994,
            9_007_199_254_740_993,
            9_007_199_254_740_994,
            "RolledPastExpected",
        ),
        (
            9_007_199_254_740_992,
            9_007_199_254_740_994,
            9_007_199_254_740_993,
            9_007_199_254_740_994,
            "UnexpectedAtP1",
        ),
    ] {
        assert_eq!(
            classify_table(&pin("node:Author", expected, post_commit), head, pinned).name(),
            name,
            "{expected} {post_commit} {pinned} {head}"
        );
    }
}

#[test]
fn the_rule_shows_its_numbers() {
    for (kind, pinned, head, text) in [
        (
            WriterKind::Mutation,
            4,
            5,
            "HEAD 5 = pin 4 + 1, expected 4 = pin, post-commit 5 = HEAD",
        ),
        (
            WriterKind::Mutation,
            5,
            6,
            "HEAD 6 = pin 5 + 1, expected 4 < pin, post-commit 5 < HEAD",
        ),
        (
            WriterKind::Load,
            4,
            7,
            "HEAD 7 = pin 4 + 3, expected 4 = pin, post-commit 5 < HEAD",
        ),
        (
            WriterKind::Optimize,
            4,
            7,
            "HEAD 7 = pin 4 + 3, expected 4 = pin (Optimize makes several commits per table)",
        ),
        (WriterKind::Mutation, 5, 5, "HEAD 5 = pin 5"),
        (WriterKind::Mutation, 5, 3, "HEAD 3 < pin 5"),
    ] {
        assert_eq!(
            rule_text(
                Dialect::Version1.rule(kind),
                kind,
                &pin("node:Author", 4, 5),
                head,
                pinned
            ),
            text
        );
    }
}
