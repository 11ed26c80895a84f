//! `inspect`: a sidecar file without its root.

use std::fs;
use std::process::Command;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::{Value, json};

use super::program::{PROGRAM, fields, run_to};

/// A file that has the number of version 9.
const BARE: &str = "01M8125H20G3JA88BS9CEJEX1K";

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
        (&json!("unsupported_version"), &json!(10))
    );

    let bare = root.file(&format!("{BARE}.json"));
    let text = format!(
        r#"{{"schema_version": 9, "operation_id": "{BARE}", "writer_kind": "Mutation", "tables": []}}"#
    );
    fs::write(&bare, text).expect("a file");
    let bare = bare.to_str().expect("text");
    let document = run_to(3, &["inspect", bare, "--json"]).json();
    let file = &document["files"][0];
    let report = &file["version_9"];
    assert_eq!(
        [
            &file["refused"]["code"],
            &report["malformed"]["code"],
            &report["summary"]
        ],
        [&json!("wrong_shape"), &json!("wrong_shape"), &Value::Null],
        "it has the number and nothing else of that version"
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

/// Of a graph that omnigraph 0.9.0 left behind.
fn of_the_engine(graph: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/tests/fixtures/omnigraph-0.9.0")
        .join(graph);
    let mut files = fs::read_dir(folder).expect("the graph");
    files.next().expect("a sidecar").expect("a file").path()
}

#[test]
fn inspect_says_what_a_sidecar_of_version_9_says() {
    let path = of_the_engine("v9-merge-main-into-branch-confirmed");
    let path = path.to_str().expect("text");
    let document = run_to(0, &["inspect", path, "--json"]).json();
    let file = &document["files"][0];
    assert_eq!(file["refused"], Value::Null);
    let summary = &file["version_9"]["summary"];
    assert_eq!(file["version_9"]["malformed"], Value::Null);
    assert_eq!(
        [
            &summary["protocol"],
            &summary["effect_phase"],
            &summary["graph_commit_id"],
            &summary["tables"][0]["planned_transactions"][0]["uuid"],
            &summary["table_updates"][0]["row_count"],
        ],
        [
            &json!("protocol_v4"),
            &json!("EffectsConfirmed"),
            &json!("01M8KHCQTD4MM727S4F1VCP2G2"),
            &json!("omnigraph-merge-01M8KHCQTGS7CQ1ZM67ARKM2Y8"),
            &json!(25),
        ]
    );
    let words = run_to(0, &["inspect", path]).stdout;
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "phase Its writer saw all its transactions in the tables",
        "publishes edge:Wrote at version 3 instead of version 2, 25 rows",
    ] {
        assert!(words.contains(line), "{line}: {words}");
    }
}

#[tokio::test]
async fn a_folder_a_root_and_standard_input_are_inspected_like_files() {
    let root = CrashedRoot::new().await;
    let folder = root.file("__recovery");
    fs::write(folder.join("notes.txt"), "no sidecar").expect("a write");
    let of = |path: &str| run_to(3, &["inspect", path, "--json"]).json();
    let in_folder = of(folder.to_str().expect("text"));
    let names: Vec<&Value> = in_folder["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| &file["operation_id"])
        .collect();
    assert_eq!(names, [FORWARD, BACK, NEWER]);
    assert_eq!(of(root.uri()), in_folder);

    let empty = tempfile::tempdir().expect("a folder");
    let nothing = run_to(1, &["inspect", empty.path().to_str().expect("text")]).stdout;
    assert!(nothing.contains("there is no *.json in it"), "{nothing}");

    let file = folder.join(format!("{FORWARD}.json"));
    let named = run_to(0, &["inspect", file.to_str().expect("text"), "--json"]).json();
    let piped = |content: fs::File| {
        let output = Command::new(PROGRAM)
            .args(["inspect", "-", "--json"])
            .stdin(content)
            .output()
            .expect("the program runs");
        let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
        (output.status.code(), document)
    };
    assert_eq!(
        piped(fs::File::open(file).expect("a file")),
        (Some(0), named)
    );
    let (exit, notes) = piped(fs::File::open(folder.join("notes.txt")).expect("a file"));
    assert_eq!(exit, Some(3));
    assert_eq!(notes["files"][0]["refused"]["code"], "not_json");
}
