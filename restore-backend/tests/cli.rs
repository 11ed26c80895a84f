//! The program as scripts and people use it: exit codes, documents, and what is on which stream.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sidecar-inspector");

struct Answer {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?}; stderr: {}", self.stdout, self.stderr))
    }
}

fn run(arguments: &[&str]) -> Answer {
    let output = Command::new(PROGRAM)
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .expect("the program runs");
    Answer {
        exit: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

#[track_caller]
fn run_to(exit: i32, arguments: &[&str]) -> Answer {
    let answer = run(arguments);
    assert_eq!(
        answer.exit, exit,
        "{arguments:?}: {}{}",
        answer.stdout, answer.stderr
    );
    answer
}

fn fields(value: &Value) -> Vec<&str> {
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
fn has_fields(value: &Value, wanted: &[&str]) {
    for field in wanted {
        assert!(
            value.get(field).is_some(),
            "{field} is not among {:?}",
            fields(value)
        );
    }
}

fn digest_of(root: &CrashedRoot, operation: &str) -> String {
    let plan = run_to(0, &["plan", root.uri(), operation, "--json"]).json();
    plan["digest"].as_str().expect("a digest").to_owned()
}

fn approve(root: &CrashedRoot, operation: &str, more: &[&str]) -> String {
    let digest = digest_of(root, operation);
    let arguments = [
        "approve",
        root.uri(),
        operation,
        "--digest",
        &digest,
        "--as",
        "grace",
        "--json",
    ];
    let approval = run_to(0, &[&arguments, more].concat()).json();
    assert_eq!(approval["authorized"], json!(true), "{approval}");
    digest
}

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

/// A text as it was before its lines were broken.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

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
    let dispositions: Vec<&Value> = recoveries
        .iter()
        .map(|recovery| &recovery["disposition"])
        .collect();
    assert_eq!(dispositions, ["roll_forward", "roll_back", "refused"]);
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
    let dispositions: Vec<&Value> = list["recoveries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|recovery| &recovery["disposition"])
        .collect();
    assert_eq!(dispositions, ["abort", "abort", "refused"]);
    let words = run_to(0, &["list", root.uri()]).stdout;
    assert!(words.contains("catalog_unreadable"), "{words}");
}

/// Older than everything in a crashed root, by its name.
const OLDEST: &str = "01M8125A20G3JA88BS9CEJEX1K";

#[cfg(unix)]
#[tokio::test]
async fn an_older_sidecar_that_cannot_be_read_now_holds_up_the_younger_until_it_can() {
    let root = CrashedRoot::new().await;
    let older = root.file(&format!("__recovery/{OLDEST}.json"));
    std::os::unix::fs::symlink("/etc/hostname", &older).expect("a link");
    let list = run_to(0, &["list", root.uri(), "--json"]).json();
    let dispositions: Vec<&Value> = list["recoveries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|recovery| &recovery["disposition"])
        .collect();
    assert_eq!(dispositions, ["refused", "waiting", "waiting", "refused"]);
    let plan = run_to(0, &["plan", root.uri(), FORWARD, "--json"]).json();
    assert_eq!(
        (&plan["executable"], &plan["blockers"][0]["code"]),
        (&json!(false), &json!("waiting_for"))
    );
    let detail = plan["blockers"][0]["detail"].as_str().expect("words");
    assert!(detail.contains(OLDEST), "{detail}");

    fs::remove_file(&older).expect("a link");
    let digest = approve(&root, FORWARD, &[]);
    run_to(0, &["apply", root.uri(), FORWARD, "--digest", &digest]);
    let undo = run_to(0, &["undo", root.uri(), FORWARD, "--json"]).json();
    assert_eq!(undo["executable"], json!(true), "{undo}");
    std::os::unix::fs::symlink("/etc/hostname", &older).expect("a link");
    let undo = run_to(0, &["undo", root.uri(), FORWARD, "--json"]).json();
    assert_eq!(
        (&undo["executable"], &undo["blockers"][0]["code"]),
        (&json!(false), &json!("waiting_for")),
        "it may name a table that comes back"
    );
}

#[tokio::test]
async fn beside_an_older_file_that_is_broken_a_recovery_has_to_be_acknowledged_and_goes_through() {
    let root = CrashedRoot::new().await;
    let older = root.file(&format!("__recovery/{OLDEST}.json"));
    fs::write(&older, "{\"schema_version\": 1, \"tab").expect("a write");
    let plan = run_to(0, &["plan", root.uri(), FORWARD, "--json"]).json();
    assert_eq!(
        (&plan["executable"], &plan["requires"]),
        (&json!(true), &json!(["older_unreadable"]))
    );
    let digest = plan["digest"].as_str().expect("a digest");
    let arguments = [
        "approve",
        root.uri(),
        FORWARD,
        "--digest",
        digest,
        "--as",
        "grace",
    ];
    let refused = run_to(3, &arguments);
    assert!(
        (refused.stdout + &refused.stderr).contains("older_unreadable"),
        "it says what to state"
    );
    run_to(
        0,
        &[&arguments[..], &["--acknowledge", "older_unreadable"]].concat(),
    );
    let report = run_to(
        0,
        &["apply", root.uri(), FORWARD, "--digest", digest, "--json"],
    )
    .json();
    assert_eq!(report["outcome"], "rolled_forward", "{report}");

    let undo = run_to(0, &["undo", root.uri(), FORWARD, "--json"]).json();
    assert_eq!(
        undo["requires"],
        json!(["writers_stopped", "older_unreadable"])
    );

    // Set aside, it is nobody's business any more.
    let dismissal = run_to(0, &["dismiss", root.uri(), OLDEST, "--json"]).json();
    let digest = dismissal["digest"].as_str().expect("a digest");
    let consent = ["--digest", digest, "--as", "grace", "--reason", "torn"];
    run_to(
        0,
        &[
            &["approve", root.uri(), OLDEST, "--min-age", "0s"],
            &consent[..],
        ]
        .concat(),
    );
    run_to(
        0,
        &[
            "apply",
            root.uri(),
            OLDEST,
            "--digest",
            digest,
            "--min-age",
            "0s",
        ],
    );
    let back = run_to(0, &["plan", root.uri(), BACK, "--json"]).json();
    assert_eq!(back["requires"], json!(["writers_stopped"]));
}

#[tokio::test]
async fn plan_has_the_promised_fields_and_the_same_digest_every_time() {
    let root = CrashedRoot::new().await;
    let plan = run_to(0, &["plan", root.uri(), FORWARD, "--json"]).json();
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

    assert_eq!(
        digest_of(&root, FORWARD),
        plan["digest"].as_str().expect("a digest")
    );
    assert_eq!(
        run_to(
            0,
            &["plan", root.uri(), &format!("{FORWARD}.json"), "--json"]
        )
        .json()["digest"],
        plan["digest"]
    );

    let refused = run_to(0, &["plan", root.uri(), NEWER, "--json"]).json();
    assert_eq!(
        (&refused["executable"], &refused["blockers"][0]["code"]),
        (&json!(false), &json!("unsupported_version"))
    );

    let words = run_to(0, &["plan", root.uri(), BACK]).stdout;
    let back = run_to(0, &["plan", root.uri(), BACK, "--json"]).json();
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
async fn a_whole_write_is_approved_and_rolled_forward_once() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, FORWARD, &["--reason", "looked at it"]);
    let apply = ["apply", root.uri(), FORWARD, "--digest", &digest, "--json"];
    let report = run_to(0, &apply).json();
    has_fields(
        &report,
        &[
            "operation_id",
            "digest",
            "outcome",
            "tables",
            "catalog",
            "audit",
            "sidecar",
        ],
    );
    assert_eq!(
        (&report["outcome"], &report["sidecar"]),
        (&json!("rolled_forward"), &json!("retired"))
    );
    assert_eq!(
        (&report["catalog"]["effect"], &report["audit"]["effect"]),
        (&json!("changed"), &json!("changed"))
    );
    for table in report["tables"].as_array().expect("a list") {
        has_fields(
            table,
            &["table_key", "from_version", "to_version", "effect"],
        );
        assert_eq!(
            (
                &table["from_version"],
                &table["to_version"],
                &table["effect"]
            ),
            (&json!(1), &json!(2), &json!("changed"))
        );
    }
    assert!(!root.file(&format!("__recovery/{FORWARD}.json")).exists());

    assert_eq!(
        run_to(0, &apply).json()["outcome"],
        "rolled_forward",
        "a finished one reports its outcome"
    );
    assert!(
        run_to(0, &apply[..5])
            .stdout
            .contains("Rolled forward: the whole write was published.")
    );

    let audit = run_to(0, &["audit", root.uri(), FORWARD, "--verify", "--json"]).json();
    assert_eq!(
        (
            &audit["operations"][0]["verified"],
            &audit["operations"][0]["outcome"]
        ),
        (&json!(true), &json!("rolled_forward"))
    );
    assert!(
        run_to(0, &["audit", root.uri(), "--verify"])
            .stdout
            .contains("the chain holds")
    );
}

#[tokio::test]
async fn an_undo_that_a_backup_took_away_says_under_which_command_it_is_planned_anew() {
    let root = CrashedRoot::new().await;
    let apply = |operation: &str, digest: &str| {
        run_to(0, &["apply", root.uri(), operation, "--digest", digest]);
    };
    apply(FORWARD, &approve(&root, FORWARD, &[]));
    let folders = ["nodes", "edges", "__manifest"];
    let backup = tempfile::tempdir().expect("a folder");
    for folder in folders {
        copy(&root.file(folder), backup.path());
    }
    let undo = run_to(0, &["undo", root.uri(), FORWARD, "--json"]).json();
    let undone = undo["operation_id"].as_str().expect("an id");
    let digest = undo["digest"].as_str().expect("a digest");
    let consent = ["--digest", digest, "--as", "grace", "--writers-stopped"];
    run_to(
        0,
        &[&["approve", root.uri(), undone], &consent[..]].concat(),
    );
    apply(undone, digest);
    let anew = "planned anew as";
    let finished = run_to(0, &["plan", root.uri(), undone]);
    assert!(!unwrapped(&finished.stdout).contains(anew));

    for folder in folders {
        fs::remove_dir_all(root.file(folder)).expect("it is removed");
        copy(&backup.path().join(folder), &root.file(""));
    }
    let again = run_to(0, &["undo", root.uri(), FORWARD, "--json"]).json();
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

#[tokio::test]
async fn half_a_write_is_rolled_back_only_with_the_statement_it_requires() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&root, BACK);
    let arguments = [
        "approve",
        root.uri(),
        BACK,
        "--digest",
        &digest,
        "--as",
        "grace",
        "--json",
    ];
    let refusal = run_to(3, &arguments).json();
    assert_eq!(refusal["error"]["code"], "refused");
    assert!(
        refusal["error"]["detail"]
            .as_str()
            .expect("words")
            .contains("writers_stopped"),
        "{refusal}"
    );
    has_fields(
        &refusal,
        &[
            "operation_id",
            "outcome",
            "detail",
            "reasons",
            "differences",
        ],
    );

    let digest = approve(&root, BACK, &["--writers-stopped"]);
    let report = run_to(
        0,
        &["apply", root.uri(), BACK, "--digest", &digest, "--json"],
    )
    .json();
    assert_eq!(report["outcome"], "rolled_back");
    assert_eq!(
        run_to(0, &["list", root.uri(), "--json"]).json()["recoveries"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn nothing_unapproved_and_nothing_that_moved_is_applied() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&root, BACK);
    let apply = ["apply", root.uri(), BACK, "--digest", &digest, "--json"];
    assert_eq!(run_to(3, &apply).json()["outcome"], "refused");

    approve(&root, BACK, &["--writers-stopped"]);
    root.write_to("nodes/book").await;
    let conflict = run_to(3, &apply).json();
    assert_eq!(conflict["outcome"], "conflict");
    let moved: Vec<&Value> = conflict["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|difference| &difference["field"])
        .collect();
    assert!(moved.contains(&&json!("lance_head")), "{conflict}");
    assert!(
        run_to(3, &apply[..5]).stdout.contains("planned 2, found 3"),
        "{conflict}"
    );

    let stale = run_to(
        3,
        &[
            "approve",
            root.uri(),
            BACK,
            "--digest",
            &digest,
            "--as",
            "grace",
            "--writers-stopped",
            "--json",
        ],
    )
    .json();
    assert_eq!(
        (&stale["error"]["code"], &stale["outcome"]),
        (&json!("conflict"), &json!("conflict"))
    );
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
    std::fs::write(&in_the_way, "").expect("a file");
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

    std::fs::remove_file(in_the_way).expect("it goes");
    let plan = run_to(0, &["plan", root.uri(), FORWARD, "--json"]).json();
    assert_eq!(plan["digest"], digest.as_str(), "no table was touched");
    run_to(3, &["apply", root.uri(), FORWARD, "--digest", &digest]);
    assert_eq!(approve(&root, FORWARD, &[]), digest);
    run_to(0, &["apply", root.uri(), FORWARD, "--digest", &digest]);
}

#[tokio::test]
async fn a_young_sidecar_is_shown_and_not_executable() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&root, FORWARD);
    let young = run_to(
        0,
        &["--min-age", "40000d", "plan", root.uri(), FORWARD, "--json"],
    )
    .json();
    assert_eq!(
        (&young["executable"], &young["blockers"][0]["code"]),
        (&json!(false), &json!("too_young"))
    );
    assert_eq!(
        young["digest"],
        digest.as_str(),
        "age is a blocker and not part of the plan"
    );
    run_to(
        3,
        &[
            "approve",
            root.uri(),
            FORWARD,
            "--digest",
            &digest,
            "--as",
            "grace",
            "--min-age",
            "40000d",
            "--json",
        ],
    );
}

#[tokio::test]
async fn a_journal_that_was_changed_fails_the_audit() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, FORWARD, &[]);
    run_to(0, &["apply", root.uri(), FORWARD, "--digest", &digest]);
    let record = root.file(&format!("__recovery_log/{FORWARD}/000001.json"));
    let text = fs::read_to_string(&record).expect("a record");
    fs::write(&record, text.replace("grace", "mallory")).expect("a write");
    let audit = run_to(1, &["audit", root.uri(), "--verify", "--json"]).json();
    assert_eq!(audit["operations"][0]["verified"], json!(false));
    assert!(audit["operations"][0]["problem"].is_string());
    assert!(
        run_to(1, &["audit", root.uri(), "--verify"])
            .stdout
            .contains("THE CHAIN IS BROKEN")
    );
}

#[tokio::test]
async fn files_are_inspected_without_a_store() {
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

#[tokio::test]
async fn logs_never_reach_standard_output() {
    let root = CrashedRoot::new().await;
    let output = Command::new(PROGRAM)
        .args(["list", root.uri(), "--json"])
        .env("RUST_LOG", "trace")
        .output()
        .expect("the program runs");
    assert!(!output.stderr.is_empty(), "there are logs");
    serde_json::from_slice::<Value>(&output.stdout).expect("one document and nothing else");
}

/// A console that is stopped when the test ends, however it ends.
struct Serving {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Serving {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, stdout }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line
    }

    /// Asks it to end, and returns its exit code and what else it printed.
    fn terminate(mut self) -> (Option<i32>, String) {
        let status = Command::new("sh")
            .args(["-c", &format!("kill {}", self.child.id())])
            .status()
            .expect("kill runs");
        assert!(status.success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (self.child.wait().expect("an exit").code(), rest)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn serve_prints_the_login_link_and_ends_when_told() {
    let root = CrashedRoot::new().await;
    let named = format!("graph={}", root.uri());
    let mut serving = Serving::start(&["serve", "--port", "0", "--root", &named]);
    let line = serving.line();
    let (host, rest) = line
        .strip_prefix("open http://")
        .and_then(|link| link.split_once(".localhost:"))
        .expect("a host of its own");
    assert!(host.len() >= 24, "{line}");
    let (port, token) = rest
        .trim_end()
        .split_once("/#token=")
        .expect("a port and a token");
    assert!(
        port.parse::<u16>().is_ok_and(|port| port > 0) && token.len() == 64,
        "{line}"
    );
    let plain = serving.line();
    assert!(
        plain.starts_with(&format!("  or http://127.0.0.1:{port}/#token={token}")),
        "{plain}"
    );
    assert_eq!(serving.terminate(), (Some(0), String::new()));

    let mut serving = Serving::start(&["serve", "--json", "--port", "0", "--root", &named]);
    let mut document = String::new();
    while serde_json::from_str::<Value>(&document).is_err() {
        document.push_str(&serving.line());
    }
    let document: Value = serde_json::from_str(&document).expect("a document");
    assert_eq!(fields(&document), ["address", "login", "own_host", "roots"]);
    assert_eq!(document["roots"][0]["name"], "graph");
    let starts_with = |link: &Value, address: &Value| {
        let (link, address) = (
            link.as_str().expect("text"),
            address.as_str().expect("text"),
        );
        link.starts_with(&format!("{address}/#token="))
    };
    let own_host = &document["own_host"];
    assert!(starts_with(&document["login"], &document["address"]));
    assert!(starts_with(&own_host["login"], &own_host["address"]));
    assert!(
        document["address"]
            .as_str()
            .is_some_and(|address| address.starts_with("http://127.0.0.1:"))
    );
    assert_eq!(serving.terminate(), (Some(0), String::new()));
}

/// The status of a request without a client of any kind.
fn raw(address: &str, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    answer
}

fn log_in(address: &str, token: &str) -> String {
    let body = json!({"token": token}).to_string();
    raw(
        address,
        &format!(
            "POST /api/v1/sessions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
    )
}

/// The fields of a request by which a session that this login link opens is known.
fn session(address: &str, login: &str) -> String {
    let opened = log_in(address, login.split_once("#token=").expect("a token").1);
    let cookie = opened
        .split_once("set-cookie: ")
        .and_then(|(_, rest)| rest.split_once(';'))
        .expect("a cookie")
        .0;
    let (_, body) = opened.split_once("\r\n\r\n").expect("a body");
    let session: Value = serde_json::from_str(body).expect("a session");
    let key = session["key"].as_str().expect("a key");
    format!("cookie: {cookie}\r\nx-session-key: {key}\r\n")
}

#[tokio::test]
async fn a_new_link_is_printed_on_demand_and_logs_in() {
    let root = CrashedRoot::healthy().await;
    let named = format!("graph={}", root.uri());
    for signal in ["USR1", "QUIT"] {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--port", "0", "--root", &named, "--json"])
            .env("RUST_LOG", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut notes = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let mut said = |wanted: &str| {
            let mut notes = notes.by_ref().map(|note| note.expect("text"));
            notes.find(|note| note.contains(wanted)).expect("a note")
        };
        said("kill -USR1");
        let status = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
        assert!(said("open http://").contains(".localhost:"));
        let link = said("  or http://127.0.0.1:");
        let (address, token) = link
            .trim_start_matches("  or http://")
            .split_once("/#token=")
            .expect("a link");
        let token = token.split(',').next().expect("a token");
        let answer = log_in(address, token);
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        child.kill().expect("it ends");
        child.wait().expect("it ends");
    }
}

#[tokio::test]
async fn a_console_ends_when_told_though_its_storage_does_not_answer() {
    let root = CrashedRoot::new().await;
    // As a mount that hangs: the newest version of a table is a pipe that nobody writes to.
    let versions = root.file("nodes/author/_versions");
    let newest = fs::read_dir(versions)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .min()
        .expect("a version");
    fs::remove_file(&newest).expect("it goes");
    let made = Command::new("mkfifo").arg(&newest).status();
    assert!(made.expect("mkfifo runs").success());

    let named = format!("graph={}", root.uri());
    let mut serving = Serving::start(&["serve", "--json", "--port", "0", "--root", &named]);
    let mut document = String::new();
    while serde_json::from_str::<Value>(&document).is_err() {
        document.push_str(&serving.line());
    }
    let document: Value = serde_json::from_str(&document).expect("a document");
    let address = document["address"].as_str().expect("an address")["http://".len()..].to_owned();
    let login = document["login"].as_str().expect("a link");
    let session = session(&address, login);
    let mut waiting = std::net::TcpStream::connect(&address).expect("a connection");
    let request = format!(
        "GET /api/v1/roots/graph/recoveries HTTP/1.1\r\nhost: {address}\r\n{session}connection: close\r\n\r\n"
    );
    waiting.write_all(request.as_bytes()).expect("a request");
    // Until the look has begun to hang, or is answered.
    waiting
        .set_read_timeout(Some(Duration::from_secs(1)))
        .expect("a bound");
    let _read = waiting.read(&mut [0; 1]);

    let begun = Instant::now();
    assert_eq!(serving.terminate().0, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// A console over one root, whose log is a file and whose file descriptors are counted.
#[cfg(target_os = "linux")]
struct Scarce {
    serving: Serving,
    address: String,
    login: String,
    log: tempfile::NamedTempFile,
}

#[cfg(target_os = "linux")]
impl Scarce {
    /// Started by a shell that does this first.
    fn start(root: &CrashedRoot, first: &str) -> Self {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let named = format!("graph={}", root.uri());
        let mut child = Command::new("sh")
            .args(["-c", &format!("{first}; exec \"$0\" \"$@\""), PROGRAM])
            .args(["serve", "--json", "--port", "0", "--root", &named])
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("a file"))
            .spawn()
            .expect("the program runs");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut serving = Serving { child, stdout };
        let mut document = String::new();
        while serde_json::from_str::<Value>(&document).is_err() {
            let line = serving.line();
            assert!(!line.is_empty(), "it ended early: {document}");
            document.push_str(&line);
        }
        let document: Value = serde_json::from_str(&document).expect("a document");
        let text = |field: &str| document[field].as_str().expect("text").to_owned();
        Self {
            serving,
            address: text("address")["http://".len()..].to_owned(),
            login: text("login"),
            log,
        }
    }

    fn process(&self) -> u32 {
        self.serving.child.id()
    }

    /// The number that the next file descriptor would have.
    fn next_descriptor(&self) -> u64 {
        let open: Vec<u64> = fs::read_dir(format!("/proc/{}/fd", self.process()))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect();
        (0..).find(|number| !open.contains(number)).expect("one")
    }

    /// From now on it opens none whose number is not below this one.
    fn limit_descriptors(&self, below: u64) {
        let status = Command::new("prlimit")
            .args(["--pid", &self.process().to_string()])
            .arg(format!("--nofile={below}:"))
            .status();
        assert!(status.expect("prlimit runs").success());
    }

    fn connect(&self) -> std::net::TcpStream {
        std::net::TcpStream::connect(&self.address).expect("a connection")
    }

    fn get(&self, path: &str, fields: &str) -> String {
        let address = &self.address;
        raw(
            address,
            &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{fields}connection: close\r\n\r\n"),
        )
    }

    /// How often the log says that no connection can be accepted.
    fn complaints(&self) -> usize {
        let log = fs::read_to_string(self.log.path()).expect("text");
        log.lines()
            .filter(|line| line.contains("cannot be accepted"))
            .count()
    }

    /// Hundredths of a second that the processor worked for it.
    fn worked(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process())).expect("text");
        let (_, fields) = stat.rsplit_once(')').expect("fields");
        let fields = fields.split_whitespace().skip(11).take(2);
        fields
            .map(|field| field.parse::<u64>().expect("a number"))
            .sum()
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_console_without_file_descriptors_says_so_once_and_serves_again_when_it_has_some() {
    let root = CrashedRoot::healthy().await;
    let console = Scarce::start(&root, "true");
    let worked = console.worked();
    // Not one is left, and nothing that it could give back.
    console.limit_descriptors(console.next_descriptor());
    let mut waiting = console.connect();
    let request = format!(
        "GET /healthz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        console.address
    );
    waiting.write_all(request.as_bytes()).expect("a request");
    let mut bound = |seconds| {
        waiting
            .set_read_timeout(Some(Duration::from_secs(seconds)))
            .expect("a bound");
        let mut answer = [0; 13];
        waiting.read_exact(&mut answer).map(|()| answer)
    };
    bound(4).expect_err("it cannot be accepted");
    assert_eq!(console.complaints(), 1, "it is told, and told once");
    assert!(console.worked() < worked + 50, "the processor rests");

    console.limit_descriptors(console.next_descriptor() + 8);
    let answer = bound(30).expect("it is accepted in the end");
    assert_eq!(&answer, b"HTTP/1.1 200 ");

    // Sockets that say nothing have them all: each makes room for the next at once.
    let idle: Vec<_> = (0..60).map(|_| console.connect()).collect();
    let begun = Instant::now();
    assert!(console.get("/healthz", "").starts_with("HTTP/1.1 200 "));
    assert!(begun.elapsed() < Duration::from_secs(10));
    drop(idle);
    assert!(console.get("/healthz", "").starts_with("HTTP/1.1 200 "));
    assert_eq!(console.complaints(), 1);
    assert!(console.worked() < worked + 200, "the processor rests");
    assert_eq!(console.serving.terminate().0, Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn sockets_that_say_nothing_leave_file_descriptors_to_the_storage() {
    let root = CrashedRoot::new().await;
    let console = Scarce::start(&root, "ulimit -n 64");
    let session = session(&console.address, &console.login);
    let idle: Vec<_> = (0..100).map(|_| console.connect()).collect();
    let list = console.get("/api/v1/roots/graph/recoveries", &session);
    assert!(list.starts_with("HTTP/1.1 200 "), "{list}");
    drop(idle);
    assert_eq!(console.complaints(), 0);
    assert_eq!(console.serving.terminate().0, Some(0));
}

#[tokio::test]
async fn nothing_is_served_where_others_can_reach_it() {
    let root = CrashedRoot::healthy().await;
    let named = format!("graph={}", root.uri());
    let refused = run_to(
        3,
        &[
            "serve", "--port", "0", "--bind", "0.0.0.0", "--root", &named, "--json",
        ],
    )
    .json();
    assert_eq!(refused["error"]["code"], "not_loopback");
    let twice = run_to(
        2,
        &["serve", "--port", "0", "--root", &named, &named, "--json"],
    )
    .json();
    assert_eq!(twice["error"]["code"], "duplicate_name");
}

#[test]
fn the_demo_makes_stores_that_can_be_listed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().to_str().expect("text");
    let mut serving = Serving::start(&["demo", "--port", "0", "--dir", dir, "--json"]);
    let mut document = String::new();
    while serde_json::from_str::<Value>(&document).is_err() {
        let line = serving.line();
        assert!(!line.is_empty(), "the demo ended early: {document}");
        document.push_str(&line);
    }
    let document: Value = serde_json::from_str(&document).expect("a document");
    let roots = document["roots"].as_array().expect("a list");
    assert!(!roots.is_empty());
    for root in roots {
        run_to(
            4,
            &[
                "list",
                root["uri"].as_str().expect("a URI"),
                "--fail-if-pending",
            ],
        );
    }
    assert_eq!(serving.terminate(), (Some(0), String::new()));
}
