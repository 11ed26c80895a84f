//! Every rule of the shape, broken in a sidecar that the engine wrote.

mod effects;
mod indices;
mod merge;
mod schema_change;

use serde_json::{Value, json};
use sidecar::version_9::{Version9Report, parse};
use sidecar::{Code, Limits};

use super::fixture::of;

const MUTATION: &str = "v9-mutation-branch-first-write-confirmed";
const ARMED: &str = "v9-mutation-branch-first-write-effects";
const MERGE: &str = "v9-merge-main-into-branch-confirmed";
const FORK: &str = "v9-merge-into-branch-ref-only-confirmed";
const CHAIN: &str = "v9-merge-adopt-delta-effects";
const SCHEMA: &str = "v9-schema-mixed-confirmed";
const INDICES: &str = "v9-indices-branch-first-touch-armed";
const INDEXED: &str = "v9-indices-branch-confirmed";
const OPTIMIZE: &str = "v9-optimize-partial";

/// The file of that graph, changed, is refused with a sentence that ends like this.
#[track_caller]
fn refused(graph: &str, sentence: &str, change: impl FnOnce(&mut Value)) {
    let fixture = of(graph);
    let bytes = fixture.with(change);
    let error = parse(&fixture.file, &bytes, &Limits::DEFAULT).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} is not a sidecar: {sentence}", fixture.file)
    );
    let report = Version9Report::of(&fixture.file, &bytes, &Limits::DEFAULT).unwrap();
    let reason = report.malformed.unwrap();
    assert_eq!(
        (reason.code, reason.detail),
        (Code::WrongShape, error.to_string()),
        "the report says it in the same words"
    );
}

/// Sets what a pointer points to.
fn set(pointer: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |file| *file.pointer_mut(pointer).unwrap() = value
}

/// Takes a field away.
fn without(pointer: &'static str, name: &'static str) -> impl FnOnce(&mut Value) {
    move |file| {
        let object = file.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        object.remove(name).unwrap();
    }
}

/// Adds a field.
fn add(pointer: &'static str, name: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |file| {
        let object = file.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        assert!(object.insert(name.to_owned(), value).is_none());
    }
}

/// Changes a list.
fn list(pointer: &'static str, change: impl FnOnce(&mut Vec<Value>)) -> impl FnOnce(&mut Value) {
    move |file| change(file.pointer_mut(pointer).unwrap().as_array_mut().unwrap())
}

#[test]
fn what_only_other_versions_have() {
    for (name, value) in [
        (
            "merge_source_commit_id",
            json!("01M8KHCQTD4MM727S4F1VCP2G2"),
        ),
        ("additional_registrations", json!([])),
        ("tombstones", json!([])),
        ("schema_apply_target_schema_ir_hash", json!("sha256:00")),
        ("ensure_indices_rollback_v6", json!({})),
    ] {
        refused(
            SCHEMA,
            &format!("{name} belongs to other versions; a sidecar of version 9 leaves it out"),
            add("", name, value),
        );
    }
    refused(
        SCHEMA,
        "schema_apply_manifest_published is true; only a version that was never released sets it",
        set("/schema_apply_manifest_published", json!(true)),
    );
}

#[test]
fn a_write_has_one_plan_that_of_its_kind() {
    refused(
        MUTATION,
        "protocol_v3 is missing: a write of kind Mutation has its plan there",
        without("", "protocol_v3"),
    );
    let plan = of(SCHEMA).value()["protocol_v7"].clone();
    refused(
        MUTATION,
        "it has a plan in protocol_v3 and another in protocol_v7; a write has one plan",
        add("", "protocol_v7", plan),
    );
    refused(
        MUTATION,
        "it has its plan in protocol_v3, and a write of kind EnsureIndices has it in protocol_v8",
        set("/writer_kind", json!("EnsureIndices")),
    );
    refused(
        MUTATION,
        "it has a plan in protocol_v3, and a write of kind Optimize has none",
        set("/writer_kind", json!("Optimize")),
    );
}

#[test]
fn the_pinned_tables() {
    for (graph, kind) in [
        (MERGE, "BranchMerge"),
        (INDICES, "EnsureIndices"),
        (OPTIMIZE, "Optimize"),
    ] {
        refused(
            graph,
            &format!("it pins no table, and a write of kind {kind} has one at least"),
            list("/tables", Vec::clear),
        );
    }
    refused(
        MUTATION,
        "it pins \"Author\", which is the key of no node and no edge",
        set("/tables/1/table_key", json!("Author")),
    );
    refused(
        OPTIMIZE,
        "the table 0000000000000003-000000000000000b is pinned twice",
        list("/tables", |pins| pins[1] = pins[0].clone()),
    );
    refused(
        OPTIMIZE,
        "edge:Cites is pinned twice, as two tables of one name",
        set("/tables/1/table_key", json!("edge:Cites")),
    );
    refused(
        OPTIMIZE,
        "tables[0].identity is 0 in part; no table has such an identity",
        set("/tables/0/identity/stable_table_id", json!(0)),
    );
}

#[test]
fn an_optimize_works_on_main_and_confirms_nothing() {
    refused(
        OPTIMIZE,
        "it is about branch feature, and Optimize works on main only",
        set("/branch", json!("feature")),
    );
    refused(
        OPTIMIZE,
        "it pins edge:Cites on Lance branch feature, and Optimize works on main only",
        add("/tables/0", "table_branch", json!("feature")),
    );
    refused(
        OPTIMIZE,
        "it says that edge:Cites is confirmed, and Optimize confirms nothing",
        add("/tables/0", "confirmed_version", json!(3)),
    );
}

#[test]
fn the_authority_names_a_schema() {
    let sentence = "protocol_v3.authority does not name the schema that the write was planned for: its domain or hash is empty, or its version is 0";
    for (pointer, value) in [
        ("/protocol_v3/authority/schema_identity_domain", json!("")),
        ("/protocol_v3/authority/schema_ir_hash", json!("")),
        ("/protocol_v3/authority/schema_identity_version", json!(0)),
    ] {
        refused(MUTATION, sentence, set(pointer, value));
    }
    refused(
        MUTATION,
        "protocol_v3.authority.branch_identifier.version_mapping[0] is not a version and a UUID",
        set(
            "/protocol_v3/authority/branch_identifier/version_mapping/0",
            json!([4]),
        ),
    );
}

#[test]
fn the_two_graph_commits() {
    refused(
        MUTATION,
        "graph_commit_id is \"\", which is no ULID",
        set("/protocol_v3/lineage/graph_commit_id", json!("")),
    );
    refused(
        MUTATION,
        "rollback_graph_commit_id is \"1\", which is no ULID",
        set("/protocol_v3/rollback_graph_commit_id", json!("1")),
    );
    refused(
        MUTATION,
        "the write and its undo would both be the graph commit 01M8KHDYZWYVZ14CDRJKV4947H",
        |file| {
            let id = json!("01M8KHDYZWYVZ14CDRJKV4947H");
            file["protocol_v3"]["lineage"]["graph_commit_id"] = id.clone();
            file["protocol_v3"]["rollback_graph_commit_id"] = id;
        },
    );
    refused(
        MUTATION,
        "it is about branch feature, and its graph commit is on main",
        set("/protocol_v3/lineage/branch", Value::Null),
    );
    refused(
        MUTATION,
        "its actor_id is not that of its graph commit",
        set("/actor_id", Value::Null),
    );
    refused(
        MERGE,
        "its graph commit names no merged_parent_commit_id, and a merge has one",
        set("/protocol_v4/lineage/merged_parent_commit_id", Value::Null),
    );
    let merged = json!("01M8KHDYZWYVZ14CDRJKV4947H");
    for (graph, pointer, kind) in [
        (
            MUTATION,
            "/protocol_v3/lineage/merged_parent_commit_id",
            "Mutation",
        ),
        (
            SCHEMA,
            "/protocol_v7/lineage/merged_parent_commit_id",
            "SchemaApply",
        ),
        (
            INDICES,
            "/protocol_v8/lineage/merged_parent_commit_id",
            "EnsureIndices",
        ),
    ] {
        refused(
            graph,
            &format!(
                "its graph commit names a merged_parent_commit_id, and a write of kind {kind} has none"
            ),
            set(pointer, merged.clone()),
        );
    }
    for pointer in ["/branch", "/protocol_v7/lineage/branch"] {
        refused(
            SCHEMA,
            "it is about branch feature, and a schema changes on main only",
            set(pointer, json!("feature")),
        );
    }
}

#[test]
fn an_undo_names_pinned_tables_once() {
    let outcome = |key: &str| json!({"table_key": key, "from_version": 3, "to_version": 2});
    for outcomes in [
        json!([outcome("node:Nobody")]),
        json!([outcome("node:Nobody"), outcome("edge:Wrote")]),
    ] {
        refused(
            MUTATION,
            "rollback_audit_outcomes names node:Nobody twice, or though it was not pinned under that name",
            add("/protocol_v3", "rollback_audit_outcomes", outcomes),
        );
    }
    refused(
        MUTATION,
        "rollback_audit_outcomes names edge:Wrote twice, or though it was not pinned under that name",
        add(
            "/protocol_v3",
            "rollback_audit_outcomes",
            json!([outcome("edge:Wrote"), outcome("edge:Wrote")]),
        ),
    );
}
