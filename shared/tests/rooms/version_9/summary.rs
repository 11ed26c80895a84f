//! What a report says, against what the maker of the graphs read off the same files.

use serde_json::{Value, json};
use sidecar::Limits;
use sidecar::version_9::{EffectPhase, Version9Report, Version9Summary};

use super::fixture::{Fixture, expected, of, readable};

fn summary(fixture: &Fixture) -> Version9Summary {
    let report = Version9Report::of(&fixture.file, &fixture.bytes, &Limits::DEFAULT).unwrap();
    assert_eq!(report.malformed, None, "{}", fixture.name());
    report.summary.unwrap()
}

/// A field of what is expected; null where it is left out.
fn or_null(value: &Value, name: &str) -> Value {
    value.get(name).cloned().unwrap_or_default()
}

#[test]
fn every_report_says_what_the_maker_of_the_graph_read_off_the_file() {
    let expected = expected();
    let mut compared = 0;
    for fixture in readable() {
        let Some(of_graph) = expected[&fixture.graph].as_array() else {
            assert_eq!(
                fixture.graph, "forward-mutation",
                "the first graph has no list"
            );
            continue;
        };
        let wanted = of_graph
            .iter()
            .find(|wanted| wanted["file"] == fixture.file)
            .unwrap_or_else(|| panic!("{} is in no list", fixture.name()));
        check(&fixture, wanted);
        compared += 1;
    }
    assert!(compared >= 125, "{compared}");
}

fn check(fixture: &Fixture, wanted: &Value) {
    let (name, sidecar, summary) = (fixture.name(), fixture.parsed(), summary(fixture));
    let said = json!({
        "operation_id": sidecar.operation_id,
        "schema_version": sidecar.schema_version,
        "writer_kind": sidecar.writer_kind.name(),
        "branch": sidecar.branch,
        "actor_id": sidecar.actor_id,
        "started_at": sidecar.started_at,
        "protocol": summary.protocol,
        "effect_phase": summary.effect_phase.map(EffectPhase::name),
        "graph_head": summary.authority.as_ref().and_then(|authority| authority.graph_head.clone()),
        "lineage_commit": summary.graph_commit_id,
        "rollback_commit": summary.rollback_graph_commit_id,
        "rollback_planned": summary.rollback_audit_outcomes.is_some(),
    });
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(*value, or_null(wanted, field), "{name}: {field}");
    }
    let keys = |field: &str| {
        or_null(wanted, field)
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let updates = summary.table_updates.iter().map(|row| json!(row.table_key));
    assert_eq!(updates.collect::<Vec<_>>(), keys("updates"), "{name}");
    let list = |keys: &[String]| keys.iter().map(|key| json!(key)).collect::<Vec<_>>();
    assert_eq!(list(&summary.adds), keys("registrations"), "{name}");
    assert_eq!(list(&summary.removes), keys("tombstones"), "{name}");
    let renamed = summary.renames.iter().map(|(_, new)| json!(new));
    assert_eq!(renamed.collect::<Vec<_>>(), keys("renames"), "{name}");

    assert_eq!(summary.tables.len(), keys("tables").len(), "{name}");
    for (table, wanted) in summary.tables.iter().zip(keys("tables")) {
        let said = json!({
            "table_key": table.table_key,
            "table_branch": table.table_branch,
            "expected_version": table.expected_version,
            "post_commit_pin": table.post_commit_pin,
            "confirmed_version": table.confirmed_version,
            "source_fork_version": table.fork_version,
        });
        for (field, value) in said.as_object().unwrap() {
            assert_eq!(*value, or_null(&wanted, field), "{name}: {field}");
        }
        // Where the file has no list of transactions, the maker of the graphs counted one; there is none.
        let planned = match table.effect.as_deref() {
            None | Some("RefOnlyFork") => 0,
            Some(_) => wanted["planned_transactions"].as_u64().unwrap(),
        };
        assert_eq!(table.planned_transactions.len() as u64, planned, "{name}");
        if let Some(kind) = wanted.get("effect_kind") {
            assert_eq!(json!(table.effect), *kind, "{name}");
        }
        assert_eq!(
            table.effect.is_some(),
            summary.protocol.is_some(),
            "{name}: an Optimize has no effects"
        );
    }
}

#[test]
fn a_confirmed_write_says_which_rows_it_publishes_and_an_armed_one_cannot() {
    let confirmed = summary(&of("v9-merge-main-into-branch-confirmed"));
    let rows: Vec<_> = confirmed
        .table_updates
        .iter()
        .map(|row| {
            (
                row.table_key.as_str(),
                row.table_branch.as_deref(),
                row.expected_version,
                row.table_version,
                row.row_count,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("edge:Wrote", None, 2, Some(3), Some(25)),
            ("node:Author", Some("feature"), 3, Some(5), Some(26)),
        ],
        "the first is of a table that the merge commits nothing to"
    );
    assert_eq!(confirmed.tables.len(), 1);
    assert!(
        confirmed
            .phase
            .contains("the publish is what may be missing")
    );

    let armed = summary(&of("v9-merge-into-branch-rewrite-effects"));
    assert!(armed.phase.contains("none, some or all"));
    for row in &armed.table_updates {
        assert_eq!((row.table_version, row.row_count), (None, None));
    }
    let optimize = summary(&of("v9-optimize-partial"));
    assert_eq!(optimize.tables.len(), 4);
    assert!(optimize.table_updates.is_empty() && optimize.phase.contains("makes no plan"));
}

#[test]
fn a_report_is_read_back_as_it_was_written() {
    for fixture in readable() {
        let report = Version9Report::of(&fixture.file, &fixture.bytes, &Limits::DEFAULT).unwrap();
        let json = serde_json::to_string(&report).unwrap();
        let read: Version9Report = serde_json::from_str(&json).unwrap();
        assert_eq!(read, report, "{}", fixture.name());
    }
}

fn lines(graph: &str) -> Vec<String> {
    let fixture = of(graph);
    let report = Version9Report::of(&fixture.file, &fixture.bytes, &Limits::DEFAULT).unwrap();
    let facts = report.facts().into_iter();
    facts
        .map(|(label, text)| format!("{label}: {text}"))
        .collect()
}

#[test]
fn people_read_what_a_merge_commits_and_what_it_publishes() {
    assert_eq!(
        lines("v9-merge-main-into-branch-confirmed"),
        [
            "phase: Its writer saw all its transactions in the tables and wrote down the rows to publish: the publish is what may be missing.",
            "outcome: graph commit 01M8KHCQTD4MM727S4F1VCP2G2 if it is published, 01M8KHCQTGP7C9T0YZSM8WVN82 if it is taken back",
            "merges: graph commit 01M8KHCQ9ESHS3QVFXH329RQPQ",
            "planned for: graph commit 01M8KHCQD6F0HT061JS1F9HCFC, branch a0afff3701964d1eb1347bd5123eb05b, made from version 4; schema sha256:f16cc36459fa135c80d9b5b7240aca4f424535b0493d2af919772b7a1d9ccc9a, identities of version 2 in 01M8KHCPV2SX8GN6HKJDH6PJE7",
            "table: node:Author on Lance branch feature at version 3, 1 transaction planned: omnigraph-merge-01M8KHCQTGS7CQ1ZM67ARKM2Y8; confirmed at version 5",
            "publishes: edge:Wrote at version 3 instead of version 2, 25 rows",
            "publishes: node:Author at version 5 on Lance branch feature instead of version 3, 26 rows",
        ]
    );
}

#[test]
fn people_read_what_a_schema_change_adds_renames_and_removes() {
    let lines = lines("v9-schema-mixed-confirmed");
    for line in [
        "schema: becomes sha256:3ed0cc5ef3e22cf063697b2d2eb900a8e3bd917afddda4a58eae2bfd08fce79a",
        "table: node:Publisher at version 0, a new dataset, 1 transaction planned: omnigraph-schema-01M8KHDYZW2DQZ4CJH9P8GBMDJ; confirmed at version 1",
        "table: node:Book at version 2, overwritten, 1 transaction planned: omnigraph-schema-01M8KHDYZWER3PV7S1F6XKCNC2; confirmed at version 3",
        "publishes: node:Publisher at version 1 for the first time, 0 rows",
        "adds: node:Publisher",
        "renames: node:Author to node:Writer",
        "removes: edge:Cites",
    ] {
        assert!(
            lines.iter().any(|found| found == line),
            "{line}\n{lines:#?}"
        );
    }
}

#[test]
fn people_read_what_an_armed_write_leaves_open() {
    let indices = lines("v9-indices-branch-first-touch-armed");
    assert!(
        indices.iter().any(|line| line.starts_with("table: node:Author on Lance branch experiment at version 4, an index, Lance branch made from version 4, 1 transaction planned: omnigraph-index-")),
        "{indices:#?}"
    );
    assert!(
        indices.contains(&"publishes: node:Author on Lance branch experiment instead of version 4; the version is not written down yet".to_owned()),
        "{indices:#?}"
    );
    let fork = lines("v9-merge-into-branch-rewrite-effects");
    assert!(
        fork.contains(&"table: edge:Wrote on Lance branch target at version 2, no commit, Lance branch made from version 3".to_owned()),
        "{fork:#?}"
    );
    assert!(
        lines("v9-optimize-partial")
            .contains(&"table: edge:Cites at version 2, compacted".to_owned())
    );
    assert!(
        lines("v9-recovery-back-planned")
            .iter()
            .any(|line| line.starts_with("undo: prepared by a recovery: ")),
    );
}

#[test]
fn people_read_which_rule_a_malformed_file_breaks() {
    let fixture = of("v9-mutation-insert-effects");
    let bytes = fixture.with(|file| file["protocol_v3"]["effect_phase"] = json!("Published"));
    let report = Version9Report::of(&fixture.file, &bytes, &Limits::DEFAULT).unwrap();
    assert_eq!(
        report.facts(),
        [(
            "malformed",
            format!(
                "wrong_shape: {} is not a sidecar: protocol_v3.effect_phase is neither Armed nor EffectsConfirmed",
                fixture.file
            )
        )]
    );
}
