//! Lets only requests through that carry a session.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::console::Console;
use super::failure::Failure;

/// Refuses requests without a session, and tells the handlers whose session it is.
pub(super) async fn require(
    State(console): State<Console>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let identity = console
        .access()
        .identify(request.headers(), Instant::now())
        .ok_or_else(Failure::not_logged_in)?;
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}
