//! Getting in: the one-time link, and that there is no other way.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Api, RECOVERIES};
use crate::crashed_root::{CrashedRoot, FORWARD};

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
