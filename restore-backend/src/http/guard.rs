//! Checks and headers that every request and every response goes through, whichever handler it reaches.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::csrf::ProtectionError;

use super::assets::CONTENT_SECURITY_POLICY;
use super::console::Console;
use super::failure::Failure;

/// Longer than any look at a healthy root takes. Executions are not requests: they go on in a task of their own.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// The names this server answers to. A page of another site can make its own name resolve to this machine (DNS rebinding);
/// its requests then carry that name, and are turned away.
#[derive(Debug)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn of(address: SocketAddr) -> Self {
        let port = address.port();
        let mut hosts = vec![
            address.to_string(),
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
        ];
        if port == 80 {
            // Clients leave the default port out.
            hosts.extend(["127.0.0.1", "localhost", "[::1]"].map(str::to_owned));
        }
        Self(hosts)
    }

    fn allow(&self, host: &str) -> bool {
        self.0
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

pub(super) async fn check_host(
    State(console): State<Console>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let hosts = console.hosts();
    let mut named = request.headers().get_all(header::HOST).iter();
    let by_header = match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().is_ok_and(|host| hosts.allow(host)),
        _ => false,
    };
    let by_target = request
        .uri()
        .authority()
        .map(Authority::as_str)
        .is_none_or(|host| hosts.allow(host));
    if by_header && by_target {
        Ok(next.run(request).await)
    } else {
        let detail = "this server answers to its own loopback address alone; open it by the address it printed";
        Err(Failure::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            "Wrong host",
            detail,
        ))
    }
}

/// A form on another site can send a body, but not as JSON without this server's consent. A write that says nothing needs
/// no type; a form always declares one, even for an empty body.
pub(super) async fn require_json(request: Request, next: Next) -> Result<Response, Failure> {
    let is_json = |value: &HeaderValue| {
        let essence = value
            .to_str()
            .ok()
            .and_then(|value| value.split(';').next());
        essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    };
    let is_accepted = match request.headers().get(header::CONTENT_TYPE) {
        _ if request.method().is_safe() => true,
        Some(content_type) => is_json(content_type),
        None => request.body().is_end_stream(),
    };
    if is_accepted {
        Ok(next.run(request).await)
    } else {
        Err(Failure::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, None))
    }
}

/// The answer to a write that comes from another site's page.
pub(super) fn foreign_origin(_: ProtectionError) -> Response {
    use axum::response::IntoResponse;

    let detail = "this request was made by a page of another origin; use the console's own page";
    Failure::new(
        StatusCode::FORBIDDEN,
        "foreign_origin",
        "Foreign origin",
        detail,
    )
    .into_response()
}

pub(super) async fn limit_time(request: Request, next: Next) -> Result<Response, Failure> {
    tokio::time::timeout(REQUEST_MAX, next.run(request)).await.map_err(|_| {
        let detail = "the storage did not answer in time; what was asked for may still have been done, so look again";
        Failure::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", "Timed out", detail)
    })
}

pub(super) async fn secure(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 7] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// One line of the log per request. It names the route and not the path, which may hold a token in its query.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(%method, route, status = response.status().as_u16(), micros, "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_loopback_names_with_the_own_port_are_answered_to() {
        let hosts = Hosts::of(SocketAddr::from(([127, 0, 0, 1], 7878)));
        for host in [
            "127.0.0.1:7878",
            "localhost:7878",
            "LocalHost:7878",
            "[::1]:7878",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            "127.0.0.1",
            "localhost",
            "localhost:7879",
            "evil.example:7878",
            "localhost.evil.example:7878",
            "127.0.0.2:7878",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
        assert!(Hosts::of(SocketAddr::from(([127, 0, 0, 2], 80))).allow("localhost"));
    }
}
