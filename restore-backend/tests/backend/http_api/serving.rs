//! A server on a real socket: progress as events, stopping, and where it listens.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use restore_backend::http::{ServeError, ServedRoot, Server, ServerOptions};
use restore_backend::root::{Root, RootOptions};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::client::{Api, JSON, RECOVERIES, SESSIONS, token_of};
use crashed_roots::crashed_root::{BACK, CrashedRoot, FORWARD};

/// A server on a real socket.
struct Serving {
    address: SocketAddr,
    cookie: String,
    key: String,
    stop: mpsc::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl Serving {
    async fn start(root: &CrashedRoot) -> Self {
        let server = Server::open(options(root, "127.0.0.1").await)
            .await
            .expect("the server opens");
        let address = server.address();
        let token = token_of(&server.login_link().expose());
        let (stop, interrupts) = mpsc::channel(1);
        let ended = tokio::spawn(server.run(interrupts));
        let mut serving = Self {
            address,
            cookie: String::new(),
            key: String::new(),
            stop,
            ended,
        };
        let body = json!({"token": token}).to_string();
        let opened = serving.ask(Method::POST, SESSIONS, &[JSON], &body).await;
        assert_eq!(opened.status(), StatusCode::CREATED);
        let cookie = opened.headers()["set-cookie"].to_str().expect("text");
        serving.cookie = cookie.split(';').next().expect("a pair").to_owned();
        let session = opened
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes();
        let session: Value = serde_json::from_slice(&session).expect("a session");
        serving.key = session["key"].as_str().expect("a key").to_owned();
        serving
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> hyper::Response<hyper::body::Incoming> {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("cookie", &self.cookie)
            .header("x-session-key", &self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        sender
            .send_request(request.body(body.to_owned()).expect("a request"))
            .await
            .expect("an answer")
    }

    async fn text(&self, path: &str) -> String {
        let body = self.ask(Method::GET, path, &[], "").await.into_body();
        let bytes = tokio::time::timeout(Duration::from_secs(60), body.collect())
            .await
            .expect("it ends")
            .expect("a body")
            .to_bytes();
        String::from_utf8(bytes.into()).expect("text")
    }
}

async fn options(root: &CrashedRoot, bind: &str) -> ServerOptions {
    let opened = Root::open(root.uri(), RootOptions::default())
        .await
        .expect("the root opens");
    ServerOptions {
        roots: vec![ServedRoot::new("graph".to_owned(), opened)],
        operator: "grace".to_owned(),
        bind: bind.parse().expect("an address"),
        port: 0,
    }
}

fn events(text: &str) -> Vec<Value> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("a report"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_until_the_end_and_the_server_waits_for_it() {
    let root = CrashedRoot::new().await;
    let serving = Serving::start(&root).await;
    let path = format!("{RECOVERIES}/{BACK}");
    let plan: Value = serde_json::from_str(&serving.text(&path).await).expect("a plan");
    let tag = format!("\"{}\"", plan["digest"].as_str().expect("a digest"));
    let write = [JSON, ("if-match", tag.as_str())];
    let approved = serving
        .ask(
            Method::POST,
            &format!("{path}/approvals"),
            &write,
            r#"{"writers_stopped": true}"#,
        )
        .await;
    assert_eq!(approved.status(), StatusCode::CREATED);

    let begun = serving
        .ask(
            Method::POST,
            &format!("{path}/execution"),
            &[("if-match", tag.as_str())],
            "",
        )
        .await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let stream = serving
        .ask(Method::GET, &format!("{path}/execution/events"), &[], "")
        .await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    // One client leaves at once, the other stays to the end.
    drop(stream);
    let reports = events(&serving.text(&format!("{path}/execution/events")).await);
    let (last, before) = reports.split_last().expect("at least one report");
    assert!(
        before.iter().all(|report| report["running"] == json!(true)),
        "{before:?}"
    );
    assert_eq!(
        (&last["running"], &last["report"]["outcome"]),
        (&json!(false), &json!("rolled_back"))
    );

    let afterwards = events(&serving.text(&format!("{path}/execution/events")).await);
    assert_eq!(afterwards.len(), 1, "the final report, and the stream ends");
    assert_eq!(afterwards[0]["report"]["outcome"], "rolled_back");

    serving.stop.send(()).await.expect("the server listens");
    tokio::time::timeout(Duration::from_secs(10), serving.ended)
        .await
        .expect("it ends")
        .expect("no panic")
        .expect("no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_finishes_what_it_has_begun() {
    let root = CrashedRoot::new().await;
    let serving = Serving::start(&root).await;
    let path = format!("{RECOVERIES}/{FORWARD}");
    let plan: Value = serde_json::from_str(&serving.text(&path).await).expect("a plan");
    let tag = format!("\"{}\"", plan["digest"].as_str().expect("a digest"));
    let write = [JSON, ("if-match", tag.as_str())];
    assert_eq!(
        serving
            .ask(Method::POST, &format!("{path}/approvals"), &write, "{}")
            .await
            .status(),
        StatusCode::CREATED
    );
    assert_eq!(
        serving
            .ask(Method::POST, &format!("{path}/execution"), &write, "")
            .await
            .status(),
        StatusCode::ACCEPTED
    );
    serving.stop.send(()).await.expect("the server listens");
    tokio::time::timeout(Duration::from_secs(60), serving.ended)
        .await
        .expect("it ends")
        .expect("no panic")
        .expect("no error");

    let restarted = Api::logged_in(&root).await;
    assert_eq!(
        restarted.ended(FORWARD).await["report"]["outcome"],
        "rolled_forward"
    );
}

#[tokio::test]
async fn a_host_of_its_own_is_only_offered_where_nobody_else_can_answer_for_it() {
    let root = CrashedRoot::healthy().await;
    let server = Server::open(options(&root, "127.0.0.1").await)
        .await
        .expect("a free port");
    assert!(
        server
            .own_host()
            .ends_with(&format!(".localhost:{}", server.address().port()))
    );
    if let Ok(other) = tokio::net::TcpListener::bind("[::1]:0").await {
        assert!(
            TcpStream::connect(("::1", server.address().port()))
                .await
                .is_ok(),
            "both loopback addresses are its own"
        );
        let port = other.local_addr().expect("an address").port();
        let beside = ServerOptions {
            port,
            ..options(&root, "127.0.0.1").await
        };
        let server = Server::open(beside).await.expect("a free address");
        assert_eq!(server.own_host(), server.address().to_string());
        let link = server.login_link();
        assert_eq!(link.expose(), link.expose_plain());
    }
    let elsewhere = Server::open(options(&root, "127.0.0.2").await)
        .await
        .expect("a free port");
    assert_eq!(elsewhere.own_host(), elsewhere.address().to_string());
}

#[tokio::test]
async fn a_server_opens_on_loopback_alone_and_each_root_has_its_own_name() {
    let root = CrashedRoot::healthy().await;
    for bind in ["0.0.0.0", "::", "192.0.2.1"] {
        assert!(
            matches!(
                Server::open(options(&root, bind).await).await,
                Err(ServeError::NotLoopback { .. })
            ),
            "{bind}"
        );
    }
    let mut twice = options(&root, "127.0.0.1").await;
    twice.roots.extend(options(&root, "127.0.0.1").await.roots);
    assert!(matches!(
        Server::open(twice).await,
        Err(ServeError::DuplicateName { .. })
    ));

    let first = Server::open(options(&root, "127.0.0.1").await)
        .await
        .expect("a free port");
    let taken = ServerOptions {
        port: first.address().port(),
        ..options(&root, "127.0.0.1").await
    };
    assert!(matches!(
        Server::open(taken).await,
        Err(ServeError::Bind { .. })
    ));
    assert!(
        !format!("{first:?}").contains(&token_of(&first.login_link().expose())),
        "no token in debug text"
    );
}
