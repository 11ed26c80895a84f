//! Checks and headers that every request and every response goes through, whichever handler it reaches.

use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::assets::CONTENT_SECURITY_POLICY;
use super::console::Console;
use super::failure::Failure;

/// Longer than waiting for a permit and looking at a root may take together. Executions are not requests: they go on in a task of
/// their own.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// No request has more to say than a reason and some codes.
const BODY_BYTES_MAX: usize = 64 << 10;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// How long a body may take to arrive.
const BODY_WAIT_MAX: Duration = Duration::from_secs(10);

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

/// Refuses requests that a page of another origin makes. An `Origin` header must name the address that the request goes to.
/// `Sec-Fetch-Site` must not tell of another origin, unless the request only reads the page, which may be linked to. A request
/// must pass both checks. Programs that are no browsers send neither header.
pub(super) async fn check_origin(request: Request, next: Next) -> Result<Response, Failure> {
    let headers = request.headers();
    let is_own = |origin: &HeaderValue| {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://"))
            .zip(host)
            .is_some_and(|(origin, host)| origin.eq_ignore_ascii_case(host))
    };
    let is_from_here = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    let all = |name: &HeaderName, fits: &dyn Fn(&HeaderValue) -> bool| {
        let mut values = headers.get_all(name).iter();
        values.next().is_none_or(fits) && values.next().is_none()
    };
    let is_linkable = request.method().is_safe() && !request.uri().path().starts_with("/api/");
    if all(&header::ORIGIN, &is_own) && (is_linkable || all(&SEC_FETCH_SITE, &is_from_here)) {
        Ok(next.run(request).await)
    } else {
        let detail =
            "this request was made by a page of another origin; use the console's own page";
        Err(Failure::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "Foreign origin",
            detail,
        ))
    }
}

/// Reads the body of a write, within bounds of size and time. A body that is not empty must be a JSON object: an array would
/// be taken for the fields of an object, in the order of this program's source.
pub(super) async fn read_body(request: Request, next: Next) -> Result<Response, Failure> {
    if request.method().is_safe() {
        return Ok(next.run(request).await);
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_WAIT_MAX, to_bytes(body, BODY_BYTES_MAX)).await;
    let Ok(read) = read else {
        return Err(Failure::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "Body too slow",
            "the body of this request did not arrive in time; nothing was done",
        ));
    };
    // The body is too large. If the connection broke instead, nobody reads the answer.
    let body = read.map_err(|_| Failure::of_status(StatusCode::PAYLOAD_TOO_LARGE, None))?;
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|first| *first != b'{') {
        return Err(Failure::bad_request(
            "invalid_body",
            "the body has to be a JSON object, with its fields by their names",
        ));
    }
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

pub(super) async fn limit_time(request: Request, next: Next) -> Result<Response, Failure> {
    tokio::time::timeout(REQUEST_MAX, next.run(request)).await.map_err(|_| {
        let detail = "the storage did not answer in time; the request may have taken effect all the same, so look again";
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

/// One line of the log per request. It names the route and not the path, which may hold anything.
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
