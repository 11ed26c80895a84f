//! What a schema change does to tables, and to which it gives which name.

use serde_json::{Value, json};

use super::{INDICES, MERGE, MUTATION, SCHEMA, add, list, refused, set, without};
use crate::version_9::fixture::of;

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
