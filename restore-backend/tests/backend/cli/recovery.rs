//! `approve`, `apply` and `audit`: a recovery from its plan to its report.

use std::fs;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD};
use serde_json::{Value, json};

use super::program::{applied, approval, approve, digest_of, has_fields, list_of, plan_of, run_to};

#[tokio::test]
async fn a_whole_write_is_approved_and_rolled_forward_once() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, FORWARD, &["--reason", "looked at it"]);
    let apply = ["apply", root.uri(), FORWARD, "--digest", &digest, "--json"];
    let report = run_to(0, &apply).json();
    has_fields(
        &report,
        &[
            "operation_id",
            "digest",
            "outcome",
            "tables",
            "catalog",
            "audit",
            "sidecar",
        ],
    );
    assert_eq!(
        (&report["outcome"], &report["sidecar"]),
        (&json!("rolled_forward"), &json!("retired"))
    );
    assert_eq!(
        (&report["catalog"]["effect"], &report["audit"]["effect"]),
        (&json!("changed"), &json!("changed"))
    );
    for table in report["tables"].as_array().expect("a list") {
        has_fields(
            table,
            &["table_key", "from_version", "to_version", "effect"],
        );
        assert_eq!(
            (
                &table["from_version"],
                &table["to_version"],
                &table["effect"]
            ),
            (&json!(1), &json!(2), &json!("changed"))
        );
    }
    assert!(!root.file(&format!("__recovery/{FORWARD}.json")).exists());

    assert_eq!(
        run_to(0, &apply).json()["outcome"],
        "rolled_forward",
        "a finished one reports its outcome"
    );
    assert!(
        run_to(0, &apply[..5])
            .stdout
            .contains("Rolled forward: the whole write was published.")
    );

    let audit = run_to(0, &["audit", root.uri(), FORWARD, "--verify", "--json"]).json();
    assert_eq!(
        (
            &audit["operations"][0]["verified"],
            &audit["operations"][0]["outcome"]
        ),
        (&json!(true), &json!("rolled_forward"))
    );
    assert!(
        run_to(0, &["audit", root.uri(), "--verify"])
            .stdout
            .contains("the chain holds")
    );
}

#[tokio::test]
async fn half_a_write_is_rolled_back_only_with_the_statement_it_requires() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&plan_of(&root, BACK));
    let refusal = run_to(3, &approval(&root, BACK, &digest, &["--json"])).json();
    assert_eq!(refusal["error"]["code"], "refused");
    assert!(
        refusal["error"]["detail"]
            .as_str()
            .expect("words")
            .contains("writers_stopped"),
        "{refusal}"
    );
    has_fields(
        &refusal,
        &[
            "operation_id",
            "outcome",
            "detail",
            "reasons",
            "differences",
        ],
    );

    let digest = approve(&root, BACK, &["--writers-stopped"]);
    let report = applied(&root, BACK, &digest);
    assert_eq!(report["outcome"], "rolled_back");
    assert_eq!(
        list_of(&root)["recoveries"].as_array().map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn nothing_unapproved_and_nothing_that_moved_is_applied() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&plan_of(&root, BACK));
    let apply = ["apply", root.uri(), BACK, "--digest", &digest, "--json"];
    assert_eq!(run_to(3, &apply).json()["outcome"], "refused");

    approve(&root, BACK, &["--writers-stopped"]);
    root.write_to("nodes/book").await;
    let conflict = run_to(3, &apply).json();
    assert_eq!(conflict["outcome"], "conflict");
    let moved: Vec<&Value> = conflict["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|difference| &difference["field"])
        .collect();
    assert!(moved.contains(&&json!("lance_head")), "{conflict}");
    assert!(
        run_to(3, &apply[..5]).stdout.contains("planned 2, found 3"),
        "{conflict}"
    );

    let consent = ["--writers-stopped", "--json"];
    let stale = run_to(3, &approval(&root, BACK, &digest, &consent)).json();
    assert_eq!(
        (&stale["error"]["code"], &stale["outcome"]),
        (&json!("conflict"), &json!("conflict"))
    );
}

#[tokio::test]
async fn a_journal_that_was_changed_fails_the_audit() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, FORWARD, &[]);
    applied(&root, FORWARD, &digest);
    let record = root.file(&format!("__recovery_log/{FORWARD}/000001.json"));
    let text = fs::read_to_string(&record).expect("a record");
    fs::write(&record, text.replace("grace", "mallory")).expect("a write");
    let audit = run_to(1, &["audit", root.uri(), "--verify", "--json"]).json();
    assert_eq!(audit["operations"][0]["verified"], json!(false));
    assert!(audit["operations"][0]["problem"].is_string());
    assert!(
        run_to(1, &["audit", root.uri(), "--verify"])
            .stdout
            .contains("THE CHAIN IS BROKEN")
    );
}
