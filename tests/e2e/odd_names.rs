//! Names and things that nobody expects in a root: each is told of, none hides another, and nothing leads out.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use restore_backend::service;
use root_objects::journal_store::Journal;
use root_objects::{clock, sidecar_dir};
use sidecar::api::RecoveryList;
use sidecar::{Code, Disposition, Limits, OperationId, OutcomeKind, SidecarFate};

use crate::support::{Opened, Store};

const TABLES: [&str; 2] = ["node:Author", "edge:Wrote"];
/// Long enough for any machine; whoever waits for a pipe waits for ever.
const NEVER: Duration = Duration::from_secs(60);

/// Names that some part of a program takes for something else.
fn odd_names() -> Vec<OsString> {
    let marks = "%#~[]{}^|*?\"<>`\\'&;:=+,!@$() ";
    let around = marks.chars().map(|mark| format!("a{mark}b"));
    let more = [
        "",
        "%25",
        "%2F",
        "%E9",
        "%zz",
        "a#1",
        "#",
        "..a",
        ".hidden",
        "-dash",
        " space",
        "café",
        "cafe\u{301}",
        "日本",
        "🦀",
        "a\u{202e}b",
        "a\u{1}b",
        "a\nb",
        "a\tb",
        "a\r",
        "\u{1b}[31m",
        "a\u{7f}",
        "\u{f0001}",
        "null",
    ];
    let text = around.chain(more.map(str::to_owned)).map(OsString::from);
    let no_text: [&[u8]; 2] = [b"caf\xe9", b"\xff\xfe"];
    let no_text = no_text.map(|name| OsString::from_vec(name.to_vec()));
    let ending = |mut name: OsString| {
        name.push(".json");
        name
    };
    text.chain(no_text).map(ending).collect()
}

async fn listed(opened: &Opened) -> RecoveryList {
    let list = service::list(&opened.root, clock::now());
    let list = tokio::time::timeout(NEVER, list).await;
    list.expect("nothing is waited for").unwrap()
}

fn names_in(folder: &Path) -> BTreeSet<OsString> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

fn pipe(at: &Path) {
    assert!(Command::new("mkfifo").arg(at).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_any_name_are_listed_and_set_aside_with_their_bytes_kept() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let folder = store.path().join("__recovery");
    let names = odd_names();
    assert!(names.len() >= 47);
    let content = |name: &OsStr| [b"this is no sidecar: ", name.as_bytes()].concat();
    for name in &names {
        std::fs::write(folder.join(name), content(name)).unwrap();
    }
    let opened = store.open().await;
    let list = listed(&opened).await;
    assert_eq!(list.recoveries.len(), names.len() + 1, "{list:#?}");
    let files: BTreeSet<&str> = list.recoveries.iter().map(|it| it.file.as_str()).collect();
    assert_eq!(files.len(), names.len() + 1, "no two have one name");
    for name in names.iter().filter_map(|name| name.to_str()) {
        let is_there = files.contains(name) || name.contains('\u{f0001}');
        assert!(is_there, "{name:?} is told by its own name");
    }

    let mut left = names_in(&folder);
    for recovery in &list.recoveries {
        if recovery.operation_id.as_deref() == Some(operation.as_str()) {
            assert_eq!(recovery.disposition, Disposition::RollForward);
            continue;
        }
        let file = &recovery.file;
        assert_eq!(recovery.disposition, Disposition::Refused, "{file:?}");
        let plan = service::dismiss(&opened.root, file, clock::now())
            .await
            .unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let (dismissal, digest) = opened.approve_plan(&plan).await;
        let report = opened.apply(&dismissal, digest).await;
        assert_eq!(
            (report.outcome, report.sidecar),
            (OutcomeKind::CleanedUp, SidecarFate::Retired),
            "{file:?}"
        );
        let now = names_in(&folder);
        let gone: Vec<&OsString> = left.difference(&now).collect();
        assert_eq!(gone.len(), 1, "{file:?} is gone, and no other");
        let journal = Journal::load(opened.root.objects(), &dismissal, &Limits::DEFAULT)
            .await
            .unwrap();
        let kept = journal
            .state
            .finished()
            .unwrap()
            .sidecar
            .as_bytes()
            .to_vec();
        assert!(kept == content(gone[0]), "{file:?} is kept in the journal");
        left = now;
    }
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
    assert!(names_in(&folder).is_empty());
    assert!(listed(&opened).await.recoveries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_name_hides_no_older_sidecar_that_others_wait_for() {
    let store = Store::with_tables(&TABLES).await;
    let older = store.crashed_write(&TABLES[..1], 1).await;
    let folder = store.path().join("__recovery");
    let younger: OperationId = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse().unwrap();
    let sidecar = std::fs::read_to_string(folder.join(older.file_name())).unwrap();
    let sidecar = sidecar.replace(older.as_str(), younger.as_str());
    std::fs::write(folder.join(younger.file_name()), sidecar).unwrap();
    // Somebody renamed it. It is refused then, and still holds up what came after.
    std::fs::rename(folder.join(older.file_name()), folder.join("café.json")).unwrap();
    for stray in ["a\u{1}b", "a\u{1}b.json", "a\nb.json"] {
        std::fs::write(folder.join(stray), "").unwrap();
    }
    std::fs::write(folder.join(OsStr::from_bytes(b"\xff.json")), "").unwrap();
    std::fs::create_dir(folder.join("01000000000000000000000000.json")).unwrap();
    std::fs::create_dir(folder.join("deeper")).unwrap();
    symlink("nowhere", folder.join("broken.json")).unwrap();
    pipe(&folder.join("deeper/pipe.json"));
    let opened = store.open().await;
    let list = listed(&opened).await;
    let found: BTreeMap<&str, Disposition> = list
        .recoveries
        .iter()
        .map(|recovery| (recovery.file.as_str(), recovery.disposition))
        .collect();
    let refused = [
        "café.json",
        "a\u{1}b.json",
        "a\nb.json",
        "01000000000000000000000000.json",
        "broken.json",
    ];
    for file in refused {
        assert_eq!(found.get(file), Some(&Disposition::Refused), "{file:?}");
    }
    assert_eq!(found.len(), refused.len() + 2, "{found:?}");
    assert_eq!(found[younger.file_name().as_str()], Disposition::Waiting);
    let plan = opened.plan(&younger).await;
    assert!(!plan.executable, "{plan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_the_journals_stops_nobody_and_is_told() {
    let store = Store::with_tables(&["node:Author", "edge:Wrote", "node:Book"]).await;
    let operation = store.crashed_write(&["node:Author"], 1).await;
    let linked = store.crashed_write(&["edge:Wrote"], 1).await;
    let piped = store.crashed_write(&["node:Book"], 0).await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("000001.json"), "{}").unwrap();
    let log = store.path().join("__recovery_log");
    std::fs::create_dir(&log).unwrap();
    std::fs::create_dir(log.join("a\nb")).unwrap();
    for file in [&b"a\nb/inner"[..], b"no-\xff-text", b"notes.txt"] {
        std::fs::write(log.join(OsStr::from_bytes(file)), "").unwrap();
    }
    symlink(outside.path(), log.join("elsewhere")).unwrap();
    pipe(&log.join("pipe"));
    // A journal that is a link, or has a record that is a pipe, is no shorter journal: it cannot be read.
    symlink(outside.path(), log.join(linked.as_str())).unwrap();
    std::fs::create_dir(log.join(piped.as_str())).unwrap();
    pipe(&log.join(piped.as_str()).join("000001.json"));

    let opened = store.open().await;
    let list = listed(&opened).await;
    let refused = |operation: &OperationId| {
        let found = list
            .recoveries
            .iter()
            .find(|it| it.operation_id.as_deref() == Some(operation.as_str()));
        found.unwrap().refused.clone()
    };
    assert_eq!(refused(&operation), None);
    for (operation, what) in [(&linked, "is a link"), (&piped, "is a named pipe")] {
        let reason = refused(operation).expect("refused");
        assert_eq!(reason.code, Code::Unreadable);
        assert!(reason.detail.contains(what), "{reason:?}");
    }
    let skipped: Vec<&str> = list.skipped.iter().map(|it| it.detail.as_str()).collect();
    assert_eq!(skipped.len(), 5, "{skipped:?}");
    for told in [
        "a\\x0ab",
        "notes.txt is not part of any journal",
        "no-\\xff-text",
        "elsewhere is a link",
        "pipe is a named pipe",
    ] {
        assert!(
            skipped.iter().any(|it| it.contains(told)),
            "{told}: {skipped:?}"
        );
    }
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
    let audit = service::audit(&opened.root, None, true).await.unwrap();
    assert!(audit.operations.iter().any(|it| it.verified == Some(true)));
    assert_eq!(
        names_in(outside.path()).len(),
        1,
        "nothing is written outside"
    );
}

/// Once every open operation is marked, a look lists those marks alone, and what lies beside the journals costs it nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_the_journals_is_told_by_the_audit_where_looks_do_not_meet_it() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, 2).await;
    let opened = store.open().await;
    assert_eq!(
        opened.recover(&operation).await.outcome,
        OutcomeKind::RolledForward
    );
    let outside = tempfile::tempdir().unwrap();
    let log = store.path().join("__recovery_log");
    std::fs::create_dir(log.join("a\nb")).unwrap();
    let journal = log.join(operation.as_str());
    for file in [
        &b"a\nb/inner"[..],
        b"a\nb/another",
        b"no-\xff-text",
        b"notes.txt",
    ] {
        std::fs::write(log.join(OsStr::from_bytes(file)), "").unwrap();
    }
    symlink(outside.path(), log.join("elsewhere\u{202e}")).unwrap();
    pipe(&log.join("pipe"));
    std::fs::write(journal.join("odd\n.json"), "").unwrap();

    assert_eq!(listed(&opened).await.skipped, [], "it lists open/ alone");
    let audit = service::audit(&opened.root, None, true).await.unwrap();
    let told: Vec<&str> = audit.skipped.iter().map(|it| it.detail.as_str()).collect();
    let odd_record = format!("__recovery_log/{operation}/odd\\x0a.json is no name");
    for wanted in [
        "__recovery_log/a\\x0ab is no name",
        "__recovery_log/no-\\xff-text is no name",
        "__recovery_log/notes.txt is not part of any journal",
        "__recovery_log/pipe is a named pipe",
        "__recovery_log/elsewhere",
        odd_record.as_str(),
    ] {
        let count = told.iter().filter(|it| it.starts_with(wanted)).count();
        assert_eq!(count, 1, "{wanted}: {told:#?}");
    }
    assert_eq!(told.len(), 6, "{told:#?}");
    assert_eq!(audit.operations.len(), 1);
    assert_eq!(audit.operations[0].verified, Some(true));

    let page = service::audit_page(&opened.root, None, 1).await.unwrap();
    assert_eq!(page.skipped, audit.skipped);
    let next = service::audit_page(&opened.root, Some(&operation), 1).await;
    assert_eq!(next.unwrap().skipped, [], "they are told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_beside_the_journals_than_is_told_one_by_one_is_counted() {
    let store = Store::with_tables(&TABLES).await;
    store.crashed_write(&TABLES, 1).await;
    let outside = tempfile::tempdir().unwrap();
    let log = store.path().join("__recovery_log");
    std::fs::create_dir(&log).unwrap();
    for number in 0..40 {
        symlink(outside.path(), log.join(format!("link-{number}"))).unwrap();
    }
    let skipped = listed(&store.open().await).await.skipped;
    assert_eq!(skipped.len(), 33);
    let last = &skipped[32].detail;
    assert!(last.starts_with("and 8 more below"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_ours_that_are_links_are_errors_and_nothing_is_written_outside() {
    for folder in ["__recovery", "__recovery_log", "__recovery_log/OP"] {
        let store = Store::with_tables(&TABLES).await;
        let operation = store.crashed_write(&TABLES, 2).await;
        let opened = store.open().await;
        let plan = opened.plan(&operation).await;
        let outside = tempfile::tempdir().unwrap();
        let at = store.path().join(folder.replace("OP", operation.as_str()));
        let before = if at.exists() {
            let before = outside.path().join("moved");
            std::fs::rename(&at, &before).unwrap();
            before
        } else {
            std::fs::create_dir_all(at.parent().unwrap()).unwrap();
            outside.path().to_owned()
        };
        symlink(&before, &at).unwrap();
        let found = names_in(&before);

        let digest = plan.digest.unwrap();
        let approve = service::approve(
            &opened.root,
            &operation,
            digest,
            crate::support::approver(),
            clock::now(),
        );
        match approve.await {
            Err(error) => {
                let text = sidecar::error_text(&error);
                assert!(text.contains("is a link"), "{folder}: {text}");
            }
            Ok(service::Answer::No(refusal)) => {
                assert!(
                    refusal.detail.contains("is a link"),
                    "{folder}: {refusal:?}"
                );
            }
            Ok(service::Answer::Done(report)) => panic!("{folder}: {report:?}"),
        }
        let list = service::list(&opened.root, clock::now()).await;
        match list {
            Err(error) => {
                let text = sidecar::error_text(&error);
                assert!(text.contains("is a link"), "{folder}: {text}");
            }
            // One journal is nothing to the others.
            Ok(list) => {
                assert_eq!(folder, "__recovery_log/OP");
                assert!(list.recoveries[0].refused.is_some(), "{list:?}");
            }
        }
        let file = operation.file_name();
        let deleted = sidecar_dir::delete_sidecar(opened.root.objects(), &file).await;
        assert_eq!(deleted.is_err(), folder == "__recovery", "{deleted:?}");
        assert_eq!(names_in(&before), found, "{folder}");
    }
}

/// The file is found by one name and listed by another, as where a store spells names in two ways.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_listed_and_not_found_is_not_retired() {
    let store = Store::with_tables(&TABLES).await;
    let opened = store.open().await;
    let folder = store.path().join("__recovery");
    std::fs::create_dir_all(&folder).unwrap();
    // A folder of the name is not the sidecar, and not nothing either.
    std::fs::create_dir(folder.join("x.json")).unwrap();
    let objects = opened.root.objects();
    sidecar_dir::make_deletion_durable(objects, "x.json")
        .await
        .expect_err("it is listed");
    sidecar_dir::delete_sidecar(objects, "x.json")
        .await
        .expect_err("it is listed");
    std::fs::remove_dir(folder.join("x.json")).unwrap();
    sidecar_dir::delete_sidecar(objects, "x.json")
        .await
        .unwrap();
    for name in ["", "..", "../x.json", "a/b.json"] {
        sidecar_dir::is_there(objects, name)
            .await
            .expect_err("no name of a file");
    }
}
