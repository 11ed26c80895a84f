//! The HTTP API: who gets in, what an answer looks like, and that nothing but the approved plan is carried out, once.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod crashed_root;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use crashed_root::{BACK, CrashedRoot, FORWARD, NEWER};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use restore_backend::http::{
    Console, LoginLink, ServeError, ServedRoot, Server, ServerOptions, router,
};
use restore_backend::root::{Root, RootOptions};
use restore_backend::store::RequestLog;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tower::ServiceExt;

const HOST: &str = "127.0.0.1:7878";
const RECOVERIES: &str = "/api/v1/roots/graph/recoveries";
const JSON: (&str, &str) = ("content-type", "application/json");

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// The code of a well-formed problem.
    #[track_caller]
    fn problem(&self, path: &str) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.body
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["instance"], path);
        let code = problem["code"].as_str().expect("a code");
        assert_eq!(
            problem["type"],
            format!("urn:sidecar-inspector:problem:{code}")
        );
        assert!(
            ["title", "detail"]
                .iter()
                .all(|field| problem[field].as_str().is_some_and(|text| !text.is_empty())),
            "{problem}"
        );
        code.to_owned()
    }
}

struct Api {
    router: Router,
    link: LoginLink,
    cookie: Option<String>,
    log: RequestLog,
}

impl Api {
    async fn new(root: &CrashedRoot) -> Self {
        let log = RequestLog::new();
        let options = RootOptions {
            log: log.clone(),
            ..RootOptions::default()
        };
        let opened = Root::open(root.uri(), options)
            .await
            .expect("the root opens");
        let served = vec![ServedRoot::new("graph".to_owned(), opened)];
        let (console, link) = Console::new(
            served,
            "grace".to_owned(),
            SocketAddr::from(([127, 0, 0, 1], 7878)),
        )
        .expect("randomness");
        Self {
            router: router(console),
            link,
            cookie: None,
            log,
        }
    }

    async fn logged_in(root: &CrashedRoot) -> Self {
        let mut api = Self::new(root).await;
        let answer = api.get(&api.login_path()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        api.cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .map(str::to_owned);
        api
    }

    fn login_path(&self) -> String {
        self.link
            .expose()
            .split_once("7878")
            .expect("an address")
            .1
            .to_owned()
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", HOST);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body.into()).expect("a request"))
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).expect("text"),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, tag: &str, body: Value) -> Answer {
        self.ask(
            Method::POST,
            path,
            &[JSON, ("if-match", tag)],
            body.to_string(),
        )
        .await
    }

    async fn tag(&self, operation: &str) -> String {
        self.get(&format!("{RECOVERIES}/{operation}"))
            .await
            .header("etag")
            .to_owned()
    }

    async fn approve(&self, operation: &str) -> String {
        let tag = self.tag(operation).await;
        let answer = self
            .post(
                &format!("{RECOVERIES}/{operation}/approvals"),
                &tag,
                json!({"writers_stopped": true}),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        tag
    }

    async fn ended(&self, operation: &str) -> Value {
        for _ in 0..600 {
            let report = self
                .get(&format!("{RECOVERIES}/{operation}/execution"))
                .await
                .json();
            if report["running"] == json!(false) {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the execution does not end");
    }
}

#[tokio::test]
async fn the_login_link_works_once_and_does_no_harm_after() {
    let root = CrashedRoot::healthy().await;
    let mut api = Api::new(&root).await;
    let link = api.login_path();
    assert_eq!(
        api.ask(Method::HEAD, &link, &[], Body::empty())
            .await
            .status,
        StatusCode::METHOD_NOT_ALLOWED,
        "a preview uses nothing up"
    );
    let wrong = api.get("/login?token=0123").await;
    assert_eq!(
        (wrong.status, wrong.problem("/login").as_str()),
        (StatusCode::FORBIDDEN, "login_refused")
    );
    assert_eq!(api.get("/login").await.problem("/login"), "token_missing");

    let opened = api.get(&link).await;
    assert_eq!(
        (opened.status, opened.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    let cookie = opened.header("set-cookie").to_owned();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let again = api.get(&link).await;
    assert_eq!(
        (again.status, again.problem("/login").as_str()),
        (StatusCode::FORBIDDEN, "login_refused")
    );
    let person = api
        .ask(
            Method::GET,
            &link,
            &[("accept", "text/html,*/*;q=0.8")],
            Body::empty(),
        )
        .await;
    assert!(
        person.header("content-type").starts_with("text/plain")
            && person.body.contains("used before"),
        "{}",
        person.body
    );

    api.cookie = cookie.split(';').next().map(str::to_owned);
    let again = api.get(&link).await;
    assert_eq!(
        (again.status, again.header("location")),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_eq!(
        api.get("/api/v1/session").await.json(),
        json!({"name": "grace"})
    );
}

#[tokio::test]
async fn many_wrong_tokens_close_the_door_for_a_while() {
    let root = CrashedRoot::healthy().await;
    let api = Api::new(&root).await;
    for _ in 0..10 {
        assert_eq!(
            api.get("/login?token=guess").await.status,
            StatusCode::FORBIDDEN
        );
    }
    let answer = api.get(&api.login_path()).await;
    assert_eq!(
        (answer.status, answer.problem("/login").as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_logins")
    );
    assert!(
        answer
            .header("retry-after")
            .parse::<u32>()
            .is_ok_and(|seconds| seconds > 0)
    );
}

#[tokio::test]
async fn nothing_is_shown_or_done_without_a_session() {
    let root = CrashedRoot::new().await;
    let mut api = Api::new(&root).await;
    api.cookie = Some("sidecar-inspector-7878=guess".to_owned());
    let execution = format!("{RECOVERIES}/{FORWARD}/execution");
    for path in [
        "/api/v1/session",
        "/api/v1/roots",
        RECOVERIES,
        "/api/v1/roots/graph/audit",
        "/api/v1/nothing",
        &execution,
    ] {
        let answer = api.get(path).await;
        assert_eq!(
            (answer.status, answer.problem(path).as_str()),
            (StatusCode::UNAUTHORIZED, "not_logged_in")
        );
        assert!(!answer.header("www-authenticate").is_empty());
    }
    assert_eq!(
        api.post(&execution, "\"x\"", json!({})).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(api.get("/healthz").await.json(), json!({"status": "ok"}));
    assert_eq!(
        api.log.reads() + api.log.mutations(),
        0,
        "the root was not asked for anything"
    );
}

#[tokio::test]
async fn only_the_own_address_is_answered_to() {
    let root = CrashedRoot::healthy().await;
    let api = Api::logged_in(&root).await;
    for host in [HOST, "localhost:7878", "[::1]:7878"] {
        assert_eq!(
            api.ask(
                Method::GET,
                "/api/v1/roots",
                &[("host", host)],
                Body::empty()
            )
            .await
            .status,
            StatusCode::OK,
            "{host}"
        );
    }
    for host in ["evil.example:7878", "127.0.0.1", "localhost:80", ""] {
        for path in ["/api/v1/roots", "/healthz", "/"] {
            let answer = api
                .ask(Method::GET, path, &[("host", host)], Body::empty())
                .await;
            assert_eq!(
                (answer.status, answer.problem(path).as_str()),
                (StatusCode::MISDIRECTED_REQUEST, "wrong_host"),
                "{host}"
            );
        }
    }
    let target = api.get("http://evil.example:7878/api/v1/roots").await;
    assert_eq!(target.status, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn pages_of_other_origins_cannot_write() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let path = format!("{RECOVERIES}/{FORWARD}/execution");
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "null"),
    ] {
        let answer = api.ask(Method::POST, &path, &[JSON, header], "{}").await;
        assert_eq!(
            (answer.status, answer.problem(&path).as_str()),
            (StatusCode::FORBIDDEN, "foreign_origin"),
            "{header:?}"
        );
    }
    for header in [
        ("sec-fetch-site", "same-origin"),
        ("origin", "http://127.0.0.1:7878"),
    ] {
        assert_eq!(
            api.ask(Method::POST, &path, &[JSON, header], "{}")
                .await
                .problem(&path),
            "if_match_required",
            "{header:?}"
        );
    }
    for content_type in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let answer = api
            .ask(Method::POST, &path, &[("content-type", content_type)], "{}")
            .await;
        assert_eq!(
            (answer.status, answer.problem(&path).as_str()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_required")
        );
    }
}

#[tokio::test]
async fn every_error_is_a_problem_and_every_answer_is_guarded() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.tag(FORWARD).await;
    let approvals = format!("{RECOVERIES}/{FORWARD}/approvals");
    let execution = format!("{RECOVERIES}/{FORWARD}/execution");
    let unknown = format!("{RECOVERIES}/01M8125Z20G3JA88BS9CEJEX1K");
    let unknown_execution = format!("{unknown}/execution");
    let other = format!("\"sha256:{}\"", "0".repeat(64));
    let large = format!("{{\"reason\": \"{}\"}}", "x".repeat(70_000));
    let matched = ("if-match", tag.as_str());
    let cases: &[(Method, &str, &[(&str, &str)], &str, u16, &str)] = &[
        (Method::GET, "/nothing", &[], "", 404, "not_found"),
        (Method::GET, "/api/v2/roots", &[], "", 404, "not_found"),
        (Method::GET, "/api/v1/nothing", &[], "", 404, "not_found"),
        (
            Method::GET,
            "/api/v1/roots/none/recoveries",
            &[],
            "",
            404,
            "unknown_root",
        ),
        (
            Method::GET,
            "/api/v1/roots/%FF/recoveries",
            &[],
            "",
            400,
            "bad_request",
        ),
        (Method::GET, &unknown, &[], "", 404, "unknown_operation"),
        (
            Method::GET,
            "/api/v1/roots/graph/audit/nonsense",
            &[],
            "",
            404,
            "unknown_operation",
        ),
        (
            Method::GET,
            &unknown_execution,
            &[],
            "",
            404,
            "unknown_operation",
        ),
        (
            Method::DELETE,
            RECOVERIES,
            &[JSON],
            "",
            405,
            "method_not_allowed",
        ),
        (Method::GET, &approvals, &[], "", 405, "method_not_allowed"),
        (
            Method::POST,
            "/healthz",
            &[JSON],
            "{}",
            405,
            "method_not_allowed",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON],
            "{}",
            428,
            "if_match_required",
        ),
        (
            Method::POST,
            &execution,
            &[JSON],
            "{}",
            428,
            "if_match_required",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, ("if-match", "*")],
            "{}",
            400,
            "if_match_invalid",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, matched, matched],
            "{}",
            400,
            "if_match_invalid",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, ("if-match", "W/\"x\"")],
            "{}",
            400,
            "if_match_invalid",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, ("if-match", &other)],
            "{}",
            412,
            "stale_plan",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, matched],
            "{",
            400,
            "invalid_body",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, matched],
            "{\"approved_by\": \"somebody else\"}",
            400,
            "invalid_body",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, matched],
            "{\"acknowledge\": [\"nonsense\"]}",
            400,
            "invalid_body",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, matched],
            &large,
            413,
            "body_too_large",
        ),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = api
            .ask(method.clone(), path, headers, (*body).to_owned())
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem(path).as_str()),
            (*status, *code),
            "{method} {path} {headers:?}"
        );
        assert_guarded(&answer, path);
    }
    assert_eq!(
        api.ask(Method::DELETE, RECOVERIES, &[JSON], "")
            .await
            .header("allow"),
        "GET,HEAD"
    );
    for path in ["/", "/healthz", "/api/v1/roots", RECOVERIES] {
        assert_guarded(&api.get(path).await, path);
    }
    assert_eq!(api.log.mutations(), 0);
}

#[track_caller]
fn assert_guarded(answer: &Answer, path: &str) {
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{path}: {policy}"
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.header(name), value, "{path}");
    }
    assert!(
        path == "/" || answer.header("cache-control") == "no-store",
        "{path}"
    );
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn looking_changes_nothing() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let roots = api.get("/api/v1/roots").await.json();
    assert_eq!(roots["roots"][0]["name"], "graph");
    let list = api.get(RECOVERIES).await.json();
    assert_eq!(list["root"], roots["roots"][0]["uri"]);
    for operation in [FORWARD, BACK, NEWER] {
        let path = format!("{RECOVERIES}/{operation}");
        let answer = api.get(&path).await;
        let plan = answer.json();
        assert_eq!(
            answer.header("etag"),
            format!("\"{}\"", plan["digest"].as_str().expect("a digest"))
        );
        assert_eq!(
            api.get(&format!("{path}.json")).await.json()["digest"],
            plan["digest"],
            "by the name of its file"
        );
        assert_eq!(
            api.ask(Method::HEAD, &path, &[], Body::empty())
                .await
                .header("etag"),
            answer.header("etag")
        );
    }
    assert_eq!(
        api.get("/api/v1/roots/graph/audit").await.json()["operations"],
        json!([])
    );
    assert!(api.log.reads() > 0);
    assert_eq!(api.log.mutations(), 0);
}

#[tokio::test]
async fn an_approved_plan_is_executed_and_on_record() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.tag(FORWARD).await;
    let path = format!("{RECOVERIES}/{FORWARD}");
    let approval = api
        .post(
            &format!("{path}/approvals"),
            &tag,
            json!({"reason": "looked at it"}),
        )
        .await;
    assert_eq!(approval.status, StatusCode::CREATED);
    let approval = approval.json();
    assert_eq!(
        (
            &approval["authorized"],
            &approval["approval"]["approved_by"]
        ),
        (&json!(true), &json!("grace")),
        "who is logged in"
    );

    let begun = api
        .post(&format!("{path}/execution"), &tag, json!({}))
        .await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    assert_eq!(begun.json()["operation_id"], FORWARD);
    let ended = api.ended(FORWARD).await;
    assert_eq!(
        (&ended["report"]["outcome"], &ended["failure"]),
        (&json!("rolled_forward"), &Value::Null)
    );
    assert!(
        ended["steps"].as_array().is_some_and(
            |steps| !steps.is_empty() && steps.iter().all(|step| step["state"] == "done")
        ),
        "{ended}"
    );

    let audit = api
        .get(&format!("/api/v1/roots/graph/audit/{FORWARD}"))
        .await
        .json();
    assert_eq!(
        (
            &audit["operations"][0]["verified"],
            &audit["operations"][0]["outcome"]
        ),
        (&json!(true), &json!("rolled_forward"))
    );
    let list = api.get(RECOVERIES).await.json();
    assert!(
        list["recoveries"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|recovery| recovery["operation_id"] != FORWARD)
    );

    // Another server knows it from the journal.
    let restarted = Api::logged_in(&root).await;
    assert_eq!(restarted.ended(FORWARD).await["report"], ended["report"]);
}

#[tokio::test]
async fn approvals_are_refused_in_words() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.tag(BACK).await;
    let path = format!("{RECOVERIES}/{BACK}/approvals");
    let unstated = api.post(&path, &tag, json!({})).await;
    assert_eq!(
        (unstated.status, unstated.problem(&path).as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "refused")
    );
    assert!(
        unstated.json()["detail"]
            .as_str()
            .expect("words")
            .contains("writers_stopped")
    );

    let refused = format!("{RECOVERIES}/{NEWER}/approvals");
    let answer = api.post(&refused, &api.tag(NEWER).await, json!({})).await;
    assert_eq!(
        (answer.status, answer.problem(&refused).as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, "refused")
    );
    assert_eq!(answer.json()["reasons"][0]["code"], "unsupported_version");
    assert_eq!(api.log.mutations(), 0);
}

#[tokio::test]
async fn a_plan_that_is_not_current_is_neither_approved_nor_executed() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.approve(BACK).await;
    root.write_to("nodes/book").await;

    let path = format!("{RECOVERIES}/{BACK}");
    let stale = api
        .post(
            &format!("{path}/approvals"),
            &tag,
            json!({"writers_stopped": true}),
        )
        .await;
    assert_eq!(
        (
            stale.status,
            stale.problem(&format!("{path}/approvals")).as_str()
        ),
        (StatusCode::PRECONDITION_FAILED, "stale_plan")
    );
    assert!(
        stale.json()["differences"]
            .as_array()
            .is_some_and(|differences| !differences.is_empty()),
        "{}",
        stale.body
    );

    assert_eq!(
        api.post(&format!("{path}/execution"), &tag, json!({}))
            .await
            .status,
        StatusCode::ACCEPTED
    );
    let report = api.ended(BACK).await["report"].clone();
    assert_eq!(report["outcome"], "conflict");
    let moved = report["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|difference| difference["field"] == "lance_head");
    assert_eq!(
        moved.map(|moved| (&moved["planned"], &moved["found"])),
        Some((&json!("2"), &json!("3")))
    );
}

#[tokio::test]
async fn an_unapproved_plan_is_not_executed() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let path = format!("{RECOVERIES}/{FORWARD}/execution");
    assert_eq!(
        api.post(&path, &api.tag(FORWARD).await, json!({}))
            .await
            .status,
        StatusCode::ACCEPTED
    );
    assert_eq!(api.ended(FORWARD).await["report"]["outcome"], "refused");
    assert_eq!(api.log.mutations(), 0);

    let unknown = format!("{RECOVERIES}/01M8125Z20G3JA88BS9CEJEX1K/execution");
    assert_eq!(
        api.post(&unknown, &api.tag(FORWARD).await, json!({}))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_wishes_to_execute_are_one_execution() {
    let root = CrashedRoot::new().await;
    let api = Api::logged_in(&root).await;
    let tag = api.approve(BACK).await;
    let path = format!("{RECOVERIES}/{BACK}/execution");
    let (first, second) = tokio::join!(
        api.post(&path, &tag, json!({})),
        api.post(&path, &tag, json!({}))
    );
    assert_eq!(
        (first.status, second.status),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    assert_eq!(api.ended(BACK).await["report"]["outcome"], "rolled_back");

    let audit = api
        .get(&format!("/api/v1/roots/graph/audit/{BACK}"))
        .await
        .json();
    let kinds: Vec<&Value> = audit["operations"][0]["records"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|record| &record["record"]["entry"]["kind"])
        .collect();
    let count = |kind: &str| kinds.iter().filter(|found| **found == kind).count();
    assert_eq!((count("claimed"), count("finished")), (1, 1), "{kinds:?}");

    // And once more after it has ended: nothing changes.
    assert_eq!(
        api.post(&path, &tag, json!({})).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(api.ended(BACK).await["report"]["outcome"], "rolled_back");
}

/// A server on a real socket.
struct Serving {
    address: SocketAddr,
    cookie: String,
    stop: mpsc::Sender<()>,
    ended: tokio::task::JoinHandle<Result<(), ServeError>>,
}

impl Serving {
    async fn start(root: &CrashedRoot) -> Self {
        let server = Server::open(options(root, "127.0.0.1").await)
            .await
            .expect("the server opens");
        let address = server.address();
        let link = server.login_link().expose();
        let (stop, interrupts) = mpsc::channel(1);
        let ended = tokio::spawn(server.run(interrupts));
        let mut serving = Self {
            address,
            cookie: String::new(),
            stop,
            ended,
        };
        let path = link
            .strip_prefix(&format!("http://{address}"))
            .expect("the server's own address")
            .to_owned();
        let opened = serving.ask(Method::GET, &path, &[], "").await;
        assert_eq!(opened.status(), StatusCode::SEE_OTHER);
        let cookie = opened.headers()["set-cookie"].to_str().expect("text");
        serving.cookie = cookie.split(';').next().expect("a pair").to_owned();
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
            .header("cookie", &self.cookie);
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
        .ask(Method::POST, &format!("{path}/execution"), &write, "")
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
        !format!("{first:?}").contains(
            first
                .login_link()
                .expose()
                .split_once('=')
                .expect("a token")
                .1
        ),
        "no token in debug text"
    );
}
