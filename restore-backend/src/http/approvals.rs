//! `POST` and `DELETE …/recoveries/{operation}/approvals`: one person's consent to one exact plan, and its end.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use sidecar::OperationId;
use sidecar::api::ApprovalRequest;

use super::console::{Console, Identity};
use super::failure::Failure;
use super::if_match::IfMatch;
use crate::service;
use crate::service::{Answer, Approver};
use root_objects::clock;

/// The person who is logged in approves the plan that `If-Match` names. The body only carries statements.
pub(super) async fn create(
    State(console): State<Console>,
    Extension(identity): Extension<Identity>,
    Path((root, operation)): Path<(String, String)>,
    IfMatch(digest): IfMatch,
    statements: Result<Json<ApprovalRequest>, JsonRejection>,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let operation: OperationId = operation
        .parse()
        .map_err(|_| Failure::unknown_operation(&operation))?;
    let Json(statements) = statements.map_err(|rejection| Failure::invalid_body(&rejection))?;
    let approver = Approver {
        name: identity.name,
        reason: statements.reason,
        writers_stopped: statements.writers_stopped,
        acknowledged: statements.acknowledge.into_iter().collect(),
    };
    let answer = served
        .look(async move |root| {
            Box::pin(service::approve(
                &root,
                &operation,
                digest,
                approver,
                clock::now(),
            ))
            .await
        })
        .await?;
    match answer {
        Answer::Done(report) => Ok((StatusCode::CREATED, Json(report)).into_response()),
        Answer::No(report) => Err(Failure::refusal(report)),
    }
}

/// Revokes every approval of the plan that `If-Match` names, in the name of the person who is logged in.
pub(super) async fn revoke(
    State(console): State<Console>,
    Extension(identity): Extension<Identity>,
    Path((root, operation)): Path<(String, String)>,
    IfMatch(digest): IfMatch,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let operation: OperationId = operation
        .parse()
        .map_err(|_| Failure::unknown_operation(&operation))?;
    let answer = served
        .look(async move |root| {
            Box::pin(service::revoke(
                &root,
                &operation,
                digest,
                &identity.name,
                None,
                clock::now(),
            ))
            .await
        })
        .await?;
    match answer {
        Answer::Done(report) => Ok(Json(report).into_response()),
        Answer::No(report) => Err(Failure::refusal(report)),
    }
}
