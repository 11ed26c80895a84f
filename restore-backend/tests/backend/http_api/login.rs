//! Getting in and out: the one-time link, the session with its two halves, and that there is no other way.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::client::{Api, HOST, JSON, RECOVERIES, SESSIONS, token_of};
use crashed_roots::crashed_root::{CrashedRoot, FORWARD};

const SESSION: &str = "/api/v1/session";

#[tokio::test]
async fn a_login_link_works_once_at_either_address() {
    let root = CrashedRoot::healthy().await;
    let api = Api::new(&root).await;
    let link = api.link.expose();
    let own_host = link
        .strip_prefix("http://")
        .and_then(|link| link.split_once(".localhost:7878/#token="))
        .map(|(name, _)| name.to_owned())
        .expect("a host of its own");
    assert!(own_host.len() >= 24, "{link}");
    assert_eq!(
        api.link.expose_plain(),
        format!("http://127.0.0.1:7878/#token={}", api.token())
    );
    let other = Api::new(&root).await.link.expose();
    assert!(!other.contains(&own_host), "another name at every start");

    // The old kind of link: it tries nothing, whatever fetches it.
    for old in ["/login", "/login?token=0123"] {
        assert_eq!(api.get(old).await.status, StatusCode::NOT_FOUND);
    }
    let wrong = api.post_token("0123", &[]).await;
    assert_eq!(
        (wrong.status, wrong.problem(SESSIONS).as_str()),
        (StatusCode::FORBIDDEN, "login_refused")
    );
    let token = api.token();
    let api = api.log_in().await;
    assert_eq!(api.get(SESSION).await.json(), json!({"name": "grace"}));
    let host = format!("{own_host}.localhost:7878");
    let at_own_host = [("host", host.as_str())];
    assert_eq!(
        api.ask(Method::GET, SESSION, &at_own_host, Body::empty())
            .await
            .status,
        StatusCode::OK
    );
    let again = api.post_token(&token, &[]).await;
    assert_eq!(
        (again.status, again.problem(SESSIONS).as_str()),
        (StatusCode::FORBIDDEN, "login_refused")
    );
    assert!(
        again.json()["detail"]
            .as_str()
            .expect("words")
            .contains("used before")
    );
}

#[tokio::test]
async fn a_session_is_a_cookie_and_a_key_and_neither_alone() {
    let root = CrashedRoot::healthy().await;
    let mut api = Api::new(&root).await;
    let opened = api.post_token(&api.token(), &[]).await;
    let cookie = opened.header("set-cookie").to_owned();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let (pair, _) = cookie.split_once(';').expect("a pair");
    let key = opened.json()["key"].as_str().expect("a key").to_owned();
    assert!(!cookie.contains(&key));

    let (pair, key) = (Some(pair.to_owned()), Some(key));
    for (cookie, key) in [(&pair, &None), (&None, &key), (&None, &None)] {
        (api.cookie, api.key) = (cookie.clone(), key.clone());
        for path in [SESSION, RECOVERIES, "/api/v1/roots"] {
            let answer = api.get(path).await;
            assert_eq!(
                (answer.status, answer.problem(path).as_str()),
                (StatusCode::UNAUTHORIZED, "not_logged_in"),
                "{cookie:?} {key:?}"
            );
        }
    }
    (api.cookie, api.key) = (pair, key);
    assert_eq!(api.get(SESSION).await.status, StatusCode::OK);
    assert!(
        api.log.reads() == 0,
        "nobody without a session looks at a root"
    );
}

#[tokio::test]
async fn wrong_tokens_lock_nobody_out() {
    let root = CrashedRoot::healthy().await;
    let api = Api::new(&root).await;
    for _ in 0..10 {
        assert_eq!(
            api.post_token("guess", &[]).await.status,
            StatusCode::FORBIDDEN
        );
    }
    let answer = api.post_token("guess", &[]).await;
    assert_eq!(
        (answer.status, answer.problem(SESSIONS).as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "too_many_logins")
    );
    assert!(
        answer
            .header("retry-after")
            .parse::<u32>()
            .is_ok_and(|seconds| seconds > 0)
    );
    let api = api.log_in().await;
    assert_eq!(api.get(SESSION).await.status, StatusCode::OK);
}

#[tokio::test]
async fn no_page_of_another_site_can_try_a_token() {
    let root = CrashedRoot::healthy().await;
    let api = Api::new(&root).await;
    let token = api.token();
    for header in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://127.0.0.1:9999"),
        ("origin", "null"),
    ] {
        for _ in 0..20 {
            for token in ["guess", &token] {
                let answer = api.post_token(token, &[header]).await;
                assert_eq!(
                    (answer.status, answer.problem(SESSIONS).as_str()),
                    (StatusCode::FORBIDDEN, "foreign_origin"),
                    "{header:?}"
                );
            }
        }
    }
    // A form cannot send JSON. It sends other types, such as this one.
    let form = [("content-type", "text/plain")];
    let body = json!({"token": token}).to_string();
    let answer = api.ask(Method::POST, SESSIONS, &form, body).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(
        api.post_token("guess", &[]).await.status,
        StatusCode::FORBIDDEN,
        "none of them counted"
    );
    api.log_in().await;
}

#[tokio::test]
async fn a_page_that_is_logged_in_makes_links_and_logs_out() {
    let root = CrashedRoot::healthy().await;
    let api = Api::logged_in(&root).await;
    let made = api.ask(Method::POST, "/api/v1/login-links", &[], "").await;
    assert_eq!(made.status, StatusCode::CREATED);
    let (login, plain) = (made.json()["login"].clone(), made.json()["plain"].clone());
    let token = token_of(login.as_str().expect("a link"));
    assert_eq!(token, token_of(plain.as_str().expect("a link")));
    assert!(
        login
            .as_str()
            .is_some_and(|link| link.contains(".localhost:7878/"))
    );

    let mut second = api.post_token(&token, &[]).await;
    assert_eq!(second.status, StatusCode::CREATED);
    let out = api.ask(Method::DELETE, SESSION, &[], "").await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(api.get(SESSION).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        api.ask(Method::POST, "/api/v1/login-links", &[], "")
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    // The other browser stays.
    let key = second.json()["key"].clone();
    let cookie = second.headers.remove("set-cookie").expect("a cookie");
    let pair = cookie
        .to_str()
        .expect("text")
        .split(';')
        .next()
        .expect("a pair");
    let mut stranger = api;
    (stranger.cookie, stranger.key) = (Some(pair.to_owned()), key.as_str().map(str::to_owned));
    assert_eq!(stranger.get(SESSION).await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_shown_or_done_without_a_session() {
    let root = CrashedRoot::new().await;
    let mut api = Api::new(&root).await;
    api.cookie = Some("sidecar-inspector-7878=guess".to_owned());
    api.key = Some("guess".to_owned());
    let execution = format!("{RECOVERIES}/{FORWARD}/execution");
    let rows = format!("{RECOVERIES}/{FORWARD}/rows");
    for path in [
        SESSION,
        "/api/v1/roots",
        RECOVERIES,
        "/api/v1/roots/graph/audit",
        "/api/v1/roots/graph/doctor",
        "/api/v1/nothing",
        &execution,
        &rows,
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
    let array = [JSON, ("host", HOST)];
    let positional = api.ask(Method::POST, SESSIONS, &array, "[\"x\"]").await;
    assert_eq!(positional.problem(SESSIONS), "invalid_body");
    assert_eq!(api.get("/healthz").await.json(), json!({"status": "ok"}));
    assert_eq!(
        api.log.reads() + api.log.mutations(),
        0,
        "the root was not asked for anything"
    );
}
