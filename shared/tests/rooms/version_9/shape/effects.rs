//! Pins, effects and rows of one write go together, before it is confirmed and after.

use serde_json::{Value, json};
use sidecar::Limits;
use sidecar::version_9::parse;

use super::{
    ARMED, FORK, INDEXED, INDICES, MERGE, MUTATION, OPTIMIZE, SCHEMA, add, list, refused, set,
    without,
};
use crate::version_9::fixture::of;

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
