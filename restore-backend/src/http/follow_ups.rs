//! `GET …/recoveries/{operation}/undo`, `…/release` and `…/dismissal`: plans that follow from something finished or stuck.
//!
//! Each names an operation of its own, under which it is approved and carried out.

use axum::extract::{Path, State};
use axum::response::Response;
use sidecar::OperationId;

use super::console::Console;
use super::failure::Failure;
use super::recoveries::{answered, tagged};
use crate::service;
use root_objects::clock;

pub(super) async fn undo(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let operation = parsed(&operation)?;
    let answer = served
        .look(async move |root| Box::pin(service::undo(&root, &operation, clock::now())).await)
        .await?;
    answered(answer).await
}

pub(super) async fn release(
    State(console): State<Console>,
    Path((root, operation)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let served = console.root(&root)?;
    let operation = parsed(&operation)?;
    let answer = served
        .look(async move |root| Box::pin(service::release(&root, &operation, clock::now())).await)
        .await?;
    answered(answer).await
}

pub(super) async fn dismissal(
    State(console): State<Console>,
    Path((root, operation_or_file)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let report = console
        .root(&root)?
        .look(async move |root| {
            Box::pin(service::dismiss(&root, &operation_or_file, clock::now())).await
        })
        .await?;
    tagged(report).await
}

fn parsed(operation: &str) -> Result<OperationId, Failure> {
    operation
        .parse()
        .map_err(|_| Failure::unknown_operation(operation))
}
