//! Getting in and out: `POST /api/v1/sessions` trades the token of a login link for a session, `DELETE /api/v1/session` ends
//! it, `POST /api/v1/login-links` makes a link for one more browser.
//!
//! A login link carries its token behind `#`, which no browser sends to any server. The page takes it from there and posts
//! it, so nothing that another site can make a browser fetch tries a token.

use std::time::Instant;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Extension, Json};
use sidecar::api::{LoginLinkReport, LoginRequest, OpenedSession, SessionReport};

use super::console::{Console, Identity, Login};
use super::failure::Failure;

/// Takes the token of a login link, once.
pub(super) async fn open(
    State(console): State<Console>,
    request: Result<Json<LoginRequest>, JsonRejection>,
) -> Result<Response, Failure> {
    let Json(LoginRequest { token }) =
        request.map_err(|rejection| Failure::invalid_body(&rejection))?;
    match console.access().log_in(&token, Instant::now()) {
        Ok(Login::Opened {
            identity,
            cookie,
            key,
        }) => {
            let cookie = HeaderValue::try_from(cookie).map_err(|_| no_session())?;
            tracing::info!("a browser logged in with a login link");
            let session = OpenedSession {
                name: identity.name,
                key: key.expose().to_owned(),
            };
            Ok((
                StatusCode::CREATED,
                AppendHeaders([(header::SET_COOKIE, cookie)]),
                Json(session),
            )
                .into_response())
        }
        Ok(Login::WrongToken) => {
            tracing::warn!("a login link was refused");
            Err(Failure::new(
                StatusCode::FORBIDDEN,
                "login_refused",
                "Login refused",
                "this login link was used before, is too old, or is not one of this server; get a new one from the terminal of the server (Ctrl-\\), or from a page that is logged in",
            ))
        }
        Ok(Login::TooManyFailures {
            retry_after_seconds,
        }) => Err(Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_logins",
            "Too many logins",
            "this is not a login link of this server, and neither were many others just now; a right one is taken at any time",
        )
        .retry_after(retry_after_seconds)),
        Err(error) => {
            tracing::error!(
                error = sidecar::error_text(&error),
                "a session cannot be made"
            );
            Err(no_session())
        }
    }
}

/// Ends the session that asks.
pub(super) async fn close(
    State(console): State<Console>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let cookie = console.access().log_out(&headers, Instant::now());
    let cookie = HeaderValue::try_from(cookie).map_err(|_| no_session())?;
    tracing::info!("a browser logged out");
    Ok((
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Json(SessionReport {
            name: identity.name,
        }),
    )
        .into_response())
}

/// Makes a login link for one more browser, at the request of one that is logged in.
pub(super) async fn new_link(State(console): State<Console>) -> Result<Response, Failure> {
    let link = console.new_link().map_err(|error| {
        tracing::error!(
            error = sidecar::error_text(&error),
            "a login link cannot be made"
        );
        no_session()
    })?;
    tracing::info!("a browser that is logged in made a login link");
    let report = LoginLinkReport {
        login: link.expose(),
        plain: link.expose_plain(),
    };
    Ok((StatusCode::CREATED, Json(report)).into_response())
}

fn no_session() -> Failure {
    Failure::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "no_session",
        "No session",
        "the server could not make a session or a login link; its log says why",
    )
}
