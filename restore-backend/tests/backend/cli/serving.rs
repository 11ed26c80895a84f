//! A console that runs, and a client of it that is no browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::program::PROGRAM;

/// A console that is stopped when the test ends, however it ends.
pub(super) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Serving {
    pub(super) fn start(arguments: &[&str]) -> Self {
        let child = Command::new(PROGRAM)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        Self::of(child)
    }

    /// A process whose standard output is a pipe.
    pub(super) fn of(mut child: Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, stdout }
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line
    }

    /// What it prints first with `--json`.
    pub(super) fn document(&mut self) -> Value {
        let mut document = String::new();
        loop {
            let line = self.line();
            assert!(!line.is_empty(), "it ended early: {document}");
            document.push_str(&line);
            if let Ok(document) = serde_json::from_str(&document) {
                return document;
            }
        }
    }

    /// Asks it to end, and returns its exit code and what else it printed.
    pub(super) fn terminate(mut self) -> (Option<i32>, String) {
        let status = Command::new("sh")
            .args(["-c", &format!("kill {}", self.process())])
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

/// The status of a request without a client of any kind.
pub(super) fn raw(address: &str, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).expect("a connection");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok();
    answer
}

pub(super) fn log_in(address: &str, token: &str) -> String {
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
pub(super) fn session(address: &str, login: &str) -> String {
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
