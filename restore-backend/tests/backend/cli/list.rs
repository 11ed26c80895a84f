//! `list`: what is pending, and that nothing is.

use std::fs;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::{Value, json};

use super::program::{approve, dispositions, fields, has_fields, run_to};

#[tokio::test]
async fn list_has_the_promised_fields_and_exits() {
    let root = CrashedRoot::new().await;
    let list = run_to(0, &["--json", "list", root.uri()]).json();
    has_fields(&list, &["root", "recoveries"]);
    let recoveries = list["recoveries"].as_array().expect("a list");
    let ids: Vec<&Value> = recoveries
        .iter()
        .map(|recovery| &recovery["operation_id"])
        .collect();
    assert_eq!(ids, [FORWARD, BACK, NEWER], "oldest first");
    let promised = [
        "operation_id",
        "file",
        "writer_kind",
        "branch",
        "actor_id",
        "started_at",
        "age_seconds",
        "disposition",
        "tables_total",
        "tables_moved",
        "refused",
    ];
    recoveries
        .iter()
        .for_each(|recovery| has_fields(recovery, &promised));
    assert_eq!(
        dispositions(&list),
        ["roll_forward", "roll_back", "refused"]
    );
    assert_eq!(
        (
            &recoveries[1]["tables_moved"],
            &recoveries[1]["tables_total"]
        ),
        (&json!(1), &json!(2))
    );
    assert_eq!(recoveries[0]["refused"], Value::Null);
    assert_eq!(recoveries[2]["refused"]["code"], "unsupported_version");

    assert_eq!(
        run_to(4, &["list", root.uri(), "--fail-if-pending", "--json"]).json()["recoveries"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );

    let words = run_to(0, &["list", root.uri()]);
    assert_eq!(words.stderr, "");
    for (operation, disposition) in [
        (FORWARD, "roll_forward"),
        (BACK, "roll_back"),
        (NEWER, "refused"),
    ] {
        let line = words
            .stdout
            .lines()
            .find(|line| line.starts_with(operation))
            .expect("a line for each");
        assert!(
            line.contains(disposition) && line.chars().count() <= 80,
            "{line}"
        );
    }
    assert!(
        words
            .stdout
            .lines()
            .skip(1)
            .all(|line| line.chars().count() <= 80),
        "{}",
        words.stdout
    );

    let healthy = CrashedRoot::healthy().await;
    assert_eq!(
        run_to(0, &["list", healthy.uri(), "--fail-if-pending", "--json"]).json()["recoveries"],
        json!([])
    );
}

#[tokio::test]
async fn that_nothing_is_pending_is_said_of_a_catalog_that_was_read_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let no_root = folder.path().to_str().expect("text");
    let gone = CrashedRoot::healthy().await;
    fs::remove_dir_all(gone.file("__manifest")).expect("a folder");
    for uri in [no_root, gone.uri()] {
        for arguments in [
            &["list", uri][..],
            &["list", uri, "--fail-if-pending"],
            &["audit", uri],
        ] {
            let words = run_to(1, arguments);
            assert_eq!(words.stdout, "", "{arguments:?}");
            assert!(
                words.stderr.contains("there is no catalog (__manifest) at"),
                "{}",
                words.stderr
            );
            let document = run_to(1, &[arguments, &["--json"]].concat()).json();
            assert_eq!(document["error"]["code"], "no_catalog");
        }
    }

    let unreadable = CrashedRoot::healthy().await;
    for entry in fs::read_dir(unreadable.file("__manifest/_versions")).expect("a folder") {
        fs::write(entry.expect("an entry").path(), "<html></html>").expect("a write");
    }
    let document = run_to(1, &["list", unreadable.uri(), "--json"]).json();
    assert_eq!(document["error"]["code"], "catalog_unreadable");
    let healthy = CrashedRoot::healthy().await;
    let list = run_to(0, &["list", healthy.uri(), "--fail-if-pending", "--json"]).json();
    assert_eq!(fields(&list), ["recoveries", "root"]);
}

#[tokio::test]
async fn what_is_pending_without_a_catalog_is_listed_with_the_state_of_the_catalog() {
    let root = CrashedRoot::new().await;
    fs::remove_dir_all(root.file("__manifest")).expect("a folder");
    let list = run_to(4, &["list", root.uri(), "--fail-if-pending", "--json"]).json();
    assert_eq!(list["catalog"]["code"], "catalog_unreadable");
    assert_eq!(dispositions(&list), ["abort", "abort", "refused"]);
    let words = run_to(0, &["list", root.uri()]).stdout;
    assert!(words.contains("catalog_unreadable"), "{words}");
}

#[tokio::test]
async fn a_list_is_filtered_and_sorted_as_on_the_page_and_says_what_may_be_running() {
    let root = CrashedRoot::new().await;
    let ids = |more: &[&str]| -> Vec<String> {
        let list = run_to(0, &[&["list", root.uri(), "--json"], more].concat()).json();
        let recoveries = list["recoveries"].as_array().expect("a list");
        let ids = recoveries.iter().map(|it| it["operation_id"].as_str());
        ids.map(|id| id.expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&["--sort", "newest"]), [NEWER, BACK, FORWARD]);
    assert_eq!(ids(&["--sort", "actor"]), [FORWARD, BACK, NEWER]);
    assert_eq!(ids(&["--sort", "disposition"]), [NEWER, FORWARD, BACK]);
    assert_eq!(ids(&["--filter", "ben main"]), [BACK]);
    assert_eq!(
        ids(&["--filter", "roll", "--sort", "newest"]),
        [BACK, FORWARD]
    );
    approve(&root, FORWARD, &[]);
    assert_eq!(ids(&["--filter", "approved"]), [FORWARD]);

    let some = run_to(
        4,
        &["list", root.uri(), "--filter", "roll", "--fail-if-pending"],
    )
    .stdout;
    assert!(some.starts_with("2 of 3 pending in "), "{some}");
    let none = run_to(
        0,
        &["list", root.uri(), "--filter", "zoe", "--fail-if-pending"],
    )
    .stdout;
    assert!(
        none.starts_with("None of 3 pending in ") && none.lines().count() == 1,
        "{none}"
    );
    run_to(2, &["list", root.uri(), "--sort", "size"]);

    let list = run_to(0, &["list", root.uri(), "--min-age", "40000d"]).stdout;
    let line = list
        .lines()
        .find(|line| line.starts_with(BACK))
        .expect("a line");
    assert!(line.contains("may be running"), "{list}");
    let list = run_to(0, &["list", root.uri()]).stdout;
    assert!(
        !list.contains("may be running") && list.contains("approved"),
        "{list}"
    );
}
