//! What a person sees at a terminal: width, colours, completions, manual pages.

use std::fs;

use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD};
use serde_json::json;

use super::program::{printed, run_to};

const ESCAPE: char = '\u{1b}';

#[tokio::test]
async fn lists_and_plans_follow_the_width_from_60_to_200_and_say_the_same() {
    let root = CrashedRoot::new().await;
    let mut lines = Vec::new();
    for (columns, width) in [
        ("20", 60),
        ("60", 60),
        ("80", 80),
        ("132", 132),
        ("999", 200),
    ] {
        let list = printed(&["list", root.uri()], &[("COLUMNS", columns)]);
        for word in [
            FORWARD,
            "roll_back",
            "ada",
            "ben",
            "Mutation",
            "main",
            "edge:Cites",
        ] {
            assert!(list.contains(word), "{word} at {columns}: {list}");
        }
        let plan = printed(&["plan", root.uri(), BACK], &[("COLUMNS", columns)]);
        let (words, commands) = plan.split_once("Digest ").expect("a digest");
        assert!(commands.contains("sidecar-inspector approve"), "{plan}");
        // Paths and commands are copied, so their lines are not broken.
        let is_prose = |line: &&str| !line.contains('/') && !line.starts_with("Digest");
        for line in list.lines().skip(1).chain(words.lines()).filter(is_prose) {
            assert!(line.chars().count() <= width, "{columns}: {line}");
        }
        lines.push(words.lines().count());
    }
    assert_eq!(lines[0], lines[1]);
    assert!(lines[1] > lines[2] && lines[2] > lines[4], "{lines:?}");

    let wide = printed(&["list", root.uri()], &[("COLUMNS", "200")]);
    let header = wide.lines().nth(2).expect("a header");
    let names = [
        "OPERATION",
        "DISPOSITION",
        "MOVED",
        "AGE",
        "ACTOR",
        "KIND",
        "BRANCH",
        "TABLES",
    ];
    let found: Vec<&str> = header.split_whitespace().collect();
    assert_eq!(found, names);
}

#[tokio::test]
async fn verdicts_are_coloured_where_that_is_wanted_and_never_in_a_pipe_or_a_document() {
    let root = CrashedRoot::new().await;
    for arguments in [&["list", root.uri()][..], &["plan", root.uri(), BACK]] {
        let plain = printed(arguments, &[]);
        assert!(!plain.contains(ESCAPE), "{plain}");
        let forced = printed(arguments, &[("CLICOLOR_FORCE", "1")]);
        let verdict = format!("{ESCAPE}[1m{ESCAPE}[35mroll_back{ESCAPE}[0m");
        assert!(forced.contains(&verdict), "{forced:?}");
        let both = printed(arguments, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
        assert_eq!(both, plain);
        let document = printed(
            &[arguments, &["--json"]].concat(),
            &[("CLICOLOR_FORCE", "1")],
        );
        assert!(!document.contains(ESCAPE), "{document}");
    }
}

#[test]
fn completions_know_every_command_and_option() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run_to(0, &["completions", shell]).stdout;
        for word in ["approve", "acknowledge", "relocated-from", "drain"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let document = run_to(0, &["completions", shell, "--json"]).json();
        assert_eq!(document, json!({"shell": shell, "script": script}));
    }
    run_to(2, &["completions", "cmd.exe"]);
}

#[test]
fn there_is_a_manual_page_of_the_program_and_of_every_command() {
    let page = run_to(0, &["man"]).stdout;
    assert!(page.contains(".TH sidecar-inspector 1"), "{page}");
    let approve = run_to(0, &["man", "approve"]).stdout;
    for word in [
        ".TH sidecar-inspector-approve 1",
        "writers\\-stopped",
        "relocated\\-from",
    ] {
        assert!(approve.contains(word), "{word}: {approve}");
    }
    let unknown = run_to(2, &["man", "sign"]).stderr;
    assert!(unknown.contains("approve, revoke, apply"), "{unknown}");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("text");
    assert_eq!(run_to(0, &["man", "--dir", path]).stdout, "");
    let mut files: Vec<String> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    files.sort();
    let help = run_to(0, &["--help"]).stdout;
    let (_, commands) = help.split_once("Commands:\n").expect("commands");
    let (commands, _) = commands.split_once("\n\n").expect("their end");
    let is_first = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let mut wanted: Vec<String> = commands
        .lines()
        .filter(is_first)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .map(|command| format!("sidecar-inspector-{command}.1"))
        .collect();
    wanted.push("sidecar-inspector.1".to_owned());
    wanted.sort();
    assert_eq!(files, wanted);
    let missing = run_to(1, &["man", "--dir", "/no/such/folder"]).stderr;
    assert!(
        missing.contains("/no/such/folder/sidecar-inspector.1"),
        "{missing}"
    );
}
