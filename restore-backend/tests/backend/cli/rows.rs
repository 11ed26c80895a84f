//! `rows`: the rows that a plan changes, its document, and what it does not take.

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::json;

use super::program::{has_fields, plan_of, run_to, undo_of, unwrapped};

#[tokio::test]
async fn rows_has_the_promised_fields_and_the_digest_of_the_plan() {
    let root = CrashedRoot::new().await;
    let report = run_to(0, &["rows", root.uri(), FORWARD, "--json"]).json();
    has_fields(
        &report,
        &[
            "operation_id",
            "root",
            "disposition",
            "digest",
            "explanation",
            "tables",
        ],
    );
    assert_eq!(report["digest"], plan_of(&root, FORWARD)["digest"]);
    let tables = report["tables"].as_array().expect("a list");
    assert_eq!(tables.len(), 2);
    let wrote = &tables[0];
    assert_eq!(wrote["table_key"], "edge:Wrote");
    assert_eq!(
        wrote["now"]["rows"],
        json!({"known": "exactly", "rows": 10})
    );
    assert_eq!(
        wrote["after"]["rows"],
        json!({"known": "exactly", "rows": 12})
    );
    assert_eq!(
        wrote["readers"],
        json!({
            "known": "rows", "inserted": 2, "updated": {"known": "exactly", "rows": 0}, "deleted": 0,
            "matched_by": {"kind": "place"},
        })
    );
}

#[tokio::test]
async fn people_read_what_changes_what_is_taken_back_and_some_of_the_rows() {
    let root = CrashedRoot::new().await;
    let text = run_to(0, &["rows", root.uri(), FORWARD, "--sample", "2"]).stdout;
    assert!(
        unwrapped(&text).contains("Readers go from 10 rows to 12 rows: 2 rows inserted."),
        "{text}"
    );
    assert!(
        text.contains(r#"+ id="new-0" name="new 0" value=0"#),
        "{text}"
    );
    assert_eq!(text.matches("    + ").count(), 4, "{text}");

    let text = run_to(0, &["rows", root.uri(), BACK, "--table", "node:Book"]).stdout;
    assert!(
        unwrapped(&text).contains("Readers see no change. Taken back: 4 rows deleted."),
        "{text}"
    );
    assert!(!text.contains("edge:Cites"), "{text}");

    let text = run_to(0, &["rows", root.uri(), NEWER]).stdout;
    assert!(text.contains("The plan names no table"), "{text}");
}

#[tokio::test]
async fn the_rows_of_an_undo_are_asked_for_by_its_operation() {
    let root = CrashedRoot::new().await;
    let digest = plan_of(&root, FORWARD)["digest"].clone();
    let digest = digest.as_str().expect("a digest");
    run_to(
        0,
        &[
            "approve",
            root.uri(),
            FORWARD,
            "--digest",
            digest,
            "--as",
            "grace",
            "--writers-stopped",
        ],
    );
    run_to(0, &["apply", root.uri(), FORWARD, "--digest", digest]);
    let undo = undo_of(&root, FORWARD);
    let undo = undo["operation_id"].as_str().expect("an id");
    let text = run_to(0, &["rows", root.uri(), undo]).stdout;
    assert!(
        unwrapped(&text).contains("Readers go from 12 rows to 10 rows: 2 rows deleted."),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_is_too_much_is_said() {
    let root = CrashedRoot::new().await;
    let failed = run_to(
        1,
        &[
            "rows",
            root.uri(),
            FORWARD,
            "--table",
            "node:None",
            "--json",
        ],
    );
    assert_eq!(failed.json()["error"]["code"], "unknown_table");
    let failed = run_to(
        1,
        &["rows", root.uri(), "01M8125H20G3JA88BS9CEJEX1K", "--json"],
    );
    assert_eq!(failed.json()["error"]["code"], "unknown_operation");
    for sample in ["0", "51", "all"] {
        run_to(2, &["rows", root.uri(), FORWARD, "--sample", sample]);
    }
    run_to(3, &["rows", root.uri(), FORWARD, "--roll-back"]);
}
