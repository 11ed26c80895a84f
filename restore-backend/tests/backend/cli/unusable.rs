//! Folders that are no root, or not any more: each is told with its cause, whatever is asked.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crashed_roots::crashed_root::{CrashedRoot, FORWARD};
use serde_json::Value;

use super::program::{PROGRAM, run_to};
use super::serving::{Serving, raw, session};

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Every subcommand that is about one operation of a root.
fn about_an_operation(uri: &str) -> [Vec<&str>; 9] {
    let named = |command| vec![command, uri, FORWARD];
    let by = |command, more: &[&'static str]| {
        let digest = ["--digest", DIGEST];
        [&named(command), digest.as_slice(), more].concat()
    };
    [
        named("plan"),
        by("approve", &["--as", "grace"]),
        by("revoke", &["--as", "grace"]),
        by("apply", &[]),
        by(
            "end",
            &["--as", "grace", "--reason", "x", "--writers-stopped"],
        ),
        named("undo"),
        named("release"),
        named("dismiss"),
        named("audit"),
    ]
}

#[tokio::test]
async fn of_an_operation_in_a_folder_without_a_catalog_it_is_said_that_there_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("hosts"), "127.0.0.1").expect("a file");
    let gone = CrashedRoot::healthy().await;
    fs::remove_dir_all(gone.file("__manifest")).expect("a folder");
    for uri in [folder.path().to_str().expect("text"), gone.uri()] {
        for arguments in about_an_operation(uri) {
            let words = run_to(1, &arguments).stderr;
            let expected = format!("there is no catalog (__manifest) at {uri}");
            assert!(words.contains(&expected), "{arguments:?}: {words}");
            let document = run_to(1, &[&arguments[..], &["--json"]].concat()).json();
            assert_eq!(document["error"]["code"], "no_catalog", "{arguments:?}");
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing was written");

    // In a root, the operation is what is not known.
    let healthy = CrashedRoot::healthy().await;
    for arguments in about_an_operation(healthy.uri()) {
        if arguments[0] == "revoke" {
            continue;
        }
        let document = run_to(1, &[&arguments[..], &["--json"]].concat()).json();
        let code = &document["error"]["code"];
        assert_eq!(code, "unknown_operation", "{arguments:?}");
    }
}

/// The program, without the right of a superuser to read everything; `None` if it has that right and cannot be run without.
fn without_privileges() -> Option<Command> {
    let folder = tempfile::tempdir().ok()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o000)).ok()?;
    if fs::read_dir(folder.path()).is_err() {
        return Some(Command::new(PROGRAM));
    }
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set=-dac_override,-dac_read_search");
    let listing = Command::new("setpriv")
        .arg("--bounding-set=-dac_override,-dac_read_search")
        .arg("ls")
        .arg(folder.path())
        .output()
        .ok()?;
    if listing.status.success() {
        return None;
    }
    command.arg(PROGRAM);
    Some(command)
}

/// The status, the code and the words of the answer to a request for the list, or for an operation.
fn ask(address: &str, session: &str, below: &str) -> (u16, String, String) {
    let request = format!(
        "GET /api/v1/roots/graph/{below} HTTP/1.1\r\nhost: {address}\r\n{session}connection: close\r\n\r\n"
    );
    let answer = raw(address, &request);
    let status = answer.split(' ').nth(1).expect("a status");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let status = status.parse().expect("a status");
    (status, text("code"), text("detail"))
}

#[tokio::test]
async fn a_root_that_goes_bad_under_a_running_console_is_named_with_the_cause() {
    let unprivileged = without_privileges();
    let is_kept_out = unprivileged.is_some();
    let mut program = unprivileged.unwrap_or_else(|| Command::new(PROGRAM));
    let root = CrashedRoot::new().await;
    let path = Path::new(root.uri());
    let named = format!("graph={}", root.uri());
    let child = program
        .args(["serve", "--json", "--port", "0", "--root", &named])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let mut serving = Serving::of(child);
    let document = serving.document();
    let address = document["address"].as_str().expect("text");
    let address = address.strip_prefix("http://").expect("an address");
    let session = session(address, document["login"].as_str().expect("text"));
    let aside = path.with_file_name("aside");
    let mode = |mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));

    type Change<'a> = (&'a str, Box<dyn Fn() + 'a>, &'a str, &'a str);
    let moved = || fs::rename(path, &aside).expect("a rename");
    let changes: [Change<'_>; 7] = [
        (
            "a link to itself",
            Box::new(|| symlink(path, path).expect("a link")),
            "root_unusable",
            "is a link that leads to itself",
        ),
        (
            "nothing",
            Box::new(|| {}),
            "root_missing",
            "there is no folder",
        ),
        (
            "a file",
            Box::new(|| fs::write(path, "").expect("a file")),
            "root_missing",
            "something else has that path",
        ),
        (
            "a link to where it is now",
            Box::new(|| symlink(&aside, path).expect("a link")),
            "root_unusable",
            "is a link now",
        ),
        (
            "a link to another folder",
            Box::new(|| symlink("/", path).expect("a link")),
            "root_not_identified",
            "was replaced by another",
        ),
        (
            "an empty folder",
            Box::new(|| fs::create_dir(path).expect("a folder")),
            "root_not_identified",
            "was replaced by another",
        ),
        (
            "a copy",
            Box::new(|| {
                let copied = Command::new("cp").arg("-a").args([&aside, path]).status();
                assert!(copied.expect("cp runs").success());
            }),
            "root_not_identified",
            "was replaced by another",
        ),
    ];
    for (what, put, code, words) in changes {
        assert_eq!(ask(address, &session, "recoveries").0, 200, "before {what}");
        moved();
        put();
        for below in [
            "recoveries".to_owned(),
            format!("recoveries/{FORWARD}"),
            "audit".to_owned(),
        ] {
            let (status, found, detail) = ask(address, &session, &below);
            assert_eq!(
                (status, found.as_str()),
                (503, code),
                "{what}, {below}: {detail}"
            );
            assert!(
                detail.contains(root.uri()) && detail.contains(words),
                "{what}, {below}: {detail}"
            );
        }
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(path).expect("a folder"),
            Ok(_) => fs::remove_file(path).expect("a file"),
            Err(_) => {}
        }
        fs::rename(&aside, path).expect("a rename");
    }
    let rights: &[u32] = match is_kept_out {
        true => &[0o000, 0o444, 0o111],
        false => {
            println!("no rights are taken: this user may read everything, and setpriv is not here");
            &[]
        }
    };
    for taken in rights.iter().copied() {
        mode(taken).expect("it is ours");
        let (status, code, detail) = ask(address, &session, "recoveries");
        mode(0o755).expect("it is ours");
        // Whoever may search a folder reads what it knows the names of.
        if taken == 0o111 {
            assert_eq!(status, 200, "{detail}");
            continue;
        }
        assert_eq!((status, code.as_str()), (503, "root_unusable"), "{taken:o}");
        assert!(
            detail.contains(root.uri()) && detail.contains("may not search"),
            "{taken:o}: {detail}"
        );
    }
    assert_eq!(ask(address, &session, "recoveries").0, 200, "it is back");
}

#[tokio::test]
async fn a_command_tells_why_a_folder_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    symlink(at("loop"), at("loop")).expect("a link");
    fs::write(at("file"), "").expect("a file");
    for (name, code, words) in [
        ("loop", "root_unusable", "is a link that leads to itself"),
        ("file", "root_missing", "something else has that path"),
        ("none", "root_missing", "there is no folder"),
    ] {
        let uri = at(name);
        let document = run_to(1, &["list", &uri, "--json"]).json();
        assert_eq!(document["error"]["code"], code, "{document}");
        let stderr = run_to(1, &["list", &uri]).stderr;
        assert!(stderr.contains(words) && stderr.contains(&uri), "{stderr}");
    }
    let Some(mut program) = without_privileges() else {
        println!("no rights are taken: this user may read everything, and setpriv is not here");
        return;
    };
    fs::create_dir(at("locked")).expect("a folder");
    fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o000)).expect("it is ours");
    let output = program.args(["list", &at("locked"), "--json"]).output();
    let output = output.expect("the program runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(document["error"]["code"], "root_unusable", "{document}");
}
