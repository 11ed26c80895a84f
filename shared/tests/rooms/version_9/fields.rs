//! Fields that this build does not know, that are missing, null, twice there, or of another type.

use serde_json::{Value, json};
use sidecar::version_9::{Version9Report, parse};
use sidecar::{Code, Limits};

use super::fixture::{Fixture, of, readable};

/// One file of each kind of writer, confirmed, so that every kind of object is in one of them.
const KINDS: [&str; 9] = [
    "v9-mutation-branch-first-write-confirmed",
    "v9-load-merge-confirmed",
    "v9-merge-main-into-branch-confirmed",
    "v9-merge-into-branch-ref-only-confirmed",
    "v9-schema-mixed-confirmed",
    "v9-indices-branch-confirmed",
    "v9-optimize-partial",
    "v9-recovery-back-merge-published",
    "v9-indices-branch-first-touch-armed",
];

/// The JSON pointers of all objects, with their paths as people read them.
fn objects(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            found.push((pointer.to_owned(), path.to_owned()));
            for (name, field) in fields {
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                objects(field, &format!("{pointer}/{name}"), &path, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                objects(item, &format!("{pointer}/{index}"), &path, found);
            }
        }
        _ => {}
    }
}

fn all_objects(fixture: &Fixture) -> Vec<(String, String)> {
    let mut found = Vec::new();
    objects(&fixture.value(), "", "", &mut found);
    found
}

#[test]
fn a_field_that_this_build_does_not_know_is_refused_by_its_path_wherever_it_stands() {
    let mut places = 0;
    for fixture in KINDS.map(of) {
        for (pointer, path) in all_objects(&fixture) {
            for (name, value) in [
                (
                    "table_fork_owner",
                    json!("feature.01M8KHDYZWYVZ14CDRJKV4947H"),
                ),
                ("system_column_upgrade", json!({"from_stamp": 8})),
                ("anything", Value::Null),
            ] {
                let bytes = fixture.with(|file| {
                    file.pointer_mut(&pointer).unwrap()[name] = value;
                });
                let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
                let at = match path.as_str() {
                    "" => name.to_owned(),
                    _ => format!("{path}.{name}"),
                };
                assert_eq!(error.code(), Code::UnimplementedField, "{error}");
                assert_eq!(
                    error.to_string(),
                    format!(
                        "{} has {at}, which this build does not know; recover it with the engine that wrote it",
                        fixture.file
                    )
                );
                places += 1;
            }
        }
    }
    assert!(places > 300, "{places}");
}

#[test]
fn an_effect_of_a_later_engine_is_refused_by_its_name_and_path() {
    let (schema, merge) = (
        of("v9-schema-mixed-confirmed"),
        of("v9-merge-rewrite-armed"),
    );
    for (fixture, pointer, path) in [
        (
            schema,
            "/protocol_v7/effects/1/kind/kind",
            "protocol_v7.effects[1].kind.kind",
        ),
        (
            merge,
            "/protocol_v4/effects/0/kind/kind",
            "protocol_v4.effects[0].kind.kind",
        ),
    ] {
        let bytes = fixture.with(|file| {
            *file.pointer_mut(pointer).unwrap() = json!("SystemColumnRename");
        });
        let report = Version9Report::of(&fixture.file, &bytes, &Limits::DEFAULT).unwrap();
        let reason = report.malformed.unwrap();
        assert_eq!(
            (reason.code, report.summary),
            (Code::UnimplementedField, None)
        );
        assert!(
            reason
                .detail
                .contains(&format!("{path} = \"SystemColumnRename\"")),
            "{}",
            reason.detail
        );
    }
}

#[test]
fn the_plan_of_a_write_brings_a_schema_only_where_it_changes_one() {
    let fixture = of("v9-mutation-insert-effects");
    let bytes = fixture.with(|file| {
        file["protocol_v3"]["target_schema_ir_hash"] = json!("sha256:00");
    });
    let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("protocol_v3.target_schema_ir_hash"),
        "{error}"
    );
}

/// Whatever is taken out, made null or made something else: the file is refused, or is written back as it now is.
#[test]
fn a_field_that_is_missing_null_or_of_another_type_is_never_taken_for_another() {
    let mut taken = Vec::new();
    for fixture in KINDS.map(of) {
        for (pointer, path) in all_objects(&fixture) {
            let names: Vec<String> = fixture
                .value()
                .pointer(&pointer)
                .unwrap()
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            for name in names {
                for other in [
                    None,
                    Some(Value::Null),
                    Some(json!([])),
                    Some(json!({})),
                    Some(json!("")),
                ] {
                    let mut value = fixture.value();
                    let object = value
                        .pointer_mut(&pointer)
                        .unwrap()
                        .as_object_mut()
                        .unwrap();
                    let before = object.remove(&name);
                    if let Some(other) = &other {
                        object.insert(name.clone(), other.clone());
                    }
                    if before == other {
                        continue;
                    }
                    match parse(
                        &fixture.file,
                        value.to_string().as_bytes(),
                        &Limits::DEFAULT,
                    ) {
                        Ok(sidecar) => {
                            assert_eq!(
                                serde_json::to_value(sidecar).unwrap(),
                                value,
                                "{path}.{name}"
                            );
                            taken.push(name.clone());
                        }
                        Err(error) => assert!(error.to_string().len() > 40, "{error}"),
                    }
                }
            }
        }
    }
    taken.sort();
    taken.dedup();
    assert_eq!(
        taken,
        [
            "actor_id",
            "e_tag",
            "graph_head",
            "manifest_path",
            "manifest_size",
            "merged_parent_commit_id",
            "naming_scheme",
            "renames",
            "rollback_audit_outcomes",
            "source_fork_version",
            "tombstones",
            "version_mapping",
        ],
        "what may say something else or nothing, without breaking a rule of the shape"
    );
}

#[test]
fn what_is_missing_or_null_is_named_with_its_path() {
    let fixture = of("v9-mutation-branch-first-write-confirmed");
    let missing = fixture.with(|file| {
        let pin = file["tables"][1].as_object_mut().unwrap();
        pin.remove("expected_version");
    });
    let null = fixture.with(|file| file["tables"][0]["table_branch"] = Value::Null);
    let text = fixture.with(|file| file["protocol_v3"]["lineage"]["created_at"] = json!("1"));
    for (bytes, sentence) in [
        (missing, "tables[1].expected_version is missing"),
        (
            null,
            "tables[0].table_branch is null; engines leave the field out instead",
        ),
        (text, "protocol_v3.lineage.created_at is not a whole number"),
    ] {
        let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} is not a sidecar: {sentence}", fixture.file)
        );
    }
}

#[test]
fn a_field_that_is_there_twice_is_refused_though_both_say_the_same() {
    let mut tried = 0;
    for fixture in readable().into_iter().take(20) {
        let text = String::from_utf8(fixture.bytes.clone()).unwrap();
        for field in ["\"schema_version\": 9,", "\"stable_table_id\": "] {
            let Some(at) = text.find(field) else { continue };
            let end = at + text[at..].find(',').unwrap() + 1;
            let twice = format!("{}{}{}", &text[..end], &text[at..end], &text[end..]);
            let error = parse(&fixture.file, twice.as_bytes(), &Limits::DEFAULT).unwrap_err();
            assert!(error.to_string().contains("is there twice"), "{error}");
            tried += 1;
        }
    }
    assert!(tried > 35, "{tried}");
}

#[test]
fn a_text_with_control_characters_or_a_branch_that_climbs_is_refused() {
    let fixture = of("v9-mutation-branch-first-write-confirmed");
    for (pointer, value, sentence) in [
        (
            "/actor_id",
            "act\u{1b}[2J",
            "actor_id has control characters",
        ),
        (
            "/tables/0/table_branch",
            "../x",
            "tables[0].table_branch is \"../x\", which is not the name of a branch",
        ),
        (
            "/branch",
            "",
            "branch is \"\", which is not the name of a branch",
        ),
        (
            "/operation_id",
            "x",
            "operation_id: \"x\" is not an operation id",
        ),
        ("/started_at", "007", "started_at is not a time"),
        (
            "/writer_kind",
            "Merge",
            "writer_kind is none that writes sidecars",
        ),
    ] {
        let bytes = fixture.with(|file| *file.pointer_mut(pointer).unwrap() = json!(value));
        let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
        assert!(error.to_string().contains(sentence), "{error}");
    }
}
