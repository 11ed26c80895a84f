//! `plan`: its fields, its digest, and what is not executable.

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::json;

use super::program::{
    approval, approve, assert_blocked_by, digest_of, has_fields, plan_of, run_to, unwrapped,
};

#[tokio::test]
async fn plan_has_the_promised_fields_and_the_same_digest_every_time() {
    let root = CrashedRoot::new().await;
    let plan = plan_of(&root, FORWARD);
    has_fields(
        &plan,
        &[
            "operation_id",
            "disposition",
            "decision",
            "digest",
            "executable",
            "blockers",
            "requires",
            "tables",
            "steps",
            "explanation",
        ],
    );
    let promised = [
        "table_key",
        "branch",
        "classification",
        "rule",
        "expected_version",
        "post_commit_pin",
        "manifest_pinned",
        "lance_head",
        "action",
        "restore_to",
    ];
    let tables = plan["tables"].as_array().expect("a list");
    tables.iter().for_each(|table| has_fields(table, &promised));
    plan["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .for_each(|step| has_fields(step, &["kind", "precondition"]));
    assert_eq!(
        (&plan["disposition"], &plan["decision"], &plan["executable"]),
        (&json!("roll_forward"), &json!("RollForward"), &json!(true))
    );
    assert_eq!(tables[0]["action"], "publish");

    assert_eq!(digest_of(&plan_of(&root, FORWARD)), digest_of(&plan));
    assert_eq!(
        run_to(
            0,
            &["plan", root.uri(), &format!("{FORWARD}.json"), "--json"]
        )
        .json()["digest"],
        plan["digest"]
    );

    let refused = plan_of(&root, NEWER);
    assert_blocked_by(&refused, "unsupported_version");

    let words = run_to(0, &["plan", root.uri(), BACK]).stdout;
    let back = plan_of(&root, BACK);
    assert!(
        unwrapped(&words).contains(back["explanation"].as_str().expect("words")),
        "{words}"
    );
    assert!(words.contains("--as NAME --writers-stopped"), "{words}");

    let refused = run_to(3, &["plan", root.uri(), FORWARD, "--roll-back", "--json"]).json();
    assert_eq!(
        refused["error"]["code"], "refused",
        "there is no such choice"
    );
    let same = run_to(0, &["plan", root.uri(), BACK, "--roll-back", "--json"]).json();
    assert_eq!(same["digest"], back["digest"], "it is rolled back anyway");

    let unknown = run_to(
        1,
        &["plan", root.uri(), "01M8125Z20G3JA88BS9CEJEX1K", "--json"],
    )
    .json();
    assert_eq!(unknown["error"]["code"], "unknown_operation");
}

#[tokio::test]
async fn a_file_that_is_no_sidecar_is_not_told_as_a_write_on_main() {
    let root = CrashedRoot::new().await;
    let broken = "01M8125H20G3JA88BS9CEJEX1K";
    std::fs::write(root.file(&format!("__recovery/{broken}.json")), "{").expect("a write");
    let words = run_to(0, &["plan", root.uri(), broken]).stdout;
    let origin = words.lines().nth(2).expect("a third line");
    assert!(
        origin.starts_with("Kind of write and branch unknown"),
        "{words}"
    );
}

#[tokio::test]
async fn a_digest_that_no_plan_ever_had_is_not_told_as_that_of_an_earlier_plan() {
    let root = CrashedRoot::new().await;
    let digest = format!("sha256:{}", "0".repeat(64));
    let apply = ["apply", root.uri(), FORWARD, "--digest", &digest];
    for answer in [
        run_to(3, &approval(&root, FORWARD, &digest, &[])),
        run_to(3, &apply),
    ] {
        let words = unwrapped(&answer.stdout);
        let told = format!("{digest} is not the digest of this operation's plan");
        assert!(words.contains(&told), "{words}");
        assert!(
            words.contains("or the digest is of something else"),
            "{words}"
        );
    }

    let approved = approve(&root, FORWARD, &[]);
    root.write_to("nodes/author").await;
    let moved = run_to(3, &["apply", root.uri(), FORWARD, "--digest", &approved]);
    let told = format!("the store is not as it was when plan {approved} was approved");
    assert!(unwrapped(&moved.stdout).contains(&told), "{}", moved.stdout);
}

#[tokio::test]
async fn a_young_sidecar_is_shown_and_not_executable() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&plan_of(&root, FORWARD));
    let young = run_to(
        0,
        &["--min-age", "40000d", "plan", root.uri(), FORWARD, "--json"],
    )
    .json();
    assert_blocked_by(&young, "too_young");
    assert_eq!(
        young["digest"],
        digest.as_str(),
        "age is a blocker and not part of the plan"
    );
    let consent = ["--min-age", "40000d", "--json"];
    run_to(3, &approval(&root, FORWARD, &digest, &consent));
}
