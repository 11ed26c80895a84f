//! The sidecar file, schema_version 1: every field, every limit, every way to be broken (PROTOCOL.md, section 2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sidecar::{
    Code, Glimpse, GlimpsedPin, Limits, Registration, Sidecar, SidecarError, SidecarFile,
    SidecarSchemaError, Timestamp, Tombstone, WRITTEN_SCHEMA_VERSION, WriterKind,
};

use crate::support::{OPERATION, operation, pin};

const FILE: &str = "01M8125ENACWR9X1EZNRMDV5V2.json";

fn whole() -> Value {
    json!({
        "schema_version": 1,
        "operation_id": OPERATION,
        "started_at": "1795332160170908",
        "branch": "feature",
        "actor_id": "act-ada",
        "writer_kind": "SchemaApply",
        "tables": [
            { "table_key": "node:Author", "table_path": "/data/graph/nodes/01d3", "expected_version": 4, "post_commit_pin": 5 },
            { "table_key": "edge:Wrote", "table_path": "s3://bucket/graph/edges/66e8", "expected_version": 5, "post_commit_pin": 6, "table_branch": "feature" },
        ],
        "merge_source_commit_id": "01M8125E20G3JA88BS9CEJEX1K",
        "additional_registrations": [{ "table_key": "node:Publisher", "table_path": "nodes/6d3b", "table_branch": "feature" }],
        "tombstones": [{ "table_key": "node:Old", "tombstone_version": 8 }],
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut sidecar = whole();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    sidecar
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .insert(name.to_owned(), value);
    sidecar
}

fn without(pointer: &str) -> Value {
    let mut sidecar = whole();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    sidecar
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(name);
    sidecar
}

fn parse(value: &Value) -> Result<Sidecar, SidecarError> {
    Sidecar::parse(FILE, value.to_string().as_bytes(), &Limits::DEFAULT)
}

#[test]
fn every_field_is_read() {
    let sidecar = parse(&whole()).unwrap();
    let author = sidecar::TablePin {
        table_path: "/data/graph/nodes/01d3".to_owned(),
        ..pin("node:Author", 4, 5)
    };
    let wrote = sidecar::TablePin {
        table_path: "s3://bucket/graph/edges/66e8".to_owned(),
        table_branch: Some("feature".to_owned()),
        ..pin("edge:Wrote", 5, 6)
    };
    let expected = Sidecar {
        schema_version: WRITTEN_SCHEMA_VERSION,
        operation_id: operation(),
        started_at: Timestamp::from_micros(1_795_332_160_170_908),
        branch: Some("feature".to_owned()),
        actor_id: Some("act-ada".to_owned()),
        writer_kind: WriterKind::SchemaApply,
        tables: vec![author, wrote],
        merge_source_commit_id: Some("01M8125E20G3JA88BS9CEJEX1K".to_owned()),
        additional_registrations: vec![Registration {
            table_key: "node:Publisher".to_owned(),
            table_path: "nodes/6d3b".to_owned(),
            table_branch: Some("feature".to_owned()),
            unknown: BTreeMap::new(),
        }],
        tombstones: vec![Tombstone {
            table_key: "node:Old".to_owned(),
            tombstone_version: 8,
            unknown: BTreeMap::new(),
        }],
        unknown: BTreeMap::new(),
        version_9: None,
    };
    assert_eq!(sidecar, expected);
    assert_eq!(
        serde_json::to_value(&sidecar).unwrap(),
        whole(),
        "written back as it was read"
    );
}

#[test]
fn every_kind_of_writer_is_read_and_no_other() {
    for kind in WriterKind::ALL {
        assert_eq!(
            parse(&with("/writer_kind", json!(kind.name())))
                .unwrap()
                .writer_kind,
            kind
        );
    }
    for kind in ["mutation", "Delete", "", " Load"] {
        assert!(
            matches!(
                parse(&with("/writer_kind", json!(kind))),
                Err(SidecarError::WrongShape { .. })
            ),
            "{kind:?}"
        );
    }
}

#[test]
fn optional_fields_may_be_absent_or_null() {
    for pointer in [
        "/branch",
        "/actor_id",
        "/merge_source_commit_id",
        "/additional_registrations",
        "/tombstones",
        "/tables/1/table_branch",
    ] {
        assert!(parse(&without(pointer)).is_ok(), "{pointer} absent");
    }
    for pointer in [
        "/branch",
        "/actor_id",
        "/merge_source_commit_id",
        "/tables/1/table_branch",
    ] {
        assert!(parse(&with(pointer, Value::Null)).is_ok(), "{pointer} null");
    }
}

#[test]
fn main_is_main_however_it_is_spelled() {
    for (branch, expected) in [
        (Value::Null, None),
        (json!("main"), None),
        (json!("feature"), Some("feature")),
        (json!("Main"), Some("Main")),
    ] {
        let sidecar = parse(&with("/branch", branch.clone())).unwrap();
        assert_eq!(sidecar.branch().name(), expected);
        let sidecar = parse(&with("/tables/0/table_branch", branch)).unwrap();
        assert_eq!(sidecar.tables[0].table_branch().name(), expected);
    }
}

#[test]
fn what_is_not_the_shape_of_a_sidecar_is_refused_and_named() {
    for pointer in [
        "/schema_version",
        "/operation_id",
        "/started_at",
        "/writer_kind",
        "/tables",
        "/tables/0/table_key",
        "/tables/0/table_path",
        "/tables/0/expected_version",
        "/tables/0/post_commit_pin",
        "/additional_registrations/0/table_path",
        "/tombstones/0/tombstone_version",
    ] {
        assert!(
            matches!(parse(&without(pointer)), Err(SidecarError::WrongShape { file, .. }) if file == FILE),
            "{pointer} absent"
        );
    }
    for (pointer, value) in [
        ("/schema_version", json!("1")),
        ("/schema_version", json!(1.5)),
        ("/schema_version", json!(-1)),
        ("/schema_version", Value::Null),
        ("/operation_id", json!("01M8125ENACWR9X1EZNRMDV5V")),
        ("/operation_id", json!("../../../../etc/passwd")),
        ("/operation_id", json!(7)),
        ("/started_at", json!(1_795_332_160_170_908_u64)),
        ("/started_at", json!("+1")),
        ("/started_at", json!("")),
        ("/started_at", json!("18446744073709551616")),
        ("/started_at", json!("2026-11-22T07:22:40Z")),
        ("/tables", json!({})),
        ("/tables/0/expected_version", json!(-1)),
        ("/tables/0/expected_version", json!(4.0)),
        ("/tables/0/expected_version", json!("4")),
        ("/tables/0/table_key", json!("")),
        ("/tables/0/table_path", json!("")),
        ("/tables/0/table_key", json!("node:\u{1b}[2J")),
        ("/tables/0/table_path", json!("/data\n/graph")),
        ("/tables/0/table_branch", json!("")),
        ("/tables/0/table_branch", json!("../../other")),
        ("/tables/0/table_branch", json!("/feature")),
        ("/branch", json!("")),
        ("/branch", json!("a//b")),
        ("/branch", json!("a\\b")),
        ("/branch", json!("a\u{0}b")),
        ("/additional_registrations/0/table_branch", json!("..")),
        ("/tombstones/0/table_key", json!("")),
    ] {
        assert!(
            matches!(
                parse(&with(pointer, value.clone())),
                Err(SidecarError::WrongShape { .. })
            ),
            "{pointer} {value}"
        );
    }
    for text in ["[]", "null", "1", "\"sidecar\"", "{}"] {
        let error = Sidecar::parse(FILE, text.as_bytes(), &Limits::DEFAULT).unwrap_err();
        assert_eq!(error.code(), Code::WrongShape, "{text}");
    }
}

#[test]
fn names_and_paths_are_bounded() {
    let limits = Limits::DEFAULT;
    let long = "a".repeat(limits.text_chars_max + 1);
    let longest = "é".repeat(limits.text_chars_max);
    for pointer in [
        "/tables/0/table_key",
        "/tables/0/table_path",
        "/tables/0/table_branch",
        "/branch",
        "/actor_id",
        "/merge_source_commit_id",
        "/tombstones/0/table_key",
    ] {
        assert!(
            matches!(parse(&with(pointer, json!(long))), Err(SidecarError::WrongShape { reason, .. }) if reason.len() < 400),
            "{pointer}"
        );
        assert!(parse(&with(pointer, json!(longest))).is_ok(), "{pointer}");
    }
}

#[test]
fn one_table_on_one_branch_is_pinned_once() {
    let twice = |branch: Value| {
        with(
            "/tables",
            json!([
                { "table_key": "node:A", "table_path": "/a", "expected_version": 1, "post_commit_pin": 2 },
                { "table_key": "node:A", "table_path": "/a", "expected_version": 1, "post_commit_pin": 2, "table_branch": branch },
            ]),
        )
    };
    assert!(parse(&twice(Value::Null)).is_err());
    assert!(parse(&twice(json!("main"))).is_err());
    assert!(parse(&twice(json!("feature"))).is_ok());
}

#[test]
fn a_field_given_twice_is_refused() {
    let text = whole().to_string();
    for (field, again) in [
        (
            "\"schema_version\":1",
            "\"schema_version\":1,\"schema_version\":1",
        ),
        (
            "\"expected_version\":4",
            "\"expected_version\":4,\"expected_version\":9",
        ),
    ] {
        let twice = text.replacen(field, again, 1);
        assert_ne!(twice, text);
        assert_eq!(
            Sidecar::parse(FILE, twice.as_bytes(), &Limits::DEFAULT)
                .unwrap_err()
                .code(),
            Code::WrongShape
        );
    }
}

#[test]
fn unknown_fields_are_kept_reported_and_written_back() {
    let mut value = whole();
    for pointer in [
        "",
        "/tables/1",
        "/additional_registrations/0",
        "/tombstones/0",
    ] {
        value
            .pointer_mut(pointer)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .insert(
                "later_field".to_owned(),
                json!({ "deep": [18_446_744_073_709_551_615_u64] }),
            );
    }
    let sidecar = parse(&value).unwrap();
    assert_eq!(
        sidecar.unimplemented_fields(),
        [
            "later_field",
            "tables[1].later_field",
            "additional_registrations[0].later_field",
            "tombstones[0].later_field"
        ]
    );
    assert_eq!(serde_json::to_value(&sidecar).unwrap(), value);
}

#[test]
fn only_a_field_that_says_something_keeps_the_file_from_being_acted_on() {
    for empty in [Value::Null, json!(""), json!([]), json!({})] {
        assert_eq!(
            parse(&with("/lineage", empty))
                .unwrap()
                .unimplemented_fields(),
            [""; 0]
        );
    }
    for full in [
        json!(false),
        json!(0),
        json!("x"),
        json!([null]),
        json!({ "a": null }),
    ] {
        let file = SidecarFile::read(
            FILE,
            with("/lineage", full).to_string().into_bytes(),
            &Limits::DEFAULT,
        );
        let refusal = sidecar::assemble(vec![file])[0].refusal.clone().unwrap();
        assert_eq!(refusal.code, Code::UnimplementedField);
        assert!(refusal.detail.contains("lineage"), "{}", refusal.detail);
    }
}

#[test]
fn tables_to_add_or_remove_mean_something_in_a_schema_change_only() {
    for kind in WriterKind::ALL {
        let fields = parse(&with("/writer_kind", json!(kind.name())))
            .unwrap()
            .unimplemented_fields();
        let expected: &[&str] = if kind == WriterKind::SchemaApply {
            &[]
        } else {
            &["additional_registrations", "tombstones"]
        };
        assert_eq!(fields, expected, "{kind:?}");
    }
}

#[test]
fn another_version_is_refused_by_its_number_before_its_shape_is_looked_at() {
    for found in [0, 3, 8, 10, u64::MAX] {
        let expected = SidecarSchemaError {
            file: FILE.to_owned(),
            found,
        };
        for text in [
            with("/schema_version", json!(found)).to_string(),
            format!("{{\"tables\": 7, \"schema_version\": {found}, \"operation_id\": null}}"),
        ] {
            assert_eq!(
                Sidecar::parse(FILE, text.as_bytes(), &Limits::DEFAULT),
                Err(SidecarError::Schema(expected.clone()))
            );
        }
        assert_eq!(
            expected.to_string(),
            format!(
                "{FILE} has schema_version {found}, this build acts on 1, 2, 9; recover it with the engine that wrote it"
            )
        );
    }
}

#[test]
fn what_is_not_json_is_said_to_be_not_json() {
    let half = &whole().to_string()[..100];
    for text in [
        "",
        " ",
        "{",
        "{]",
        half,
        "{\"schema_version\": 1} trailing",
        "\u{feff}{}",
        "NaN",
    ] {
        assert!(
            matches!(
                Sidecar::parse(FILE, text.as_bytes(), &Limits::DEFAULT),
                Err(SidecarError::NotJson { .. })
            ),
            "{text:?}"
        );
    }
    assert!(matches!(
        Sidecar::parse(
            FILE,
            b"{\"schema_version\": 1, \"x\": \"\xff\"}",
            &Limits::DEFAULT
        ),
        Err(SidecarError::NotJson { .. })
    ));
}

#[test]
fn each_limit_holds_to_the_byte() {
    let text = whole().to_string();
    let size = text.len() as u64;
    let bounded = |sidecar_bytes_max| {
        Sidecar::parse(
            FILE,
            text.as_bytes(),
            &Limits {
                sidecar_bytes_max,
                ..Limits::DEFAULT
            },
        )
    };
    assert!(bounded(size).is_ok());
    assert_eq!(
        bounded(size - 1),
        Err(SidecarError::TooLarge {
            file: FILE.to_owned(),
            bytes_max: size - 1
        })
    );

    let nested = |levels: usize| {
        with(
            "/x",
            (1..levels).fold(json!(null), |inner, _| json!([inner])),
        )
        .to_string()
    };
    let depth = |levels: usize| {
        Sidecar::parse(FILE, nested(levels).as_bytes(), &Limits::DEFAULT).map(|_| ())
    };
    assert_eq!(depth(32), Ok(()));
    assert_eq!(
        depth(33),
        Err(SidecarError::TooDeep {
            file: FILE.to_owned(),
            depth_max: 32
        })
    );
    let brackets_in_text = with(
        "/actor_id",
        json!("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"\\\\[[[[[[[["),
    );
    assert!(
        parse(&brackets_in_text).is_ok(),
        "brackets inside text are not depth"
    );
    let abyss = "[".repeat(1 << 20);
    assert_eq!(
        Sidecar::parse(FILE, abyss.as_bytes(), &Limits::DEFAULT)
            .unwrap_err()
            .code(),
        Code::TooDeep
    );

    let tables = |tables_max| {
        Sidecar::parse(
            FILE,
            text.as_bytes(),
            &Limits {
                tables_max,
                ..Limits::DEFAULT
            },
        )
        .map(|_| ())
    };
    assert_eq!(
        tables(4),
        Ok(()),
        "two pins, a registration and a tombstone"
    );
    assert_eq!(
        tables(3),
        Err(SidecarError::TooManyTables {
            file: FILE.to_owned(),
            tables: 4,
            tables_max: 3
        })
    );
}

#[test]
fn the_most_tables_fit_into_the_most_bytes() {
    let tombstones = |count: usize| {
        let tombstones: Vec<Value> = (0..count)
            .map(|index| json!({ "table_key": format!("n:{index}"), "tombstone_version": 2 }))
            .collect();
        with("/tombstones", Value::Array(tombstones))
    };
    assert!(parse(&tombstones(9_997)).is_ok());
    assert_eq!(
        parse(&tombstones(9_998)).unwrap_err().code(),
        Code::TooManyTables
    );
}

#[test]
fn versions_beyond_what_a_browser_counts_are_exact() {
    for version in [9_007_199_254_740_993, u64::MAX - 1, u64::MAX] {
        let sidecar = parse(&with("/tables/0/expected_version", json!(version))).unwrap();
        assert_eq!(sidecar.tables[0].expected_version, version);
        assert!(
            serde_json::to_string(&sidecar)
                .unwrap()
                .contains(&format!("\"expected_version\":{version},"))
        );
    }
    assert!(
        Sidecar::parse(
            FILE,
            whole()
                .to_string()
                .replace(
                    "\"expected_version\":4",
                    "\"expected_version\":18446744073709551616"
                )
                .as_bytes(),
            &Limits::DEFAULT
        )
        .is_err()
    );
}

#[test]
fn a_file_of_another_version_still_shows_what_it_can() {
    let glimpse = Glimpse::of(
        with("/schema_version", json!(9)).to_string().as_bytes(),
        &Limits::DEFAULT,
    );
    let pin = |table_key: &str, table_branch: Option<&str>| GlimpsedPin {
        table_key: table_key.to_owned(),
        table_branch: table_branch.map(str::to_owned),
    };
    assert_eq!(
        glimpse,
        Glimpse {
            schema_version: Some(9),
            operation_id: Some(OPERATION.to_owned()),
            writer_kind: Some("SchemaApply".to_owned()),
            branch: Some("feature".to_owned()),
            actor_id: Some("act-ada".to_owned()),
            started_at: Some("1795332160170908".to_owned()),
            tables: vec![pin("node:Author", None), pin("edge:Wrote", Some("feature"))],
            all_tables: true,
        }
    );
    for text in [
        "",
        "[]",
        "{\"tables\": 1}",
        "{\"tables\": [1, {\"table_key\": 2}]}",
    ] {
        assert_eq!(
            Glimpse::of(text.as_bytes(), &Limits::DEFAULT),
            Glimpse::default(),
            "{text}"
        );
    }
}

#[test]
fn a_hostile_name_cannot_steer_a_terminal_or_flood_a_list() {
    let kind = format!("\u{1b}]0;owned\u{7}{}", "x".repeat(500_000));
    let file = SidecarFile::read(
        FILE,
        with("/writer_kind", json!(kind)).to_string().into_bytes(),
        &Limits::DEFAULT,
    );
    let detail = file.content.unwrap_err().detail;
    assert!(
        detail.chars().count() <= 2_001 && !detail.chars().any(char::is_control),
        "{}",
        &detail[..200]
    );

    let field = SidecarFile::read(
        FILE,
        with("/\u{1b}[2J", json!(1)).to_string().into_bytes(),
        &Limits::DEFAULT,
    );
    let detail = sidecar::assemble(vec![field])[0]
        .refusal
        .clone()
        .unwrap()
        .detail;
    assert!(!detail.chars().any(char::is_control), "{detail:?}");
}

/// Graph, version, kind of writer, and the pins: key, expected version, post-commit pin.
type Released = (
    &'static str,
    u64,
    &'static str,
    &'static [(&'static str, u64, u64)],
);

/// Sidecars that released engines wrote, by the graph they were left in.
const RELEASED: [Released; 9] = [
    (
        "omnigraph-0.7.0/back-mid-phase",
        1,
        "Mutation",
        &[("edge:Wrote", 5, 6), ("node:Author", 4, 5)],
    ),
    (
        "omnigraph-0.7.0/back-mid-phase-delete",
        1,
        "Mutation",
        &[("edge:Wrote", 5, 6), ("node:Author", 4, 5)],
    ),
    (
        "omnigraph-0.7.0/forward-branch-load",
        1,
        "Load",
        &[("node:Author", 5, 6)],
    ),
    (
        "omnigraph-0.7.0/forward-mutation",
        1,
        "Mutation",
        &[("edge:Wrote", 5, 6), ("node:Author", 4, 5)],
    ),
    (
        "omnigraph-0.7.0/optimize",
        1,
        "Optimize",
        &[("node:Author", 16, 17)],
    ),
    ("omnigraph-0.7.0/schema-staged", 1, "SchemaApply", &[]),
    (
        "omnigraph-0.7.0/stale-after-success",
        1,
        "Mutation",
        &[("node:Author", 4, 5)],
    ),
    (
        "omnigraph-0.8.0/forward-mutation",
        2,
        "Mutation",
        &[("node:Author", 4, 5), ("edge:Wrote", 5, 6)],
    ),
    (
        "omnigraph-0.9.0/forward-mutation",
        9,
        "Mutation",
        &[("edge:Wrote", 2, 3), ("node:Author", 2, 3)],
    ),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

#[test]
fn every_sidecar_a_released_engine_wrote_is_read_or_refused_by_its_version() {
    let mut seen = Vec::new();
    // The others of version 9 have a room of their own.
    let is_here = |graph: &PathBuf| {
        let name = graph.file_name().unwrap().to_str().unwrap();
        graph.is_dir() && !name.starts_with("v9-")
    };
    for graph in entries(&fixtures())
        .iter()
        .flat_map(|engine| entries(engine))
        .filter(is_here)
    {
        let name = graph
            .strip_prefix(fixtures())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let (_, version, kind, pins) = RELEASED
            .iter()
            .find(|(graph, ..)| *graph == name)
            .unwrap_or_else(|| panic!("{name} is not in the table"));
        for path in entries(&graph) {
            let file = SidecarFile::read(
                path.file_name().unwrap().to_str().unwrap(),
                std::fs::read(&path).unwrap(),
                &Limits::DEFAULT,
            );
            assert_eq!(file.glimpse.schema_version, Some(*version));
            assert_eq!(file.glimpse.writer_kind.as_deref(), Some(*kind));
            assert_eq!(file.glimpse.tables.len(), pins.len());
            assert_eq!(format!("{}.json", file.operation_id().unwrap()), file.file);
            match &file.content {
                Ok(sidecar) => {
                    assert!(matches!(*version, 1 | 2 | 9));
                    let found: Vec<_> = sidecar
                        .tables
                        .iter()
                        .map(|pin| {
                            (
                                pin.table_key.as_str(),
                                pin.expected_version,
                                pin.post_commit_pin,
                            )
                        })
                        .collect();
                    assert_eq!(found, *pins, "{name}");
                    assert_eq!(sidecar.unimplemented_fields(), [""; 0]);
                    let again: Value = serde_json::from_slice(&file.bytes).unwrap();
                    assert_eq!(
                        serde_json::to_value(sidecar).unwrap(),
                        again,
                        "{name} is written back as it was read"
                    );
                }
                Err(reason) => panic!("{name}: {}", reason.detail),
            }
            let listed = sidecar::assemble(vec![file]);
            assert_eq!(listed[0].refusal, None, "{name}");
        }
        seen.push(name);
    }
    assert_eq!(
        seen,
        RELEASED.map(|(graph, ..)| graph.to_owned()),
        "the table names exactly the fixtures there are"
    );
}
