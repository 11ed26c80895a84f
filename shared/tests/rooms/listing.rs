//! All files of one root together: who is refused, who waits.

use sidecar::{Code, Limits, ListedSidecar, Reason, SidecarFile, Timestamp, assemble};

use crate::support::{OLDER, OPERATION, YOUNGER};

/// A file with this name, written by this kind of writer over these tables (`key` or `key@branch`).
fn file(name: &str, operation_id: &str, version: u64, kind: &str, tables: &[&str]) -> SidecarFile {
    let pins: Vec<serde_json::Value> = tables
        .iter()
        .map(|table| {
            let (table_key, branch) = table.split_once('@').map_or((*table, None), |(table_key, branch)| (table_key, Some(branch)));
            serde_json::json!({ "table_key": table_key, "table_path": "/data/graph/t", "expected_version": 4, "post_commit_pin": 5, "table_branch": branch })
        })
        .collect();
    let branch = tables
        .iter()
        .find_map(|table| Some(table.split_once('@')?.1));
    let text = serde_json::json!({
        "schema_version": version, "operation_id": operation_id, "started_at": "1", "branch": branch, "actor_id": null, "writer_kind": kind, "tables": pins,
    });
    SidecarFile::read(name, text.to_string().into_bytes(), &Limits::DEFAULT)
}

fn well_named(operation_id: &str, kind: &str, tables: &[&str]) -> SidecarFile {
    file(
        &format!("{operation_id}.json"),
        operation_id,
        1,
        kind,
        tables,
    )
}

/// `file name without .json: refusal code or ok, then whom it waits for`, one a line, in the order of the listing.
#[track_caller]
fn check(files: Vec<SidecarFile>, expected: &[(&str, Option<Code>, Option<&str>)]) {
    let line = |entry: &ListedSidecar| {
        (
            entry.file.file.clone(),
            entry.refusal.as_ref().map(|refusal| refusal.code),
            entry.waiting_for.clone(),
        )
    };
    let expected: Vec<_> = expected
        .iter()
        .map(|(file, code, waiting_for)| {
            (
                format!("{file}.json"),
                *code,
                waiting_for.map(str::to_owned),
            )
        })
        .collect();
    let mut backwards = files.clone();
    backwards.reverse();
    for files in [files, backwards] {
        assert_eq!(
            assemble(files).iter().map(line).collect::<Vec<_>>(),
            expected
        );
    }
}

#[test]
fn sidecars_over_different_tables_or_branches_do_not_wait() {
    check(
        vec![
            well_named(OLDER, "Mutation", &["node:A"]),
            well_named(OPERATION, "Load", &["node:B"]),
        ],
        &[(OLDER, None, None), (OPERATION, None, None)],
    );
    check(
        vec![
            well_named(OLDER, "Mutation", &["node:A"]),
            well_named(OPERATION, "Load", &["node:A@feature"]),
            well_named(YOUNGER, "Load", &["node:A@other"]),
        ],
        &[
            (OLDER, None, None),
            (OPERATION, None, None),
            (YOUNGER, None, None),
        ],
    );
}

#[test]
fn the_younger_waits_for_the_oldest_that_shares_a_table_and_branch() {
    check(
        vec![
            well_named(YOUNGER, "Mutation", &["node:A"]),
            well_named(OPERATION, "Load", &["node:B", "node:A"]),
            well_named(OLDER, "Mutation", &["node:A"]),
        ],
        &[
            (OLDER, None, None),
            (OPERATION, None, Some(OLDER)),
            (YOUNGER, None, Some(OLDER)),
        ],
    );
    check(
        vec![
            well_named(OLDER, "Mutation", &["node:A@main"]),
            well_named(OPERATION, "Load", &["node:A"]),
        ],
        &[(OLDER, None, None), (OPERATION, None, Some(OLDER))],
    );
    check(
        vec![
            well_named(OLDER, "Mutation", &["node:A@feature"]),
            well_named(OPERATION, "Load", &["node:A@feature"]),
        ],
        &[(OLDER, None, None), (OPERATION, None, Some(OLDER))],
    );
}

#[test]
fn a_schema_change_overlaps_everything_in_both_directions() {
    check(
        vec![
            well_named(OLDER, "SchemaApply", &[]),
            well_named(OPERATION, "Mutation", &["node:A@feature"]),
            well_named(YOUNGER, "Load", &[]),
        ],
        &[
            (OLDER, None, None),
            (OPERATION, None, Some(OLDER)),
            (YOUNGER, None, Some(OLDER)),
        ],
    );
    check(
        vec![
            well_named(OLDER, "Mutation", &["node:A@feature"]),
            well_named(OPERATION, "SchemaApply", &["node:B"]),
        ],
        &[(OLDER, None, None), (OPERATION, None, Some(OLDER))],
    );
    check(
        vec![
            well_named(OLDER, "Load", &[]),
            well_named(OPERATION, "SchemaApply", &[]),
        ],
        &[(OLDER, None, None), (OPERATION, None, Some(OLDER))],
    );
}

#[test]
fn a_refused_older_file_whose_tables_can_be_read_holds_up_the_younger() {
    let newer_version = file(&format!("{OLDER}.json"), OLDER, 9, "Mutation", &["node:A"]);
    check(
        vec![
            newer_version.clone(),
            well_named(OPERATION, "Mutation", &["node:A"]),
            well_named(YOUNGER, "Mutation", &["node:B"]),
        ],
        &[
            (OLDER, Some(Code::WrongShape), None),
            (OPERATION, None, Some(OLDER)),
            (YOUNGER, None, None),
        ],
    );
    check(
        vec![newer_version, well_named(OPERATION, "SchemaApply", &[])],
        &[
            (OLDER, Some(Code::WrongShape), None),
            (OPERATION, None, Some(OLDER)),
        ],
    );
    check(
        vec![
            file(&format!("{OLDER}.json"), OLDER, 9, "SchemaApply", &[]),
            well_named(OPERATION, "Mutation", &["node:A"]),
        ],
        &[
            (OLDER, Some(Code::WrongShape), None),
            (OPERATION, None, Some(OLDER)),
        ],
    );
}

/// Names of the listed files that are told of an older one which is broken.
fn told_of_a_broken_one(files: Vec<SidecarFile>) -> Vec<String> {
    assemble(files)
        .into_iter()
        .filter(|entry| entry.older_unreadable)
        .map(|entry| entry.file.file)
        .collect()
}

#[test]
fn a_file_that_cannot_be_read_now_holds_up_every_younger_one() {
    let unread =
        |name: &str| SidecarFile::unread(name, Reason::new(Code::Unreadable, "permission denied"));
    let too_large =
        |name: &str| SidecarFile::too_large(name, "4000000 17".to_owned(), &Limits::DEFAULT);
    let name = format!("{OPERATION}.json");
    for (unknown, code) in [
        (unread(&name), Code::Unreadable),
        (too_large(&name), Code::TooLarge),
    ] {
        check(
            vec![
                well_named(OLDER, "Mutation", &["node:A"]),
                unknown.clone(),
                well_named(YOUNGER, "Load", &["node:B"]),
            ],
            &[
                (OLDER, None, None),
                (OPERATION, Some(code), None),
                (YOUNGER, None, Some(OPERATION)),
            ],
        );
        check(
            vec![unknown, well_named(YOUNGER, "SchemaApply", &[])],
            &[
                (OPERATION, Some(code), None),
                (YOUNGER, None, Some(OPERATION)),
            ],
        );
    }
    // Nobody can tell how old it is.
    check(
        vec![
            unread("notes.json"),
            well_named(OPERATION, "Mutation", &["node:A"]),
        ],
        &[
            ("notes", Some(Code::Unreadable), None),
            (OPERATION, None, Some("notes.json")),
        ],
    );
}

#[test]
fn a_file_that_is_surely_broken_holds_up_nobody_and_every_younger_one_is_told() {
    let name = format!("{OPERATION}.json");
    for (bytes, code) in [
        (
            b"{\"tables\": [{\"table_key\": \"node:A\"".to_vec(),
            Code::NotJson,
        ),
        (vec![b'['; 100], Code::TooDeep),
        (b"[]".to_vec(), Code::WrongShape),
        (b"{\"schema_version\": 9}".to_vec(), Code::WrongShape),
    ] {
        let files = vec![
            well_named(OLDER, "Mutation", &["node:C"]),
            SidecarFile::read(&name, bytes, &Limits::DEFAULT),
            well_named(YOUNGER, "Mutation", &["node:A"]),
        ];
        check(
            files.clone(),
            &[
                (OLDER, None, None),
                (OPERATION, Some(code), None),
                (YOUNGER, None, None),
            ],
        );
        assert_eq!(told_of_a_broken_one(files), [format!("{YOUNGER}.json")]);
    }
}

#[test]
fn what_is_seen_of_a_broken_file_holds_up_what_it_overlaps() {
    let half = |tables: &str| {
        let text = format!(
            r#"{{"schema_version": 1, "operation_id": "{OLDER}", "writer_kind": "Mutation", "tables": {tables}}}"#
        );
        SidecarFile::read(
            &format!("{OLDER}.json"),
            text.into_bytes(),
            &Limits::DEFAULT,
        )
    };
    let younger = || {
        vec![
            well_named(OPERATION, "Mutation", &["node:A"]),
            well_named(YOUNGER, "Mutation", &["node:B"]),
        ]
    };
    let expected = [
        (OLDER, Some(Code::WrongShape), None),
        (OPERATION, None, Some(OLDER)),
        (YOUNGER, None, None),
    ];
    // It names two, and of one of them nobody can tell which it is.
    let partly = [
        vec![half(r#"[{"table_key": "node:A"}, {"table": "?"}]"#)],
        younger(),
    ]
    .concat();
    check(partly.clone(), &expected);
    assert_eq!(
        told_of_a_broken_one(partly),
        [format!("{OPERATION}.json"), format!("{YOUNGER}.json")]
    );
    let whole = [vec![half(r#"[{"table_key": "node:A"}]"#)], younger()].concat();
    check(whole.clone(), &expected);
    assert!(
        told_of_a_broken_one(whole).is_empty(),
        "all it named is seen"
    );
}

#[test]
fn a_copy_under_another_name_is_refused_and_leaves_the_well_named_file_alone() {
    for copy in [
        "00000000000000000000000000",
        "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "copy",
        "",
    ] {
        let copied = file(
            &format!("{copy}.json"),
            OPERATION,
            1,
            "Mutation",
            &["node:A"],
        );
        let mut expected = vec![
            (OPERATION, None, None),
            (copy, Some(Code::DuplicateOperationId), None),
        ];
        expected.sort_by_key(|(file, ..)| format!("{file}.json"));
        check(
            vec![copied, well_named(OPERATION, "Mutation", &["node:A"])],
            &expected,
        );
    }
}

#[test]
fn a_renamed_file_is_refused_and_named_by_what_it_carries() {
    let renamed = file(
        &format!("{YOUNGER}.json"),
        OLDER,
        1,
        "Mutation",
        &["node:A"],
    );
    check(
        vec![renamed, well_named(OPERATION, "Mutation", &["node:A"])],
        &[
            (YOUNGER, Some(Code::Misnamed), None),
            (OPERATION, None, Some(OLDER)),
        ],
    );
}

#[test]
fn a_broken_well_named_file_keeps_its_name_against_a_good_copy() {
    let broken = SidecarFile::read(
        &format!("{OPERATION}.json"),
        b"{".to_vec(),
        &Limits::DEFAULT,
    );
    check(
        vec![
            broken,
            file("copy.json", OPERATION, 1, "Mutation", &["node:A"]),
        ],
        &[
            (OPERATION, Some(Code::NotJson), None),
            ("copy", Some(Code::DuplicateOperationId), None),
        ],
    );
}

#[test]
fn a_file_without_an_operation_is_listed_under_its_own_name() {
    let stray = SidecarFile::read(
        "notes.json",
        b"{\"schema_version\": 1}".to_vec(),
        &Limits::DEFAULT,
    );
    assert_eq!(stray.operation_id(), None);
    check(
        vec![well_named(OPERATION, "Mutation", &["node:A"]), stray],
        &[
            ("notes", Some(Code::WrongShape), None),
            (OPERATION, None, None),
        ],
    );
}

#[test]
fn a_sidecar_never_waits_for_itself() {
    check(
        vec![well_named(OPERATION, "SchemaApply", &["node:A"])],
        &[(OPERATION, None, None)],
    );
    check(
        vec![well_named(OPERATION, "Mutation", &["node:A", "node:B"])],
        &[(OPERATION, None, None)],
    );
}

#[test]
fn a_table_that_would_be_added_outside_the_root_refuses_the_file() {
    for path in [
        "/etc/graph",
        "../other",
        "nodes/../../other",
        "s3://bucket/nodes",
        "nodes\\..",
        "nodes//a",
    ] {
        let text = serde_json::json!({
            "schema_version": 1, "operation_id": OPERATION, "started_at": "1", "writer_kind": "SchemaApply", "tables": [],
            "additional_registrations": [{ "table_key": "node:P", "table_path": path }],
        });
        let listed = assemble(vec![SidecarFile::read(
            &format!("{OPERATION}.json"),
            text.to_string().into_bytes(),
            &Limits::DEFAULT,
        )]);
        assert_eq!(
            listed[0].refusal.as_ref().map(|refusal| refusal.code),
            Some(Code::LocationOutsideRoot),
            "{path}"
        );
    }
}

/// Either clock may be wrong. A writer whose clock is behind would be taken for dead while it is at work.
#[test]
fn a_sidecar_is_as_old_as_the_younger_of_its_writers_clock_and_the_stores() {
    const SECOND: u64 = 1_000_000;
    let now = Timestamp::from_micros(7_200 * SECOND);
    let written = |seconds: u64| Some(Timestamp::from_micros(seconds * SECOND));
    // It says that its writer began at the first microsecond there is: two hours ago, less one second that is not whole.
    let said = well_named(OPERATION, "Mutation", &["node:Author"]);
    for (modified_at, expected) in [
        (None, 7_199),
        (written(7_140), 60),
        (written(7_200), 0),
        (written(9_000), 0),
        (written(0), 7_199),
    ] {
        let file = SidecarFile {
            modified_at,
            ..said.clone()
        };
        assert_eq!(file.age_seconds(now), Some(expected), "{modified_at:?}");
    }
    let young = SidecarFile::unread("notes.json", Reason::new(Code::Unreadable, "a link"));
    assert_eq!(young.age_seconds(now), None, "nothing tells");
}

/// Somebody who waits for a clock that is ahead has to know for how long, and what else there is to do.
#[test]
fn a_sidecar_that_is_too_young_because_a_clock_is_ahead_says_which_one_and_until_when() {
    const NOW: u64 = 1_795_332_160_000_000;
    const HOUR: u64 = 3_600_000_000;
    const MINUTES: u64 = 15 * 60;
    let said_at = |micros: u64| {
        let Ok(sidecar) = well_named(OPERATION, "Mutation", &["node:Author"]).content else {
            panic!("it is a sidecar")
        };
        let started_at = Timestamp::from_micros(micros);
        let bytes = serde_json::to_vec(&sidecar::Sidecar {
            started_at,
            ..sidecar
        })
        .unwrap();
        SidecarFile::read(&format!("{OPERATION}.json"), bytes, &Limits::DEFAULT)
    };
    let ahead = 4_070_908_800_000_000;
    let young = "the sidecar is 1 min old, its writer may still be running";
    let writer = "it says that its writer started at 2099-01-01 00:00:00 UTC, which is ahead of the clock here (2026-11-22 07:22:40 UTC)";
    let store = "the store says that it was written at 2026-11-22 08:22:40 UTC";
    for (started_at, modified_at, expected) in [
        (NOW - 60_000_000, NOW - HOUR, &[young][..]),
        (NOW - HOUR, NOW - 60_000_000, &[young]),
        (
            ahead,
            NOW - HOUR,
            &[
                writer,
                "executable from 2099-01-01 00:15:00 UTC",
                "--min-age 0s",
            ],
        ),
        (
            NOW - HOUR,
            NOW + HOUR,
            &[store, "executable from 2026-11-22 08:37:40 UTC"],
        ),
        (
            ahead,
            NOW + HOUR,
            &[
                "2099-01-01 00:00:00 UTC, and the store",
                "executable from 2099-01-01 00:15:00 UTC",
            ],
        ),
        (NOW - HOUR, NOW - HOUR, &[]),
    ] {
        let file = SidecarFile {
            modified_at: Some(Timestamp::from_micros(modified_at)),
            ..said_at(started_at)
        };
        let now = Timestamp::from_micros(NOW);
        let reason = file.too_young(now, MINUTES);
        assert_eq!(reason.is_none(), expected.is_empty(), "{reason:?}");
        assert_eq!(file.too_young(now, 0), None, "--min-age 0s");
        for part in expected {
            let reason = reason.as_ref().unwrap();
            assert_eq!(reason.code, Code::TooYoung);
            assert!(reason.detail.contains(part), "{part}: {}", reason.detail);
        }
    }
}
