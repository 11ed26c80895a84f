//! `GET /api/v1/session` and `GET /api/v1/roots`: who asks, and what there is to look at.

use axum::extract::State;
use axum::{Extension, Json};
use sidecar::api::{RootList, RootSummary, SessionReport};

use super::console::{Console, Identity};

pub(super) async fn session(Extension(identity): Extension<Identity>) -> Json<SessionReport> {
    Json(SessionReport {
        name: identity.name,
    })
}

pub(super) async fn list(State(console): State<Console>) -> Json<RootList> {
    let roots = console.roots().iter().map(|root| RootSummary {
        name: root.name().to_owned(),
        uri: root.root().address().to_string(),
    });
    Json(RootList {
        roots: roots.collect(),
    })
}
