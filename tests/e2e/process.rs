//! Real processes: killed at every mutating request of a recovery, and stopped while another one takes over.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sidecar::journal::JournalEntry;
use sidecar::{Digest, OperationId, OutcomeKind};

use crate::support::Store;

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

async fn ended(child: Child) -> Output {
    tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap()
}

/// The one line of a console that finished: the outcome, what became of the sidecar, its mutating requests.
pub fn answer(output: &Output) -> (String, String, u64) {
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

/// What an undisturbed recovery, in a process of its own, comes to.
struct Clean {
    outcome: OutcomeKind,
    requests: u64,
    visible: BTreeMap<String, u64>,
    heads: BTreeMap<String, u64>,
}

impl Clean {
    async fn of(template: &Store, operation: &OperationId, outcome: OutcomeKind) -> Self {
        let store = template.copy();
        let digest = store.open().await.approve(operation).await;
        let (said, sidecar, requests) = answer(&run(console(&store, operation, digest)).await);
        assert_eq!(
            (said.as_str(), sidecar.as_str()),
            (outcome.name(), "retired")
        );
        assert!(requests > 8, "a recovery of {requests} requests is none");
        Self {
            outcome,
            requests,
            visible: store.visible_rows().await,
            heads: store.heads(&TABLES).await,
        }
    }

    async fn is_reached(&self, store: &Store, operation: &OperationId, at: &str) {
        assert_eq!(store.visible_rows().await, self.visible, "{at}");
        assert_eq!(
            store.heads(&TABLES).await,
            self.heads,
            "{at}: no table was restored twice"
        );
        assert!(store.drift().await.is_empty(), "{at}");
        assert_eq!(store.sidecars(), 0, "{at}");
        let opened = store.open().await;
        assert!(opened.audit_holds(operation).await, "{at}");
        let finished = opened.records(operation).await;
        let finished = finished
            .iter()
            .filter(|entry| matches!(entry, JournalEntry::Finished { .. }));
        assert_eq!(finished.count(), 1, "{at}");
    }
}

async fn every_kill_converges(committed: usize, outcome: OutcomeKind) {
    let template = Store::with_tables(&TABLES).await;
    let operation = template.crashed_write(&TABLES, committed).await;
    let clean = Clean::of(&template, &operation, outcome).await;
    for when in ["before", "after"] {
        for request in 1..=clean.requests {
            let at = format!("killed {when} request {request} of {}", clean.requests);
            let store = template.copy();
            let digest = store.open().await.approve(&operation).await;
            let mut command = console(&store, &operation, digest);
            command
                .env("KILL_AT", request.to_string())
                .env("WHEN", when);
            let killed = run(command).await;
            assert_eq!(killed.status.signal(), Some(SIGKILL), "{at}: {killed:?}");
            assert!(killed.stdout.is_empty(), "{at}: {killed:?}");

            let (said, sidecar, _) = answer(&run(console(&store, &operation, digest)).await);
            assert_eq!(
                (said.as_str(), sidecar.as_str()),
                (outcome.name(), "retired"),
                "{at}"
            );
            clean.is_reached(&store, &operation, &at).await;
        }
    }
    // Once more on a finished one: another process, and nothing left to do.
    let store = template.copy();
    let digest = store.open().await.approve(&operation).await;
    run(console(&store, &operation, digest)).await;
    let again = answer(&run(console(&store, &operation, digest)).await);
    assert_eq!(
        again,
        (clean.outcome.name().to_owned(), "retired".to_owned(), 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_survives_a_kill_at_every_request() {
    every_kill_converges(2, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_survives_a_kill_at_every_request() {
    every_kill_converges(3, OutcomeKind::RolledForward).await;
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

async fn every_stop_is_harmless(committed: usize, outcome: OutcomeKind) {
    let template = Store::with_tables(&TABLES).await;
    let operation = template.crashed_write(&TABLES, committed).await;
    let clean = Clean::of(&template, &operation, outcome).await;
    for request in 1..=clean.requests {
        let at = format!("stopped before request {request} of {}", clean.requests);
        let store = template.copy();
        let digest = store.open().await.approve(&operation).await;
        let mut command = console(&store, &operation, digest);
        command.env("STOP_AT", request.to_string());
        let stopped = command.spawn().unwrap();
        let process = stopped.id();
        assert!(stops(process).await, "{at}: it never came there");

        let (said, sidecar, _) = answer(&run(console(&store, &operation, digest)).await);
        assert_eq!(
            (said.as_str(), sidecar.as_str()),
            (outcome.name(), "retired"),
            "{at}"
        );
        clean.is_reached(&store, &operation, &at).await;

        // Long after everything is over, the first one sends the request it was about to send.
        continues(process);
        let late = ended(stopped).await;
        assert_eq!(late.status.signal(), None, "{at}: {late:?}");
        if late.status.success() {
            let (said, ..) = answer(&late);
            assert!(
                [outcome, OutcomeKind::Unknown, OutcomeKind::Refused]
                    .map(OutcomeKind::name)
                    .contains(&said.as_str()),
                "{at}: {late:?}"
            );
        }
        clean
            .is_reached(&store, &operation, &format!("{at}, then continued"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_is_taken_over_from_a_stopped_process() {
    every_stop_is_harmless(2, OutcomeKind::RolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_forward_is_taken_over_from_a_stopped_process() {
    every_stop_is_harmless(3, OutcomeKind::RolledForward).await;
}
