//! A recovery beside an older sidecar that cannot be read.

use std::fs;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD};
use serde_json::json;

use super::program::{
    applied, approval, approve, assert_blocked_by, digest_of, dispositions, list_of, plan_of,
    run_to, undo_of,
};

/// Older than everything in a crashed root, by its name.
const OLDEST: &str = "01M8125A20G3JA88BS9CEJEX1K";

#[cfg(unix)]
#[tokio::test]
async fn an_older_sidecar_that_cannot_be_read_now_holds_up_the_younger_until_it_can() {
    let root = CrashedRoot::new().await;
    let older = root.file(&format!("__recovery/{OLDEST}.json"));
    std::os::unix::fs::symlink("/etc/hostname", &older).expect("a link");
    let list = list_of(&root);
    assert_eq!(
        dispositions(&list),
        ["refused", "waiting", "waiting", "refused"]
    );
    let plan = plan_of(&root, FORWARD);
    assert_blocked_by(&plan, "waiting_for");
    let detail = plan["blockers"][0]["detail"].as_str().expect("words");
    assert!(detail.contains(OLDEST), "{detail}");

    fs::remove_file(&older).expect("a link");
    let digest = approve(&root, FORWARD, &[]);
    applied(&root, FORWARD, &digest);
    let undo = undo_of(&root, FORWARD);
    assert_eq!(undo["executable"], json!(true), "{undo}");
    std::os::unix::fs::symlink("/etc/hostname", &older).expect("a link");
    // It may name a table that comes back.
    let undo = run_to(3, &["undo", root.uri(), FORWARD, "--json"]).json();
    assert_blocked_by(&undo, "waiting_for");
    let words = run_to(3, &["undo", root.uri(), FORWARD]).stdout;
    assert!(words.contains("That is not possible"), "{words}");
    assert!(
        words.contains("node:Author") && !words.contains("Readers return"),
        "no effect is told of an undo that cannot be: {words}"
    );
}

#[tokio::test]
async fn beside_an_older_file_that_is_broken_a_recovery_has_to_be_acknowledged_and_goes_through() {
    let root = CrashedRoot::new().await;
    let older = root.file(&format!("__recovery/{OLDEST}.json"));
    fs::write(&older, "{\"schema_version\": 1, \"tab").expect("a write");
    let plan = plan_of(&root, FORWARD);
    assert_eq!(
        (&plan["executable"], &plan["requires"]),
        (&json!(true), &json!(["older_unreadable"]))
    );
    let digest = digest_of(&plan);
    let refused = run_to(3, &approval(&root, FORWARD, &digest, &[]));
    assert!(
        (refused.stdout + &refused.stderr).contains("older_unreadable"),
        "it says what to state"
    );
    approve(&root, FORWARD, &["--acknowledge", "older_unreadable"]);
    let report = applied(&root, FORWARD, &digest);
    assert_eq!(report["outcome"], "rolled_forward", "{report}");

    let undo = undo_of(&root, FORWARD);
    assert_eq!(
        undo["requires"],
        json!(["writers_stopped", "older_unreadable"])
    );

    // Set aside, it is nobody's business any more.
    let dismiss = ["dismiss", root.uri(), OLDEST, "--json"];
    assert_blocked_by(&run_to(3, &dismiss).json(), "too_young");
    let dismissal = run_to(0, &[&dismiss[..], &["--min-age", "0s"]].concat()).json();
    let digest = digest_of(&dismissal);
    let consent = ["--min-age", "0s", "--reason", "torn"];
    run_to(0, &approval(&root, OLDEST, &digest, &consent));
    run_to(
        0,
        &[
            "apply",
            root.uri(),
            OLDEST,
            "--digest",
            &digest,
            "--min-age",
            "0s",
        ],
    );
    let back = plan_of(&root, BACK);
    assert_eq!(back["requires"], json!(["writers_stopped"]));
}
