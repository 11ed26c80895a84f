//! `serve` and `demo`: login links, signals, and where they listen.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crashed_roots::crashed_root::CrashedRoot;
use serde_json::Value;

use super::program::{PROGRAM, fields, run_to};
use super::serving::{Serving, log_in, raw, session};

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
    let document = serving.document();
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
    let document = serving.document();
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

#[tokio::test]
async fn roots_that_were_moved_from_different_places_are_served_together() {
    let roots = [CrashedRoot::new().await, CrashedRoot::new().await];
    let mut arguments: Vec<String> = ["serve", "--json", "--port", "0"].map(str::to_owned).into();
    for (name, root) in ["a", "b"].into_iter().zip(&roots) {
        let moved = Path::new(root.uri()).with_file_name("moved");
        fs::rename(root.uri(), &moved).expect("a rename");
        let root_option = format!("--root={name}={}", moved.display());
        arguments.extend([
            root_option,
            format!("--relocated-from={name}={}", root.uri()),
        ]);
    }
    let told = |arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut serving = Serving::start(&arguments);
        let document = serving.document();
        let address = document["address"].as_str().expect("an address");
        let address = address.strip_prefix("http://").expect("an address");
        let session = session(address, document["login"].as_str().expect("a link"));
        ["a", "b"].map(|name| {
            let answer = raw(
                address,
                &format!(
                    "GET /api/v1/roots/{name}/recoveries HTTP/1.1\r\nhost: {address}\r\n{session}connection: close\r\n\r\n"
                ),
            );
            let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
            let list: Value = serde_json::from_str(body).expect("a list");
            list["recoveries"][0]["disposition"].clone()
        })
    };
    assert_eq!(told(&arguments), ["roll_forward", "roll_forward"]);
    // Without the former place of the second, its sidecars name another root.
    arguments.pop();
    assert_eq!(told(&arguments), ["roll_forward", "refused"]);
    arguments.push(format!("--relocated-from={}", roots[1].uri()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let which = run_to(2, &arguments).json();
    let detail = which["error"]["detail"].as_str().expect("words");
    assert!(detail.contains("NAME is one of a, b"), "{detail}");
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
    let document = serving.document();
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
