//! `inspect`: a sidecar file without its root.

use std::fs;

use crashed_roots::crashed_root::{CrashedRoot, FORWARD, NEWER};
use serde_json::{Value, json};

use super::program::{fields, run_to};

#[tokio::test]
async fn inspect_shows_what_a_file_says_or_why_it_is_refused() {
    let root = CrashedRoot::new().await;
    let (good, newer) = (
        root.file(&format!("__recovery/{FORWARD}.json")),
        root.file(&format!("__recovery/{NEWER}.json")),
    );
    let (good, newer) = (good.to_str().expect("text"), newer.to_str().expect("text"));
    let document = run_to(0, &["inspect", good, "--json"]).json();
    let file = &document["files"][0];
    assert_eq!(fields(&document), ["files"]);
    assert_eq!(
        fields(file),
        [
            "digest",
            "file",
            "operation_id",
            "raw",
            "refused",
            "schema_version",
            "sidecar",
            "unknown_fields",
            "what_if"
        ]
    );
    assert_eq!(
        (
            &file["operation_id"],
            &file["sidecar"]["tables"][0]["expected_version"]
        ),
        (&json!(FORWARD), &json!(1))
    );
    let row = |pin: &str, head: &str| {
        let rows = file["what_if"].as_array().expect("rows");
        rows.iter()
            .find(|row| row["pin"] == pin && row["head"] == head)
            .expect("a row")
            .clone()
    };
    assert_eq!(
        row("at_expected", "one_above_pin")["disposition"],
        "roll_forward"
    );
    assert_eq!(row("at_expected", "at_pin")["disposition"], "never_started");

    let both = run_to(3, &["inspect", good, newer, "--json"]).json();
    assert_eq!(
        both["files"][0]["refused"],
        Value::Null,
        "one bad file blocks nobody"
    );
    assert_eq!(
        (
            &both["files"][1]["refused"]["code"],
            &both["files"][1]["raw"]["schema_version"]
        ),
        (&json!("unsupported_version"), &json!(9))
    );

    let renamed = root.file("renamed.json");
    fs::copy(good, &renamed).expect("a copy");
    assert_eq!(
        run_to(3, &["inspect", renamed.to_str().expect("text"), "--json"]).json()["files"][0]["refused"]
            ["code"],
        "misnamed"
    );
    let hostile = root.file("hostile.json");
    fs::write(&hostile, "{\"schema_version\": 1, \"\u{1b}[2J").expect("a file");
    let words = run_to(3, &["inspect", hostile.to_str().expect("text")]).stdout;
    assert!(
        words.contains("not_json") && !words.contains('\u{1b}'),
        "{words:?}"
    );
    assert_eq!(
        run_to(1, &["inspect", "/no/such/file", "--json"]).json()["files"][0]["refused"]["code"],
        "unreadable"
    );

    let words = run_to(0, &["inspect", good]).stdout;
    assert!(
        words.contains("2 = pin + 1") && words.contains("RolledPastExpected"),
        "{words}"
    );
}
