//! The one place that turns errors into `application/problem+json` (RFC 9457), whoever answered them.

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;

/// Bytes of a rejection's words that are kept: more than a person reads.
const WORDS_BYTES_MAX: usize = 4096;

/// Gives every error of the handlers, the router, the extractors and the layers below the same shape.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let is_navigation = accepts_html(request.headers());
    let mut response = next.run(request).await;
    let failure = match response.extensions_mut().remove::<Failure>() {
        Some(failure) => failure,
        None if is_foreign_error(&path, &response) => {
            let (parts, body) = response.into_parts();
            response = Response::from_parts(parts, Body::empty());
            Failure::of_status(response.status(), words(body).await)
        }
        None => return response,
    };
    let problem = failure.problem(&path);
    let rendered = if is_navigation {
        // A person followed a link: words, not JSON.
        format!("{}: {}.\n", problem.title, problem.detail).into_response()
    } else {
        let mut rendered = Json(problem).into_response();
        rendered.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        rendered
    };
    let (head, body) = rendered.into_parts();
    *response.body_mut() = body;
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().extend(head.headers);
    response
}

/// An error that none of our handlers made. The page's own files have words of their own.
fn is_foreign_error(path: &str, response: &Response) -> bool {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    is_error
        && (path.starts_with("/api/") || !response.headers().contains_key(header::CONTENT_TYPE))
}

async fn words(body: Body) -> Option<String> {
    let bytes = axum::body::to_bytes(body, WORDS_BYTES_MAX).await.ok()?;
    String::from_utf8(bytes.into())
        .ok()
        .filter(|words| !words.trim().is_empty())
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted
        .flat_map(|value| value.split(','))
        .any(|range| range.trim().starts_with("text/html"))
}
