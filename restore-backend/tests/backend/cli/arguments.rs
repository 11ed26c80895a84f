//! What the program says to arguments, and on which stream.

use std::process::Command;

use crashed_roots::crashed_root::{BACK, CrashedRoot};
use serde_json::{Value, json};

use super::program::{PROGRAM, digest_of, fields, plan_of, run_to};

#[test]
fn wrong_arguments_are_a_usage_error_in_words_and_in_json() {
    for arguments in [
        &["lsit", "/r"][..],
        &["list"],
        &[
            "approve",
            "/r",
            "not-an-id",
            "--digest",
            "sha256:00",
            "--as",
            "x",
        ],
        &["list", "/r", "--min-age", "soon"],
        &["serve", "--root", "no-name"],
        &[
            "serve",
            "--relocated-from",
            "/old",
            "--root",
            "a=/a",
            "b=/b",
        ],
    ] {
        let words = run_to(2, arguments);
        assert_eq!(words.stdout, "");
        assert!(words.stderr.starts_with("error: "), "{}", words.stderr);
        let document = run_to(2, &[arguments, &["--json"]].concat());
        assert_eq!(document.stderr, "");
        assert_eq!(document.json()["error"]["code"], "usage");
    }
    assert!(run_to(0, &["--help"]).stdout.contains("approve"));
    assert!(
        run_to(0, &["--version", "--json"])
            .stdout
            .starts_with("sidecar-inspector ")
    );
}

#[tokio::test]
async fn codes_to_acknowledge_may_stand_before_the_root() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&plan_of(&root, BACK));
    let arguments = [
        "approve",
        "--digest",
        &digest,
        "--as",
        "grace",
        "--acknowledge",
        "writers_stopped",
        "older_unreadable",
        root.uri(),
        BACK,
        "--json",
    ];
    let approved = run_to(0, &arguments).json();
    assert_eq!(
        approved["approval"]["acknowledged"],
        json!(["writers_stopped", "older_unreadable"])
    );
}

#[test]
fn a_root_that_is_not_there_is_a_failure_and_not_an_empty_list() {
    let answer = run_to(1, &["list", "/no/such/root", "--json"]);
    let document = answer.json();
    assert_eq!(fields(&document), ["error"]);
    assert_eq!(fields(&document["error"]), ["code", "detail"]);
    assert_eq!(document["error"]["code"], "root_missing");
    let words = run_to(1, &["list", "/no/such/root"]);
    assert_eq!(
        (words.stdout.as_str(), words.stderr.as_str()),
        (
            "",
            "error: there is no folder /no/such/root; check the path of the root\n"
        )
    );
}

#[tokio::test]
async fn the_most_verbose_logs_leave_standard_output_to_the_document() {
    let root = CrashedRoot::new().await;
    let output = Command::new(PROGRAM)
        .args(["list", root.uri(), "--json"])
        .env("RUST_LOG", "trace")
        .output()
        .expect("the program runs");
    assert!(!output.stderr.is_empty(), "there are logs");
    serde_json::from_slice::<Value>(&output.stdout).expect("one document and nothing else");
}
