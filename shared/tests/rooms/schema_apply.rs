//! How far a schema change came, from its staged files (PROTOCOL.md, section 6.1).

use std::collections::BTreeMap;

use sidecar::follow_up::dismissal;
use sidecar::observation::{NextSchema, UnfitFile, Unread};
use sidecar::{
    Code, Disposition, Limits, Observation, Registration, RootId, Sidecar, SidecarFile, Tombstone,
    Verdict, WriterKind, judge,
};

use crate::support::{at, next, pin, sidecar, staged, world};

use Disposition::{Abort, AlreadyPublished, NeverStarted, RollBack, RollForward, Superseded};

const STAGED: [&str; 8] = ["pis", "is", "s", "p", "pi", "", "i", "ps"];

/// Where the two tables stand: pins and HEADs.
const STANDS: [(&str, [(u64, u64); 2]); 5] = [
    ("all moved", [(2, 3), (2, 5)]),
    ("one moved", [(2, 3), (2, 2)]),
    ("none moved, none published", [(2, 2), (2, 2)]),
    ("none moved, all published", [(3, 3), (4, 4)]),
    ("none moved, one published", [(3, 3), (2, 2)]),
];

fn registration() -> Registration {
    Registration {
        table_key: "node:New".to_owned(),
        table_path: "nodes/new".to_owned(),
        table_branch: None,
        unknown: BTreeMap::new(),
    }
}

fn found(
    sidecar: &Sidecar,
    stands: &[(u64, u64)],
    files: &str,
    published: bool,
    declares: bool,
) -> Disposition {
    let tables = sidecar
        .tables
        .iter()
        .zip(stands)
        .map(|(pin, (pinned, head))| at(pin, *pinned, *head))
        .collect();
    let observation = Observation {
        schema: Some(staged(sidecar, files, declares, published)),
        ..world(tables)
    };
    let verdict = judge(sidecar, None, &observation);
    if verdict.disposition == Abort {
        assert_eq!(verdict.blockers[0].code, Code::SchemaContradictory);
    } else {
        assert_eq!(verdict.blockers, Vec::new());
    }
    verdict.disposition
}

#[test]
fn a_change_that_only_adds_tables_is_judged_by_its_staged_files() {
    let sidecar = Sidecar {
        additional_registrations: vec![registration()],
        ..sidecar(WriterKind::SchemaApply, Vec::new())
    };
    for files in STAGED {
        // [not published, the live schema is the new one too, published, both]
        let expected = match files {
            "pis" | "is" | "s" => [RollForward; 4],
            "p" | "pi" => [RollBack, RollBack, Abort, Abort],
            "" => [RollBack, RollForward, AlreadyPublished, AlreadyPublished],
            _ => [Abort; 4],
        };
        let cases = [(false, false), (false, true), (true, false), (true, true)];
        assert_eq!(
            cases.map(|(published, declares)| found(&sidecar, &[], files, published, declares)),
            expected,
            "staged {files:?}"
        );
    }
}

#[test]
fn a_change_of_tables_is_judged_by_both_its_tables_and_its_staged_files() {
    let sidecar = Sidecar {
        additional_registrations: vec![registration()],
        ..sidecar(
            WriterKind::SchemaApply,
            vec![pin("node:A", 2, 3), pin("node:B", 2, 3)],
        )
    };
    let mut cases = 0;
    for files in STAGED {
        for (stand, numbers) in STANDS {
            for published in [false, true] {
                for declares in [false, true] {
                    let expected = match (files, stand, published) {
                        ("i" | "ps", _, _) | ("p" | "pi", _, true) => Abort,
                        ("p" | "pi", _, false) => RollBack,
                        (_, "all moved", true) => Abort,
                        ("pis" | "is" | "s", "all moved", false) => RollForward,
                        ("", "all moved", false) => {
                            if declares {
                                RollForward
                            } else {
                                RollBack
                            }
                        }
                        ("is" | "s", "one moved", _) => Abort,
                        (_, "one moved", _) => RollBack,
                        ("pis" | "is" | "s", "none moved, all published", _) => RollForward,
                        ("", "none moved, all published", _) => {
                            if published {
                                AlreadyPublished
                            } else {
                                Superseded
                            }
                        }
                        ("pis" | "is" | "s", "none moved, one published", _) => Abort,
                        ("", "none moved, one published", _) => Superseded,
                        ("pis", _, _) => RollBack,
                        ("is" | "s", _, _) => Abort,
                        _ => NeverStarted,
                    };
                    assert_eq!(
                        found(&sidecar, &numbers, files, published, declares),
                        expected,
                        "staged {files:?}, {stand}, published {published}, declares {declares}"
                    );
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 8 * 5 * 2 * 2);
}

#[test]
fn with_nothing_to_add_or_remove_an_empty_yes_is_not_taken_for_published() {
    let sidecar = sidecar(WriterKind::SchemaApply, vec![pin("node:A", 2, 3)]);
    assert_eq!(
        found(&sidecar, &[(2, 3)], "", true, true),
        RollBack,
        "no table is registered, so neither answer says anything"
    );
    assert_eq!(found(&sidecar, &[(2, 3)], "pis", true, true), RollForward);
    assert_eq!(found(&sidecar, &[(3, 3)], "", true, true), AlreadyPublished);
    assert_eq!(
        found(&sidecar, &[(3, 3)], "pis", true, true),
        RollForward,
        "published, and still to be promoted"
    );
}

#[test]
fn a_change_that_only_removes_a_table_is_not_declared_by_the_live_schema() {
    let tombstones = vec![Tombstone {
        table_key: "node:Old".to_owned(),
        tombstone_version: 4,
        unknown: BTreeMap::new(),
    }];
    let sidecar = Sidecar {
        tombstones,
        ..sidecar(WriterKind::SchemaApply, Vec::new())
    };
    assert_eq!(found(&sidecar, &[], "", false, true), RollBack);
    assert_eq!(found(&sidecar, &[], "", true, true), AlreadyPublished);
}

#[test]
fn staged_files_that_were_not_looked_at_abort() {
    let sidecar = sidecar(WriterKind::SchemaApply, vec![pin("node:A", 2, 3)]);
    let verdict = judge(&sidecar, None, &world(vec![at(&sidecar.tables[0], 2, 3)]));
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Abort, Code::SchemaContradictory)
    );
}

#[test]
fn schema_files_that_cannot_be_read_now_abort_by_name_and_nothing_is_set_aside() {
    let sidecar = sidecar(WriterKind::SchemaApply, vec![pin("node:A", 2, 3)]);
    let observation = Observation {
        unread: ["_schema.pg", "__schema_state.json.staging", "_schema.pg"]
            .map(|what| Unread {
                what: what.to_owned(),
                reason: "Permission denied".to_owned(),
            })
            .to_vec(),
        ..world(vec![at(&sidecar.tables[0], 2, 3)])
    };
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Abort);
    let [reason] = verdict.blockers.as_slice() else {
        panic!("{:?}", verdict.blockers)
    };
    assert_eq!(reason.code, Code::Unreadable);
    assert!(
        reason.detail.starts_with(
            "__schema_state.json.staging, _schema.pg cannot be read now (Permission denied)"
        ),
        "{reason:?}"
    );
    let file = SidecarFile::read(
        &sidecar.operation_id.file_name(),
        crate::support::bytes(&sidecar),
        &Limits::DEFAULT,
    );
    let made = dismissal(
        &RootId::new("/srv/g"),
        sidecar.operation_id.clone(),
        &file,
        Some(file.bytes.clone()),
        verdict.disposition,
        &verdict.blockers,
    );
    assert_eq!(made.blockers.len(), 1);
    assert_eq!(made.blockers[0].code, Code::Unreadable);
    assert!(made.blockers[0].detail.contains("_schema.pg"));
    assert!(!made.plan.has_effect());
}

#[test]
fn staged_files_of_somebody_else_do_not_change_another_write() {
    let sidecar = sidecar(WriterKind::Mutation, vec![pin("node:A", 2, 3)]);
    for files in STAGED {
        let observation = Observation {
            schema: Some(staged(&sidecar, files, false, false)),
            ..world(vec![at(&sidecar.tables[0], 2, 3)])
        };
        assert_eq!(judge(&sidecar, None, &observation).disposition, RollForward);
    }
}

/// A change that adds one table and removes another, staged as these files say, over one table that stands here.
fn with_files(files: &str, stands: (u64, u64), change: impl FnOnce(&mut NextSchema)) -> Verdict {
    let sidecar = Sidecar {
        additional_registrations: vec![registration()],
        tombstones: vec![Tombstone {
            table_key: "node:Old".to_owned(),
            tombstone_version: 4,
            unknown: BTreeMap::new(),
        }],
        ..sidecar(WriterKind::SchemaApply, vec![pin("node:A", 2, 3)])
    };
    let mut schema = staged(&sidecar, files, false, false);
    let mut next = next(&sidecar);
    change(&mut next);
    schema.next = Some(next);
    let observation = Observation {
        schema: Some(schema),
        ..world(vec![at(&sidecar.tables[0], stands.0, stands.1)])
    };
    judge(&sidecar, None, &observation)
}

#[track_caller]
fn aborts(verdict: &Verdict, words: &[&str]) {
    assert_eq!(verdict.disposition, Abort);
    assert_eq!(verdict.blockers[0].code, Code::SchemaNotPromotable);
    for word in words {
        let detail = &verdict.blockers[0].detail;
        assert!(detail.contains(word), "{word} is not in {detail}");
    }
}

#[test]
fn files_that_are_not_the_announced_schema_are_not_put_in_place() {
    for (files, ir, state) in [
        (
            "pis",
            "_schema.ir.json.staging",
            "__schema_state.json.staging",
        ),
        (
            "is",
            "_schema.ir.json.staging",
            "__schema_state.json.staging",
        ),
        ("s", "_schema.ir.json", "__schema_state.json.staging"),
    ] {
        let moved = (2, 3);
        assert_eq!(with_files(files, moved, |_| ()).disposition, RollForward);
        let torn = with_files(files, moved, |next| {
            next.ir_hash = None;
            next.unfit = vec![UnfitFile {
                name: ir.to_owned(),
                why: "it is cut short: EOF".to_owned(),
            }];
        });
        aborts(&torn, &[ir, "it is cut short"]);
        let another = Some("sha256:0000".to_owned());
        let differs = with_files(files, moved, |next| next.state_hash = another);
        aborts(&differs, &[ir, state, "sha256:0000", "sha256:d6a7"]);
        let nothing = with_files(files, moved, |next| {
            (next.state_hash, next.ir_hash) = (None, None);
        });
        aborts(&nothing, &[ir, state]);
        let lacks = with_files(files, moved, |next| {
            next.declares.retain(|key| key != "node:New");
        });
        aborts(&lacks, &[ir, "does not declare node:New"]);
        let keeps = with_files(files, moved, |next| {
            next.declares.push("node:Old".to_owned());
        });
        aborts(&keeps, &[ir, "still declares node:Old"]);
    }
}

#[test]
fn what_is_set_aside_may_be_torn() {
    let torn = |next: &mut NextSchema| {
        *next = NextSchema {
            unfit: vec![UnfitFile {
                name: "_schema.pg.staging".to_owned(),
                why: "it is empty".to_owned(),
            }],
            ..NextSchema::default()
        };
    };
    assert_eq!(with_files("p", (2, 3), torn).disposition, RollBack);
    assert_eq!(with_files("pi", (2, 2), torn).disposition, RollBack);
    assert_eq!(with_files("pis", (2, 2), torn).disposition, RollBack);
}

#[test]
fn staged_files_that_were_not_read_are_not_put_in_place() {
    let sidecar = sidecar(WriterKind::SchemaApply, vec![pin("node:A", 2, 3)]);
    let mut schema = staged(&sidecar, "pis", false, false);
    schema.next = None;
    let observation = Observation {
        schema: Some(schema),
        ..world(vec![at(&sidecar.tables[0], 2, 3)])
    };
    aborts(&judge(&sidecar, None, &observation), &["were not read"]);
}
