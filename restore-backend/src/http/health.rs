//! `GET /healthz`: whether the server answers at all.

use axum::Json;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// Asks nothing of the roots: a store that is down does not make the console unhealthy.
pub(super) async fn show() -> Json<Health> {
    Json(Health { status: "ok" })
}
