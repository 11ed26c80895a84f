//! What an index build commits, and on which Lance branch.

use serde_json::json;
use sidecar::Limits;
use sidecar::version_9::parse;

use super::{INDEXED, INDICES, add, refused, set};
use crate::version_9::fixture::of;

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
