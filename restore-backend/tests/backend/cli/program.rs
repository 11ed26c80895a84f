//! The program, its answers, and the commands that most tests begin with.

use std::process::Command;

use crashed_roots::crashed_root::CrashedRoot;
use serde_json::{Value, json};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_sidecar-inspector");

pub(super) struct Answer {
    pub(super) exit: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}; stderr: {}", self.stdout, self.stderr))
    }
}

fn run(arguments: &[&str]) -> Answer {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("COLUMNS")
        .output()
        .expect("the program runs");
    Answer {
        exit: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// As a person meets it at a terminal of this width, with these further variables.
#[track_caller]
pub(super) fn printed(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .envs(variables.iter().copied())
        .output()
        .expect("the program runs");
    String::from_utf8(output.stdout).expect("text")
}

#[track_caller]
pub(super) fn run_to(exit: i32, arguments: &[&str]) -> Answer {
    let answer = run(arguments);
    assert_eq!(
        answer.exit, exit,
        "{arguments:?}: {}{}",
        answer.stdout, answer.stderr
    );
    answer
}

pub(super) fn fields(value: &Value) -> Vec<&str> {
    let mut fields: Vec<&str> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    fields
}

#[track_caller]
pub(super) fn has_fields(value: &Value, wanted: &[&str]) {
    for field in wanted {
        assert!(
            value.get(field).is_some(),
            "{field} is not among {:?}",
            fields(value)
        );
    }
}

/// A text as it was before its lines were broken.
pub(super) fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn list_of(root: &CrashedRoot) -> Value {
    run_to(0, &["list", root.uri(), "--json"]).json()
}

pub(super) fn dispositions(list: &Value) -> Vec<&Value> {
    let recoveries = list["recoveries"].as_array().expect("a list");
    recoveries
        .iter()
        .map(|recovery| &recovery["disposition"])
        .collect()
}

#[track_caller]
pub(super) fn plan_of(root: &CrashedRoot, operation: &str) -> Value {
    run_to(0, &["plan", root.uri(), operation, "--json"]).json()
}

/// The plan of the undo of an operation.
#[track_caller]
pub(super) fn undo_of(root: &CrashedRoot, operation: &str) -> Value {
    run_to(0, &["undo", root.uri(), operation, "--json"]).json()
}

#[track_caller]
pub(super) fn assert_blocked_by(plan: &Value, code: &str) {
    assert_eq!(
        (&plan["executable"], &plan["blockers"][0]["code"]),
        (&json!(false), &json!(code)),
        "{plan}"
    );
}

pub(super) fn digest_of(plan: &Value) -> String {
    plan["digest"].as_str().expect("a digest").to_owned()
}

/// The arguments by which grace approves a plan.
pub(super) fn approval<'a>(
    root: &'a CrashedRoot,
    operation: &'a str,
    digest: &'a str,
    more: &[&'a str],
) -> Vec<&'a str> {
    let given = [
        "approve",
        root.uri(),
        operation,
        "--digest",
        digest,
        "--as",
        "grace",
    ];
    [given.as_slice(), more].concat()
}

/// Approves the plan of a recovery, and returns its digest.
#[track_caller]
pub(super) fn approve(root: &CrashedRoot, operation: &str, more: &[&str]) -> String {
    let digest = digest_of(&plan_of(root, operation));
    let arguments = approval(root, operation, &digest, more);
    let approved = run_to(0, &[arguments.as_slice(), &["--json"]].concat()).json();
    assert_eq!(approved["authorized"], json!(true), "{approved}");
    digest
}

#[track_caller]
pub(super) fn applied(root: &CrashedRoot, operation: &str, digest: &str) -> Value {
    run_to(
        0,
        &["apply", root.uri(), operation, "--digest", digest, "--json"],
    )
    .json()
}
