//! `undo` and `end`: what may follow an approval.

use std::fs;
use std::path::Path;
use std::process::Command;

use crashed_roots::crashed_root::{CrashedRoot, FORWARD};

use super::program::{
    applied, approval, approve, digest_of, has_fields, plan_of, run_to, undo_of, unwrapped,
};

#[tokio::test]
async fn an_undo_that_a_backup_took_away_says_under_which_command_it_is_planned_anew() {
    let root = CrashedRoot::new().await;
    applied(&root, FORWARD, &approve(&root, FORWARD, &[]));
    let folders = ["nodes", "edges", "__manifest"];
    let backup = tempfile::tempdir().expect("a folder");
    for folder in folders {
        copy(&root.file(folder), backup.path());
    }
    let undo = undo_of(&root, FORWARD);
    let undone = undo["operation_id"].as_str().expect("an id");
    let digest = digest_of(&undo);
    run_to(0, &approval(&root, undone, &digest, &["--writers-stopped"]));
    applied(&root, undone, &digest);
    let anew = "planned anew as";
    let finished = run_to(0, &["plan", root.uri(), undone]);
    assert!(!unwrapped(&finished.stdout).contains(anew));

    for folder in folders {
        fs::remove_dir_all(root.file(folder)).expect("it is removed");
        copy(&backup.path().join(folder), &root.file(""));
    }
    let again = undo_of(&root, FORWARD);
    let again = again["operation_id"].as_str().expect("an id");
    assert_ne!(again, undone);
    let told = unwrapped(&run_to(0, &["plan", root.uri(), undone]).stdout);
    let command = format!("sidecar-inspector undo {} {FORWARD}", root.uri());
    let wanted = format!("{anew} {again}: {command}");
    assert!(told.contains(&wanted), "{wanted}: {told}");
}

fn copy(folder: &Path, into: &Path) {
    let copied = Command::new("cp").arg("-a").args([folder, into]).status();
    assert!(copied.expect("cp runs").success());
}

fn end<'a>(root: &'a CrashedRoot, digest: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let given = [
        "end",
        root.uri(),
        FORWARD,
        "--digest",
        digest,
        "--as",
        "grace",
    ];
    [given.as_slice(), more].concat()
}

#[tokio::test]
async fn an_attempt_whose_step_keeps_failing_is_ended_by_a_person() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, FORWARD, &[]);
    // No tag can be set where a file is in the way.
    let in_the_way = root.file("nodes/author/_refs");
    fs::write(&in_the_way, "").expect("a file");
    for _ in 0..2 {
        run_to(1, &["apply", root.uri(), FORWARD, "--digest", &digest]);
    }
    let (reason, stopped) = (["--reason", "it cannot be tagged"], "--writers-stopped");
    run_to(2, &end(&root, &digest, &reason));
    run_to(2, &end(&root, &digest, &[stopped]));
    let complete = end(&root, &digest, &[reason[0], reason[1], stopped]);
    let ended = run_to(0, &[complete.as_slice(), &["--json"]].concat()).json();
    has_fields(
        &ended,
        &[
            "operation_id",
            "plan_digest",
            "ended_by",
            "tables",
            "catalog",
            "steps",
            "detail",
        ],
    );
    assert_eq!(ended["ended_by"]["name"], "grace");
    assert_eq!(ended["catalog"]["effect"], "unchanged");
    let refused = run_to(3, &complete);
    assert!(
        unwrapped(&refused.stdout).contains("there is no attempt to end"),
        "{}",
        refused.stdout
    );
    let audit = run_to(0, &["audit", root.uri(), FORWARD, "--verify"]);
    assert!(
        audit.stdout.contains("ended by grace: it cannot be tagged"),
        "{}",
        audit.stdout
    );

    fs::remove_file(in_the_way).expect("it goes");
    let plan = plan_of(&root, FORWARD);
    assert_eq!(plan["digest"], digest.as_str(), "no table was touched");
    run_to(3, &["apply", root.uri(), FORWARD, "--digest", &digest]);
    assert_eq!(approve(&root, FORWARD, &[]), digest);
    applied(&root, FORWARD, &digest);
}
