//! Real processes: killed at every mutating request of what they carry out, and stopped while another one takes over.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use restore_backend::root::Root;
use restore_backend::service::{self, Answer, ServiceError};
use root_objects::clock;
use sidecar::api::PlanReport;
use sidecar::journal::JournalEntry;
use sidecar::{Digest, OperationId, OutcomeKind};

use crate::support::{Store, Visible};

const TABLES: [&str; 3] = ["node:Author", "edge:Wrote", "node:Book"];
const SIGKILL: i32 = 9;
/// How long a process may take to come to where it stops itself.
const STOP_SECONDS_MAX: u64 = 60;

/// An `apply` in a process of its own.
fn console(store: &Store, operation: &OperationId, digest: Digest) -> Command {
    console_that("apply", store, operation, digest)
}

pub fn console_that(does: &str, store: &Store, operation: &OperationId, digest: Digest) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_e2e-console"));
    command
        .arg(does)
        .arg(store.path())
        .args([operation.as_str(), &digest.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(home) = store.relocated_from() {
        command.env("RELOCATED_FROM", home);
    }
    command
}

/// What a process came to, which no process of ours comes to by a panic: not in its main task, nor in any other.
async fn ended(child: Child) -> Output {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("panicked"), "{output:?}");
    output
}

/// The one line of a console that finished: the outcome, what became of the sidecar, its mutating requests.
pub fn answer(output: &Output) -> (String, String, u64) {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let [outcome, sidecar, mutations] = words.as_slice() else {
        panic!("{output:?}")
    };
    (
        (*outcome).to_owned(),
        (*sidecar).to_owned(),
        mutations.parse().unwrap(),
    )
}

pub async fn run(mut command: Command) -> Output {
    ended(command.spawn().unwrap()).await
}

/// Everything a person could tell two stores apart by.
#[derive(Debug, PartialEq)]
struct Stand {
    visible: Visible,
    heads: BTreeMap<String, u64>,
    drifting: usize,
    sidecars: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl Stand {
    async fn of(store: &Store) -> Self {
        let files = lasting_files(store);
        let names = |folder: &str| -> BTreeSet<String> {
            let paths = files.keys().map(|path| path.strip_prefix(store.path()));
            let paths = paths.map(|path| path.unwrap().to_str().unwrap());
            let found = paths.filter(|path| path.contains(folder));
            found.map(str::to_owned).collect()
        };
        Self {
            visible: store.visible_rows().await,
            heads: store.heads(&TABLES).await,
            drifting: store.drift().await.len(),
            sidecars: names("__recovery/"),
            tags: names("/_refs/tags/"),
        }
    }
}

/// The files that must be the same after a crash. Left out: staged files (`#`), Lance's version hints, which nobody trusts, and
/// marks of open operations, which any later run removes.
fn lasting_files(store: &Store) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = store.files();
    files.retain(|path, _| {
        !path.to_str().unwrap().contains('#')
            && !path.ends_with("latest_version_hint.json")
            && !path.parent().unwrap().ends_with("__recovery_log/open")
    });
    files
}

/// What an undisturbed process comes to.
struct Clean {
    requests: u64,
    stand: Stand,
}

impl Clean {
    async fn of(
        template: &Store,
        approve: impl AsyncFn(&Store) -> (OperationId, Digest),
        outcome: OutcomeKind,
    ) -> Self {
        let store = template.copy();
        let (operation, digest) = approve(&store).await;
        let requests = finishes(&store, &operation, digest, outcome, "undisturbed").await;
        assert!(requests > 4, "{requests} requests are none");
        Self {
            requests,
            stand: Stand::of(&store).await,
        }
    }

    async fn is_reached(&self, store: &Store, operation: &OperationId, at: &str) {
        assert_eq!(Stand::of(store).await, self.stand, "{at}");
        is_finished_once(store, operation, at).await;
    }
}

/// Runs a process that nothing disturbs, which has to come to this outcome; how many mutating requests it sent.
async fn finishes(
    store: &Store,
    operation: &OperationId,
    digest: Digest,
    outcome: OutcomeKind,
    at: &str,
) -> u64 {
    let output = run(console(store, operation, digest)).await;
    let (said, sidecar, requests) = answer(&output);
    let expected = (outcome.name(), "retired");
    assert_eq!((said.as_str(), sidecar.as_str()), expected, "{at}");
    requests
}

async fn is_finished_once(store: &Store, operation: &OperationId, at: &str) {
    let records = store.open().await.records(operation).await;
    let finished = records
        .iter()
        .filter(|entry| matches!(entry, JournalEntry::Finished { .. }));
    assert_eq!(finished.count(), 1, "{at}");
}

/// `approve` plans and approves in the store it is given: a copy has approvals of its own.
async fn every_kill_converges(
    template: &Store,
    approve: impl AsyncFn(&Store) -> (OperationId, Digest),
    outcome: OutcomeKind,
) {
    let clean = Clean::of(template, &approve, outcome).await;
    for when in ["before", "after"] {
        for request in 1..=clean.requests {
            let at = format!("killed {when} request {request} of {}", clean.requests);
            let store = template.copy();
            let (operation, digest) = approve(&store).await;
            let mut command = console(&store, &operation, digest);
            command
                .env("KILL_AT", request.to_string())
                .env("WHEN", when);
            let killed = run(command).await;
            assert_eq!(killed.status.signal(), Some(SIGKILL), "{at}: {killed:?}");
            assert!(killed.stdout.is_empty(), "{at}: {killed:?}");

            finishes(&store, &operation, digest, outcome, &at).await;
            clean.is_reached(&store, &operation, &at).await;
        }
    }
    // Once more on a finished one: another process, and nothing left to do.
    let store = template.copy();
    let (operation, digest) = approve(&store).await;
    finishes(&store, &operation, digest, outcome, "first").await;
    let requests = finishes(&store, &operation, digest, outcome, "again").await;
    assert_eq!(requests, 0);
}

/// A write over all tables that died after so many commits.
async fn crashed(committed: usize) -> (Store, OperationId) {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES, committed).await;
    (store, operation)
}

async fn every_kill_of_a_recovery_converges(committed: usize, outcome: OutcomeKind) {
    let (template, operation) = crashed(committed).await;
    let approve = async |store: &Store| {
        let digest = store.open().await.approve(&operation).await;
        (operation.clone(), digest)
    };
    every_kill_converges(&template, approve, outcome).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_survives_a_kill_at_every_request() {
    every_kill_of_a_recovery_converges(2, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_survives_a_kill_at_every_request() {
    every_kill_of_a_recovery_converges(3, OutcomeKind::RolledForward).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_up_survives_a_kill_at_every_request() {
    every_kill_of_a_recovery_converges(0, OutcomeKind::CleanedUp).await;
}

async fn every_kill_of_what_follows_a_roll_back_converges(
    plan: impl AsyncFn(&Root, &OperationId) -> Result<Answer<PlanReport>, ServiceError>,
    outcome: OutcomeKind,
) {
    let (template, of) = crashed(2).await;
    let report = template.open().await.recover(&of).await;
    assert_eq!(report.outcome, OutcomeKind::RolledBack);
    let approve = async |store: &Store| {
        let opened = store.open().await;
        let Answer::Done(plan) = plan(&opened.root, &of).await.unwrap() else {
            panic!("nothing follows")
        };
        opened.approve_plan(&plan).await
    };
    every_kill_converges(&template, approve, outcome).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_undo_of_a_roll_back_survives_a_kill_at_every_request() {
    let undo = async |root: &Root, of: &OperationId| service::undo(root, of, clock::now()).await;
    every_kill_of_what_follows_a_roll_back_converges(undo, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_survives_a_kill_at_every_request() {
    let release =
        async |root: &Root, of: &OperationId| service::release(root, of, clock::now()).await;
    every_kill_of_what_follows_a_roll_back_converges(release, OutcomeKind::CleanedUp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissal_survives_a_kill_at_every_request() {
    let (template, _) = crashed(1).await;
    let notes = template.path().join("__recovery/notes.json");
    std::fs::write(notes, "no sidecar").unwrap();
    let approve = async |store: &Store| {
        let opened = store.open().await;
        let plan = service::dismiss(&opened.root, "notes.json", clock::now()).await;
        opened.approve_plan(&plan.unwrap()).await
    };
    every_kill_converges(&template, approve, OutcomeKind::CleanedUp).await;
}

/// The state the kernel shows for a process; the name before it may hold anything but a closing bracket after it.
fn state_of(process: u32) -> char {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = text.rsplit_once(')').unwrap().1;
    after_name.trim_start().chars().next().unwrap()
}

/// Waits until the process has stopped itself; `false` if it came to its end instead.
async fn stops(process: u32) -> bool {
    let stopped = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        loop {
            ticks.tick().await;
            match state_of(process) {
                'T' => return true,
                'Z' => return false,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(STOP_SECONDS_MAX), stopped)
        .await
        .expect("the process neither stops nor ends")
}

fn continues(process: u32) {
    let sent = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -CONT {process}"))
        .status();
    assert!(sent.unwrap().success());
}

/// How the world goes on between the end of the takeover and the moment the stopped process is continued.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Meanwhile {
    Nothing,
    /// Somebody writes and publishes all of its tables, and dies in the next write.
    Writers,
}

async fn every_stop_is_harmless(committed: usize, outcome: OutcomeKind, meanwhile: Meanwhile) {
    let (template, operation) = crashed(committed).await;
    let approve = async |store: &Store| {
        let digest = store.open().await.approve(&operation).await;
        (operation.clone(), digest)
    };
    let clean = Clean::of(&template, &approve, outcome).await;
    for request in 1..=clean.requests {
        let at = format!("stopped before request {request} of {}", clean.requests);
        let store = template.copy();
        let (operation, digest) = approve(&store).await;
        let mut command = console(&store, &operation, digest);
        command.env("STOP_AT", request.to_string());
        let stopped = command.spawn().unwrap();
        let process = stopped.id();
        assert!(stops(process).await, "{at}: it never came there");

        finishes(&store, &operation, digest, outcome, &at).await;
        clean.is_reached(&store, &operation, &at).await;
        if meanwhile == Meanwhile::Writers {
            store.written(&TABLES, 700..705).await;
            store.crashed_write(&TABLES, 1).await;
        }
        let (stand, files) = (Stand::of(&store).await, lasting_files(&store));

        // Long after everything is over, the first one sends the request it was about to send.
        continues(process);
        let late = ended(stopped).await;
        assert!(matches!(late.status.code(), Some(0 | 1)), "{at}: {late:?}");
        if late.status.success() {
            let (said, ..) = answer(&late);
            assert!(
                [outcome, OutcomeKind::Unknown, OutcomeKind::Refused]
                    .map(OutcomeKind::name)
                    .contains(&said.as_str()),
                "{at}: {late:?}"
            );
        } else {
            assert!(!late.stderr.is_empty(), "{at}: it failed, and why?");
        }
        assert_eq!(Stand::of(&store).await, stand, "{at}, then continued");
        is_finished_once(&store, &operation, &at).await;
        let now = lasting_files(&store);
        for (path, bytes) in &files {
            match now.get(path) {
                Some(found) => assert!(found == bytes, "{at}: {}", path.display()),
                None => assert!(is_of_no_version(path, &files), "{at}: {}", path.display()),
            }
        }
        for path in now.keys().filter(|path| !files.contains_key(*path)) {
            assert!(is_of_no_version(path, &now), "{at}: {}", path.display());
        }
    }
}

/// Whether this was staged for a commit that did not land, as no reader ever sees.
fn is_of_no_version(path: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) -> bool {
    let (name, folder) = (path.file_name().unwrap(), path.parent().unwrap());
    let name = name.as_encoded_bytes();
    let mut manifests = files
        .iter()
        .filter(|(path, _)| path.parent().unwrap().ends_with("_versions"));
    (folder.ends_with("_transactions") || folder.ends_with("data"))
        && !manifests.any(|(_, bytes)| bytes.windows(name.len()).any(|window| window == name))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_is_taken_over_from_a_stopped_process() {
    every_stop_is_harmless(2, OutcomeKind::RolledBack, Meanwhile::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_is_taken_over_from_a_stopped_process() {
    every_stop_is_harmless(3, OutcomeKind::RolledForward, Meanwhile::Nothing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_process_changes_nothing_in_a_world_that_went_on() {
    every_stop_is_harmless(2, OutcomeKind::RolledBack, Meanwhile::Writers).await;
}
