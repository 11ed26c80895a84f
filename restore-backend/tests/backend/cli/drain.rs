//! `drain`: one page of plans, and a list of digests that carries some of them out.

use std::fs;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::program::{run_to, unwrapped};

fn list(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("it is written");
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("text")
}

#[tokio::test]
async fn the_page_has_the_plan_of_everything_and_the_command_that_comes_next() {
    let root = CrashedRoot::new().await;
    let report = run_to(0, &["drain", root.uri(), "--json"]).json();
    let plans = report["plans"].as_array().expect("a list");
    let ids: Vec<&Value> = plans.iter().map(|plan| &plan["operation_id"]).collect();
    assert_eq!(ids, [FORWARD, BACK, NEWER]);
    let digest = plans[0]["digest"].as_str().expect("a digest");
    let command = format!(
        "sidecar-inspector approve {} {FORWARD} --digest {digest} --as NAME",
        root.uri()
    );
    assert_eq!(plans[0]["next"], command);
    assert_eq!(
        plans[2]["next"],
        format!("sidecar-inspector plan {} {NEWER}.json", root.uri())
    );
    let plan = run_to(0, &["plan", root.uri(), FORWARD, "--json"]).json();
    for field in [
        "digest",
        "headline",
        "consequence",
        "disposition",
        "requires",
    ] {
        assert_eq!(plans[0][field], plan[field], "{field}");
    }

    let words = run_to(0, &["drain", root.uri()]);
    assert_eq!(words.stderr, "");
    let text = unwrapped(&words.stdout);
    for said in [
        "3 recoveries are pending in ",
        &format!("{BACK} roll_back "),
        "requires writers_stopped: ",
        &format!("digest {digest}"),
        &format!(
            "sidecar-inspector approve {} {FORWARD} --digest \\ {digest}",
            root.uri()
        ),
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[tokio::test]
async fn a_list_is_carried_out_and_stops_at_the_first_that_is_not_done() {
    let root = CrashedRoot::new().await;
    let report = run_to(0, &["drain", root.uri(), "--json"]).json();
    let digest = |index: usize| report["plans"][index]["digest"].as_str().expect("a digest");
    let approved = list(&format!("# two of three\n{}\n{}\n", digest(0), digest(1)));
    let apply = [
        "drain",
        root.uri(),
        "--apply",
        path(&approved),
        "--as",
        "grace",
    ];
    let json = [&apply[..], &["--json"]].concat();

    // The second requires a statement, which is missing.
    let drained = run_to(3, &json).json();
    assert_eq!(drained["done"][0]["operation_id"], FORWARD);
    assert_eq!(drained["done"][0]["outcome"], "rolled_forward");
    assert_eq!(drained["stopped"]["digest"], digest(1));
    assert_eq!(drained["stopped"]["code"], "refused");
    assert_eq!(drained["not_done"].as_array().map(Vec::len), Some(1));

    // The first is done, and passed over.
    let stated = [&apply[..], &["--writers-stopped"]].concat();
    let words = run_to(0, &stated).stdout;
    assert!(
        words.contains("carried out before and passed over"),
        "{words}"
    );
    assert!(words.contains(&format!("{BACK}  rolled_back")), "{words}");
    assert!(words.contains("All of the list is done."), "{words}");
}

#[tokio::test]
async fn a_wrong_list_is_a_mistake_of_usage_and_nothing_is_done() {
    let root = CrashedRoot::new().await;
    let report = run_to(0, &["drain", root.uri(), "--json"]).json();
    let digest = report["plans"][0]["digest"].as_str().expect("a digest");
    let (good, torn) = (list(digest), list(&format!("{digest}\nsha256:12")));
    let missing = "/nowhere/list";
    for arguments in [
        &["drain", root.uri(), "--apply", path(&good)][..],
        &["drain", root.uri(), "--as", "grace"],
        &["drain", root.uri(), "--writers-stopped"],
        &["drain", root.uri(), "--apply", path(&torn), "--as", "grace"],
        &["drain", root.uri(), "--apply", missing, "--as", "grace"],
    ] {
        run_to(2, arguments);
    }
    let after = run_to(0, &["drain", root.uri(), "--json"]).json();
    assert_eq!(after, report);
}
