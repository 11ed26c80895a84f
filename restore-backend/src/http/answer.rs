//! Answers that may be large: written as JSON off the threads that answer others.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::failure::Failure;
use root_objects::off_thread;

/// The size of an answer is not known before it is written.
const UNKNOWN: usize = usize::MAX;

/// The answer as JSON.
pub(super) async fn json<T: Serialize + Send + 'static>(answer: T) -> Result<Response, Failure> {
    let written = off_thread::over(UNKNOWN, move || serde_json::to_vec(&answer)).await;
    let body = written.map_err(|error| {
        tracing::error!(%error, "an answer cannot be encoded");
        Failure::of_status(StatusCode::INTERNAL_SERVER_ERROR, None)
    })?;
    let mut response = body.into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}
