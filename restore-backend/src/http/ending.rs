//! `POST …/recoveries/{operation}/execution/end`: ends an attempt that comes to no end by itself.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use sidecar::OperationId;
use sidecar::api::{EndReport, EndRequest};

use super::console::{Console, Identity};
use super::failure::Failure;
use super::if_match::IfMatch;
use crate::service;
use crate::service::{Answer, Ending};
use root_objects::clock;

/// The person who is logged in ends the attempt at the plan that `If-Match` names. The body says why.
pub(super) async fn create(
    State(console): State<Console>,
    Extension(identity): Extension<Identity>,
    Path((root, operation)): Path<(String, String)>,
    IfMatch(digest): IfMatch,
    request: Result<Json<EndRequest>, JsonRejection>,
) -> Result<Json<EndReport>, Failure> {
    let served = console.root(&root)?;
    let operation: OperationId = operation
        .parse()
        .map_err(|_| Failure::unknown_operation(&operation))?;
    let Json(request) = request.map_err(|rejection| Failure::invalid_body(&rejection))?;
    let is_running = console
        .executions()
        .of(served.name(), &operation)
        .is_some_and(|progress| progress.borrow().running);
    if is_running {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "execution_under_way",
            "Execution under way",
            format!("operation {operation} is being executed by this server; wait for its outcome"),
        ));
    }
    let ending = Ending {
        name: identity.name,
        reason: request.reason,
        writers_stopped: request.writers_stopped,
    };
    let name = served.name().to_owned();
    let ended = operation.clone();
    let answer = served
        .look(async move |root| {
            Box::pin(service::end(
                &root,
                &operation,
                digest,
                ending,
                clock::now(),
            ))
            .await
        })
        .await?;
    match answer {
        Answer::Done(report) => {
            console.executions().forget(&name, &ended);
            Ok(Json(report))
        }
        Answer::No(report) => Err(Failure::refusal(report)),
    }
}
