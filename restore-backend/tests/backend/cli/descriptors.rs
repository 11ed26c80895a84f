//! A console whose file descriptors run out. Linux only: they are limited by `prlimit` and counted in `/proc`.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crashed_roots::crashed_root::CrashedRoot;

use super::program::PROGRAM;
use super::serving::{Serving, raw, session};

/// A console over one root, whose log is a file and whose file descriptors are counted.
struct Scarce {
    serving: Serving,
    address: String,
    login: String,
    log: tempfile::NamedTempFile,
}

impl Scarce {
    /// Started by a shell that does this first.
    fn start(root: &CrashedRoot, first: &str) -> Self {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let named = format!("graph={}", root.uri());
        let child = Command::new("sh")
            .args(["-c", &format!("{first}; exec \"$0\" \"$@\""), PROGRAM])
            .args(["serve", "--json", "--port", "0", "--root", &named])
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("a file"))
            .spawn()
            .expect("the program runs");
        let mut serving = Serving::of(child);
        let document = serving.document();
        let text = |field: &str| document[field].as_str().expect("text").to_owned();
        Self {
            serving,
            address: text("address")["http://".len()..].to_owned(),
            login: text("login"),
            log,
        }
    }

    fn process(&self) -> u32 {
        self.serving.process()
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
