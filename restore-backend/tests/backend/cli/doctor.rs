//! `doctor`: what is not in order, and the exit code that says whether anything stands in the way.

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::Value;

use super::program::{has_fields, run_to, unwrapped};

#[tokio::test]
async fn a_root_at_rest_exits_with_0() {
    let root = CrashedRoot::healthy().await;
    let words = run_to(0, &["doctor", root.uri(), "--upgrade"]);
    assert_eq!(words.stderr, "");
    let text = unwrapped(&words.stdout);
    for said in [
        "Nothing is out of order in ",
        "The catalog has stamp 3, which is read by the two-phase writer of sidecar-inspector; this build acts on it.",
        "Tables on main: 4. Branches: 1.",
        "Not looked at: whether the data files are there and whole.",
        "Before an upgrade yes Every sidecar is resolved",
        "yes The tags of recoveries are dropped",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let report = run_to(0, &["doctor", root.uri(), "--json"]).json();
    assert_eq!(report["stands_in_the_way"], false);
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(0));
    assert_eq!(report.get("upgrade"), None);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_with_its_command_and_exits_with_4() {
    let root = CrashedRoot::new().await;
    let report = run_to(4, &["--json", "doctor", root.uri(), "--upgrade"]).json();
    has_fields(
        &report,
        &[
            "root",
            "catalog",
            "findings",
            "upgrade",
            "stands_in_the_way",
        ],
    );
    let findings = report["findings"].as_array().expect("a list");
    let promised = ["kind", "subject", "detail", "resolve", "stands_in_the_way"];
    findings
        .iter()
        .for_each(|finding| has_fields(finding, &promised));
    let files: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["kind"] == "pending_sidecar")
        .map(|finding| &finding["subject"])
        .collect();
    let wanted = [FORWARD, BACK, NEWER].map(|operation| format!("{operation}.json"));
    assert_eq!(files, wanted.each_ref(), "oldest first");
    let lines = report["upgrade"].as_array().expect("a list");
    lines
        .iter()
        .for_each(|line| has_fields(line, &["item", "statement", "status"]));
    assert_eq!(lines[0]["item"], "sidecars_resolved");
    assert_eq!(lines[0]["status"], "no");

    let words = run_to(4, &["doctor", root.uri()]);
    assert_eq!(words.stderr, "");
    let command = format!("  sidecar-inspector plan {} {FORWARD}.json\n", root.uri());
    assert!(words.stdout.contains(&command), "{}", words.stdout);
    // The command is one that the program takes.
    run_to(0, &["plan", root.uri(), &format!("{FORWARD}.json")]);
}

#[tokio::test]
async fn a_folder_that_is_no_root_is_a_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    let answer = run_to(1, &["doctor", path, "--json"]);
    assert_eq!(answer.json()["error"]["code"], "no_catalog");
}
