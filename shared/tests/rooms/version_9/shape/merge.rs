//! What a merge commits and which Lance branches it makes.

use serde_json::{Value, json};
use sidecar::Limits;
use sidecar::version_9::parse;

use super::{CHAIN, FORK, MERGE, add, list, refused, set, without};
use crate::version_9::fixture::of;

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
