//! What every request and every answer goes through: host, origin, headers, and one shape for all errors.

use axum::body::Body;
use axum::http::{Method, StatusCode};

use super::client::{Answer, Api, HOST, JSON, RECOVERIES};
use crashed_roots::crashed_root::{CrashedRoot, FORWARD};

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
    let site = |site| ("sec-fetch-site", site);
    let origin = |origin| ("origin", origin);
    // Each of the two checks holds, whatever the other header says.
    for headers in [
        &[site("cross-site")][..],
        &[site("same-site")],
        &[site("nonsense")],
        &[site("cross-site"), origin("http://127.0.0.1:7878")],
        &[site("same-origin"), site("cross-site")],
        &[origin("http://127.0.0.1:9999")],
        &[origin("http://localhost:7878")],
        &[origin("https://127.0.0.1:7878")],
        &[origin("null")],
        &[origin("http://127.0.0.1:9999"), site("same-origin")],
        &[origin("http://127.0.0.1:9999"), site("none")],
        &[origin("null"), site("same-origin")],
        &[
            origin("http://127.0.0.1:7878"),
            origin("http://evil.example"),
        ],
    ] {
        let all: Vec<_> = [JSON].iter().chain(headers).copied().collect();
        for (method, path) in [(Method::POST, &path), (Method::GET, &path)] {
            let answer = api.ask(method, path, &all, "{}").await;
            assert_eq!(
                (answer.status, answer.problem(path).as_str()),
                (StatusCode::FORBIDDEN, "foreign_origin"),
                "{headers:?}"
            );
        }
    }
    for headers in [
        &[site("same-origin")][..],
        &[site("none")],
        &[origin("http://127.0.0.1:7878")],
        &[origin("http://127.0.0.1:7878"), site("same-origin")],
        &[("host", "localhost:7878"), origin("http://localhost:7878")],
    ] {
        let all: Vec<_> = [JSON].iter().chain(headers).copied().collect();
        assert_eq!(
            api.ask(Method::POST, &path, &all, "{}")
                .await
                .problem(&path),
            "if_match_required",
            "{headers:?}"
        );
    }
    let linked = api
        .ask(Method::GET, "/healthz", &[site("cross-site")], "")
        .await;
    assert_eq!(linked.status, StatusCode::OK, "the page may be linked to");
    let wordless = api.ask(Method::POST, &path, &[], Body::empty()).await;
    assert_eq!(
        wordless.problem(&path),
        "if_match_required",
        "nothing said, nothing to declare"
    );
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

/// Method, path, headers and body of a request, and status and code of its answer.
type Case<'a> = (
    Method,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a str,
    u16,
    &'a str,
);

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
    let cases: &[Case] = &[
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
            "[null, true, []]",
            400,
            "invalid_body",
        ),
        (
            Method::POST,
            &approvals,
            &[JSON, matched],
            " \n[\"reason\", true, [\"unexpected_commits\"]]",
            400,
            "invalid_body",
        ),
        (
            Method::POST,
            &execution,
            &[JSON, matched],
            "[]",
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
