//! `GET /login?token=…`: trades the one-time link for a session cookie.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::console::Console;
use super::failure::Failure;
use super::secret::Secret;
use super::session::Login;

/// The address that logs one browser in, once. Its debug text does not show the token.
pub struct LoginLink {
    address: SocketAddr,
    token: Secret,
}

impl LoginLink {
    pub(super) fn new(address: SocketAddr, token: Secret) -> Self {
        Self { address, token }
    }

    /// The whole address, token included.
    #[must_use]
    pub fn expose(&self) -> String {
        format!(
            "http://{}/login?token={}",
            self.address,
            self.token.expose()
        )
    }
}

impl fmt::Debug for LoginLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "LoginLink(http://{}/login?token=..)",
            self.address
        )
    }
}

#[derive(Deserialize)]
pub(super) struct Token {
    token: String,
}

/// A browser that has a session is sent on, so that opening the link again does no harm.
pub(super) async fn open(
    State(console): State<Console>,
    headers: HeaderMap,
    token: Result<Query<Token>, QueryRejection>,
) -> Result<Response, Failure> {
    if console.access().identify(&headers).is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let Query(Token { token }) = token.map_err(|_| {
        Failure::bad_request(
            "token_missing",
            "open the whole login link, as the server printed it",
        )
    })?;
    match console.access().log_in(&token, Instant::now()) {
        Ok(Login::Opened { cookie }) => {
            let cookie = HeaderValue::try_from(cookie).map_err(|_| no_session())?;
            tracing::info!("a browser logged in with the login link");
            Ok((
                AppendHeaders([(header::SET_COOKIE, cookie)]),
                Redirect::to("/"),
            )
                .into_response())
        }
        Ok(Login::WrongToken) => Err(Failure::new(
            StatusCode::FORBIDDEN,
            "login_refused",
            "Login refused",
            "this login link was used before, or is not the one of this server; start the server anew for a new link",
        )),
        Ok(Login::TooManyFailures {
            retry_after_seconds,
        }) => Err(Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_logins",
            "Too many logins",
            format!("too many wrong login links were tried; try again in {retry_after_seconds} s"),
        )
        .retry_after(retry_after_seconds)),
        Err(error) => {
            tracing::error!(
                error = crate::chain::text(&error),
                "a session cannot be made"
            );
            Err(no_session())
        }
    }
}

/// Asking what the link would do must not use it up.
pub(super) async fn peek() -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Method not allowed",
        "the login link is opened with GET",
    )
}

fn no_session() -> Failure {
    Failure::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "no_session",
        "No session",
        "the server could not make a session; its log says why",
    )
}
