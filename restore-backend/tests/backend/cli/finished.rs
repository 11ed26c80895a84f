//! What `plan` and `apply` say of an operation that is over, under way, or taken back.

use std::fs;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use serde_json::{Value, json};

use super::program::{
    applied, approval, approve, digest_of, list_of, plan_of, run_to, undo_of, unwrapped,
};

/// Words of something that is not done yet.
const OF_WHAT_IS_TO_COME: [&str; 4] = ["will be", "would be", "never published", "approve "];

/// The plan as people read it, and as programs do, of something that is over: both say so.
#[track_caller]
fn finished(root: &CrashedRoot, operation: &str, outcome: &str, said: &[&str]) -> Value {
    let plan = plan_of(root, operation);
    let told = (
        &plan["progress"],
        &plan["executable"],
        &plan["attempt"]["outcome"],
    );
    assert_eq!(told, (&json!("finished"), &json!(false), &json!(outcome)));
    assert!(plan["attempt"]["finished_at"].is_string(), "{plan}");
    let words = unwrapped(&run_to(0, &["plan", root.uri(), operation]).stdout);
    let explanation = plan["explanation"].as_str().expect("words");
    for part in said.iter().chain(&["Approved by grace.", explanation]) {
        assert!(words.contains(part), "{part}: {words}");
    }
    for word in OF_WHAT_IS_TO_COME {
        assert!(!words.contains(word), "{word}: {words}");
    }
    let title = format!("finished: {outcome}");
    assert!(words.contains(&title), "{title}: {words}");
    assert!(
        words.contains("The plan that was carried out") && words.contains(": done"),
        "the plan stays readable: {words}"
    );
    plan
}

/// Approves and applies the undo of an operation; its id and the digest of its plan.
#[track_caller]
fn undone(root: &CrashedRoot, operation: &str) -> (String, String) {
    let undo = undo_of(root, operation);
    let id = undo["operation_id"].as_str().expect("an id").to_owned();
    let digest = digest_of(&undo);
    run_to(0, &approval(root, &id, &digest, &["--writers-stopped"]));
    let report = applied(root, &id, &digest);
    assert_eq!(report["sidecar"], "no_file", "an undo has no file");
    (id, digest)
}

#[tokio::test]
async fn a_recovery_that_is_over_is_told_as_done_and_one_that_is_undone_as_that() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, FORWARD, &[]);
    let first = applied(&root, FORWARD, &digest);
    let command = format!("sidecar-inspector undo {} {FORWARD}", root.uri());
    let plan = finished(
        &root,
        FORWARD,
        "rolled_forward",
        &["was rolled forward.", "It can be undone", &command],
    );
    assert_eq!(digest_of(&plan), digest);
    let again = applied(&root, FORWARD, &digest);
    assert_eq!(again["outcome"], "rolled_forward");
    assert_eq!(again["tables"], first["tables"]);
    let detail = again["detail"].as_str().expect("words");
    assert!(
        detail.contains("Approved by grace. It was begun at") && detail.contains("finished at"),
        "{detail}"
    );

    let (undo, undo_digest) = undone(&root, FORWARD);
    let took_it_back = format!("Operation {undo} took it back at");
    let plan = finished(
        &root,
        FORWARD,
        "rolled_forward",
        &["was rolled forward, and taken back since.", &took_it_back],
    );
    assert_eq!(
        plan["attempt"]["undone_by"][0]["operation_id"],
        undo.as_str()
    );
    assert_eq!(plan["attempt"]["undo"], undo.as_str());
    let apply = ["apply", root.uri(), FORWARD, "--digest", &digest];
    let journal = files_below(&root, "__recovery_log");
    let told = unwrapped(&run_to(3, &apply).stdout);
    assert!(
        told.contains(&took_it_back) && told.contains("Nothing was done now"),
        "{told}"
    );
    assert!(!told.contains("published"), "{told}");
    let told = run_to(3, &[&apply[..], &["--json"]].concat()).json();
    assert_eq!(told["undone_by"][0]["operation_id"], undo.as_str());
    assert_eq!(files_below(&root, "__recovery_log"), journal);

    let of = format!("The recovery of operation {FORWARD} is taken back.");
    finished(&root, &undo, "rolled_back", &[&of, "It can be undone"]);
    assert_eq!(
        applied(&root, &undo, &undo_digest)["outcome"],
        "rolled_back"
    );
    assert_eq!(digest_of(&undo_of(&root, FORWARD)), undo_digest);

    // The undo is undone in turn: the write is visible again, and nobody is told that it is not.
    let (redo, _) = undone(&root, &undo);
    let plan = finished(
        &root,
        FORWARD,
        "rolled_forward",
        &["taken back and brought back since", &took_it_back],
    );
    assert_eq!(plan["attempt"]["undo"], redo.as_str());
    let detail = applied(&root, FORWARD, &digest)["detail"].clone();
    let took_that_back = format!("Operation {redo} took that back at");
    assert!(
        detail.as_str().expect("words").contains(&took_that_back),
        "{detail}"
    );
    let undo_told = run_to(3, &["apply", root.uri(), &undo, "--digest", &undo_digest]);
    assert!(unwrapped(&undo_told.stdout).contains(&format!("Operation {redo} took it back at")));
    let audit = run_to(0, &["audit", root.uri()]).stdout;
    for of in [FORWARD, undo.as_str()] {
        let line = format!("  the undo of operation {of}\n");
        assert_eq!(audit.matches(&line).count(), 1, "{audit}");
    }
}

#[tokio::test]
async fn a_released_recovery_and_a_file_that_was_set_aside_say_that_nothing_can_follow() {
    let root = CrashedRoot::new().await;
    applied(&root, FORWARD, &approve(&root, FORWARD, &[]));
    let release = run_to(0, &["release", root.uri(), FORWARD, "--json"]).json();
    let id = release["operation_id"].as_str().expect("an id");
    let digest = digest_of(&release);
    run_to(0, &approval(&root, id, &digest, &[]));
    assert_eq!(applied(&root, id, &digest)["sidecar"], "no_file");
    let dropped = format!("Operation {id} dropped its tags at");
    finished(
        &root,
        FORWARD,
        "rolled_forward",
        &[
            &dropped,
            "cannot be taken back any more: its tags are dropped",
        ],
    );
    let of = format!("The tags of the recovery of operation {FORWARD} are dropped.");
    finished(
        &root,
        id,
        "cleaned_up",
        &[&of, "dropped tags do not come back"],
    );

    let dismissal = run_to(0, &["dismiss", root.uri(), NEWER, "--json"]).json();
    let digest = digest_of(&dismissal);
    let consent = ["--reason", "it is of another release"];
    run_to(0, &approval(&root, NEWER, &digest, &consent));
    assert_eq!(applied(&root, NEWER, &digest)["sidecar"], "retired");
    let file = format!("{NEWER}.json is set aside.");
    let plan = finished(
        &root,
        NEWER,
        "cleaned_up",
        &[&file, "its bytes are in the journal"],
    );
    assert_eq!(plan["attempt"]["sidecar"], "retired");

    // Its file comes back: that is no work that is done, and the next command is told.
    fs::write(
        root.file(&format!("__recovery/{NEWER}.json")),
        plan["sidecar"].as_str().expect("text"),
    )
    .expect("a file");
    let back = unwrapped(&run_to(0, &["plan", root.uri(), NEWER]).stdout);
    assert!(
        back.contains("was set aside, and is there") && back.contains("sidecar-inspector apply"),
        "{back}"
    );
}

#[tokio::test]
async fn a_recovery_under_way_says_how_far_it_is_and_that_applying_resumes() {
    let root = CrashedRoot::new().await;
    let digest = approve(&root, BACK, &["--writers-stopped"]);
    // No tag can be set where a file is in the way.
    let in_the_way = root.file("nodes/book/_refs");
    fs::write(&in_the_way, "").expect("a file");
    run_to(1, &["apply", root.uri(), BACK, "--digest", &digest]);
    let plan = plan_of(&root, BACK);
    assert_eq!(
        (&plan["progress"], &plan["attempt"]["finished_at"]),
        (&json!("under_way"), &Value::Null)
    );
    let words = unwrapped(&run_to(0, &["plan", root.uri(), BACK]).stdout);
    for part in [
        "roll_back, under way",
        "is being rolled back: none of",
        "Approved by grace. It was begun at",
        "Applying the plan again resumes it",
        "begun, not known to be done",
        "not begun",
        "sidecar-inspector apply",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    fs::remove_file(in_the_way).expect("it goes");
    applied(&root, BACK, &digest);
    finished(&root, BACK, "rolled_back", &["was rolled back."]);
}

#[tokio::test]
async fn a_report_says_of_the_sidecar_file_what_is_true_of_it() {
    let root = CrashedRoot::new().await;
    let digest = digest_of(&plan_of(&root, FORWARD));
    let apply = ["apply", root.uri(), FORWARD, "--digest", &digest, "--json"];
    assert_eq!(run_to(3, &apply).json()["sidecar"], "kept");
    approve(&root, FORWARD, &[]);
    let file = root.file(&format!("__recovery/{FORWARD}.json"));
    let aside = root.file("aside");
    fs::rename(&file, &aside).expect("it goes");
    let gone = run_to(3, &apply).json();
    assert_eq!(
        (&gone["outcome"], &gone["sidecar"]),
        (&json!("conflict"), &json!("gone"))
    );
    assert!(
        gone["detail"]
            .as_str()
            .expect("words")
            .contains("the sidecar is gone"),
        "{gone}"
    );
    fs::write(&file, "no sidecar").expect("a file");
    let other = run_to(3, &apply).json();
    assert_eq!(other["sidecar"], "replaced", "{other}");
    fs::rename(&aside, &file).expect("it comes back");
    assert_eq!(applied(&root, FORWARD, &digest)["sidecar"], "retired");

    // Long gone, and nothing else was asked for than another plan.
    let another = digest.replace("sha256:", "sha256:0");
    let another = &another[..digest.len()];
    let refused = run_to(
        3,
        &["apply", root.uri(), FORWARD, "--digest", another, "--json"],
    )
    .json();
    assert_eq!(
        (&refused["outcome"], &refused["sidecar"]),
        (&json!("refused"), &json!("retired"))
    );
}

#[tokio::test]
async fn a_writer_whose_clock_is_ahead_is_told_with_what_to_do() {
    let root = CrashedRoot::new().await;
    let file = root.file(&format!("__recovery/{FORWARD}.json"));
    let text = fs::read_to_string(&file).expect("text");
    let mut sidecar: Value = serde_json::from_str(&text).expect("a sidecar");
    sidecar["started_at"] = json!("4070908800000000");
    fs::write(&file, sidecar.to_string()).expect("a file");
    let words = unwrapped(&run_to(0, &["plan", root.uri(), FORWARD]).stdout);
    for part in [
        "started 2099-01-01 00:00:00 UTC, by a clock that is ahead of the one here",
        "too_young: the sidecar counts as 0 s old: it says that its writer started at 2099-01-01 00:00:00 UTC",
        "executable from 2099-01-01 00:15:00 UTC",
        "--min-age 0s makes it executable at once",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let at_once = ["--min-age", "0s", "plan", root.uri(), FORWARD, "--json"];
    assert_eq!(run_to(0, &at_once).json()["executable"], json!(true));
}

#[tokio::test]
async fn temporary_files_that_a_killed_write_left_are_named_and_hurt_nobody() {
    let root = CrashedRoot::new().await;
    applied(&root, FORWARD, &approve(&root, FORWARD, &[]));
    assert!(list_of(&root).get("skipped").is_none());
    let left = [
        format!("__recovery/{BACK}.json#1"),
        format!("__recovery_log/open/{BACK}.000001#1"),
        format!("__recovery_log/{FORWARD}/000009.json#7"),
    ];
    for name in &left {
        fs::write(root.file(name), "half").expect("a file");
    }
    let told = |skipped: &Value, name: &str| {
        let reasons = skipped.as_array().expect("a list").iter();
        let details = reasons.filter_map(|reason| reason["detail"].as_str());
        let named: Vec<&str> = details.filter(|detail| detail.starts_with(name)).collect();
        assert_eq!(named.len(), 1, "{name}: {skipped}");
        assert!(
            named[0].contains("is a temporary file") && named[0].contains("remove it by hand"),
            "{named:?}"
        );
    };
    let list = list_of(&root);
    told(&list["skipped"], &left[0]);
    told(&list["skipped"], &left[1]);
    assert_eq!(
        list["recoveries"].as_array().map(Vec::len),
        Some(2),
        "they stand for nothing"
    );
    let audit = run_to(0, &["audit", root.uri(), "--verify", "--json"]).json();
    told(&audit["skipped"], &left[1]);
    told(&audit["skipped"], &left[2]);
    assert_eq!(audit["operations"][0]["verified"], json!(true));
    applied(&root, BACK, &approve(&root, BACK, &["--writers-stopped"]));
    for name in &left {
        fs::remove_file(root.file(name)).expect("nobody removed it");
    }
    assert!(list_of(&root).get("skipped").is_none());
}

#[tokio::test]
async fn a_file_that_can_be_recovered_is_not_set_aside_and_says_so_by_a_code_of_its_own() {
    let root = CrashedRoot::new().await;
    let plan = run_to(3, &["dismiss", root.uri(), FORWARD, "--json"]).json();
    super::program::assert_blocked_by(&plan, "not_dismissible");
    assert!(!plan["headline"].as_str().expect("words").contains("()"));
    let words = run_to(3, &["dismiss", root.uri(), FORWARD]).stdout;
    assert_eq!(
        words,
        format!(
            "Not set aside: {FORWARD}.json is neither refused nor aborted:\nrecover it instead.\n\nsidecar-inspector plan {} {FORWARD}\n",
            root.uri()
        )
    );
}

#[tokio::test]
async fn the_undo_of_an_undone_roll_back_says_that_it_shows_the_sidecar_which_that_undo_left() {
    let root = CrashedRoot::new().await;
    applied(&root, BACK, &approve(&root, BACK, &["--writers-stopped"]));
    let (undo, _) = undone(&root, BACK);
    let shown = undo_of(&root, &undo);
    let left = shown["operation_id"].as_str().expect("an id");
    assert_eq!(shown["purpose"]["kind"], "recover");
    let words = unwrapped(&run_to(0, &["undo", root.uri(), &undo]).stdout);
    let told = format!(
        "Operation {undo} was the undo of a roll back, and left the sidecar of operation {left}."
    );
    assert!(words.starts_with(&told), "{words}");
    let own = run_to(0, &["undo", root.uri(), BACK]).stdout;
    assert!(
        own.starts_with(&undo),
        "its own undo is told as it is: {own}"
    );
}

#[tokio::test]
async fn an_approved_undo_whose_version_was_cleaned_away_says_that() {
    let root = CrashedRoot::new().await;
    applied(&root, FORWARD, &approve(&root, FORWARD, &[]));
    let undo = undo_of(&root, FORWARD);
    let id = undo["operation_id"].as_str().expect("an id");
    let digest = digest_of(&undo);
    run_to(0, &approval(&root, id, &digest, &["--writers-stopped"]));
    // Version 1 of the table, under the name that Lance gives it.
    let version = format!("nodes/author/_versions/{:020}.manifest", u64::MAX - 1);
    fs::remove_file(root.file(&version)).expect("it is there");
    let apply = ["apply", root.uri(), id, "--digest", &digest, "--json"];
    let told = run_to(3, &apply).json();
    let detail = told["detail"].as_str().expect("words");
    assert!(
        detail.contains("it cannot be carried out: node:Author cannot be returned"),
        "{detail}"
    );
    assert!(!detail.contains("approve it if it is right"), "{detail}");
    assert_eq!(told["sidecar"], "no_file");
}

fn files_below(root: &CrashedRoot, folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut folders = vec![root.file(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => names.push(path.display().to_string()),
            }
        }
    }
    names.sort();
    names
}

#[tokio::test]
async fn the_audit_says_what_each_step_was_without_the_plan_beside_it() {
    let root = CrashedRoot::new().await;
    let plan = plan_of(&root, BACK);
    let digest = approve(
        &root,
        BACK,
        &["--writers-stopped", "--reason", "it was night"],
    );
    applied(&root, BACK, &digest);
    let words = unwrapped(&run_to(0, &["audit", root.uri(), BACK]).stdout);
    let approved = format!(
        "plan {} (roll_back) approved by grace, who states that every writer is stopped: it was night",
        &digest["sha256:".len()..][..12]
    );
    assert!(words.contains(&approved), "{words}");
    let steps = plan["steps"].as_array().expect("steps");
    // The last two are the terminal record itself, and the file that goes after it.
    for (index, step) in steps.iter().enumerate().take(steps.len() - 2) {
        let told = format!(
            "{} {}",
            index + 1,
            step["sentence"].as_str().expect("words")
        );
        assert!(words.contains(&told), "{told}: {words}");
    }
    assert!(words.contains("done: 1, 2"), "{words}");
    let about = "Mutation on main by ben: edge:Cites, node:Book";
    assert!(words.contains(about), "{words}");
}

#[tokio::test]
async fn a_closed_journal_whose_last_record_was_removed_does_not_verify() {
    let root = CrashedRoot::new().await;
    applied(&root, FORWARD, &approve(&root, FORWARD, &[]));
    let verify = ["audit", root.uri(), "--verify"];
    let words = run_to(0, &verify).stdout;
    assert!(words.contains("rolled_forward  the chain holds"), "{words}");
    let records = files_below(&root, &format!("__recovery_log/{FORWARD}"));
    let is_record = |name: &&String| {
        let name = name.rsplit('/').next().expect("a name");
        name.ends_with(".json") && name.starts_with(|first: char| first.is_ascii_digit())
    };
    let last = records.iter().filter(is_record).max().expect("a record");
    fs::remove_file(last).expect("it goes");
    let words = unwrapped(&run_to(1, &verify).stdout);
    assert!(
        words.contains("THE CHAIN IS BROKEN") && words.contains("records at its end were removed"),
        "{words}"
    );
    let document = run_to(1, &[&verify[..], &["--json"]].concat()).json();
    assert_eq!(document["operations"][0]["verified"], json!(false));
}
