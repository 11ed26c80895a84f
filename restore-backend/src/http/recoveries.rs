//! `GET …/recoveries` and `GET …/recoveries/{operation_or_file}`: what is pending, and what would be done about it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sidecar::api::{PlanReport, RecoveryList};

use super::console::Console;
use super::failure::Failure;
use super::if_match::entity_tag;
use crate::{clock, service};

pub(super) async fn list(
    State(console): State<Console>,
    Path(root): Path<String>,
) -> Result<Json<RecoveryList>, Failure> {
    console
        .root(&root)?
        .look(async move |root| Box::pin(service::list(&root, clock::now())).await)
        .await
        .map(Json)
}

/// The entity tag is the plan's digest. A request that knows it is answered in full nonetheless: ages, approvals and
/// progress change while the plan stays.
pub(super) async fn show(
    State(console): State<Console>,
    Path((root, operation_or_file)): Path<(String, String)>,
) -> Result<Response, Failure> {
    console
        .root(&root)?
        .look(async move |root| {
            Box::pin(service::plan(&root, &operation_or_file, clock::now())).await
        })
        .await
        .map(tagged)
}

/// A plan with its digest as the entity tag.
pub(super) fn tagged(report: PlanReport) -> Response {
    let tag = report.digest.and_then(entity_tag);
    let mut response = Json(report).into_response();
    if let Some(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
