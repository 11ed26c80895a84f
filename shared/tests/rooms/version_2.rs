//! Sidecars of schema_version 2: what they add to version 1, and what follows for a merge (PROTOCOL.md, sections 2 and 3).

use sidecar::{
    Action, Classification, Code, Dialect, Disposition, Limits, Sidecar, SidecarFile, TablePin,
    WriterKind, classify_by, classify_table_for, explain, judge, rule_text,
};

use crate::support::{OPERATION, Scene, at, bytes, pin, scene, sidecar, world};

fn confirmed(pin: TablePin, version: u64) -> TablePin {
    TablePin {
        confirmed_version: Some(version),
        ..pin
    }
}

fn version_2(kind: WriterKind, tables: Vec<TablePin>) -> Sidecar {
    Sidecar {
        schema_version: 2,
        ..sidecar(kind, tables)
    }
}

/// Section 1.3 of the protocol of v0.7.1 to v0.8.1, written down a second time.
fn by_the_book(
    kind: WriterKind,
    [expected, post_commit, pinned, head]: [u64; 4],
    confirmed: Option<u64>,
) -> &'static str {
    let distance = i128::from(head) - i128::from(pinned);
    let unexpected = if distance == 1 {
        "UnexpectedAtP1"
    } else {
        "UnexpectedMultistep"
    };
    match (kind.name(), confirmed) {
        _ if distance < 0 => "InvariantViolation",
        _ if distance == 0 => "NoMovement",
        ("BranchMerge", None) => "IncompletePhaseB",
        ("BranchMerge", Some(at)) if at == head && expected == pinned => "RolledPastExpected",
        ("BranchMerge", Some(_)) => "UnexpectedMultistep",
        ("Mutation" | "Load", _) if distance == 1 && expected == pinned && post_commit == head => {
            "RolledPastExpected"
        }
        ("Mutation" | "Load", _) => unexpected,
        _ if expected == pinned => "RolledPastExpected",
        _ => unexpected,
    }
}

#[test]
fn every_writer_of_version_2_at_every_position_is_classified_by_the_book() {
    const ENDS: std::ops::Range<u64> = 0..5;
    let mut cases = 0;
    for kind in WriterKind::ALL {
        let rule = Dialect::Version2.rule(kind);
        for expected in ENDS {
            for post_commit in ENDS {
                for pinned in ENDS {
                    for head in ENDS {
                        for note in std::iter::once(None).chain(ENDS.map(Some)) {
                            let pin = TablePin {
                                confirmed_version: note,
                                ..pin("node:Author", expected, post_commit)
                            };
                            let found = classify_by(rule, &pin, head, pinned);
                            assert_eq!(
                                found.name(),
                                by_the_book(kind, [expected, post_commit, pinned, head], note),
                                "{kind:?} {expected} {post_commit} pin {pinned} HEAD {head} confirmed {note:?}"
                            );
                            assert_eq!(found.label().name(), found.name());
                            if kind != WriterKind::BranchMerge {
                                assert_eq!(found, classify_table_for(kind, &pin, head, pinned));
                            }
                            cases += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 6 * 5 * 5 * 5 * 5 * 6);
}

#[test]
fn the_rule_of_a_merge_shows_what_its_writer_confirmed() {
    let kind = WriterKind::BranchMerge;
    let text = |pin: &TablePin, head, pinned| {
        rule_text(Dialect::Version2.rule(kind), kind, pin, head, pinned)
    };
    let author = pin("node:Author", 4, 5);
    assert_eq!(
        text(&confirmed(author.clone(), 7), 7, 4),
        "HEAD 7 = pin 4 + 3, expected 4 = pin, confirmed 7 = HEAD"
    );
    assert_eq!(
        text(&confirmed(author.clone(), 6), 7, 4),
        "HEAD 7 = pin 4 + 3, expected 4 = pin, confirmed 6 < HEAD"
    );
    assert_eq!(
        text(&author, 7, 4),
        "HEAD 7 = pin 4 + 3, expected 4 = pin, not confirmed: BranchMerge had not noted yet that its commits were complete"
    );
    assert_eq!(text(&author, 4, 4), "HEAD 4 = pin 4");
}

#[test]
fn confirmed_version_is_read_where_a_merge_of_version_2_has_it_and_refused_elsewhere() {
    for kind in WriterKind::ALL {
        for schema_version in [1, 2] {
            let write = Sidecar {
                schema_version,
                ..sidecar(kind, vec![confirmed(pin("node:Author", 4, 5), 7)])
            };
            let file = SidecarFile::read(
                &format!("{OPERATION}.json"),
                bytes(&write),
                &Limits::DEFAULT,
            );
            let read = file.content.expect("its shape is right");
            assert_eq!(read, write, "it reads back as it was");
            let is_known = kind == WriterKind::BranchMerge && schema_version == 2;
            let expected: &[&str] = if is_known {
                &[]
            } else {
                &["tables[0].confirmed_version"]
            };
            assert_eq!(
                read.unimplemented_fields(),
                expected,
                "{kind:?} {schema_version}"
            );
            let verdict = judge(&read, None, &world(vec![at(&read.tables[0], 4, 7)]));
            assert_eq!(
                verdict.disposition == Disposition::Refused,
                !is_known,
                "{kind:?} {schema_version}"
            );
            if !is_known {
                assert_eq!(verdict.blockers[0].code, Code::UnimplementedField);
            }
        }
    }
}

/// Two tables of a merge, each with what was confirmed, its pin and its HEAD.
fn merged(tables: [(Option<u64>, u64, u64); 2]) -> Scene {
    let pins = [("node:Author", 4, 5), ("node:Book", 8, 9)];
    let write = version_2(
        WriterKind::BranchMerge,
        pins.iter()
            .zip(tables)
            .map(
                |((key, expected, post_commit), (confirmed_version, ..))| TablePin {
                    confirmed_version,
                    ..pin(key, *expected, *post_commit)
                },
            )
            .collect(),
    );
    let found = write
        .tables
        .iter()
        .zip(tables)
        .map(|(pin, (_, pinned, head))| at(pin, pinned, head))
        .collect();
    scene(&write, None, &world(found))
}

#[test]
fn a_merge_is_rolled_forward_only_from_where_its_writer_confirmed_that_it_ended() {
    for (what, tables, expected) in [
        (
            "every table where it was confirmed",
            [(Some(7), 4, 7), (Some(9), 8, 9)],
            Disposition::RollForward,
        ),
        (
            "complete, but never confirmed",
            [(None, 4, 7), (None, 8, 9)],
            Disposition::RollBack,
        ),
        (
            "one table not reached",
            [(None, 4, 7), (None, 8, 8)],
            Disposition::RollBack,
        ),
        (
            "no table reached",
            [(None, 4, 4), (None, 8, 8)],
            Disposition::NeverStarted,
        ),
        (
            "confirmed, and somebody committed on top",
            [(Some(7), 4, 8), (Some(9), 8, 9)],
            Disposition::RollBack,
        ),
        (
            "confirmed, and a table fell back",
            [(Some(7), 4, 6), (Some(9), 8, 9)],
            Disposition::RollBack,
        ),
        (
            "confirmed on one table only, which no released writer does",
            [(Some(7), 4, 7), (None, 8, 9)],
            Disposition::RollBack,
        ),
        (
            "somebody published a table meanwhile",
            [(Some(7), 5, 7), (Some(9), 8, 9)],
            Disposition::RollBack,
        ),
        (
            "HEAD below the pin",
            [(Some(7), 4, 3), (Some(9), 8, 9)],
            Disposition::Abort,
        ),
    ] {
        let verdict = merged(tables).verdict;
        assert_eq!(verdict.disposition, expected, "{what}");
        if expected == Disposition::RollForward {
            let published: Vec<_> = verdict
                .tables
                .iter()
                .map(|table| table.publish_as)
                .collect();
            assert_eq!(published, [Some(7), Some(9)], "{what}");
        }
        if expected == Disposition::RollBack {
            for (table, (_, pinned, head)) in verdict.tables.iter().zip(tables) {
                let moved = head > pinned;
                assert_eq!(table.restore_to, moved.then_some(pinned), "{what}");
                assert_eq!(table.action == Action::RestoreAndPublish, moved, "{what}");
            }
        }
    }
}

#[test]
fn a_merge_that_readers_see_up_to_what_was_confirmed_is_published() {
    let visible = |note: Option<u64>, pinned: u64| {
        let write = version_2(
            WriterKind::BranchMerge,
            vec![TablePin {
                confirmed_version: note,
                ..pin("node:Author", 4, 5)
            }],
        );
        let table = at(&write.tables[0], pinned, pinned);
        judge(&write, None, &world(vec![table])).disposition
    };
    assert_eq!(visible(Some(7), 7), Disposition::AlreadyPublished);
    assert_eq!(visible(Some(7), 9), Disposition::AlreadyPublished);
    assert_eq!(
        visible(Some(7), 6),
        Disposition::Superseded,
        "post-commit 5 is only where a merge begins to end"
    );
    assert_eq!(
        visible(None, 7),
        Disposition::Superseded,
        "a merge that never confirmed its commits published none of them"
    );
}

#[test]
fn a_person_reads_that_the_merge_never_confirmed_its_commits() {
    let scene = merged([(None, 4, 7), (None, 8, 8)]);
    assert_eq!(
        scene.verdict.tables[0].classification,
        Some(Classification::IncompletePhaseB)
    );
    assert_eq!(
        explain(&scene.plan, None, &[]).headline,
        "act-ada’s write was still committing: one of its two tables stands above the published version, and it had not confirmed that its commits were complete."
    );
}
