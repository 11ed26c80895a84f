//! A client of the router itself, with no socket in between.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use restore_backend::http::{Console, LoginLink, ServedRoot, router};
use restore_backend::root::{Root, RootOptions};
use root_objects::store::RequestLog;
use serde_json::{Value, json};
use tower::ServiceExt;

use crashed_roots::crashed_root::CrashedRoot;

pub(super) const HOST: &str = "127.0.0.1:7878";
pub(super) const RECOVERIES: &str = "/api/v1/roots/graph/recoveries";
pub(super) const SESSIONS: &str = "/api/v1/sessions";
pub(super) const JSON: (&str, &str) = ("content-type", "application/json");

/// The token that a login link carries behind `#`.
#[track_caller]
pub(super) fn token_of(link: &str) -> String {
    link.split_once("/#token=")
        .unwrap_or_else(|| panic!("no login link: {link}"))
        .1
        .to_owned()
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    /// The code of a well-formed problem.
    #[track_caller]
    pub(super) fn problem(&self, path: &str) -> String {
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

/// A root under its name, whose requests are noted.
pub(super) async fn served(name: &str, root: &CrashedRoot, log: RequestLog) -> ServedRoot {
    let options = RootOptions {
        log,
        ..RootOptions::default()
    };
    let opened = Root::open(root.uri(), options)
        .await
        .expect("the root opens");
    ServedRoot::new(name.to_owned(), opened)
}

pub(super) struct Api {
    router: Router,
    pub(super) link: LoginLink,
    pub(super) cookie: Option<String>,
    /// What the page keeps to itself.
    pub(super) key: Option<String>,
    pub(super) log: RequestLog,
}

impl Api {
    pub(super) async fn new(root: &CrashedRoot) -> Self {
        let log = RequestLog::new();
        let served = served("graph", root, log.clone()).await;
        // To open a root is to ask it what it is called. The requests of a session are counted from here.
        log.reset();
        Self::over(vec![served], log)
    }

    pub(super) fn over(served: Vec<ServedRoot>, log: RequestLog) -> Self {
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
            key: None,
            log,
        }
    }

    pub(super) async fn logged_in(root: &CrashedRoot) -> Self {
        Self::new(root).await.log_in().await
    }

    pub(super) async fn log_in(mut self) -> Self {
        let answer = self.post_token(&self.token(), &[]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        self.cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .map(str::to_owned);
        self.key = answer.json()["key"].as_str().map(str::to_owned);
        self
    }

    pub(super) fn token(&self) -> String {
        token_of(&self.link.expose())
    }

    pub(super) async fn post_token(&self, token: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: Vec<_> = [JSON].into_iter().chain(headers.iter().copied()).collect();
        let body = json!({"token": token}).to_string();
        self.ask(Method::POST, SESSIONS, &headers, body).await
    }

    pub(super) async fn ask(
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
        if let Some(key) = &self.key {
            request = request.header("x-session-key", key);
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

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Body::empty()).await
    }

    pub(super) async fn post(&self, path: &str, tag: &str, body: Value) -> Answer {
        self.ask(
            Method::POST,
            path,
            &[JSON, ("if-match", tag)],
            body.to_string(),
        )
        .await
    }

    pub(super) async fn tag(&self, operation: &str) -> String {
        self.get(&format!("{RECOVERIES}/{operation}"))
            .await
            .header("etag")
            .to_owned()
    }

    pub(super) async fn approve(&self, operation: &str) -> String {
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

    pub(super) async fn ended(&self, operation: &str) -> Value {
        for _ in 0..600 {
            let report = self
                .get(&format!("{RECOVERIES}/{operation}/execution"))
                .await
                .json();
            if report["running"] == json!(false) {
                return report;
            }
            // The server tells of the end only when it is asked, so clients ask again after a time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the execution does not end");
    }
}
