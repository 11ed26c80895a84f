//! A root whose file system does not answer: who asks is told so in bounded time, and the other roots are as they were.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use restore_backend::http::Patience;
use root_objects::store::{Gate, Request, RequestLog};
use serde_json::{Value, json};

use super::client::{Api, RECOVERIES, served};
use crashed_roots::crashed_root::{CrashedRoot, FORWARD};

const OTHER: &str = "/api/v1/roots/other/recoveries";

const PATIENCE: Patience = Patience {
    permit: Duration::from_millis(300),
    look: Duration::from_millis(1_500),
    step: Duration::from_millis(1_500),
};

/// While it is closed, every request of a root waits in the system, as on a mount that hangs: a thread reads from a named
/// pipe that nobody writes to.
#[derive(Debug)]
struct Pipe {
    path: PathBuf,
    is_closed: AtomicBool,
}

impl Pipe {
    fn new(root: &CrashedRoot) -> Arc<Self> {
        let path = root.file("pipe");
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        Arc::new(Self {
            path,
            is_closed: AtomicBool::new(false),
        })
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    /// Lets everybody through who waits, and who comes.
    fn open(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
        fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map(|pipe| {
                // Whoever opens it for reading while it is open for writing gets on.
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_secs(60));
                    drop(pipe);
                });
            })
            .expect("the pipe opens");
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Threads that still wait would keep the test from ending.
        if self.is_closed.load(Ordering::SeqCst) {
            self.open();
        }
    }
}

#[async_trait]
impl Gate for Pipe {
    async fn before(&self, _: &Request) -> object_store::Result<()> {
        if self.is_closed.load(Ordering::SeqCst) {
            let path = self.path.clone();
            tokio::task::spawn_blocking(move || fs::File::open(path).map(drop))
                .await
                .ok();
        }
        Ok(())
    }
}

async fn console(root: &CrashedRoot, healthy: &CrashedRoot) -> (Api, Arc<Pipe>) {
    let pipe = Pipe::new(root);
    let log = RequestLog::new().with_gate(pipe.clone());
    let roots = vec![
        served("graph", root, log.clone())
            .await
            .with_patience(PATIENCE),
        served("other", healthy, RequestLog::new()).await,
    ];
    (Api::over(roots, log).log_in().await, pipe)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_does_not_answer_is_given_up_and_the_others_answer() {
    let (root, healthy) = (CrashedRoot::new().await, CrashedRoot::new().await);
    let (api, pipe) = console(&root, &healthy).await;
    assert_eq!(api.get(RECOVERIES).await.status, StatusCode::OK);
    pipe.close();
    let plan = format!("{RECOVERIES}/{FORWARD}");
    let paths = [
        RECOVERIES.to_owned(),
        format!("{plan}/execution"),
        format!("{plan}/execution/events"),
        "/api/v1/roots/graph/audit".to_owned(),
    ];
    let begun = Instant::now();
    let answers = futures::future::join_all(paths.iter().map(|path| api.get(path))).await;
    for (answer, path) in answers.iter().zip(&paths) {
        assert_eq!(
            (answer.status, answer.problem(path).as_str()),
            (StatusCode::GATEWAY_TIMEOUT, "timed_out"),
            "{path}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(15));

    // Every turn is taken by a look that hangs: more requests are told at once, and cost no more threads.
    let digest = format!("\"sha256:{}\"", "0".repeat(64));
    for (method, path) in [
        (Method::GET, RECOVERIES.to_owned()),
        (Method::GET, plan.clone()),
        (Method::GET, format!("{plan}/undo")),
        (Method::GET, format!("{plan}/dismissal")),
        (Method::GET, format!("{plan}/execution")),
        (Method::POST, format!("{plan}/approvals")),
        (Method::DELETE, format!("{plan}/approvals")),
        (Method::POST, format!("{plan}/execution")),
    ] {
        let begun = Instant::now();
        let headers = [
            ("if-match", digest.as_str()),
            ("content-type", "application/json"),
        ];
        let answer = api.ask(method.clone(), &path, &headers, "{}").await;
        assert_eq!(
            (answer.status, answer.problem(&path).as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "root_stuck"),
            "{method} {path}"
        );
        assert!(begun.elapsed() < PATIENCE.look, "{method} {path}");
    }
    for _ in 0..8 {
        assert_eq!(api.get(OTHER).await.status, StatusCode::OK);
    }

    pipe.open();
    let begun = Instant::now();
    while api.get(RECOVERIES).await.status != StatusCode::OK {
        assert!(begun.elapsed() < Duration::from_secs(30), "it comes back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_that_makes_no_progress_is_given_up_and_resumed() {
    let (root, healthy) = (CrashedRoot::new().await, CrashedRoot::new().await);
    let (api, pipe) = console(&root, &healthy).await;
    let tag = api.approve(FORWARD).await;
    let path = format!("{RECOVERIES}/{FORWARD}/execution");
    let answer = api.post(&path, &tag, json!({})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    pipe.close();
    let ended = api.ended(FORWARD).await;
    let is_given_up = ended["failure"]
        .as_str()
        .is_some_and(|words| words.contains("given up") && words.contains("resumes"));
    assert!(is_given_up, "{ended}");
    assert_eq!(ended["report"], Value::Null);
    pipe.open();

    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(60), "it resumes");
        let answer = api.post(&path, &tag, json!({})).await;
        if answer.status == StatusCode::ACCEPTED
            && api.ended(FORWARD).await["report"]["outcome"] == "rolled_forward"
        {
            break;
        }
    }
}
