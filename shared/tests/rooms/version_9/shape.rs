//! Every rule of the shape, broken in a sidecar that the engine wrote.

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
fn pins_effects_and_rows_are_of_the_same_tables() {
    let effects = "/protocol_v3/effects";
    let rows = "/protocol_v3/intended_delta/table_updates";
    let second = |items: &mut Vec<Value>| items.push(items[0].clone());
    refused(
        MUTATION,
        "node:Author has two effects",
        list(effects, second),
    );
    refused(
        MUTATION,
        "node:Author has two rows to publish",
        list(rows, second),
    );
    let drop_first = |items: &mut Vec<Value>| drop(items.remove(0));
    refused(
        MUTATION,
        "node:Author is pinned and has no effect",
        list(effects, drop_first),
    );
    refused(
        MUTATION,
        "node:Author is pinned and has no row to publish",
        list(rows, drop_first),
    );
    refused(
        MUTATION,
        "node:Author has an effect and is not pinned",
        list("/tables", drop_first),
    );
    refused(
        MUTATION,
        "node:Author has a row to publish and is not pinned; only a merge may have such rows",
        |file| {
            drop_first(file["tables"].as_array_mut().unwrap());
            drop_first(file.pointer_mut(effects).unwrap().as_array_mut().unwrap());
        },
    );
    for (pointer, what) in [
        ("/protocol_v3/effects/0/table_key", "effect"),
        (
            "/protocol_v3/intended_delta/table_updates/0/table_key",
            "row",
        ),
    ] {
        refused(
            MUTATION,
            &format!(
                "the table 0000000000000001-0000000000000009 is pinned as node:Author, and its {what} calls it node:Reader"
            ),
            set(pointer, json!("node:Reader")),
        );
    }
}

#[test]
fn pins_effects_and_rows_say_the_same() {
    refused(
        MUTATION,
        "node:Author is pinned at version 2, and its row would replace version 7",
        set(
            "/protocol_v3/intended_delta/table_updates/0/expected_version",
            json!(7),
        ),
    );
    refused(
        ARMED,
        "edge:Wrote is pinned on another Lance branch than its row is for",
        set(
            "/protocol_v3/intended_delta/table_updates/0/table_branch",
            Value::Null,
        ),
    );
    refused(
        MUTATION,
        "the first transaction of node:Author would be made on version 7, and its pin is 2",
        set(
            "/protocol_v3/effects/0/planned_transaction/read_version",
            json!(7),
        ),
    );
    refused(
        ARMED,
        "a planned transaction of edge:Wrote has no uuid",
        set("/protocol_v3/effects/0/planned_transaction/uuid", json!("")),
    );
    refused(
        ARMED,
        "the transaction x is planned twice; it could not tell whose commit it is",
        |file| {
            for effect in file["protocol_v3"]["effects"].as_array_mut().unwrap() {
                effect["planned_transaction"]["uuid"] = json!("x");
            }
        },
    );
}

#[test]
fn an_armed_write_has_confirmed_nothing() {
    let row =
        of(MUTATION).value()["protocol_v3"]["intended_delta"]["table_updates"][0]["confirmed"]
            .clone();
    refused(
        ARMED,
        "it is Armed, and the row of edge:Wrote is confirmed already",
        add(
            "/protocol_v3/intended_delta/table_updates/0",
            "confirmed",
            row,
        ),
    );
    refused(
        ARMED,
        "it is Armed, and the pin of edge:Wrote is confirmed already",
        add("/tables/0", "confirmed_version", json!(3)),
    );
    let identifier = json!({"version_mapping": [[2, "1e38c6c599424d079064400142795d09"]]});
    let transaction = json!({"read_version": 2, "uuid": "x"});
    for (graph, pointer, name, value, table) in [
        (
            ARMED,
            "/protocol_v3/effects/0",
            "confirmed_transaction",
            transaction.clone(),
            "edge:Wrote",
        ),
        (
            INDICES,
            "/protocol_v8/effects/0",
            "confirmed_transaction",
            transaction,
            "node:Author",
        ),
        (
            INDICES,
            "/protocol_v8/effects/0",
            "confirmed_branch_identifier",
            identifier.clone(),
            "node:Author",
        ),
        (
            "v9-merge-into-branch-ref-only-armed",
            "/protocol_v4/effects/0/kind",
            "confirmed_branch_identifier",
            identifier,
            "node:Author",
        ),
        (
            "v9-merge-rewrite-armed",
            "/protocol_v4/effects/0/kind",
            "confirmed_version",
            json!(9),
            "edge:Wrote",
        ),
    ] {
        refused(
            graph,
            &format!("it is Armed, and the effect on {table} is confirmed already"),
            add(pointer, name, value),
        );
    }
}

#[test]
fn a_confirmed_write_has_confirmed_everything_as_it_was_planned() {
    refused(
        MUTATION,
        "its effects are confirmed, and the row of node:Author is not",
        without("/protocol_v3/intended_delta/table_updates/0", "confirmed"),
    );
    refused(
        MERGE,
        "its effects are confirmed, and the row of edge:Wrote is not",
        without("/protocol_v4/intended_delta/table_updates/0", "confirmed"),
    );
    refused(
        MUTATION,
        "its effects are confirmed, and the pin of node:Author is not",
        without("/tables/0", "confirmed_version"),
    );
    for (graph, pointer, table) in [
        (MUTATION, "/protocol_v3/effects/0", "node:Author"),
        (INDEXED, "/protocol_v8/effects/0", "node:Author"),
        (SCHEMA, "/protocol_v7/effects/1/kind", "node:Book"),
    ] {
        refused(
            graph,
            &format!("its effects are confirmed, and the transaction of {table} is not"),
            without(pointer, "confirmed_transaction"),
        );
    }
    let planned = of(MUTATION).value()["protocol_v3"]["effects"][0]["planned_transaction"]["uuid"]
        .as_str()
        .unwrap()
        .to_owned();
    refused(
        MUTATION,
        &format!("node:Author was committed by the transaction x, and {planned} was planned"),
        set(
            "/protocol_v3/effects/0/confirmed_transaction/uuid",
            json!("x"),
        ),
    );
    refused(
        MUTATION,
        &format!(
            "node:Author was committed by the transaction {planned}, and {planned} was planned"
        ),
        set(
            "/protocol_v3/effects/0/confirmed_transaction/read_version",
            json!(1),
        ),
    );
    refused(
        MUTATION,
        "node:Author is confirmed at version 4, and its row would publish version 3",
        set("/tables/0/confirmed_version", json!(4)),
    );
    refused(
        MUTATION,
        "the row of node:Author is confirmed on another Lance branch than it is for",
        set(
            "/protocol_v3/intended_delta/table_updates/0/confirmed/table_branch",
            Value::Null,
        ),
    );
    refused(
        MUTATION,
        "protocol_v3.effect_phase is neither Armed nor EffectsConfirmed",
        set("/protocol_v3/effect_phase", json!("Published")),
    );
}

#[test]
fn only_a_schema_change_adds_renames_or_removes_tables() {
    let delta = of(SCHEMA).value()["protocol_v7"]["intended_delta"].clone();
    for (graph, pointer, kind) in [
        (MUTATION, "/protocol_v3/intended_delta", "Mutation"),
        (MERGE, "/protocol_v4/intended_delta", "BranchMerge"),
        (INDICES, "/protocol_v8/intended_delta", "EnsureIndices"),
    ] {
        for name in ["registrations", "renames", "tombstones"] {
            refused(
                graph,
                &format!("it has {name}, and a write of kind {kind} changes no schema"),
                add(pointer, name, delta[name].clone()),
            );
        }
    }
}

#[test]
fn the_commits_of_a_merge_follow_each_other() {
    let chain = "/protocol_v4/effects/0/kind/planned_transactions";
    let key = of(CHAIN).value()["tables"][0]["table_key"]
        .as_str()
        .unwrap()
        .to_owned();
    refused(
        CHAIN,
        &format!("no transaction is planned for {key}"),
        list(chain, Vec::clear),
    );
    let many = |count: u64| {
        move |file: &mut Value| {
            let expected = file["tables"][0]["expected_version"].as_u64().unwrap();
            let transaction = |index: u64| json!({"read_version": expected + index, "uuid": format!("x-{index}")});
            *file.pointer_mut(chain).unwrap() = (0..count).map(transaction).collect();
        }
    };
    refused(
        CHAIN,
        &format!("1025 transactions are planned for {key}, at most 1024 are"),
        many(1_025),
    );
    let fixture = of(CHAIN);
    let longest = fixture.with(many(1_024));
    assert!(parse(&fixture.file, &longest, &Limits::DEFAULT).is_ok());
    let expected = fixture.value()["tables"][0]["expected_version"]
        .as_u64()
        .unwrap();
    refused(
        CHAIN,
        &format!(
            "the transactions of {key} do not follow each other: one would be made on version {}, and the one before it makes version {}",
            expected + 2,
            expected + 1
        ),
        list(chain, |chain| {
            chain.truncate(1);
            chain.push(json!({"read_version": expected + 2, "uuid": "x"}));
        }),
    );
    refused(
        CHAIN,
        "the transaction x-0 is planned twice; it could not tell whose commit it is",
        |file| {
            many(2)(file);
            file["protocol_v4"]["effects"][0]["kind"]["planned_transactions"][1]["uuid"] =
                json!("x-0");
        },
    );
}

#[test]
fn the_effects_of_a_merge() {
    refused(
        MERGE,
        "it would publish \"Wrote\", which is the key of no node and no edge",
        set(
            "/protocol_v4/intended_delta/table_updates/0/table_key",
            json!("Wrote"),
        ),
    );
    refused(
        MERGE,
        "two tables would be published as edge:Wrote",
        |file| {
            let rows = &mut file["protocol_v4"]["intended_delta"]["table_updates"];
            let mut twin = rows[0].clone();
            twin["identity"]["table_incarnation_id"] = json!(99);
            rows.as_array_mut().unwrap().push(twin);
        },
    );
    refused(
        FORK,
        "it would make the Lance branch main of node:Author, which every table has",
        |file| {
            file["tables"][0]
                .as_object_mut()
                .unwrap()
                .remove("table_branch");
            let row = &mut file["protocol_v4"]["intended_delta"]["table_updates"][0];
            row["table_branch"] = Value::Null;
            row["confirmed"]["table_branch"] = Value::Null;
        },
    );
    refused(
        FORK,
        "node:Author is confirmed at version 3, and its commit makes version 9",
        set("/protocol_v4/effects/0/kind/source_version", json!(9)),
    );
    refused(
        FORK,
        "its effects are confirmed, and the Lance branch that it made of node:Author is not",
        without("/protocol_v4/effects/0/kind", "confirmed_branch_identifier"),
    );
    refused(
        MERGE,
        "it confirms a Lance branch of node:Author that it did not make",
        add(
            "/protocol_v4/effects/0/kind",
            "confirmed_branch_identifier",
            json!({"version_mapping": []}),
        ),
    );
    refused(
        MERGE,
        "the Lance branch of node:Author would be made from version 2, and its pin is 3",
        add(
            "/protocol_v4/effects/0/kind",
            "source_fork_version",
            json!(2),
        ),
    );
    refused(
        MERGE,
        "its effects are confirmed, and the Lance branch that it made of node:Author is not",
        add(
            "/protocol_v4/effects/0/kind",
            "source_fork_version",
            json!(3),
        ),
    );
    refused(
        MERGE,
        "its effects are confirmed, and the one on node:Author is not",
        without("/protocol_v4/effects/0/kind", "confirmed_version"),
    );
    refused(
        MERGE,
        "the effect on node:Author is confirmed at version 6, and its pin is not",
        set("/protocol_v4/effects/0/kind/confirmed_version", json!(6)),
    );
    refused(
        MERGE,
        "node:Author is confirmed at version 3, and its last transaction makes version 4",
        |file| {
            file["tables"][0]["confirmed_version"] = json!(3);
            file["protocol_v4"]["effects"][0]["kind"]["confirmed_version"] = json!(3);
            file["protocol_v4"]["intended_delta"]["table_updates"][1]["confirmed"]["table_version"] =
                json!(3);
        },
    );
}

#[test]
fn the_first_commit_makes_the_next_version_but_where_no_engine_looks() {
    for (graph, table, expected) in [
        (MERGE, "node:Author", 3),
        (SCHEMA, "node:Publisher", 0),
        (INDEXED, "node:Author", 4),
    ] {
        refused(
            graph,
            &format!(
                "{table} is pinned at version {expected}, and its post_commit_pin is 9 instead of one more"
            ),
            set("/tables/0/post_commit_pin", json!(9)),
        );
    }
    refused(
        INDICES,
        &format!(
            "node:Author is pinned at version {0}, and its post_commit_pin is 5 instead of one more",
            u64::MAX
        ),
        |file| {
            let last = json!(u64::MAX);
            file["tables"][0]["expected_version"] = last.clone();
            file["protocol_v8"]["effects"][0]["planned_transaction"]["read_version"] = last.clone();
            file["protocol_v8"]["effects"][0]["source_fork_version"] = last.clone();
            file["protocol_v8"]["intended_delta"]["table_updates"][0]["expected_version"] = last;
        },
    );
    for graph in [MUTATION, FORK, OPTIMIZE] {
        let fixture = of(graph);
        let bytes = fixture.with(set("/tables/0/post_commit_pin", json!(9)));
        assert!(parse(&fixture.file, &bytes, &Limits::DEFAULT).is_ok());
    }
}

#[test]
fn the_effects_of_an_index_build() {
    refused(
        INDICES,
        "it would make the Lance branch other of node:Author, and is about branch experiment of the graph",
        |file| {
            file["tables"][0]["table_branch"] = json!("other");
            file["protocol_v8"]["intended_delta"]["table_updates"][0]["table_branch"] =
                json!("other");
        },
    );
    refused(
        INDICES,
        "the Lance branch of node:Author would be made from version 9, and its pin is 4",
        set("/protocol_v8/effects/0/source_fork_version", json!(9)),
    );
    refused(
        INDEXED,
        "node:Author is confirmed at version 9, and its commit makes version 5",
        |file| {
            file["tables"][0]["confirmed_version"] = json!(9);
            file["protocol_v8"]["intended_delta"]["table_updates"][0]["confirmed"]["table_version"] =
                json!(9);
        },
    );
    refused(
        INDEXED,
        "it confirms a Lance branch of node:Author that it did not make",
        add(
            "/protocol_v8/effects/0",
            "confirmed_branch_identifier",
            json!({"version_mapping": []}),
        ),
    );
}

/// v0.10.0 gives Lance branches a suffix; the branch of the graph has none.
#[test]
fn a_lance_branch_with_a_suffix_is_of_the_graphs_branch_without_it() {
    let fixture = of(INDICES);
    let on = |branch: &str| {
        let bytes = fixture.with(|file| {
            for index in 0..2 {
                file["tables"][index]["table_branch"] = json!(branch);
                file["protocol_v8"]["intended_delta"]["table_updates"][index]["table_branch"] =
                    json!(branch);
            }
        });
        parse(&fixture.file, &bytes, &Limits::DEFAULT)
    };
    assert!(on("experiment.01M8KHEK738ZN474SM06Y72EWK").is_ok());
    for other in [
        "experiment.01m8khek738zn474sm06y72ewk",
        "other.01M8KHEK738ZN474SM06Y72EWK",
        "experiment.x",
    ] {
        assert!(on(other).is_err(), "{other}");
    }
}

#[test]
fn the_effects_of_a_schema_change() {
    refused(
        SCHEMA,
        "target_schema_ir_hash is empty: it does not say which schema it brings",
        set("/protocol_v7/target_schema_ir_hash", json!("")),
    );
    refused(
        SCHEMA,
        "it pins node:Book on Lance branch feature, and a schema changes on main only",
        |file| {
            file["tables"][1]["table_branch"] = json!("feature");
            let row = &mut file["protocol_v7"]["intended_delta"]["table_updates"][1];
            row["table_branch"] = json!("feature");
            row["confirmed"]["table_branch"] = json!("feature");
        },
    );
    refused(
        SCHEMA,
        "it overwrites node:Publisher, and pins the table at version 0, before there was any",
        set(
            "/protocol_v7/effects/0/kind/kind",
            json!("ExistingOverwrite"),
        ),
    );
    refused(
        SCHEMA,
        "it makes the dataset of node:Book, and pins the table at version 2",
        set(
            "/protocol_v7/effects/1/kind/kind",
            json!("FirstTouchDataset"),
        ),
    );
    refused(
        SCHEMA,
        "node:Book is confirmed at version 9, and its commit makes version 3",
        |file| {
            file["tables"][1]["confirmed_version"] = json!(9);
            file["protocol_v7"]["intended_delta"]["table_updates"][1]["confirmed"]["table_version"] =
                json!(9);
        },
    );
}

#[test]
fn the_tables_that_a_schema_change_adds() {
    refused(
        SCHEMA,
        "it adds node:Publisher at nodes/x, which is not the place of its identity",
        set(
            "/protocol_v7/intended_delta/registrations/0/table_path",
            json!("nodes/x"),
        ),
    );
    refused(
        SCHEMA,
        "it adds node:Publisher on Lance branch feature, and a schema changes on main only",
        add(
            "/protocol_v7/intended_delta/registrations/0",
            "table_branch",
            json!("feature"),
        ),
    );
    refused(
        SCHEMA,
        "it makes the dataset of node:Publisher and does not add the table",
        without("/protocol_v7/intended_delta", "registrations"),
    );
    refused(
        SCHEMA,
        "it adds node:Book and does not make its dataset",
        list("/protocol_v7/intended_delta/registrations", |added| {
            added.push(json!({
                "identity": {"stable_table_id": 2, "table_incarnation_id": 10},
                "table_key": "node:Book",
                "table_path": "nodes/0000000000000002-000000000000000a",
            }));
        }),
    );
    refused(
        SCHEMA,
        "it adds node:Press, and makes its dataset as that of node:Publisher",
        set(
            "/protocol_v7/intended_delta/registrations/0/table_key",
            json!("node:Press"),
        ),
    );
}

#[test]
fn the_tables_that_a_schema_change_renames() {
    let rename = "/protocol_v7/intended_delta/renames/0/";
    let pointer = |name: &str| format!("{rename}{name}");
    let renamed = |sentence: &str, name: &str, value: Value| {
        refused(SCHEMA, sentence, |file| {
            *file.pointer_mut(&pointer(name)).unwrap() = value;
        });
    };
    renamed(
        "it renames node:Writer to node:Writer, which changes nothing",
        "expected_table_key",
        json!("node:Writer"),
    );
    renamed(
        "it renames node:Author, which has no version yet",
        "expected_version",
        json!(0),
    );
    renamed(
        "it renames edge:Author to node:Writer at nodes/0000000000000001-0000000000000009, which is not the place of its identity",
        "expected_table_key",
        json!("edge:Author"),
    );
    renamed(
        "it renames node:Author to node:Writer at nodes/x, which is not the place of its identity",
        "table_path",
        json!("nodes/x"),
    );
    renamed(
        "it renames node:Author at version 7 to node:Writer, and its row replaces version 2 of node:Writer",
        "expected_version",
        json!(7),
    );
    renamed(
        "it renames node:Author at version 2 to node:Poet, and its row replaces version 2 of node:Writer",
        "table_key",
        json!("node:Poet"),
    );
}

#[test]
fn a_schema_change_does_one_thing_to_a_table_and_gives_a_name_to_one() {
    refused(
        SCHEMA,
        "the table 0000000000000001-0000000000000009 is added, renamed or removed more than once",
        list("/protocol_v7/intended_delta/tombstones", |removed| {
            removed[0]["identity"] = json!({"stable_table_id": 1, "table_incarnation_id": 9});
        }),
    );
    refused(
        SCHEMA,
        "it removes \"\", which is the key of no node and no edge",
        set(
            "/protocol_v7/intended_delta/tombstones/0/table_key",
            json!(""),
        ),
    );
    refused(
        SCHEMA,
        "two tables would be called node:Publisher",
        |file| {
            let plan = &mut file["protocol_v7"];
            plan["intended_delta"]["renames"]
                .as_array_mut()
                .unwrap()
                .push(json!({
                    "identity": {"stable_table_id": 7, "table_incarnation_id": 7},
                    "expected_table_key": "node:Press",
                    "expected_version": 2,
                    "table_key": "node:Publisher",
                    "table_path": "nodes/0000000000000007-0000000000000007",
                }));
        },
    );
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
